"""The memory of what was asked, and the driver that plays a client over it with no network.

Alike are two requests with the same method, URL without ``t``, body, origin, credentials mode, headers set by the
script and ``Access-Control-*`` headers, cookies, and the same place among their kind (a session's first poll, its
second). What is alike is asked once. Asking the memory for what is not there gives ``not-asked``, never a fetch.

Two browsers may send different cookies in a session, and a load balancer may go by them. Each needs a session of its
own then: the first of the handshakes, all alike, whose session was not begun with other cookies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import TypeVar

from sio_doctor.browser.session import NOT_ASKED, Ask, Heard, Receive, Send, Step
from sio_doctor.model import Evidence, Exchange, Frame, NoResponse, Request, get

Result = TypeVar("Result")
Key = tuple[object, ...]

_STAMP = re.compile(r"(?<=[?&])t=[^&]*&?")
#: What the network adds to every request, and what differs between browsers though servers do not care.
_OWN_HEADERS = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length", "upgrade"}
    | {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
)


def alike(request: Request) -> Key:
    """What two requests have in common when they are alike. Within a session cookies are looked at beside it."""
    without = _OWN_HEADERS | ({"cookie"} if in_session(request) else set())
    headers = sorted((name.lower(), value) for name, value in request.headers if name.lower() not in without)
    return request.method, _STAMP.sub("", request.url), request.body, request.credentials, tuple(headers)


def in_session(request: Request) -> bool:
    """It belongs to an Engine.IO session that was opened before."""
    return "&sid=" in request.url


class OtherCookiesError(Exception):
    """That session was begun by a client that sent other cookies: what it was answered tells nothing about this one."""


def held_against(known: Request, request: Request) -> None:
    """Raises ``OtherCookiesError`` where the one that is known, alike in a session, had other cookies."""
    if in_session(request) and get(known.headers, "cookie") != get(request.headers, "cookie"):
        raise OtherCookiesError


class Script:
    """A remembered WebSocket conversation, followed frame by frame."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.at = 0

    def step(self, step: Send | Receive) -> Frame | NoResponse | None:
        """What came of that step then; ``not-asked`` where the conversation went another way."""
        response = self.exchange.response
        frames = [frame for frame in response.frames if _is_step(frame)] if response else []
        frame = frames[self.at] if self.at < len(frames) else None
        if isinstance(step, Send):
            if frame is None or frame.direction != "out" or frame.data != step.text:
                return NOT_ASKED
            self.at += 1
            return None
        if frame is not None and frame.direction == "in":
            self.at += 1
            return frame
        return response.ended if frame is None and response and response.ended else NOT_ASKED


def _is_step(frame: Frame) -> bool:
    """Pings and pongs, and the close frame that ends our side, are no steps of the client."""
    return frame.type not in ("ping", "pong") and (frame.direction, frame.type) != ("out", "close")


#: What opens a session: of these a later session has later ones.
OPENING = ("handshake", "redirect")


class Memory:
    """Exchanges by what was asked and how often it had been asked before."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._known: dict[Key, list[Exchange]] = {}
        self._dead: dict[str, Exchange] = {}
        self.sessions = 1
        """How many there are, at most, of what may open one: so often a client can be played."""
        for exchange in exchanges:
            self._known.setdefault(alike(exchange.request), []).append(exchange)
            if unreachable(exchange):
                self._dead.setdefault(server_of(exchange.request), exchange)
            if not in_session(exchange.request):
                self.sessions = max(self.sessions, len(self._known[alike(exchange.request)]))

    def find(self, request: Request, nth: int) -> Exchange | None:
        """The exchange of the ``nth`` (from 0) request alike to this one; None where it was not asked.

        Raises ``OtherCookiesError`` where it was asked with other cookies in that session.
        """
        known = self._known.get(alike(request), [])
        if nth >= len(known):
            return self._dead.get(server_of(request))
        held_against(known[nth].request, request)
        return known[nth]


def server_of(request: Request) -> str:
    """``http(s)://host:port`` of the request; a WebSocket's server is the same."""
    scheme, _, rest = request.url.partition("://")
    return f"{scheme.replace('ws', 'http')}://{rest.partition('/')[0].partition('?')[0]}"


def unreachable(exchange: Exchange) -> bool:
    """The failure came before any HTTP: it does not depend on what was asked, so it need not be asked twice."""
    failure = exchange.failure
    return failure is not None and (
        failure.kind in ("dns", "refused", "unreachable", "tls") or failure.phase in ("resolve", "connect", "tls")
    )


def replay(client: Generator[Step, Heard, Result], memory: Memory, session: int = 0) -> Result:
    """Plays the client over the memory, in its ``session``-th session, and returns what it returns."""
    counts: Counter[Key] = Counter()
    script: Script | None = None
    heard: Heard = None
    try:
        while True:
            step = client.send(heard)
            if isinstance(step, Ask):
                key = alike(step.request)
                nth = counts[key] + (session if step.purpose in OPENING else 0)
                exchange = memory.find(step.request, nth)
                counts[key] += 1
                heard = exchange.answer if exchange else NOT_ASKED
                if exchange is not None and step.request.url.startswith("ws"):
                    script = Script(exchange)
            elif isinstance(step, Send | Receive):
                heard = script.step(step) if script else NOT_ASKED
            else:
                heard = None
    except StopIteration as end:
        result: Result = end.value
        return result


def replays(client: Callable[[], Generator[Step, Heard, Result]], memory: Memory) -> list[Result]:
    """What the client returns in each session that had no other cookies than its own, in order."""
    results = []
    for session in range(memory.sessions):
        with suppress(OtherCookiesError):
            results.append(replay(client(), memory, session))
    return results


def verified(evidence: Evidence) -> Memory:
    """What a browser would have met: the exchanges whose certificate was verified, or needed not be.

    Where the person lets a refused certificate pass, also those with it, and not its refusal. Not those that were asked
    under another User-Agent than the rest.
    """
    met = [one for one in evidence.exchanges if one.purpose not in ("other-address", "other-agent")]
    if not evidence.plan.network.insecure:
        return Memory(exchange for exchange in met if exchange.verified)
    passed = {server_of(exchange.request) for exchange in met if not exchange.verified}
    return Memory(
        exchange
        for exchange in met
        if not (exchange.verified and unreachable(exchange) and server_of(exchange.request) in passed)
    )
