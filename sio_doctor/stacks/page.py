"""The page's side: what socket.io-client is given."""

from __future__ import annotations

from urllib.parse import urlsplit

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import policy
from sio_doctor.stacks.base import Ask, Cure, Side, block, js, js_list, nothing

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


def _port(ask: Ask) -> Fix:
    parts = urlsplit(ask.plan.target.url)
    title = "If Socket.IO listens on a port of its own, name it (3000 here)"
    if ask.slug == "unsafe-port":
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


def _version(version: int, title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        return _fix(title, f"npm install socket.io-client@{version}", language="sh", where="the page's project")

    return cure


def _transports(ask: Ask) -> Fix | None:
    if "layer-query" in ask.details:
        return None
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
        if ask.plan.client.version == 2:
            return _fix(title, call(ask, "query: { token }"))
        return _fix(title, call(ask, "auth: { token }"))

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


def _permission(ask: Ask) -> Fix | None:
    """Headers cannot help: the browser asks the person."""
    return _fix(
        "Serve page and server from the same network, or the server publicly; until then the person allows it",
        "# in Chrome: the icon left of the address, Site settings, Local network access: Allow",
        language="sh",
        where="in the browser of each person",
    )


FIXES: dict[str, Cure] = {
    "local-network-access": _permission,
    "redirect-http-to-https": _redirected,
    "redirect-www-apex": _redirected,
    "preflight-redirect": _redirected,
    "mixed-content": _mixed,
    "csp-connect-src": policy.listing,
    "csp-upgrade-insecure": policy.without_upgrade,
    "tls-plain-mixup": _scheme,
    "dns-fails": _same_host,
    "html-instead-of-handshake": _port,
    "unsafe-port": _port,
    "path-mismatch": _path,
    "plain-websocket-server": _websocket,
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
    "connect-middleware-error": _token("Give what the server asks for, as auth"),
    "rate-limit": lambda ask: _fix(
        "Try again less often", call(ask, "reconnectionDelay: 5000", "reconnectionDelayMax: 60000")
    ),
    "invalid-namespace": _namespace,
    **dict.fromkeys(("cors-not-configured", "origin-not-in-list", "python-origin-not-accepted"), served),
}
