"""The report as JUnit XML, for what CI shows as tests: a suite for each server, a test for each page and browser.

The format is that of Ant's task, as its schema has it (https://github.com/windyroad/JUnit-Schema); Jenkins, GitLab and
the rest read it. What a server sent is text there: characters that XML cannot hold are written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from sio_doctor.model import Connection, Finding, Report
from sio_doctor.render import words
from sio_doctor.render.escape import harmless, harmless_block


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report as a document of one suite."""
    text = "".join(pieces([report]))
    return text if unicode else text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def pieces(reports: Iterable[Report]) -> Iterator[str]:
    """One document of all of them, a suite each."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
    for number, report in enumerate(reports):
        yield _suite(number, report)
    yield "</testsuites>\n"


class _Test(NamedTuple):
    """One test, and how it went: ``failure`` where it was wrong, ``error`` where it is not known."""

    name: str
    result: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""


def _suite(number: int, report: Report) -> str:
    tests = list(_tests(report))
    name = report.target.url + report.target.path
    failures, errors = (sum(test.result == result for test in tests) for result in ("failure", "error"))
    attributes = (
        f"id={_quoted(str(number))} name={_quoted(name)} package={_quoted('sio-doctor')} "
        f"timestamp={_quoted(report.started[:19])} hostname={_quoted(report.vantage.host or 'localhost')} "
        f"tests={_quoted(str(len(tests)))} failures={_quoted(str(failures))} errors={_quoted(str(errors))} "
        f"time={_quoted(f'{report.seconds:.3f}')}"
    )
    client = f"socket.io-client {report.client['version']}"
    properties = _property("client", client) + _property("server", words.server(report.server) or "unknown")
    lines = [f"<testsuite {attributes}>", f"  <properties>{properties}</properties>"]
    seconds = report.seconds / max(len(tests), 1)
    for test in tests:
        head = f"  <testcase name={_quoted(test.name)} classname={_quoted(name)} time={_quoted(f'{seconds:.3f}')}"
        if not test.result:
            lines.append(f"{head}/>")
            continue
        told = f"<{test.result} type={_quoted(test.kind)} message={_quoted(test.message)}>{_text(test.text)}"
        lines.append(f"{head}>{told}</{test.result}></testcase>")
    beside = [finding for finding in report.findings if finding.severity != "error"]
    out = "\n".join(f"{finding.severity}: {finding.code} {finding.slug}: {finding.message}" for finding in beside)
    lines += [f"  <system-out>{_text(out)}</system-out>", "  <system-err></system-err>", "</testsuite>", ""]
    return "\n".join(lines)


def _tests(report: Report) -> Iterator[_Test]:
    """A test for each page and browser; for the server, where no page was chosen; and for what no page shows."""
    told: set[str] = set()
    for outcome in report.outcomes:
        name = f"{outcome.origin} connects in {words.BROWSERS[outcome.browser]}"
        causes = [finding for finding in report.findings if finding.severity == "error" and _concerns(finding, outcome)]
        if outcome.connects:
            yield _Test(name)
        elif outcome.connects is None:
            yield _Test(name, "error", "not-known", outcome.reason or "not known", outcome.reason or "")
        else:
            told |= {finding.code for finding in causes}
            yield _failed(name, causes, outcome.reason or "cannot connect")
    errors = [one for one in report.findings if one.severity == "error" and one.code not in told]
    if not report.outcomes:
        name = f"{report.target.url} answers as a Socket.IO server"
        yield _failed(name, errors, words.unexplained(report)[1][0]) if not words.is_healthy(report) else _Test(name)
    elif errors:
        for finding in errors:
            yield _failed(finding.title, [finding], finding.message)


def _concerns(finding: Finding, outcome: Connection) -> bool:
    return outcome.browser in finding.browsers and outcome.origin in finding.origins


def _failed(name: str, causes: list[Finding], otherwise: str) -> _Test:
    if not causes:
        return _Test(name, "failure", "cause-unknown", otherwise, otherwise)
    first = causes[0]
    text = "\n\n".join("\n".join(_told(finding)) for finding in causes)
    return _Test(name, "failure", first.slug, f"{first.code} {first.slug}: {first.title}", text)


def _told(finding: Finding) -> Iterator[str]:
    yield f"{finding.code} {finding.slug}: {finding.title}"
    yield finding.message
    for fix in finding.fixes:
        yield f"\nCure: {fix.title}\n{fix.stack} ({fix.side}), {fix.where}\n{fix.after}"


def _property(name: str, value: str) -> str:
    return f"<property name={_quoted(name)} value={_quoted(value)}/>"


def _quoted(value: str) -> str:
    return quoteattr(harmless(value))


def _text(value: str) -> str:
    return escape(harmless_block(value))
