"""What the rules say of themselves, in order: for ``sio-doctor rules``, and for docs/rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from inspect import cleandoc

from sio_doctor.model import Model
from sio_doctor.rules import ALIASES, RULES, Rule

#: The life of a connection, by the first digit of a code.
FAMILIES = {
    "0": "Not known",
    "1": "Reaching the server",
    "2": "The handshake",
    "3": "The origin",
    "4": "Credentials and preflight",
    "5": "The session",
    "6": "WebSocket",
    "7": "Namespace and authorisation",
    "8": "The page and the browser",
}

#: The heads of a documentation's parts; what stands between the first paragraph and them is what it means.
_HEADS = {"What it means": "means", "How it is told": "how_told", "What it is not": "what_not"}


class Entry(Model, frozen=True, kw_only=True):
    """A cause, as ``sio-doctor rules --json`` has it; the texts are Markdown, a blank line between paragraphs."""

    code: str
    slug: str
    title: str
    family: str
    """What it belongs to in the life of a connection."""
    summary: str
    """The first paragraph of its documentation."""
    means: str
    """``""`` where the summary says it all."""
    how_told: str
    what_not: str
    hint: bool
    """No answer of a server shows it: it is a hint of the report, never a finding."""
    aliases: tuple[str, ...] = ()
    """Other names of it, which ``sio-doctor explain`` takes too."""
    document: str
    """Its page in the repository's documents."""


def document(rule: Rule) -> str:
    """The page of that rule in the repository's documents."""
    return f"docs/rules/{rule.slug}.md"


def entry(rule: Rule) -> Entry:
    """What that rule says of itself."""
    parts = {"means": "", "how_told": "", "what_not": ""}
    summary, *paragraphs = cleandoc(rule.doc).split("\n\n")
    part = "means"
    for paragraph in paragraphs:
        head = re.match(r"\*\*([^*]+?)\.?\*\*\s*", paragraph)
        if head and head[1] in _HEADS:
            part, paragraph = _HEADS[head[1]], paragraph[head.end() :]
        parts[part] = f"{parts[part]}\n\n{paragraph}".strip()
    return Entry(
        code=rule.code,
        slug=rule.slug,
        title=rule.title,
        family=FAMILIES[rule.code[3]],
        summary=summary,
        hint=rule.hint,
        aliases=tuple(sorted(name for name, other in ALIASES.items() if other.target == rule.slug)),
        document=document(rule),
        **parts,
    )


def entries(words: Sequence[str] = ()) -> tuple[Entry, ...]:
    """All causes by their codes; with ``words``, those that have each of them in code, slug, title, family or alias."""
    every = map(entry, sorted(RULES.values(), key=lambda rule: rule.code))
    return tuple(one for one in every if all(word.strip().lower() in _searched(one) for word in words))


def nearest(words: Iterable[str]) -> str | None:
    """The name, or the word of a name or title, that is most like one of ``words``; None where none is."""
    every = [_searched(one).split() for one in entries()]
    known = [part for texts in every for text in texts for part in (text, *text.split("-"))]
    for word in words:
        # A code that is near another one has nothing to do with it.
        if word.strip() and not re.fullmatch(r"(?i)\s*sio\d+\s*", word):
            for found in get_close_matches(word.strip().lower(), known, 1):
                return found.upper() if re.fullmatch(r"sio\d+", found) else found
    return None


def _searched(one: Entry) -> str:
    return " ".join((one.code, one.slug, one.title, one.family, *one.aliases)).lower()
