"""The open packet that the report shows: from whichever answer had one."""

from __future__ import annotations

from tests.rules.build import PAGE, case, evidence, exchange, node_error, node_open, open_data, response, switching

ALLOWED = ("Access-Control-Allow-Origin", PAGE)


def test_over_a_websocket_in_the_framing_of_the_client() -> None:
    refused = exchange("handshake", node_error(0))
    spoken = exchange("websocket", switching(open_data(upgrades=()), sent=("40",)))
    for version, protocol, framing in ((4, 4, "v4"), (2, 3, "v3")):
        packet = case(evidence({"version": version}, [refused, spoken])).open
        assert packet is not None
        assert (packet.protocol, packet.framing, packet.transport) == (protocol, framing, "websocket")


def test_behind_a_redirect() -> None:
    there = ("Location", "https://www.example.com/socket.io/")
    asked = [
        exchange("handshake", response(307, ALLOWED, there)),
        exchange("redirect", node_open(), url="https://www.example.com/socket.io/", origin="null"),
    ]
    packet = case(evidence({}, asked)).open
    assert packet is not None
    assert packet.transport == "polling"


def test_what_only_looks_like_one_is_passed_over() -> None:
    assert case(evidence({}, [exchange("websocket", switching("0 hello"))])).open is None
    later = case(evidence({}, [exchange("websocket", switching("0 hello")), exchange("control", node_open())])).open
    assert later is not None
