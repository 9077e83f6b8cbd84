"""From what changed between releases to the range of releases that answer as this server did.

Each step is one thing that was seen, and the releases that do it. Steps by a default, which an option can change, give
way where they contradict the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Release = tuple[int, int, int]


class Step(NamedTuple):
    """What was seen, and which releases do it, both ends included; None: open at that end."""

    why: str
    """A phrase for a person; empty where another phrase says it already."""
    since: Release | None = None
    until: Release | None = None
    default: bool = False
    """Only as long as nobody has set an option."""


class Range(NamedTuple):
    """Releases from one to another, both included."""

    since: Release
    until: Release | None
    """None: the newest."""
    low: str = ""
    """Why nothing older; empty where nothing says so."""
    high: str = ""
    """Why nothing newer."""

    @property
    def why(self) -> tuple[str, ...]:
        """The steps that made it as narrow as it is."""
        return tuple(dict.fromkeys(filter(None, (self.low, self.high))))


def narrowed(steps: Iterable[Step], oldest: Release, newest: Release | None = None) -> Range | None:
    """The narrowest range that all steps allow, of those from ``oldest`` to ``newest``; None where they contradict
    each other. Those by a default are taken last, and left out where they contradict.
    """
    range_ = Range(oldest, newest)
    for step in sorted(steps, key=lambda step: step.default):
        narrower = _met(range_, step)
        if narrower is None and not step.default:
            return None
        range_ = narrower or range_
    return range_


def _met(whole: Range, step: Step) -> Range | None:
    since = max(whole.since, step.since or whole.since)
    until = whole.until if step.until is None else step.until if whole.until is None else min(whole.until, step.until)
    if until is not None and since > until:
        return None
    low = step.why if since != whole.since else whole.low
    high = step.why if until != whole.until else whole.high
    return Range(since, until, low, high)


def stated(release: Release | None) -> str | None:
    """``4.7.0``; None for an open end."""
    return None if release is None else "{}.{}.{}".format(*release)


def shown(range_: Range, ends: Mapping[int, Release], newest: int, within: frozenset[Release] = frozenset()) -> str:
    """For a person: ``4.7+``, ``4.5–4.6``, ``4.4.x``, ``2.x``, ``3.x–4.4``, ``3.x–4.x``.

    ``ends``: the last release of each major version that is closed. ``newest``: the major version that is open.
    ``within``: releases that are not the last of their minor version, so that they are written whole.
    """
    (major, minor, _), until = range_.since, range_.until
    whole = range_.since == (major, 0, 0)
    if until is None:
        last = f"{newest}.x"
        return f"{major}.{minor}+" if not whole else last if major == newest else f"{major}.x–{last}"
    if whole and until == ends.get(major):
        return f"{major}.x"
    if until[:2] == (major, minor):
        return f"{major}.{minor}.x"
    first = f"{major}.x" if whole and until[0] != major else f"{major}.{minor}"
    last = "{}.{}.{}".format(*until) if until in within else "{}.{}".format(*until)
    closed = until[0] != major and until == ends.get(until[0])
    return f"{first}–{until[0]}.x" if closed else f"{first}–{last}"
