"""What ``check`` says where somebody else answers: a platform, a filter, a tunnel, a server of development.

The platforms are scripted, with the headers that they really send; behind filters and development servers is a real
Socket.IO server. Hosts with names of their own are asked through a proxy on loopback, so that no name is resolved.
"""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Report
from tests.causes import PAGE, SOCKET, assert_caused, assert_healthy, assert_warned, check, found
from tests.servers import needs_node, shared
from tests.servers.node import node
from tests.servers.raw import Peer, Script, nothing, raw

LETS_IN = f"{{cors: {{origin: '{PAGE}'}}}}"


def always(head: str, body: str = "") -> Script:
    """Each request gets this answer; its Content-Length is added."""
    answer = f"HTTP/1.1 {head}Content-Length: {len(body)}\r\n\r\n{body}".encode()

    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(answer)

    return script


# --- platforms -------------------------------------------------------------------------------------------------------

PLATFORMS = {
    "AirPlay": (always("403 Forbidden\r\nServer: AirTunes/870.14.1\r\n"), "macos-port-5000"),
    "Vercel": (
        always("404 Not Found\r\nServer: Vercel\r\nx-vercel-error: NOT_FOUND\r\nx-vercel-id: fra1::a\r\n", "NOT_FOUND"),
        "serverless-host",
    ),
    "Netlify": (always("404 Not Found\r\nServer: Netlify\r\nx-nf-request-id: 01J\r\n", "Not Found"), "serverless-host"),
    "API Gateway": (
        always(
            "403 Forbidden\r\nx-amzn-requestid: 1\r\nx-amz-apigw-id: a=\r\nx-amzn-errortype: MissingAuth\r\n",
            '{"message":"Missing Authentication Token"}',
        ),
        "serverless-host",
    ),
    "GitHub Pages": (always("404 Not Found\r\nServer: GitHub.com\r\n", "<h1>404</h1>"), "serverless-host"),
    "a preview of Vercel": (
        always("401 Unauthorized\r\nServer: Vercel\r\nSet-Cookie: _vercel_sso_nonce=a; Path=/\r\n", "<h1>Log in</h1>"),
        "tunnel-or-preview-auth",
    ),
    "Cloudflare": (
        always("403 Forbidden\r\nServer: cloudflare\r\ncf-mitigated: challenge\r\n", "<title>Just a moment...</title>"),
        "waf-or-challenge",
    ),
    "a server of another's": (always("403 Forbidden\r\nServer: nginx\r\n", "<h1>403</h1>"), "basic-auth-or-401"),
}


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_is_recognised(name: str) -> None:
    script, slug = PLATFORMS[name]
    with raw(script) as server:
        finding = assert_caused(check(server.url), slug)
    assert finding.fixes


def test_netty_is_named_beside_the_path() -> None:
    with raw(always("400 Bad Request\r\n")) as server:
        report = check(server.url)
    assert found(report) == [("path-mismatch", "error"), ("netty-specifics", "info")]


@pytest.mark.parametrize(
    ("host", "head", "slug"),
    [
        ("train-3000.app.github.dev", "401 Unauthorized\r\n", "tunnel-or-preview-auth"),
        ("abc-3000.euw.devtunnels.ms", "302 Found\r\nLocation: https://id.test/login\r\n", "tunnel-or-preview-auth"),
        ("chat-app.vercel.app", "404 Not Found\r\n", "serverless-host"),
        ("api.example.com", "404 Not Found\r\n", "path-mismatch"),
    ],
)  # fmt: skip
def test_a_host_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch, host: str, head: str, slug: str) -> None:
    with raw(always(head)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        report = check(f"http://{host}")
    assert report.findings[0].slug == slug
    assert report.findings[0].severity == "error"


# --- filters, and notices for browsers -------------------------------------------------------------------------------


def in_front(script: str) -> str:
    """A Socket.IO server that lets the page in; ``script`` sees its plain requests first, and can ``pass()``."""
    setup = (
        "const [...listeners] = server.listeners('request'); server.removeAllListeners('request');"
        "server.on('request', (request, response) => {"
        "  const pass = () => listeners.forEach((listener) => listener.call(server, request, response));"
        "  const browser = (request.headers['user-agent'] || '').startsWith('Mozilla/');"
        f" {script} }});"
    )
    return shared(node, "4.8", LETS_IN, setup=setup)


def agents(report: Report) -> list[bool]:
    """Of each exchange but the WebSockets: was it sent as a browser sends it?"""
    sent = (dict(one.request.headers) for one in report.exchanges if one.request.url.startswith("http"))
    return [headers["User-Agent"].startswith("Mozilla/") for headers in sent]


@needs_node
def test_a_filter_that_stops_programs_alone_is_passed_as_a_browser() -> None:
    report = check(in_front("if (browser) pass(); else response.writeHead(403).end('<h1>Forbidden</h1>');"))
    assert found(report) == [("waf-or-challenge", "info")]
    assert report.ok
    assert {one.connects for one in report.outcomes} == {True}
    assert agents(report)[0] is False
    assert all(agents(report)[1:])
    assert any("asked as a browser" in note for note in report.notes)
    assert [one.purpose for one in report.exchanges[:2]] == ["other-agent", "other-agent"]


@needs_node
def test_a_filter_that_stops_everybody_is_asked_once_more_and_no_more() -> None:
    report = check(in_front("response.writeHead(403).end('<h1>Forbidden</h1>');"))
    assert_caused(report, "basic-auth-or-401")
    assert agents(report).count(True) == 1
    assert "A browser's User-Agent changes nothing." in report.findings[0].message


@needs_node
def test_a_good_answer_is_asked_under_its_own_name_alone() -> None:
    report = check(in_front("pass();"))
    assert_healthy(report)
    assert not any(agents(report))


@needs_node
def test_a_notice_for_browsers_is_what_the_page_meets() -> None:
    notice = (
        "response.setHeader('ngrok-agent-ips', '192.0.2.1');"
        "if (!browser) return pass();"
        "response.setHeader('ngrok-error-code', 'ERR_NGROK_6024');"
        "response.end('<!doctype html><title>ngrok</title>ERR_NGROK_6024');"
    )
    finding = assert_caused(check(in_front(notice)), "html-instead-of-handshake")
    assert "the notice that ngrok shows to a browser" in finding.message


# --- the WebSocket ---------------------------------------------------------------------------------------------------


@needs_node
def test_a_development_server_keeps_websockets_for_itself() -> None:
    own = "server.removeAllListeners('upgrade'); server.on('upgrade', () => {});"
    url = shared(node, "4.8", LETS_IN, setup=own)
    finding = assert_warned(check(url, page=url, timeout=1.0), "ws-dev-proxy")
    assert "ws: true" in finding.fixes[0].after
    # Another page asks that server directly, which tells nothing of a proxy.
    assert_warned(check(url, timeout=1.0), "ws-refused")


@needs_node
def test_a_platform_that_has_websockets_switched_off() -> None:
    iis = "io.engine.on('headers', (headers) => { headers.Server = 'Microsoft-IIS/10.0'; });"
    lost = "server.removeAllListeners('upgrade');"
    finding = assert_warned(check(shared(node, "4.8", LETS_IN, setup=iis + lost)), "ws-platform-off")
    assert "web-sockets-enabled" in finding.fixes[0].after
    assert_warned(check(shared(node, "4.8", LETS_IN, setup=lost)), "ws-proxy-no-upgrade")
    assert_healthy(check(shared(node, "4.8", LETS_IN, setup=iis)))


@needs_node
def test_frames_that_are_changed_on_the_way() -> None:
    broken = (
        "io.engine.on('connection', (socket) => { const raw = socket.request.socket;"
        " if (socket.transport.name === 'websocket') raw.write(Buffer.from([0xf1, 0x02, 0x41, 0x42])); });"
    )
    report = check(shared(node, "4.8", LETS_IN, setup=broken), **SOCKET)
    assert found(report) == [("ws-frame-corruption", "error")]
    assert "no frame that a server may send" in report.findings[0].message


# --- the client ------------------------------------------------------------------------------------------------------

TOKEN = "io.use((socket, next) => next(socket.handshake.headers.authorization ? undefined : new Error('no token')))"
HEADER: dict[str, Any] = {"headers": ["authorization: Bearer x"]}


@needs_node
def test_a_header_that_a_websocket_does_not_carry() -> None:
    url = shared(node, "4.8", LETS_IN, setup=TOKEN)
    report = check(url, **SOCKET, **HEADER)
    assert found(report) == [("extraheaders-ignored-ws", "error"), ("connect-middleware-error", "error")]
    assert "auth: { token }" in report.findings[0].fixes[0].after
    assert_healthy(check(url, **HEADER))


def test_a_public_page_and_a_server_on_each_visitor_s_own_machine() -> None:
    with nothing() as url:
        report = check(url, page="http://app.example.com")
    assert found(report)[:2] == [("localhost-in-production", "error"), ("server-refused", "error")]


@needs_node
def test_hints_are_no_findings_and_leave_the_status_alone() -> None:
    report = check(shared(node, "4.8", LETS_IN))
    assert_healthy(report)
    assert [hint.slug for hint in report.hints] == ["service-worker-or-cache", "closed-before-established"]
    nobody = examine_sync(make_plan(shared(node, "4.8", LETS_IN)))
    assert [hint.slug for hint in nobody.hints] == ["rn-android-cleartext", "cors-seen-in-node-client"]
    assert check(shared(node, "4.8")).hints == ()
