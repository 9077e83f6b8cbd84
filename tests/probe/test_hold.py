"""``--hold``: real servers, kept open, and cut by whom they are cut by."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Held, Report
from sio_doctor.render.text import render
from tests.servers import needs_haproxy, needs_nginx, needs_node
from tests.servers.node import Version, node
from tests.servers.proxies import haproxy, nginx
from tests.servers.python import python_server

PAGE = "http://localhost:8080"
ALLOW = "cors: {origin: true, credentials: true}"
#: The server pings three times in the time that it is held, so that a slow machine sees one at least.
QUICK, LONG = "pingInterval: 600, pingTimeout: 5000", 2.0


def held(url: str, **options: Any) -> tuple[Report, dict[str, Held]]:
    report = examine_sync(make_plan(url, origins=[PAGE], **options))
    return report, {one.transport: one for one in report.held}


@needs_node
@pytest.mark.parametrize(("server", "client"), [("4.8", 4), ("4.8", 2), ("2.5", 2), ("3.1", 3)])
def test_what_is_pinged_stays_open(server: Version, client: int) -> None:
    with node(server, f"{{{ALLOW}, {QUICK}, allowEIO3: true}}") as url:
        report, connections = held(url, hold=LONG, version=client)
    assert report.findings == ()
    assert set(connections) == {"polling", "websocket"}
    for one in connections.values():
        assert one.ended is None
        assert one.pings >= 1
        assert one.seconds >= LONG
    assert "Held       WebSocket 2 s, still open" in render(report)


def test_a_python_server_too() -> None:
    with python_server("uvicorn", "cors_allowed_origins='*', ping_interval=0.6") as url:
        _, connections = held(url, hold=LONG)
    assert [(one.ended, one.pings >= 1) for one in connections.values()] == [(None, True)] * 2


@needs_node
@needs_nginx
def test_nginx_loses_patience_before_the_first_ping() -> None:
    with node("4.8", f"{{{ALLOW}}}") as url, nginx([url], "proxy_read_timeout 1s;") as proxy:
        report, connections = held(proxy, hold=20)
    [finding] = report.findings
    assert (finding.slug, finding.severity) == ("ws-idle-timeout", "warning")
    assert "something in front (seen there: nginx" in finding.message
    assert "The server pings every 25 s, which is too late for it" in finding.message
    assert "A poll to" in finding.message
    assert "504" in finding.message
    assert "proxy_read_timeout 1h;" in finding.fixes[0].after
    assert all(0.5 <= one.seconds < 20 for one in connections.values())


@needs_node
@needs_nginx
def test_nginx_has_patience_where_the_server_pings_in_time() -> None:
    with node("4.8", f"{{{ALLOW}, {QUICK}}}") as url, nginx([url], "proxy_read_timeout 5s;") as proxy:
        report, _ = held(proxy, hold=LONG)
    assert report.findings == ()


@needs_node
@needs_haproxy
def test_haproxy_ends_a_quiet_tunnel() -> None:
    with node("4.8", f"{{{ALLOW}}}") as url, haproxy([url], defaults="timeout tunnel 1s") as proxy:
        report, connections = held(proxy, hold=20, transports=["websocket"])
    assert [finding.slug for finding in report.findings] == ["ws-idle-timeout"]
    assert list(connections) == ["websocket"]
    assert "timeout tunnel 1h" in report.findings[0].fixes[0].after


@needs_node
def test_a_server_that_ends_it_itself_is_no_impatient_proxy() -> None:
    leave = "io.on('connection', (socket) => setTimeout(() => socket.disconnect(true), 300))"
    with node("4.8", f"{{{ALLOW}}}", setup=leave) as url:
        report, connections = held(url, hold=20)
    assert [(finding.slug, finding.severity) for finding in report.findings] == [("closed-by-server", "info")]
    assert report.findings[0].fixes == ()
    assert connections["websocket"].close_code == 1005
    assert report.ok


@needs_node
def test_pings_by_polling_are_bounded() -> None:
    with node("4.8", f"{{{ALLOW}, pingInterval: 20, pingTimeout: 5000}}") as url:
        report, _ = held(url, hold=4, transports=["polling"])
    assert report.vantage.requests <= 85


@needs_node
def test_nothing_is_held_where_no_session_can_be_had() -> None:
    with node("4.8", mode="plain") as url:
        report, connections = held(url, hold=20)
    assert connections == {}
    assert report.seconds < 15
