"""HAProxy."""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, conf, has_layer

SIDE: Side = "proxy"

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


def _fix(title: str, after: str, *, before: str | None = None) -> Fix:
    return Fix(
        stack="HAProxy", side="proxy", title=title, where="haproxy.cfg; then haproxy -c -f haproxy.cfg, and reload",
        language="haproxy", before=before, after=after,
    )  # fmt: skip


def _path(ask: Ask) -> str:
    return conf(ask.plan.target.path, "/socket.io/")


def _routed(title: str, *front: str, back: tuple[str, ...] = (), before: str | None = None) -> Cure:
    """A backend of its own for Socket.IO, with these lines in the frontend and in the backend."""

    def cure(ask: Ask) -> Fix:
        own = (line.replace("/socket.io/", _path(ask)) for line in front)
        frontend = [f"acl is_socketio path_beg {_path(ask)}", *own, "use_backend socketio if is_socketio"]
        backend = ["timeout server 60s", "timeout tunnel 1h", *back, "server s1 127.0.0.1:3000 check"]
        after = block("frontend www", frontend, "", "    ") + "\n" + block("backend socketio", backend, "", "    ")
        return _fix(title, after.rstrip("\n"), before=before)

    return cure


def _certificate(ask: Ask) -> Fix:
    host = conf(ask.host, "your-server.example")
    after = (
        f"# cat fullchain.pem privkey.pem > /etc/haproxy/certs/{host}.pem\n"
        f"frontend www\n    bind :443 ssl crt /etc/haproxy/certs/{host}.pem"
    )
    return _fix("Give HAProxy a certificate that browsers trust, with its chain, for this name", after)


def _own_origin(ask: Ask) -> Fix | None:
    """Only where the header cannot be Socket.IO's own; a fixed one can always be either's."""
    if "layer-origin" not in ask.details and ask.slug != "static-origin-mismatch":
        return None
    literal = conf(ask.details.get("allow-origin", ""), "https://your-page.example")
    line = f"http-response set-header Access-Control-Allow-Origin {literal}"
    return _routed(
        "If HAProxy sets the header, leave Socket.IO out of it: its cors option answers",
        "http-request set-var(txn.path) path",
        f"{line} if !{{ var(txn.path) -m beg /socket.io/ }}",
        before=line,
    )(ask)


def _own_preflight(ask: Ask) -> Fix | None:
    return _preflight(ask) if "layer-preflight" in ask.details else None


def _shown(title: str) -> Cure:
    return _routed(title, before="http-response del-header Access-Control-Allow-Origin")


def _hidden(ask: Ask) -> Fix | None:
    """A list whose header is deleted looks like one that lacks the page, unless another origin was let in."""
    title = "If the page is on the list already: let Socket.IO's CORS headers through"
    return None if "accepted" in ask.details else _shown(title)(ask)


def _later(ask: Ask) -> Fix | None:
    return _post(ask) if ask.details.get("layer-post") in ("403", "405", "413") else None


def _path_kept(ask: Ask) -> Fix | None:
    title = "Pass the path on as it came: no set-path, no replace-path for Socket.IO"
    return _routed(title)(ask) if ask.plan.target.path == "/socket.io/" else None


_post = _routed("Let every method through to Socket.IO", before="http-request deny if METH_POST")
_preflight = _routed("Let Socket.IO answer preflights", before="http-request return status 204 if METH_OPTIONS")

_unredirected = _routed(
    "Let Socket.IO be served where it is asked, without a redirect",
    "http-request redirect scheme https unless { ssl_fc } or is_socketio",
    before="http-request redirect scheme https unless { ssl_fc }",
)

_cookie = _routed(
    "Set the cookie with what cookies need between two sites, which takes https; Safari sends it to none but its own",
    back=(
        'cookie SERVERID insert indirect nocache secure attr "SameSite=None"',
        "server s2 127.0.0.1:3001 check cookie s2   # and s1 with cookie s1",
    ),
    before="cookie SERVERID insert indirect nocache",
)

FIXES: dict[str, Cure] = {
    "cookie-samesite": _cookie,
    "sticky-cookie-not-sent": _cookie,
    "request-overlap": _routed("Send each request once: a second one ends the session", back=("retries 0",)),
    "acao-cached-for-other-origin": _routed(
        "Keep Socket.IO out of the cache: its own backend has none", before="http-request cache-use static"
    ),
    "html-instead-of-handshake": _routed("Pass Socket.IO to its own backend"),
    "gateway-5xx-no-cors": _routed("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _routed(
        "Let the Upgrade through: HAProxy passes WebSockets on unless it is told to drop these headers",
        before="http-request del-header Upgrade",
    ),
    "ws-idle-timeout": _routed("Let HAProxy wait much longer than Socket.IO is quiet"),
    "no-sticky-sessions": _routed(
        "Keep each client on one process",
        back=("balance source", "hash-type consistent", "server s2 127.0.0.1:3001 check"),
    ),
    "duplicate-acao-proxy": _routed(
        "Add CORS headers to everything but Socket.IO, which sends its own",
        "http-request set-var(txn.path) path",
        "http-response add-header Access-Control-Allow-Origin * if !{ var(txn.path) -m beg /socket.io/ }",
        before="http-response add-header Access-Control-Allow-Origin *",
    ),
    "wildcard-with-credentials": _routed(
        "If HAProxy sets the *, leave Socket.IO out of it: its cors option answers",
        "http-request set-var(txn.path) path",
        "http-response set-header Access-Control-Allow-Origin * if !{ var(txn.path) -m beg /socket.io/ }",
        before="http-response set-header Access-Control-Allow-Origin *",
    ),
    "proxy-strips-acao": _shown("Let Socket.IO's CORS headers through"),
    "origin-not-in-list": _hidden,
    "preflight-blocked-upstream": _routed(
        "Let preflights through to Socket.IO: browsers send no password with them",
        "http-request auth unless { method OPTIONS }",
        before="http-request auth",
    ),
    "basic-auth-or-401": _routed(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        "http-request auth unless is_socketio",
        before="http-request auth",
    ),
    "proxy-strips-path": _routed("Pass the path on as it came"),
    "transport-unknown": _routed("Pass the whole address on, its query too"),
    "method-or-size-filter": _post,
    "error-response-without-cors": _later,
    "static-origin-mismatch": _own_origin,
    "origin-comma-list": _own_origin,
    "origin-no-scheme": _own_origin,
    "origin-trailing-slash": _own_origin,
    "acac-missing": _own_origin,
    "preflight-unhandled-v2": _own_origin,
    "preflight-empty-2xx": _preflight,
    "preflight-header-not-allowed": _own_preflight,
    "path-mismatch": _path_kept,
    "preflight-redirect": _unredirected,
    "redirect-loop": _unredirected,
    "rate-limit": _routed(
        "Leave Socket.IO out of the limit: polling asks often",
        "http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100 } !is_socketio",
    ),
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
}
FIXES["v2-client-always-credentialed"] = FIXES["wildcard-with-credentials"]
FIXES["acah-star-limits"] = _own_preflight
FIXES["preflight-not-sticky"] = FIXES["no-sticky-sessions"]
FIXES["vary-origin-missing"] = FIXES["acao-cached-for-other-origin"]
