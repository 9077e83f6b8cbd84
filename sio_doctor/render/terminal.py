"""What a stream can show: how wide, in colour or not, in Unicode or not."""

from __future__ import annotations

import os
from typing import NamedTuple, TextIO

from sio_doctor.render import Color


class Look(NamedTuple):
    """How to print to a stream: its width in cells, ANSI sequences or none, Unicode or ASCII."""

    width: int
    color: bool
    unicode: bool


def look(stream: TextIO, *, color: Color = "auto") -> Look:
    """How to print to ``stream``. A pipe is 80 cells wide unless COLUMNS says otherwise."""
    return Look(_width(stream), _color(stream, color), _unicode(stream))


def _width(stream: TextIO) -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        # Of this stream alone: a pipe must not come out differently because standard input is a terminal.
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80


def _color(stream: TextIO, color: Color) -> bool:
    """What was asked for, else https://no-color.org, else https://force-color.org, else whether a person looks on."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def _unicode(stream: TextIO) -> bool:
    # A stream without an encoding (StringIO) takes any text. Servers send any character, so only UTF does.
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return encoding.lower().replace("_", "-").startswith("utf")
