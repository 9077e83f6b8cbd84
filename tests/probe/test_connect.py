"""Which address is connected to when a name has several."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from sio_doctor.model import Exchange, Request
from sio_doctor.probe.network import Network
from tests.probe.asking import PATIENT, get, run
from tests.servers import needs_ipv6
from tests.servers.raw import Peer, answer, full_backlog, nothing, raw

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
NAME = "several.invalid"


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """``several.invalid`` has these addresses."""
    asked = socket.getaddrinfo

    def answer_it(host: bytes, port: int, *, type: int, flags: int) -> object:
        if host != NAME.encode() or flags:
            return asked(host, port, type=type, flags=flags)
        return [one for address in addresses for one in asked(address, port, type=type)]

    monkeypatch.setattr(socket, "getaddrinfo", answer_it)


def ask_by_name(url: str) -> tuple[Exchange, dict[str, tuple[str, ...]]]:
    async def work() -> tuple[Exchange, dict[str, tuple[str, ...]]]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            return await network.ask(get(f"http://{NAME}:{url.rsplit(':', 1)[1]}/"), purpose="root"), network.addresses

    return run(work())


@pytest.mark.parametrize("family", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_the_address_that_accepts_is_taken(monkeypatch: pytest.MonkeyPatch, family: str) -> None:
    resolve_to(monkeypatch, "::1", "127.0.0.1")
    with raw(answer(OK), host=family) as server:
        exchange, addresses = ask_by_name(server.url)
    assert exchange.response is not None, exchange.failure
    assert exchange.address == family
    assert addresses == {NAME: ("::1", "127.0.0.1")}


def test_the_next_address_is_tried_while_the_first_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    started = time.monotonic()
    with full_backlog() as url, raw(answer(OK), host="127.0.0.2", port=int(url.rsplit(":", 1)[1])):
        exchange, _ = ask_by_name(url)
    assert exchange.address == "127.0.0.2"
    assert time.monotonic() - started < 2


def test_a_refusal_says_more_than_an_address_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "2001:db8::1", "127.0.0.1")
    with nothing() as url:
        exchange, _ = ask_by_name(url)
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.address) == ("refused", None)


def test_who_gives_up_on_a_name_takes_it_from_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    patched, may_answer = socket.getaddrinfo, threading.Event()

    def wait(host: bytes, port: int, *, type: int, flags: int) -> object:
        if not flags:
            may_answer.wait(5)
        return patched(host, port, type=type, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", wait)

    async def work(url: str) -> list[Exchange]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            patient = asyncio.create_task(network.ask(get(url), purpose="root"))
            hasty = await network.ask(get(url), purpose="root", timeout=0.1)
            may_answer.set()
            return [hasty, await patient]

    with raw(answer(OK)) as server:
        hasty, patient = run(work(f"http://{NAME}:{server.port}/"))
    assert hasty.failure is not None
    assert (hasty.failure.kind, hasty.failure.phase) == ("timeout", "resolve")
    assert patient.response is not None


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    patched, names = socket.getaddrinfo, []

    def count(host: bytes, port: int, *, type: int, flags: int) -> object:
        if not flags:
            names.append(host)
        return patched(host, port, type=type, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", count)

    async def work(port: int) -> None:
        async with Network(timeout=PATIENT, deadline=8) as network:
            for _ in range(2):
                await network.ask(get(f"http://{NAME}:{port}/"), purpose="root", fresh=True)

    with raw(answer(OK)) as server:
        run(work(server.port))
    assert names == [NAME.encode()]


def test_a_connection_made_ahead_may_have_been_closed_meanwhile() -> None:
    """Browsers ask again on a new connection then; a second failure is the server's own."""

    async def work(url: str, count: int) -> tuple[list[Exchange], int]:
        request = get(url)
        async with Network(timeout=PATIENT, deadline=PATIENT) as network:
            network.prepare(request, count)
            asked = [await network.ask(request, purpose="poll", fresh=True)]
            websocket = Request(method="GET", url=url.replace("http", "ws"))
            asked.append((await network.open_websocket(websocket, purpose="websocket")).exchange)
            return asked, network.requests

    def closing(peer: Peer) -> None:
        peer.hear()

    with raw(closing, closing, answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as server:
        asked, requests = run(work(server.url, 2))
    assert [exchange.response is not None for exchange in asked] == [True, True]
    assert (requests, len(server.heard)) == (4, 4)

    with raw(closing) as server:
        asked, requests = run(work(server.url, 1))
    assert [exchange.failure.kind for exchange in asked if exchange.failure] == ["closed", "closed"]
    assert (requests, len(server.heard)) == (3, 3)
