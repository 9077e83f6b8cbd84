"""What a program reads."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sio_doctor.model import Report
from sio_doctor.render import render
from sio_doctor.render.escape import shows
from tests.render.samples import EVIL, SAMPLES, healthy, hostile, report


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("unicode", [True, False])
def test_it_reads_back_as_the_same_report(name: str, unicode: bool) -> None:
    written = render(SAMPLES[name], "json", unicode=unicode)
    assert msgspec.json.decode(written, type=Report) == SAMPLES[name]
    assert written.isascii() or unicode


def test_it_is_laid_out_for_people_too() -> None:
    written = render(healthy, "json")
    assert written.startswith('{\n  "schema_version": 1,\n  "tool": {\n    "name": "sio-doctor",')
    assert written.endswith("}\n")


def test_the_keys_stand_in_the_order_of_the_contract() -> None:
    written: dict[str, Any] = json.loads(render(hostile, "json"))
    assert list(written)[:8] == ["schema_version", "tool", "started", "seconds", "vantage", "target", "client", "ok"]
    assert list(written)[8:14] == ["page", "handshake", "policy", "server", "outcomes", "findings"]
    assert list(written)[-2:] == ["notes", "exchanges"]
    finding = written["findings"][0]
    assert list(finding)[:6] == ["code", "slug", "severity", "title", "message", "origins"]
    assert list(finding["fixes"][0]) == ["stack", "side", "title", "where", "language", "before", "after"]


def test_nothing_is_left_out_when_it_is_empty() -> None:
    written = json.loads(render(report(outcomes=(), handshake=None, exchanges=()), "json"))
    assert written["handshake"] is None
    assert written["outcomes"] == written["findings"] == written["notes"] == written["exchanges"] == []
    assert written["policy"]["max_age"] is None


@pytest.mark.parametrize("unicode", [True, False])
def test_printed_in_a_terminal_it_does_nothing_but_show(unicode: bool) -> None:
    written = render(hostile, "json", unicode=unicode)
    assert not [char for char in written if char != "\n" and not shows(char)]
    assert r"\u001b[2J\u001b]0;owned\u0007\u009b31m\u007f\r\u202e" in written
    assert r"\udb40\udc41" in written  # U+E0041, the only way JSON can write it
    assert json.loads(written)["notes"][0].endswith(EVIL)


def test_what_shows_is_left_as_it_is_but_in_ascii() -> None:
    sample = report(notes=("‘é’ 😀",))
    assert '"‘é’ 😀"' in render(sample, "json")
    assert r'"\u2018\u00e9\u2019 \ud83d\ude00"' in render(sample, "json", unicode=False)


def test_a_lone_surrogate_does_not_break_it() -> None:
    written = render(report(notes=("a\ud800b", "\ud83d\ude00"), tool={"name\udfff": "x"}), "json")
    assert json.loads(written)["notes"] == ["a\ufffdb", "😀"]
    assert json.loads(written)["tool"] == {"name\ufffd": "x"}
