"""Servers that answer badly, endlessly, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sio_doctor.model import Exchange
from sio_doctor.probe import limits
from sio_doctor.probe.network import Network
from tests.probe.asking import PATIENT, SHORT, ask, failure, get, response, run
from tests.servers.raw import Peer, Script, answer, answer_then_hang, drip, endless, full_backlog, nothing, raw

HEAD = b"HTTP/1.1 200 OK\r\n"


# --- heads that a strict parser refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "malformed", "headers"),
    [
        (HEAD + b"A : 1\r\n", "a blank before the colon: 'A :'", (("A", "1"),)),
        (HEAD + b"oops\r\nA: 1\r\n", "a header line without a colon: 'oops'", (("A", "1"),)),
        (HEAD + b"A: 1\r\n  2\r\n", "a folded header line: '  2'", (("A", "1 2"),)),
        (HEAD + b"B@d: 1\r\nA: 1\r\n", "a header name that is no token: 'B@d'", (("A", "1"),)),
        (b"\r\n" + HEAD + b"A: 1\r\n", "2 bytes before the status line: '\\r\\n'", (("A", "1"),)),
        (b"HTTP/1.1  200  OK\r\nA: 1\r\n", "a bad status line: 'HTTP/1.1  200  OK\\r'", (("A", "1"),)),
        (b"\r\n\r\n" + HEAD + b"A: 1\r\n", "4 bytes before the status line: '\\r\\n\\r\\n'", (("A", "1"),)),
        (b"http/1.1 200 OK\r\nA: 1\r\n", "a bad status line: 'http/1.1 200 OK\\r'", (("A", "1"),)),
        (b"HTTP/1.1 200 OK\nA: 1\n", None, (("A", "1"),)),
    ],
)
def test_a_malformed_head_is_read_as_browsers_read_it(
    head: bytes, malformed: str | None, headers: tuple[tuple[str, str], ...]
) -> None:
    with raw(answer(head, b"Content-Length: 2\r\n\r\nok")) as server:
        came = response(server.url)
    assert (came.status, came.body, came.malformed) == (200, "ok", malformed)
    assert came.headers == (*headers, ("Content-Length", "2"))


def test_an_odd_transfer_encoding_is_malformed_and_read() -> None:
    with raw(answer(HEAD, b"Transfer-Encoding: identity, Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")) as server:
        came = response(server.url)
    assert came.body == "ok"
    assert came.malformed is not None


def test_two_content_lengths_are_malformed_and_the_first_counts() -> None:
    with raw(answer(HEAD, b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok?")) as server:
        came = response(server.url)
    assert came.body == "ok"
    assert came.malformed is not None


def test_a_101_that_nobody_asked_for() -> None:
    with raw(answer_then_hang(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")) as server:
        came = response(server.url)
    assert (came.status, came.body) == (101, "")
    assert came.malformed == "101 Switching Protocols, which was not asked for"


# --- what is no HTTP -------------------------------------------------------------------------------------------------


def banner(text: bytes) -> Script:
    """Speak first, and wait."""

    def script(peer: Peer) -> None:
        peer.say(text)
        peer.hang()

    return script


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"-ERR", b"ab\n\n"])
def test_what_is_no_http_is_named_with_its_first_bytes(text: bytes) -> None:
    with raw(banner(text)) as server:
        came = failure(server.url, timeout=SHORT)
    assert (came.kind, came.detail) == ("not-http", text.decode("latin-1"))


# --- no answer -------------------------------------------------------------------------------------------------------


def test_refused() -> None:
    with nothing() as url:
        came = failure(url)
    assert (came.kind, came.phase) == ("refused", "connect")


def test_a_firewall_is_a_timeout_while_connecting() -> None:
    with full_backlog() as url:
        came = failure(url, timeout=SHORT)
    assert (came.kind, came.phase) == ("timeout", "connect")


def test_a_name_that_does_not_resolve() -> None:
    came = failure("http://nobody.invalid/")
    assert (came.kind, came.phase) == ("dns", "resolve")


def test_a_resolver_that_hangs_ends_with_the_timeout_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = socket.getaddrinfo

    def hang(host: bytes, port: int, *, type: int, flags: int) -> object:
        if flags:
            return asked(host, port, type=type, flags=flags)
        time.sleep(3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    came = failure("http://slow.invalid/", timeout=SHORT)
    assert (came.kind, came.phase) == ("timeout", "resolve")
    assert time.monotonic() - started < 2


def test_closed_without_an_answer() -> None:
    with raw(answer(b"")) as server:
        came = failure(server.url)
    assert (came.kind, came.phase) == ("closed", "head")


def test_closed_in_the_middle_of_the_head() -> None:
    with raw(answer(HEAD)) as server:
        assert failure(server.url).kind == "closed"


def test_reset() -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.reset()

    with raw(script) as server:
        came = failure(server.url)
    assert (came.kind, came.phase) == ("reset", "head")


def test_silence_is_a_timeout_in_the_head() -> None:
    with raw(answer_then_hang(b"")) as server:
        came = failure(server.url, timeout=SHORT)
    assert (came.kind, came.phase) == ("timeout", "head")


def test_a_dripping_head_ends_at_the_timeout() -> None:
    with raw(drip(HEAD, b"X: y\r\n")) as server:
        came = failure(server.url, timeout=SHORT)
    assert (came.kind, came.phase) == ("timeout", "head")


def test_informational_responses_without_end() -> None:
    with raw(endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")) as server:
        assert failure(server.url).kind == "closed"


# --- bodies that do not end ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "body"),
    [
        (answer(HEAD, b"Content-Length: 9\r\n\r\nhalf"), "half"),
        (answer(HEAD, b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "half"),
        (answer(HEAD, b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"), "half"),
        (answer_then_hang(HEAD, b"Content-Length: 9\r\n\r\nhalf"), "half"),
        (answer_then_hang(HEAD, b"Content-Length: 9\r\n\r\nhal\xc3"), "hal"),
    ],
)
def test_a_body_that_is_not_whole(script: Script, body: str) -> None:
    with raw(script) as server:
        came = response(server.url, timeout=SHORT)
    assert (came.status, came.body, came.truncated) == (200, body, True)


def test_a_dripping_body_ends_at_the_timeout() -> None:
    with raw(drip(HEAD + b"\r\n", b".")) as server:
        came = response(server.url, timeout=SHORT)
    assert came.truncated
    assert set(came.body) == {"."}


def test_a_body_that_is_reset() -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(HEAD + b"Content-Length: 9\r\n\r\nhalf")
        peer.reset()

    with raw(script) as server:
        came = response(server.url)
    assert (came.body, came.truncated) == ("half", True)


@pytest.mark.parametrize(
    "script",
    [
        endless(HEAD + b"\r\n", b"x" * 65536),
        endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + b"x" * 4096 + b"\r\n"),
        endless(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(200_000_000), 1), b"x" * 65536),
    ],
    ids=["endless", "chunks", "bomb"],
)
def test_a_body_without_end_is_cut_and_memory_stays_small(script: Script) -> None:
    with raw(script) as server:
        tracemalloc.start()
        came = response(server.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(came.bytes) == limits.BODY
    assert came.truncated
    assert peak < 8_000_000


def test_chunks_of_one_byte_are_not_read_for_long() -> None:
    with raw(endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000)) as server:
        came = response(server.url)
    assert came.truncated
    assert 1000 < len(came.body) < limits.BODY


def test_informational_answers_without_end_are_an_end() -> None:
    with raw(endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")) as server:
        came = failure(server.url)
    assert (came.kind, "Informational" in came.message) == ("closed", True)


def test_a_head_without_end_is_cut() -> None:
    with raw(endless(HEAD + b"A: 1\r\n", b"X: " + b"y" * 1000 + b"\r\n")) as server:
        came = response(server.url)
    assert (came.status, came.headers[0], came.truncated) == (200, ("A", "1"), True)
    assert came.malformed == "a head of more than 64 KiB"


# --- the deadline ----------------------------------------------------------------------------------------------------


def test_everything_ends_by_the_deadline() -> None:
    async def work(url: str) -> list[Exchange]:
        async with Network(timeout=5, deadline=SHORT) as network:
            return [await network.ask(get(url), purpose="root") for _ in range(3)]

    started = time.monotonic()
    with raw(answer_then_hang(b"")) as server:
        exchanges = run(work(server.url))
        assert server.connections == 1
    assert time.monotonic() - started < 2
    assert [exchange.failure and exchange.failure.kind for exchange in exchanges] == ["not-asked"] * 3


def test_what_was_asked_can_be_cancelled() -> None:
    async def work() -> None:
        async with Network(timeout=PATIENT, deadline=8) as network:
            task = asyncio.create_task(network.ask(get(server.url), purpose="root"))
            while not server.heard:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with raw(answer_then_hang(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        run(work())


# --- anything --------------------------------------------------------------------------------------------------------

WORDS = [
    *(b"HTTP/1.1 ", b"200", b"101", b" OK", b"\r\n", b"\n", b"\r\n\r\n", b": ", b" ", b"\t", b",", b"-1", b"\x00"),
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 204 x\r\n", b"Transfer-Encoding: chunked", b"3\r\nabc\r\n", b"0\r\n\r\n"),
    *(b"Content-Length: 3", b"Content-Encoding: gzip", b"\x1f\x8b\x08", b"99999999999999999999", b"Connection: close"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=6), max_size=14).map(b"".join))
def test_whatever_comes_there_is_an_exchange(came: bytes) -> None:
    with raw(answer(came)) as server:
        exchange = ask(server.url, timeout=2)
        assert (exchange.response is None) != (exchange.failure is None)
        assert exchange.failure is None or exchange.failure.kind in ("closed", "not-http", "reset")
