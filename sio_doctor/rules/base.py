"""What a rule is, and what it may look at.

A rule is one decorated function: its docstring is its documentation, its decorator its registration.

    @rule("SIO301", "cors-not-configured", "The server has no cors option", Rung.HANDSHAKE)
    def cors_not_configured(case: Case) -> Iterable[Hit]:
        "…"
        yield Hit(message="…", origins=("https://app.example.com",), exchanges=(2,))

It yields at most one ``Hit`` for each way in which the cause shows; hits of one rule become one finding.
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

    @property
    def doc(self) -> str:
        """Its documentation: the function's docstring."""
        return self.check.__doc__ or ""


RULES: dict[str, Rule] = {}

Check = Callable[["Case"], Iterable[Hit]]


def rule(code: str, slug: str, title: str, rung: Rung) -> Callable[[Check], Check]:
    """Registers the decorated function as the rule ``slug``; neither code nor slug ever changes its meaning."""

    def register(check: Check) -> Check:
        if slug in RULES or any(known.code == code for known in RULES.values()):
            raise ValueError(f"{code} {slug} is registered twice")
        RULES[slug] = Rule(code, slug, title, rung, check)
        return check

    return register


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
        """The client begins by polling."""
        return self.plan.client.transports[0] == "polling"

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
            if exchange.response is not None and exchange.purpose not in ("other-path", "other-scheme", "root")
        )

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
