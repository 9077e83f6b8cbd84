"""Apache httpd with mod_proxy."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, conf, has_layer, product
from sio_doctor.stacks.proxied import (
    added,
    at_the_usual_path,
    layered,
    listening,
    name,
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
NAMES = {"apache": "Apache"}


def fits(server: Server) -> bool:
    """Apache is in front."""
    return has_layer(server, "Apache")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header, or by the foot of its error pages."""
    if named := product(evidence, r"^Apache(?:/([\d.]+))?(?=$| )", "Apache"):
        return named
    for _, response in answers(evidence):
        foot = re.search(
            r"<address>Apache(?:/([\d.]{1,12}))?(?: [^<]{0,80})? Server at [^<]{1,80}</address>", response.text
        )
        if response.status >= 300 and foot:
            layer = f"Apache {foot[1]}" if foot[1] else "Apache"
            return Claim(layers=(layer,), evidence=("the foot of an Apache page",))
    return None


def _fix(ask: Ask, title: str, after: str, place: str, *, modules: str = "", before: str | None = None) -> Fix:
    enabled = f"; a2enmod {modules}" if modules else ""
    return Fix(
        stack="Apache", side="proxy", title=title,
        where=f"in the <VirtualHost> of {name(ask)}, {place}{enabled}; then apachectl configtest, and reload",
        language="apache", before=before, after=after,
    )  # fmt: skip


def _old(ask: Ask) -> bool:
    """Apache was seen to be older than 2.4.47, whose ProxyPass does not know upgrade=websocket."""
    version = next((re.findall(r"\d+", layer) for layer in ask.server.layers if layer.startswith("Apache 2.")), None)
    return version is not None and len(version) > 2 and tuple(map(int, version)) < (2, 4, 47)


def _pattern(ask: Ask) -> str:
    """The path as a regular expression."""
    return "^" + path(ask).replace(".", r"\.")


def _location(ask: Ask, *more: str) -> str:
    """The location that passes Socket.IO on, WebSockets too."""
    upgrade = "" if _old(ask) else " upgrade=websocket"
    lines = [f"ProxyPass {ask.upstream}{path(ask)}{upgrade} timeout=60", "ProxyPreserveHost On", *more]
    before = ["SSLProxyEngine On"] if ask.upstream.startswith("https:") else []
    if _old(ask):
        before += [
            "RewriteEngine On",
            "RewriteCond %{HTTP:Upgrade} =websocket [NC]",
            f"RewriteRule {_pattern(ask)}(.*)$ ws{ask.upstream.removeprefix('http')}{path(ask)}$1 [P,L]",
        ]
    return "\n".join([*before, block(f'<Location "{path(ask)}">', lines, "</Location>", "    ")])


def _modules(ask: Ask) -> str:
    more = " rewrite proxy_wstunnel" if _old(ask) else ""
    return f"proxy proxy_http{more}{' ssl' if ask.upstream.startswith('https:') else ''}"


def _locating(ask: Ask, title: str, *more: str, modules: str = "", before: str | None = None) -> Fix:
    place = f'above its ProxyPass lines and below any <Location "/">, in place of what passes {path(ask)} on now'
    needed = f"{_modules(ask)} {modules}".strip()
    return _fix(ask, title, _location(ask, *more), place, modules=needed, before=before)


def _located(title: str, *more: str, before: str | None = None) -> Cure:
    return lambda ask: _locating(ask, title, *more, before=before)


def _elsewhere(ask: Ask, title: str, rule: str) -> Fix:
    """That line for everything but Socket.IO."""
    after = f"{rule} \"expr=! %{{REQUEST_URI}} -strmatch '{path(ask)}*'\""
    return _fix(ask, title, after, "in place of that line", before=rule)


def _spared(title: str, condition: str, rule: str) -> Cure:
    """That rule for everything but Socket.IO."""

    def cure(ask: Ask) -> Fix:
        spared = f"RewriteCond %{{REQUEST_URI}} !{_pattern(ask)}"
        before = f"{condition}\n{rule}"
        return _fix(ask, title, f"{condition}\n{spared}\n{rule}", "in place of that rule", before=before)

    return cure


def _page(ask: Ask) -> Fix:
    """Rewriting comes before passing on, so it has to end for Socket.IO."""
    rule = block("<IfModule mod_rewrite.c>", ["RewriteEngine On", f"RewriteRule {_pattern(ask)} - [L]"], "</IfModule>")
    return _fix(
        ask, "Pass Socket.IO on before the rule that answers with the page", f"{rule}\n{_location(ask)}",
        "above its RewriteRule lines", modules=_modules(ask),
    )  # fmt: skip


def _sticky(ask: Ask) -> Fix:
    """By a cookie where each page sends it back; else by address."""
    hosts = {re.sub(r":\d+$", "", page.partition("://")[2]) for page in ask.pages}
    sent = set(ask.pages) == {ask.plan.target.url} or (ask.credentials and (tls(ask) or hosts == {ask.host}))
    return _by_cookie(ask) if sent else _by_address(ask)


def _by_cookie(ask: Ask) -> Fix:
    # A page of another site sends the cookie back only so; browsers take SameSite=None by https alone.
    crossing = "; Secure; SameSite=None" if tls(ask) else ""
    one, other = two(ask)
    upgrade = "" if _old(ask) else " upgrade=websocket"
    members = [f"BalancerMember {one} route=1{upgrade}", f"BalancerMember {other} route=2{upgrade}"]
    cookie = f'"ROUTE=.%{{BALANCER_WORKER_ROUTE}}e; Path=/; HttpOnly{crossing}"'
    after = [
        f"Header add Set-Cookie {cookie} env=BALANCER_ROUTE_CHANGED",
        block(
            "<Proxy balancer://socketio>",
            ["# a line for each of your processes", *members, "ProxySet stickysession=ROUTE"],
            "</Proxy>",
            "    ",
        ),
        f"ProxyPass {path(ask)} balancer://socketio{path(ask)} timeout=60",
        "ProxyPreserveHost On",
    ]
    if ask.upstream.startswith("https:"):
        after.insert(0, "SSLProxyEngine On")
    if _old(ask):
        sockets = [member.replace("http", "ws", 1) for member in members]
        after[-2:-2] = [
            block("<Proxy balancer://websockets>", [*sockets, "ProxySet stickysession=ROUTE"], "</Proxy>", "    "),
            "RewriteEngine On",
            "RewriteCond %{HTTP:Upgrade} =websocket [NC]",
            f"RewriteRule {_pattern(ask)}(.*)$ balancer://websockets{path(ask)}$1 [P,L]",
        ]
    title = "Keep each client on one process, by a cookie that the page sends back"
    modules = f"{_modules(ask)} proxy_balancer lbmethod_byrequests headers"
    place = f"above its other ProxyPass lines, in place of what passes {path(ask)} on now"
    before = "<Proxy balancer://socketio>\n    # no route=, no stickysession\n</Proxy>"
    return _fix(ask, title, "\n".join(after), place, modules=modules, before=before)


def _by_address(ask: Ask) -> Fix:
    """Two processes share the clients out by the last digit of their address: no cookie is needed."""
    lines = ["RewriteEngine On"]
    for url, digits in zip(two(ask), ("[02468ace]$", "[^02468ace]$"), strict=True):
        lines += [
            f"RewriteCond %{{REMOTE_ADDR}} {digits}",
            "RewriteCond %{HTTP:Upgrade} =websocket [NC]",
            f"RewriteRule {_pattern(ask)} ws{url.removeprefix('http')}%{{REQUEST_URI}} [P,L]",
            f"RewriteCond %{{REMOTE_ADDR}} {digits}",
            f"RewriteRule {_pattern(ask)} {url}%{{REQUEST_URI}} [P,L]",
        ]
    if ask.upstream.startswith("https:"):
        lines.insert(0, "SSLProxyEngine On")
    title = "Keep each client on one of two processes, by its address: no cookie would come back with each request"
    place = f"above its other RewriteRule lines, in place of what passes {path(ask)} on now"
    return _fix(
        ask, title, "\n".join(lines), place, modules="rewrite proxy proxy_http proxy_wstunnel",
        before="ProxySet stickysession=ROUTE",
    )  # fmt: skip


def _certificate_lines(ask: Ask) -> list[str]:
    host = conf(ask.host, "your-server.example")
    return [
        f"SSLCertificateFile /etc/letsencrypt/live/{host}/fullchain.pem",
        f"SSLCertificateKeyFile /etc/letsencrypt/live/{host}/privkey.pem",
    ]


def _certificate(ask: Ask) -> Fix:
    title = "Give Apache a certificate that browsers trust, with its chain, for this name"
    before = "SSLCertificateFile /etc/ssl/certs/ssl-cert-snakeoil.pem"
    before += "\nSSLCertificateKeyFile /etc/ssl/private/ssl-cert-snakeoil.key"
    place = f"in place of its certificate; certbot certonly --apache -d {name(ask)} makes one"
    return _fix(ask, title, "\n".join(_certificate_lines(ask)), place, before=before)


@without_tls
def _tls(ask: Ask) -> Fix:
    secure = secured(ask)
    named = [] if ":" in name(ask) else [f"ServerName {name(ask)}"]
    lines = [*named, "SSLEngine on", *_certificate_lines(ask), _location(secure)]
    after = block(f"<VirtualHost {listening(secure, any_host='*:')}>", lines, "</VirtualHost>", "    ")
    return Fix(
        stack="Apache", side="proxy", title="Put TLS in front of the Socket.IO server",
        where=f"a file of its own in /etc/apache2/sites-available/; a2enmod {_modules(secure)} ssl; "
        "then apachectl configtest, and reload",
        language="apache", after=after,
    )  # fmt: skip


def _no_client_certificate(ask: Ask) -> Fix:
    title = "Ask for no client certificate where Socket.IO is served, and let the application say who may connect"
    return _fix(ask, title, "SSLVerifyClient none", "in place of that line", before="SSLVerifyClient require")


def _doubled(ask: Ask) -> Fix:
    rule = f'Header always set Access-Control-Allow-Origin "{added(ask)}"'
    return _elsewhere(ask, "Set CORS headers on everything but Socket.IO, which sends its own", rule)


def _star(ask: Ask) -> Fix:
    rule = 'Header set Access-Control-Allow-Origin "*"'
    return _elsewhere(ask, "If Apache sets the *, leave Socket.IO out of it: its cors option answers", rule)


def _star_headers(ask: Ask) -> Fix:
    rule = 'Header set Access-Control-Allow-Headers "*"'
    return _elsewhere(ask, "If Apache sets it, leave Socket.IO out: it names the headers that are asked for", rule)


@own_origin
def _own_origin(ask: Ask) -> Fix:
    literal = conf(ask.details.get("allow-origin", ""), "https://your-page.example")
    title = "If Apache sets the header, leave Socket.IO out of it: its cors option answers"
    return _elsewhere(ask, title, f'Header set Access-Control-Allow-Origin "{literal}"')


def _reflected(ask: Ask) -> Fix:
    title = "If Apache sends whatever origin asks back, take that away: the cors option names who may read"
    before = 'SetEnvIf Origin "(.*)" ORIGIN=$1\nHeader set Access-Control-Allow-Origin "%{ORIGIN}e"'
    after = "# no Access-Control-Allow-Origin of Apache's own: it would let any page read, with the visitor's cookies"
    return _fix(ask, title, after, "in place of these lines", before=before)


def _shown(title: str) -> Cure:
    return lambda ask: _elsewhere(ask, title, "Header unset Access-Control-Allow-Origin")


def _methods(title: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        before, after = (
            block(f"<LimitExcept {methods}>", ["Require all denied"], "</LimitExcept>", "    ")
            for methods in ("GET", "GET POST OPTIONS")
        )
        return _fix(ask, title, after, "in place of that block", before=before)

    return cure


def _preflight_let_through(ask: Ask) -> Fix | None:
    """Where it was a password that is missing, everything but preflights still needs it."""
    if ask.details.get("preflight", "401") != "401":
        return _methods("Let preflights through to Socket.IO: they come by OPTIONS")(ask)
    after = block("<LimitExcept OPTIONS>", ["Require valid-user"], "</LimitExcept>", "    ")
    title = "Let preflights through to Socket.IO: browsers send no password with them"
    place = "in place of that line; AuthType, AuthName and AuthUserFile stay"
    return _fix(ask, title, after, place, before="Require valid-user")


def _post(ask: Ask) -> Fix | None:
    title = "Let POST through to Socket.IO, and bodies as large as it takes (1 MB)"
    if ask.details.get("layer-post") == "413":
        return _locating(ask, title, "LimitRequestBody 2097152", before="LimitRequestBody 1024")
    return _methods("Let every method through to Socket.IO")(ask)


def _payload(ask: Ask) -> Fix:
    after = "LimitRequestLine 32768\nLimitRequestFieldSize 32768\nLimitRequestBody 2097152"
    title = "Let Apache take longer URLs and headers, and bodies as large as Socket.IO takes (1 MB)"
    return _fix(ask, title, after, "which has to be the first one of its port", before="LimitRequestLine 8190")


def _stripped(ask: Ask) -> Fix:
    before = f"ProxyPass {path(ask)} {ask.upstream}/"
    return _locating(ask, "Pass the path on as it came: the same path on both sides", before=before)


def _query(ask: Ask) -> Fix:
    before = f"RewriteRule {_pattern(ask)} {ask.upstream}{path(ask)}? [P]"
    return _locating(ask, "Pass the whole address on, its query too", before=before)


def _behind_tls(ask: Ask) -> Fix:
    title = "Pass on the host and the scheme: python-socketio compares the page's origin with them"
    line = f'RequestHeader set X-Forwarded-Proto "{scheme(ask)}"'
    return _locating(ask, title, line, modules="headers", before="ProxyPreserveHost Off")


def _forwarded(ask: Ask) -> Fix | None:
    if "layer-request" in ask.details:
        before = f'RequestHeader set Origin "{conf(ask.details["layer-request"], "…")}"'
        return _elsewhere(ask, "Leave Origin as the browser sent it", before)
    return _behind_tls(ask) if own_page(ask) else None


def _cookie(ask: Ask) -> Fix:
    title = "Or let Apache set what cookies need between two sites, which takes https"
    line = 'Header edit Set-Cookie "^(.*)$" "$1; Secure; SameSite=None"'
    return _locating(ask, title, line, modules="headers")


_redirect = _spared(
    "Let Socket.IO be served where it is asked, without a redirect",
    "RewriteCond %{HTTPS} off",
    "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]",
)
_preflight = _spared(
    "Let Socket.IO answer preflights", "RewriteCond %{REQUEST_METHOD} =OPTIONS", "RewriteRule ^ - [R=204,L]"
)
_open = ("AuthType None", "Require all granted")

FIXES: dict[str, Cure] = {
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _cookie,
    "acao-cached-for-other-origin": _located(
        "Keep Socket.IO out of the cache",
        "<IfModule mod_cache.c>\n    CacheDisable on\n</IfModule>",
        before='CacheEnable disk "/"',
    ),
    "vary-origin-missing": lambda ask: _locating(
        ask,
        "Keep Socket.IO out of every cache, and tell those further out that answers differ from origin to origin",
        "<IfModule mod_cache.c>\n    CacheDisable on\n</IfModule>",
        "Header merge Vary Origin",
        modules="headers",
        before='CacheEnable disk "/"',
    ),
    "payload-limits": _payload,
    "html-instead-of-handshake": _page,
    "gateway-5xx-no-cors": _located("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _located(
        "Pass the Upgrade on (upgrade=websocket: 2.4.47 or newer)", before="# no upgrade=websocket"
    ),
    "ws-refused": _located("Pass the Upgrade and the Host on"),
    "two-instances-one-server": _located(
        "Pass WebSockets to the same server as polling: one ProxyPass for both",
        before="RewriteCond %{HTTP:Upgrade} =websocket [NC]\nRewriteRule ^ ws://127.0.0.1:3001%{REQUEST_URI} [P,L]",
    ),
    "ws-idle-timeout": _located(
        "Let Apache wait longer than pingInterval and pingTimeout together, 45 s", before="ProxyTimeout 20"
    ),
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _by_address,
    "duplicate-acao-proxy": _doubled,
    "wildcard-with-credentials": _star,
    "any-origin-with-credentials": _reflected,
    "null-origin-allowed": _reflected,
    "acah-star-limits": _star_headers,
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
    "trailing-slash-path": _located("Let Socket.IO's path as it is: the slash at its end belongs to it"),
    "transport-unknown": _query,
    "method-or-size-filter": _post,
    "error-response-without-cors": of_the_post(_post),
    "preflight-redirect": _redirect,
    "redirect-loop": _redirect,
    "proxy-strips-acao": _shown("Let Socket.IO's CORS headers through"),
    "origin-not-in-list": unless_listed(
        _shown("If the page is on the list already: let Socket.IO's CORS headers through")
    ),
    "basic-auth-or-401": _located(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        *_open,
        before="Require valid-user",
    ),
    "redirect-to-login": _located(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        *_open,
        before="Require valid-user",
    ),
    "python-origin-not-accepted": _forwarded,
    "python-behind-tls-proxy": _behind_tls,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-client-certificate": _no_client_certificate,
    "tls-plain-mixup": _tls,
    "mixed-content": _tls,
    "dns-fails": _located("Or serve it on the page's own host: there the page needs no name of its own, and no CORS"),
}
