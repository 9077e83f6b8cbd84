"""Blocks of text on a rich console: wrapped where a person reads, as they are where a person pastes.

Rich pads what it wraps up to the full width; in a pipe that is trailing blanks, so each line is cut here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TextIO

from rich.console import Console
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from sio_doctor.render.escape import harmless, harmless_block, only_ascii

#: Prose is not set wider than this, however wide the terminal: long lines are hard to follow.
MEASURE = 100
#: Cells between two columns.
GAP = 2
#: Narrower than this, a column is hard to read.
LEAST = 12


def console(stream: TextIO, *, width: int = 80, color: bool = False, record: bool = False) -> Console:
    """A console that prints to ``stream`` what it is given and nothing of its own: no markup, no guesses about colours.

    ``terminal.look`` says what a stream can show.
    """
    return Console(
        file=stream,
        width=width,
        height=25,  # never looked at, but with it rich does not ask the terminal
        force_terminal=color,
        force_jupyter=False,
        color_system="standard" if color else None,  # the sixteen colours, which every theme has made readable
        no_color=False,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
        record=record,
    )


class Pen(NamedTuple):
    """Writes text for one console: hostile characters made visible, markup never read."""

    width: int
    unicode: bool

    def __call__(self, text: str, style: str = "") -> Text:
        """One line of anybody's text."""
        return Text(self._shown(harmless(text)), style, overflow="fold", end="")

    def lines(self, text: str, style: str = "") -> list[Text]:
        """Anybody's text of several lines, line by line."""
        return [Text(self._shown(line), style, overflow="fold", end="") for line in harmless_block(text).split("\n")]

    def join(self, *parts: tuple[str, str]) -> Text:
        """One line of pieces, each with its style."""
        return Text("", overflow="fold", end="").join(self(text, style) for text, style in parts)

    def _shown(self, text: str) -> str:
        return text if self.unicode else only_ascii(text)


class Block(NamedTuple):
    """Something to print, ``indent`` cells from the left. ``verbatim`` is never wrapped: it is there to be pasted."""

    content: Text | Table
    indent: int = 0
    verbatim: bool = False
    wide: bool = False
    """Uses the whole width, not the measure of prose."""


BLANK = Block(Text(end=""))


def grid(rows: Sequence[Sequence[Text]], headings: Sequence[Text] = (), *, widths: Sequence[int]) -> Table:
    """Rows in columns of those widths, without rules; what is too long for its column goes on in its next line."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", show_header=bool(headings))
    for column, width in enumerate(widths):
        table.add_column(headings[column] if headings else "", overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def natural(rows: Iterable[Sequence[Text]]) -> list[int]:
    """How wide each column would be if nothing had to be folded, in cells."""
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]


def total(widths: Sequence[int]) -> int:
    """How wide columns are together with the gaps between them."""
    return sum(widths) + GAP * (len(widths) - 1)


def fitted(widths: Sequence[int], width: int, *, keep: Sequence[int] = ()) -> list[int]:
    """The widths cut down to ``width`` in total, the widest first; the columns in ``keep`` last."""
    cut = list(widths)
    while total(cut) > width and max(cut) > 1:
        free = [at for at in range(len(cut)) if at not in keep and cut[at] > LEAST] or range(len(cut))
        widest = max(free, key=lambda at: cut[at])
        cut[widest] -= 1
    return cut


def show(to: Console, blocks: Iterable[Block], *, fold: bool = False) -> None:
    """Prints the blocks. With ``fold`` what is verbatim is wrapped too: a picture has no clipboard, only an edge."""
    for block in blocks:
        to.print(Segments(_segments(to, block, fold)), soft_wrap=True, end="")


def _segments(to: Console, block: Block, fold: bool) -> Iterator[Segment]:
    if block.verbatim and not fold and isinstance(block.content, Text):
        lines = [list(block.content.render(to))]
    else:
        whole = block.wide or block.verbatim or isinstance(block.content, Table)
        width = max((to.width if whole else min(to.width, MEASURE)) - block.indent, 1)
        lines = to.render_lines(block.content, to.options.update(width=width), pad=False)
    for line in lines:
        kept = _cut(line)
        if kept and block.indent:
            yield Segment(" " * block.indent)
        yield from kept
        yield Segment.line()


def _cut(line: list[Segment]) -> list[Segment]:
    """The line without the blanks at its end."""
    kept = list(line)
    while kept and not kept[-1].text.strip(" "):
        kept.pop()
    if kept:
        kept[-1] = Segment(kept[-1].text.rstrip(" "), kept[-1].style)
    return kept
