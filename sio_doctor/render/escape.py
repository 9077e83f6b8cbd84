"""Hostile text made harmless for a terminal: the one place.

A server chooses its headers, bodies and close reasons. Printed as they are, they could move the cursor, recolour or
retitle the terminal, turn the reading direction, or hide a character that matters (an origin with a zero-width space).
So whatever does not show as itself is written out, ``\\x1b`` or ``\\u202e``; the result has no such character.
"""

from __future__ import annotations

#: What ``str.isprintable`` lets through although nothing shows: the rest of Unicode's Default_Ignorable_Code_Point,
#: and the blank Braille pattern. https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xE0100, 0xE01F0)))
)

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def shows(char: str) -> bool:
    """Whether that character shows as itself, so that a terminal does nothing but print it.

    False for C0, DEL, C1, format characters (bidi controls, zero-width, tags), line and paragraph separators, blanks
    other than SP, surrogates, private use, unassigned, and ``INVISIBLE``.
    """
    return char.isprintable() and char not in INVISIBLE


def harmless(text: str, *, keep: str = "") -> str:
    """``text`` with every character that does not show as itself written out; those in ``keep`` stay as they are."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if shows(char) or char in keep else _written(char) for char in text)


def harmless_block(text: str) -> str:
    """``text`` of several lines (code, a body) made harmless: newlines stay, tabs become four spaces."""
    return harmless(text.expandtabs(4), keep="\n")


def only_ascii(text: str) -> str:
    """``text`` with every character that is not ASCII written out, for a stream that can show no other."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _written(char: str) -> str:
    if short := _SHORT.get(char):
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
