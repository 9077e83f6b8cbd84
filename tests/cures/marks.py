"""The two marks of a file, and what is put between them: the cure, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Mapping

BEGIN = "--- the mistake"
END = "--- the end of it"

#: Each mark is a comment on a line of its own.
_MARKS = re.compile(rf"(?ms)^([^\n]*{re.escape(BEGIN)}[^\n]*\n)(.*?)^([^\n]*{re.escape(END)}[^\n]*)$")


def mistaken(text: str, values: Mapping[str, str]) -> str:
    """The file as it is: ``@PORT@`` and the like are filled in, since no two runs have the same."""
    return _filled(text, values)


def mended(text: str, after: str, values: Mapping[str, str]) -> str:
    """The file with ``after`` in place of the mistake. Nothing is filled in between the marks."""
    found = list(_MARKS.finditer(text))
    if len(found) != 1:
        raise ValueError(f"{len(found)} pairs of marks, not one")
    match = found[0]
    head, tail = text[: match.start(2)], text[match.end(2) :]
    return _filled(head, values) + after + "\n" + _filled(tail, values)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
