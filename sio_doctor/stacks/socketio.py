"""Socket.IO 3 and 4 on Node, and the bare Engine.IO below it: what is no matter of CORS (that is in ``node_cors``)."""

from __future__ import annotations

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import node
from sio_doctor.stacks.base import NEW_PORT, Ask, Cure, Side, block, has_layer, js
from sio_doctor.stacks.node_cors import CORS, after_init
from sio_doctor.stacks.node_options import (
    before_release,
    cors_option,
    name,
    nest,
    node_fix,
    repaired,
    server,
    with_cors,
)

SIDE: Side = "server"
NAMES: dict[str, Server] = {
    "socket.io": Server(stack="socket.io"),
    "socket.io-4": Server(stack="socket.io", version="4.x"),
    "socket.io-3": Server(stack="socket.io", version="3.x"),
}
recognise = node.recognise

_GATEWAY_PLACE = "in the gateway's class"


def fits(server: Server) -> bool:
    """Node's Socket.IO of version 3 or 4, or of none that is known; what Express has most likely. Not in NestJS."""
    if has_layer(server, "NestJS"):
        return False
    if server.stack == "unknown":
        return has_layer(server, "Express")
    return server.stack in ("socket.io", "engine.io") and not (server.version or "").startswith(("1.", "2."))


def _option(title: str, *options: str, before: str | None = None) -> Cure:
    """Options that hold nothing of the person's own."""
    return lambda ask: node_fix(ask, title, with_cors(ask, *options), before=before)


def _eio3(ask: Ask) -> Fix:
    if before_release(ask, 3, 1):
        return Fix(
            stack=name(ask), side="server", where="the server's project", language="sh",
            title="Or update the server to version 4, where allowEIO3: true lets clients of version 2 in (3.0 cannot)",
            after="npm install socket.io@4",
        )  # fmt: skip
    title = "Or let the server speak to clients of version 2 as well, until the page is updated"
    return node_fix(ask, title, server(ask, "allowEIO3: true", cors_option(ask, ask.pages, credentials=True)))


def _update(ask: Ask) -> Fix:
    return Fix(
        stack="socket.io 4", side="server", title="Or update the server to version 4; it then needs a cors option",
        where="the server's project", language="sh", after="npm install socket.io@4",
    )  # fmt: skip


def _slash(ask: Ask) -> Fix:
    title = "Let the server take the path with and without the slash"
    if not before_release(ask, 4, 6):
        return node_fix(ask, title, with_cors(ask, "addTrailingSlash: false"))
    path = ask.plan.target.path.rstrip("/")
    body = [
        f"const path = {js(path)};",
        "// what other versions do with addTrailingSlash, which came with 4.6",
        'if (request.url === path || request.url.startsWith(path + "?")) {',
        '  request.url = request.url.replace(path, () => path + "/");',
        "}",
    ]
    after = block(
        'for (const event of ["request", "upgrade"]) {',
        [block("httpServer.prependListener(event, (request) => {", body, "});")],
        "}",
    )
    return node_fix(ask, title, after, where="after new Server(...)")


def _parser(ask: Ask) -> Fix:
    after = with_cors(
        ask, 'parser: require("socket.io-msgpack-parser")   // the one that the client has; or leave it out'
    )
    return node_fix(ask, "Or give the server the parser of the client", after)


def _path(ask: Ask) -> Fix:
    after = with_cors(ask, f"path: {js(ask.plan.target.path)}")
    return node_fix(ask, "Serve it at the path that the page asks for", after)


def _listen(ask: Ask) -> Fix:
    title = "Start the server, on all addresses of the machine"
    if ask.slug in NEW_PORT:
        why = "browsers refuse this one" if ask.slug == "unsafe-port" else "macOS has this one"
        title = f"Listen on another port: {why}"
    elif ask.slug == "bound-to-loopback":
        title = "Bind the server to all addresses of the machine"
    wait, made, place = ("await ", "app", "main.ts") if nest(ask) else ("", "httpServer", "server.js or server.ts")
    return node_fix(
        ask,
        title,
        f"{wait}{made}.listen({ask.app_port});   // no host: reachable from outside, and from outside its container",
        where=f"where the server starts, e.g. in {place}",
    )


def _other_websocket(ask: Ask) -> Fix:
    typed = 'const httpServer: import("http").Server = app.getHttpServer();\n' if nest(ask) else ""
    after = typed + block(
        'const wss = new WebSocketServer({ noServer: true });\n\nhttpServer.on("upgrade", (request, socket, head) => {',
        [
            block(
                f'if (!(request.url || "").startsWith({js(ask.plan.target.path)})) {{',
                ['wss.handleUpgrade(request, socket, head, (client) => wss.emit("connection", client, request));'],
                "}",
            )
        ],
        "});",
    )
    title = "Keep the other WebSocket server off Socket.IO's path: with { server } it answers every upgrade"
    return node_fix(ask, title, after, where="where the other server is made, e.g. new WebSocketServer({ server })")


def _one_instance(ask: Ask) -> Fix:
    title = "Make one Socket.IO server for each HTTP server: look for a second new Server(...), and for status monitors"
    where = "the only call of new Server(...): other modules are given io"
    if nest(ask):
        title = "Give every gateway the same path and options: each other path makes a Socket.IO server of its own"
        where = "the decorator of each gateway's class"
    return node_fix(ask, title, server(ask, cors_option(ask, ask.pages)), where=where)


def _attach(ask: Ask) -> Fix:
    after = 'const { Server } = require("socket.io");   // or: import { Server } from "socket.io"\n\n'
    after += server(ask, cors_option(ask, ask.pages))
    return node_fix(ask, "Or put a Socket.IO server there", after, where="the server's code, beside its HTTP server")


def _one_port_each(ask: Ask) -> Fix:
    start = "await app.listen" if nest(ask) else "httpServer.listen"
    file = "dist/main.js" if nest(ask) else "server.js"
    after = (
        f"// PORT=3000 node {file}, PORT=3001 node {file}: no cluster.fork(), no pm2 -i;\n"
        "// the proxy in front keeps each client on one port\n"
        f"{start}(process.env.PORT || 3000);"
    )
    # Measured: it routes connections, and a browser keeps them for its next session.
    title = "Run one process, or give each its own port: @socket.io/sticky still sends some clients to the wrong one"
    place = "main.ts" if nest(ask) else "server.js or server.ts"
    return node_fix(ask, title, after, where=f"where the server starts, e.g. in {place}")


def _on_namespace(title: str, *lines: str, nest_lines: tuple[str, ...] = ()) -> Cure:
    """What is called on the namespace; in NestJS within the method of the gateway that gets it."""

    def cure(ask: Ask) -> Fix:
        if nest(ask):
            return node_fix(ask, title, after_init(ask, list(nest_lines or lines)), where=_GATEWAY_PLACE)
        namespace = ask.plan.target.namespace
        whom = "io" if namespace == "/" else f"io.of({js(namespace)})"
        return node_fix(ask, title, "\n".join([whom + lines[0], *lines[1:]]), where=_where(ask))

    return cure


def _where(ask: Ask) -> str:
    return "after new Server(...)" if ask.slug == "invalid-namespace" else "where io.use(...) is called"


_WANTS_TOKEN = (
    ".use((socket, next) => {",
    "  const { token } = socket.handshake.auth;   // what the client gives as auth",
    "  // whatever reaches next() as an Error is what the page sees",
    '  next(token ? undefined : new Error("not authorized"));',
    "});",
)
_REPLIES = (
    ".use(async (socket, next) => {",
    "  try {",
    "    // … await what has to be known first …",
    "    next();",
    "  } catch (error) {",
    '    next(new Error("try again later"));   // the page sees this text',
    "  }",
    "});",
)
_CONNECTED = ('.on("connection", (socket) => {', '  console.log("connected", socket.id);', "});")


def _namespace(ask: Ask) -> Fix | None:
    title = "Declare the namespace on the server"
    if not nest(ask):
        return _on_namespace(title, *_CONNECTED)(ask)
    namespace = f"namespace: {js(ask.plan.target.namespace)}"
    return node_fix(ask, title, server(ask, namespace, cors_option(ask, ask.pages)))


def _reply(ask: Ask) -> Fix:
    title = "Call next() on every way through a middleware; without it nobody answers"
    if ask.server.stack == "engine.io":
        title += ". Or there is Engine.IO alone: then put new Server(httpServer) of socket.io in its place"
    fix = _on_namespace(title, *_REPLIES)(ask)
    assert fix is not None
    return fix


def _cookie(ask: Ask) -> Fix:
    """Engine.IO's own cookie is an option; any other is that of the application's sessions."""
    title = "Let the cookie go to pages of other sites, which takes https; Safari sends it to none of them"
    if ask.details.get("cookie", "io") == "io":
        cookie = '{ name: "io", sameSite: "none", secure: true }'
        # The types of version 3 have no name in there.
        cookie = f"cookie: Object({cookie})" if before_release(ask, 4, 0) else f"cookie: {cookie}"
        return node_fix(ask, title, server(ask, cookie, _with_cookies(ask)))
    after = 'app.set("trust proxy", 1);   // TLS ends at the proxy in front\n' + block(
        "app.use(session({", ["// … what is there already …", 'cookie: { sameSite: "none", secure: true }'], "}));"
    )
    return node_fix(ask, title, after, where="where the cookie is set, e.g. by express-session")


def _with_cookies(ask: Ask) -> str:
    return cors_option(ask, repaired(ask), credentials=True)


def _take_cookies(ask: Ask) -> Fix:
    title = "Let the page send its cookies: it needs its origin by name, and credentials"
    return node_fix(ask, title, server(ask, _with_cookies(ask)))


FIXES: dict[str, Cure] = {
    **CORS,
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _take_cookies,
    "payload-limits": _option(
        "If it is CONNECT that is too large, take larger messages; a token needs no more than a few KB",
        "maxHttpBufferSize: 1e6   // bytes, the default",
    ),
    "ws-two-servers-conflict": _other_websocket,
    "two-instances-one-server": _one_instance,
    "unsafe-port": _listen,
    "client-too-old": _eio3,
    "server-too-old": _update,
    "transport-disabled": _option(
        "Let the server speak both transports, which is the default",
        'transports: ["polling", "websocket"]',
    ),
    "path-mismatch": _path,
    "wrong-path-hangs": _path,
    "trailing-slash-path": _slash,
    "allow-upgrades-off": _option(
        "Let clients upgrade to WebSocket, which is the default", "allowUpgrades: true", before="allowUpgrades: false"
    ),
    "parser-mismatch": _parser,
    "ws-frame-corruption": _option(
        "Send WebSocket frames as they are, which is the default", "perMessageDeflate: false"
    ),
    "ws-only-version-mismatch": _eio3,
    "macos-port-5000": _listen,
    "server-refused": _listen,
    "bound-to-loopback": _listen,
    "connection-reset": _listen,
    "plain-websocket-server": _attach,
    "ws-idle-timeout": _option(
        "Let the server ping more often than what is in front loses patience",
        "pingInterval: 10000   // less than the patience of what is in front, which then hears it",
    ),
    "no-sticky-sessions": _one_port_each,
    "connect-middleware-error": _on_namespace(
        "Look into the middleware that refuses: it reads what the client does not send", *_WANTS_TOKEN
    ),
    "disconnected-at-once": _on_namespace(
        "Refuse in a middleware instead of the connection handler: then connect_error tells the page why",
        *_WANTS_TOKEN,
    ),
    "invalid-namespace": _namespace,
    "no-connect-reply": _reply,
}
