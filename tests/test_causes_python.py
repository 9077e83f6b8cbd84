"""What ``check`` says of real servers in Python: python-socketio in its hosts, Flask-SocketIO, FastAPI around it.

Each row is one mistake beside the same server put right. What is expected is what the servers' documentation and the
browsers say, not what the program once printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import PolicyKind
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
from tests.servers import shared
from tests.servers.python import Kind, python_server

HOSTS: tuple[Kind, ...] = ("uvicorn", "aiohttp", "flask")
LAYERS = {"uvicorn": "uvicorn", "aiohttp": "aiohttp", "flask": "Werkzeug"}
LETS_IN = f"cors_allowed_origins='{PAGE}'"


# --- the options, in every host --------------------------------------------------------------------------------------


class Options(NamedTuple):
    """Keyword arguments of the server, whom they let in, and what becomes of the page whose client is set up so."""

    options: str
    policy: PolicyKind
    headline: str | None = None
    client: Mapping[str, Any] = {}
    cure: str | None = PAGE

    @property
    def name(self) -> str:
        """For the test's id."""
        return f"{self.options}-{','.join(self.client)}"


OPTIONS = [
    Options("", "refuses", "python-origin-not-accepted"),
    Options("", "refuses", "python-origin-not-accepted", SOCKET),
    Options(LETS_IN, "refuses"),
    Options(LETS_IN, "refuses", None, {**COOKIES, **HEADER}),
    Options(LETS_IN, "refuses", None, SOCKET),
    Options(f"cors_allowed_origins=['{OTHER}', '{PAGE}']", "refuses"),
    Options(f"cors_allowed_origins=['{OTHER}']", "refuses", "python-origin-not-accepted"),
    Options(f"cors_allowed_origins='{OTHER}'", "refuses", "python-origin-not-accepted", {**COOKIES, **HEADER}),
    Options(f"cors_allowed_origins='{PAGE},{OTHER}'", "refuses", "python-origin-not-accepted"),
    Options("cors_allowed_origins='*'", "reflect"),
    Options("cors_allowed_origins='*'", "reflect", None, COOKIES),
    Options("cors_allowed_origins=[]", "nobody", "cors-not-configured"),
    Options(f"{LETS_IN}, cors_credentials=False", "refuses", "acac-missing", COOKIES, "cors_credentials=True"),
]


#: What the host might have a say in is asked in each: refusals, preflights, WebSockets.
IN_HOSTS: list[tuple[Kind, Options]] = [("uvicorn", row) for row in OPTIONS] + [
    (host, row) for host in HOSTS[1:] for row in OPTIONS[:5]
]


@pytest.mark.parametrize(("host", "row"), IN_HOSTS, ids=lambda one: one if isinstance(one, str) else one.name)
def test_an_option(host: Kind, row: Options) -> None:
    report = check(shared(python_server, host, row.options), **row.client)
    assert report.policy.kind == row.policy
    assert (report.server.stack, report.server.version) == ("python-socketio", "5.12+")
    assert any(layer.startswith(LAYERS[host]) for layer in report.server.layers)
    assert report.handshake is not None
    assert (report.handshake.protocol, report.handshake.framing) == (4, "v4")
    if row.headline is None:
        assert_healthy(report)
        return
    finding = assert_caused(report, row.headline, row.cure)
    assert finding.fixes[0].stack == ("Flask-SocketIO" if host == "flask" else "python-socketio")


def test_the_refusal_hides_behind_the_browsers_words() -> None:
    finding = assert_caused(check(shared(python_server, "flask")), "python-origin-not-accepted", PAGE)
    assert "“Not an accepted origin.”" in finding.message
    assert "the browser reports a CORS error and hides the 400" in finding.message
    # No CORS error, and no polling at all, where the client opens a WebSocket at once.
    finding = assert_caused(check(shared(python_server, "flask"), **SOCKET), "python-origin-not-accepted", PAGE)
    assert "hides the 400" not in finding.message


@pytest.mark.parametrize("host", HOSTS)
def test_the_servers_own_page_is_let_in_by_default(host: Kind) -> None:
    url = shared(python_server, host)
    assert_healthy(check(url, page=url))


def test_without_a_page_it_says_whom_the_server_lets_in() -> None:
    for options, kind in (("cors_allowed_origins='*'", "reflect"), (LETS_IN, "refuses")):
        report = examine_sync(make_plan(shared(python_server, "flask", options)))
        assert (report.policy.kind, report.outcomes, found(report), report.ok) == (kind, (), [], True)
    # Without a list it lets its own page in, and says so of no other.
    for options, slug in (("", "python-origin-not-accepted"), ("cors_allowed_origins=[]", "cors-not-configured")):
        report = examine_sync(make_plan(shared(python_server, "flask", options)))
        assert (found(report), report.outcomes, report.ok) == ([(slug, "warning")], (), True)
        assert "cors_allowed_origins=[" in report.findings[0].fixes[0].after


# --- versions, transports, paths, the application --------------------------------------------------------------------


@pytest.mark.parametrize("host", HOSTS)
def test_a_client_of_version_2(host: Kind) -> None:
    report = check(shared(python_server, host, LETS_IN), version=2)
    finding = assert_caused(report, "python-version-mismatch", "socket.io-client@4")
    # No server in Python has that option.
    assert "allowEIO3" not in finding.message + "".join(fix.after for fix in finding.fixes)
    assert finding.fixes[0].side == "page"


@pytest.mark.parametrize("host", HOSTS)
def test_transports_that_do_not_agree(host: Kind) -> None:
    url = shared(python_server, host, f"{LETS_IN}, transports=['websocket']")
    assert_caused(check(url), "transport-disabled", 'transports: ["websocket"]')
    assert_healthy(check(url, **SOCKET))
    url = shared(python_server, host, f"{LETS_IN}, transports=['polling']")
    # The open packet offers the upgrade all the same.
    finding = assert_warned(check(url), "transport-disabled")
    assert 'transports: ["polling"]' in finding.fixes[0].after
    finding = assert_caused(check(url, **SOCKET), "transport-disabled", 'transports: ["polling"]')
    assert 'transports=["polling", "websocket"]' in finding.fixes[1].after
    assert_healthy(check(url, transports=["polling"]), "polling")


@pytest.mark.parametrize("host", HOSTS)
def test_another_path(host: Kind) -> None:
    url = shared(python_server, host, LETS_IN)
    finding = assert_caused(check(url, path="/live"), "path-mismatch", "io(")
    assert "Socket.IO answers at /socket.io/, not at /live/" in finding.message
    assert_healthy(check(f"{url}/socket.io/?EIO=4&transport=polling&t=abc"))


def test_a_path_that_nobody_would_guess() -> None:
    url = shared(python_server, "flask", f"{LETS_IN}, path='/live'")
    finding = assert_caused(check(url), "path-mismatch", 'path="socket.io"')
    assert "None of the usual paths answered either" in finding.message
    assert_healthy(check(url, path="/live"))


HANDLER = {
    "uvicorn": "@sio.event\nasync def connect(sid, environ, auth):\n    {}",
    "aiohttp": "@sio.event\nasync def connect(sid, environ, auth):\n    {}",
    "flask": "@sio.on('connect')\ndef connect(auth):\n    {}",
}
WANTS_TOKEN = (
    "from socketio.exceptions import ConnectionRefusedError\n"
    "    if not auth or auth['token'] != 's3cret': raise ConnectionRefusedError('no token')"
)


@pytest.mark.parametrize("host", ["uvicorn", "flask"])
def test_a_connect_handler_that_refuses(host: Kind) -> None:
    url = shared(python_server, host, LETS_IN, setup=HANDLER[host].format("return False"))
    finding = assert_caused(check(url), "connect-middleware-error", "auth: {")
    assert any("ConnectionRefusedError" in fix.after for fix in finding.fixes if fix.side == "server")
    assert "“Connection rejected by server”" in finding.message
    report = check(url, **SOCKET)
    assert_caused(report, "connect-middleware-error")
    assert {one.error for one in report.outcomes} == {"Connection rejected by server"}


def test_a_connect_handler_that_wants_a_token() -> None:
    url = shared(python_server, "uvicorn", LETS_IN, setup=HANDLER["uvicorn"].format(WANTS_TOKEN))
    finding = assert_caused(check(url), "connect-middleware-error")
    assert "“no token”" in finding.message
    assert any("auth: {" in fix.after for fix in finding.fixes if fix.side == "page")
    assert_healthy(check(url, auth='{"token": "s3cret"}'))


@pytest.mark.parametrize("host", ["aiohttp", "flask"])
def test_a_connect_handler_that_raises(host: Kind) -> None:
    url = shared(python_server, host, LETS_IN, setup=HANDLER[host].format("raise ValueError('x')"))
    assert_caused(check(url, timeout=1.5), "no-connect-reply", "ConnectionRefusedError")


def test_a_connect_handler_that_hangs() -> None:
    handler = HANDLER["uvicorn"].format("import asyncio; await asyncio.sleep(100)")
    # It runs while the server takes the POST, so not even that is answered.
    assert_caused(check(shared(python_server, "uvicorn", LETS_IN, setup=handler), timeout=1.5), "no-connect-reply")


@pytest.mark.parametrize("host", ["uvicorn", "flask"])
def test_a_namespace_that_nobody_declared(host: Kind) -> None:
    url = shared(python_server, host, LETS_IN)
    report = check(url, namespace="/chat")
    finding = assert_caused(report, "invalid-namespace", "/chat")
    # The server sends its words as a string, where the client looks for an object with a message.
    assert "“Unable to connect”" in finding.message
    assert {one.error for one in report.outcomes} == {""}
    finding = assert_caused(check(f"{url}/chat"), "invalid-namespace", "/chat")
    assert "takes the /chat in the URL for a namespace" in finding.message
    declared = shared(python_server, host, f"{LETS_IN}, namespaces='*'")
    assert_healthy(check(f"{declared}/chat"))


# --- FastAPI around it -----------------------------------------------------------------------------------------------


class Mounted(NamedTuple):
    """python-socketio in FastAPI: the server's keywords, its CORS middleware's, the mount (empty: around FastAPI)."""

    options: str = LETS_IN
    middleware: str = ""
    mount: str = "/"
    client: Mapping[str, Any] = {}
    headline: str | None = None
    cure: str = "socketio.ASGIApp(sio, other_asgi_app=app"


WHOLE = f"allow_origins=['{PAGE}'], allow_credentials=True, allow_methods=['*'], allow_headers=['*']"
OWN = "cors_allowed_origins=[]"
FASTAPI = {
    "mounted at /": Mounted(),
    "mounted at its own path": Mounted(mount="/socket.io"),
    "around FastAPI": Mounted(mount=""),
    "around FastAPI and its middleware": Mounted(middleware=WHOLE, mount=""),
    "the middleware alone": Mounted(OWN, WHOLE),
    "the middleware alone, with cookies and a header": Mounted(OWN, WHOLE, client={**COOKIES, **HEADER}),
    "mounted at /chat": Mounted(mount="/chat", headline="path-mismatch"),
    "mounted where it does not know it": Mounted(mount="/ws", headline="asgi-mount-path"),
    "asked where it is mounted": Mounted(
        mount="/ws", client={"path": "/ws/socket.io"}, headline="asgi-mount-path", cure="ws/socket.io"
    ),
    "both add the header": Mounted(middleware=WHOLE, headline="duplicate-acao-framework"),
    "both, with cookies and a header": Mounted(
        middleware=WHOLE, client={**COOKIES, **HEADER}, headline="duplicate-acao-framework"
    ),
    "both, for everybody": Mounted(
        "cors_allowed_origins='*'", "allow_origins=['*']", headline="duplicate-acao-framework"
    ),
    "the middleware alone is told": Mounted("", WHOLE, headline="fastapi-middleware-only"),
    "the middleware does not see it": Mounted("", WHOLE, mount="", headline="python-origin-not-accepted", cure=PAGE),
    "the middleware lists another page": Mounted(
        OWN, f"allow_origins=['{OTHER}']", headline="origin-not-in-list", cure="allow_origins="
    ),
    "it refuses the preflight of a page that python lets in": Mounted(
        LETS_IN, f"allow_origins=['{OTHER}']", client=HEADER, headline="origin-not-in-list"
    ),
    "the middleware without headers": Mounted(
        OWN, f"allow_origins=['{PAGE}']", client=HEADER, headline="preflight-header-not-allowed",
        cure="allow_headers="
    ),
    "the middleware without credentials": Mounted(
        OWN, f"allow_origins=['{PAGE}']", client=COOKIES, headline="acac-missing", cure="allow_credentials=True"
    ),
    "the middleware with * and cookies": Mounted(
        OWN, "allow_origins=['*']", client=COOKIES, headline="wildcard-with-credentials", cure="allow_origins=["
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FASTAPI)
def test_in_fastapi(name: str) -> None:
    row = FASTAPI[name]
    url = shared(python_server, "fastapi", row.options, middleware=row.middleware, mount=row.mount)
    report = check(url, **row.client)
    if row.headline is None:
        assert_healthy(report)
    else:
        assert_caused(report, row.headline, row.cure)


# --- not Socket.IO, and the command ----------------------------------------------------------------------------------


def test_a_plain_websocket_server() -> None:
    url = shared(python_server, "websockets")
    for client in ({}, SOCKET):
        finding = assert_caused(check(url, **client), "plain-websocket-server", "new WebSocket(")
        assert "426 Upgrade Required" in finding.message


def test_the_command() -> None:
    status, report = command(shared(python_server, "flask", LETS_IN))
    assert (status, report["ok"], report["findings"]) == (0, True, [])
    status, report = command(shared(python_server, "flask"))
    assert (status, report["ok"]) == (1, False)
    assert report["findings"][0]["slug"] == "python-origin-not-accepted"
    assert PAGE in report["findings"][0]["fixes"][0]["after"]
    status, report = command(shared(python_server, "flask", f"{LETS_IN}, transports=['polling']"))
    assert (status, report["findings"][0]["severity"]) == (0, "warning")


def test_a_mounted_app_that_is_told_its_whole_path() -> None:
    told = "app.mount('/ws', __import__('socketio').ASGIApp(sio, socketio_path='/ws/socket.io'))"
    url = shared(python_server, "fastapi", LETS_IN, setup=told, mount="/other")
    assert_healthy(check(url, path="/ws/socket.io"))
    assert_caused(check(url), "path-mismatch", "/ws/socket.io/")
