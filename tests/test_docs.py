"""The generated documents are fresh, whole and lead somewhere, and the README's picture shows what it says."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sio_doctor import report_on
from sio_doctor.catalog import entries, entry
from sio_doctor.intake.console import ConsoleLine, read_console
from sio_doctor.rules import ALIASES, RULES
from sio_doctor.stacks import STACKS
from tests import docs, rule_pages
from tests.examples import EXAMPLES, FAMILIES
from tests.stacks.test_fixes import SERVERS

PAGES = rule_pages.pages()


@pytest.mark.parametrize(("name", "make"), docs.DOCUMENTS.items())
def test_what_is_generated_is_fresh(name: str, make: Callable[[], str]) -> None:
    assert docs.fresh(name, make()), f"{name} is not fresh: run make docs"


def test_every_page_is_fresh_and_none_is_left_over() -> None:
    stale = [name for name, text in PAGES.items() if not docs.fresh(name, text)]
    assert not stale, f"not fresh: {', '.join(stale)}: run make docs"
    assert not docs.left_over(), "of causes that are no more: run make docs"


# --- the pages -------------------------------------------------------------------------------------------------------


def test_every_rule_has_a_page_that_says_it_all() -> None:
    assert set(PAGES) == {f"docs/rules/{slug}.md" for slug in RULES}
    for rule in RULES.values():
        text, one = PAGES[f"docs/rules/{rule.slug}.md"], entry(rule)
        assert f"# {rule.code} {rule.slug}\n" in text
        assert rule.title in text
        assert one.means, f"{rule.slug}: its docstring has no **What it means.**"
        heads = re.findall(r"(?m)^## (.+)$", text)
        assert heads == [
            "What it means",
            "How it is told",
            "What it is not",
            "What the browser prints",
            "The cure",
        ], rule.slug
        assert (rule_pages.HINT in text) is rule.hint
        assert all(alias in text for alias in one.aliases)


def test_every_rule_has_an_example() -> None:
    missing = [
        f"{rule.code} {rule.slug}: add evidence that fires it to EXAMPLES of tests/examples/{FAMILIES[rule.code[3]]}.py"
        for rule in RULES.values()
        if not rule.hint and rule.slug not in EXAMPLES
    ]
    assert not missing, "\n".join(missing)
    assert set(EXAMPLES) <= set(RULES), "examples of causes that are no more"


@pytest.mark.parametrize("slug", EXAMPLES)
def test_an_example_is_told_as_what_it_is_an_example_of(slug: str) -> None:
    found = {finding.slug: finding.severity for finding in report_on(EXAMPLES[slug]).findings}
    assert slug in found
    # What is only worth knowing stands behind what it is known of.
    assert next(iter(found)) == slug or found[slug] == "info"


def test_what_browsers_print_is_what_explain_reads() -> None:
    for slug, text in PAGES.items():
        part = text.partition("## What the browser prints")[2].partition("\n## ")[0]
        for line in "\n".join(re.findall(r"(?s)```text\n(.*?)\n```", part)).splitlines():
            told = read_console(line)
            assert told, (slug, line)
            assert all(isinstance(one, ConsoleLine) for one in told), (slug, line)


def test_a_line_of_its_own_leads_to_its_hint() -> None:
    from sio_doctor.intake.causes import causes

    for slug, lines in rule_pages.own_lines().items():
        assert lines
        for line in lines:
            (told,) = read_console(line) or ()
            assert isinstance(told, ConsoleLine)
            assert causes(told) == (slug,)


def test_the_page_of_the_commonest_cause() -> None:
    text = PAGES["docs/rules/cors-not-configured.md"]
    printed = text.partition("## What the browser prints")[2]
    assert "where a page of https://app.example.com asks https://api.example.com" in printed
    for browser, words in {
        "Chrome and Edge": "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "Firefox": "(Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 200.",
        "Safari": "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
    }.items():
        assert words in printed.partition(f"{browser}:\n\n```text\n")[2].partition("```")[0]
    assert "`connect_error` says `xhr poll error`" in printed
    assert "&t=" not in printed
    for stack, code in {
        "socket.io 4, socket.io 3": 'origin: ["https://app.example.com"]',
        "Flask-SocketIO": 'cors_allowed_origins=["https://app.example.com"]',
        "NestJS": "@WebSocketGateway({",
    }.items():
        assert code in printed.partition(f"#### {stack}\n")[2].partition("\n####")[0]


def test_what_prints_nothing_is_said_to() -> None:
    def part(slug: str) -> str:
        return PAGES[f"docs/rules/{slug}.md"].partition("## What the browser prints")[2].partition("\n## ")[0]

    assert "Nothing of its own. The page connects all the same." in part("allow-upgrades-off")
    assert "Nothing of its own. socket.io-client's `connect_error` says `not authorized`." in part(
        "connect-middleware-error"
    )
    assert "Nothing of its own: whatever line comes with it" in part("option-typos")
    assert "Safari: no line that is known." in part("dns-fails")


def test_each_cure_stands_there_once() -> None:
    for slug in RULES:
        found = [(fix.stack, fix.title) for fix, _ in rule_pages.cures(slug)]
        assert len(set(found)) == len(found), slug
        assert not [title for _, title in found if title.startswith(rule_pages.IF_IN_FRONT)]


def test_every_stack_with_cures_is_on_the_pages() -> None:
    missing = [stack for stack in STACKS if stack.FIXES and not any(map(stack.fits, SERVERS.values()))]
    assert not missing, f"no server in SERVERS of tests/stacks/test_fixes.py is one of {missing}"


# --- links -----------------------------------------------------------------------------------------------------------


def test_the_index_leads_to_every_page_and_takes_links_of_old() -> None:
    text = rule_pages.index()
    for one in entries():
        row = f"{one.code} | [{one.slug}](rules/{one.slug}.md) | {one.title} |"
        assert f'| <a id="{one.code.lower()}-{one.slug}"></a>{row}' in text
    for name, other in ALIASES.items():
        assert f"| {name} | [{other.target}](rules/{other.target}.md) | {other.reason} |" in text


def test_every_link_of_a_page_leads_to_one() -> None:
    for name, text in PAGES.items():
        prose = re.sub(r"(?s)(`{3,})\w*\n.*?\n\1", "", text)
        targets = re.findall(r"(?<!\\)\]\(([^)]*)\)", prose)
        assert "../rules.md" in targets
        assert not [one for one in targets if one != "../rules.md" and f"docs/rules/{one}" not in PAGES], name
        assert not re.search(r"(?<!\\)<(?!!--|http)", re.sub(r"`[^`]*`", "", prose)), name


# --- the picture and the README --------------------------------------------------------------------------------------


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
