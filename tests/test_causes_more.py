"""Every major version of Socket.IO, the hosts of python-socketio, Apache and Caddy, really there.

Each mistake is named, and its counterpart is healthy.
"""

from __future__ import annotations

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Report
from tests.causes import found
from tests.servers import needs_apache, needs_caddy, needs_node, shared
from tests.servers.node import Version, node
from tests.servers.proxies import apache, caddy
from tests.servers.python import Kind, python_server
from tests.servers.raw import Peer, nothing, raw

PAGE = "http://localhost:8080"
OTHER = "http://other.example"
ALLOWED = f"{{cors: {{origin: ['{PAGE}'], credentials: true}}}}"


def checked(url: str, version: int = 4) -> Report:
    return examine_sync(make_plan(url, origins=[PAGE], version=version))


def assert_healthy(report: Report, transport: str = "websocket") -> None:
    assert found(report) == []
    assert {(outcome.connects, outcome.transport) for outcome in report.outcomes} == {(True, transport)}


def headline(report: Report) -> str:
    return report.findings[0].slug


# --- Socket.IO on Node -----------------------------------------------------------------------------------------------

NODE: list[tuple[Version, int, str, str]] = [
    ("1.7", 2, "{origins: 'http://other.example:*'}", "v2-origins-needs-port"),
    ("2.0", 2, "{origins: 'http://other.example:*'}", "v2-origins-needs-port"),
    ("2.5", 2, "{origins: 'http://other.example:*'}", "v2-origins-needs-port"),
    ("3.0", 3, "{}", "cors-not-configured"),
    ("3.1", 3, "{}", "cors-not-configured"),
    ("4.0", 4, "{}", "cors-not-configured"),
    ("4.8", 4, "{}", "cors-not-configured"),
]


@needs_node
@pytest.mark.parametrize(("version", "client", "mistake", "slug"), NODE)
def test_a_version_of_socketio_with_its_mistake_and_without(
    version: Version, client: int, mistake: str, slug: str
) -> None:
    with node(version, mistake) as url:
        report = checked(url, client)
    assert headline(report) == slug
    assert report.server.stack == "socket.io"
    assert (report.server.version or "").startswith(version)
    with node(version, "{}" if client == 2 else ALLOWED) as url:
        assert_healthy(checked(url, client))


@needs_node
@pytest.mark.parametrize("version", ["3.0", "3.1", "4.0", "4.8"])
def test_an_origin_that_is_not_on_the_list_of_any_version(version: Version) -> None:
    with node(version, f"{{cors: {{origin: ['{OTHER}']}}}}") as url:
        assert headline(checked(url, 3 if version < "4" else 4)) == "origin-not-in-list"


@needs_node
@pytest.mark.parametrize("version", ["1.7", "2.0", "2.5"])
def test_a_server_that_is_too_old_for_the_client(version: Version) -> None:
    with node(version) as url:
        assert headline(checked(url, 4)) == "server-too-old"


@needs_node
def test_a_client_of_version_2_on_a_server_that_allows_it() -> None:
    with node("4.8", "{allowEIO3: true, cors: {origin: true, credentials: true}}") as url:
        assert_healthy(checked(url, 2))
    with node("4.8", ALLOWED) as url:
        assert headline(checked(url, 2)) == "client-too-old"


@needs_node
def test_a_gateway_of_nestjs() -> None:
    with node("4.8", "{}", mode="nest", setup="app.enableCors()") as url:
        report = checked(url)
    assert headline(report) == "nest-enablecors-only"
    with node("4.8", ALLOWED, mode="nest") as url:
        assert_healthy(checked(url))


# --- python-socketio -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["uvicorn", "hypercorn", "daphne", "aiohttp", "tornado"])
def test_a_host_of_python_socketio_with_its_mistake_and_without(host: Kind) -> None:
    with python_server(host, f"cors_allowed_origins=['{OTHER}']") as url:
        report = checked(url)
    assert headline(report) == "python-origin-not-accepted"
    assert [layer.split()[0].lower() for layer in report.server.layers] == [host]
    with python_server(host, f"cors_allowed_origins=['{PAGE}']") as url:
        assert_healthy(checked(url))


# --- Apache and Caddy ------------------------------------------------------------------------------------------------


@needs_node
@needs_apache
def test_apache() -> None:
    server = shared(node, "4.8", ALLOWED)
    with apache(server) as url:
        report = checked(url)
        assert_healthy(report)
        assert report.server.layers[0].startswith("Apache 2.")
    with apache(server, websocket=False) as url:
        report = checked(url)
    assert headline(report) == "ws-proxy-no-upgrade"
    assert "upgrade=websocket" in report.findings[0].fixes[0].after


@needs_node
@needs_apache
@pytest.mark.parametrize("how", ["Header add", "Header always set"])
def test_apache_doubles_the_header(how: str) -> None:
    with apache(shared(node, "4.8", ALLOWED), f'{how} Access-Control-Allow-Origin "*"') as url:
        report = checked(url)
    assert headline(report) == "duplicate-acao-proxy"
    assert report.findings[0].fixes[0].stack == "Apache"


@needs_apache
def test_apache_without_a_server_behind_it_or_with_pages_alone() -> None:
    with nothing() as dead, apache(dead) as url:
        assert headline(checked(url)) == "gateway-5xx-no-cors"
    with apache("http://127.0.0.1:9", files="<!doctype html><title>App</title>") as url:
        assert headline(checked(url)) == "html-instead-of-handshake"


@needs_node
@needs_caddy
def test_caddy() -> None:
    server = shared(node, "4.8", ALLOWED)
    with caddy(server) as url:
        report = checked(url)
        assert_healthy(report)
        assert report.server.layers == ("Caddy",)
    with caddy(server, "header Access-Control-Allow-Origin *") as url:
        report = checked(url)
    assert headline(report) == "duplicate-acao-proxy"
    assert report.findings[0].fixes[0].stack == "Caddy"


@needs_node
@needs_caddy
def test_caddy_cuts_the_path_off() -> None:
    with caddy(shared(node, "4.8", ALLOWED), "uri strip_prefix /socket.io") as url:
        assert headline(checked(url)) in ("path-mismatch", "proxy-strips-path")


@needs_caddy
def test_caddy_without_a_server_behind_it_or_with_pages_alone() -> None:
    with nothing() as dead, caddy(dead) as url:
        assert headline(checked(url)) == "gateway-5xx-no-cors"
    with caddy("http://127.0.0.1:9", 'respond "<!doctype html><title>App</title>" 200', routed=False) as url:
        assert headline(checked(url)) == "html-instead-of-handshake"


def silent(peer: Peer) -> None:
    """Takes the request and never answers."""
    peer.hang()


@needs_apache
def test_apache_gives_a_silent_server_up() -> None:
    with raw(silent) as server, apache(server.url, "ProxyTimeout 1") as url:
        assert headline(checked(url)) == "gateway-5xx-no-cors"


@needs_node
@needs_apache
def test_apache_passes_websockets_on_by_wstunnel() -> None:
    server = shared(node, "4.8", ALLOWED)
    rules = f"""
RewriteEngine On
RewriteCond %{{HTTP:Upgrade}} websocket [NC]
RewriteRule /(.*) ws{server.removeprefix("http")}/$1 [P,L]"""
    with apache(server, rules, websocket=False) as url:
        assert_healthy(checked(url))


@needs_node
@needs_apache
def test_apache_takes_the_header_away_or_redirects_preflights() -> None:
    server = shared(node, "4.8", ALLOWED)
    with apache(server, "Header unset Access-Control-Allow-Origin") as url:
        report = examine_sync(make_plan(url, origins=[PAGE], direct=server))
    assert headline(report) == "proxy-strips-acao"
    moved = "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} OPTIONS\nRewriteRule .* https://localhost/ [R=301,L]"
    with apache(server, moved) as url:
        report = examine_sync(make_plan(url, origins=[PAGE], headers=["x-a: 1"]))
    assert headline(report) == "preflight-redirect"


@needs_caddy
def test_caddy_gives_a_silent_server_up() -> None:
    with raw(silent) as server:
        upstream = server.url.removeprefix("http://")
        passed = f"reverse_proxy {upstream} {{\n transport http {{\n response_header_timeout 1s\n }}\n }}"
        with caddy(server.url, passed, routed=False) as url:
            assert headline(checked(url)) == "gateway-5xx-no-cors"


@needs_node
@needs_caddy
def test_caddy_takes_the_header_away() -> None:
    server = shared(node, "4.8", ALLOWED)
    with caddy(server, "header -Access-Control-Allow-Origin") as url:
        report = examine_sync(make_plan(url, origins=[PAGE], direct=server))
    assert headline(report) == "proxy-strips-acao"
