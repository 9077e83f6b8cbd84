"""One module for each format. A renderer prints what the report says; it decides nothing.

A format is a module here with ``render(report, *, width, color, unicode) -> str``; its name in ``FORMATS`` is its name
on the command line. What is one document however many reports are in it is written by ``pieces(reports)`` of its
module. Modules are imported when their format is asked for: JSON needs no terminal library.
"""

from __future__ import annotations

from importlib import import_module
from typing import Literal, TextIO, cast

from sio_doctor.model import Report

#: Name of the format and of its module -> what it is, for ``--help``.
FORMATS: dict[str, str] = {
    "text": "what a person reads",
    "json": "what a program reads: the whole report",
    "jsonl": "the same, on one line",
    "junit": "JUnit's XML, for what CI shows as tests",
    "sarif": "SARIF 2.1.0, for code scanning",
    "github": "annotations of GitHub Actions",
    "markdown": "for a job's summary or a pull request",
    "prometheus": "for a textfile collector",
}

Color = Literal["auto", "always", "never"]


def render(report: Report, format: str, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report in that format, ending in a newline.

    ``width`` is in terminal cells; ``color`` allows ANSI sequences; without ``unicode`` the result is ASCII. A format
    takes what concerns it. Raises KeyError where ``FORMATS`` has no such format.
    """
    if format not in FORMATS:
        raise KeyError(format)
    module = import_module(f"{__name__}.{format}")
    return cast(str, module.render(report, width=width, color=color, unicode=unicode))


def write(report: Report, format: str, stream: TextIO, *, color: Color = "auto") -> None:
    """Writes the report to ``stream`` as that stream can show it: its width, its colours, its encoding.

    Raises KeyError where ``FORMATS`` has no such format, and what the stream raises.
    """
    from sio_doctor.render.terminal import look

    width, colored, unicode = look(stream, color=color)
    stream.write(render(report, format, width=width, color=colored, unicode=unicode))
