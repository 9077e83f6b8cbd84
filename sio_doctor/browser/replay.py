"""The memory of what was asked, and the driver that plays a client over it with no network.

Alike are two requests with the same method, URL without ``t``, body, origin, credentials mode, headers set by the
script and ``Access-Control-*`` headers, and the same place among their kind (a session's first poll, its second). What
is alike is asked once. Asking the memory for what is not there gives ``not-asked``, never a fetch.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterable
from typing import TypeVar

from sio_doctor.browser.session import NOT_ASKED, Ask, Heard, Receive, Send, Step
from sio_doctor.model import Evidence, Exchange, Frame, NoResponse, Request

Result = TypeVar("Result")
Key = tuple[object, ...]

_STAMP = re.compile(r"(?<=[?&])t=[^&]*&?")
#: What the network adds to every request, and what differs between browsers though servers do not care.
_OWN_HEADERS = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length", "cookie", "upgrade"}
    | {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
)


def alike(request: Request) -> Key:
    """What two requests have in common when they are alike."""
    headers = sorted((name.lower(), value) for name, value in request.headers if name.lower() not in _OWN_HEADERS)
    return request.method, _STAMP.sub("", request.url), request.body, request.credentials, tuple(headers)


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


class Memory:
    """Exchanges by what was asked and how often it had been asked before."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._known: dict[Key, list[Exchange]] = {}
        self._dead: dict[str, Exchange] = {}
        for exchange in exchanges:
            self._known.setdefault(alike(exchange.request), []).append(exchange)
            if unreachable(exchange):
                self._dead.setdefault(server_of(exchange.request), exchange)

    def find(self, request: Request, nth: int) -> Exchange | None:
        """The exchange of the ``nth`` (from 0) request alike to this one; None where it was not asked."""
        known = self._known.get(alike(request), [])
        return known[nth] if nth < len(known) else self._dead.get(server_of(request))


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


def replay(client: Generator[Step, Heard, Result], memory: Memory) -> Result:
    """Plays the client over the memory, and returns what it returns."""
    counts: Counter[Key] = Counter()
    script: Script | None = None
    heard: Heard = None
    try:
        while True:
            step = client.send(heard)
            if isinstance(step, Ask):
                key = alike(step.request)
                exchange = memory.find(step.request, counts[key])
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


def verified(evidence: Evidence) -> Memory:
    """What a browser would have met: the exchanges whose certificate was verified, or needed not be.

    Not those that were asked under another User-Agent than the rest.
    """
    met = (one for one in evidence.exchanges if one.verified and one.purpose != "other-agent")
    return Memory(met)
