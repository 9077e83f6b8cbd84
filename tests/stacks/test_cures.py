"""The cures are applied: pasted into a real server that has the cause, they end it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from sio_doctor.model import Fix, Plan, Server, get_all
from sio_doctor.stacks import fixes
from tests.rules.build import PAGE, make_plan
from tests.servers import needs_nginx, needs_node
from tests.servers.node import Version, node
from tests.servers.proxies import nginx
from tests.servers.python import Kind, python_server

#: Many servers are started: `make cures` runs it.
pytestmark = pytest.mark.cures

OPEN = "/socket.io/?EIO=4&transport=polling"
#: What a browser sends with an upgrade.
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PLAN = make_plan(with_credentials=True, extra_headers=(("my-custom-header", "x"),))
NODE = Server(stack="socket.io", version="4.8.4")
TWO = Server(stack="socket.io", version="2.x")
NEST = Server(stack="socket.io", version="4.8.4", layers=("NestJS", "Express"))
#: Where a WebSocket is asked for.
SOCKET = OPEN.replace("polling", "websocket")


def cure(
    slug: str, server: Server, plan: Plan = PLAN, *, stack: str = "", details: dict[str, str] | None = None
) -> Fix:
    """The first cure, or the first for that stack."""
    found = fixes(slug, plan, server, origins=plan.origins, details=details)
    return next(fix for fix in found if fix.stack.startswith(stack))


class Got:
    """Status and header lines of an answer; the body is not read, a WebSocket's has no end."""

    def __init__(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.status = status
        self.headers = headers

    def all(self, name: str) -> list[str]:
        return get_all(self.headers, name)


def ask(url: str, method: str = "GET", target: str = OPEN, origin: str = PAGE, **headers: str) -> Got:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, headers={"Origin": origin, **named})
        response = connection.getresponse()
        return Got(response.status, response.getheaders())
    finally:
        connection.close()


def preflight(url: str) -> Got:
    asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "my-custom-header"}
    return ask(url, "OPTIONS", **asked)


def upgrade(url: str) -> Got:
    return ask(url, target=OPEN.replace("polling", "websocket"), **UPGRADE)


def assert_lets_the_page_in(url: str) -> None:
    """The handshake may be read, with cookies, by the page alone; its custom header passes the preflight."""
    opened = ask(url)
    assert opened.status == 200
    assert opened.all("access-control-allow-origin") == [PAGE]
    assert opened.all("access-control-allow-credentials") == ["true"]
    flight = preflight(url)
    assert flight.status in (200, 204)
    assert flight.all("access-control-allow-origin") == [PAGE]
    assert "my-custom-header" in flight.all("access-control-allow-headers")[0].lower()
    assert ask(url, origin="https://foreign.example").all("access-control-allow-origin") in ([], [PAGE])


@contextmanager
def cured_node(fix: Fix, version: Version = "4.8", setup: str = "") -> Iterator[str]:
    """A server on Node with the options that the cure gives to it; what stands before the call is set up first."""
    before, _, rest = fix.after.partition("const io = ")
    options = re.fullmatch(r"(?:new Server|require\(\"socket\.io\"\))\(httpServer, (.*)\);", rest, re.DOTALL)
    assert options, fix.after
    # The server's options are one expression, and `allowed` is a name in it.
    wrapped = f"(() => {{ {before} return ({options[1]}); }})()"
    with node(version, wrapped, setup=setup) as url:
        yield url


@needs_node
@pytest.mark.parametrize("version", ["4.8", "3.1"])
def test_cors_not_configured_on_node(version: Version) -> None:
    with node(version) as url:
        assert ask(url).all("access-control-allow-origin") == []
    with cured_node(cure("cors-not-configured", NODE), version) as url:
        assert_lets_the_page_in(url)


@needs_node
@pytest.mark.parametrize(
    ("slug", "wrong"),
    [
        ("origin-trailing-slash", PAGE + "/"),
        ("origin-comma-list", f"https://other.example,{PAGE}"),
        ("origin-no-scheme", PAGE.removeprefix("https://")),
        ("static-origin-mismatch", "https://other.example"),
    ],
)
def test_a_wrong_origin_on_node(slug: str, wrong: str) -> None:
    fix = cure(slug, NODE, details={"allow-origin": wrong})
    assert fix.before
    with node("4.8", f"{{cors: {{{fix.before}}}}}") as url:
        assert ask(url).all("access-control-allow-origin") == [wrong]
    with cured_node(fix) as url:
        assert_lets_the_page_in(url)


@needs_node
@pytest.mark.parametrize(
    "slug", ["origin-not-in-list", "wildcard-with-credentials", "acac-missing", "preflight-header-not-allowed"]
)
def test_other_causes_in_the_cors_option(slug: str) -> None:
    with cured_node(cure(slug, NODE)) as url:
        assert_lets_the_page_in(url)


@needs_node
def test_origin_callback_error() -> None:
    with cured_node(cure("origin-callback-error", NODE)) as url:
        assert_lets_the_page_in(url)
        assert ask(url, origin="https://foreign.example").status == 200


@needs_node
def test_allowrequest() -> None:
    with cured_node(cure("allowrequest-403", NODE)) as url:
        assert ask(url).status == 200
        assert upgrade(url).status == 101
        assert ask(url, origin="https://foreign.example").status == 403


@needs_node
def test_a_client_of_version_2_is_let_in() -> None:
    old = OPEN.replace("EIO=4", "EIO=3")
    with node("4.8") as url:
        assert ask(url, target=old).status == 400
    with cured_node(cure("client-too-old", NODE, stack="socket.io 4")) as url:
        assert ask(url, target=old).status == 200


@needs_node
def test_version_2_needs_a_port_and_a_handler_of_preflights() -> None:
    two = Server(stack="socket.io", version="2.x")
    fix = cure("v2-origins-needs-port", two)
    with node("2.5", f"{{{fix.before}}}") as url:
        assert ask(url).status == 403
    with cured_node(fix, "2.5") as url:
        assert ask(url).all("access-control-allow-origin") == [PAGE]
    with node("2.5") as url:
        assert preflight(url).status == 400
    with cured_node(cure("preflight-unhandled-v2", two), "2.5") as url:
        flight = preflight(url)
        assert (flight.status, flight.all("access-control-allow-origin")) == (200, [PAGE])
        assert flight.all("access-control-allow-headers") == ["my-custom-header"]


@needs_node
@pytest.mark.parametrize(
    "slug", ["connect-middleware-error", "disconnected-at-once", "invalid-namespace", "no-connect-reply"]
)
def test_what_is_called_on_io_runs(slug: str) -> None:
    plan = make_plan(namespace="/chat")
    with node("4.8", setup=cure(slug, NODE, plan, stack="socket.io 4").after) as url:
        assert ask(url).status == 200


@needs_node
def test_another_websocket_server_leaves_socketio_alone() -> None:
    code = cure("ws-two-servers-conflict", NODE).after.replace("httpServer", "server")
    ws = 'const { WebSocketServer } = require("ws");\n'
    with node("4.8", setup=f"{ws}new WebSocketServer({{ server }});") as url:
        assert b"HTTP/1.1" in after_the_upgrade(url)
    with node("4.8", setup=ws + code) as url:
        assert b'0{"sid"' in after_the_upgrade(url)
        assert ask(url, target="/other", **UPGRADE).status == 101


def after_the_upgrade(url: str) -> bytes:
    """The first bytes that follow the head of a 101."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **UPGRADE}.items())
        connection.sendall(f"GET {OPEN.replace('polling', 'websocket')} HTTP/1.1\r\n{lines}\r\n".encode())
        seen = b""
        while len(tail := seen.partition(b"\r\n\r\n")[2]) < 20:
            received = connection.recv(4096)
            if not received:
                break
            seen += received
        return tail


@needs_node
@pytest.mark.parametrize(
    "slug",
    [
        "express-cors-only", "cors-option-shape", "any-origin-with-credentials",
        "origin-match-too-wide", "null-origin-allowed", "v2-client-always-credentialed", "acah-star-limits",
        "method-not-allowed", "vary-origin-missing", "app-scheme-origin",
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["4.8", "3.1"])
def test_the_newer_causes_in_the_cors_option(slug: str, version: Version) -> None:
    with cured_node(cure(slug, NODE), version) as url:
        assert_lets_the_page_in(url)
        assert "Origin" in ",".join(ask(url).all("vary"))


@needs_node
@pytest.mark.parametrize(
    ("slug", "listed"),
    [
        ("origin-scheme", "http://shop.example.com"),
        ("origin-port", "https://shop.example.com:8443"),
        ("origin-www-subdomain", "https://www.shop.example.com"),
        ("origin-star-in-array", "*"),
    ],
)
def test_a_near_miss_on_node(slug: str, listed: str) -> None:
    fix = cure(slug, NODE, details={"accepted": listed})
    assert fix.before == f"origin: [{json.dumps(listed)}]"
    with node("4.8", f"{{cors: {{{fix.before}}}}}") as url:
        assert ask(url).all("access-control-allow-origin") == []
    with cured_node(fix) as url:
        opened = ask(url)
        assert opened.all("access-control-allow-origin") == [PAGE]
        kept = ask(url, origin=listed).all("access-control-allow-origin")
        assert kept == ([] if listed == "*" else [listed]), "what was listed stays, but a star"


@needs_node
@pytest.mark.parametrize("version", ["4.8", "3.1"])
def test_websockets_are_closed_to_other_pages(version: Version) -> None:
    with node(version) as url:
        assert ask(url, target=SOCKET, origin="https://foreign.example", **UPGRADE).status == 101
    with cured_node(cure("websocket-open-to-any-page", NODE), version) as url:
        assert_lets_the_page_in(url)
        assert upgrade(url).status == 101
        assert ask(url, target=SOCKET, origin=PLAN.target.url, **UPGRADE).status == 101, "its own pages stay"
        assert ask(url, target=SOCKET, origin="https://foreign.example", **UPGRADE).status == 400


@needs_node
@pytest.mark.parametrize(("version", "seen"), [("4.8", "4.8.4"), ("4.0", "3.x–4.4"), ("3.1", "3.1.2")])
def test_the_path_is_taken_without_its_slash(version: Version, seen: str) -> None:
    bare = OPEN.replace("/?", "?")
    with node(version) as url:
        assert ask(url, target=bare).status == 404
    fix = cure("trailing-slash-path", Server(stack="socket.io", version=seen), stack="socket.io ")
    code = fix.after.replace("httpServer", "server")
    running = cured_node(fix, version) if "const io" in fix.after else node(version, setup=code)
    with running as url:
        assert ask(url, target=bare).status == 200
        assert ask(url).status == 200
        assert ask(url, target=bare.replace("polling", "websocket"), **UPGRADE).status == 101


@needs_node
def test_a_client_of_version_2_on_the_release_that_has_no_option_for_it() -> None:
    fix = cure("client-too-old", Server(stack="socket.io", version="3.0.x"), stack="socket.io 3")
    assert (fix.language, fix.after) == ("sh", "npm install socket.io@4")


@needs_node
@pytest.mark.parametrize("slug", ["any-origin-with-credentials", "websocket-open-to-any-page", "v240-closed-default"])
def test_version_2_lists_the_pages(slug: str) -> None:
    with node("2.5") as url:
        assert ask(url, origin="https://foreign.example").all("access-control-allow-credentials") == ["true"]
        assert ask(url, target=SOCKET, origin="https://foreign.example", **UPGRADE).status == 101
    with cured_node(cure(slug, TWO), "2.5") as url:
        assert ask(url).all("access-control-allow-origin") == [PAGE]
        assert upgrade(url).status == 101
        assert ask(url, origin="https://foreign.example").status == 403
        assert ask(url, target=SOCKET, origin="https://foreign.example", **UPGRADE).status in (400, 403)


@needs_node
def test_version_2_says_that_answers_differ_and_takes_another_path() -> None:
    with node("2.5", setup=cure("vary-origin-missing", TWO).after.replace("httpServer", "server")) as url:
        assert ask(url).all("vary") == ["Origin"]
    plan = make_plan(path="/my/io/")
    with cured_node(cure("path-mismatch", TWO, plan), "2.5") as url:
        assert ask(url, target=OPEN.replace("socket.io", "my/io")).status == 200


@needs_node
@pytest.mark.parametrize(
    "slug", ["cors-not-configured", "nest-enablecors-only", "origin-callback-error", "wildcard-with-credentials"]
)
def test_a_gateway_of_nestjs(slug: str) -> None:
    with node(mode="nest") as url:
        assert ask(url).all("access-control-allow-origin") == []
    with node(mode="nest", options=gateway(cure(slug, NEST))) as url:
        assert_lets_the_page_in(url)


@needs_node
def test_a_gateway_has_its_own_path_and_namespace() -> None:
    plan = make_plan(path="/my/io/", namespace="/chat")
    with node(mode="nest", options=gateway(cure("path-mismatch", NEST, plan))) as url:
        assert ask(url, target=OPEN.replace("socket.io", "my/io")).status == 200
    plan = make_plan(namespace="/chat")
    with node(mode="nest", options=gateway(cure("invalid-namespace", NEST, plan))) as url:
        assert connected(url, "/chat").startswith("40/chat,{")
        assert connected(url, "/other").startswith("44/other,")
    with node(mode="nest", options=gateway(cure("allowrequest-403", NEST))) as url:
        assert ask(url).status == 200
        assert ask(url, origin="https://foreign.example").status == 403


def gateway(fix: Fix) -> str:
    """What the decorator is given."""
    options = re.fullmatch(r"@WebSocketGateway\((.*)\)", fix.after, re.DOTALL)
    assert options
    return options[1]


def connected(url: str, namespace: str) -> str:
    """What CONNECT to that namespace gets."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", OPEN)
        sid = re.search(r'"sid":"([^"]+)"', connection.getresponse().read().decode())
        assert sid
        connection.request("POST", f"{OPEN}&sid={sid[1]}", f"40{namespace},")
        connection.getresponse().read()
        connection.request("GET", f"{OPEN}&sid={sid[1]}")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("kind", "layer"), [("uvicorn", "uvicorn"), ("flask", "Werkzeug 3.1.9"), ("aiohttp", "aiohttp 3.14.5")]
)
def test_python_refuses_the_origin(kind: Kind, layer: str) -> None:
    fix = cure("python-origin-not-accepted", Server(stack="python-socketio", layers=(layer,)))
    keyword = re.search(r"cors_allowed_origins=.*(?=,$)", fix.after, re.MULTILINE)
    assert keyword
    with python_server(kind) as url:
        assert ask(url).status == 400
    with python_server(kind, keyword[0]) as url:
        assert_lets_the_page_in(url)


# --- nginx -----------------------------------------------------------------------------------------------------------

NGINX = Server(stack="socket.io", version="4.8.4", layers=("nginx 1.22.1",))
PASSED = "location /socket.io/ { proxy_pass http://127.0.0.1:3000; }"


@contextmanager
def behind_nginx(code: str, *, server: str = "") -> Iterator[str]:
    """nginx with a cure's location in it, before a Socket.IO server that is set up well."""
    with node("4.8", f"{{cors: {{origin: [{PAGE!r}], credentials: true}}}}") as upstream:
        location = code.replace("http://127.0.0.1:3000", upstream)
        with nginx([], server=f"{server}\n{location}") as url:
            yield url


@needs_nginx
@needs_node
def test_nginx_adds_the_header_a_second_time() -> None:
    fix = cure("duplicate-acao-proxy", NGINX)
    assert fix.before
    with behind_nginx(PASSED, server=fix.before) as url:
        assert ask(url).all("access-control-allow-origin") == [PAGE, "*"]
    # The line still stands further out, for the rest of the site.
    with behind_nginx(fix.after, server=fix.before) as url:
        assert_lets_the_page_in(url)


@needs_nginx
@needs_node
def test_nginx_takes_the_header_away() -> None:
    fix = cure("proxy-strips-acao", NGINX, stack="nginx")
    assert fix.before
    with behind_nginx(PASSED, server=fix.before) as url:
        assert ask(url).all("access-control-allow-origin") == []
    with behind_nginx(fix.after, server=fix.before) as url:
        assert_lets_the_page_in(url)


@needs_nginx
@needs_node
def test_nginx_loses_the_upgrade() -> None:
    with behind_nginx(PASSED) as url:
        assert upgrade(url).status == 400
    with behind_nginx(cure("ws-proxy-no-upgrade", NGINX).after) as url:
        assert upgrade(url).status == 101


@needs_nginx
@needs_node
def test_nginx_answers_preflights_with_nothing() -> None:
    fix = cure("preflight-empty-2xx", NGINX)
    assert fix.before
    with behind_nginx(PASSED.replace("{", f"{{ {fix.before}", 1)) as url:
        assert preflight(url).all("access-control-allow-origin") == []
    with behind_nginx(fix.after) as url:
        assert_lets_the_page_in(url)


@needs_nginx
@needs_node
def test_nginx_wants_a_password_of_preflights() -> None:
    password = 'auth_basic "Restricted"; auth_basic_user_file /etc/nginx/.htpasswd;'
    with behind_nginx(PASSED, server=password) as url:
        assert preflight(url).status == 401
    with behind_nginx(cure("preflight-blocked-upstream", NGINX).after) as url:
        assert preflight(url).all("access-control-allow-origin") == [PAGE]
        assert ask(url).status == 401, "everything else still needs the password"
    with behind_nginx(cure("basic-auth-or-401", NGINX).after, server=password) as url:
        assert_lets_the_page_in(url)


@needs_nginx
@needs_node
def test_nginx_answers_with_the_page() -> None:
    page = 'location / { return 200 "<html>"; }'
    with behind_nginx(page) as url:
        assert ask(url).all("access-control-allow-origin") == []
    with behind_nginx(cure("html-instead-of-handshake", NGINX).after, server=page) as url:
        assert_lets_the_page_in(url)
