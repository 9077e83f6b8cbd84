"""Asking a server that runs in the test's own loop, as a page does, and seeing the answer as it came."""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, ParamSpec
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from sio_doctor.demo.server import Server
from sio_doctor.model import HeaderList, get

P = ParamSpec("P")
OPEN = "/socket.io/?EIO=4&transport=polling"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "my-custom-header"}


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The test, run in a loop of its own, with a bound."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


class Got(NamedTuple):
    """An answer, its header lines in wire order."""

    status: int
    reason: str
    headers: HeaderList
    body: str

    def header(self, name: str) -> str | None:
        return get(self.headers, name)

    @property
    def code(self) -> int:
        return int(json.loads(self.body)["code"])

    @property
    def sid(self) -> str:
        assert self.body.startswith("0{"), self.body
        return str(json.loads(self.body[1:])["sid"])


def request(url: str, method: str, target: str, body: str | None = None, **headers: str) -> Got:
    """One request on a connection of its own. ``origin="…"`` becomes ``Origin: …``."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Got(response.status, response.reason, tuple(response.getheaders()), response.read().decode())
    finally:
        connection.close()


async def ask(server: Server, method: str, target: str, body: str | None = None, **headers: str) -> Got:
    """``request`` of the demo, which runs in this thread's loop."""
    return await asyncio.to_thread(request, server.url, method, target, body, **headers)


async def page_asks(server: Server, method: str = "GET", target: str = OPEN, body: str | None = None) -> Got:
    """A request of the scenario's page; OPTIONS is a preflight."""
    extra = PREFLIGHT if method == "OPTIONS" else {}
    return await ask(server, method, target, body, Origin=server.scenario.origin, **extra)


def websocket(server: Server, query: str = "EIO=4&transport=websocket", **options: Any) -> connect:
    """A WebSocket of the scenario's page."""
    url = f"{server.url.replace('http', 'ws', 1)}/socket.io/?{query}"
    return connect(url, additional_headers={"Origin": server.scenario.origin}, compression=None, **options)


async def refusal(server: Server, query: str = "EIO=4&transport=websocket") -> Got:
    """The answer that is no 101."""
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(server, query):
            pass
    answer = refused.value.response
    return Got(answer.status_code, answer.reason_phrase, tuple(answer.headers.raw_items()), answer.body.decode())


async def hear(ws: ClientConnection) -> str:
    """The next message, which has to come at once."""
    message = await asyncio.wait_for(ws.recv(), 10)
    assert isinstance(message, str)
    return message


def polled(server: Server) -> bool:
    """A poll waits for an answer."""
    return any(session.polled for worker in server._workers for session in worker.sessions.values())


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until the condition holds; ``asynchronous`` is the bound."""
    while not condition():
        await asyncio.sleep(0)
