"""Formats for machines and for pages of others: each is read by its own schema, or by a reader that is not ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]  # it has no types
import msgspec
import pytest
import xmlschema
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from sio_doctor.model import Report
from sio_doctor.render import FORMATS, junit, prometheus, render, sarif
from sio_doctor.render.escape import shows
from tests.render.samples import EVIL, NO_CORS, NO_STICKINESS, PAGE, SAMPLES, SERVER, healthy, hostile, no_cors, report

SCHEMAS = Path(__file__).parent / "schemas"
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit.xsd")
SARIF = jsonschema.Draft7Validator(json.loads((SCHEMAS / "sarif-2.1.0.json").read_text()))
NEW = [name for name in FORMATS if name not in ("text", "json")]
#: What people's code has in it.
MARKUP = "a<b>&\"'`]]>|*_~ [l](http://evil.invalid) @mention #1 ```\n::error::owned\n%0A{{ x }} \\"
nasty = report(
    ok=False,
    outcomes=no_cors.outcomes,
    findings=(
        msgspec.structs.replace(
            NO_CORS,
            title=MARKUP,
            message=MARKUP,
            fixes=(msgspec.structs.replace(NO_CORS.fixes[0], title=MARKUP, where=MARKUP, after=MARKUP),),
        ),
    ),
    notes=(MARKUP,),
)
ALL = SAMPLES | {"nasty": nasty}


@pytest.mark.parametrize("format", NEW)
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("unicode", [True, False])
def test_whatever_a_server_says_a_terminal_only_shows_it(format: str, name: str, unicode: bool) -> None:
    written = render(ALL[name], format, unicode=unicode)
    assert [char for char in written if char != "\n" and not shows(char) and char != "\ufe0f"] == []
    assert unicode or written.isascii()
    assert written.endswith("\n")


# --- jsonl -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_jsonl_is_the_report_on_one_line(name: str) -> None:
    (line,) = render(ALL[name], "jsonl").splitlines()
    assert msgspec.json.decode(line, type=Report) == ALL[name]


# --- junit -----------------------------------------------------------------------------------------------------------


def suites(*reports: Report) -> list[ElementTree.Element]:
    text = "".join(junit.pieces(reports))
    JUNIT.validate(text)
    return ElementTree.fromstring(text).findall("testsuite")


@pytest.mark.parametrize("name", ALL)
def test_junit_holds_to_its_schema(name: str) -> None:
    assert len(suites(ALL[name])) == 1


def test_junit_has_a_test_for_each_page_and_browser() -> None:
    (suite,) = suites(no_cors)
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == (f"{SERVER}/socket.io/", "3", "3")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [
        f"{PAGE} connects in {browser}" for browser in ("Chromium", "Firefox", "Safari")
    ]
    failure = cases[0].find("failure")
    assert failure is not None
    assert failure.get("message") == "SIO301 cors-not-configured: The server has no cors option"
    assert NO_CORS.fixes[0].after in (failure.text or "")
    assert "no-sticky-sessions" in (suite.findtext("system-out") or "")


def test_junit_of_what_connects_and_of_what_is_not_known() -> None:
    (well,) = suites(healthy)
    assert (well.get("failures"), well.get("errors")) == ("0", "0")
    (unknown,) = suites(SAMPLES["unknown"])
    assert (unknown.get("failures"), unknown.get("errors")) == ("0", "3")
    assert unknown.findall("testcase/error[@type='not-known']")


def test_junit_without_a_page_is_about_the_server() -> None:
    (suite,) = suites(SAMPLES["no_origin"])
    (case,) = suite.findall("testcase")
    assert case.get("name") == f"{SERVER} answers as a Socket.IO server"
    assert not list(case)


def test_junit_tells_an_error_that_no_page_shows() -> None:
    error = msgspec.structs.replace(NO_STICKINESS, severity="error")
    (suite,) = suites(report(ok=False, findings=(error,)))
    assert [case.get("name") for case in suite.findall("testcase")][-1] == NO_STICKINESS.title
    assert suite.get("failures") == "1"


def test_junit_of_several_servers() -> None:
    assert [suite.get("id") for suite in suites(no_cors, healthy)] == ["0", "1"]
    assert suites() == []


# --- sarif -----------------------------------------------------------------------------------------------------------


def run_of(*reports: Report) -> dict[str, Any]:
    log = json.loads("".join(sarif.pieces(reports)))
    SARIF.validate(log)
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.parametrize("name", ALL)
def test_sarif_holds_to_its_schema(name: str) -> None:
    run = run_of(ALL[name])
    assert len(run["results"]) == len(ALL[name].findings)


def test_sarif_names_the_rule_the_level_and_the_cure() -> None:
    run = run_of(no_cors, healthy, no_cors)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["SIO301", "SIO501"]
    first, second = run["results"][:2]
    assert (first["ruleId"], first["level"], first["ruleIndex"]) == ("SIO301", "error", 0)
    assert (second["ruleId"], second["level"], second["ruleIndex"]) == ("SIO501", "warning", 1)
    assert NO_CORS.fixes[0].after in first["message"]["text"]
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"{SERVER}/socket.io/"
    assert len(run["results"]) == 4


def test_a_sarif_result_stays_the_same_from_run_to_run() -> None:
    later = msgspec.structs.replace(no_cors, started="2027-01-01T00:00:00Z", seconds=9.0)
    before, after = run_of(no_cors)["results"], run_of(later)["results"]
    assert [one["partialFingerprints"] for one in before] == [one["partialFingerprints"] for one in after]
    assert len({json.dumps(one["partialFingerprints"]) for one in before}) == 2


# --- github ----------------------------------------------------------------------------------------------------------

#: A command as the runner reads it: https://github.com/actions/runner, ActionCommand.TryParseV2.
COMMAND = re.compile(r"::(error|warning|notice) title=([^:,]*)::(.*)")


def unescaped(value: str) -> str:
    for escape, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        value = value.replace(escape, char)
    return value


@pytest.mark.parametrize("name", ALL)
def test_each_line_is_one_annotation_whatever_a_server_says(name: str) -> None:
    lines = render(ALL[name], "github").split("\n")[:-1]
    assert lines
    assert all(COMMAND.fullmatch(line) for line in lines)


def test_an_annotation_says_the_cause_and_the_first_cure() -> None:
    first, second = render(no_cors, "github").splitlines()
    match = COMMAND.fullmatch(first)
    assert match
    assert (match[1], match[2]) == ("error", "SIO301 cors-not-configured")
    assert NO_CORS.fixes[0].after in unescaped(match[3])
    assert unescaped(match[3]).startswith(f"{SERVER}: The server has no cors option.")
    assert second.startswith("::warning title=SIO501 no-sticky-sessions::")


def test_nothing_found_is_a_notice_and_nothing_known_an_error() -> None:
    assert render(healthy, "github").startswith("::notice title=sio-doctor::http")
    assert render(SAMPLES["unexplained"], "github").startswith("::error title=sio-doctor::")


def test_a_percent_sign_stays_one() -> None:
    line = render(nasty, "github").splitlines()[0]
    match = COMMAND.fullmatch(line)
    assert match
    assert "%0A{{ x }}" in unescaped(match[3])


# --- markdown --------------------------------------------------------------------------------------------------------


def tokens(text: str) -> list[Any]:
    """What a reader of GitHub's Markdown sees: leaves with their kind."""
    parsed = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    return [leaf for token in parsed for leaf in [token, *(token.children or [])]]


@pytest.mark.parametrize("name", ALL)
def test_markdown_that_a_server_sends_stays_text(name: str) -> None:
    leaves = tokens(render(ALL[name], "markdown"))
    html = [leaf.content for leaf in leaves if leaf.type in ("html_inline", "html_block")]
    assert set(html) <= {"<sub>", "</sub>"}
    assert not [leaf for leaf in leaves if leaf.type in ("link_open", "image", "s_open", "em_open")]
    rows = [leaf for leaf in leaves if leaf.type == "tr_open"]
    cells = [leaf for leaf in leaves if leaf.type in ("td_open", "th_open")]
    assert len(cells) == 5 * len(rows)


def test_markdown_shows_the_cause_the_table_and_the_cure() -> None:
    text = render(no_cors, "markdown")
    assert text.startswith(f"## ❌ `{SERVER}`: SIO301 The server has no cors option\n")
    assert f"| `{PAGE}` | Chromium | ❌ blocked | ✅ allowed | ❌ xhr poll error |" in text
    fences = [leaf for leaf in tokens(text) if leaf.type == "fence"]
    assert NO_CORS.fixes[0].after + "\n" in [fence.content for fence in fences]
    assert fences[0].info == "js"


def test_markdown_text_reads_as_it_was_said() -> None:
    leaves = tokens(render(nasty, "markdown"))
    shown = "".join(leaf.content for leaf in leaves if leaf.type in ("text", "text_special"))
    assert "[l](http://evil.invalid) @mention #1" in shown


def test_markdown_of_what_is_well() -> None:
    assert render(healthy, "markdown").startswith("## ✅ http&#58;//api.example.com&#58;3000 lets ")


# --- prometheus ------------------------------------------------------------------------------------------------------


def samples(*reports: Report) -> dict[str, list[tuple[dict[str, str], float]]]:
    families = text_string_to_metric_families("".join(prometheus.pieces(reports)))
    return {one.name: [(sample.labels, sample.value) for sample in one.samples] for one in families}


@pytest.mark.parametrize("name", ALL)
def test_metrics_are_read_by_prometheus(name: str) -> None:
    read = samples(ALL[name])
    assert [labels["target"] for labels, _ in read["sio_doctor_up"]]
    assert len(read["sio_doctor_finding"]) == len({finding.code for finding in ALL[name].findings})


def test_metrics_say_what_connects_and_what_was_found() -> None:
    read = samples(no_cors, healthy)
    target = f"{SERVER}/socket.io/"
    assert read["sio_doctor_up"] == [({"target": target}, 1.0)]
    assert ({"target": target, "origin": PAGE, "browser": "chromium"}, 0.0) in read["sio_doctor_connects"]
    (first, value), _ = read["sio_doctor_finding"]
    assert (first["code"], first["slug"], first["severity"], value) == ("SIO301", "cors-not-configured", "error", 1.0)


def test_what_is_not_known_is_neither_zero_nor_one() -> None:
    assert samples(SAMPLES["unknown"])["sio_doctor_connects"] == []
    assert samples(SAMPLES["refused"])["sio_doctor_up"][0][1] == 0.0


def test_a_label_holds_what_a_server_sent() -> None:
    ((labels, _),) = samples(report(target=msgspec.structs.replace(hostile.target, path='/"\\{x="y"} 1\n')))[
        "sio_doctor_up"
    ]
    assert labels["target"].startswith(hostile.target.url.split(EVIL)[0])
    assert '/"\\{x="y"} 1\\n' in labels["target"]
