"""Traefik, by a file of its dynamic configuration: https://doc.traefik.io/traefik/reference/routing-configuration/"""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, block, has_layer
from sio_doctor.stacks.proxied import (
    at_the_usual_path,
    layered,
    name,
    of_the_post,
    own_page,
    path,
    scheme,
    secured,
    tls,
    two,
    without_tls,
)

SIDE: Side = "proxy"
NAMES = {"traefik": "Traefik"}


def fits(server: Server) -> bool:
    """Traefik is in front."""
    return has_layer(server, "Traefik")


def recognise(evidence: Evidence) -> Claim | None:
    """It leaves no mark of its own: the person names it."""
    return None


def _nested(head: str, *lines: str) -> str:
    return block(head, list(lines), "").rstrip()


def _file(
    ask: Ask,
    *,
    balancer: tuple[str, ...] = (),
    servers: tuple[str, ...] = (),
    middleware: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
) -> str:
    """A router for Socket.IO's path, before all others, with no middleware but the one that is given."""
    router = [f"rule: Host(`{name(ask)}`) && PathPrefix(`{path(ask)}`)", "priority: 100000", "service: socketio"]
    if middleware:
        router.append(_nested("middlewares:", "- socketio"))
    if tls(ask):
        router.append("tls: {}   # with the certResolver of your other routers, if they have one")
    urls = [f"- url: {url}" for url in servers or (ask.upstream,)]
    parts = [
        _nested("routers:", _nested("socketio:", *router)),
        _nested("services:", _nested("socketio:", _nested("loadBalancer:", *balancer, _nested("servers:", *urls)))),
    ]
    if middleware:
        parts.append(_nested("middlewares:", _nested("socketio:", *middleware)))
    return _nested("http:", *parts, *more)


def _fix(title: str, after: str, *, before: str | None = None, where: str = "") -> Fix:
    return Fix(
        stack="Traefik", side="proxy", title=title,
        where=where or "a file of its own in the folder of the file provider (providers.file.directory), which Traefik "
        "watches; labels and IngressRoute have the same names",
        language="yaml", before=before, after=after,
    )  # fmt: skip


def _routed(
    title: str,
    *,
    balancer: tuple[str, ...] = (),
    middleware: tuple[str, ...] = (),
    more: tuple[str, ...] = (),
    before: str | None = None,
) -> Cure:
    return lambda ask: _fix(
        title, _file(ask, balancer=balancer, middleware=middleware, more=more), before=before
    )  # fmt: skip


def _sticky(ask: Ask) -> Fix:
    """By a cookie where the page sends it back; else by address, which takes a new Traefik."""
    one, other = two(ask)
    before = _nested("loadBalancer:", _nested("servers:", f"- url: {one}", f"- url: {other}"))
    if ask.credentials and tls(ask) and ask.slug != "preflight-not-sticky":
        cookie = ("name: socketio", "httpOnly: true", "secure: true", "sameSite: none")
        balancer, title = (
            _nested("sticky:", _nested("cookie:", *cookie)),
            "Keep each client on one process, by a cookie",
        )
    else:
        balancer = "strategy: hrw"
        title = "Keep each client on one process, by its address (strategy hrw: Traefik 3.7 or newer)"
    return _fix(title, _file(ask, balancer=(balancer,), servers=(one, other)), before=before)


def _cookie(ask: Ask) -> Fix:
    cookie = ("name: socketio", "httpOnly: true", "secure: true", "sameSite: none")
    balancer = _nested("sticky:", _nested("cookie:", *cookie))
    title = "Let the cookie go between two sites, which takes https; Safari sends it to none but its own"
    before = _nested("sticky:", _nested("cookie:", "name: socketio"))
    return _fix(title, _file(ask, balancer=(balancer,), servers=two(ask)), before=before)


def _behind_tls(ask: Ask) -> Fix:
    headers = _nested("headers:", _nested("customRequestHeaders:", f"X-Forwarded-Proto: {scheme(ask)}"))
    title = "Pass on the scheme that browsers ask by: python-socketio compares the page's origin with it"
    return _fix(title, _file(ask, middleware=(headers,)))


def _forwarded(ask: Ask) -> Fix | None:
    return _behind_tls(ask) if own_page(ask) else None


@without_tls
def _tls(ask: Ask) -> Fix:
    return _fix("Put TLS in front of the Socket.IO server", _file(secured(ask)))


def _certificate(ask: Ask) -> Fix:
    folder = f"/etc/letsencrypt/live/{name(ask)}"
    files = _nested("certificates:", f"- certFile: {folder}/fullchain.pem\n  keyFile: {folder}/privkey.pem")
    title = "Give Traefik a certificate that browsers trust, with its chain, for this name"
    return _fix(title, _nested("tls:", files))


def _no_client_certificate(ask: Ask) -> Fix:
    title = "Ask for no client certificate where Socket.IO is served, and let the application say who may connect"
    options = [_nested("default:", _nested("clientAuth:", f"clientAuthType: {kind}")) for kind in _CLIENT_AUTH]
    after, before = (_nested("tls:", _nested("options:", option)) for option in options)
    return _fix(title, after, before=before)


_CLIENT_AUTH = ("NoClientCert", "RequireAndVerifyClientCert")
_CORS = _nested("headers:", _nested("accessControlAllowOriginList:", '- "*"'))
_no_cors = _routed(
    "Let Socket.IO alone answer with CORS headers: a router of its own, without the middleware", before=_CORS
)
_kept = _routed(
    "Pass the path on as it came: a router of its own, without stripPrefix",
    before=_nested("stripPrefix:", _nested("prefixes:", "- /socket.io")),
)
_scheme = _routed(
    "Let Socket.IO be served where it is asked: a router of its own, without redirectScheme",
    before=_nested("redirectScheme:", "scheme: https"),
)
_all = _routed("Pass Socket.IO to its own service, every method and the whole address")
_buffered = _routed(
    "Let bodies through as large as Socket.IO takes (1 MB): a router of its own, without buffering",
    before=_nested("buffering:", "maxRequestBodyBytes: 1000"),
)


FIXES: dict[str, Cure] = {
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _sticky,
    "sticky-cookie-not-sent": _cookie,
    "ws-idle-timeout": _routed(
        "Let Traefik wait for as long as a poll is quiet",
        balancer=("serversTransport: socketio",),
        more=(
            _nested(
                "serversTransports:",
                _nested("socketio:", _nested("forwardingTimeouts:", "responseHeaderTimeout: 0s   # no limit")),
            ),
        ),
        before=_nested("forwardingTimeouts:", "responseHeaderTimeout: 20s"),
    ),
    "ws-proxy-no-upgrade": _routed(
        "Pass to the Socket.IO server itself: Traefik passes WebSockets on unless a middleware drops these headers",
        before=_nested("headers:", _nested("customRequestHeaders:", 'Upgrade: ""')),
    ),
    "ws-refused": _routed("Pass WebSockets to the Socket.IO server, as they came"),
    "two-instances-one-server": _routed(
        "Pass WebSockets to the same service as polling: one router for both",
        before="rule: HeadersRegexp(`Upgrade`, `(?i)websocket`)",
    ),
    "duplicate-acao-proxy": _no_cors,
    "wildcard-with-credentials": _no_cors,
    "any-origin-with-credentials": _no_cors,
    "null-origin-allowed": _no_cors,
    "acah-star-limits": _no_cors,
    "static-origin-mismatch": _no_cors,
    "preflight-empty-2xx": _no_cors,
    "preflight-header-not-allowed": layered("layer-preflight")(_no_cors),
    "acac-missing": layered("layer-origin")(_no_cors),
    "preflight-unhandled-v2": layered("layer-origin")(_no_cors),
    "proxy-strips-acao": _routed(
        "Let Socket.IO's CORS headers through: a router of its own, without the middleware",
        before=_nested("headers:", _nested("customResponseHeaders:", 'Access-Control-Allow-Origin: ""')),
    ),
    "vary-origin-missing": _routed(
        "Tell every cache that answers differ from origin to origin",
        middleware=(_nested("headers:", _nested("customResponseHeaders:", "Vary: Origin")),),
    ),
    "path-mismatch": at_the_usual_path(_kept),
    "wrong-path-hangs": at_the_usual_path(_kept),
    "proxy-strips-path": _kept,
    "transport-unknown": _all,
    "html-instead-of-handshake": _routed("Give Socket.IO's path a router and a service of its own"),
    "gateway-5xx-no-cors": _routed("Start the Socket.IO server, and pass to the port where it listens"),
    "method-or-size-filter": _buffered,
    "payload-limits": _buffered,
    "error-response-without-cors": of_the_post(_buffered),
    "preflight-blocked-upstream": _routed(
        "Let preflights through to Socket.IO, and check the client's token in a middleware: browsers send no password "
        "with them",
        before=_nested("forwardAuth:", "address: https://login.example.com/auth"),
    ),
    "basic-auth-or-401": _routed(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        before=_nested("basicAuth:", "usersFile: /etc/traefik/users"),
    ),
    "redirect-to-login": _routed(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        before=_nested("forwardAuth:", "address: https://login.example.com/auth"),
    ),
    "redirect-loop": _scheme,
    "preflight-redirect": _scheme,
    "rate-limit": _routed(
        "Give Socket.IO a limit of its own: polling asks often",
        middleware=(_nested("rateLimit:", "average: 20", "burst: 100"),),
        before=_nested("rateLimit:", "average: 1"),
    ),
    "request-overlap": _routed(
        "Send each request once: a router of its own, without retry", before=_nested("retry:", "attempts: 4")
    ),
    "python-origin-not-accepted": _forwarded,
    "python-behind-tls-proxy": _behind_tls,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-client-certificate": _no_client_certificate,
    "tls-plain-mixup": _tls,
    "mixed-content": _tls,
}
