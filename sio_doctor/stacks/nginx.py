"""nginx, in front of a Socket.IO server or of the page; OpenResty, which is configured alike."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, conf, has_layer, product
from sio_doctor.stacks.nginx_blocks import (
    certificate,
    fix,
    in_server,
    located,
    location,
    location_fix,
    server,
    whole_fix,
)
from sio_doctor.stacks.proxied import (
    added,
    at_the_usual_path,
    layered,
    netloc,
    of_the_post,
    own_origin,
    own_page,
    path,
    scheme,
    secured,
    two,
    unless_listed,
    without_tls,
)

SIDE: Side = "proxy"
NAMES = {"nginx": "nginx", "openresty": "OpenResty"}


def fits(server: Server) -> bool:
    """nginx or OpenResty is in front, and not within Kubernetes, where annotations write its configuration."""
    return has_layer(server, "nginx", "OpenResty") and not has_layer(server, "ingress-nginx")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header, or by the foot of its error pages."""
    named = product(evidence, r"^nginx(?:/([\d.]+))?", "nginx") or product(
        evidence, r"^openresty(?:/([\d.]+))?", "OpenResty"
    )
    if named:
        return named
    for _, response in answers(evidence):
        foot = re.search(r"<center>(nginx|openresty)(?:/([\d.]{1,15}))?</center>", response.text)
        if response.status >= 300 and foot:
            name = "nginx" if foot[1] == "nginx" else "OpenResty"
            return Claim(
                layers=(f"{name} {foot[2]}" if foot[2] else name,), evidence=(f"the foot of an {name} page",)
            )  # fmt: skip
    return None


#: nginx leaves out what the outer levels add as soon as a level adds something itself.
_OWN_HEADERS = "add_header X-Content-Type-Options nosniff;   # one of its own keeps those of server { } out"


def _stripped(ask: Ask) -> Fix:
    before = f"proxy_pass {ask.upstream}/;   # the slash cuts {path(ask)} off"
    return location_fix(ask, "Pass the path on as it came, with no slash behind the port", before=before)


def _query(ask: Ask) -> Fix:
    before = f"proxy_pass {ask.upstream}/socket.io/?;"
    return location_fix(ask, "Pass the query on: no path and no ? behind the port", before=before)


def _shown(title: str) -> Cure:
    return located(
        title,
        "proxy_hide_header X-Powered-By;   # one of its own keeps those of server { } out",
        before="proxy_hide_header Access-Control-Allow-Origin;",
    )


@own_origin
def _own_origin(ask: Ask) -> Fix:
    literal = conf(ask.details.get("allow-origin", ""), "")
    title = "If nginx adds the header, take it away and let Socket.IO's cors option answer"
    before = f"add_header Access-Control-Allow-Origin {literal};" if literal else None
    return location_fix(ask, title, _OWN_HEADERS, before=before)


def _doubled(ask: Ask) -> Fix:
    title = "Take nginx's own CORS headers away: Socket.IO sends them, and one is all a browser takes"
    return location_fix(ask, title, _OWN_HEADERS, before=f"add_header Access-Control-Allow-Origin {added(ask)};")


def _preflight_let_through(ask: Ask) -> Fix:
    """Where it was a password that is missing, everything but preflights still needs it."""
    if ask.details.get("preflight", "401") == "401":
        password = block(
            "limit_except OPTIONS {",
            ['auth_basic "Restricted";', "auth_basic_user_file /etc/nginx/.htpasswd;   # your own file"],
            "}",
            "    ",
        )
        title = "Let preflights through to Socket.IO: browsers send no password with them"
        before = 'auth_basic "Restricted";'
        return location_fix(ask, title, "auth_basic off;   # but below", password, before=before)
    title = "Let preflights through to Socket.IO: they come by OPTIONS"
    return location_fix(ask, title, before="limit_except GET POST { deny all; }")


def _forwarded(ask: Ask) -> Fix | None:
    if "layer-request" in ask.details:
        before = f"proxy_set_header Origin {conf(ask.details['layer-request'], '…')};"
        return location_fix(ask, "Leave Origin as the browser sent it", before=before)
    return _behind_tls(ask) if own_page(ask) else None


def _behind_tls(ask: Ask) -> Fix:
    title = "Pass on the host and the scheme: python-socketio compares the page's origin with them"
    # Whoever ends TLS further out leaves $scheme at http, and the person asked by https.
    proto = "https" if scheme(ask) == "https" else "$scheme"
    return location_fix(ask, title, proto=proto, before="proxy_set_header Host $host;")


def _sticky(ask: Ask) -> Fix:
    # Behind a CDN the address of a connection is that of one of its many machines.
    key = "$http_cf_connecting_ip" if ask.layer("Cloudflare") else "$remote_addr"
    one, other = two(ask)
    upstream = block(
        "upstream socketio {",
        [
            f"hash {key} consistent;   # each client stays on one process",
            f"server {netloc(one)};",
            f"server {netloc(other)};   # a line for each of your processes",
        ],
        "}",
        "    ",
    )
    passed = location(ask, upstream=f"{one.partition(':')[0]}://socketio")
    before = "upstream socketio {\n    # neither hash nor ip_hash: each request goes to the next server\n}"
    return whole_fix(ask, "Keep each client on one process", [upstream], passed, before=before)


def _errors(ask: Ask) -> Fix:
    pages = [f'"{conf(page, "https://your-page.example")}" $http_origin;' for page in ask.pages]
    maps = [
        block("map $http_origin $page_origin {", ['default "";', *pages], "}", "    "),
        block(
            "map $upstream_http_access_control_allow_origin $missing_origin {",
            ['"" $page_origin;', 'default "";   # Socket.IO sent its own: nothing is added'],
            "}",
            "    ",
        ),
    ]
    more = ["add_header Access-Control-Allow-Origin $missing_origin always;", "add_header Vary Origin always;"]
    if ask.credentials:
        maps.append(block("map $missing_origin $missing_credentials {", ['"" "";', 'default "true";'], "}", "    "))
        more.append("add_header Access-Control-Allow-Credentials $missing_credentials always;")
    title = "Let the page read nginx's own errors too; what causes them has to be mended all the same"
    return whole_fix(ask, title, maps, location(ask, *more))


def _limit(ask: Ask) -> Fix:
    zone = "limit_req_zone $binary_remote_addr zone=socketio:10m rate=20r/s;"
    before = "limit_req zone=site;   # of server { } or http { }: for pages, a request now and then"
    return whole_fix(
        ask, "Give Socket.IO a limit of its own: polling asks often", [zone],
        location(ask, "limit_req zone=socketio burst=50 nodelay;", "limit_req_status 429;"), before=before,
    )  # fmt: skip


def _payload(ask: Ask) -> Fix:
    where = f"{in_server(ask)}, beside your other locations; in place of one for {path(ask)}, if there is one"
    lines = f"large_client_header_buffers 4 32k;\n{location(ask, 'client_max_body_size 2m;')}"
    return fix("Let nginx take longer URLs and headers, and bodies as large as Socket.IO takes (1 MB)", lines, where)


def _certificate(ask: Ask) -> Fix:
    where = f"{in_server(ask)}, in place of its certificate; certbot certonly --webroot -w /var/www/html makes one"
    title = "Give nginx a certificate that browsers trust, with its chain, for this name"
    before = "ssl_certificate /etc/nginx/self-signed.pem;\nssl_certificate_key /etc/nginx/self-signed.key;"
    return fix(title, "\n".join(certificate(ask)), where, before=before)


def _no_client_certificate(ask: Ask) -> Fix:
    title = "Ask for no client certificate where Socket.IO is served, and let the application say who may connect"
    return fix(title, "ssl_verify_client off;", in_server(ask), before="ssl_verify_client on;")


@without_tls
def _tls(ask: Ask) -> Fix:
    secure = secured(ask)
    where = f"in http {{ }}, beside the server {{ }} of {netloc(ask.plan.target.url)}"
    return fix("Put TLS in front of the Socket.IO server", server(secure, location(secure)), where)


def _redirect(ask: Ask) -> Fix:
    title = "Let Socket.IO be served where it is asked, without a redirect"
    return location_fix(ask, title, before="return 301 https://$host$request_uri;")


_post = located(
    "Let POST through to Socket.IO, and bodies as large as it takes (1 MB)",
    "client_max_body_size 2m;",
    before="limit_except GET { deny all; }",
)
_preflight = located(
    "Let Socket.IO answer preflights: nginx's answer has not all CORS headers",
    before="if ($request_method = OPTIONS) { return 204; }",
)
_cookie = "proxy_cookie_flags ~ secure samesite=none;"
_reflected = located(
    "If nginx sends whatever origin asks back, take that away: the cors option names the pages that may read",
    _OWN_HEADERS,
    before="add_header Access-Control-Allow-Origin $http_origin always;",
)

FIXES: dict[str, Cure] = {
    "cookie-samesite": located("Or let nginx set what cookies need between two sites (1.19.3 or newer)", _cookie),
    "sticky-cookie-not-sent": located(
        "Let the cookie go between two sites (nginx 1.19.3 or newer); Safari sends it to none but its own", _cookie
    ),
    "acao-cached-for-other-origin": located(
        "Keep Socket.IO out of the cache", "proxy_cache off;", before="proxy_cache static;"
    ),
    "vary-origin-missing": located(
        "Keep Socket.IO out of every cache, and tell those further out that answers differ from origin to origin",
        "proxy_cache off;",
        "add_header Vary Origin always;",
        before="proxy_cache static;",
    ),
    "request-overlap": located(
        "Send each request once: a second one ends the session",
        "proxy_next_upstream off;",
        before="proxy_next_upstream error timeout;",
    ),
    "payload-limits": _payload,
    "html-instead-of-handshake": located("Pass Socket.IO on before the rule that answers with the page"),
    "gateway-5xx-no-cors": located(
        "Start the Socket.IO server, and pass to the port where it listens (the error log says what nginx met)",
        "proxy_read_timeout 60s;   # more than pingInterval + pingTimeout",
    ),
    "ws-proxy-no-upgrade": located(
        "Pass the Upgrade on: WebSockets need the three lines below proxy_pass",
        before="# no proxy_http_version 1.1, no Upgrade, no Connection",
    ),
    "ws-idle-timeout": located(
        "Let nginx wait much longer than Socket.IO is quiet",
        "proxy_read_timeout 1h;",
        "proxy_send_timeout 1h;",
        before="proxy_read_timeout 20s;   # shorter than pingInterval + pingTimeout",
    ),
    "ws-refused": located("Pass the Upgrade, the Host and the scheme on"),
    "two-instances-one-server": located(
        "Pass WebSockets to the same server as polling: one location, one proxy_pass for both"
    ),
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _sticky,
    "duplicate-acao-proxy": _doubled,
    "wildcard-with-credentials": located(
        "If nginx adds the *, take it away and let Socket.IO's cors option answer",
        _OWN_HEADERS,
        before="add_header Access-Control-Allow-Origin *;",
    ),
    "any-origin-with-credentials": _reflected,
    "null-origin-allowed": _reflected,
    "acah-star-limits": located(
        "If nginx adds it, take it away: Socket.IO names the headers that are asked for",
        _OWN_HEADERS,
        before='add_header Access-Control-Allow-Headers "*";',
    ),
    "static-origin-mismatch": _own_origin,
    "origin-comma-list": _own_origin,
    "origin-no-scheme": _own_origin,
    "origin-trailing-slash": _own_origin,
    "acac-missing": _own_origin,
    "preflight-unhandled-v2": _own_origin,
    "preflight-header-not-allowed": layered("layer-preflight")(_preflight),
    "path-mismatch": at_the_usual_path(_stripped),
    "proxy-strips-path": _stripped,
    "trailing-slash-path": located("Let Socket.IO's path as it is: the slash at its end belongs to it"),
    "wrong-path-hangs": at_the_usual_path(_stripped),
    "transport-unknown": _query,
    "proxy-strips-acao": _shown("Let Socket.IO's CORS headers through, and the Origin on to it"),
    "origin-not-in-list": unless_listed(
        _shown("If the page is on the list already: let Socket.IO's CORS headers through, and the Origin on to it")
    ),
    "cors-on-handshake-only": located(
        "If nginx adds the headers to some answers alone, let Socket.IO add them to all", _OWN_HEADERS
    ),
    "error-response-without-cors": of_the_post(_post, _errors),
    "method-or-size-filter": _post,
    "preflight-blocked-upstream": _preflight_let_through,
    "preflight-empty-2xx": _preflight,
    "preflight-redirect": _redirect,
    "redirect-loop": _redirect,
    "redirect-to-login": located(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        "auth_request off;",
        before="auth_request /oauth2/auth;",
    ),
    "basic-auth-or-401": located(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        "auth_basic off;",
        before='auth_basic "Restricted";',
    ),
    "rate-limit": _limit,
    "python-origin-not-accepted": _forwarded,
    "python-behind-tls-proxy": _behind_tls,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-plain-mixup": _tls,
    "tls-client-certificate": _no_client_certificate,
    "mixed-content": _tls,
    "dns-fails": located("Or serve it on the page's own host: there the page needs no name of its own, and no CORS"),
}
