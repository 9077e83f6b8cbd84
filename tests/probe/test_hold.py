"""``--hold``: real servers, kept open, and cut by whom they are cut by."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from sio_doctor import examine_sync, gather, make_plan
from sio_doctor.model import Held, Report
from sio_doctor.render.text import render
from tests.causes import found
from tests.servers import needs_haproxy, needs_nginx, needs_node
from tests.servers.hostile import engine, flood, frame, http
from tests.servers.node import Version, node
from tests.servers.proxies import haproxy, nginx
from tests.servers.python import python_server
from tests.servers.raw import Peer, raw

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
    assert found(report) == []
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
    assert found(report) == [("ws-idle-timeout", "warning")]
    finding = report.findings[0]
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
    assert found(report) == []


@needs_node
@needs_haproxy
def test_haproxy_ends_a_quiet_tunnel() -> None:
    with node("4.8", f"{{{ALLOW}}}") as url, haproxy([url], defaults="timeout tunnel 1s") as proxy:
        report, connections = held(proxy, hold=20, transports=["websocket"])
    assert [slug for slug, _ in found(report)] == ["ws-idle-timeout"]
    assert list(connections) == ["websocket"]
    assert "timeout tunnel 1h" in report.findings[0].fixes[0].after


@needs_node
def test_a_server_that_ends_it_itself_is_no_impatient_proxy() -> None:
    leave = "io.on('connection', (socket) => setTimeout(() => socket.disconnect(true), 300))"
    with node("4.8", f"{{{ALLOW}}}", setup=leave) as url:
        report, connections = held(url, hold=20)
    assert found(report) == [("closed-by-server", "info")]
    assert next(one for one in report.findings if one.slug == "closed-by-server").fixes == ()
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


# --- scripted ---------------------------------------------------------------------------------------------------------

CONNECTED = b'40{"sid":"wZX3oN0bSVIhsaknAAAI"}'


def opening(interval: int = 25_000, timeout: int = 20_000) -> bytes:
    fields = {"sid": "lv_VI97HAXpY6yYWAAAC", "upgrades": [], "pingInterval": interval, "pingTimeout": timeout}
    return b"0" + json.dumps(fields).encode()


def saying(data: bytes, then: Callable[[Peer], None] = Peer.hang) -> Callable[[Peer], None]:
    """A WebSocket that opens, answers CONNECT, and says that."""

    def say(peer: Peer) -> None:
        peer.say(frame(opening()) + frame(CONNECTED) + data)
        then(peer)

    return say


def silent(interval: int, *, answers: int = 4) -> Callable[[Peer], None]:
    """Answers so many polls, and then none; nor any other request in that session."""
    polls = iter(range(answers))

    def script(peer: Peer) -> None:
        while request := peer.hear():
            line = request.partition(b"\r\n")[0]
            if b"sid=" not in line:
                peer.say(http(opening(interval, interval), b"Set-Cookie: route=backend-1"))
            elif line.startswith(b"GET") and next(polls, None) is None:
                peer.hang()
            else:
                peer.say(http(CONNECTED if line.startswith(b"GET") else b"ok"))

    return script


def test_a_long_message_is_no_cut() -> None:
    long = b"\x81\x7f" + struct.pack("!Q", 70_000) + b"4" * 70_000
    with raw(engine(opening(), frames=saying(long))) as server:
        report, connections = held(server.url, hold=LONG, transports=["websocket"])
    assert "ws-idle-timeout" not in [finding.slug for finding in report.findings]
    assert connections["websocket"].ended is None
    assert [note for note in report.notes if note.startswith("The WebSocket was not held for longer.")]


def test_a_server_that_ends_it_at_once_had_no_lack_of_patience() -> None:
    with raw(engine(opening(), frames=saying(b"", lambda peer: None))) as server:
        report, _ = held(server.url, hold=20, transports=["websocket"])
    [message] = [finding.message for finding in report.findings if finding.slug == "ws-idle-timeout"]
    assert "It had not been quiet" in message
    assert "ends what is quiet so long" not in message


@pytest.mark.parametrize("data", [frame(b"2" + b"y" * 60_000), frame(b"y" * 125, 9)])
def test_a_flood_ends_in_time(data: bytes) -> None:
    with raw(engine(opening(), frames=saying(b"", flood(data)))) as server:
        report, _ = held(server.url, hold=1, transports=["websocket"])
    assert report.seconds < 15


def test_a_poll_that_no_ping_ends_is_given_up_as_the_client_does() -> None:
    with raw(silent(300)) as server:
        report, connections = held(server.url, hold=20, transports=["polling"])
    ended = connections["polling"].ended
    assert ended is not None
    assert ended.message.startswith("No ping came")
    assert connections["polling"].seconds < 15
    assert "the server hangs" in next(one.message for one in report.findings if one.slug == "ws-idle-timeout")


def test_what_a_load_balancer_set_goes_with_what_is_held() -> None:
    with raw(silent(300)) as server:
        held(server.url, hold=20, transports=["polling"])
        last = [request for request in server.heard if request.endswith(b"\r\n\r\n1")][-1]
    assert b"\r\nCookie: route=backend-1\r\n" in last


@pytest.mark.parametrize(("poll", "ended"), [(b"6", False), (b"<html>", True)])
def test_polls_that_are_answered_at_once_are_bounded(poll: bytes, ended: bool) -> None:
    with raw(engine(opening(), poll=http(poll))) as server:
        report, connections = held(server.url, hold=20, transports=["polling"])
    assert report.vantage.requests <= 85
    assert (connections["polling"].ended is not None) == ended
    assert ended or [note for note in report.notes if note.startswith("Polling was not held for longer")]


def test_whoever_interrupts_it_does_not_wait() -> None:
    held = asyncio.Event()

    async def work(url: str) -> float:
        plan = make_plan(url, origins=[PAGE], hold=60, transports=["polling"])
        loop = asyncio.get_running_loop()

        def progress(line: str) -> None:
            if line.endswith("(hold)") and line.startswith("GET"):
                loop.call_later(0.2, held.set)  # it is under way then

        task = asyncio.ensure_future(gather(plan, progress))
        await held.wait()
        task.cancel()
        started = time.monotonic()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        return time.monotonic() - started

    with raw(silent(60_000)) as server:
        assert asyncio.run(work(server.url)) < 2


@pytest.mark.parametrize("script", [Peer.hang, lambda peer: peer.say(b"J\x00\x00\x00\x0a8.0.36")])
def test_nothing_is_asked_again_where_nothing_was_had(script: Callable[[Peer], None]) -> None:
    with raw(script) as server:
        plan = make_plan(server.url, origins=[PAGE], timeout=0.5, hold=20)
        purposes = [one.purpose for one in asyncio.run(gather(plan)).exchanges]
    assert purposes
    assert "hold" not in purposes


@needs_node
def test_a_lowered_budget_holds_for_what_is_kept_open_too() -> None:
    with node("4.8", f"{{{ALLOW}, pingInterval: 50, pingTimeout: 5000}}") as url:
        report, connections = held(url, hold=2, max_requests=4)
        assert connections == {}
        assert any("Nothing was held: --max-requests" in note for note in report.notes)
        report, connections = held(url, hold=2, max_requests=36)
    assert set(connections) == {"polling", "websocket"}
    assert report.vantage.requests <= 36
