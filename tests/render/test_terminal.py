"""What a stream can show, and that a report comes out so."""

from __future__ import annotations

import io
import os
import pty
import struct
import sys
from collections.abc import Iterator

import pytest

from sio_doctor.render import Color, write
from sio_doctor.render.terminal import Look, look
from tests.render import samples

if sys.platform != "win32":
    import fcntl
    import termios


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    """A terminal of 132 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield stream
    os.close(master)


def pipe(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")


def test_a_terminal(terminal: io.TextIOWrapper) -> None:
    assert look(terminal) == Look(width=132, color=True, unicode=True)


def test_a_pipe() -> None:
    assert look(pipe()) == Look(width=80, color=False, unicode=True)
    assert look(io.StringIO()) == Look(width=80, color=False, unicode=True)


@pytest.mark.parametrize(("columns", "width"), [("100", 100), ("", 80), ("0", 80), ("-5", 80), ("wide", 80), ("²", 80)])
def test_columns(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert look(pipe()).width == width


def test_columns_count_in_a_terminal_too(terminal: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert look(terminal).width == 60


@pytest.mark.parametrize(
    ("environment", "asked", "in_terminal", "in_pipe"),
    [
        ({}, "auto", True, False),
        ({"NO_COLOR": "1"}, "auto", False, False),
        ({"NO_COLOR": ""}, "auto", True, False),
        ({"FORCE_COLOR": "1"}, "auto", True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False, False),
        ({"TERM": "dumb"}, "auto", False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, "auto", True, True),
        ({"NO_COLOR": "1"}, "always", True, True),
        ({"FORCE_COLOR": "1"}, "never", False, False),
    ],
)
def test_colour(
    environment: dict[str, str],
    asked: Color,
    in_terminal: bool,
    in_pipe: bool,
    terminal: io.TextIOWrapper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert look(terminal, color=asked).color == in_terminal
    assert look(pipe(), color=asked).color == in_pipe
    stream = pipe()
    write(samples.no_cors, "text", stream, color=asked)
    assert ("\x1b" in written(stream)) == in_pipe


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["no_cors", "hostile"])
@pytest.mark.parametrize("format", ["text", "json"])
def test_any_encoding_can_be_written(format: str, name: str, encoding: str) -> None:
    stream = pipe(encoding)
    write(samples.SAMPLES[name], format, stream)
    printed = written(stream)
    assert printed.isascii() != encoding.startswith("utf")
    if format == "text" and name == "no_cors":
        mark = "✗" if encoding.startswith("utf") else "x"
        assert printed.startswith(f"{mark} SIO301 cors-not-configured: The server has no cors option\n")


def test_force_colour_in_a_dumb_terminal_keeps_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "200")
    stream = pipe()
    write(samples.no_cors, "text", stream, color="always")
    assert samples.CONSOLES["webkit"][0] in written(stream)


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)
