"""Servers that are recorded (``make record``): what was seen of each is still told as what it was."""

from __future__ import annotations

import msgspec
import pytest

from sio_doctor import report_on
from sio_doctor.model import Evidence
from tests.recordings import FOLDER, RECORDINGS, Recording


@pytest.mark.parametrize("recording", RECORDINGS, ids=[recording.name for recording in RECORDINGS])
def test_a_recording_is_told_as_what_it_was(recording: Recording) -> None:
    evidence = msgspec.json.decode((FOLDER / f"{recording.name}.json").read_bytes(), type=Evidence)
    report = report_on(evidence)
    assert report.server.stack == recording.stack
    assert next((finding.slug for finding in report.findings), None) == recording.slug
    assert report.ok is (recording.slug is None)


def test_every_recording_says_what_it_is_from() -> None:
    named = (FOLDER / "README.md").read_text()
    assert {path.stem for path in FOLDER.glob("*.json")} == {recording.name for recording in RECORDINGS}
    assert all(f"| `{one.name}.json` | {one.server} |" in named for one in RECORDINGS)
