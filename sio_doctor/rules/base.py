"""What a rule is, and what it may look at.

A rule is one decorated function: its docstring is its documentation, its decorator its registration.

    @rule("SIO301", "cors-not-configured", "The server has no cors option", Rung.HANDSHAKE)
    def cors_not_configured(case: Case) -> Iterable[Hit]:
        "…"
        yield Hit(message="…", origins=("https://app.example.com",), exchanges=(2,))

It yields at most one ``Hit`` for each way in which the cause shows; hits of one rule become one finding. With
``hint=True`` they become one hint instead: what cannot be seen from here, and may apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from msgspec.structs import replace

from sio_doctor.model import (
    STAND_IN,
    Browser,
    Connection,
    Document,
    Evidence,
    Exchange,
    Framing,
    Handshake,
    HeaderCheck,
    NoResponse,
    Plan,
    Policy,
    Purpose,
    Response,
    Server,
    Severity,
    Verdict,
)
from sio_doctor.standards import csp, engineio


class Rung(IntEnum):
    """What a page meets, in the order of its own steps; the lowest error is the headline."""

    PAGE = 0
    DNS = 1
    TCP = 2
    TLS = 3
    PREFLIGHT = 4
    HANDSHAKE = 5
    POST = 6
    POLL = 7
    CONNECT = 8
    UPGRADE = 9
    #: No page meets it: who else is let in. It stands behind whatever a page does meet.
    BESIDE = 10


class Hit(NamedTuple):
    """One way in which a cause shows."""

    message: str
    """What is wrong, in whole sentences, with this server's and this page's own values in it."""
    origins: tuple[str, ...] = ()
    """The chosen origins that it concerns; empty: all of them."""
    browsers: tuple[Browser, ...] = ()
    """The browsers that it concerns; empty: all that were asked about."""
    headers: tuple[HeaderCheck, ...] = ()
    exchanges: tuple[int, ...] = ()
    """Ids of the exchanges that show it, the most telling one first: its curl line is printed."""
    severity: Severity | None = None
    """None: error where an origin of it cannot connect, else warning."""
    rung: Rung | None = None
    """Where it is met, when that is not the rule's own rung."""


class Rule(NamedTuple):
    """A registered rule."""

    code: str
    slug: str
    title: str
    rung: Rung
    check: Callable[[Case], Iterable[Hit]]
    hint: bool = False
    """It names what cannot be seen from here, where it may apply: a hint of the report, never a finding."""

    @property
    def doc(self) -> str:
        """Its documentation: the function's docstring."""
        return self.check.__doc__ or ""


class Alias(NamedTuple):
    """Another name of a cause."""

    target: str
    """The rule's slug."""
    reason: str
    """Why the two are one cause, as a sentence."""


RULES: dict[str, Rule] = {}
ALIASES: dict[str, Alias] = {}

Check = Callable[["Case"], Iterable[Hit]]


def rule(code: str, slug: str, title: str, rung: Rung, *, hint: bool = False) -> Callable[[Check], Check]:
    """Registers the decorated function as the rule ``slug``; neither code nor slug ever changes its meaning."""

    def register(check: Check) -> Check:
        if slug in RULES or slug in ALIASES or any(known.code == code for known in RULES.values()):
            raise ValueError(f"{code} {slug} is registered twice")
        RULES[slug] = Rule(code, slug, title, rung, check, hint)
        return check

    return register


def alias(slug: str, target: str, reason: str) -> None:
    """Registers ``slug`` as another name of the rule ``target``, for people who look for it by that name."""
    if slug in RULES or slug in ALIASES:
        raise ValueError(f"{slug} is registered twice")
    ALIASES[slug] = Alias(target, reason)


def find(name: str) -> Rule | None:
    """The rule of that code, slug or alias, however it is capitalised; None where there is none."""
    slug = name.lower()
    slug = ALIASES[slug].target if slug in ALIASES else slug
    return RULES.get(slug) or next((rule for rule in RULES.values() if rule.code == name.upper()), None)


class Case:
    """Everything that a rule may look at: the evidence, what the browsers make of it, who answers. It never fetches."""

    def __init__(
        self,
        evidence: Evidence,
        outcomes: tuple[Connection, ...],
        server: Server,
        policy: Policy | None = None,
        document: Document | None = None,
        met: tuple[Connection, ...] | None = None,
        directly: Case | None = None,
    ) -> None:
        # What the page's own server answered says nothing about the Socket.IO server.
        about_the_server = tuple(exchange for exchange in evidence.exchanges if exchange.purpose != "page")
        self.evidence = replace(evidence, exchanges=about_the_server)
        self.visit = tuple(exchange for exchange in evidence.exchanges if exchange.purpose == "page")
        self.document = document
        self.plan: Plan = evidence.plan
        # As if the page's own policy let it connect, so that rules see what would fail next; ``met`` is what happens.
        self.outcomes = outcomes
        self.met = outcomes if met is None else met
        self.server = server
        self.policy = policy or Policy()
        self.directly = directly
        """The server behind the proxy, where it was asked too."""

    @property
    def pages(self) -> tuple[str, ...]:
        """The origins that were asked about: the chosen ones, or the stand-in where none was chosen."""
        return self.plan.origins or (STAND_IN,)

    @property
    def upgrades(self) -> bool:
        """The page's policy makes browsers ask by https and wss, whatever the page says."""
        return self.document is not None and csp.upgrades_insecure_requests(csp.enforced(self.document))

    @property
    def polls(self) -> bool:
        """The client begins by polling, or comes to it: it tries all transports, and its WebSocket fails."""
        client = self.plan.client
        fails = any(outcome.websocket.allowed is False for outcome in self.outcomes)
        comes = client.try_all_transports and fails and "polling" in client.transports
        return client.transports[0] == "polling" or comes

    def all(self, *purposes: Purpose, origin: str | None = "") -> Iterator[Exchange]:
        """The exchanges of those purposes, in order; with ``origin``, those of that page (None: no Origin).

        The GETs of a page on the server's own origin carry no Origin.
        """
        own = origin == self.plan.target.url
        for exchange in self.evidence.all(*purposes):
            asked = exchange.request.origin
            if origin == "" or asked == origin or (own and asked is None):
                yield exchange

    def first(self, *purposes: Purpose, origin: str | None = "") -> Exchange | None:
        """The first of ``all``, preferring one that was answered; None where there is none."""
        found = list(self.all(*purposes, origin=origin))
        return next((exchange for exchange in found if exchange.response is not None), found[0] if found else None)

    def handshake(self, page: str) -> Exchange | None:
        """The polling handshake of that page, redirects not followed; another's where a dead server was asked once."""
        return self.first("handshake", origin=page) or self.first("handshake")

    def preflight(self, page: str) -> Exchange | None:
        """The preflight of that page's handshake, sent by a browser or simulated."""
        return self.first("preflight", origin=page) or self.first("simulated-preflight", origin=page)

    @cached_property
    def open(self) -> Handshake | None:
        """The open packet, from whichever handshake had one, by polling or WebSocket; None where no session was had."""
        for exchange in self.all("handshake", "redirect", "control", "foreign", "other-protocol"):
            if exchange.response is not None and (read := engineio.read_open(exchange.response)):
                return read[0]
        protocol = self.plan.client.protocol
        framing: Framing = "v4" if protocol == 4 else "v3"
        for exchange in self.all("websocket"):
            for frame in exchange.response.frames if exchange.response is not None else ():
                text = frame.data if frame.direction == "in" and frame.type == "text" else ""
                packet = engineio.open_packet(text[1:], framing, protocol) if text.startswith("0") else None
                if packet is not None:
                    return replace(packet, transport="websocket")
        return None

    @cached_property
    def is_engine(self) -> bool:
        """An Engine.IO server answered something: an open packet or a refusal in its own words."""
        return self.open is not None or any(
            engineio.read_refusal(exchange.response) is not None
            for exchange in self.evidence.exchanges
            if exchange.response is not None
            and exchange.purpose not in ("other-path", "other-scheme", "root", "nowhere")
        )

    @cached_property
    def cached(self) -> tuple[Exchange, ...]:
        """Answers that came out of a cache, the first as it was made: they opened one session for several handshakes.

        One sid in two answers is not enough: it takes a cache that says so, or a poll that got the handshake once more
        through a layer that was seen in front. Who answers a POST with it as well is no cache, but no Engine.IO either.
        """
        if any(self.opened(exchange) for exchange in self.all("connect", "sticky")):
            return ()
        shared: dict[str, list[Exchange]] = {}
        for exchange in self.all("control", "foreign", "handshake", "poll"):
            if packet := self.opened(exchange):
                shared.setdefault(packet.sid, []).append(exchange)
        for same in shared.values():
            purposes = [exchange.purpose for exchange in same]
            told = any(_is_hit(exchange) for exchange in same) or ("poll" in purposes and self.server.layers)
            if len(same) > 1 and told:
                return tuple(same)
        return ()

    def opened(self, exchange: Exchange | None) -> Handshake | None:
        """The open packet of that polling handshake; None where it has none."""
        read = engineio.read_open(exchange.response) if exchange and exchange.response else None
        return read[0] if read else None

    def refusal(self, exchange: Exchange | None) -> engineio.Refusal | None:
        """The Engine.IO server's own refusal in that exchange; None where it has none."""
        return engineio.read_refusal(exchange.response) if exchange and exchange.response else None

    def outcomes_of(self, page: str) -> tuple[Connection, ...]:
        """What the browsers make of that page, one a browser (the stand-in is judged too)."""
        return tuple(outcome for outcome in self.outcomes if outcome.origin == page)

    def blocked(self, page: str, *codes: str) -> dict[Browser, Verdict]:
        """The browsers that may not read that page's polling handshake (by one of ``codes``, if any), and why."""
        return {
            outcome.browser: outcome.polling
            for outcome in self.outcomes_of(page)
            if outcome.polling.allowed is False and (not codes or outcome.polling.code in codes)
        }

    def failure(self, *purposes: Purpose, kind: str = "") -> tuple[Exchange, NoResponse] | None:
        """The first exchange of those purposes that had no response (of that kind), with its reason."""
        for exchange in self.all(*purposes):
            if exchange.failure is not None and (not kind or exchange.failure.kind == kind):
                return exchange, exchange.failure
        return None


def check(exchange: Exchange, header: str, needed: str, *, ok: bool = False) -> HeaderCheck:
    """That header of the exchange's answer beside what the browser needed; ``status`` stands for the status line."""
    response: Response | None = exchange.response
    if response is None:
        found = None
    else:
        found = f"{response.status} {response.reason}".strip() if header == "status" else response.get(header)
    return HeaderCheck(header=header, needed=needed, found=found, exchange=exchange.id, ok=ok)


def _is_hit(exchange: Exchange) -> bool:
    """A cache says that it answered."""
    response = exchange.response
    if response is None:
        return False
    said = [response.get(name) or "" for name in ("x-cache", "cf-cache-status", "x-proxy-cache", "x-cache-status")]
    return response.get("age") is not None or any("hit" in value.lower() for value in said)
