"""WebSockets: with a real server, and with one that breaks every rule."""

from __future__ import annotations

import asyncio
import base64
import time
import tracemalloc
from hashlib import sha1

import pytest
from websockets.asyncio.server import ServerConnection, serve

from sio_doctor.model import Exchange, Frame, NoResponse, Request
from sio_doctor.probe import limits
from sio_doctor.probe.backend import Stream
from sio_doctor.probe.network import Network
from tests.probe.asking import PATIENT, SHORT, converse, get, run
from tests.servers.raw import Peer, Script, answer, answer_then_hang, drip, endless, raw

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def text(data: str) -> Frame:
    return Frame(direction="in", type="text", data=data)


def frame(first: int, payload: bytes, *, masked: bool = False) -> bytes:
    """A frame of less than 126 bytes: FIN, RSV and opcode in ``first``."""
    if not masked:
        return bytes([first, len(payload)]) + payload
    key = b"\x01\x02\x03\x04"
    return bytes([first, 0x80 | len(payload)]) + key + bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def failures(received: list[Frame | NoResponse]) -> list[str]:
    return [one.kind if isinstance(one, NoResponse) else one.type for one in received]


def test_a_conversation_with_a_real_server() -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send("0{}")
        await (await connection.ping(b"are you there"))
        await connection.send(b"\x04bin")
        await connection.send(["in ", "two"])
        await connection.send(f"heard {await connection.recv()!r}")
        await connection.close(4001, "enough")

    async def work() -> tuple[list[Frame | NoResponse], Exchange]:
        async with serve(greet, "127.0.0.1", 0) as server, Network(timeout=PATIENT, deadline=8) as network:
            port = server.sockets[0].getsockname()[1]
            headers = (("Origin", "https://a.example"),)
            conversation = await network.open_websocket(
                get(f"ws://127.0.0.1:{port}/chat?x=1", headers), purpose="websocket"
            )
            received = [await conversation.receive() for _ in range(3)]
            assert await conversation.send("2probe") is None
            received += [await conversation.receive() for _ in range(3)]
            refused = await conversation.send("too late")
            assert refused is not None
            assert refused.kind == "closed"
            return received, conversation.exchange

    received, exchange = run(work())
    last = received.pop()
    assert received == [
        text("0{}"),
        Frame(direction="in", type="binary", data=base64.b64encode(b"\x04bin").decode()),
        text("in two"),
        text("heard '2probe'"),
        Frame(direction="in", type="close", data="enough", code=4001),
    ]
    assert isinstance(last, NoResponse)
    assert (last.kind, last.phase) == ("closed", "frame")
    assert exchange.response is not None
    assert exchange.response.status == 101
    assert [(one.direction, one.type) for one in exchange.response.frames][:3] == [
        ("in", "text"),
        ("in", "ping"),
        ("out", "pong"),
    ]
    assert exchange.response.frames[2].data == "are you there"


def test_the_opening_handshake_is_a_browsers() -> None:
    with raw(answer_then_hang(SWITCH)) as server:
        exchange, _ = converse(server.at("ws") + "/socket.io/?EIO=4", receive=0)
    lines = server.heard[0].decode().split("\r\n")
    assert lines[0] == "GET /socket.io/?EIO=4 HTTP/1.1"
    assert [tuple(line.split(": ", 1)) for line in lines[1:-2]] == list(exchange.request.headers)
    names = [name for name, _ in exchange.request.headers]
    assert names == ["Host", "Connection", "User-Agent", "Upgrade", "Sec-WebSocket-Version", "Sec-WebSocket-Key"]
    assert len(base64.b64decode(exchange.request.headers[-1][1])) == 16


def test_a_key_that_was_given_is_used() -> None:
    key = base64.b64encode(bytes(16)).decode()

    async def work(url: str) -> Exchange:
        async with Network(timeout=PATIENT, deadline=8) as network:
            request = Request(method="GET", url=url, headers=(("Sec-WebSocket-Key", key),))
            return (await network.open_websocket(request, purpose="websocket")).exchange

    def accept(peer: Peer) -> None:
        given = peer.hear().lower().split(b"sec-websocket-key: ")[1].split(b"\r\n")[0]
        assert given == key.lower().encode()
        digest = base64.b64encode(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        peer.say(SWITCH[:-2] + b"Sec-WebSocket-Accept: " + digest + b"\r\n\r\n")
        peer.hang()

    with raw(accept) as server:
        exchange = run(work(server.at("ws")))
    assert exchange.response is not None
    assert exchange.response.get("sec-websocket-accept") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="


@pytest.mark.parametrize(
    ("sent", "status", "body"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nForbidden", 400, "Forbidden"),
        (b"HTTP/1.1 403 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 403, "no"),
        (b"HTTP/1.0 200 OK\r\n\r\n<html>", 200, "<html>"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, ""),
    ],
)
def test_an_answer_that_is_no_101_is_kept(sent: bytes, status: int, body: str) -> None:
    with raw(answer(sent)) as server:
        exchange, received = converse(server.at("ws"))
    assert exchange.response is not None
    assert (exchange.response.status, exchange.response.body) == (status, body)
    assert exchange.response.malformed is None
    assert failures(received) == ["closed"]


def test_no_server_at_all() -> None:
    exchange, received = converse("ws://nobody.invalid/")
    assert exchange.failure is not None
    assert exchange.failure.kind == "dns"
    assert failures(received) == ["closed"]


def test_a_silent_server_is_a_timeout_in_the_head() -> None:
    with raw(answer_then_hang(b"")) as server:
        exchange, _ = converse(server.at("ws"), timeout=SHORT)
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.failure.phase) == ("timeout", "head")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (answer_then_hang(SWITCH), "timeout"),
        (drip(SWITCH + b"\x81\x7d", b"x"), "timeout"),
        (drip(SWITCH, frame(0x89, b"ping")), "timeout"),
        (answer(SWITCH), "closed"),
        (answer(SWITCH, b"\x81\x05he"), "closed"),
    ],
    ids=["silence", "drip", "pings", "end", "half a frame"],
)
def test_no_frame(script: Script, expected: str) -> None:
    with raw(script) as server:
        _, received = converse(server.at("ws"), timeout=SHORT)
    (came,) = received
    assert isinstance(came, NoResponse)
    assert (came.kind, came.phase) == (expected, "frame")


def test_a_frame_that_arrives_in_pieces_over_two_waits() -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(SWITCH + b"\x81\x05he")
        peer.socket.recv(1)
        peer.say(b"llo")
        peer.hang()

    async def work(url: str) -> list[Frame | NoResponse]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            conversation = await network.open_websocket(get(url), purpose="websocket")
            first = await conversation.receive(timeout=0.1)
            await conversation.send("2")
            return [first, await conversation.receive()]

    with raw(script) as server:
        first, second = run(work(server.at("ws")))
    assert failures([first]) == ["timeout"]
    assert second == text("hello")


def test_a_reset() -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(SWITCH)
        peer.reset()

    with raw(script) as server:
        _, received = converse(server.at("ws"))
    assert failures(received) in (["reset"], ["closed"])


def test_a_masked_frame_is_marked() -> None:
    with raw(answer_then_hang(SWITCH, frame(0x81, b"hi", masked=True))) as server:
        exchange, received = converse(server.at("ws"))
    assert received == [Frame(direction="in", type="text", data="hi", masked=True)]
    assert exchange.response is not None
    assert exchange.response.frames == tuple(received)


@pytest.mark.parametrize(
    ("sent", "data"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"),
        (b"\xc1\x02hi", "\xc1\x02hi"),
        (b"\x83\x02hi", "\x83\x02hi"),
        (b"\x09\x02hi", "\x09\x02hi"),
        (b"\x89\x7e\x00\x80" + b"x" * 128, "\x89\x7e\x00\x80" + "x" * 128),
        (b"\x80\x02hi", "hi"),
        (b"\x81\x02\xff\xfe", "\xff\xfe"),
        (b"H", "H"),
    ],
    ids=["http", "rsv1", "opcode", "fragmented ping", "long ping", "continuation", "utf-8", "one byte"],
)
def test_what_is_no_frame_is_kept_as_it_came(sent: bytes, data: str) -> None:
    with raw(answer(SWITCH, sent)) as server:
        exchange, received = converse(server.at("ws"), receive=2)
    assert received[0] == Frame(direction="in", type="raw", data=data)
    assert failures(received) == ["raw", "closed"]
    assert exchange.response is not None
    assert exchange.response.frames == (received[0],)


def test_a_close_frame_without_a_code() -> None:
    with raw(answer_then_hang(SWITCH, frame(0x88, b""))) as server:
        _, received = converse(server.at("ws"))
    assert received == [Frame(direction="in", type="close", data="", code=None)]


def test_fragments_are_joined_around_a_ping() -> None:
    with raw(answer_then_hang(SWITCH, frame(0x01, b"a"), frame(0x89, b""), frame(0x80, b"b"))) as server:
        exchange, received = converse(server.at("ws"))
    assert received == [text("ab")]
    assert exchange.response is not None
    assert [one.type for one in exchange.response.frames] == ["ping", "pong", "text"]


@pytest.mark.parametrize(
    ("start", "again", "kept"),
    [
        (b"", frame(0x81, b"x"), limits.FRAMES),
        (b"", frame(0x89, b"x"), limits.FRAMES),
        (frame(0x01, b""), frame(0x00, b"") * 1000, 0),
        (b"", b"\x82\x7e\xff\xff" + bytes(65535), 1),
        (b"", b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 0),
    ],
    ids=["messages", "pings", "fragments", "long ones", "endless one"],
)
def test_a_flood_is_bounded(start: bytes, again: bytes, kept: int) -> None:
    started = time.monotonic()
    with raw(endless(SWITCH + start, again)) as server:
        exchange, received = converse(server.at("ws"), receive=limits.FRAMES + 1)
    assert exchange.response is not None
    assert sum(one.direction == "in" for one in exchange.response.frames) == kept
    assert failures(received)[-1] == "not-asked"
    assert time.monotonic() - started < 5


def test_frames_that_nobody_waits_for_do_not_pile_up() -> None:
    async def work(url: str, silent: str) -> None:
        async with Network(timeout=SHORT, deadline=8) as network:
            await network.open_websocket(get(url), purpose="websocket")
            await network.ask(get(silent), purpose="root")

    with raw(endless(SWITCH, frame(0x82, bytes(125)) * 500)) as server, raw(answer_then_hang(b"")) as silent:
        tracemalloc.start()
        run(work(server.at("ws"), silent.url))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8_000_000


def test_close_says_so_and_does_not_wait_for_an_answer() -> None:
    async def work(url: str) -> Exchange:
        async with Network(timeout=PATIENT, deadline=8) as network:
            conversation = await network.open_websocket(get(url), purpose="websocket")
            await conversation.close()
            await conversation.close()
            return conversation.exchange

    started = time.monotonic()
    with raw(answer_then_hang(SWITCH)) as server:
        exchange = run(work(server.at("ws")))
    assert time.monotonic() - started < 2
    assert exchange.response is not None
    assert exchange.response.frames == (Frame(direction="out", type="close", data=""),)


def test_our_frames_are_masked() -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(SWITCH)
        heard.append(peer.socket.recv(8, 0x100))  # MSG_WAITALL
        peer.hang()

    async def work(url: str) -> None:
        async with Network(timeout=PATIENT, deadline=8) as network:
            conversation = await network.open_websocket(get(url), purpose="websocket")
            await conversation.send("40")
            while not heard:
                await asyncio.sleep(0.01)

    with raw(script) as server:
        run(work(server.at("ws")))
    (sent,) = heard
    assert sent[:2] == b"\x81\x82"
    assert bytes(byte ^ key for byte, key in zip(sent[6:], sent[2:4], strict=True)) == b"40"


def test_what_is_said_to_a_side_that_takes_nothing_is_bounded() -> None:
    async def work(port: int) -> int:
        loop = asyncio.get_running_loop()
        transport, stream = await loop.create_connection(Stream, "127.0.0.1", port)
        for _ in range(200):
            stream.write(b"3" * 65536)
            await asyncio.sleep(0)
        waiting = transport.get_write_buffer_size()
        stream.abort()
        return waiting

    def deaf(peer: Peer) -> None:
        peer.stopped.wait()

    with raw(deaf) as server:
        assert asyncio.run(work(server.port)) <= 2 * limits.UNSENT
