"""Lines as they are pasted, made whole again: colours, entities, the place before a line, and breaks within one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape

_COLOR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
#: With the semicolon: ``&t=`` and ``&copy=`` in a URL are none.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|amp|quot|apos|lt|gt|nbsp);")

#: Lines that go on in the next one when they were copied out of a window with an edge.
_GOES_ON = r"Access to |Cross-Origin Request |WebSocket connection to |Mixed Content: |XMLHttpRequest cannot load "
_GOES = re.compile(_GOES_ON)
_BEGINS = re.compile(
    rf"(?:{_GOES_ON}|Failed to load|Firefox can|Origin (?:\w+://|null)|connect_error"
    r"|(?:XHR)?(?:GET|POST|OPTIONS) ?http)"
)
#: Where the browser says that it happened: a script, the page's name (``login:1``, ``localhost/:1``); Safari's kinds.
_PLACE = re.compile(
    r"(?:\S{1,200}\.(?:m?js|ts|html|vue|jsx|tsx)\S{0,50}?(?::\d+){1,2}|\(index\)(?::\d+)?"
    rf"|\[(?:[A-Z]+|Error|Warning|Log|Info|Debug)\]|[^\s?]{{1,200}}:\d+(?= +(?:{_GOES_ON}))) +"
)
#: The first of three lines in which Firefox copies a request: its URL and what came of it are in the next ones.
_METHOD = re.compile(r"(?:XHR)?(?:GET|POST|OPTIONS)$")
#: How a line ends, mostly; and how long those before the last are, beside the first.
_ENDS = re.compile(r"\.\s*$")
_FULL = 0.7
#: Over how many lines one can be broken.
_BROKEN = 12


def whole_lines(text: str, longest: int, most: int, vague: Callable[[str], bool]) -> Iterator[str]:
    """The lines of ``text``, each whole; ``vague`` tells whether one lacks its end. At most ``most`` lines of at most
    ``longest`` characters are looked at.
    """
    plain = _ENTITY.sub(lambda entity: unescape(entity[0]), _COLOR.sub("", text))
    lines = [line[:longest] for line in plain.splitlines()[:most]]
    at = 0
    while at < len(lines):
        line = _bare(lines[at]).rstrip()
        took = 1
        if _GOES.match(line) and vague(line):
            following = itertools.takewhile(lambda rest: not _BEGINS.match(_bare(rest)), lines[at + 1 : at + _BROKEN])
            line, took = _whole(_bare(lines[at]), list(following), vague)
        elif _METHOD.match(line) and "://" in "".join(lines[at + 1 : at + 2]):
            line, took = " ".join([line, *map(str.strip, lines[at + 1 : at + 3])]), 3
        yield line
        at += took


def _bare(line: str) -> str:
    """Without the place that stands before it."""
    line = line.lstrip()
    place = _PLACE.match(line)
    return line[place.end() :] if place else line


def _whole(line: str, following: Sequence[str], vague: Callable[[str], bool]) -> tuple[str, int]:
    """The line with what it lacks of those that follow, and how many lines that are: it was broken between two words,
    or anywhere.
    """
    for more in range(1, len(following) + 1):
        for join in (_between_words, "".join):
            if not vague(join([line, *following[:more]])):
                # It is known by now; its end may still be to come, as long as the lines go to the edge.
                while more < len(following) and _ENDS.search(join([line, *following[:more]])) is None:
                    if len(following[more - 1].rstrip()) < len(line.rstrip()) * _FULL:
                        break
                    more += 1
                return join([line, *following[:more]]).rstrip(), more + 1
    return line.rstrip(), 1


def _between_words(pieces: Sequence[str]) -> str:
    # Windows that break between words break behind hyphens too.
    return " ".join(map(str.strip, pieces)).replace("- ", "-")
