"""Socket.IO 1 and 2 on Node, whose options have other names. They are recognised beside their successors."""

from __future__ import annotations

from urllib.parse import urlsplit

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import socketio
from sio_doctor.stacks.base import Ask, Cure, Side, block, js, js_list, nothing
from sio_doctor.stacks.node_options import GATEWAY, listed, nest

SIDE: Side = "server"
NAMES: dict[str, Server] = {"socket.io-2": Server(stack="socket.io", version="2.x")}
recognise = nothing

_WHERE = (
    'where you call require("socket.io")(server, ...), e.g. in server.js; keep its other options, and take '
    "io.origins(...) away if it is there"
)


def fits(server: Server) -> bool:
    """Node's Socket.IO, known to be older than 3."""
    return server.stack == "socket.io" and (server.version or "").startswith(("1.", "2."))


def _fix(ask: Ask, title: str, after: str, *, before: str | None = None, where: str = "", language: str = "") -> Fix:
    return Fix(
        stack="socket.io 2", side="server", title=title, where=where or (GATEWAY if nest(ask) else _WHERE),
        language=language or ("ts" if nest(ask) else "js"), before=before, after=after,
    )  # fmt: skip


def _with_port(origin: str) -> str:
    """Version 2 compares with a port, even where the browser leaves it out."""
    try:
        parts = urlsplit(origin)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return origin
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname and ":" not in parts.hostname else origin


def _server(ask: Ask, *options: str) -> str:
    if ask.plan.target.path != "/socket.io/" and not any(option.startswith("path:") for option in options):
        options = (f"path: {js(ask.plan.target.path.rstrip('/'))}", *options)
    lines = listed(options)
    if nest(ask):
        return block("@WebSocketGateway({", lines, "})")
    return block('const io = require("socket.io")(httpServer, {', lines, "});")


def _entries(ask: Ask) -> str:
    entries = tuple(map(_with_port, ask.pages))
    # Version 1 takes an array for a function that never answers yes.
    one = (ask.server.version or "").startswith("1.")
    return f"origins: {js(' '.join(entries)) if one else js_list(entries)}"


def _origins(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        wrong = ask.details.get("accepted")
        entries = ask.pages if ask.slug == "v2-origins-needs-port" else (wrong,) if wrong else ()
        before, written = f"origins: {js_list(entries)}" if entries else None, _entries(ask)
        return _fix(ask, title, _server(ask, written), before=None if before == written else before)

    return cure


def _preflight(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
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
        return _fix(ask, title, _server(ask, block("handlePreflightRequest: (req, res) => {", body, "}")))

    return cure


def _same(slug: str) -> Cure:
    """The cure of the later versions, where nothing in it has changed."""

    def cure(ask: Ask) -> Fix | None:
        # Without the version: what the later ones have since then is not asked here.
        fix = socketio.FIXES[slug](ask)
        return fix and _fix(ask, fix.title, fix.after, before=fix.before, where=fix.where, language=fix.language)

    return cure


def _option(title: str, *options: str, before: str | None = None) -> Cure:
    return lambda ask: _fix(ask, title, _server(ask, *options), before=before)


def _path(ask: Ask) -> Fix:
    after = _server(ask, f"path: {js(ask.plan.target.path.rstrip('/'))}")
    return _fix(ask, "Serve it at the path that the page asks for", after)


def _attached_once(ask: Ask) -> Fix:
    title = "Make one Socket.IO server for each HTTP server: look for a second one, and for status monitors"
    return _fix(
        ask, title, _server(ask, _entries(ask)), where="the only place that makes one: other modules are given io"
    )


def _vary(ask: Ask) -> Fix:
    after = block('httpServer.prependListener("request", (req, res) => {', ['res.setHeader("Vary", "Origin");'], "});")
    title = "Say that answers differ by Origin, or a cache gives one page the header of another"
    return _fix(ask, title, after, where="behind the call that makes the Socket.IO server")


def _update(ask: Ask) -> Fix:
    title = "Or update the server to version 4; it then needs a cors option, and allowEIO3 for clients of version 2"
    return _fix(ask, title, "npm install socket.io@4", where="the server's project", language="sh")


_WANTS_TOKEN = (
    ".use((socket, next) => {",
    "  const { token } = socket.handshake.query;   // version 2 has no auth",
    '  next(token ? undefined : new Error("not authorized"));',
    "});",
)


def _middleware(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        namespace = ask.plan.target.namespace
        whom = "io" if namespace == "/" else f"io.of({js(namespace)})"
        return _fix(
            ask, title, "\n".join([whom + _WANTS_TOKEN[0], *_WANTS_TOKEN[1:]]), where="where io.use(...) is called"
        )

    return cure


_LET_IN = _origins("See what refuses: the origins option, or allowRequest. This lets the page in")

FIXES: dict[str, Cure] = {
    "cookie-samesite": _option(
        "Let proxies and the application set their cookies with SameSite=None; Secure, and Socket.IO none of its own",
        "cookie: false",
    ),
    "v2-origins-needs-port": _origins("Write the port into origins, even the default one"),
    "v240-closed-default": _origins(
        "List the page, with its port: version 2.4.0 lets no page in by default, 2.4.1 and later any"
    ),
    "origin-not-in-list": _origins("Add the page's origin to those that are listed, with its port"),
    "origin-trailing-slash": _origins("Cut the slash, and write the port"),
    "origin-no-scheme": _origins("Write the whole origin, with its port"),
    "origin-scheme": _origins("List the page with its own scheme, and its port"),
    "origin-port": _origins("List the page with its own port, even the default one"),
    "origin-www-subdomain": _origins("List the page's own host, with its port: each subdomain is an origin, www too"),
    "origin-localhost-vs-127": _origins("List the page by the name it is opened with: localhost is not 127.0.0.1"),
    "app-scheme-origin": _origins("Add the app's origin to those that are listed"),
    "null-origin": _origins("Then list the page as it is served: null is the origin of any sandboxed page"),
    "any-origin-with-credentials": _origins(
        "Name the pages: any page that a visitor opens can act with the visitor's cookies now"
    ),
    "origin-match-too-wide": _origins("List whole origins: what is matched in part, others have in their names too"),
    "websocket-open-to-any-page": _origins("List the pages: the list is checked for WebSockets too"),
    "vary-origin-missing": _vary,
    "allowrequest-403": _LET_IN,
    "ws-allowrequest-origin": _LET_IN,
    "ws-refused": _LET_IN,
    "preflight-unhandled-v2": _preflight(
        "Answer preflights: version 2 does not by itself (or send the token in the query, and no header)"
    ),
    "preflight-header-not-allowed": _preflight("Name the client's headers in the answer to preflights"),
    "acah-star-limits": _preflight("Name the headers: * does not cover Authorization, and with cookies no header"),
    "preflight-not-sticky": _same("no-sticky-sessions"),
    "no-sticky-sessions": _same("no-sticky-sessions"),
    "server-too-old": _update,
    "path-mismatch": _path,
    "wrong-path-hangs": _path,
    "two-instances-one-server": _attached_once,
    "transport-disabled": _option(
        "Let the server speak both transports, which is the default", 'transports: ["polling", "websocket"]'
    ),
    "allow-upgrades-off": _option(
        "Let clients upgrade to WebSocket, which is the default", "allowUpgrades: true", before="allowUpgrades: false"
    ),
    "ws-frame-corruption": _option(
        "Send WebSocket frames as they are: version 2 compresses them", "perMessageDeflate: false"
    ),
    "ws-idle-timeout": _option(
        "Let the server hear from clients more often than what is in front loses patience", "pingInterval: 10000"
    ),
    "payload-limits": _option(
        "If it is CONNECT that is too large, take larger messages; a token needs no more than a few KB",
        "maxHttpBufferSize: 1e6   // bytes",
    ),
    "ws-two-servers-conflict": _same("ws-two-servers-conflict"),
    "server-refused": _same("server-refused"),
    "bound-to-loopback": _same("bound-to-loopback"),
    "connection-reset": _same("connection-reset"),
    "unsafe-port": _same("unsafe-port"),
    "macos-port-5000": _same("macos-port-5000"),
    "connect-middleware-error": _middleware(
        "Look into the middleware that refuses: it reads what the client does not send"
    ),
    "disconnected-at-once": _middleware(
        "Refuse in a middleware instead of the connection handler: then the event error tells the page why"
    ),
    "invalid-namespace": _same("invalid-namespace"),
    "no-connect-reply": _same("no-connect-reply"),
}
