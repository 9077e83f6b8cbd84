"""HAProxy."""

from __future__ import annotations

from urllib.parse import urlsplit

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, conf, has_layer
from sio_doctor.stacks.proxied import (
    added,
    at_the_usual_path,
    layered,
    listening,
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
NAMES = {"haproxy": "haproxy"}

#: What only its own error pages say; none of them has a Server header.
_SENTENCES = (
    "No server is available to handle this request.",
    "The server didn't respond in time.",
    "The server returned an invalid or incomplete response.",
    "Request forbidden by administrative rules.",
    "You need a valid user and password to access this content.",
    "You have sent too many requests in a given amount of time.",
)


def fits(server: Server) -> bool:
    """HAProxy is in front."""
    return has_layer(server, "haproxy")


def recognise(evidence: Evidence) -> Claim | None:
    """By its error pages, or by Node's headers in lower case with the Connection taken out."""
    for _, response in answers(evidence):
        names = [name for name, _ in response.headers]
        worded = response.status >= 400 and any(sentence in response.text for sentence in _SENTENCES)
        if worded and response.text.startswith("<html><body><h1>") and "server" not in names:
            return Claim(layers=("haproxy",), evidence=("an error page as HAProxy words it",))
        # Node writes both; HAProxy lowers the names and takes one of them out.
        lower = all(name == name.lower() for name in names)
        if lower and "keep-alive" in names and "date" in names and not {"connection", "server", "via"} & set(names):
            return Claim(layers=("haproxy",), evidence=("header names in lower case, Connection taken out",))
    return None


_THEN = "; then haproxy -c -f haproxy.cfg, and reload"


def _fix(title: str, after: str, where: str, *, before: str | None = None) -> Fix:
    return Fix(
        stack="HAProxy", side="proxy", title=title, where=f"in haproxy.cfg, {where}{_THEN}", language="haproxy",
        before=before, after=after,
    )  # fmt: skip


def _server(number: int, url: str, *more: str) -> str:
    """A line of a backend; a server that speaks TLS is asked by it, and its certificate verified."""
    host = urlsplit(url).hostname or ""
    secure = [f"ssl verify required ca-file @system-ca sni str({host})"] if url.startswith("https:") else []
    return " ".join([f"server s{number} {netloc(url)} check", *secure, *more])


def _sections(ask: Ask, front: tuple[str, ...], back: tuple[str, ...], servers: list[str]) -> str:
    """The frontend at which the person asks, and a backend of its own for Socket.IO."""
    certificate = f" ssl crt /etc/haproxy/certs/{name(ask)}.pem   # your own certificate" if tls(ask) else ""
    frontend = [
        "mode http",
        f"bind {listening(ask, any_host=':')}{certificate}",
        "# the other rules of this frontend stay here",
        f"acl is_socketio path_beg {path(ask)}",
        *front,
        "use_backend socketio if is_socketio",
        "# its other use_backend lines, and its default_backend, stay here",
    ]
    backend = ["mode http", "timeout server 60s", "timeout tunnel 1h", *back, *servers]
    head = block("frontend www", frontend, "", "    ")
    return (head + "\n" + block("backend socketio", backend, "", "    ")).rstrip("\n")


def _routing(
    ask: Ask, title: str, *front: str, back: tuple[str, ...] = (), servers: list[str] | None = None,
    before: str | None = None,
) -> Fix:  # fmt: skip
    after = _sections(ask, front, back, servers or [_server(1, ask.upstream)])
    where = f"in place of the frontend that binds port {ask.port}, and of Socket.IO's backend"
    return _fix(title, after, where, before=before)


def _routed(title: str, *front: str, back: tuple[str, ...] = (), before: str | None = None) -> Cure:
    return lambda ask: _routing(ask, title, *front, back=back, before=before)


def _excepted(title: str, rule: str, condition: str = "") -> Cure:
    """Socket.IO is let through above the rule that stops it: no later rule of that section is asked then."""

    def cure(ask: Ask) -> Fix:
        after = "# no later http-request rule of this section holds for it: deny what shall be denied above this line\n"
        after += f"http-request allow if {condition}{{ path_beg {path(ask)} }}"
        return _fix(title, after, f"above the rule that does it, such as {rule}")

    return cure


def _sticky(ask: Ask) -> Fix:
    one, other = two(ask)
    # Behind a CDN the address of a connection is that of one of its many machines.
    how = "hash hdr(cf-connecting-ip)" if ask.layer("Cloudflare") else "source"
    return _routing(
        ask,
        "Keep each client on one process",
        back=(f"balance {how}", "hash-type consistent"),
        servers=[_server(1, one), f"{_server(2, other)}   # a line for each of your processes"],
        before="balance roundrobin",
    )


def _cookie(ask: Ask) -> Fix:
    one, other = two(ask)
    return _routing(
        ask,
        "Set the cookie with what cookies need between two sites, which takes https; Safari sends it to none but its "
        "own",
        back=('cookie SERVERID insert indirect nocache secure attr "SameSite=None"',),
        servers=[
            _server(1, one, "cookie s1"),
            f"{_server(2, other, 'cookie s2')}   # a line for each of your processes",
        ],
        before="cookie SERVERID insert indirect nocache",
    )


def _pem(ask: Ask) -> str:
    return f"/etc/haproxy/certs/{name(ask)}.pem"


def _certificate(ask: Ask) -> Fix:
    where = "in the frontend, in place of its bind line"
    after = f"# cat fullchain.pem privkey.pem > {_pem(ask)}\nbind {listening(ask, any_host=':')} ssl crt {_pem(ask)}"
    title = "Give HAProxy a certificate that browsers trust, with its chain, for this name"
    return _fix(title, after, where, before=f"bind {listening(ask, any_host=':')} ssl crt /etc/haproxy/self-signed.pem")


def _no_client_certificate(ask: Ask) -> Fix:
    title = "Ask for no client certificate where Socket.IO is served, and let the application say who may connect"
    after = f"bind {listening(ask, any_host=':')} ssl crt {_pem(ask)}   # your own certificate"
    before = f"{after.partition('   #')[0]} ca-file /etc/haproxy/clients.pem verify required"
    return _fix(title, after, "in the frontend, in place of its bind line", before=before)


@without_tls
def _tls(ask: Ask) -> Fix:
    return _routing(secured(ask), "Put TLS in front of the Socket.IO server")


def _without(ask: Ask, rule: str, title: str) -> Fix:
    """That rule for everything but Socket.IO."""
    kept = "http-request set-var(txn.path) path"
    after = f"{kept}\n{rule} if !{{ var(txn.path) -m beg {path(ask)} }}"
    return _fix(title, after, "in place of that rule, where it stands", before=rule)


def _doubled(ask: Ask) -> Fix:
    rule = f"http-response add-header Access-Control-Allow-Origin {added(ask)}"
    return _without(ask, rule, "Add CORS headers to everything but Socket.IO, which sends its own")


def _star(ask: Ask) -> Fix:
    rule = "http-response set-header Access-Control-Allow-Origin *"
    return _without(ask, rule, "If HAProxy sets the *, leave Socket.IO out of it: its cors option answers")


@own_origin
def _own_origin(ask: Ask) -> Fix:
    literal = conf(ask.details.get("allow-origin", ""), "https://your-page.example")
    title = "If HAProxy sets the header, leave Socket.IO out of it: its cors option answers"
    return _without(ask, f"http-response set-header Access-Control-Allow-Origin {literal}", title)


def _reflected(ask: Ask) -> Fix:
    title = "If HAProxy sends whatever origin asks back, take that away: the cors option names who may read"
    before = "http-response set-header Access-Control-Allow-Origin %[var(txn.origin)]"
    after = "# no Access-Control-Allow-Origin of HAProxy's own: it would let any page read, with the visitor's cookies"
    return _fix(title, after, "in place of that rule, where it stands", before=before)


def _star_headers(ask: Ask) -> Fix:
    rule = "http-response set-header Access-Control-Allow-Headers *"
    return _without(ask, rule, "If HAProxy sets it, leave Socket.IO out: it names the headers that are asked for")


def _preflight_let_through(ask: Ask) -> Fix | None:
    """Where it was a password that is missing, everything but preflights still needs it."""
    if ask.details.get("preflight", "401") == "401":
        title = "Let preflights through to Socket.IO: browsers send no password with them"
        return _excepted(title, _PASSWORD, "METH_OPTIONS ")(ask)
    title = "Let preflights through to Socket.IO: they come by OPTIONS"
    return _excepted(title, "http-request deny if METH_OPTIONS")(ask)


def _shown(title: str) -> Cure:
    return lambda ask: _without(ask, "http-response del-header Access-Control-Allow-Origin", title)


def _errors(ask: Ask) -> Fix:
    pages = " ".join(conf(page, "https://your-page.example") for page in ask.pages)
    listed = f"if {{ var(txn.origin) -m str {pages} }} !{{ res.hdr(access-control-allow-origin) -m found }}"
    header, own = "http-after-response add-header", "Access-Control-Allow-Origin %[var(txn.origin)]"
    return _routing(
        ask,
        "Let the page read HAProxy's own errors too (2.2 or newer); what causes them has to be mended all the same",
        "http-request set-var(txn.origin) req.hdr(origin)",
        *([f"{header} Access-Control-Allow-Credentials true {listed}"] if ask.credentials else []),
        f"{header} Vary Origin {listed}",
        f"{header} {own} {listed}",
    )


def _behind_tls(ask: Ask) -> Fix:
    title = "Pass on the scheme that browsers ask by: python-socketio compares the page's origin with it"
    return _routing(ask, title, back=(f"http-request set-header X-Forwarded-Proto {scheme(ask)}",))


def _forwarded(ask: Ask) -> Fix | None:
    if "layer-request" in ask.details:
        before = f"http-request set-header Origin {conf(ask.details['layer-request'], '…')}"
        return _excepted("Leave Origin as the browser sent it", before)(ask)
    return _behind_tls(ask) if own_page(ask) else None


def _payload(ask: Ask) -> Fix:
    after = "tune.bufsize 65536   # the head of a request has to fit in one; 16384 unless told"
    return _fix("Let HAProxy take longer URLs and headers", after, "in the section global")


#: ``users`` is the person's own userlist: it is in the rule that they have.
_PASSWORD = "http-request auth unless { http_auth(users) }"
_REDIRECT = "http-request redirect scheme https unless { ssl_fc }"

_kept = _excepted(
    "Pass the path on as it came: no set-path, no replace-path for Socket.IO",
    "http-request replace-path /socket.io/(.*) /\\1",
)
_post = _excepted("Let every method through to Socket.IO", "http-request deny if METH_POST")
_preflight = _excepted("Let Socket.IO answer preflights", "http-request return status 204 if METH_OPTIONS")
_unredirected = _excepted("Let Socket.IO be served where it is asked, without a redirect", _REDIRECT)

FIXES: dict[str, Cure] = {
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _cookie,
    "request-overlap": _routed(
        "Send each request once: a second one ends the session", back=("retries 0",), before="retries 3"
    ),
    "acao-cached-for-other-origin": _routed(
        "Keep Socket.IO out of the cache: its own backend has none", before="http-request cache-use static"
    ),
    "vary-origin-missing": _routed(
        "Keep Socket.IO out of every cache, and tell those further out that answers differ from origin to origin",
        back=("http-response add-header Vary Origin",),
        before="http-request cache-use static",
    ),
    "payload-limits": _payload,
    "html-instead-of-handshake": _routed("Pass Socket.IO to its own backend"),
    "gateway-5xx-no-cors": _routed("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _routed(
        "Let the Upgrade through: HAProxy passes WebSockets on unless it is told to drop these headers",
        before="http-request del-header Upgrade",
    ),
    "ws-refused": _routed("Pass WebSockets to the Socket.IO server, as they came"),
    "two-instances-one-server": _routed(
        "Pass WebSockets to the same server as polling: one backend for both",
        before="use_backend websockets if { hdr(Upgrade) -i websocket }",
    ),
    "ws-idle-timeout": _routed(
        "Let HAProxy wait much longer than Socket.IO is quiet",
        "timeout client 60s",
        before="timeout tunnel 20s   # shorter than pingInterval + pingTimeout",
    ),
    "no-sticky-sessions": _sticky,
    "preflight-not-sticky": _sticky,
    "duplicate-acao-proxy": _doubled,
    "wildcard-with-credentials": _star,
    "any-origin-with-credentials": _reflected,
    "null-origin-allowed": _reflected,
    "acah-star-limits": _star_headers,
    "proxy-strips-acao": _shown("Let Socket.IO's CORS headers through"),
    "origin-not-in-list": unless_listed(
        _shown("If the page is on the list already: let Socket.IO's CORS headers through")
    ),
    "preflight-blocked-upstream": _preflight_let_through,
    "basic-auth-or-401": _excepted(
        "Let Socket.IO through without the password, and check the client's token in a middleware", _PASSWORD
    ),
    "redirect-to-login": _excepted(
        "Let Socket.IO through without the login, and check the client's token in a middleware",
        "http-request redirect location /login unless { req.cook(session) -m found }",
    ),
    "proxy-strips-path": _kept,
    "wrong-path-hangs": at_the_usual_path(_kept),
    "trailing-slash-path": _excepted(
        "Let Socket.IO's path as it is: the slash at its end belongs to it",
        "http-request redirect location %[path,regsub(/$,,)] if { path_end / }",
    ),
    "transport-unknown": _excepted("Pass the whole address on, its query too", "http-request set-query x=1"),
    "method-or-size-filter": _post,
    "error-response-without-cors": of_the_post(_post, _errors),
    "static-origin-mismatch": _own_origin,
    "origin-comma-list": _own_origin,
    "origin-no-scheme": _own_origin,
    "origin-trailing-slash": _own_origin,
    "acac-missing": _own_origin,
    "preflight-unhandled-v2": _own_origin,
    "preflight-empty-2xx": _preflight,
    "preflight-header-not-allowed": layered("layer-preflight")(_preflight),
    "path-mismatch": at_the_usual_path(_kept),
    "preflight-redirect": _unredirected,
    "redirect-loop": _unredirected,
    "rate-limit": _routed(
        "Give Socket.IO a limit of its own: polling asks often",
        "stick-table type ip size 100k expire 30s store http_req_rate(10s)",
        "http-request track-sc0 src",
        "http-request deny deny_status 429 if !is_socketio { sc_http_req_rate(0) gt 100 }",
        "http-request deny deny_status 429 if is_socketio { sc_http_req_rate(0) gt 500 }",
        before="http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 }",
    ),
    "python-origin-not-accepted": _forwarded,
    "python-behind-tls-proxy": _behind_tls,
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
    "tls-client-certificate": _no_client_certificate,
    "tls-plain-mixup": _tls,
    "mixed-content": _tls,
    "dns-fails": _routed("Or serve it on the page's own host: there the page needs no name of its own, and no CORS"),
}
