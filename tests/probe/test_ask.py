"""What comes of one HTTP request to a server that answers."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from sio_doctor.model import Exchange, Request
from sio_doctor.probe import limits
from sio_doctor.probe.network import Network
from tests.probe.asking import PATIENT, ask, failure, get, response, run
from tests.servers.raw import Peer, answer, answer_then_hang, keep_alive, raw

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_an_answer_is_kept_as_it_came() -> None:
    head = b"HTTP/1.1 403 So Not\r\nX-b:  two \r\nx-A: one\r\nX-b: \xe9\r\nContent-Length: 3\r\n\r\n"
    with raw(answer(head, b"\xffno")) as server:
        came = response(f"{server.url}/")
    assert (came.status, came.reason, came.http_version) == (403, "So Not", "HTTP/1.1")
    assert came.headers == (("X-b", "two"), ("x-A", "one"), ("X-b", "é"), ("Content-Length", "3"))
    assert came.bytes == b"\xffno"
    assert came.malformed is None
    assert not came.truncated


def test_the_request_is_told_as_it_was_sent() -> None:
    request = Request(
        method="POST",
        url="http://localhost:{}/socket.io/?a=|%7C&b",
        headers=(("Origin", "https://a.example"), ("Accept", "text/x"), ("X-Latin", "é")),
        body="40é",
    )

    async def work(url: str) -> Exchange:
        async with Network(timeout=PATIENT, deadline=8, user_agent="me") as network:
            sent = Request(method="POST", url=url, headers=request.headers, body=request.body)
            return await network.ask(sent, purpose="connect")

    with raw(answer(OK)) as server:
        exchange = run(work(request.url.format(server.port)))
    lines = server.heard[0].decode("latin-1").split("\r\n")
    assert lines[0] == "POST /socket.io/?a=|%7C&b HTTP/1.1"
    assert [tuple(line.split(": ", 1)) for line in lines[1:-2]] == list(exchange.request.headers)
    assert exchange.request.headers == (
        ("Host", f"localhost:{server.port}"),
        ("User-Agent", "me"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Connection", "keep-alive"),
        ("Origin", "https://a.example"),
        ("Accept", "text/x"),
        ("X-Latin", "é"),
        ("Content-Length", "4"),
    )
    assert server.heard[0].endswith(b"\r\n\r\n40\xc3\xa9")


def test_a_lone_surrogate_is_replaced_as_browsers_replace_it() -> None:
    async def work(url: str) -> Exchange:
        async with Network(timeout=PATIENT, deadline=8) as network:
            return await network.ask(Request(method="POST", url=url, body="a\ud800b😀"), purpose="connect")

    with raw(answer(OK)) as server:
        assert run(work(server.url)).failure is None
    assert server.heard[0].endswith(b"Content-Length: 9\r\n\r\n" + "a\ufffdb😀".encode())


def test_a_method_is_sent_letter_by_letter() -> None:
    with raw(answer(OK)) as server:
        ask(f"{server.url}/", method="patch")
    assert server.heard[0].startswith(b"patch / HTTP/1.1\r\n")


def test_a_head_request_has_no_body() -> None:
    with raw(answer_then_hang(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")) as server:
        assert response(f"{server.url}/", method="HEAD").body == ""


def test_no_redirect_is_followed_wherever_it_leads() -> None:
    with raw(answer(b"HTTP/1.1 302 Found\r\nLocation: http://[bad/\r\nContent-Length: 0\r\n\r\n")) as server:
        assert response(f"{server.url}/").get("location") == "http://[bad/"
    assert server.connections == 1


def test_ids_count_and_requests_are_counted() -> None:
    async def work(url: str) -> tuple[list[int], int]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            asked = await asyncio.gather(*(network.ask(get(url), purpose="root") for _ in range(5)))
            await network.open_websocket(get(url.replace("http", "ws")), purpose="websocket")
            return [exchange.id for exchange in asked], network.requests

    with raw(answer(OK)) as server:
        assert run(work(server.url)) == ([1, 2, 3, 4, 5], 6)


def test_progress_names_the_url_without_its_query() -> None:
    lines: list[str] = []

    async def work(url: str) -> None:
        async with Network(timeout=PATIENT, deadline=8, progress=lines.append) as network:
            await network.ask(get(f"{url}/socket.io/?token=secret"), purpose="handshake")

    with raw(answer(OK)) as server:
        run(work(server.url))
        assert lines == [f"GET {server.url}/socket.io/ (handshake)"]


def two(url: str, *fresh: bool) -> list[Exchange]:
    async def work() -> list[Exchange]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            return [await network.ask(get(url), purpose="root", fresh=one) for one in fresh]

    return run(work())


def test_a_connection_is_kept() -> None:
    with raw(keep_alive(OK, OK)) as server:
        assert [exchange.response and exchange.response.body for exchange in two(server.url, False, False)] == [
            "ok",
            "ok",
        ]
        assert server.connections == 1


@pytest.mark.parametrize("fresh", [(True, True), (True, False), (False, True)])
def test_a_fresh_one_is_neither_shared_nor_kept(fresh: tuple[bool, bool]) -> None:
    with raw(keep_alive(OK, OK)) as server:
        two(server.url, *fresh)
        assert server.connections == 2


def test_a_kept_connection_that_the_server_closes_is_no_failure() -> None:
    def leave(peer: Peer) -> None:
        """Answer, and leave when the next request comes: the race that every keep-alive timeout has."""
        peer.hear()
        peer.say(OK)
        peer.hear()

    with raw(leave, answer(OK)) as server:
        assert [exchange.failure for exchange in two(server.url, False, False)] == [None, None]
        assert server.connections == 2


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda body: gzip.compress(body[:3]) + gzip.compress(body[3:])),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("Deflate , GZIP", lambda body: gzip.compress(zlib.compress(body))),
    ],
)
def test_content_codings_are_undone(coding: str, encode: object) -> None:
    assert callable(encode)
    body = encode("0{é}".encode())
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with raw(answer(head, body)) as server:
        came = response(server.url)
    assert (came.text, came.truncated, came.malformed) == ("0{é}", False, None)


def test_a_body_that_is_not_what_its_coding_says() -> None:
    with raw(answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain")) as server:
        came = response(server.url)
    assert came.text == "plain"
    assert came.malformed is not None
    assert came.malformed.startswith("a body that is not gzip")


def test_an_unknown_coding_stays() -> None:
    with raw(answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n\x8b\x00")) as server:
        assert response(server.url).bytes == b"\x8b\x00"


@pytest.mark.parametrize(
    "framed",
    [
        b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n",
        b"Content-Length: 5\r\n\r\nabcde",
        b"\r\nabcde",
    ],
)
def test_a_body_by_each_framing(framed: bytes) -> None:
    with raw(answer(b"HTTP/1.1 200 OK\r\n", framed)) as server:
        came = response(server.url)
    assert (came.body, came.truncated) == ("abcde", False)


def test_informational_responses_are_skipped() -> None:
    with raw(answer(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", OK)) as server:
        came = response(server.url)
    assert (came.status, came.body) == (200, "ok")


def test_localhost_is_both_families_whatever_the_resolver_says() -> None:
    async def work(port: int) -> tuple[Exchange, dict[str, tuple[str, ...]]]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            exchange = await network.ask(get(f"http://api.localhost:{port}/"), purpose="root")
            return exchange, network.addresses

    with raw(answer(OK), host="127.0.0.1") as server:
        exchange, addresses = run(work(server.port))
    assert exchange.address == "127.0.0.1"
    assert addresses == {"api.localhost": ("::1", "127.0.0.1")}


def test_an_ipv6_address_is_asked() -> None:
    with raw(answer(OK), host="::1") as server:
        exchange = ask(f"http://[::1]:{server.port}/")
    assert exchange.address == "::1"
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.heard[0]


@pytest.mark.parametrize(
    "url", ["http:///", "ftp://127.0.0.1/", "http://127.0.0.1:99999/", "http://127.0.0.1/\n", "http://é.example/"]
)
def test_what_cannot_be_sent_is_not_asked(url: str) -> None:
    assert failure(url).kind == "not-asked"


def test_a_header_that_cannot_be_sent_is_not_asked() -> None:
    async def work(url: str) -> tuple[Exchange, int]:
        async with Network(timeout=PATIENT, deadline=8) as network:
            return await network.ask(get(url, (("X-A", "1\r\nX-B: 2"),)), purpose="root"), network.requests

    with raw(answer(OK)) as server:
        exchange, requests = run(work(server.url))
        assert exchange.failure is not None
        assert (exchange.failure.kind, requests, server.connections) == ("not-asked", 0, 0)


def test_a_body_within_the_bounds_is_whole() -> None:
    body = b"x" * limits.BODY
    with raw(answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)) as server:
        came = response(server.url)
    assert (came.body.encode(), came.truncated) == (body, False)
