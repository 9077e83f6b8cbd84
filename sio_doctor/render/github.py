"""The findings as annotations of GitHub Actions: one line each, which the runner reads from the job's output.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions. A line that a server wrote must not
become a command: there is no other line than these, and in their values the runner's own escapes stand.
"""

from __future__ import annotations

from sio_doctor.model import Finding, Report
from sio_doctor.render import words
from sio_doctor.render.escape import harmless_block

COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """One annotation for each finding, the gravest first; one notice where all is well."""
    lines = [
        _command(COMMANDS[one.severity], f"{one.code} {one.slug}", _message(report, one)) for one in report.findings
    ]
    if not any(one.severity == "error" for one in report.findings) and not words.is_healthy(report):
        lines += [_command("error", "sio-doctor", sentence) for sentence in words.unexplained(report)[1]]
    elif not lines:
        lines = [_command("notice", "sio-doctor", " ".join(words.healthy(report)))]
    text = "".join(f"{line}\n" for line in lines)
    return text if unicode else text.encode("ascii", "replace").decode("ascii")


def _message(report: Report, finding: Finding) -> str:
    cure = "".join(f"\n\nCure: {fix.title} ({fix.stack}, {fix.where})\n{fix.after}" for fix in finding.fixes[:1])
    return f"{report.target.url}: {finding.title}. {finding.message}{cure}"


def _command(name: str, title: str, message: str) -> str:
    return f"::{name} title={_property(title)}::{_data(message)}"


def _data(value: str) -> str:
    """A command's message, as the runner reads it."""
    return harmless_block(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    """The value of a command's property, where two more characters have a meaning."""
    return _data(value).replace(":", "%3A").replace(",", "%2C")
