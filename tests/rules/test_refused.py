"""Engine.IO refuses the handshake because of the origin: the rules of ``refused``."""

from __future__ import annotations

import pytest

from sio_doctor.model import FOREIGN, Response, Server
from sio_doctor.rules.base import Case, Rung
from tests.rules.build import (
    PAGE,
    SERVER,
    Asked,
    case,
    evidence,
    exchange,
    fired,
    hits,
    node_error,
    node_open,
    node_v2_open,
    preflight_ok,
    python_error,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
CREDENTIALS = ("access-control-allow-credentials", "true")
VARY = ("Vary", "Origin")


@pytest.mark.parametrize(
    "refusal",
    [
        python_error(f"{PAGE} is not an accepted origin.", CREDENTIALS),  # ASGI, aiohttp
        python_error("Not an accepted origin."),  # Flask-SocketIO
    ],
)
def test_python_refuses_the_origin(refusal: Response) -> None:
    whole = evidence(
        {},
        [
            exchange("control", node_open(CREDENTIALS)),
            exchange("handshake", refusal),
            exchange("simulated-preflight", refusal),
            exchange("websocket", response(403)),
        ],
    )
    assert fired(whole) == {"python-origin-not-accepted"}
    (hit,) = hits("python-origin-not-accepted", whole)
    assert hit.message.startswith(f"The python-socketio server at {SERVER} refuses {PAGE} with status 400")
    assert "accepted origin." in hit.message
    assert "hides the 400" in hit.message
    assert ("status", "200", "400 Bad Request") in [(one.header, one.needed, one.found) for one in hit.headers]


def test_python_refuses_over_websocket_too() -> None:
    refusal = python_error(f"{PAGE} is not an accepted origin.")
    exchanges = [exchange("handshake", refusal), exchange("websocket", response(403))]
    assert fired(evidence({"transports": ("websocket",)}, exchanges)) == {"python-origin-not-accepted"}


def test_a_middleware_in_front_makes_the_refusal_readable() -> None:
    refusal = python_error(f"{PAGE} is not an accepted origin.", ALLOWED)
    (hit,) = hits("python-origin-not-accepted", evidence({}, [exchange("handshake", refusal)]))
    assert "no CORS error" in hit.message


def test_python_refuses_its_own_page_behind_a_proxy() -> None:
    refusal = python_error(f"{SERVER} is not an accepted origin.")
    (hit,) = hits("python-origin-not-accepted", evidence({"origins": (SERVER,)}, [exchange("handshake", refusal)]))
    assert "X-Forwarded-Proto" in hit.message


def test_python_s_other_refusals_are_no_matter_of_origins() -> None:
    refusal = python_error("The client is using an unsupported version of the Socket.IO or Engine.IO protocols")
    assert hits("python-origin-not-accepted", evidence({}, [exchange("handshake", refusal)])) == []


def test_without_a_page_a_python_list_is_nobody_s_fault() -> None:
    refusal = python_error("Not an accepted origin.")
    exchanges = [exchange("control", node_open()), exchange("foreign", refusal), exchange("handshake", refusal)]
    assert fired(evidence({"origins": ()}, exchanges)) == set()


def test_the_origin_function_fails() -> None:
    whole = evidence(
        {},
        [
            exchange("control", node_open()),
            exchange("foreign", node_error(3)),
            exchange("handshake", node_error(3)),
            exchange("simulated-preflight", node_error(3)),
        ],
    )
    assert fired(whole) == {"origin-callback-error"}
    (hit,) = hits("origin-callback-error", whole)
    assert "the function that is its cors.origin fails" in hit.message
    assert "A request without an Origin passes" in hit.message


def test_where_nobody_passes_it_is_said() -> None:
    refused = [
        exchange(purpose, node_error(3)) for purpose in ("control", "foreign", "handshake", "simulated-preflight")
    ]
    (hit,) = hits("origin-callback-error", evidence({}, refused))
    assert "may fail for everybody" in hit.message


def test_a_middleware_of_the_engine_is_something_else() -> None:
    exchanges = [
        exchange("handshake", node_error(3, ALLOWED, VARY)),
        exchange("simulated-preflight", preflight_ok(ALLOWED, VARY)),
    ]
    assert fired(evidence({}, exchanges)) == {"engine-middleware-error"}


def test_the_origins_of_version_2() -> None:
    reflected = node_error(2, ("Access-Control-Allow-Credentials", "true"), ALLOWED)
    whole = evidence(
        {"version": 2},
        [
            exchange("control", node_v2_open()),
            exchange("foreign", node_error(4)),
            exchange("handshake", node_error(4)),
            exchange("simulated-preflight", reflected),
        ],
    )
    assert fired(whole) == {"v2-origins-needs-port"}
    (hit,) = hits("v2-origins-needs-port", whole)
    assert f"{PAGE}:443" in hit.message
    assert hit.origins == (PAGE,)


def test_without_a_page_and_without_a_session_it_is_said() -> None:
    refused = [exchange(purpose, node_error(4)) for purpose in ("control", "foreign", "handshake")]
    whole = evidence({"version": 2, "origins": ()}, [*refused, exchange("simulated-preflight", node_error(2, ALLOWED))])
    (hit,) = hits("v2-origins-needs-port", whole)
    assert hit.origins == ()
    assert "refuses every origin that was tried" in hit.message


def test_without_a_page_a_list_of_version_2_is_nobody_s_fault() -> None:
    refused = [exchange(purpose, node_error(4)) for purpose in ("foreign", "handshake")]
    preflight = exchange("simulated-preflight", node_error(2, ALLOWED))
    whole = evidence({"version": 2, "origins": ()}, [exchange("control", node_v2_open()), *refused, preflight])
    assert fired(whole) == set()


def test_the_origins_of_version_2_by_its_version() -> None:
    whole = evidence({"version": 2}, [exchange("handshake", node_error(4))])
    assert fired(case(whole, server=Server(stack="socket.io", version="2.5.0"))) == {"v2-origins-needs-port"}


def test_version_1_has_no_code_for_it() -> None:
    refusal = response(400, ALLOWED, ("Content-Type", "application/json"), body='{"code":null}', reason="Bad Request")
    assert fired(evidence({"version": 2}, [exchange("handshake", refusal)])) == {"v2-origins-needs-port"}


def test_in_version_4_code_4_is_allow_request() -> None:
    exchanges = [
        exchange("handshake", node_error(4, ALLOWED, VARY)),
        exchange("simulated-preflight", preflight_ok(ALLOWED, VARY)),
    ]
    assert fired(evidence({}, exchanges)) == {"allowrequest-403"}


def test_a_refusal_behind_a_preflight_is_met_there() -> None:
    refusal = python_error("Not an accepted origin.")
    exchanges = [exchange("preflight", refusal), exchange("handshake", refusal)]
    (hit,) = hits("python-origin-not-accepted", evidence({"extra_headers": (("x-token", "1"),)}, exchanges))
    assert hit.rung is Rung.PREFLIGHT


def test_another_page_s_refusal_does_not_count() -> None:
    exchanges = [
        exchange("foreign", python_error(f"{FOREIGN} is not an accepted origin.")),
        exchange("handshake", node_open(ALLOWED)),
    ]
    assert fired(evidence({}, exchanges)) == set()


def version_2(version: str, *lets_in: str | None) -> Case:
    """Socket.IO 2 of that version that lets in these origins (None: who has none), and not the page."""
    reflected = node_error(2, ("Access-Control-Allow-Credentials", "true"), ALLOWED)
    exchanges = [
        exchange("control", node_v2_open() if None in lets_in else node_error(4)),
        exchange("foreign", node_error(4)),
        exchange("handshake", node_error(4)),
        exchange("simulated-preflight", reflected),
    ]
    for origin in filter(None, lets_in):
        opened = node_v2_open(("Access-Control-Allow-Origin", origin))
        exchanges.append(Asked("near-miss", opened, origin=origin, method="GET"))
    return case(evidence({"version": 2}, exchanges), server=Server(stack="socket.io", version=version))


def test_version_2_4_0_lets_nobody_in() -> None:
    closed = version_2("2.4.0", None)
    assert fired(closed) == {"v240-closed-default"}
    (hit,) = hits("v240-closed-default", closed)
    assert f"is Socket.IO 2.4.0 and refuses {PAGE} with 403" in hit.message
    assert "2.5.1 lets everybody in again" in hit.message


def test_version_2_4_0_takes_the_pattern_for_everybody_for_an_origin() -> None:
    (hit,) = hits("v240-closed-default", version_2("2.4.0", "*:*"))
    assert "takes *:* there for an origin, not for everybody" in hit.message


def test_another_version_or_a_list_of_its_own_is_no_closed_default() -> None:
    assert fired(version_2("2.4.1", None)) == {"v2-origins-needs-port"}
    listed = version_2("2.4.0", "https://other.test")
    assert fired(listed) == {"v2-origins-needs-port"}
    assert "it compares the whole origin, as browsers send it" in hits("v2-origins-needs-port", listed)[0].message
    assert fired(version_2("2.4.0")) == {"v2-origins-needs-port"}
    assert fired(version_2("2.4.0", "http://shop.example.com")) == {"origin-scheme"}
    assert fired(version_2("2.4.0", f"{PAGE}:443")) == {"origin-port"}
