"""What ``check`` says of real servers behind nginx and HAProxy: what a proxy takes, adds, refuses or sends elsewhere.

Each row is one mistake in the proxy's configuration; its counterparts without the mistake must be clean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.causes import (
    COOKIES,
    HEADER,
    OTHER,
    PAGE,
    SOCKET,
    assert_caused,
    assert_healthy,
    assert_warned,
    check,
    command,
    found,
)
from tests.servers import needs_haproxy, needs_nginx, needs_node, needs_openssl, shared
from tests.servers.node import node
from tests.servers.proxies import haproxy, nginx
from tests.servers.python import python_server
from tests.servers.raw import nothing, raw

pytestmark = needs_node

Upstream = Callable[[], str]


def on_node(options: str = f"{{cors: {{origin: '{PAGE}', credentials: true}}}}", **more: Any) -> Upstream:
    """Socket.IO 4.8 that lets the page in, unless told otherwise."""
    return lambda: shared(node, "4.8", options, **more)


def on_python(options: str = f"cors_allowed_origins='{PAGE}'", kind: Any = "uvicorn") -> Upstream:
    """python-socketio that lets the page in, unless told otherwise."""
    return lambda: shared(python_server, kind, options)


SILENT_ABOUT_CORS = on_node("{}")
ADD = "add_header Access-Control-Allow-Origin"
IF_OPTIONS = "if ($request_method = OPTIONS)"
#: What the usual cure of nginx has in it.
UPGRADE = "proxy_set_header Upgrade $http_upgrade;"


class Nginx(NamedTuple):
    """nginx before an upstream, the page's client, and the cause (None: all is well)."""

    location: str
    headline: str | None = None
    client: Mapping[str, Any] = {}
    upstream: Upstream = on_node()
    cure: str = UPGRADE
    """What the first cure has in it."""
    settings: Mapping[str, Any] = {}
    """More of ``nginx(…)``."""


NGINX = {
    "nothing amiss": Nginx(""),
    "nothing amiss, cookies and a header": Nginx("", None, {**COOKIES, **HEADER}),
    "nothing amiss, python": Nginx("", upstream=on_python()),
    "the only layer with CORS": Nginx(f"{ADD} {PAGE} always;", upstream=SILENT_ABOUT_CORS),
    "no layer with CORS": Nginx("", "cors-not-configured", upstream=SILENT_ABOUT_CORS, cure=PAGE),
    # two layers
    "doubled with *": Nginx(f"{ADD} *;", "duplicate-acao-proxy"),
    "doubled with the same": Nginx(f"{ADD} {PAGE};", "duplicate-acao-proxy"),
    "doubled with what is asked": Nginx(f"{ADD} $http_origin always;", "duplicate-acao-proxy"),
    "doubled, cookies and a header": Nginx(f"{ADD} * always;", "duplicate-acao-proxy", {**COOKIES, **HEADER}),
    "doubled on the handshake alone": Nginx(f"{ADD} *;", "duplicate-acao-proxy", HEADER),
    "doubled, python": Nginx(f"{ADD} * always;", "duplicate-acao-proxy", upstream=on_python()),
    "doubled, to a client that never polls": Nginx(f"{ADD} *;", None, SOCKET),
    "hidden and added anew": Nginx(f"proxy_hide_header Access-Control-Allow-Origin; {ADD} {PAGE} always;"),
    # its own header is wrong: Socket.IO has none, so nginx is named first
    "another page": Nginx(f"{ADD} {OTHER} always;", "static-origin-mismatch", upstream=SILENT_ABOUT_CORS),
    "a list": Nginx(f'{ADD} "{PAGE}, {OTHER}";', "origin-comma-list", upstream=SILENT_ABOUT_CORS),
    "no scheme": Nginx(f"{ADD} localhost:8080;", "origin-no-scheme", upstream=SILENT_ABOUT_CORS),
    "a slash": Nginx(f"{ADD} {PAGE}/;", "origin-trailing-slash", upstream=SILENT_ABOUT_CORS),
    "* and cookies": Nginx(f"{ADD} *;", "wildcard-with-credentials", COOKIES, SILENT_ABOUT_CORS),
    "no credentials": Nginx(f"{ADD} {PAGE} always;", "acac-missing", COOKIES, SILENT_ABOUT_CORS),
    "not on the preflight": Nginx(f"{ADD} {PAGE};", "preflight-unhandled-v2", HEADER, SILENT_ABOUT_CORS),
    "on a preflight that nobody answers": Nginx(
        f"{ADD} {PAGE} always;", "preflight-unhandled-v2", HEADER, SILENT_ABOUT_CORS
    ),
    "python's header taken away": Nginx(
        "proxy_hide_header Access-Control-Allow-Origin;", "proxy-strips-acao", upstream=on_python()
    ),
    "* taken away": Nginx(
        "proxy_hide_header Access-Control-Allow-Origin;", "proxy-strips-acao", upstream=on_node("{cors: {origin: '*'}}")
    ),
    # preflights
    "OPTIONS forbidden": Nginx("limit_except GET POST { deny all; }", "preflight-blocked-upstream", HEADER),
    "OPTIONS forbidden, no preflight": Nginx("limit_except GET POST { deny all; }"),
    "OPTIONS is 405": Nginx(f"{IF_OPTIONS} {{ return 405; }}", "preflight-blocked-upstream", HEADER),
    "OPTIONS is answered": Nginx(f"{IF_OPTIONS} {{ return 204; }}", "preflight-empty-2xx", HEADER),
    "OPTIONS is answered, no preflight": Nginx(f"{IF_OPTIONS} {{ return 204; }}"),
    "OPTIONS is answered without the headers": Nginx(
        f"{IF_OPTIONS} {{ {ADD} {PAGE}; return 204; }}", "preflight-header-not-allowed", HEADER
    ),
    "OPTIONS is answered well": Nginx(
        f"{IF_OPTIONS} {{ {ADD} {PAGE}; add_header Access-Control-Allow-Headers my-custom-header; return 204; }}",
        None,
        HEADER,
    ),
    "OPTIONS is redirected": Nginx(
        f"{IF_OPTIONS} {{ return 301 https://{'other.test'}$request_uri; }}", "preflight-redirect", HEADER, cure="io("
    ),
    # POST
    "POST forbidden": Nginx("limit_except GET { deny all; }", "error-response-without-cors"),
    "bodies too large": Nginx("client_max_body_size 1;", "error-response-without-cors", cure="client_max_body_size"),
    # who may
    "a password": Nginx("auth_basic x; auth_basic_user_file /dev/null;", "basic-auth-or-401", cure="auth_basic off;"),
    "a password, cookies and a header": Nginx(
        "auth_basic x; auth_basic_user_file /dev/null;",
        "basic-auth-or-401",
        {**COOKIES, **HEADER},
        cure="auth_basic off;",
    ),
    "nobody": Nginx("deny all;", "basic-auth-or-401"),
    "too many": Nginx(
        "limit_req zone=few; limit_req_status 429;",
        "rate-limit",
        cure="limit_req",
        settings={"http": "limit_req_zone $binary_remote_addr zone=few:1m rate=1r/m;"},
    ),
    # the path
    "a slash behind the upstream": Nginx(
        "", "proxy-strips-path", settings={"path": "/socket.io/", "proxy_pass": "http://upstream/"}
    ),
    "a slash behind the upstream, python": Nginx(
        "",
        "path-mismatch",
        upstream=on_python(),
        settings={"path": "/socket.io/", "proxy_pass": "http://upstream/"},
    ),
    "below /api/": Nginx(
        "", "path-mismatch", cure="/api/socket.io/", settings={"path": "/api/", "proxy_pass": "http://upstream/"}
    ),
    "below /api/, and asked there": Nginx(
        "", None, {"path": "/api/socket.io"}, settings={"path": "/api/", "proxy_pass": "http://upstream/"}
    ),
    # the request is rewritten
    "the query cut off": Nginx(
        "", "transport-unknown", settings={"path": "/socket.io/", "proxy_pass": "http://upstream/socket.io/?"}
    ),
    "another origin put in": Nginx(
        f"proxy_set_header Origin {OTHER};", "python-origin-not-accepted", upstream=on_python()
    ),
    "the origin taken away": Nginx("proxy_set_header Origin '';", "proxy-strips-acao", upstream=on_python()),
    "the last slash taken off": Nginx("rewrite ^/(.*)/$ /$1 redirect;", "trailing-slash-path"),
    # elsewhere
    "http to https": Nginx(
        "return 301 https://$host$request_uri;", "redirect-http-to-https", cure='io("https://127.0.0.1"'
    ),
    "to a login": Nginx("return 302 https://login.example.test/oauth2/authorize;", "redirect-to-login"),
}


@needs_nginx
@pytest.mark.parametrize("name", NGINX)
def test_behind_nginx(name: str) -> None:
    row = NGINX[name]
    with nginx([row.upstream()], row.location, **row.settings) as url:
        report = check(url, **row.client)
    assert "nginx" in " ".join(report.server.layers)
    if row.headline is None:
        assert_healthy(report)
        assert report.server.stack in ("socket.io", "python-socketio")
    else:
        assert_caused(report, row.headline, row.cure)


@needs_nginx
def test_what_is_said_of_an_own_page_of_nginx() -> None:
    with nginx([], server="location / { default_type text/html; return 200 '<title>My App</title>'; }") as url:
        finding = assert_caused(check(url), "html-instead-of-handshake", UPGRADE)
    assert "“My App”" in finding.message


@needs_nginx
def test_a_fallback_to_the_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>My App</title><div id=root></div>")
    tmp_path.chmod(0o755)
    fallback = f"root {tmp_path}; location / {{ try_files $uri /index.html; }}"
    with nginx([], server=fallback) as url:
        assert_caused(check(url), "html-instead-of-handshake", "location /socket.io/")
        assert_caused(check(url, **SOCKET), "html-instead-of-handshake", "location /socket.io/")
    with nginx([on_node()()], path="/socket.io/", server=fallback) as url:
        assert_healthy(check(url))
    with nginx([], server=f"root {tmp_path}; location / {{ try_files $uri =404; }}") as url:
        assert_caused(check(url), "html-instead-of-handshake", "location /socket.io/")


# --- WebSockets ------------------------------------------------------------------------------------------------------

UPSTREAMS: dict[str, Upstream] = {
    "node": on_node(),
    "uvicorn": on_python(),
    "aiohttp": on_python(kind="aiohttp"),
    "flask": on_python(kind="flask"),
}


@needs_nginx
@pytest.mark.parametrize("kind", UPSTREAMS)
def test_nginx_that_drops_the_upgrade(kind: str) -> None:
    with nginx([UPSTREAMS[kind]()], websocket=False) as url:
        finding = assert_warned(check(url), "ws-proxy-no-upgrade")
        assert UPGRADE in finding.fixes[0].after
        report = check(url, **SOCKET)
        assert_caused(report, "ws-proxy-no-upgrade", UPGRADE)
        assert {one.error for one in report.outcomes} == {"websocket error"}
        assert_healthy(check(url, transports=["polling"]), "polling")


@needs_nginx
def test_nginx_that_drops_the_upgrade_of_socket_io_2() -> None:
    with nginx([shared(node, "2.5")], websocket=False) as url:
        finding = assert_warned(check(url, version=2), "ws-proxy-no-upgrade")
        assert UPGRADE in finding.fixes[0].after
    with nginx([shared(node, "2.5")]) as url:
        assert_healthy(check(url, version=2))


@needs_haproxy
@pytest.mark.parametrize(
    "rule", ["http-request del-header Upgrade", "http-request deny if { hdr(Upgrade) -i websocket }"]
)
def test_haproxy_that_stops_the_upgrade(rule: str) -> None:
    with haproxy([on_node()()], frontend=rule) as url:
        finding = assert_warned(check(url), "ws-proxy-no-upgrade")
        assert finding.fixes[0].stack == "HAProxy"
        assert_caused(check(url, **SOCKET), "ws-proxy-no-upgrade", "timeout tunnel")


# --- several processes, or none --------------------------------------------------------------------------------------


@needs_nginx
@pytest.mark.parametrize("kind", ["node", "flask"])
def test_two_processes_in_turn(kind: str) -> None:
    # Another origin on the list, so that it is another process.
    second = {
        "node": on_node(f"{{cors: {{origin: ['{PAGE}'], credentials: true}}}}"),
        "flask": on_python(f"cors_allowed_origins=['{PAGE}']", kind="flask"),
    }[kind]
    with nginx([UPSTREAMS[kind](), second()]) as url:
        report = check(url)
        # Whether it connects is luck, whatever became of this attempt.
        assert [slug for slug, _ in found(report)] == ["no-sticky-sessions"]
        assert "hash $remote_addr" in report.findings[0].fixes[0].after
        assert_healthy(check(url, **SOCKET))
    members = " ".join(f"server {upstream().removeprefix('http://')};" for upstream in (UPSTREAMS[kind], second))
    location = "location / { proxy_pass http://sticky; proxy_http_version 1.1; proxy_set_header Host $http_host;"
    location += f" {UPGRADE} proxy_set_header Connection $connection_upgrade; }}"
    with nginx([], http=f"upstream sticky {{ ip_hash; {members} }}", server=location) as url:
        assert_healthy(check(url))


@needs_haproxy
def test_two_processes_behind_haproxy() -> None:
    upstreams = [on_node()(), on_node(f"{{cors: {{origin: ['{PAGE}'], credentials: true}}}}")()]
    with haproxy(upstreams) as url:
        report = check(url)
        assert [slug for slug, _ in found(report)] == ["no-sticky-sessions"]
        assert "balance source" in report.findings[0].fixes[0].after
    with haproxy(upstreams, backend="balance source") as url:
        assert_healthy(check(url))


@needs_nginx
def test_nginx_before_nobody() -> None:
    with nothing() as dead, nginx([dead]) as url:
        for client in ({}, {**COOKIES, **HEADER}, SOCKET):
            finding = assert_caused(check(url, **client), "gateway-5xx-no-cors", "proxy_pass")
            assert "502 Bad Gateway" in finding.message
        status, report = command(url)
        assert (status, report["findings"][0]["slug"]) == (1, "gateway-5xx-no-cors")


@needs_nginx
@needs_haproxy
def test_a_proxy_before_a_silent_server() -> None:
    with raw(lambda peer: peer.hang()) as silent:
        with nginx([silent.url], "proxy_read_timeout 1s;") as url:
            finding = assert_caused(check(url), "gateway-5xx-no-cors", "proxy_pass")
            assert "504 Gateway Time-out" in finding.message
        with haproxy([silent.url], defaults="timeout server 1s") as url:
            finding = assert_caused(check(url), "gateway-5xx-no-cors", "backend socketio")
            assert "504 Gateway Time-out" in finding.message


@needs_haproxy
def test_haproxy_before_nobody() -> None:
    with nothing() as dead, haproxy([dead], defaults="retries 0") as url:
        finding = assert_caused(check(url), "gateway-5xx-no-cors", "backend socketio")
    assert "503 Service Unavailable" in finding.message


# --- HAProxy's own rules ---------------------------------------------------------------------------------------------


class HAProxy(NamedTuple):
    """HAProxy before Socket.IO, the page's client, and the cause (None: all is well)."""

    frontend: str = ""
    backend: str = ""
    headline: str | None = None
    client: Mapping[str, Any] = {}
    upstream: Upstream = on_node()
    cure: str = "/socket.io/"


SET = "http-response set-header Access-Control-Allow-Origin"
HAPROXY = {
    "nothing amiss": HAProxy(),
    "nothing amiss, cookies and a header": HAProxy(client={**COOKIES, **HEADER}),
    "no layer with CORS": HAProxy(headline="cors-not-configured", upstream=SILENT_ABOUT_CORS, cure=PAGE),
    "doubled": HAProxy("", "http-response add-header Access-Control-Allow-Origin *", "duplicate-acao-proxy"),
    "set for everybody": HAProxy("", f"{SET} *"),
    "set for everybody, and cookies": HAProxy("", f"{SET} *", "wildcard-with-credentials", COOKIES, cure=PAGE),
    "set for another page": HAProxy("", f"{SET} {OTHER}", "static-origin-mismatch", upstream=SILENT_ABOUT_CORS),
    "OPTIONS forbidden": HAProxy("http-request deny if METH_OPTIONS", "", "preflight-blocked-upstream", HEADER),
    "OPTIONS answered": HAProxy("http-request return status 204 if METH_OPTIONS", "", "preflight-empty-2xx", HEADER),
    "POST forbidden": HAProxy("http-request deny if METH_POST", "", "error-response-without-cors"),
    "a password": HAProxy("http-request auth realm x", "", "basic-auth-or-401"),
    "a password for preflights too": HAProxy(
        "http-request auth realm x if METH_OPTIONS", "", "preflight-blocked-upstream", HEADER
    ),
    "http to https": HAProxy("http-request redirect scheme https", "", "redirect-http-to-https", cure='io("https://'),
    "too many": HAProxy("http-request deny deny_status 429", "", "rate-limit"),
    "the path cut off": HAProxy("", "http-request set-path %[path,regsub(^/socket.io,,)]", "proxy-strips-path"),
}


@needs_haproxy
@pytest.mark.parametrize("name", HAPROXY)
def test_behind_haproxy(name: str) -> None:
    row = HAPROXY[name]
    with haproxy([row.upstream()], frontend=row.frontend, backend=row.backend) as url:
        report = check(url, **row.client)
    if row.headline is None:
        assert_healthy(report)
    else:
        assert_caused(report, row.headline, row.cure)


# --- TLS, and the server's own page ----------------------------------------------------------------------------------


@needs_openssl
@needs_nginx
@needs_haproxy
def test_tls_at_the_proxy() -> None:
    for proxy in (nginx, haproxy):
        with proxy([on_node()()], tls=True) as url:
            assert_caused(check(url), "tls-untrusted", "fullchain.pem")
            assert_caused(check("http" + url[5:]), "tls-plain-mixup", 'io("https://127.0.0.1')
        with proxy([on_node()()]) as url:
            finding = assert_caused(check("https" + url[4:]), "tls-plain-mixup", 'io("http://127.0.0.1')
            assert "By http:// Socket.IO answers there" in finding.message


@needs_nginx
@pytest.mark.parametrize("kind", ["uvicorn", "flask"])
def test_a_host_that_is_not_passed_on(kind: str) -> None:
    upstream = on_python("", kind=kind)()
    with nginx([upstream]) as url:
        assert_healthy(check(url, page=url))
    location = f"location / {{ proxy_pass {upstream}; proxy_http_version 1.1;"
    location += f" {UPGRADE} proxy_set_header Connection $connection_upgrade; }}"
    with nginx([], server=location) as url:
        # The server takes itself for 127.0.0.1:PORT of its own, and its page for a stranger.
        finding = assert_caused(check(url, page=url), "python-behind-tls-proxy", "$http_host")
    assert "It is the server's own origin" in finding.message
    assert "proxy_set_header Host $http_host" in finding.message
    assert any("proxy_set_header Host $http_host;" in fix.after for fix in finding.fixes)


@needs_nginx
@needs_haproxy
def test_a_header_taken_away_from_a_list_looks_like_a_list_without_the_page() -> None:
    hides = "proxy_hide_header Access-Control-Allow-Origin;"
    with nginx([on_node()()], hides) as url:
        finding = assert_caused(check(url), "origin-not-in-list", PAGE)
        assert "Or it is on the list, and nginx" in finding.message
        assert [fix.side for fix in finding.fixes] == ["server", "proxy"]
    with haproxy([on_node()()], backend="http-response del-header Access-Control-Allow-Origin") as url:
        finding = assert_caused(check(url), "origin-not-in-list", PAGE)
        assert finding.fixes[1].stack == "HAProxy"
    # Where the header does come through for another origin, the proxy is out of it.
    with nginx([on_node("{cors: {origin: ['http://127.0.0.1:8080']}}")()]) as url:
        finding = assert_caused(check(url), "origin-localhost-vs-127", PAGE)
        assert "nginx" not in finding.message
        assert [fix.side for fix in finding.fixes] == ["server", "page"]


@needs_nginx
def test_two_faults_at_once_come_in_the_order_in_which_they_are_met() -> None:
    with nginx([SILENT_ABOUT_CORS()], websocket=False) as url:
        report = check(url)
    assert found(report) == [("cors-not-configured", "error"), ("ws-proxy-no-upgrade", "warning")]


@needs_nginx
@needs_haproxy
@pytest.mark.parametrize("kind", ["uvicorn", "flask"])
def test_a_refused_origin_does_not_hide_a_lost_upgrade(kind: str) -> None:
    server = on_python(f"cors_allowed_origins='{OTHER}'", kind)()
    with nginx([server], websocket=False) as url:
        refused, lost = found(check(url))
    assert (refused, lost) == (("python-origin-not-accepted", "error"), ("ws-proxy-no-upgrade", "warning"))
    with haproxy([server]) as url:
        assert_caused(check(url), "python-origin-not-accepted", PAGE)


@needs_nginx
def test_lost_sessions_do_not_hide_a_namespace_that_is_not_there() -> None:
    options = f"{{cors: {{origin: '{PAGE}'}}}}"
    with node("4.8", options) as one, node("4.8", options) as other, nginx([one, other]) as url:
        report = check(url, namespace="/chat")
        assert [finding.slug for finding in report.findings] == ["no-sticky-sessions", "invalid-namespace"]
        assert "by polling the session is lost before" in report.findings[1].message
        assert [finding.slug for finding in check(url).findings] == ["no-sticky-sessions"]
