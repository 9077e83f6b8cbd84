"""The report as Markdown (GitHub's), for a job's summary or a pull request.

What a server sent must stay text: outside of code every character that Markdown or HTML could read is escaped, and a
fence is longer than any run of backticks within it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sio_doctor.model import Connection, Finding, Fix, Report
from sio_doctor.render import words
from sio_doctor.render.escape import harmless, harmless_block

MARKS = {"error": "❌", "warning": "⚠️", "info": "ℹ️", "unknown": "❔", "ok": "✅"}
#: Fences that highlighters know under another name.
LANGUAGES = {"nginx": "nginx", "js": "js", "ts": "ts", "python": "python", "sh": "sh", "yaml": "yaml", "html": "html"}


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The headline, the table of outcomes, then each finding with its cures."""
    text = "\n".join(_lines(report)) + "\n"
    return text if unicode else text.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _lines(report: Report) -> Iterator[str]:
    cause = next((finding for finding in report.findings if finding.severity != "info"), None)
    if cause:
        yield f"## {MARKS[cause.severity]} {_code(report.target.url)}: {_text(f'{cause.code} {cause.title}')}"
    else:
        healthy = words.is_healthy(report)
        kind, sentences = ("ok", words.healthy(report)) if healthy else words.unexplained(report)
        yield f"## {MARKS[kind]} {_text(' '.join(sentences))}"
    if server := words.server(report.server):
        yield f"\n{_text(server)}"
    if report.outcomes:
        yield from _table(report.outcomes)
    for finding in report.findings:
        yield from _finding(finding)
    for note in report.notes:
        yield f"\n> {_text(note)}"
    yield f"\n<sub>{_text(words.summary(report))} · sio-doctor {_text(report.tool['version'])}</sub>"


def _table(outcomes: tuple[Connection, ...]) -> Iterator[str]:
    yield "\n| Origin | Browser | Polling | WebSocket | socket.io-client |\n|---|---|---|---|---|"
    for one in outcomes:
        cells = [
            _code(one.origin),
            words.BROWSERS[one.browser],
            f"{_mark(one.polling.allowed)} {_text(words.allowed(one.polling))}",
            f"{_mark(one.websocket.allowed)} {_text(words.allowed(one.websocket))}",
            f"{_mark(one.connects)} {_text(words.connects(one))}",
        ]
        yield f"| {' | '.join(cells)} |"


def _mark(good: bool | None) -> str:
    return MARKS[{True: "ok", False: "error", None: "unknown"}[good]]


def _finding(finding: Finding) -> Iterator[str]:
    yield f"\n### {MARKS[finding.severity]} {_text(f'{finding.code} {finding.slug}: {finding.title}')}"
    yield f"\n{_text(finding.message)}"
    for fix in finding.fixes:
        yield from _cure(fix)


def _cure(fix: Fix) -> Iterator[str]:
    yield f"\n**Cure: {_text(fix.title)}** ({_text(fix.stack)}, {_text(fix.where)})"
    if fix.before is not None:
        yield "\nInstead of\n"
        yield _fenced(fix.before, fix.language)
        yield "\nwrite"
    yield ""
    yield _fenced(fix.after, fix.language)


def _fenced(code: str, language: str) -> str:
    text = harmless_block(code)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{LANGUAGES.get(language, '')}\n{text}\n{fence}"


def _code(text: str) -> str:
    """A span of code; within a table a bar would end the cell even there."""
    shown = harmless(text).replace("|", "%7C")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    edge = " " if shown[:1] == "`" or shown[-1:] == "`" else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


#: ASCII punctuation that Markdown, a table, HTML or GitHub (mentions, references) could read.
_READ = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$:])")


def _text(text: str) -> str:
    """Text that Markdown shows as it is: an address is no link, ``@name`` mentions nobody."""
    escaped = _READ.sub(lambda match: f"&#{ord(match[1])};" if match[1] in "<>&@:" else f"\\{match[1]}", harmless(text))
    return re.sub(r"^(\s*)([-+=]|\d+[.)])", r"\1\\\2", escaped)
