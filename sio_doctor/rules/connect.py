"""The transport works, and the application does not let the client in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import is_v2_refusal
from sio_doctor.rules.cors import lines, listing, status
from sio_doctor.rules.session import too_large
from sio_doctor.rules.stranger import is_namespace, met_at, served_elsewhere
from sio_doctor.standards import engineio, socketio


class Reply(NamedTuple):
    """What the server said to CONNECT, or that it said nothing."""

    page: str
    exchange: Exchange
    """The poll or WebSocket that brought the packet, or on which it was waited for in vain."""
    packet: socketio.SocketPacket | None


def replies(case: Case) -> Iterator[Reply]:
    """What each page's client was answered to CONNECT over its first transport; no packet: it waited in vain."""
    for page in case.pages:
        asked = (
            case.all("connect", "poll", "handshake", origin=page) if case.polls else case.all("websocket", origin=page)
        )
        waiting: Exchange | None = None
        for exchange in asked:
            packet = next((p for p in _packets(case, exchange) if p.namespace == case.plan.target.namespace), None)
            if packet is not None:
                yield Reply(page, exchange, packet)
                break
            if _in_vain(exchange):
                waiting = exchange
        else:
            if waiting is not None:
                yield Reply(page, waiting, None)
            elif case.polls:
                yield from _refused_by_websocket(case, page)


def _refused_by_websocket(case: Case, page: str) -> Iterator[Reply]:
    """The refusal of CONNECT that came over a WebSocket of the page's own, where polling lost the session before."""
    for exchange in case.all("websocket", origin=page):
        for packet in _packets(case, exchange):
            if packet.namespace == case.plan.target.namespace and packet.type == socketio.ERROR:
                yield Reply(page, exchange, packet)
                return


def messages(case: Case, exchange: Exchange) -> list[str]:
    """The Engine.IO packets that came in that answer or over that WebSocket, as text, in order."""
    answer = exchange.response
    if answer is None:
        return []
    if answer.status == 101:
        return [frame.data for frame in answer.frames if frame.direction == "in" and frame.type == "text"]
    if exchange.request.method != "GET" or answer.status != 200:
        return []
    try:
        packets = engineio.decode_payload(answer.bytes, case.plan.client.protocol)
    except ValueError:
        return []
    return [f"{engineio.TYPES.index(packet.type)}{packet.data}" for packet in packets]


def _packets(case: Case, exchange: Exchange) -> Iterator[socketio.SocketPacket]:
    """The CONNECTs and CONNECT_ERRORs in that answer."""
    for text in messages(case, exchange):
        if text[:2] in ("40", "44"):
            yield socketio.decode(text[1:])


def _in_vain(exchange: Exchange) -> bool:
    """CONNECT was sent, and then nothing came: the poll behind it timed out, or the WebSocket stayed silent.

    An asyncio server that runs the connect handler while it takes the POST does not even answer that.
    """
    if exchange.purpose in ("poll", "connect"):
        return exchange.failure is not None and exchange.failure.kind == "timeout"
    response = exchange.response
    if exchange.purpose != "websocket" or response is None or response.ended is None:
        return False
    asked = any(frame.direction == "out" and frame.data.startswith("40") for frame in response.frames)
    return asked and response.ended.kind == "timeout"


def _pages(case: Case, found: Iterable[str]) -> tuple[str, ...]:
    return tuple(page for page in found if page in case.plan.origins)


@rule("SIO701", "allowrequest-403", "allowRequest refuses the handshake", Rung.HANDSHAKE)
def allowrequest_403(case: Case) -> Iterable[Hit]:
    """The server's own `allowRequest` function refuses the request: a token or a cookie is missing.

    **What it means.** `allowRequest` is asked before there is a session, for polling and for the WebSocket, and sees
    the request alone: its headers, cookies and query. The client's `auth` comes later, with CONNECT. What it misses may
    be a cookie that browsers do not send across sites, or a header that a WebSocket cannot carry. In Socket.IO 2 the
    refusal has no CORS headers, so the console speaks of CORS.

    **How it is told.** The handshake gets code 4, 403 `{"code":4,"message":…}`; the message is what the function gave,
    or "Forbidden". A WebSocket gets 400 with that text. In Socket.IO 3 and 4 the answer has the usual CORS headers.

    **What it is not.** Where the same request passes from another origin, or without one, the function looks at the
    origin (`ws-allowrequest-origin`). 403 as a page of HTML comes from a proxy (`basic-auth-or-401`). In Socket.IO 2
    "Forbidden" without CORS headers is mostly the `origins` option (`v2-origins-needs-port`).
    """
    for refused in by_function(case):
        if refused.passes is None:
            yield refused.hit(case, "Every request that was tried is refused: a token or a cookie may be missing.")


class ByFunction(NamedTuple):
    """A refusal by ``allowRequest``, in the same words to each of these pages."""

    said: str
    exchange: Exchange
    pages: tuple[str, ...]
    passes: Exchange | None
    """A handshake of another origin, or of none, that was let in."""

    def hit(self, case: Case, told: str) -> Hit:
        """The hit about it; ``told`` says what the function seems to look at."""
        message = (
            f"The Socket.IO server at {case.plan.target.url} refuses the handshake with {status(self.exchange)} "
            f"“{self.said}”: its allowRequest function does not let this request in. {told}"
        )
        if not lines(self.exchange) and self.pages != (case.plan.target.url,):
            message += " The refusal has no CORS headers, so the browser reports a CORS error and hides it."
        return Hit(
            message=message,
            origins=self.pages,
            headers=(check(self.exchange, "status", "200"),),
            exchanges=(self.exchange.id, *([self.passes.id] if self.passes else ())),
            rung=met_at(case, self.pages),
        )


def by_function(case: Case) -> Iterator[ByFunction]:
    """The refusals of the handshake by ``allowRequest``, one for each wording."""
    groups: dict[str, list[tuple[str, Exchange]]] = {}
    for page in case.pages:
        exchange = case.handshake(page)
        refusal = case.refusal(exchange)
        if exchange is None or refusal is None or refusal.family != "node" or is_v2_refusal(case, exchange):
            continue
        if refusal.code == 4:
            groups.setdefault(refusal.message, []).append((page, exchange))
    passes = next((other for other in case.all("control", "foreign", "handshake") if case.opened(other)), None)
    for said, members in groups.items():
        yield ByFunction(said, members[0][1], _pages(case, (page for page, _ in members)), passes)


@rule("SIO702", "connect-middleware-error", "The application refuses the connection", Rung.CONNECT)
def connect_middleware_error(case: Case) -> Iterable[Hit]:
    """Transport and CORS are fine; a middleware (`io.use`) or connect handler of the application says no.

    **What it means.** The refusal is the application's own, mostly for a token that is missing or has expired: the
    client sends `auth` with CONNECT, and `connect_error` brings back the message (`err.data` what the server added to
    it). A connect handler of python-socketio that returns `False` says "Connection rejected by server". After such a
    refusal the client does not try again by itself: give it a good token, then call `socket.connect()`.

    **How it is told.** CONNECT is answered with a CONNECT_ERROR packet, `44{"message":"not authorized"}`, which is what
    the page gets as `connect_error`. python-socketio 4 answers the handshake 401 instead, in JSON.

    **What it is not.** "Invalid namespace" (python: "Unable to connect") means that nobody declared the namespace
    (`invalid-namespace`). No answer at all is `no-connect-reply`.
    """
    said: dict[str, list[Reply]] = {}
    for reply in (*replies(case), *_unauthorized(case)):
        if reply.packet is not None and reply.packet.type == socketio.ERROR and not _is_unknown_namespace(reply.packet):
            said.setdefault(socketio.error_message(reply.packet), []).append(reply)
    for words, found in said.items():
        pages = _pages(case, (reply.page for reply in found))
        yield Hit(
            message=(
                f"The application at {case.plan.target.url} refuses the connection: “{words}”. "
                f"{_fine(case, found[0])} A middleware or connect handler of namespace {case.plan.target.namespace} "
                "wants something that this client did not send, mostly a token in auth."
            ),
            origins=pages,
            exchanges=tuple(reply.exchange.id for reply in found),
        )


def _fine(case: Case, reply: Reply) -> str:
    """What is right below the application."""
    if case.polls and reply.exchange.purpose == "websocket":
        return "It says so over a WebSocket; by polling the session is lost before."
    return "Transport and CORS are fine."


def _unauthorized(case: Case) -> Iterator[Reply]:
    """python-socketio 4 runs the connect handler during the handshake: 401, and what it said as JSON."""
    for page in case.pages:
        exchange = case.handshake(page)
        response = exchange.response if exchange else None
        if exchange is None or response is None or response.status != 401 or response.get("www-authenticate"):
            continue
        value = socketio.json(response.text)
        said = value[0] if isinstance(value, list) and value else value
        if isinstance(said, str):
            yield Reply(page, exchange, socketio.SocketPacket(socketio.ERROR, case.plan.target.namespace, f'"{said}"'))


def _is_unknown_namespace(packet: socketio.SocketPacket) -> bool:
    return socketio.error_message(packet) in ("Invalid namespace", "Unable to connect")


@rule("SIO703", "invalid-namespace", "The namespace does not exist", Rung.CONNECT)
def invalid_namespace(case: Case) -> Iterable[Hit]:
    """The client asks for a namespace that the server does not have.

    What stands behind the host in `io("https://api.example.com/chat")` is a namespace, not a path: the path is the
    `path` option. A namespace exists once the server has called `io.of("/chat")`; in python-socketio once it has a
    handler, or is in `namespaces=[…]`.

    **How it is told.** CONNECT is answered with a CONNECT_ERROR, "Invalid namespace" (python-socketio: "Unable to
    connect").

    **What it is not.** Any other message is the application's own (`connect-middleware-error`).
    """
    found = [
        reply
        for reply in replies(case)
        if reply.packet is not None and reply.packet.type == socketio.ERROR and _is_unknown_namespace(reply.packet)
    ]
    elsewhere = served_elsewhere(case)
    if elsewhere and is_namespace(case, urlsplit(elsewhere.request.url).path):
        return  # `path-vs-namespace`
    if not found or found[0].packet is None:
        return
    namespace = case.plan.target.namespace
    message = (
        f"The server at {case.plan.target.url} has no namespace {namespace}: it answers CONNECT with "
        f"“{socketio.error_message(found[0].packet)}”. {_fine(case, found[0])}"
    )
    if case.plan.namespace_from_path:
        message += (
            f" socket.io-client takes the {namespace} in the URL for a namespace; if the server is mounted there, the "
            "path option has to say so."
        )
    yield Hit(
        message=message,
        origins=_pages(case, (reply.page for reply in found)),
        exchanges=tuple(reply.exchange.id for reply in found),
    )


@rule("SIO704", "no-connect-reply", "The application never answers", Rung.CONNECT)
def no_connect_reply(case: Case) -> Iterable[Hit]:
    """The transport works and CONNECT was taken, but no answer to it ever comes.

    A middleware that never calls `next()`, a connect handler of python-socketio that raised an exception, a bare
    Engine.IO server without Socket.IO on top, another parser on the server.

    **How it is told.** The handshake is good, the POST of CONNECT gets 200, and the poll behind it is silent until the
    time is up; or the WebSocket is, after its open packet.

    **What it is not.** A refusal comes at once, as a packet (`connect-middleware-error`). A poll that gets an error
    says so.
    """
    # One that is too large python-engineio neither takes nor answers (`payload-limits`).
    found = [reply for reply in replies(case) if reply.packet is None and not too_large(case, reply.exchange)]
    if not found:
        return
    pages = _pages(case, (reply.page for reply in found))
    message = (
        f"The server at {case.plan.target.url} opens the session and takes CONNECT, but never answers it, within "
        f"{case.plan.timeout:g} s. The transport is fine; the application does not finish: a middleware that does not "
        "call next(), a connect handler that failed, or Engine.IO with no Socket.IO on top."
    )
    if any(
        packet for page in case.pages for one in case.all("websocket", origin=page) for packet in _packets(case, one)
    ):
        message += (
            " Or the polls are held up on the way, as by a proxy that buffers: over a WebSocket of its own the same "
            "client was answered at once."
        )
    if len(pages) < len(case.plan.origins):
        message += f" This was seen for {listing(pages)}."
    yield Hit(message=message, origins=pages, exchanges=tuple(reply.exchange.id for reply in found))


@rule("SIO705", "engine-middleware-error", "A middleware of the engine refuses the handshake", Rung.HANDSHAKE)
def engine_middleware_error(case: Case) -> Iterable[Hit]:
    """A middleware given to `io.engine.use()` passes an error on, and Engine.IO makes 400 "Bad request" of it.

    Rate limiters and authentication written for Express end here: what they say (429, 401) never reaches the client.

    **How it is told.** The handshake gets `{"code":3,"message":"Bad request"}`, while the preflight is answered well:
    CORS ran before and was content.

    **What it is not.** Where the preflight gets code 3 too, the function in `cors.origin` fails
    (`origin-callback-error`).
    """
    found: dict[str, Exchange] = {}
    for page in case.pages:
        exchange, refusal = case.handshake(page), case.refusal(case.handshake(page))
        if exchange is None or refusal is None or (refusal.family, refusal.code) != ("node", 3):
            continue
        if lines(exchange) or 200 <= status(case.preflight(page)) < 300:
            found[page] = exchange
    if not found:
        return
    exchange = next(iter(found.values()))
    yield Hit(
        message=(
            f"The server at {case.plan.target.url} refuses the handshake with 400 “Bad request” (code 3): a middleware "
            "given to io.engine.use() fails, a rate limiter, a session store or an authentication. The server's log "
            "has the reason; Engine.IO does not pass it on."
        ),
        origins=_pages(case, found),
        headers=(check(exchange, "status", "200"),),
        exchanges=tuple(one.id for one in found.values()),
    )
