"""What ``sio-doctor explain`` says, for a person. Plain enough to need no terminal library, which it starts without."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from sio_doctor.render.escape import harmless, harmless_block, only_ascii

if TYPE_CHECKING:
    from sio_doctor.explain import Explanation, Reading, RuleText
    from sio_doctor.model import Fix

#: Prose is not set wider than this, however wide the terminal.
MEASURE = 100
SOURCES = {
    "chromium": "Chrome or Edge",
    "firefox": "Firefox",
    "webkit": "Safari",
    "client": "socket.io-client",
    "server": "The server",
}
#: Select Graphic Rendition of ECMA-48.
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
#: How much of a line is shown again.
_QUOTED = 160


class _Line(NamedTuple):
    """A paragraph, or with ``verbatim`` something to paste, ``indent`` cells from the left."""

    text: str
    style: str = ""
    indent: int = 0
    hang: int = 0
    """How much further its second line begins."""
    verbatim: bool = False
    head: str = ""
    """What it begins with that is to stand out."""


_BLANK = _Line("")


def render(explanation: Explanation, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The explanation as text, ``width`` cells wide but for what is to be pasted; without ``unicode`` it is ASCII."""
    width = min(width, MEASURE)
    lines = [text for line in _all(explanation) for text in _printed(line, width, color=color, unicode=unicode)]
    return "\n".join(lines).strip("\n") + "\n"


def _all(explanation: Explanation) -> Iterator[_Line]:
    for reading in explanation.readings:
        yield from _reading(reading, quoted=len(explanation.readings) > 1 or bool(explanation.unread))
    if explanation.command is not None:
        yield from [_BLANK, _Line("Find out which", "bold"), _Line(explanation.command, indent=4, verbatim=True)]
    elif explanation.readings:
        yield from [_BLANK, _Line("Find out which", "bold")]
        yield _Line("No server is named here. This asks one:", indent=2)
        page = next((reading.line.origin for reading in explanation.readings if reading.line.origin), "PAGE")
        yield _Line(f"sio-doctor check URL --origin {quote(page)}", indent=4, verbatim=True)
    for note in explanation.notes:
        yield _Line(note, "dim", indent=2)
    for rule in explanation.rules:
        yield from _rule(rule)
    if explanation.unread:
        yield from _unread(explanation)
    if cause := next((cause for reading in explanation.readings for cause in reading.causes), None):
        yield _BLANK
        yield _Line(f"`sio-doctor explain {cause.code}` says more of a cause, and how it is mended.", "dim")


def _reading(reading: Reading, *, quoted: bool) -> Iterator[_Line]:
    line = reading.line
    source = SOURCES[line.source] + (", about a preflight" if line.stage else "")
    yield from [_BLANK, _Line(f"{source}: {reading.title}", "bold")]
    if quoted:
        text = line.text if len(line.text) <= _QUOTED else f"{line.text[:_QUOTED]}…"
        yield _Line(text, "dim", indent=2)
    status = f" The answer's status was {line.status}." if line.status else ""
    yield from [_BLANK, _Line(reading.means + status, indent=2)]
    yield from [_BLANK, _Line(f"It does not mean {_inside(reading.does_not_mean)}", indent=2, head="It does not mean")]
    if line.localized:
        yield _BLANK
        yield _Line("Read by its URL, header names and status: the line is not in English.", "dim", indent=2)
    if not reading.causes and not reading.unseen:
        return
    order = ", the likeliest first" if len(reading.causes) > 1 else ""
    yield from [_BLANK, _Line(f"What it can be{order}", "bold")]
    for cause in reading.causes:
        name = f"{cause.code} {cause.slug}:"
        yield _Line(f"{name} {cause.title}", indent=2, hang=7, head=name)
        yield _Line(cause.summary, "dim", indent=9)
    for sentence in reading.unseen:
        yield _Line(f"{'or' if reading.causes else 'unseen by any check'}: {sentence}", indent=2, hang=7)


def _inside(sentence: str) -> str:
    """The sentence as it goes on behind other words."""
    return sentence[:1].lower() + sentence[1:]


def _rule(rule: RuleText) -> Iterator[_Line]:
    yield from [_BLANK, _Line(f"{rule.code} {rule.slug}: {rule.title}", "bold")]
    for paragraph in rule.doc.split("\n\n"):
        text = paragraph.replace("\n", " ")
        head = re.match(r"\*\*(.+?)\*\*", text)
        yield from [_BLANK, _Line(text.replace("**", ""), indent=2, head=head[1] if head else "")]
    for fix in rule.fixes:
        yield from _fix(fix)
    yield _BLANK
    yield _Line(f"With what browsers print: {rule.document}. `sio-doctor rules` lists them all.", "dim")


def _fix(fix: Fix) -> Iterator[_Line]:
    yield from [_BLANK, _Line(f"Cure: {fix.title}", "bold", head="Cure:")]
    yield _Line(f"{fix.stack} ({fix.side}), {fix.where}", "dim", indent=2)
    if fix.before is not None:
        yield _Line("instead of", "dim", indent=2)
        yield _Line(fix.before.rstrip("\n"), "red", indent=4, verbatim=True)
        yield _Line("write", "dim", indent=2)
        yield _Line(fix.after.rstrip("\n"), "green", indent=4, verbatim=True)
    else:
        yield from [_BLANK, _Line(fix.after.rstrip("\n"), indent=4, verbatim=True)]


def _unread(explanation: Explanation) -> Iterator[_Line]:
    yield from [_BLANK, _Line("Not recognised", "bold" if explanation.known else "yellow")]
    for unread in explanation.unread:
        text = unread.text if len(unread.text) <= _QUOTED else f"{unread.text[:_QUOTED]}…"
        yield _Line(text, indent=2)
        if unread.nearest:
            yield _Line(f"The nearest that is known: {unread.nearest}", "dim", indent=4)
    if not explanation.known:
        yield _BLANK
        yield _Line(
            "Nothing is said here of what is not known. `sio-doctor check URL --origin PAGE` asks the server itself.",
            indent=2,
        )


def _printed(line: _Line, width: int, *, color: bool, unicode: bool) -> list[str]:
    text = harmless_block(line.text) if line.verbatim else harmless(line.text)
    text = text if unicode else only_ascii(text)
    margin = " " * line.indent
    if line.verbatim:
        pieces = [margin + piece if piece else "" for piece in text.split("\n")]
    else:
        pieces = textwrap.wrap(
            text,
            max(width, line.indent + 20),
            initial_indent=margin,
            subsequent_indent=margin + " " * line.hang,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return [_styled(piece, line, first=not at) for at, piece in enumerate(pieces)] if color else pieces


def _styled(piece: str, line: _Line, *, first: bool) -> str:
    text = piece.lstrip(" ")
    margin = piece[: len(piece) - len(text)]
    if first and line.head and not line.style and text.startswith(line.head):
        return f"{margin}{_sgr(line.head, 'bold')}{text[len(line.head) :]}"
    return margin + _sgr(text, line.style) if text and line.style else piece


def _sgr(text: str, style: str) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"
