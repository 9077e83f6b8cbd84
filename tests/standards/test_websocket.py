"""The opening handshake, as RFC 6455 has it."""

from __future__ import annotations

import pytest

from sio_doctor.model import HeaderList, Response
from sio_doctor.standards.websocket import KEY, accept, handshake_faults

GOOD: HeaderList = (
    ("Upgrade", "WebSocket"),
    ("Connection", "keep-alive, upgrade"),
    ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
)


def faults(*headers: tuple[str, str], without: str = "", status: int = 101) -> list[str]:
    """What is wrong with the good answer after the change."""
    kept = tuple(pair for pair in GOOD if pair[0] != without)
    return list(handshake_faults(Response(status=status, headers=(*kept, *headers)), KEY))


def test_the_key_of_the_rfc_has_the_answer_of_the_rfc() -> None:
    assert accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_good_answer_has_no_fault() -> None:
    assert faults() == []
    assert faults(("Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover")) == []


@pytest.mark.parametrize(
    ("change", "without", "fault"),
    [
        (("X", "x"), "Upgrade", "upgrade-missing"),
        (("Upgrade", "h2c"), "Upgrade", "upgrade-wrong"),
        (("Upgrade", "websocket"), "", "upgrade-multiple"),
        (("X", "x"), "Connection", "connection-missing"),
        (("Connection", "close"), "Connection", "connection-wrong"),
        (("X", "x"), "Sec-WebSocket-Accept", "accept-missing"),
        (("Sec-WebSocket-Accept", "x"), "Sec-WebSocket-Accept", "accept-wrong"),
        (("Sec-WebSocket-Accept", accept(KEY)), "", "accept-multiple"),
        (("Sec-WebSocket-Extensions", "x-other"), "", "extension"),
        (("Sec-WebSocket-Extensions", "permessage-deflate; x"), "", "extension"),
        (("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits"), "", "extension"),
        (("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits=08"), "", "extension"),
        (("Sec-WebSocket-Extensions", "PerMessage-Deflate"), "", "extension"),
        (("Upgrade", "websocket, h2c"), "Upgrade", "upgrade-multiple"),
        (("Sec-WebSocket-Protocol", "chat"), "", "protocol"),
    ],
)
def test_one_thing_wrong(change: tuple[str, str], without: str, fault: str) -> None:
    assert faults(change, without=without) == [fault]


@pytest.mark.parametrize("status", [200, 301, 400, 403, 502])
def test_whatever_is_not_101_is_wrong_by_its_status_alone(status: int) -> None:
    assert faults(without="Upgrade", status=status) == ["status"]
