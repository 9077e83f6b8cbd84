"""What ``sio-doctor rules`` prints. Plain enough to need no terminal library, which it starts without."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sio_doctor.render.escape import only_ascii

if TYPE_CHECKING:
    from sio_doctor.catalog import Entry

#: A title is not broken into less than this.
_LEAST = 24
#: Select Graphic Rendition of ECMA-48.
_BOLD, _DIM = "1", "2"


def render(entries: Sequence[Entry], *, width: int | None = 80, color: bool = False, unicode: bool = True) -> str:
    """The causes in ``width`` cells, under the heads of their families; without a width, as in a pipe, a line each."""
    lines = _lines(entries, color) if width is None else _table(entries, width, color)
    text = "\n".join(lines) + "\n"
    return text if unicode else only_ascii(text)


def _lines(entries: Sequence[Entry], color: bool) -> Iterator[str]:
    slugs = max(len(one.slug) for one in entries)
    for one in entries:
        yield f"{_sgr(one.code, _BOLD, color)} {one.slug:{slugs}}  {_title(one)}"


def _table(entries: Sequence[Entry], width: int, color: bool) -> Iterator[str]:
    indent = 2 + 6 + 1 + max(len(one.slug) for one in entries) + 2
    stacked = width - indent < _LEAST  # too narrow: the title goes below the name
    for family, members in groupby(entries, key=lambda one: one.family):
        yield from (_sgr(piece, _BOLD, color) for piece in textwrap.wrap(family, max(width, 10)))
        for one in members:
            head = f"  {one.code} {one.slug}"
            first, *more = textwrap.wrap(_title(one), max(width - (4 if stacked else indent), 10))
            shown = f"  {_sgr(one.code, _BOLD, color)} {one.slug}"
            if stacked:
                yield from [shown, *(f"    {piece}" for piece in (first, *more))]
            else:
                yield f"{shown}{' ' * (indent - len(head))}{first}"
                yield from (f"{' ' * indent}{piece}" for piece in more)
        yield ""
    last = f"{_count(entries)}. `sio-doctor explain {entries[0].slug}` says how one is told and how it is mended."
    yield from (_sgr(piece, _DIM, color) for piece in textwrap.wrap(last, max(width, 20), break_on_hyphens=False))


def _title(one: Entry) -> str:
    return f"{one.title} (hint)" if one.hint else one.title


def _count(entries: Sequence[Entry]) -> str:
    return f"{len(entries)} causes" if len(entries) > 1 else "1 cause"


def _sgr(text: str, style: str, color: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if color else text
