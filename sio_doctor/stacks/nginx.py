"""nginx, in front of a Socket.IO server or of the page; OpenResty, which is configured alike."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, conf, has_layer, product

SIDE: Side = "proxy"

WHERE = "in server { }, e.g. /etc/nginx/sites-available/…; then nginx -t && nginx -s reload"


def fits(server: Server) -> bool:
    """nginx or OpenResty is in front."""
    return has_layer(server, "nginx", "OpenResty")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header, or by the foot of its error pages."""
    named = product(evidence, r"^nginx(?:/([\d.]+))?", "nginx") or product(
        evidence, r"^openresty(?:/([\d.]+))?", "OpenResty"
    )
    if named:
        return named
    for _, response in answers(evidence):
        foot = re.search(r"<center>nginx(?:/([\d.]{1,12}))?</center>", response.text)
        if response.status >= 300 and foot:
            return Claim(layers=(f"nginx {foot[1]}" if foot[1] else "nginx",), evidence=("the foot of an nginx page",))
    return None


def _fix(title: str, after: str, *, before: str | None = None, where: str = WHERE) -> Fix:
    return Fix(
        stack="nginx", side="proxy", title=title, where=where, language="nginx", before=before, after=after
    )  # fmt: skip


def location(ask: Ask, *more: str, upstream: str = "http://127.0.0.1:3000") -> str:
    """The location that passes Socket.IO on, WebSockets too, with these directives beside."""
    return block(
        f"location {conf(ask.plan.target.path, '/socket.io/')} {{",
        [
            f"proxy_pass {upstream};   # your Socket.IO server; no slash behind the port",
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade $http_upgrade;",
            'proxy_set_header Connection "upgrade";',
            "proxy_set_header Host $http_host;",
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            "proxy_set_header X-Forwarded-Proto $scheme;",
            *more,
        ],
        "}",
        "    ",
    )


def _location(title: str, *more: str, before: str | None = None) -> Cure:
    return lambda ask: _fix(title, location(ask, *more), before=before)


#: nginx leaves out what the outer levels add as soon as a level adds something itself.
_OWN_HEADERS = "add_header X-Content-Type-Options nosniff;   # one of its own keeps those of server { } out"


def _own_origin(ask: Ask) -> Fix | None:
    """Only where the header cannot be Socket.IO's own; a fixed one can always be either's."""
    return _fixed_origin(ask) if "layer-origin" in ask.details else None


def _own_preflight(ask: Ask) -> Fix | None:
    return _preflight(ask) if "layer-preflight" in ask.details else None


def _path(ask: Ask) -> Fix | None:
    """Where the path is not the default one, what is behind nginx is most likely at the default one."""
    return _stripped(ask) if ask.plan.target.path == "/socket.io/" else None


def _stripped(ask: Ask) -> Fix:
    before = f"proxy_pass http://127.0.0.1:3000/;   # the slash cuts {conf(ask.plan.target.path, '/socket.io/')} off"
    return _fix("Pass the path on as it came, with no slash behind the port", location(ask), before=before)


def _query(ask: Ask) -> Fix:
    before = "proxy_pass http://127.0.0.1:3000/socket.io/?;"
    return _fix("Pass the query on: no path and no ? behind the port", location(ask), before=before)


def _shown(title: str) -> Cure:
    return _location(
        title,
        "proxy_hide_header X-Powered-By;   # one of its own keeps those of server { } out",
        before="proxy_hide_header Access-Control-Allow-Origin;",
    )


def _hidden(ask: Ask) -> Fix | None:
    """A list whose header is hidden looks like one that lacks the page, unless another origin was let in."""
    title = "If the page is on the list already: let Socket.IO's CORS headers through, and the Origin on to it"
    return None if "accepted" in ask.details else _shown(title)(ask)


def _later(ask: Ask) -> Fix | None:
    """The POST that nginx refused, or an error of another kind."""
    return _post(ask) if ask.details.get("layer-post") in ("403", "405", "413") else _errors(ask)


def _fixed_origin(ask: Ask) -> Fix:
    literal = conf(ask.details.get("allow-origin", ""), "")
    title = "If nginx adds the header, take it away and let Socket.IO's cors option answer"
    before = f"add_header Access-Control-Allow-Origin {literal};" if literal else None
    return _fix(title, location(ask, _OWN_HEADERS), before=before)


def _own(ask: Ask) -> bool:
    """A page of the server's own origin is refused: Python compares with what the proxy passes on."""
    return ask.plan.target.url in ask.origins


def _forwarded(ask: Ask) -> Fix | None:
    if "layer-request" in ask.details:
        before = f"proxy_set_header Origin {conf(ask.details['layer-request'], '…')};"
        return _fix("Leave Origin as the browser sent it", location(ask), before=before)
    title = "Pass on the host and the scheme: python-socketio compares the page's origin with them"
    return _fix(title, location(ask)) if _own(ask) else None


def _sticky(ask: Ask) -> Fix:
    upstream = block(
        "upstream socketio {",
        [
            "hash $remote_addr consistent;   # each client stays on one process",
            "server 127.0.0.1:3000;",
            "server 127.0.0.1:3001;",
        ],
        "}",
        "    ",
    )
    return _fix(
        "Keep each client on one process",
        "# in http { }\n" + upstream + "\n# in server { }\n" + location(ask, upstream="http://socketio"),
        where="in http { } and server { }; then nginx -t && nginx -s reload",
    )


def _errors(ask: Ask) -> Fix:
    pages = [f'"{conf(page, "https://your-page.example")}" $http_origin;' for page in ask.pages]
    own = block("map $http_origin $page_origin {", ['default "";', *pages], "}", "    ")
    missing = block(
        "map $upstream_http_access_control_allow_origin $missing_origin {",
        ['"" $page_origin;', 'default "";   # Socket.IO sent its own: nothing is added'],
        "}",
        "    ",
    )
    more = ["add_header Access-Control-Allow-Origin $missing_origin always;", "add_header Vary Origin always;"]
    if ask.credentials:
        yes = block("map $missing_origin $missing_credentials {", ['"" "";', 'default "true";'], "}", "    ")
        missing += "\n" + yes
        more.append("add_header Access-Control-Allow-Credentials $missing_credentials always;")
    return _fix(
        "Let the page read nginx's own errors too; what causes them has to be mended all the same",
        f"# in http {{ }}\n{own}\n{missing}\n# in server {{ }}\n{location(ask, *more)}",
        where="in http { } and server { }; then nginx -t && nginx -s reload",
    )


def _certificate(ask: Ask) -> Fix:
    host = conf(ask.host, "your-server.example")
    after = (
        f"# certbot certonly --webroot -w /var/www/html -d {host}\n"
        f"ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;   # the whole chain, not cert.pem\n"
        f"ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;"
    )
    return _fix("Give nginx a certificate that browsers trust, with its chain, for this name", after)


def _no_client_certificate(ask: Ask) -> Fix:
    title = "Ask for no client certificate where Socket.IO is served, and let the application say who may connect"
    return _fix(title, "ssl_verify_client off;")


def _tls(ask: Ask) -> Fix | None:
    if ask.slug == "tls-plain-mixup" and ask.plan.target.url.startswith("http:"):
        return None  # it is there already: http was asked of a port that speaks TLS
    host = conf(ask.host, "your-server.example")
    lines = [
        "listen 443 ssl;",
        f"server_name {host};",
        f"ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;",
        f"ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;",
        location(ask),
    ]
    return _fix("Put TLS in front of the Socket.IO server", block("server {", lines, "}", "    "), where="in http { }")


def _redirect(ask: Ask) -> Fix:
    return _fix("Let Socket.IO be served where it is asked, without a redirect", location(ask))


_post = _location("Let POST through to Socket.IO, and bodies as large as it takes (1 MB)", "client_max_body_size 2m;")
_preflight = _location(
    "Let Socket.IO answer preflights: nginx's answer has not all CORS headers",
    before="if ($request_method = OPTIONS) { return 204; }",
)

FIXES: dict[str, Cure] = {
    "cookie-samesite": _location(
        "Or let nginx set what cookies need between two sites (1.19.3 or newer)",
        "proxy_cookie_flags ~ secure samesite=none;",
    ),
    "sticky-cookie-not-sent": _location(
        "Let the cookie go between two sites (nginx 1.19.3 or newer); Safari sends it to none but its own",
        "proxy_cookie_flags ~ secure samesite=none;",
    ),
    "acao-cached-for-other-origin": _location(
        "Keep Socket.IO out of the cache", "proxy_cache off;", before="proxy_cache static;"
    ),
    "request-overlap": _location(
        "Send each request once: a second one ends the session",
        "proxy_next_upstream off;",
        before="proxy_next_upstream error timeout;",
    ),
    "payload-limits": _location(
        "Let nginx take longer URLs and headers, and bodies as large as Socket.IO takes (1 MB)",
        "client_max_body_size 2m;",
        "# and in server { }: large_client_header_buffers 4 32k;",
    ),
    "html-instead-of-handshake": _location("Pass Socket.IO on before the rule that answers with the page"),
    "gateway-5xx-no-cors": _location(
        "Start the Socket.IO server, and pass to the port where it listens (the error log says what nginx met)",
        "proxy_read_timeout 60s;   # more than pingInterval + pingTimeout",
    ),
    "ws-proxy-no-upgrade": _location("Pass the Upgrade on: WebSockets need these three lines"),
    "ws-idle-timeout": _location(
        "Let nginx wait much longer than Socket.IO is quiet", "proxy_read_timeout 1h;", "proxy_send_timeout 1h;"
    ),
    "ws-refused": _location("Pass the Upgrade, the Host and the scheme on"),
    "no-sticky-sessions": _sticky,
    "duplicate-acao-proxy": _location(
        "Take nginx's own CORS headers away: Socket.IO sends them, and one is all a browser takes",
        _OWN_HEADERS,
        before="add_header Access-Control-Allow-Origin *;",
    ),
    "wildcard-with-credentials": _location(
        "If nginx adds the *, take it away and let Socket.IO's cors option answer",
        _OWN_HEADERS,
        before="add_header Access-Control-Allow-Origin *;",
    ),
    "static-origin-mismatch": _fixed_origin,
    "origin-comma-list": _own_origin,
    "origin-no-scheme": _own_origin,
    "origin-trailing-slash": _own_origin,
    "acac-missing": _own_origin,
    "preflight-unhandled-v2": _own_origin,
    "preflight-header-not-allowed": _own_preflight,
    "path-mismatch": _path,
    "proxy-strips-path": _stripped,
    "trailing-slash-path": _location("Let Socket.IO's path as it is: the slash at its end belongs to it"),
    "wrong-path-hangs": _path,
    "transport-unknown": _query,
    "proxy-strips-acao": _shown("Let Socket.IO's CORS headers through, and the Origin on to it"),
    "origin-not-in-list": _hidden,
    "cors-on-handshake-only": _location(
        "If nginx adds the headers to some answers alone, let Socket.IO add them to all", _OWN_HEADERS
    ),
    "error-response-without-cors": _later,
    "method-or-size-filter": _post,
    "preflight-blocked-upstream": _location(
        "Let preflights through to Socket.IO: browsers send no password with them",
        'limit_except OPTIONS { auth_basic "Restricted"; auth_basic_user_file /etc/nginx/.htpasswd; }',
        before="limit_except GET POST { deny all; }",
    ),
    "preflight-empty-2xx": _preflight,
    "preflight-redirect": _redirect,
    "redirect-loop": _redirect,
    "redirect-to-login": _location(
        "Let Socket.IO through without the login, and check the client's token in a middleware", "auth_request off;"
    ),
    "basic-auth-or-401": _location(
        "Let Socket.IO through without the password, and check the client's token in a middleware", "auth_basic off;"
    ),
    "rate-limit": _location(
        "Give Socket.IO a limit of its own: polling asks often",
        "limit_req zone=socketio burst=50 nodelay;",
        "# and in http { }: limit_req_zone $binary_remote_addr zone=socketio:10m rate=20r/s;",
    ),
    "python-origin-not-accepted": _forwarded,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-plain-mixup": _tls,
    "tls-client-certificate": _no_client_certificate,
    "mixed-content": _tls,
    "dns-fails": _location("Or serve it on the page's own host: there the page needs no name of its own, and no CORS"),
}
FIXES["v2-client-always-credentialed"] = FIXES["wildcard-with-credentials"]
FIXES["acah-star-limits"] = _own_preflight
FIXES["python-behind-tls-proxy"] = _forwarded
FIXES["asgi-ws-403"] = FIXES["ws-refused"]
FIXES["preflight-not-sticky"] = _sticky
FIXES["vary-origin-missing"] = FIXES["acao-cached-for-other-origin"]
FIXES["any-origin-with-credentials"] = _own_origin
