"""The page's side: what socket.io-client is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import policy
from sio_doctor.stacks.base import NEW_PORT, Ask, Cure, Side, block, js, js_list, mounted, nothing

SIDE: Side = "page"
recognise = nothing


def fits(server: Server) -> bool:
    """Every server has a page."""
    return True


def _fix(title: str, after: str, *, before: str | None = None, language: str = "js", where: str = "") -> Fix:
    return Fix(
        stack="socket.io-client", side="page", title=title, where=where or "where the page calls io(...)",
        language=language, before=before, after=after,
    )  # fmt: skip


def call(ask: Ask, *options: str, url: str | None = None, path: str | None = None, namespace: str | None = None) -> str:
    """The page's call of ``io``, with these options beside the path."""
    target = ask.plan.target
    path = target.path if path is None else path
    namespace = target.namespace if namespace is None else namespace
    address = (target.url if url is None else url) + ("" if namespace == "/" else namespace)
    given = [*([f"path: {js(path)}"] if path != "/socket.io/" else []), *options]
    # Version 2 sends them unless it is told not to.
    if ask.credentials and ask.plan.client.version != 2 and not any("withCredentials" in one for one in options):
        given.append("withCredentials: true")
    arguments = js(address) if address else ""
    if not given:
        return f"const socket = io({arguments});"
    lines = [option + ("," if number < len(given) else "") for number, option in enumerate(given, 1)]
    return block(f"const socket = io({arguments + ', ' if arguments else ''}{{", lines, "});")


def _final(ask: Ask) -> str:
    """Where a redirect leads, as far as it is known: else the same host by https."""
    target = ask.plan.target.url
    try:
        parts = urlsplit(ask.details.get("location", ""))
        if parts.scheme in ("http", "https") and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        pass
    scheme, _, host = target.partition("://")
    if ask.slug == "redirect-www-apex":
        return f"{scheme}://{host.removeprefix('www.') if host.startswith('www.') else 'www.' + host}"
    return f"https://{host}"


def _redirected(ask: Ask) -> Fix:
    title = "Connect to where the redirect leads: neither preflights nor WebSockets follow one"
    return _fix(title, call(ask, url=_final(ask)), before=call(ask))


def _mixed(ask: Ask) -> Fix:
    url = "https://" + ask.plan.target.url.partition("://")[2]
    title = "Connect by https, once the server (or a proxy before it) speaks TLS: an https page may not ask http"
    return _fix(title, call(ask, url=url), before=call(ask))


def _scheme(ask: Ask) -> Fix:
    scheme, _, host = ask.plan.target.url.partition("://")
    other = "http" if scheme == "https" else "https"
    title = f"Connect by {other}: this port speaks it"
    if other == "http" and (
        "policy-upgrades" in ask.details or any(origin.startswith("https:") for origin in ask.origins)
    ):
        title = "This port speaks http alone: give it TLS; until then only an http page can ask it, like this"
    return _fix(title, call(ask, url=f"{other}://{host}"), before=call(ask))


def _same_host(ask: Ask) -> Fix:
    title = "Or connect to the page's own host, and let its web server pass the path on to Socket.IO"
    return _fix(title, call(ask, url=""), before=call(ask))


def _address(ask: Ask) -> Fix:
    parts = urlsplit(ask.plan.target.url)
    address = ask.details.get("address", "127.0.0.1")
    port = f":{parts.port}" if parts.port else ""
    url = f"{parts.scheme}://{f'[{address}]' if ':' in address else address}{port}"
    return _fix("Ask by the address at which Socket.IO answers", call(ask, url=url), before=call(ask))


def _port(ask: Ask) -> Fix:
    parts = urlsplit(ask.plan.target.url)
    title = "If Socket.IO listens on a port of its own, name it (3000 here)"
    if ask.slug in NEW_PORT:
        title = "Then name the new port (3000 here)"
    return _fix(
        title,
        call(ask, url=f"{parts.scheme}://{parts.netloc.rsplit(':', 1)[0] if parts.port else parts.netloc}:3000"),
        before=call(ask),
    )


def _path(ask: Ask) -> Fix | None:
    path = ask.details.get("path")
    if path:
        namespace = "/" if ask.plan.namespace_from_path else None
        return _fix(
            "Ask at the path where Socket.IO answers", call(ask, path=path, namespace=namespace), before=call(ask)
        )
    return None  # the usual ones were asked, and did not answer


def _slashes(ask: Ask) -> Fix:
    """As socket.io-client writes every path unless it is told not to: one slash at each end."""
    path = "/" + re.sub(r"/+", "/", ask.plan.target.path).strip("/") + "/"
    return _fix("Give the path with one slash at each end", call(ask, path=path), before=call(ask))


def _as_path(ask: Ask) -> Fix:
    path = ask.details.get("path") or ask.plan.target.namespace.rstrip("/") + "/"
    title = "Give the path as the path option: behind the host io(...) reads a namespace"
    return _fix(title, call(ask, path=path, namespace="/"), before=call(ask))


def _mounted(ask: Ask) -> Fix:
    title = "Ask at the whole path: where it is mounted, and the one of its own"
    namespace = "/" if ask.plan.namespace_from_path else None
    return _fix(title, call(ask, path=mounted(ask) + "/socket.io/", namespace=namespace), before=call(ask))


def _passed_on(ask: Ask) -> Fix:
    """In the configuration of the server that the page is developed with."""
    inner = block(f"{js(ask.plan.target.path.rstrip('/'))}: {{", ['target: "http://localhost:3000",', "ws: true"], "}")
    after = "module.exports = " + block("{", [block("server: {", [block("proxy: {", [inner], "}")], "}")], "};")
    title = "Let the development server pass Socket.IO on, WebSockets too (it listens on port 3000 here)"
    return _fix(title, after, where="vite.config.cjs (webpack: devServer.proxy; Create React App: setupProxy.js)")


def _own_port(ask: Ask) -> Fix:
    """Where the page asks its own server, that can pass the path on; else the port is another one."""
    own = ask.plan.target.url in ask.origins or ask.port == 3000
    return _passed_on(ask) if own else _port(ask)


def _elsewhere(title: str, url: str) -> Cure:
    return lambda ask: _fix(title, call(ask, url=url), before=call(ask))


_PUBLIC_PORT = {
    "devtunnels.ms": "devtunnel access create TUNNEL --anonymous",
    "gitpod.io": "gp ports visibility 3000:public",
}


def _public(ask: Ask) -> Fix:
    named = (command for end, command in _PUBLIC_PORT.items() if ask.host.endswith(end))
    after = next(named, "gh codespace ports visibility 3000:public")
    title = "Make the port public (3000 here)"
    return _fix(title, after, language="sh", where="where the server runs; or in the editor, under Ports")


def _parser(ask: Ask) -> Fix:
    after = 'const parser = require("socket.io-msgpack-parser");   // the one that the server has\n'
    return _fix("Give the client the parser of the server", after + call(ask, "parser"), before=call(ask))


def _websocket(ask: Ask) -> Fix:
    target = ask.plan.target
    path = target.namespace if ask.plan.namespace_from_path else "/"
    url = "ws" + target.url.removeprefix("http") + path
    after = f"const socket = new WebSocket({js(url)});"
    return _fix(
        "Use the browser's own WebSocket: the server is no Socket.IO server (and may want another path)",
        after,
        before=call(ask),
    )


def _version(version: int, title: str) -> Callable[[Ask], Fix]:
    def cure(ask: Ask) -> Fix:
        return _fix(title, f"npm install socket.io-client@{version}", language="sh", where="the page's project")

    return cure


def _python_version(ask: Ask) -> Fix:
    """Each version of python-socketio speaks to one generation of clients alone."""
    if ask.plan.client.version == 2:
        return _version(4, "Update the client: this server speaks to versions 3 and 4")(ask)
    return _version(2, "Use the client that speaks to this server: version 2")(ask)


def _transports(ask: Ask) -> Fix:
    title, names = "Ask by WebSocket alone, as the server does without polling", ("websocket",)
    if ask.plan.client.transports[0] == "websocket" or "polls" in ask.details:
        title, names = "Begin by polling: the server does not open WebSockets", ("polling",)
    return _fix(title, call(ask, f"transports: {js_list(names)}"))


def _without_cookies(ask: Ask) -> Fix:
    title = "Or send no cookies, if the server needs none (version 2 sends them unless it is told not to)"
    before = call(ask) if ask.plan.client.version == 2 else call(ask, "withCredentials: true")
    return _fix(title, call(ask, "withCredentials: false"), before=before)


def _token(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        where = "where the page calls io(...); token is what the page knows itself by"
        given = "query: { token }" if ask.plan.client.version == 2 else "auth: { token }"
        return _fix(title, call(ask, given), where=where)

    return cure


def _namespace(ask: Ask) -> Fix | None:
    namespace = ask.plan.target.namespace
    if ask.plan.namespace_from_path:
        title = "If this is the server's path and no namespace: it belongs in the path option"
        return _fix(title, call(ask, path=namespace.rstrip("/") + "/", namespace="/"), before=call(ask))
    return _fix("Or join the main namespace", call(ask, namespace="/"), before=call(ask)) if namespace != "/" else None


def served(ask: Ask) -> Fix | None:
    """Where the page was opened from a file."""
    if "null" not in ask.origins:
        return None
    title = "Serve the page over http: one that is opened from a file has the origin null, which nobody can list safely"
    return _fix(
        title,
        "python3 -m http.server 8000   # then open http://localhost:8000",
        language="sh",
        where="in the page's folder",
    )


def _without_header(ask: Ask) -> Fix:
    """The value may be a secret, were it another header: it is not shown."""
    named = next((header for header in ask.headers if header.lower().startswith("access-control-")), _ALLOW)
    return _fix(
        "Leave it out: Access-Control-… headers belong into the server's answer; in a request they want a preflight",
        call(ask),
        before=call(ask, f"extraHeaders: {{ {js(named)}: … }}"),
    )


_ALLOW = "Access-Control-Allow-Origin"


def _permission(ask: Ask) -> Fix | None:
    """Headers cannot help: the browser asks the person."""
    return _fix(
        "Serve page and server from the same network, or the server publicly; until then the person allows it",
        "# in Chrome: the icon left of the address, Site settings, Local network access: Allow",
        language="sh",
        where="in the browser of each person",
    )


def _send_cookies(ask: Ask) -> Fix | None:
    if ask.credentials:
        return None
    title = "Send the cookie that keeps the session on one server"
    return _fix(title, call(ask, "withCredentials: true"), before=call(ask))


def _patience(ask: Ask) -> Fix:
    """It is in the client already."""
    after = call(ask) + block(
        '\nsocket.on("disconnect", (reason) => {',
        [
            "// the client connects anew by itself, but for this reason: the server meant it",
            'if (reason === "io server disconnect") socket.connect();',
        ],
        "});",
    )
    return _fix(
        "Let the client connect anew, as it does by itself, and have no state in the server's memory alone", after
    )


FIXES: dict[str, Cure] = {
    "sticky-cookie-not-sent": _send_cookies,
    "restart-or-sleep": _patience,
    "payload-limits": _token("Send a token as auth, which goes in a body and not in the URL"),
    "local-network-access": _permission,
    "redirect-http-to-https": _redirected,
    "redirect-www-apex": _redirected,
    "preflight-redirect": _redirected,
    "mixed-content": _mixed,
    "csp-connect-src": policy.listing,
    "csp-upgrade-insecure": policy.without_upgrade,
    "tls-plain-mixup": _scheme,
    "localhost-ipv6-mismatch": _address,
    "dns-fails": _same_host,
    "html-instead-of-handshake": _port,
    "unsafe-port": _port,
    "path-mismatch": _path,
    "wrong-path-hangs": _path,
    "trailing-slash-path": _slashes,
    "path-vs-namespace": _as_path,
    "asgi-mount-path": _mounted,
    "plain-websocket-server": _websocket,
    "port-missing-or-wrong": _own_port,
    "macos-port-5000": _port,
    "serverless-host": _elsewhere("Connect to where the Socket.IO server runs", "https://your-socket-server.example"),
    "localhost-in-production": _elsewhere(
        "Give the page the server's public address when it is built", "https://your-server.example"
    ),
    "tunnel-or-preview-auth": _public,
    "ws-dev-proxy": _passed_on,
    "parser-mismatch": _parser,
    "hsts-upgrade": _mixed,
    "ws-only-version-mismatch": _version(4, "Update the client: this server speaks to versions 3 and 4"),
    "client-too-old": _version(4, "Update the client: this server speaks to versions 3 and 4"),
    "server-too-old": _version(2, "Use the client that speaks to this server: version 2"),
    "transport-disabled": _transports,
    "wildcard-with-credentials": _without_cookies,
    "preflight-header-not-allowed": _token("Or send the token without a header: then there is no preflight"),
    "preflight-blocked-upstream": _token("Or send no header of your own: then there is no preflight"),
    "preflight-empty-2xx": _token("Or send no header of your own: then there is no preflight"),
    "preflight-unhandled-v2": _token("Or send the token without a header: then there is no preflight"),
    "redirect-to-login": _token("Then let the page say who it is"),
    "basic-auth-or-401": _token("Then let the page say who it is"),
    "extraheaders-ignored-ws": _token("Send it in auth: a WebSocket of a browser has no headers of the page"),
    "connect-middleware-error": _token("Give what the server asks for, as auth"),
    "rate-limit": lambda ask: _fix(
        "Try again less often", call(ask, "reconnectionDelay: 5000", "reconnectionDelayMax: 60000")
    ),
    "invalid-namespace": _namespace,
    "client-sets-response-header": _without_header,
    "v2-client-always-credentialed": _without_cookies,
    "acah-star-limits": _token("Or send the token without a header: then there is no preflight"),
    "preflight-not-sticky": _token("Or send the token without a header: then there is no preflight"),
    "python-version-mismatch": _python_version,
    **dict.fromkeys(
        (
            "cors-not-configured",
            "origin-not-in-list",
            "python-origin-not-accepted",
            "origin-star-in-array",
            "null-origin",
            "null-origin-allowed",
        ),
        served,
    ),
}
