"""The server is there, and its Socket.IO is not: at another path, not attached, or none at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.reach import Silence, hit_about, silences
from sio_doctor.rules.stranger import (
    described,
    drops_upgrade,
    hit,
    redirection,
    served_elsewhere,
    speaks_plain_websocket,
    strangers,
    takes_no_upgrade,
)


@rule("SIO204", "app-listen-not-server-listen", "Socket.IO is not attached to the server that listens", Rung.HANDSHAKE)
def app_listen(case: Case) -> Iterable[Hit]:
    """The Node application answers, but no Socket.IO is attached to the HTTP server that listens.

    **What it means.** Nearly always `app.listen(…)` was called where `httpServer.listen(…)` was meant: Express then
    makes a second HTTP server, and Socket.IO waits on the first, which never listens. In NestJS the `IoAdapter` or
    the gateway is missing, in Fastify `new Server(fastify.server)`.

    **How it is told.** `Cannot GET /socket.io/` for the handshake, *and* the same 404 for a WebSocket: a server
    with Socket.IO on another path takes the Upgrade and closes it after a second without a byte.

    **What it is not.** Socket.IO on another path (`path-mismatch`); a proxy that takes the Upgrade off makes both
    alike.
    """
    for stranger in strangers(case, "app-listen-not-server-listen"):
        target = case.plan.target
        name = stranger.response.get("x-powered-by") or "An application"
        message = (
            f"{name} answers at {target.url}, but no Socket.IO is attached to the server that listens there: "
            f"{target.path} got {described(stranger.response)}, and a WebSocket got the same 404. Most often "
            "app.listen() was called where httpServer.listen() was meant. (If a proxy in front takes the Upgrade "
            "header off, Socket.IO may also be there under another path.)"
        )
        yield hit(case, stranger, message, also=takes_no_upgrade(case))


@rule("SIO205", "path-mismatch", "Socket.IO is not at this path", Rung.HANDSHAKE)
def path_mismatch(case: Case) -> Iterable[Hit]:
    """The server is there, but Socket.IO is not at the path that the client asks for.

    **What it means.** Client and server disagree on `path` (default `/socket.io/`), or a proxy or a mount adds a prefix
    or takes one off. The option has to be the same on both sides: `path` in Node, in the client and in Flask-SocketIO,
    `socketio_path` in python-socketio, the context in netty-socketio. A blank in it counts, and the address of the page
    or of a REST API has nothing to do with it.

    **How it is told.** The application's 404. Certain where the handshake passes at another usual path, which is
    then named, or where a WebSocket is closed after a second without a byte, as Engine.IO of Node does with foreign
    paths.

    **What it is not.** No Socket.IO at all (`app-listen-not-server-listen`), or a web server's page
    (`html-instead-of-handshake`). Where it can be said in which way the path is wrong, that is the cause: only its
    slashes (`trailing-slash-path`), a proxy that changes it (`proxy-strips-path`), a namespace that was meant for a
    path (`path-vs-namespace`), a mount (`asgi-mount-path`), and where nobody answers there, `wrong-path-hangs`.
    """
    for stranger in strangers(case, "path-mismatch"):
        message = _where(case, stranger.exchange, described(stranger.response))
        yield hit(case, stranger, message, also=served_elsewhere(case) or drops_upgrade(case))


@rule("SIO206", "plain-websocket-server", "A WebSocket server, but not Socket.IO", Rung.HANDSHAKE)
def plain_websocket_server(case: Case) -> Iterable[Hit]:
    """The server speaks WebSocket, and does not speak Socket.IO over it.

    **What it means.** Socket.IO is a protocol of its own on top of WebSocket or polling; its client cannot talk to
    a plain WebSocket server (`ws`, `websockets`, a NestJS `WsAdapter`, a broker). Use the browser's `WebSocket`
    with it, or put a Socket.IO server there.

    **How it is told.** The polling handshake gets 426 `Upgrade Required`, another refusal or nothing, and a
    WebSocket is accepted (101), but what comes first is no open packet (`0{"sid":…}`).

    **What it is not.** A Socket.IO server that is silent after 101 because it refused the origin or the version:
    its polling answers still sound like Engine.IO.
    """
    socket = speaks_plain_websocket(case)
    for stranger in strangers(case, "plain-websocket-server"):
        yield hit(case, stranger, _plain_websocket(case, socket, described(stranger.response)), also=socket)
    if socket and not served_elsewhere(case):
        for silence in _hung(case):
            yield hit_about(case, silence, _plain_websocket(case, socket, "no answer at all"), also=socket)


def _hung(case: Case) -> Iterator[Silence]:
    """The handshakes that were taken and never answered."""
    return (silence for silence in silences(case, "timeout") if silence.failure.phase == "head")


def _where(case: Case, exchange: Exchange, got: str) -> str:
    """Where Socket.IO is instead, as far as that was seen."""
    asked = urlsplit(exchange.request.url).path
    moved = redirection(exchange)
    if found := served_elsewhere(case):
        path = urlsplit(found.request.url).path
        message = f"Socket.IO answers at {path}, not at {asked}, which got {got}. Client and server need the same path."
    elif moved:
        path = urlsplit(moved).path
        message = f"{asked} is redirected to {path} ({got}): that is the path to give to the client."
    elif dropped := drops_upgrade(case):
        how = "closed after a second without a byte" if dropped.failure else "given up after a second (502)"
        message = (
            f"{asked} is not Socket.IO's path here (it got {got}), yet a WebSocket to it was {how}. Engine.IO of "
            "Node does that with a path that is not its own: Socket.IO runs under another one, or a proxy rewrites it."
        )
    else:
        message = (
            f"The server does not know {asked}: {got}. Socket.IO is served at another path, or not by this server."
        )
        if case.first("other-path"):
            message += " None of the usual paths answered either."
    if not (found or moved) and any(layer.startswith("nginx") for layer in case.server.layers):
        message += " With nginx, a proxy_pass that ends in a slash cuts the path off."
    if case.plan.namespace_from_path:
        namespace = case.plan.target.namespace
        message += (
            f" The path {namespace} of the URL was read as a namespace, as socket.io-client does; if it is where the "
            "server listens, it belongs into the path option."
        )
    return message


def _plain_websocket(case: Case, socket: Exchange | None, got: str) -> str:
    message = f"{case.plan.target.url} speaks WebSocket, but not Socket.IO: the polling handshake got {got}"
    if socket is not None and socket.response is not None:
        first = next((frame.data for frame in socket.response.frames if frame.direction == "in"), None)
        came = "nothing came over it" if first is None else f"what came first is no open packet (“{first[:40]}”)"
        message += f", and a WebSocket was accepted, but {came}"
    return f"{message}. Socket.IO's client cannot talk to a plain WebSocket server."
