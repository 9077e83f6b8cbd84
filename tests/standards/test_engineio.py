"""Packets, payloads and refusals as servers really send them (bodies from recordings of the versions named)."""

from __future__ import annotations

import base64

import pytest

from sio_doctor.model import Response
from sio_doctor.standards.engineio import (
    Packet,
    Refusal,
    decode_payload,
    encode_payload,
    open_packet,
    read_open,
    read_refusal,
)

OPEN = '{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}'


def answer(status: int, body: str | bytes, content_type: str = "text/plain; charset=UTF-8") -> Response:
    headers = (("Content-Type", content_type),)
    if isinstance(body, bytes):
        encoded = base64.b64encode(body).decode()
        return Response(status=status, headers=headers, body=encoded, body_encoding="base64")
    return Response(status=status, headers=headers, body=body)


def binary(text: str) -> bytes:
    return b"\x00" + bytes(int(digit) for digit in str(len(text))) + b"\xff" + text.encode()


def test_protocol_4_separates_packets() -> None:
    assert decode_payload(b"4hello\x1e2\x1ebAQID", 4) == [
        Packet("message", "hello"),
        Packet("ping", ""),
        ("message", ""),
    ]


def test_protocol_3_gives_each_packet_its_length_in_utf_16_code_units() -> None:
    assert decode_payload("6:4hello2:4€3:4😀".encode(), 3) == [
        Packet("message", "hello"),
        Packet("message", "€"),
        Packet("message", "😀"),
    ]
    assert encode_payload(["4hello", "4😀"], 3) == "6:4hello3:4😀"


def test_the_binary_framing_of_socketio_1_and_python_4() -> None:
    assert decode_payload(binary("0{}") + binary("40"), 3) == [Packet("open", "{}"), Packet("message", "0")]


@pytest.mark.parametrize("body", [b"", b"<!doctype html>", b"97:0{", b"x", b"9", "é".encode("latin-1")])
def test_what_is_no_payload_of_protocol_4_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  UnicodeDecodeError is one too
        decode_payload(body, 4)


@pytest.mark.parametrize("body", [b"", b"0{}", b"5:4ab", b"99999999999:4", b"-1:4", b"\x00\x05\xff4", b"\x00" * 40])
def test_what_is_no_payload_of_protocol_3_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode_payload(body, 3)


@pytest.mark.parametrize(
    ("body", "framing", "behind"),
    [
        (f"0{OPEN}", "v4", []),
        (f"{len(OPEN) + 1}:0{OPEN}2:40", "v3", [Packet("message", "0")]),
        (binary(f"0{OPEN}") + binary("40"), "v3-binary", [Packet("message", "0")]),
    ],
)
def test_the_open_packet_is_read_in_every_framing(body: str | bytes, framing: str, behind: list[Packet]) -> None:
    read = read_open(answer(200, body))
    assert read is not None
    handshake, packets = read
    assert (handshake.framing, handshake.sid, handshake.upgrades) == (framing, "lv_VI97HAXpY6yYWAAAC", ("websocket",))
    assert (handshake.ping_interval, handshake.ping_timeout, handshake.max_payload) == (25000, 20000, None)
    assert packets == behind


@pytest.mark.parametrize(
    "body", ["<html></html>", "", "0", "0{", '0{"id":1}', "0[]", "1", "ok", '{"sid":"x"}', "0" * 70000]
)
def test_what_is_no_open_packet_is_none(body: str) -> None:
    assert read_open(answer(200, body)) is None


def test_an_open_packet_is_none_in_an_error() -> None:
    assert read_open(answer(400, f"0{OPEN}")) is None


def test_hostile_numbers_are_no_numbers() -> None:
    handshake = open_packet('{"sid":"x","pingInterval":1e400,"pingTimeout":true,"maxPayload":"1","upgrades":{"a":1}}')
    assert handshake is None or (handshake.ping_timeout, handshake.max_payload, handshake.upgrades) == (None, None, ())


@pytest.mark.parametrize(
    ("response", "refusal"),
    [
        (answer(400, '{"code":0,"message":"Transport unknown"}'), Refusal("node", 0, "Transport unknown", "json")),
        (answer(403, '{"code":4,"message":"no entry"}'), Refusal("node", 4, "no entry", "json")),
        (answer(400, '{"code":null}'), Refusal("node", None, "", "json")),
        (answer(400, "Bad request", "text/html"), Refusal("node", 3, "Bad request", "text")),
        (answer(400, '"Invalid session abc"'), Refusal("python", None, "Invalid session abc", "json")),
        (answer(400, '"Not an accepted origin."'), Refusal("python", None, "Not an accepted origin.", "json")),
        (
            answer(400, "http://a.test is not an accepted origin."),
            Refusal("python", None, "http://a.test is not an accepted origin.", "text"),
        ),
    ],
)
def test_a_refusal_in_the_servers_own_words(response: Response, refusal: Refusal) -> None:
    assert read_refusal(response) == refusal


@pytest.mark.parametrize(
    "response",
    [
        answer(200, '{"code":0,"message":"Transport unknown"}'),
        answer(400, "<html><center><h1>400 Bad Request</h1></center></html>", "text/html"),
        answer(404, '{"detail":"Not Found"}'),
        answer(404, '{"message":"Cannot GET /socket.io/","error":"Not Found","statusCode":404}'),
        answer(400, '{"code":"E42","message":"x"}'),
        answer(403, "Forbidden", "text/plain"),
        answer(400, ""),
        answer(400, "[" * 5000),
    ],
)
def test_other_errors_are_no_refusal_of_engine_io(response: Response) -> None:
    assert read_refusal(response) is None
