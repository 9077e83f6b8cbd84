"""The report as JSON: the contract of CONTRIBUTING.md, "The JSON report"."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from sio_doctor.model import Report
from sio_doctor.render.escape import shows

#: What does not show as itself, or may not.
_HIDDEN = re.compile(r"[^\n -~]")


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    r"""The report as JSON text: two spaces a level, keys in the contract's order, a newline at the end.

    Printed in a terminal it does nothing but show: what does not show as itself is ``\uXXXX`` (an astral character is
    two of them); without ``unicode`` that is all that is not ASCII. A lone surrogate, which no UTF-8 can hold, becomes
    U+FFFD. ``width`` and ``color`` change nothing.
    """
    return written(report, unicode=unicode)


def written(value: object, *, unicode: bool = True) -> str:
    """``value`` as JSON text, as ``render`` has it."""
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_scalar(msgspec.to_builtins(value)))
    # Large where a server made it so, so no copy is kept longer than it is needed.
    encoded = msgspec.json.format(encoded, indent=2)
    encoded += b"\n"
    text = encoded.decode()
    del encoded
    # Outside strings JSON is newlines and ASCII that shows: so what is escaped here is always in a string.
    return _HIDDEN.sub(lambda match: _char(match[0], unicode), text) if _HIDDEN.search(text) else text


def _char(char: str, unicode: bool) -> str:
    if unicode and shows(char):
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _scalar(value: Any) -> Any:
    """``value`` with each lone surrogate in its strings replaced by U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_scalar(key): _scalar(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scalar(item) for item in value]
    return value
