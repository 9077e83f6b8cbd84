"""How the tests of the network ask: one URL, one answer, in an event loop of its own that ends within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sio_doctor.model import Exchange, Frame, HeaderList, NoResponse, Request, Response
from sio_doctor.probe.network import Network

Result = TypeVar("Result")

#: Seconds for an answer: for the tests in which it comes, and for those in which it does not.
PATIENT, SHORT = 5.0, 0.3


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run it; a test that does not end is a failure."""
    return asyncio.run(asyncio.wait_for(work, 10))


def get(url: str, headers: HeaderList = ()) -> Request:
    """A GET."""
    return Request(method="GET", url=url, headers=headers)


def ask(url: str, *, method: str = "GET", timeout: float = PATIENT, verify: bool = True) -> Exchange:
    """Ask once."""

    async def work() -> Exchange:
        async with Network(timeout=timeout, deadline=8) as network:
            return await network.ask(Request(method=method, url=url), purpose="root", verify=verify)

    return run(work())


def response(url: str, *, method: str = "GET", timeout: float = PATIENT, verify: bool = True) -> Response:
    """Ask once; there must be an answer."""
    exchange = ask(url, method=method, timeout=timeout, verify=verify)
    assert exchange.response is not None, exchange.failure
    assert exchange.failure is None
    return exchange.response


def failure(url: str, *, timeout: float = PATIENT, verify: bool = True) -> NoResponse:
    """Ask once; there must be no answer."""
    exchange = ask(url, timeout=timeout, verify=verify)
    assert exchange.failure is not None, exchange.response
    assert exchange.response is None
    return exchange.failure


def converse(
    url: str, *, receive: int = 1, timeout: float = PATIENT, verify: bool = True
) -> tuple[Exchange, list[Frame | NoResponse]]:
    """Open a WebSocket and receive that often; the exchange afterwards, and what was received."""

    async def work() -> tuple[Exchange, list[Frame | NoResponse]]:
        async with Network(timeout=timeout, deadline=8) as network:
            conversation = await network.open_websocket(get(url), purpose="websocket", verify=verify)
            received = [await conversation.receive() for _ in range(receive)]
            return conversation.exchange, received

    return run(work())
