"""nginx and HAProxy in front of Socket.IO, as they are on the wire."""

from __future__ import annotations

import http.client
import re
import ssl
from urllib.parse import urlsplit

import pytest

from tests.servers import needs_haproxy, needs_nginx, needs_node, needs_openssl, shared
from tests.servers.node import node
from tests.servers.process import DidNotStartError
from tests.servers.proxies import haproxy, nginx
from tests.servers.wire import FOREIGN, PAGE, ask, handshake, polling, preflight, websocket_status

ONE_PAGE = f"{{cors: {{origin: '{PAGE}', credentials: true}}}}"


def upstream() -> str:
    return shared(node, "4.8", ONE_PAGE)


@needs_node
@needs_nginx
def test_nginx_passes_polling_and_websocket() -> None:
    url = shared(nginx, [upstream()])
    reply = handshake(url)
    assert (reply.status, reply.origin) == (200, PAGE)
    assert re.fullmatch(r"nginx/[\d.]+", reply.one("Server") or "")
    assert websocket_status(url) == 101


@needs_node
@needs_nginx
def test_nginx_without_upgrade_headers_fails_the_websocket_alone() -> None:
    url = shared(nginx, [upstream()], websocket=False)
    assert (handshake(url).status, websocket_status(url)) == (200, 400)


@needs_node
@needs_nginx
def test_nginx_add_header_doubles_and_not_on_errors() -> None:
    url = shared(nginx, [upstream()], "add_header Access-Control-Allow-Origin *;")
    assert handshake(url).all("Access-Control-Allow-Origin") == [PAGE, "*"]
    unknown = ask(url, polling(sid="nobody"), headers={"Origin": PAGE})
    assert (unknown.status, unknown.all("Access-Control-Allow-Origin")) == (400, [PAGE])


@needs_nginx
def test_nginx_with_a_dead_upstream_is_a_bad_gateway_without_cors() -> None:
    url = shared(nginx, ["http://127.0.0.1:1"])
    for reply in (handshake(url), preflight(url)):
        assert (reply.status, reply.origin) == (502, None)
        assert "<h1>502 Bad Gateway</h1>" in reply.body


@needs_node
@needs_nginx
def test_nginx_takes_two_upstreams_in_turn() -> None:
    one, two = shared(node, "4.8", ONE_PAGE), shared(node, "4.8", ONE_PAGE, setup="// the other one")
    url = shared(nginx, [one, two])
    found = re.search(r'"sid":"([^"]+)"', handshake(url).body)
    assert found is not None
    statuses = [ask(url, polling(sid=found[1]), method="POST", body="3").status for _ in range(4)]
    assert sorted(statuses) == [200, 200, 400, 400]


@needs_nginx
def test_nginx_says_why_it_does_not_start() -> None:
    with pytest.raises(DidNotStartError, match='unknown directive "nonsense"'), nginx([], server="nonsense;"):
        pass


@needs_nginx
@needs_openssl
def test_nginx_speaks_tls() -> None:
    url = shared(nginx, [], server="return 200 hello;", tls=True)
    assert url.startswith("https://")
    assert "plain HTTP request was sent to HTTPS port" in ask(url.replace("https", "http"), "/").body
    connection = http.client.HTTPSConnection(urlsplit(url).netloc, timeout=10)
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        connection.connect()


@needs_node
@needs_haproxy
def test_haproxy_writes_names_in_lower_case_and_passes_websockets() -> None:
    url = shared(haproxy, [upstream()])
    reply = handshake(url, FOREIGN)
    assert (reply.status, reply.origin) == (200, PAGE)
    assert all(name == name.lower() for name, _ in reply.headers)
    assert websocket_status(url) == 101


@needs_node
@needs_haproxy
def test_haproxy_add_header_doubles_on_errors_too() -> None:
    url = shared(haproxy, [upstream()], frontend="http-response add-header Access-Control-Allow-Origin *")
    unknown = ask(url, polling(sid="nobody"), headers={"Origin": PAGE})
    assert (unknown.status, unknown.all("Access-Control-Allow-Origin")) == (400, [PAGE, "*"])


@needs_haproxy
def test_haproxy_with_a_dead_upstream_is_503() -> None:
    reply = handshake(shared(haproxy, ["http://127.0.0.1:1"], defaults="retries 0"))
    assert (reply.status, reply.origin) == (503, None)
    assert "No server is available to handle this request." in reply.body
