"""The project decides, asks and prints what three real browsers did, in every case of the corpus."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests import agree


def test_every_engine_agrees_with_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    status = agree.main([])
    printed = capsys.readouterr().out
    assert status == 0, printed
    for count in ("chromium  verdict   3530/3530", "firefox   verdict   3534/3534", "webkit    console   3447/3447"):
        assert count in printed


def test_a_disagreement_is_shown_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = next(agree.cases([]))
    truth = case["browsers"]["firefox"]
    truth["allowed"] = not truth["allowed"]
    wrong = tmp_path / "wrong.jsonl.gz"
    wrong.write_bytes(gzip.compress(json.dumps(case).encode()))
    assert agree.main([str(wrong)]) == 1
    printed = capsys.readouterr().out
    assert f"{case['id']} firefox verdict" in printed
    assert "firefox   verdict   0/1 = 0.00 %" in printed


def test_a_corpus_without_cases_fails(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    assert agree.main([str(empty)]) == 1
