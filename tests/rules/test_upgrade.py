"""Polling works and WebSocket does not: the rules of ``upgrade``."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Evidence, Frame, Server
from tests.rules.build import (
    PAGE,
    SERVER,
    case,
    evidence,
    exchange,
    failed,
    fired,
    hits,
    html,
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
JOINED = response(200, ALLOWED, body='40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}')
PYTHON = Server(stack="python-socketio", layers=("uvicorn",))
UPGRADED = switching("3probe", sent=("5",))


def polled(upgrade: Answer, **plan: Any) -> Evidence:
    """A page that connects by polling, then asks for a WebSocket."""
    answers = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("connect", OK),
        exchange("poll", JOINED),
        exchange("upgrade", upgrade),
    ]
    return evidence(plan, answers)


def direct(websocket: Answer, handshake: Answer | None = None) -> Evidence:
    """A client that uses WebSocket alone."""
    answers = [exchange("handshake", handshake or node_open(ALLOWED)), exchange("websocket", websocket)]
    return evidence({"transports": ("websocket",)}, answers)


LOST = [
    node_error(3, ALLOWED),
    python_error("Invalid websocket upgrade"),
    html(426, "", reason="Upgrade Required"),
    html(502, "<h1>502 Bad Gateway</h1>", ("Server", "nginx/1.22.1"), reason="Bad Gateway"),
    html(200, "<!doctype html><title>App</title>", reason="OK"),
    html(404, "<h1>404</h1>", reason="Not Found"),
]


@pytest.mark.parametrize("answer", LOST)
def test_the_upgrade_is_lost_on_the_way(answer: Answer) -> None:
    whole = polled(answer)
    assert fired(whole) == {"ws-proxy-no-upgrade"}
    (hit,) = hits("ws-proxy-no-upgrade", whole)
    assert hit.message.startswith(
        f"WebSocket does not get through to the Socket.IO server at {SERVER}, though polling does"
    )
    assert hit.severity == "warning"
    assert [(one.header, one.needed) for one in hit.headers] == [("status", "101")]


def test_where_engine_io_says_so_the_headers_are_named() -> None:
    (hit,) = hits("ws-proxy-no-upgrade", polled(node_error(3, ALLOWED)))
    assert "takes the Upgrade and Connection headers off" in hit.message


def test_for_websocket_alone_it_is_no_mere_warning() -> None:
    (hit,) = hits("ws-proxy-no-upgrade", direct(node_error(3, ALLOWED)))
    assert hit.severity is None


def test_a_server_without_polling_behind_such_a_proxy() -> None:
    assert "ws-proxy-no-upgrade" in fired(direct(node_error(3, ALLOWED), node_error(0, ALLOWED)))


@pytest.mark.parametrize(
    "answer",
    [
        response(500, ("server", "uvicorn"), body="Internal Server Error", reason="Internal Server Error"),
        response(400, ("server", "uvicorn"), body="Unsupported upgrade request.", reason="Bad Request"),
    ],
)
def test_python_has_no_websocket_library(answer: Answer) -> None:
    assert fired(case(polled(answer), server=PYTHON)) == {"python-no-websocket"}


def test_500_of_another_server_is_not_python_s() -> None:
    assert fired(polled(response(500, reason="Internal Server Error"))) == {"ws-refused"}


def test_another_server_writes_into_the_websocket() -> None:
    raw = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    whole = polled(switching(raw))
    assert fired(whole) == {"ws-two-servers-conflict"}
    (hit,) = hits("ws-two-servers-conflict", whole)
    assert "“HTTP/1.1 400 Bad Request”" in hit.message


def test_another_server_writes_behind_the_open_packet() -> None:
    raw = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    both = exchange("websocket", switching(open_data(), raw, sent=("40",)))
    whole = evidence({"transports": ("websocket",)}, [exchange("handshake", node_open(ALLOWED)), both])
    assert fired(whole) == {"ws-two-servers-conflict"}
    (hit,) = hits("ws-two-servers-conflict", whole)
    assert "“HTTP/1.1 400 Bad Request”" in hit.message


def test_another_server_answers_instead() -> None:
    assert fired(polled(switching("2probe"))) == {"ws-two-servers-conflict"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failed("reset", phase="head", message="The connection was reset."), "gets no answer"),
        (failed("timeout", phase="head", message="Nothing came within 10 s."), "Nothing came within 10 s."),
        (node_ws_error("Forbidden"), "Forbidden"),
        (html(403, "Cross origin websockets not allowed", ("Server", "TornadoServer/6.6.1")), "Tornado"),
        (switching(Frame(direction="in", type="close", data="")), "not so that it can be used"),
    ],
)
def test_it_is_refused_otherwise(answer: Answer, words: str) -> None:
    whole = polled(answer)
    assert fired(whole) == {"ws-refused"}
    (hit,) = hits("ws-refused", whole)
    assert words in hit.message


def test_asgi_refuses_without_words() -> None:
    whole = case(polled(response(403, reason="Forbidden")), server=PYTHON)
    assert fired(whole) == {"asgi-ws-403"}
    (hit,) = hits("asgi-ws-403", whole)
    assert "whatever the reason" in hit.message


def test_a_403_with_words_or_of_another_server_is_no_bare_one() -> None:
    assert fired(polled(response(403, reason="Forbidden"))) == {"ws-refused"}
    worded = response(403, body="Cross origin websockets not allowed", reason="Forbidden")
    assert fired(case(polled(worded), server=PYTHON)) == {"ws-refused"}


@pytest.mark.parametrize(
    "whole",
    [
        polled(UPGRADED),
        polled(failed("not-asked")),
        polled(node_error(3), transports=("polling",)),
        direct(switching(open_data(), '40{"sid":"a"}', sent=("40",))),
    ],
    ids=["upgraded", "not asked", "polling alone", "direct"],
)
def test_a_websocket_that_works_or_is_not_wanted(whole: Evidence) -> None:
    assert fired(whole) == set()


def test_where_the_server_offers_none_it_is_switched_off() -> None:
    answers = [
        exchange("handshake", node_open(ALLOWED, upgrades=())),
        exchange("connect", OK),
        exchange("poll", JOINED),
        exchange("websocket", node_error(0, ALLOWED)),
    ]
    assert not {"ws-proxy-no-upgrade", "ws-refused"} & fired(evidence({}, answers))


def test_where_polling_is_refused_that_is_the_finding() -> None:
    refusal = python_error(f"{PAGE} is not an accepted origin.")
    answers = [exchange("handshake", refusal), exchange("websocket", response(403))]
    assert fired(evidence({}, answers)) == {"python-origin-not-accepted"}


@pytest.mark.parametrize(("refused", "websocket"), [(4, 4), (4, 3), (3, 3)])
def test_whom_node_refuses_in_json_has_lost_the_upgrade_as_well(refused: int, websocket: int) -> None:
    forbidden = node_error(refused)
    lost = [exchange("handshake", forbidden), exchange("websocket", node_error(websocket))]
    assert "ws-proxy-no-upgrade" in fired(evidence({}, lost))
    real = [exchange("handshake", forbidden), exchange("websocket", node_ws_error("Forbidden"))]
    assert "ws-proxy-no-upgrade" not in fired(evidence({}, real))
