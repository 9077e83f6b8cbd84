"""Socket.IO 1 and 2 on Node, whose options have other names. They are recognised beside their successors."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import structs

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import socketio
from sio_doctor.stacks.base import Ask, Cure, Side, block, js, js_list, nothing

SIDE: Side = "server"
recognise = nothing


def fits(server: Server) -> bool:
    """Node's Socket.IO, known to be older than 3."""
    return server.stack == "socket.io" and (server.version or "").startswith(("1.", "2."))


def _fix(title: str, after: str, *, before: str | None = None) -> Fix:
    return Fix(
        stack="socket.io 2", side="server", title=title, where="where you call require(\"socket.io\")(server, ...)",
        language="js", before=before, after=after,
    )  # fmt: skip


def _with_port(origin: str) -> str:
    """Version 2 compares with a port, even where the browser leaves it out."""
    try:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return origin
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and ":" not in parts.hostname else origin


def _server(option: str) -> str:
    return block('const io = require("socket.io")(httpServer, {', [option], "});")


def _entries(ask: Ask) -> str:
    entries = tuple(map(_with_port, ask.pages))
    # Version 1 takes an array for a function that never answers yes.
    one = (ask.server.version or "").startswith("1.")
    return f"origins: {js(' '.join(entries)) if one else js_list(entries)}"


def _origins(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        wrong = ask.details.get("accepted")
        entries = ask.pages if ask.slug == "v2-origins-needs-port" else (wrong,) if wrong else ()
        return _fix(title, _server(_entries(ask)), before=f"origins: {js_list(entries)}" if entries else None)

    return cure


def _preflight(ask: Ask) -> Fix:
    body = [
        "const allowed = " + js_list(ask.pages) + ";",
        "if (allowed.includes(req.headers.origin)) {",
        '  res.setHeader("Access-Control-Allow-Origin", req.headers.origin);',
        f'  res.setHeader("Access-Control-Allow-Headers", {js(",".join(ask.headers) or "content-type")});',
        '  res.setHeader("Access-Control-Allow-Credentials", "true");',
        "}",
        "res.writeHead(200);",
        "res.end();",
    ]
    title = "Answer preflights: version 2 does not by itself (or send the token in the query, and no header)"
    return _fix(title, _server(block("handlePreflightRequest: (req, res) => {", body, "}")))


def _same(slug: str) -> Cure:
    """The cure of the later versions, where nothing in it has changed."""

    def cure(ask: Ask) -> Fix | None:
        fix = socketio.FIXES[slug](ask)
        return fix and structs.replace(fix, stack="socket.io 2")

    return cure


def _allow_request(ask: Ask) -> Fix:
    return _fix("See what refuses: the origins option, or allowRequest. This lets the page in", _server(_entries(ask)))


def _middleware(title: str) -> Cure:
    return lambda ask: _fix(title, _wants_token(ask))


def _wants_token(ask: Ask) -> str:
    return block(
        f"io.of({js(ask.plan.target.namespace)}).use((socket, next) => {{",
        [
            "const { token } = socket.handshake.query;   // version 2 has no auth",
            'next(token ? undefined : new Error("not authorized"));',
        ],
        "});",
    )


FIXES: dict[str, Cure] = {
    "cookie-samesite": lambda ask: _fix(
        "Let proxies and the application set their cookies with SameSite=None; Secure, and Socket.IO none of its own",
        _server("cookie: false"),
    ),
    "v2-origins-needs-port": _origins("Write the port into origins, even the default one"),
    "origin-not-in-list": _origins("Add the page's origin to those that are listed, with its port"),
    "origin-trailing-slash": _origins("Cut the slash, and write the port"),
    "origin-no-scheme": _origins("Write the whole origin, with its port"),
    "allowrequest-403": _allow_request,
    "ws-refused": _allow_request,
    "preflight-unhandled-v2": _preflight,
    "preflight-header-not-allowed": _preflight,
    "server-too-old": socketio.FIXES["server-too-old"],
    "server-refused": _same("server-refused"),
    "bound-to-loopback": _same("bound-to-loopback"),
    "connection-reset": _same("connection-reset"),
    "connect-middleware-error": _middleware(
        "Look into the middleware that refuses: it reads what the client does not send"
    ),
    "disconnected-at-once": _middleware(
        "Refuse in a middleware instead of the connection handler: then the event error tells the page why"
    ),
    "invalid-namespace": _same("invalid-namespace"),
    "no-connect-reply": _same("no-connect-reply"),
}
FIXES["any-origin-with-credentials"] = _origins("List the pages that may connect, with their ports")
FIXES["origin-match-too-wide"] = _origins("List whole origins, with their ports")
FIXES["null-origin-allowed"] = _origins("Take null off the list, and serve the page that needed it")
FIXES["acah-star-limits"] = _preflight
FIXES["preflight-not-sticky"] = _preflight
