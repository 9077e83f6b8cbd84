"""Engine.IO and Socket.IO as the demo speaks them, and the bounds that it keeps."""

from __future__ import annotations

import asyncio
import http.client
import json
import re

import pytest
from websockets.exceptions import ConnectionClosed

from sio_doctor.demo import engine
from sio_doctor.demo.scenarios import PAGE, SCENARIOS
from sio_doctor.demo.server import serve
from tests.demo.asking import (
    OPEN,
    asynchronous,
    hear,
    page_asks,
    polled,
    until,
    websocket,
)


@asynchronous
async def test_polling_connects_to_the_main_namespace_alone_and_closes() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        opened = await page_asks(server)
        fields = json.loads(opened.body[1:])
        session = f"{OPEN}&sid={opened.sid}"
        assert (await page_asks(server, "POST", session, '40{"token":"x"}\x1e40/nope,')).body == "ok"
        packets = (await page_asks(server, target=session)).body.split("\x1e")
        await page_asks(server, "POST", session, "1")
        gone = await page_asks(server, target=session)
    assert fields | {"sid": ""} == {
        "sid": "",
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1000000,
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}AAAA", opened.sid)
    assert re.fullmatch(r'40\{"sid":"[A-Za-z0-9_-]{20}"\}', packets[0])
    assert packets[1:] == ['44/nope,{"message":"Invalid namespace"}']
    assert (gone.status, gone.code) == (400, 1)


@asynchronous
async def test_a_poll_waits_for_what_there_is_to_send() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        poll = asyncio.create_task(page_asks(server, target=session))
        await until(lambda: polled(server))
        assert not poll.done()
        await page_asks(server, "POST", session, "40")
        assert (await poll).body.startswith("40{")


@asynchronous
async def test_two_polls_at_once_end_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        answers = await asyncio.gather(page_asks(server, target=session), page_asks(server, target=session))
        assert sorted((answer.status, answer.body) for answer in answers) == [(200, "1"), (400, "")]
        assert (await page_asks(server, target=session)).code == 1


@asynchronous
async def test_a_poll_that_is_given_up_ends_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        host, port = server.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {OPEN}&sid={sid} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        await until(lambda: polled(server))
        writer.close()
        await writer.wait_closed()
        await until(lambda: not polled(server))
        assert (await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6")).code == 1


@asynchronous
async def test_packets_that_are_none_end_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        assert (await page_asks(server, "POST", session, "hello")).body == "ok"
        assert (await page_asks(server, target=session)).code == 1


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/socket.io/", 0),
        ("GET", "/socket.io/?EIO=4&transport=foo", 0),
        ("GET", "/socket.io/socket.io.js", 0),
        ("GET", OPEN + "&sid=nobody", 1),
        ("POST", OPEN, 2),
        ("DELETE", OPEN, 2),
        ("GET", "/socket.io/?EIO=4&transport=websocket", 3),
        ("GET", "/socket.io/?EIO=3&transport=polling", 5),
        ("GET", "/socket.io/?transport=polling", 5),
    ],
)
@asynchronous
async def test_a_wrong_request_is_refused_in_engine_io_s_words_with_cors_headers(
    method: str, target: str, code: int
) -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        answer = await page_asks(server, method, target)
    assert (answer.status, answer.code) == (400, code)
    assert answer.header("access-control-allow-origin") == PAGE


@asynchronous
async def test_a_body_above_the_limit_is_refused() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        assert (await page_asks(server, "POST", session, "4" * 1_000_001)).status == 413
        assert (await page_asks(server, "POST", session, "6" + "x" * 999_999)).body == "ok"


@asynchronous
async def test_what_is_no_http_is_answered_with_400_and_hung_up_on() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(b"hello\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()


@asynchronous
async def test_requests_share_a_connection_and_may_come_in_one_go() -> None:
    async with await serve(SCENARIOS["gateway"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        one = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n40\r\n0\r\n\r\n"
        writer.write(one + b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answers.count(b"HTTP/1.1 502 Bad Gateway\r\n") == 2
    assert answers.count(b"</html>") == 1


@asynchronous
async def test_a_websocket_opens_a_session_of_its_own() -> None:
    async with await serve(SCENARIOS["healthy"]) as server, websocket(server) as ws:
        assert json.loads((await hear(ws))[1:])["upgrades"] == []
        await ws.send("40")
        assert (await hear(ws)).startswith('40{"sid":"')
        await ws.send("40/nope,")
        assert await hear(ws) == '44/nope,{"message":"Invalid namespace"}'
        await ws.send("1")
        with pytest.raises(ConnectionClosed) as closed:
            await hear(ws)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1005  # there was none


@asynchronous
async def test_a_websocket_takes_a_polling_session_over() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        poll = asyncio.create_task(page_asks(server, target=f"{OPEN}&sid={sid}"))
        await until(lambda: polled(server))
        async with websocket(server, f"EIO=4&transport=websocket&sid={sid}") as ws:
            await ws.send("2probe")
            assert await hear(ws) == "3probe"
            assert (await poll).body == "6"
            # The client had begun another poll before it heard of that: it must not wait for a ping.
            assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body == "6"
            await ws.send("5")
            await ws.send("40")
            assert (await hear(ws)).startswith("40{")
            assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).code == 3
        await until(lambda: not any(worker.sessions for worker in server._workers))
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).code == 1


@asynchronous
async def test_a_websocket_that_only_probes_leaves_the_session_to_polling() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        async with websocket(server, f"EIO=4&transport=websocket&sid={sid}") as ws:
            await ws.send("2nope")
            with pytest.raises(ConnectionClosed):
                await hear(ws)
        await page_asks(server, "POST", f"{OPEN}&sid={sid}", "40")
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body.startswith("40{")


@asynchronous
async def test_a_client_that_answers_no_ping_is_dropped() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "PING_INTERVAL", 0.05)
        patch.setattr(engine, "PING_TIMEOUT", 0.2)
        async with await serve(SCENARIOS["healthy"]) as server, websocket(server) as ws:
            await hear(ws)
            for _ in range(3):
                assert await hear(ws) == "2"
                await ws.send("3")
            assert await hear(ws) == "2"
            with pytest.raises(ConnectionClosed):
                await hear(ws)


@asynchronous
async def test_the_oldest_session_makes_room() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MAX_SESSIONS", 2)
        async with await serve(SCENARIOS["healthy"]) as server:
            sids = [(await page_asks(server)).sid for _ in range(3)]
            answers = [await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6") for sid in sids]
    assert [answer.status for answer in answers] == [400, 200, 200]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
@asynchronous
async def test_nothing_but_loopback_is_served_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        await serve(SCENARIOS["healthy"], host)


@asynchronous
async def test_the_end_ends_every_connection() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        poll = asyncio.create_task(page_asks(server, target=session))
        await until(lambda: polled(server))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        await poll
    with pytest.raises(ConnectionRefusedError):
        await page_asks(server)
