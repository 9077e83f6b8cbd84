"""Commands, results and events over a WebSocket, with a browser that is a script."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from sio_doctor.confirm.channel import Channel
from sio_doctor.confirm.find import BrowserError
from tests.servers.raw import answer, nothing, raw


@contextmanager
def browser(handle: Callable[[ServerConnection, dict[str, Any]], None]) -> Iterator[str]:
    """A server that calls ``handle`` with each command; yields its URL."""

    def serve_one(connection: ServerConnection) -> None:
        try:
            for message in connection:
                handle(connection, json.loads(message))
        except ConnectionClosed:
            pass

    with serve(serve_one, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/session"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def channel(url: str, seconds: float = 10.0) -> Iterator[Channel]:
    opened = Channel(url, time.monotonic() + seconds)
    try:
        yield opened
    finally:
        opened.close()


def reply(connection: ServerConnection, command: dict[str, Any], **more: Any) -> None:
    connection.send(json.dumps({"id": command["id"], **more}))


def test_results_come_to_their_commands_whatever_their_order() -> None:
    waiting: list[dict[str, Any]] = []

    def later(connection: ServerConnection, command: dict[str, Any]) -> None:
        waiting.append(command)
        if len(waiting) == 2:
            for one in reversed(waiting):
                reply(connection, one, result={"was": one["method"], "with": one["params"]})

    with browser(later) as url, channel(url) as opened:
        first, second = opened.send("a"), opened.send("b", {"x": 1})
        assert opened.result(first) == {"was": "a", "with": {}}
        assert opened.result(second) == {"was": "b", "with": {"x": 1}}


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": -32000, "message": "no such thing"}},
        {"error": "no such thing", "message": "and why", "type": "error"},
    ],
)
def test_a_command_that_fails_is_one_sentence(error: dict[str, Any]) -> None:
    with (
        browser(lambda connection, command: reply(connection, command, **error)) as url,
        channel(url) as opened,
        pytest.raises(BrowserError, match="The browser failed: no such thing"),
    ):
        opened.call("a")


def test_events_are_kept_until_they_are_asked_for() -> None:
    def chatty(connection: ServerConnection, command: dict[str, Any]) -> None:
        for method in ("log", "other", "log"):
            connection.send(json.dumps({"method": method, "params": {"of": command["id"]}}))
        reply(connection, command, result={})

    with browser(chatty) as url, channel(url) as opened:
        opened.call("a")
        other = opened.event(lambda event: event["method"] == "other", of=1)
        assert other == {"method": "other", "params": {"of": 1}}
        assert len(opened.take(lambda event: event["method"] == "log")) == 2
        assert opened.take(lambda event: True) == []


def test_an_event_is_not_waited_for_when_what_would_bring_it_about_fails() -> None:
    def refuse(connection: ServerConnection, command: dict[str, Any]) -> None:
        reply(connection, command, error="unknown error", message="no page there")

    with browser(refuse) as url, channel(url) as opened, pytest.raises(BrowserError, match="no page there"):
        opened.event(lambda event: True, of=opened.send("navigate"))


def test_a_page_that_crashes_is_one_sentence() -> None:
    def crash(connection: ServerConnection, command: dict[str, Any]) -> None:
        connection.send(json.dumps({"method": "Inspector.targetCrashed", "params": {}, "sessionId": "1"}))

    with browser(crash) as url, channel(url) as opened, pytest.raises(BrowserError, match=r"^Its page crashed\.$"):
        opened.call("evaluate")


def test_long_messages_in_several_frames_are_one() -> None:
    def long(connection: ServerConnection, command: dict[str, Any]) -> None:
        text = json.dumps({"id": command["id"], "result": {"text": "x" * 300_000}})
        connection.send(text[start : start + 70_000] for start in range(0, len(text), 70_000))

    with browser(long) as url, channel(url) as opened:
        assert opened.call("a") == {"text": "x" * 300_000}


def test_silence_ends_at_the_deadline() -> None:
    with browser(lambda connection, command: None) as url, channel(url, 0.3) as opened:
        start = time.monotonic()
        with pytest.raises(BrowserError, match=r"took longer than the deadline"):
            opened.call("a")
        assert time.monotonic() - start < 5


def test_a_browser_that_goes_is_one_sentence() -> None:
    def goes(connection: ServerConnection, command: dict[str, Any]) -> None:
        connection.socket.close()

    with browser(goes) as url, channel(url) as opened, pytest.raises(BrowserError, match="The browser has gone"):
        opened.call("a")


def test_a_port_that_is_no_browsers() -> None:
    with (
        raw(answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as server,
        pytest.raises(BrowserError, match=r"The browser refused its debugging port: .*403"),
    ):
        Channel(server.at("ws") + "/session", time.monotonic() + 10)
    with nothing() as url, pytest.raises(OSError, match="refused"):
        Channel(url.replace("http", "ws"), time.monotonic() + 10)
