"""From a line of the console, or the name of a rule, to what there is to say about it. Nothing is asked of any server.

Joins ``intake`` (what a line says), ``rules`` (what a cause is) and ``stacks`` (how it is mended).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from inspect import cleandoc

from msgspec.structs import replace

from sio_doctor import __version__
from sio_doctor.catalog import document
from sio_doctor.intake.causes import causes, unseen
from sio_doctor.intake.command import check_command
from sio_doctor.intake.console import LONGEST, ConsoleLine, Unread, read_console
from sio_doctor.intake.meaning import MEANINGS
from sio_doctor.model import Client, Fix, Model, Plan, Server, Target
from sio_doctor.rules import ALIASES, RULES, Rule, find


class Cause(Model, frozen=True, kw_only=True):
    """A cause that a line can hide."""

    code: str
    slug: str
    title: str
    summary: str
    """The first sentence of its documentation."""


class Reading(Model, frozen=True, kw_only=True):
    """What one line says."""

    line: ConsoleLine
    title: str
    means: str
    does_not_mean: str
    causes: tuple[Cause, ...] = ()
    """The likeliest first."""
    unseen: tuple[str, ...] = ()
    """What it can be besides, and no check can see, a sentence each."""


class RuleText(Model, frozen=True, kw_only=True):
    """A rule, explained."""

    code: str
    slug: str
    title: str
    doc: str
    """Its documentation, in Markdown."""
    document: str
    """Where it stands in the repository's documents."""
    fixes: tuple[Fix, ...] = ()
    """The cures that are known, for an example's addresses."""


class Explanation(Model, frozen=True, kw_only=True):
    """What there is to say about all that was given."""

    schema_version: int = 1
    tool: dict[str, str]
    known: bool
    """Each thing that was given is recognised: of text of several lines, one of them."""
    readings: tuple[Reading, ...] = ()
    command: str | None = None
    """The check that finds out which cause it is, for a POSIX shell; None where no line names a server."""
    notes: tuple[str, ...] = ()
    rules: tuple[RuleText, ...] = ()
    unread: tuple[Unread, ...] = ()


def explain(things: Sequence[str]) -> Explanation:
    """What there is to say about each of ``things``: a rule's code or slug, or text out of a console, of any number of
    lines. It never raises.
    """
    found = [_rule(thing) or read_console(thing) or (Unread(text=thing.strip()[:LONGEST]),) for thing in things]
    rules = [one for one in found if isinstance(one, RuleText)]
    texts = [one for one in found if not isinstance(one, RuleText)]
    lines = [line for text in texts for line in text if isinstance(line, ConsoleLine)]
    told = _without_repeats(_folded(lines))
    command = check_command(told)
    return Explanation(
        tool={"name": "sio-doctor", "version": __version__},
        known=all(any(isinstance(line, ConsoleLine) for line in text) for text in texts),
        readings=tuple(_reading(line) for line in told),
        command=shlex.join(command.arguments) if command.arguments else None,
        notes=(*command.notes, *dict.fromkeys(note for thing in things if (note := _alias(thing)))),
        rules=tuple(dict.fromkeys(rules)),
        unread=tuple(_named(line) for text in texts for line in text if isinstance(line, Unread)),
    )


# --- a rule ----------------------------------------------------------------------------------------------------------


def example_plan(slug: str) -> Plan:
    """Whose cures are shown, where no server was asked: a page that could have that cause."""
    insecure = slug in ("mixed-content", "redirect-http-to-https", "hsts-upgrade")
    return Plan(
        target=Target(url="http://api.example.com" if insecure else "https://api.example.com"),
        client=Client(
            with_credentials=slug in ("wildcard-with-credentials", "acac-missing"),
            extra_headers=(("my-custom-header", "value"),) if slug.startswith("preflight-") else (),
        ),
    )


#: A finding's first line, out of a report: ``✗ SIO301 cors-not-configured: …``.
_HEADLINE = re.compile(r"(?:\W{1,3}|x |ok )?(SIO\d{3}) [a-z0-9-]+:[^\n]*$")


def _rule(thing: str) -> RuleText | None:
    asked = thing.strip().rstrip(":")
    if found := _HEADLINE.match(asked):
        asked = found[1]
    rule = find(asked)
    if rule is None:
        return None
    # Here and not above: a line of the console has causes, and no cures.
    from sio_doctor.stacks import fixes

    return RuleText(
        code=rule.code,
        slug=rule.slug,
        title=rule.title,
        doc=cleandoc(rule.doc),
        document=document(rule),
        fixes=fixes(rule.slug, example_plan(rule.slug), Server(), origins=()),
    )


def _alias(thing: str) -> str:
    """That another name was given, and why it is the same cause; ``""`` where it was the rule's own."""
    asked = thing.strip().rstrip(":").lower()
    other = ALIASES.get(asked)
    return f"{asked} is another name of {other.target}: {other.reason}" if other else ""


def _named(line: Unread) -> Unread:
    """With the nearest rule, where it looks like the name of one."""
    asked = line.text.strip().lower()
    if " " in asked or re.fullmatch(r"sio\d+", asked):  # a code that is near another one has nothing to do with it
        return line
    near = get_close_matches(asked, [*RULES, *ALIASES, *(rule.code.lower() for rule in RULES.values())], 1)
    return replace(line, nearest=next((_written(name) for name in near), line.nearest or _of_the_same_words(asked)))


def _written(name: str) -> str:
    return name.upper() if name.startswith("sio") else name


def _of_the_same_words(asked: str) -> str | None:
    """The rule whose name has the most words of ``asked``."""
    words = set(asked.split("-"))
    best = max(RULES, key=lambda slug: len(words & set(slug.split("-"))))
    return best if words & set(best.split("-")) else None


# --- a line ----------------------------------------------------------------------------------------------------------

#: Lines that follow another one of the same source and say nothing of their own.
_FOLLOWING = frozenset({"failed", "access-control-checks", "network-error"})
#: What socket.io-client can say of what the browser has explained.
_ECHOES = frozenset({"xhr-poll-error", "xhr-post-error", "websocket-error"})


def _folded(lines: Iterable[ConsoleLine]) -> list[ConsoleLine]:
    """The lines without those that only follow another one, which gets from them what it lacks: the URL, the status."""
    told: list[ConsoleLine] = []
    for line in lines:
        before = told[-1] if told else None
        if before is not None and _follows(line, before):
            told[-1] = replace(before, url=before.url or line.url, status=before.status or line.status)
        elif before is not None and before.code in _FOLLOWING and before.status is None and _follows(before, line):
            told[-1] = replace(line, url=line.url or before.url)
        else:
            told.append(line)
    return told


def _follows(line: ConsoleLine, before: ConsoleLine) -> bool:
    if line.code in _ECHOES:
        same = (line.code == "websocket-error") == (before.transport == "websocket")
        return same and before.source not in ("client", "server")
    if line.code not in _FOLLOWING and line.code != "bad-status":
        return False
    about_the_same = line.url is None or before.url is None or line.url == before.url
    return line.source == before.source and before.code not in _FOLLOWING and about_the_same


def _without_repeats(lines: Sequence[ConsoleLine]) -> list[ConsoleLine]:
    """Each thing that is said once: a client that tries again makes the browser say it again, of another ``t``."""
    told: dict[tuple[object, ...], ConsoleLine] = {}
    # Safari says it a second time without the URL.
    for line in sorted(lines, key=lambda line: line.url is None):
        said = (line.source, line.code, line.stage, line.origin, line.status, line.name, line.value)
        place = (line.url or "").partition("?")[0]
        if line.url is not None or not any(key[:-1] == said for key in told):
            told.setdefault((*said, place), line)
    return [line for line in lines if any(line is kept for kept in told.values())]


def _reading(line: ConsoleLine) -> Reading:
    meaning = MEANINGS[line.code]
    return Reading(
        line=line,
        title=meaning.title,
        means=meaning.means,
        does_not_mean=meaning.not_means,
        causes=tuple(_cause(RULES[slug]) for slug in causes(line)),
        unseen=unseen(line),
    )


def _cause(rule: Rule) -> Cause:
    summary = cleandoc(rule.doc).partition("\n\n")[0].replace("\n", " ")
    return Cause(code=rule.code, slug=rule.slug, title=rule.title, summary=summary)
