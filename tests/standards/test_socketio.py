"""CONNECT and its answers."""

from __future__ import annotations

import pytest

from sio_doctor.standards import socketio
from sio_doctor.standards.socketio import SocketPacket


def test_connect_as_the_client_writes_it() -> None:
    assert socketio.connect("/") == "40"
    assert socketio.connect("/", '{"token":"abc"}') == '40{"token":"abc"}'
    assert socketio.connect("/admin") == "40/admin,"
    assert socketio.connect("/admin", "{}") == "40/admin,{}"


@pytest.mark.parametrize(
    ("text", "packet"),
    [
        ('0{"sid":"x"}', SocketPacket("0", "/", '{"sid":"x"}')),
        ('0/admin,{"sid":"x"}', SocketPacket("0", "/admin", '{"sid":"x"}')),
        ("0/admin?token=1,", SocketPacket("0", "/admin", "")),
        ("0/nope", SocketPacket("0", "/nope", "")),
        ('4/nope,{"message":"Invalid namespace"}', SocketPacket("4", "/nope", '{"message":"Invalid namespace"}')),
    ],
)
def test_a_packet_is_read(text: str, packet: SocketPacket) -> None:
    assert socketio.decode(text) == packet


@pytest.mark.parametrize("text", ["", "x", "9", "<html>"])
def test_what_is_no_packet_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="packet"):
        socketio.decode(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('{"message":"not authorized","data":{"a":1}}', "not authorized"),
        ('"Invalid namespace"', "Invalid namespace"),
        ('{"content":"retry later"}', '{"content":"retry later"}'),
        ("not json", "not json"),
        ("", ""),
    ],
)
def test_what_a_connect_error_says(data: str, message: str) -> None:
    assert socketio.error_message(SocketPacket("4", "/", data)) == message
