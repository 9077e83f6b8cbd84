"""``--save-evidence``, ``sio-doctor replay``, ``--report`` and ``schema`` as a person and as CI run them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest

from sio_doctor.model import Evidence
from sio_doctor.render import FORMATS
from tests.commands.test_check import CLEAN, NO_CORS, PAGE, PROGRAM
from tests.servers.raw import raw


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with raw(NO_CORS) as base:
        yield base.url


def run(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PROGRAM, *arguments], input=given, capture_output=True, env=CLEAN, timeout=60)


def test_what_was_saved_gives_the_same_report_without_the_server(tmp_path: Path) -> None:
    kept = tmp_path / "evidence.json"
    with raw(NO_CORS) as base:
        secret = ["-H", "Authorization: Bearer s3cr3t-s3cr3t"]
        live = run("check", base.url, "-o", PAGE, *secret, "--json", "--save-evidence", str(kept))
    again = run("replay", str(kept), "--json")
    assert (again.returncode, again.stderr) == (live.returncode, b"")
    assert json.loads(again.stdout) == json.loads(live.stdout)
    assert b"s3cr3t" not in kept.read_bytes() + live.stdout
    piped = run("replay", "-", "--json", given=kept.read_bytes())
    assert piped.stdout == again.stdout


def test_replay_prints_what_check_prints_and_fails_as_it_does(url: str, tmp_path: Path) -> None:
    kept = tmp_path / "evidence.json"
    live = run("check", url, "-o", PAGE, "--save-evidence", str(kept))
    assert run("replay", str(kept)).stdout == live.stdout
    assert live.returncode == 1
    assert run("replay", str(kept)).returncode == 1
    assert run("replay", str(kept), "--fail-on", "never").returncode == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "it is no JSON"),
        (b"\xff\xfe", "it is no JSON"),
        (b'{"log": {"entries": []}}', "it is JSON, but no saved evidence"),
        (b"[" * 100_000, "it is JSON, but no saved evidence"),
    ],
)
def test_what_is_no_evidence_is_refused_in_one_sentence(content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_bytes(content)
    done = run("replay", str(file))
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert sentence in done.stderr.decode()


def test_a_file_that_is_not_there_is_named() -> None:
    done = run("replay", "/nowhere/evidence.json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"sio-doctor: '/nowhere/evidence.json' cannot be read (No such file or directory).\n"


def test_evidence_that_cannot_be_saved_loses_no_report(url: str) -> None:
    done = run("check", url, "-o", PAGE, "--save-evidence", "/nowhere/evidence.json")
    assert done.returncode == 2
    assert b"SIO301" in done.stdout.splitlines()[0]
    assert b"the evidence cannot be saved to '/nowhere/evidence.json'" in done.stderr


def test_several_reports_at_once(url: str, tmp_path: Path) -> None:
    files = {name: tmp_path / f"out.{name}" for name in FORMATS}
    options = [part for name, file in files.items() for part in ("--report", f"{name}={file}")]
    done = run("check", url, "-o", PAGE, *options)
    assert done.returncode == 1
    assert done.stdout.startswith("✗ SIO301".encode())
    assert files["text"].read_bytes() == done.stdout
    assert ElementTree.parse(files["junit"]).find(".//failure") is not None
    assert json.loads(files["sarif"].read_text())["runs"][0]["results"]
    assert files["github"].read_text().startswith("::error title=SIO301")
    assert json.loads(files["jsonl"].read_text()) == json.loads(files["json"].read_text())


@pytest.mark.parametrize("format", FORMATS)
def test_the_status_does_not_depend_on_the_format(url: str, format: str) -> None:
    assert run("check", url, "-o", PAGE, "--format", format).returncode == 1
    assert run("check", url, "-o", PAGE, "--format", format, "--fail-on", "never").returncode == 0


@pytest.mark.parametrize("text", ["junit", "junit=", "=out.xml", "pdf=out.pdf"])
def test_a_report_that_is_no_format_and_file_is_refused(text: str) -> None:
    done = run("check", "http://127.0.0.1:1", "--report", text)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"sio-doctor: --report takes ")


def test_a_report_that_cannot_be_written_still_reaches_the_person(url: str) -> None:
    done = run("check", url, "-o", PAGE, "--report", "junit=/nowhere/out.xml")
    assert done.returncode == 2
    assert b"<testsuites>" in done.stdout
    assert b"SIO301" in done.stdout.splitlines()[0]
    assert b"'/nowhere/out.xml' cannot be written" in done.stderr


def test_the_schema_is_that_of_the_documents_and_of_every_report(url: str) -> None:
    schema: dict[str, Any] = json.loads(run("schema").stdout)
    assert schema == json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(run("check", url, "-o", PAGE, "--json").stdout))


def test_evidence_has_a_version_of_its_own() -> None:
    assert Evidence.__struct_fields__[0] == "schema_version"
