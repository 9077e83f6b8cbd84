"""Socket.IO 3 and 4 on Node, and the bare Engine.IO below it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import node
from sio_doctor.stacks.base import NEW_PORT, Ask, Cure, Side, block, has_layer, js, js_list

SIDE: Side = "server"
recognise = node.recognise


def fits(server: Server) -> bool:
    """Node's Socket.IO of version 3 or 4, or of none that is known; what Express or NestJS has most likely."""
    if server.stack == "unknown":
        return has_layer(server, "Express", "NestJS")
    return server.stack in ("socket.io", "engine.io") and not (server.version or "").startswith(("1.", "2."))


WHERE = "where you call new Server(...), e.g. server.js"


def name(ask: Ask) -> str:
    """``socket.io 3`` or ``socket.io 4``."""
    return "socket.io 3" if re.fullmatch(r"3\.[\dx.]+", ask.server.version or "") else "socket.io 4"


def _fix(ask: Ask, title: str, after: str, *, before: str | None = None, where: str = WHERE) -> Fix:
    return Fix(stack=name(ask), side="server", title=title, where=where, language="js", before=before, after=after)


def server(*options: str) -> str:
    """The call that makes the server, with these options."""
    lines = [option + ("," if number < len(options) else "") for number, option in enumerate(options, 1)]
    return block("const io = new Server(httpServer, {", lines, "});")


def cors_option(ask: Ask, origins: tuple[str, ...], *, credentials: bool | None = None, note: str = "") -> str:
    """The ``cors`` option for those origins, with the client's headers and cookies where it sends any."""
    lines = [f"origin: {js_list(origins)}"]
    if note:
        lines = [block("origin: [", [f"// {note}", ",\n".join(map(js, origins))], "]")]
    if ask.headers:
        lines.append(f"allowedHeaders: {js_list(ask.headers)}")
    if ask.credentials if credentials is None else credentials:
        lines.append("credentials: true")
    return block("cors: {", [line + ("," if number < len(lines) else "") for number, line in enumerate(lines, 1)], "}")


def repaired(ask: Ask) -> tuple[str, ...]:
    """What the server's list should say: the pages, and what it says now where that is an origin once it is cut."""
    now = ask.details.get("accepted") or ask.details.get("allow-origin") or ""
    origins = []
    for part in now.split(","):
        try:
            parts = urlsplit(part.strip())
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.netloc:
            origins.append(f"{parts.scheme}://{parts.netloc}")
    return tuple(dict.fromkeys([*(one for one in origins if one not in ask.pages), *ask.pages]))


def _before(ask: Ask) -> str | None:
    """The faulty line, where it is known: a literal string as it came, or the entry that the server accepted."""
    if accepted := ask.details.get("accepted"):
        return f"origin: [{js(accepted)}]"
    literal = ask.details.get("allow-origin")
    known = ("*", *ask.pages, *ask.plan.origins)
    return f"origin: {js(literal)}" if literal and literal not in known else None


def _not_in_list(ask: Ask) -> Fix:
    after = server(cors_option(ask, ask.pages, note="keep the origins that are listed already, and add"))
    before = _before(ask) if "accepted" in ask.details else None
    return _fix(ask, "Add the page's origin to the cors option, exactly as the browser sends it", after, before=before)


def _repair(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        return _fix(ask, title, server(cors_option(ask, repaired(ask))), before=_before(ask))

    return cure


def _wildcard(ask: Ask) -> Fix:
    after = server(cors_option(ask, ask.pages, credentials=True))
    return _fix(ask, "Name the origins: * is never good enough for cookies", after, before='origin: "*"')


def _credentials(ask: Ask) -> Fix:
    after = server(cors_option(ask, repaired(ask), credentials=True))
    return _fix(ask, "Allow credentials: the client sends cookies", after)


def _callback(ask: Ask) -> Fix:
    lines = [
        f"const allowed = {js_list(ask.pages)};",
        "",
        server(
            block(
                "cors: {",
                [
                    block(
                        "origin: (origin, callback) => {",
                        [
                            "// an Error becomes 400 without CORS headers; false refuses quietly",
                            "callback(null, allowed.includes(origin));",
                        ],
                        "}" + ("," if ask.credentials else ""),
                    ),
                    *(["credentials: true"] if ask.credentials else []),
                ],
                "}",
            )
        ),
    ]
    before = 'callback(new Error("Not allowed by CORS"));'
    return _fix(
        ask,
        "Let the origin function answer false instead of an Error, and know the page",
        "\n".join(lines),
        before=before,
    )


def _cors(title: str) -> Cure:
    return lambda ask: _fix(ask, title, server(cors_option(ask, ask.pages)))


def _preflight_continue(ask: Ask) -> Fix | None:
    if ask.server.stack == "unknown":
        return None  # version 2 is far likelier
    title = "Let the cors option answer preflights: without preflightContinue, and with no headers added beside it"
    return _fix(ask, title, server(cors_option(ask, ask.pages)))


def _log_refusals(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        after = block(
            'io.engine.on("connection_error", (error) => {',
            [
                "// error.context says which check refused it",
                "console.error(error.code, error.message, error.context);",
            ],
            "});",
        )
        return _fix(ask, title, after, where="after new Server(...)")

    return cure


def _eio3(ask: Ask) -> Fix:
    title = "Or let the server speak to clients of version 2 as well, until the page is updated"
    return _fix(ask, title, server("allowEIO3: true", cors_option(ask, ask.pages, credentials=True)))


def _update(ask: Ask) -> Fix:
    return Fix(
        stack="socket.io 4", side="server", title="Or update the server to version 4; it then needs a cors option",
        where="the server's project", language="sh", after="npm install socket.io@4",
    )  # fmt: skip


def _slash(ask: Ask) -> Fix:
    return _fix(ask, "Let the server take the path with and without the slash", server("addTrailingSlash: false"))


def _upgrades(ask: Ask) -> Fix:
    title = "Let clients upgrade to WebSocket, which is the default"
    return _fix(ask, title, server("allowUpgrades: true"), before="allowUpgrades: false")


def _parser(ask: Ask) -> Fix:
    after = server('parser: require("socket.io-msgpack-parser")   // the one that the client has; or leave it out')
    return _fix(ask, "Or give the server the parser of the client", after)


def _uncompressed(ask: Ask) -> Fix:
    return _fix(ask, "Send WebSocket frames as they are, which is the default", server("perMessageDeflate: false"))


def _transports(ask: Ask) -> Fix:
    title = "Let the server speak both transports, which is the default"
    return _fix(ask, title, server('transports: ["polling", "websocket"]'))


def _path(ask: Ask) -> Fix:
    return _fix(ask, "Serve it at the path that the page asks for", server(f"path: {js(ask.plan.target.path)}"))


def _listen(ask: Ask) -> Fix:
    title = "Start the server, on all addresses of the machine"
    if ask.slug in NEW_PORT:
        why = "browsers refuse this one" if ask.slug == "unsafe-port" else "macOS has this one"
        title = f"Listen on another port: {why}"
    elif ask.slug == "bound-to-loopback":
        title = "Bind the server to all addresses of the machine"
    return _fix(
        ask,
        title,
        f"httpServer.listen({ask.app_port});   // no host: reachable from outside, and from outside its container",
        where="where the server starts, e.g. server.js",
    )


def _other_websocket(ask: Ask) -> Fix:
    after = block(
        'const wss = new WebSocketServer({ noServer: true });\n\nhttpServer.on("upgrade", (request, socket, head) => {',
        [
            block(
                f"if (!request.url.startsWith({js(ask.plan.target.path)})) {{",
                ['wss.handleUpgrade(request, socket, head, (client) => wss.emit("connection", client, request));'],
                "}",
            )
        ],
        "});",
    )
    title = "Keep the other WebSocket server off Socket.IO's path: with { server } it answers every upgrade"
    return _fix(ask, title, after, where="where the other server is made, e.g. new WebSocketServer({ server })")


def _one_instance(ask: Ask) -> Fix:
    after = "// io.js: the only place that calls new Server(...); every other module imports io from here\n"
    after += 'const { Server } = require("socket.io");\n\n' + server(cors_option(ask, ask.pages))
    after += "\n\nmodule.exports = { io };"
    title = "Make one Socket.IO server for each HTTP server: look for a second new Server(...), and for status monitors"
    return _fix(ask, title, after)


def _attach(ask: Ask) -> Fix:
    after = 'const { Server } = require("socket.io");\n\n' + server(cors_option(ask, ask.pages))
    return _fix(ask, "Or put a Socket.IO server there", after, where="the server's code, beside its HTTP server")


def _allow_request(ask: Ask) -> Fix:
    # Without CORS on the refusal the page would be let in, and still not read the answer.
    cors = [] if "allow-origin" in ask.details else [cors_option(ask, ask.pages)]
    after = "\n".join(
        [
            f"const allowed = {js_list(ask.pages)};",
            "",
            server(
                *cors,
                block(
                    "allowRequest: (request, callback) => {",
                    [
                        "const origin = request.headers.origin;",
                        "// the first argument is an error's text; a number there hangs WebSockets",
                        "callback(null, !origin || allowed.includes(origin));",
                    ],
                    "}",
                ),
            ),
        ]
    )
    return _fix(ask, "Let allowRequest accept the page; what else it checks, the client has to send", after)


def _one_port_each(ask: Ask) -> Fix:
    after = (
        "// PORT=3000 node server.js, PORT=3001 node server.js: no cluster.fork(), no pm2 -i;\n"
        "// the proxy in front keeps each client on one port\n"
        "httpServer.listen(process.env.PORT || 3000);"
    )
    # Measured: it routes connections, and a browser keeps them for its next session.
    title = "Run one process, or give each its own port: @socket.io/sticky still sends some clients to the wrong one"
    return _fix(ask, title, after, where="where the server starts, e.g. server.js")


def _pings(ask: Ask) -> Fix:
    after = server("pingInterval: 10000   // less than the patience of what is in front, which then hears it")
    return _fix(ask, "Let the server ping more often than what is in front loses patience", after)


def _middleware(title: str) -> Cure:
    return lambda ask: _fix(ask, title, _wants_token(ask), where="where io.use(...) is called")


def _wants_token(ask: Ask) -> str:
    return block(
        f"io.of({js(ask.plan.target.namespace)}).use((socket, next) => {{",
        [
            "const { token } = socket.handshake.auth;   // what the client gives as auth",
            "// whatever reaches next() as an Error is what the page sees",
            'next(token ? undefined : new Error("not authorized"));',
        ],
        "});",
    )


def _namespace(ask: Ask) -> Fix:
    after = block(
        f'io.of({js(ask.plan.target.namespace)}).on("connection", (socket) => {{',
        ['console.log("connected", socket.id);'],
        "});",
    )
    return _fix(ask, "Declare the namespace on the server", after, where="after new Server(...)")


def _reply(ask: Ask) -> Fix:
    after = block(
        f"io.of({js(ask.plan.target.namespace)}).use(async (socket, next) => {{",
        [
            block(
                "try {", ["// … await what has to be known first …", "next();"], "} catch (error) {\n  next(error);\n}"
            ),
        ],
        "});",
    )
    title = "Call next() on every way through a middleware; without it nobody answers"
    if ask.server.stack == "engine.io":
        title += ". Or there is Engine.IO alone: then put new Server(httpServer) of socket.io in its place"
    return _fix(ask, title, after, where="where io.use(...) is called")


def _cookie(ask: Ask) -> Fix:
    """Engine.IO's own cookie is an option; any other is that of the application's sessions."""
    title = "Let the cookie go to pages of other sites, which takes https; Safari sends it to none of them"
    if ask.details.get("cookie", "io") == "io":
        return _fix(ask, title, server('cookie: { name: "io", sameSite: "none", secure: true }', _with_cookies(ask)))
    after = 'app.set("trust proxy", 1);   // TLS ends at the proxy in front\n' + block(
        "app.use(session({", ["// … what is there already …", 'cookie: { sameSite: "none", secure: true }'], "}));"
    )
    return _fix(ask, title, after, where="where the cookie is set, e.g. by express-session")


def _with_cookies(ask: Ask) -> str:
    return cors_option(ask, repaired(ask), credentials=True)


def _take_cookies(ask: Ask) -> Fix:
    return _fix(
        ask, "Let the page send its cookies: it needs its origin by name, and credentials", server(_with_cookies(ask))
    )


def _larger(ask: Ask) -> Fix:
    after = server("maxHttpBufferSize: 1e6   // bytes, the default")
    return _fix(
        ask, "If it is CONNECT that is too large, take larger messages; a token needs no more than a few KB", after
    )


FIXES: dict[str, Cure] = {
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _take_cookies,
    "payload-limits": _larger,
    "cors-not-configured": _cors("Give Socket.IO a cors option: since version 3 it has none of its own"),
    "origin-not-in-list": _not_in_list,
    "static-origin-mismatch": _repair("List the origins in an array: a single string is sent to every page"),
    "origin-trailing-slash": _repair("Cut what stands behind the host: an origin has no path, not even a slash"),
    "origin-comma-list": _repair("Give each origin its own string: one string with commas is no list"),
    "origin-no-scheme": _repair("Write the scheme: an origin begins with https:// or http://"),
    "origin-callback-error": _callback,
    "wildcard-with-credentials": _wildcard,
    "acac-missing": _credentials,
    "preflight-header-not-allowed": _cors(
        "List the client's headers in allowedHeaders, or leave the option out: then any header is allowed"
    ),
    "preflight-malformed": _cors("Write names alone into allowedHeaders and methods, each its own string"),
    "cors-on-handshake-only": _cors("Let the cors option add the headers: initial_headers is for the first answer"),
    "engine-middleware-error": _log_refusals(
        "See which io.engine.use(...) refuses: there is no res.status() there, and next(error) is 400 for the page"
    ),
    "ws-two-servers-conflict": _other_websocket,
    "two-instances-one-server": _one_instance,
    "unsafe-port": _listen,
    "preflight-unhandled-v2": _preflight_continue,
    "proxy-strips-acao": _cors("See that the cors option lists the page"),
    "error-response-without-cors": _log_refusals("Let the server say what it refuses: the browser hides it"),
    "client-too-old": _eio3,
    "server-too-old": _update,
    "transport-disabled": _transports,
    "path-mismatch": _path,
    "wrong-path-hangs": _path,
    "trailing-slash-path": _slash,
    "allow-upgrades-off": _upgrades,
    "parser-mismatch": _parser,
    "ws-frame-corruption": _uncompressed,
    "ws-only-version-mismatch": _eio3,
    "macos-port-5000": _listen,
    "server-refused": _listen,
    "bound-to-loopback": _listen,
    "connection-reset": _listen,
    "plain-websocket-server": _attach,
    "allowrequest-403": _allow_request,
    "ws-allowrequest-origin": _allow_request,
    "ws-refused": _log_refusals("Let the server say why it refuses the WebSocket"),
    "ws-idle-timeout": _pings,
    "no-sticky-sessions": _one_port_each,
    "connect-middleware-error": _middleware(
        "Look into the middleware that refuses: it reads what the client does not send"
    ),
    "disconnected-at-once": _middleware(
        "Refuse in a middleware instead of the connection handler: then connect_error tells the page why"
    ),
    "invalid-namespace": _namespace,
    "no-connect-reply": _reply,
}
FIXES["v2-client-always-credentialed"] = _wildcard
FIXES["acah-star-limits"] = FIXES["preflight-header-not-allowed"]
FIXES["any-origin-with-credentials"] = _cors("List the pages that may connect: then no other site can")
FIXES["origin-match-too-wide"] = _cors("List whole origins: a part of one fits strangers too")
FIXES["null-origin-allowed"] = _cors("Take null off the list, and serve the page that needed it")
