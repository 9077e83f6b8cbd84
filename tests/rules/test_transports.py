"""Versions, transports and parsers on which the two sides do not agree."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Frame, Response
from tests.rules.build import (
    PAGE,
    Asked,
    evidence,
    exchange,
    failed,
    findings,
    node_error,
    node_open,
    node_ws_error,
    open_data,
    python_error,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OK = response(200, ALLOWED, body="ok")
POLLING: dict[str, Any] = {"transports": ("polling",)}
SOCKET: dict[str, Any] = {"transports": ("websocket",)}

# --- ws-only-version-mismatch ----------------------------------------------------------------------------------------

#: As socket.io 4.1 and later write it into the WebSocket; before, nothing comes.
REFUSAL = Frame(
    direction="in",
    type="raw",
    data="HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: 28\r\n\r\n"
    "Unsupported protocol version",
)
SILENCE = failed("timeout", phase="frame")


def old(socket: Response, polled: Response | None = None) -> list[Asked]:
    polled = polled or node_error(5, ALLOWED)
    asked = [exchange("handshake", polled), exchange("control", polled), exchange("websocket", socket)]
    return [*asked, exchange("other-protocol", node_open(ALLOWED))]


@pytest.mark.parametrize(
    ("socket", "seen"),
    [
        (switching(REFUSAL), "“HTTP/1.1 400 Bad Request” came over it"),
        (switching(ended=SILENCE), "nothing came over it"),
    ],
    ids=["since 4.1", "before"],
)
def test_an_old_client_by_websocket_alone(socket: Response, seen: str) -> None:
    found = findings(evidence({"version": 2, **SOCKET}, old(socket)))
    assert list(found) == ["ws-only-version-mismatch"]
    assert found["ws-only-version-mismatch"].severity == "error"
    assert seen in found["ws-only-version-mismatch"].message
    assert "Unsupported protocol version" in found["ws-only-version-mismatch"].message


def test_an_old_client_that_polls_is_told() -> None:
    assert list(findings(evidence({"version": 2, **POLLING}, old(switching(REFUSAL))))) == ["client-too-old"]


def test_http_in_a_websocket_of_the_right_version_is_a_second_server_s() -> None:
    asked = [exchange("handshake", node_open(ALLOWED)), exchange("websocket", switching(REFUSAL))]
    assert list(findings(evidence(SOCKET, asked))) == ["ws-two-servers-conflict"]


def test_a_websocket_that_is_not_accepted_tells_the_old_client_as_ever() -> None:
    asked = old(node_ws_error("Unsupported protocol version"))
    assert list(findings(evidence({"version": 2, **SOCKET}, asked))) == ["client-too-old"]


# --- transport-unknown -----------------------------------------------------------------------------------------------


def test_the_query_is_lost() -> None:
    asked = [exchange("handshake", node_error(0, ALLOWED)), exchange("control", node_error(0))]
    asked.append(exchange("websocket", node_ws_error("Transport unknown")))
    found = findings(evidence({}, asked))
    assert list(found) == ["transport-unknown"]
    assert "The query does not reach the server" in found["transport-unknown"].message
    unsupported = python_error("The client is using an unsupported version of the Socket.IO or Engine.IO protocols")
    asked = [exchange("handshake", unsupported), exchange("other-protocol", unsupported)]
    assert list(findings(evidence(POLLING, asked))) == ["transport-unknown"]


def test_polling_alone_that_is_unknown_is_switched_off() -> None:
    socket = switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",))
    asked = [exchange("handshake", node_error(0, ALLOWED)), exchange("websocket", socket)]
    assert list(findings(evidence({}, asked))) == ["transport-disabled"]


# --- allow-upgrades-off ----------------------------------------------------------------------------------------------


def polled(socket: Response, upgrades: tuple[str, ...] = ()) -> list[Asked]:
    joined = response(200, ALLOWED, body='40{"sid":"x"}')
    asked = [exchange("handshake", node_open(ALLOWED, upgrades=upgrades)), exchange("connect", OK)]
    return [*asked, exchange("poll", joined), exchange("websocket", socket)]


def test_upgrades_are_switched_off() -> None:
    socket = switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",))
    found = findings(evidence({}, polled(socket)))
    assert {slug: one.severity for slug, one in found.items()} == {"allow-upgrades-off": "info"}
    # Whoever asks for no WebSocket misses nothing.
    assert findings(evidence(POLLING, polled(socket))) == {}


def test_a_server_that_takes_no_websocket_offers_none_either() -> None:
    found = findings(evidence({}, polled(node_error(0, ALLOWED))))
    assert {slug: one.severity for slug, one in found.items()} == {"transport-disabled": "info"}


# --- parser-mismatch -------------------------------------------------------------------------------------------------


def answered(poll: Response) -> list[Asked]:
    return [exchange("handshake", node_open(ALLOWED)), exchange("connect", OK), exchange("poll", poll)]


@pytest.mark.parametrize("body", ["6\x1e1", "1", "bgqR0eXBlAA=="])
def test_connect_ends_the_session(body: str) -> None:
    found = findings(evidence(POLLING, answered(response(200, ALLOWED, body=body))))
    assert next(iter(found)) == "parser-mismatch"
    assert "cannot read the packet" in found["parser-mismatch"].message


@pytest.mark.parametrize("body", ['44{"message":"no"}', "6", "2", '40{"sid":"x"}'])
def test_a_packet_or_a_ping_is_an_answer(body: str) -> None:
    assert "parser-mismatch" not in findings(evidence(POLLING, answered(response(200, ALLOWED, body=body))))


def closes(code: int | None) -> Frame:
    return Frame(direction="in", type="close", data="", code=code)


def test_connect_closes_the_websocket() -> None:
    for behind in (closes(None), Frame(direction="in", type="binary", data="gqR0eXBlAA==")):
        socket = switching(open_data(), behind, sent=("40",))
        asked = [exchange("handshake", node_open(ALLOWED)), exchange("websocket", socket)]
        assert next(iter(findings(evidence(SOCKET, asked)))) == "parser-mismatch"
    for reply in ('44{"message":"no"}', closes(1009)):
        socket = switching(open_data(), reply, sent=("40",))
        asked = [exchange("handshake", node_open(ALLOWED)), exchange("websocket", socket)]
        assert "parser-mismatch" not in findings(evidence(SOCKET, asked))


# --- netty-specifics -------------------------------------------------------------------------------------------------

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
BARE_400 = response(400, ("Content-Length", "0"), reason="Bad Request")


def test_netty_is_named_where_a_page_does_not_connect() -> None:
    star = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true"))
    refused = {"with_credentials": True, **POLLING}
    found = findings(evidence(refused, [exchange("handshake", node_open(*star, sid=UUID))]))
    assert list(found) == ["wildcard-with-credentials", "netty-specifics"]
    assert found["netty-specifics"].severity == "info"
    assert "its session ids are UUIDs" in found["netty-specifics"].message
    assert "netty-specifics" not in findings(evidence(refused, [exchange("handshake", node_open(*star))]))


def test_netty_says_nothing_of_a_path_that_is_not_its_own() -> None:
    others = [exchange("other-path", BARE_400, url=path, origin=None) for path in ("/ws/", "/engine.io/")]
    found = findings(evidence({}, [exchange("handshake", BARE_400), *others]))
    assert list(found) == ["path-mismatch", "netty-specifics"]
    others[0] = exchange("other-path", response(404), url="/ws/", origin=None)
    assert "netty-specifics" not in findings(evidence({}, [exchange("handshake", BARE_400), *others]))


def test_a_page_that_connects_need_not_know() -> None:
    joined = response(200, ALLOWED, body='40{"sid":"x"}')
    asked = [exchange("handshake", node_open(ALLOWED, sid=UUID)), exchange("connect", OK, sid=UUID)]
    assert findings(evidence(POLLING, [*asked, exchange("poll", joined, sid=UUID)])) == {}
