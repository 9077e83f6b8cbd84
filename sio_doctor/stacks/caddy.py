"""Caddy."""

from __future__ import annotations

from collections.abc import Callable

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, block, conf, has_layer, product
from sio_doctor.stacks.proxied import (
    added,
    at_the_usual_path,
    layered,
    name,
    netloc,
    of_the_post,
    own_origin,
    own_page,
    path,
    scheme,
    secured,
    tls,
    two,
    unless_listed,
    without_tls,
)

SIDE: Side = "proxy"
NAMES = {"caddy": "Caddy"}


def fits(server: Server) -> bool:
    """Caddy is in front."""
    return has_layer(server, "Caddy")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header."""
    return product(evidence, r"^Caddy$", "Caddy")


def _address(ask: Ask) -> str:
    """The site as the Caddyfile names it: by https it gets its certificate by itself."""
    host = f"[{name(ask)}]" if ":" in name(ask) else name(ask)
    usual = 443 if tls(ask) else 80
    return f"{'' if tls(ask) else 'http://'}{host}{'' if ask.port == usual else f':{ask.port}'}"


def _upstream(url: str) -> str:
    return f"https://{netloc(url)}" if url.startswith("https:") else netloc(url)


def _passed(*upstreams: str, options: tuple[str, ...] = ()) -> str:
    line = f"reverse_proxy {' '.join(map(_upstream, upstreams))}"
    return block(f"{line} {{", list(options), "}", "\t") if options else line


def _site(
    ask: Ask, title: str, *more: str, options: tuple[str, ...] = (), passed: str = "", before: str | None = None
) -> Fix:
    """The site's block, Socket.IO apart from whatever else it serves: Caddy rewrites and asks for passwords first."""
    lines = [*more, passed or _passed(ask.upstream, options=options)]
    rest = ["# all that this site's block has now: root, file_server, try_files, header, reverse_proxy, …"]
    blocks = [block(f"handle {path(ask)}* {{", lines, "}", "\t"), block("handle {", rest, "}", "\t")]
    return Fix(
        stack="Caddy", side="proxy", title=title,
        where=f"in the Caddyfile, in place of the block of {_address(ask)}; then caddy validate && caddy reload",
        language="caddyfile", before=before, after=block(f"{_address(ask)} {{", blocks, "}", "\t"),
    )  # fmt: skip


def _sited(
    title: str, *more: str, options: tuple[str, ...] = (), before: str | Callable[[Ask], str] | None = None
) -> Cure:
    return lambda ask: _site(
        ask, title, *more, options=options, before=before(ask) if callable(before) else before
    )  # fmt: skip


def _sticky(ask: Ask) -> Fix:
    # Behind a CDN the address of a connection is that of one of its many machines.
    policy = "header CF-Connecting-IP" if ask.layer("Cloudflare") else "ip_hash"
    one, other = two(ask)
    passed = block(
        f"reverse_proxy {_upstream(one)} {_upstream(other)} {{   # each of your processes",
        [f"lb_policy {policy}"],
        "}",
        "\t",
    )
    return _site(ask, "Keep each client on one process", passed=passed, before="lb_policy round_robin")


def _without(title: str, value: str = "") -> Cure:
    """Where the site sets the header, which the second handle does now, for all but Socket.IO."""
    return _sited(title, before=lambda ask: f"header Access-Control-Allow-Origin {value or added(ask)}")


@own_origin
def _own_origin(ask: Ask) -> Fix:
    literal = conf(ask.details.get("allow-origin", ""), "https://your-page.example")
    title = "If Caddy sets the header, leave Socket.IO out of it: its cors option answers"
    return _site(ask, title, before=f"header Access-Control-Allow-Origin {literal}")


def _preflight_let_through(ask: Ask) -> Fix:
    """Where it was a password that is missing, everything but preflights still needs it."""
    if ask.details.get("preflight", "401") != "401":
        title = "Let preflights through to Socket.IO: they come by OPTIONS"
        return _site(ask, title, before="@others not method GET POST\nrespond @others 405")
    title = "Let preflights through to Socket.IO: browsers send no password with them"
    lines = ["@asked not method OPTIONS", _password("@asked ")]
    return _site(ask, title, *lines, before=_password(""))


def _password(matcher: str) -> str:
    users = ["# the users that are there now, a line each"]
    return "# basic_auth since Caddy 2.8\n" + block(f"basicauth {matcher}{{", users, "}", "\t")


def _behind_tls(ask: Ask) -> Fix:
    title = "Pass on the host and the scheme that browsers ask by: python-socketio compares the page's origin with them"
    options = ("header_up Host {http.request.hostport}", f"header_up X-Forwarded-Proto {scheme(ask)}")
    return _site(ask, title, options=options, before="header_up Host {upstream_hostport}")


def _forwarded(ask: Ask) -> Fix | None:
    if "layer-request" in ask.details:
        before = f"header_up Origin {conf(ask.details['layer-request'], '…')}"
        return _site(ask, "Leave Origin as the browser sent it", before=before)
    return _behind_tls(ask) if own_page(ask) else None


@without_tls
def _tls(ask: Ask) -> Fix:
    title = "Put TLS in front of the Socket.IO server: without http:// Caddy gets a certificate by itself"
    return _site(secured(ask), title, before=f"http://{name(ask)} {{")


_stripped = _sited("Pass the path on as it came", before=lambda ask: f"handle_path {path(ask)}* {{")
_post = _sited(
    "Let every method through to Socket.IO, and bodies as large as it takes (1 MB)",
    "request_body {\n\tmax_size 2MB\n}",
    before="@others not method GET\nrespond @others 405",
)
_preflight = _sited(
    "Let Socket.IO answer preflights", before="@preflight method OPTIONS\nrespond @preflight 204"
)  # fmt: skip
_redirect = _sited(
    "Let Socket.IO be served where it is asked, without a redirect",
    before="redir https://{host}{uri}",
)
_cookie = _sited(
    "Or let Caddy set what cookies need between two sites, which takes https",
    options=('header_down Set-Cookie "^(.*)$" "$1; Secure; SameSite=None"',),
)
_certificate = _sited(
    "Let Caddy get the certificate by itself, which browsers trust: the name must lead here, and port 80 be open",
    before="tls internal",
)
_reflected = _sited(
    "If Caddy sends whatever origin asks back, leave Socket.IO out: the cors option names who may read",
    before="header Access-Control-Allow-Origin {http.request.header.Origin}",
)

FIXES: dict[str, Cure] = {
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _cookie,
    "request-overlap": _sited("Send each request once: a second one ends the session", before="lb_retries 3"),
    "payload-limits": _post,
    "vary-origin-missing": _sited(
        "Tell every cache that answers differ from origin to origin", options=("header_down +Vary Origin",)
    ),
    "html-instead-of-handshake": _sited(
        "Pass Socket.IO on before the rule that answers with the page", before="try_files {path} /index.html"
    ),
    "gateway-5xx-no-cors": _sited("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _sited(
        "Pass to the Socket.IO server itself: Caddy passes WebSockets on unless it is told to drop these headers",
        before="header_up -Upgrade",
    ),
    "ws-refused": _sited("Pass WebSockets to the Socket.IO server, as they came"),
    "two-instances-one-server": _sited(
        "Pass WebSockets to the same server as polling: one reverse_proxy for both",
        before="@websockets header Upgrade websocket\nreverse_proxy @websockets 127.0.0.1:3001",
    ),
    "ws-idle-timeout": _sited(
        "Let Caddy wait as long as Socket.IO is quiet: it has no limit of its own for that",
        before="transport http {\n\tread_timeout 20s\n}",
    ),
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _sticky,
    "duplicate-acao-proxy": _without("Set CORS headers on everything but Socket.IO, which sends its own"),
    "wildcard-with-credentials": _without(
        "If Caddy sets the *, leave Socket.IO out of it: its cors option answers", "*"
    ),
    "any-origin-with-credentials": _reflected,
    "null-origin-allowed": _reflected,
    "acah-star-limits": _sited(
        "If Caddy sets it, leave Socket.IO out: it names the headers that are asked for",
        before="header Access-Control-Allow-Headers *",
    ),
    "static-origin-mismatch": _own_origin,
    "origin-comma-list": _own_origin,
    "origin-no-scheme": _own_origin,
    "origin-trailing-slash": _own_origin,
    "acac-missing": _own_origin,
    "preflight-unhandled-v2": _own_origin,
    "preflight-header-not-allowed": layered("layer-preflight")(_preflight),
    "preflight-empty-2xx": _preflight,
    "preflight-blocked-upstream": _preflight_let_through,
    "path-mismatch": at_the_usual_path(_stripped),
    "wrong-path-hangs": at_the_usual_path(_stripped),
    "proxy-strips-path": _stripped,
    "trailing-slash-path": _sited(
        "Let Socket.IO's path as it is: the slash at its end belongs to it",
        before="@slash path_regexp ^(.+)/$\nredir @slash {re.1}",
    ),
    "transport-unknown": _sited("Pass the whole address on, its query too", before="rewrite * {path}?"),
    "method-or-size-filter": _post,
    "error-response-without-cors": of_the_post(_post),
    "preflight-redirect": _redirect,
    "redirect-loop": _redirect,
    "proxy-strips-acao": _sited("Let Socket.IO's CORS headers through", before="header -Access-Control-Allow-Origin"),
    "origin-not-in-list": unless_listed(
        _sited(
            "If the page is on the list already: let Socket.IO's CORS headers through",
            before="header -Access-Control-Allow-Origin",
        )
    ),
    "basic-auth-or-401": _sited(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        before=_password(""),
    ),
    "redirect-to-login": _sited(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        before="forward_auth 127.0.0.1:4180 {",
    ),
    "python-origin-not-accepted": _forwarded,
    "python-behind-tls-proxy": _behind_tls,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-client-certificate": _sited(
        "Ask for no client certificate where Socket.IO is served, and let the application say who may connect",
        before="tls {\n\tclient_auth {\n\t\tmode require_and_verify\n\t}\n}",
    ),
    "tls-plain-mixup": _tls,
    "mixed-content": _tls,
    "dns-fails": _sited("Or serve it on the page's own host: there the page needs no name of its own, and no CORS"),
}
