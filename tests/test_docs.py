"""The generated documents are fresh, and the README's picture shows what it says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sio_doctor.rules import RULES
from tests import docs


@pytest.mark.parametrize(("name", "make"), docs.DOCUMENTS.items())
def test_what_is_generated_is_fresh(name: str, make: Callable[[], str]) -> None:
    assert docs.fresh(name, make()), f"{name} is not fresh: run make docs"


def test_every_rule_has_a_page_that_says_how_it_is_told() -> None:
    text = docs.rules()
    for rule in RULES.values():
        assert f"### {rule.code} {rule.slug}" in text
        assert len(rule.doc) > 200, rule.slug


def test_the_picture_is_a_diagnosis_and_loads_nothing() -> None:
    picture = docs.picture()
    text = re.sub(r"<[^>]+>", "", picture).replace("&#160;", " ")
    assert "cors-not-configured" in text
    assert "Access-Control-Allow-Origin" in text
    assert not re.search(r"url\((?!#)|@import|href=|src=|<script", picture)


def test_the_readme_has_the_two_commands_on_its_first_screen() -> None:
    first = "\n".join((docs.ROOT / "README.md").read_text().splitlines()[:20])
    assert "make demo" in first
    assert "make test" in first
