"""Whose doing it is that the WebSocket fails: the platform, the development server, something on the way."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Evidence, Frame, Response
from tests.rules.build import (
    PAGE,
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
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
VITE = "http://localhost:5173"
SILENT = failed("timeout", phase="head", message="Nothing came within 10 s.")


def polled(upgrade: Answer, *headers: tuple[str, str], page: str = PAGE, **plan: Any) -> Evidence:
    """A page that connects by polling, then asks for a WebSocket; ``headers``: of the handshake."""
    own = page == plan.get("url")
    allowed = ("Access-Control-Allow-Origin", page)
    origin = None if own else page
    return evidence(
        {"origins": (page,), **plan},
        [
            exchange("handshake", node_open(allowed, *headers), origin=origin),
            exchange("connect", response(200, allowed, body="ok"), origin=page),
            exchange("poll", response(200, allowed, body='40{"sid":"x"}'), origin=origin),
            exchange("upgrade", upgrade, origin=page),
        ],
    )


# --- ws-platform-off -------------------------------------------------------------------------------------------------

IIS = ("Server", "Microsoft-IIS/10.0")
ARR = ("Set-Cookie", "ARRAffinity=abc;Path=/;HttpOnly;Secure;Domain=chat.azurewebsites.net")


@pytest.mark.parametrize(
    ("answer", "headers", "name"),
    [
        (response(503, IIS, reason="WebSockets are disabled"), (), "IIS"),
        (html(403, "<h2>403 - Forbidden</h2>"), (ARR,), "Azure App Service"),
        (node_error(3, ALLOWED), (ARR,), "Azure App Service"),
        (response(500, body="iisnode: WebSockets are disabled"), (), "iisnode"),
        (response(404, ("x-vercel-id", "fra1::a")), (("x-vercel-id", "fra1::b"),), "Vercel"),
    ],
)
def test_the_platform_is_named(answer: Response, headers: tuple[tuple[str, str], ...], name: str) -> None:
    whole = polled(answer, *headers)
    assert fired(whole) == {"ws-platform-off"}
    (hit,) = hits("ws-platform-off", whole)
    assert f"In front is {name}, where WebSockets have to be switched on" in hit.message
    assert hit.severity == "warning"


def test_without_a_platform_it_is_a_proxy_and_a_refusal_is_the_server_s() -> None:
    assert fired(polled(node_error(3, ALLOWED))) == {"ws-proxy-no-upgrade"}
    assert fired(polled(node_ws_error("Forbidden"), ARR)) == {"ws-refused"}


# --- ws-dev-proxy ----------------------------------------------------------------------------------------------------


def at_vite(upgrade: Answer) -> Evidence:
    return polled(upgrade, page=VITE, url=VITE)


@pytest.mark.parametrize(
    ("upgrade", "seen"),
    [
        (SILENT, "gets no answer"),
        (failed("closed", phase="head"), "gets no answer"),
        (switching('{"type":"connected"}'), "meets hot reloading"),
        (response(504, body="Error occurred while trying to proxy: localhost:3000/socket.io/"), "is answered 504"),
    ],
)
def test_a_development_server_passes_no_websockets_on(upgrade: Answer, seen: str) -> None:
    whole = at_vite(upgrade)
    assert fired(whole) == {"ws-dev-proxy"}
    (hit,) = hits("ws-dev-proxy", whole)
    assert seen in hit.message
    assert "ws: true" in hit.message


def test_a_server_that_is_asked_directly_is_no_development_server() -> None:
    assert fired(polled(SILENT, url="http://localhost:3000", page=VITE)) == {"ws-refused"}
    assert fired(polled(SILENT, url=PAGE)) == {"ws-refused"}
    assert fired(at_vite(node_error(3, ALLOWED))) == {"ws-proxy-no-upgrade"}
    assert fired(at_vite(switching("hello"))) == {"ws-two-servers-conflict"}


# --- ws-frame-corruption ---------------------------------------------------------------------------------------------

GARBAGE = Frame(direction="in", type="raw", data="\xc1\x05\xaa\x56\x4a\x4d\x4e")
MASKED = Frame(direction="in", type="text", data="3probe", masked=True)


@pytest.mark.parametrize("frame", [GARBAGE, MASKED], ids=["reserved bits", "masked"])
def test_what_no_server_may_send_was_changed_on_the_way(frame: Frame) -> None:
    assert fired(polled(switching(frame))) == {"ws-frame-corruption"}
    behind = evidence(
        {"transports": ("websocket",)},
        [exchange("handshake", node_open(ALLOWED)), exchange("websocket", switching(open_data(), frame, sent=("40",)))],
    )
    assert fired(behind) == {"ws-frame-corruption"}


def test_http_in_it_is_a_second_server_s_and_good_frames_are_fine() -> None:
    http = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\n\r\n")
    assert fired(polled(switching(http))) == {"ws-two-servers-conflict"}
    assert fired(polled(switching("3probe", sent=("5",)))) == set()
