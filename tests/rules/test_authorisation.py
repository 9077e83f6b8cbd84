"""The application refuses for what the page is, or for what it could not send."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Response
from tests.rules.build import (
    PAGE,
    Asked,
    evidence,
    exchange,
    findings,
    node_error,
    node_open,
    node_ws_error,
    open_data,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
SOCKET: dict[str, Any] = {"transports": ("websocket",)}
TOKEN: dict[str, Any] = {"extra_headers": (("Authorization", "Bearer x"),)}


def refused(control: Response) -> list[Asked]:
    asked = [exchange("handshake", node_error(4, ALLOWED, message="no")), exchange("control", control)]
    return [*asked, exchange("websocket", node_ws_error("Forbidden"))]


def test_a_function_that_looks_at_the_origin() -> None:
    found = findings(evidence({}, refused(node_open())))
    assert list(found) == ["ws-allowrequest-origin"]
    assert found["ws-allowrequest-origin"].severity == "error"
    assert "“no”" in found["ws-allowrequest-origin"].message
    assert list(findings(evidence(SOCKET, refused(node_open())))) == ["ws-allowrequest-origin"]


def test_a_function_that_refuses_everybody_wants_something_else() -> None:
    assert list(findings(evidence({}, refused(node_error(4))))) == ["allowrequest-403"]


def by_websocket(reply: str) -> list[Asked]:
    socket = switching(open_data(), reply, sent=("40",))
    return [exchange("handshake", node_open(ALLOWED)), exchange("websocket", socket)]


def test_a_token_in_a_header_never_arrives_by_websocket() -> None:
    refusal = by_websocket('44{"message":"no token"}')
    found = findings(evidence({**SOCKET, **TOKEN}, refusal))
    assert list(found) == ["extraheaders-ignored-ws", "connect-middleware-error"]
    assert found["extraheaders-ignored-ws"].severity == "error"
    assert "Authorization does not reach the server" in found["extraheaders-ignored-ws"].message
    assert list(findings(evidence(SOCKET, refusal))) == ["connect-middleware-error"]


def test_where_nobody_misses_it_it_is_only_worth_knowing() -> None:
    found = findings(evidence({**SOCKET, **TOKEN}, by_websocket('40{"sid":"x"}')))
    assert {slug: one.severity for slug, one in found.items()} == {"extraheaders-ignored-ws": "info"}
    assert findings(evidence(SOCKET, by_websocket('40{"sid":"x"}'))) == {}


def test_with_polling_first_the_headers_are_sent() -> None:
    assert "extraheaders-ignored-ws" not in findings(evidence(TOKEN, [exchange("handshake", node_open(ALLOWED))]))
