"""What follows the handshake: the rules of ``session``."""

from __future__ import annotations

import pytest

from sio_doctor.model import Response
from tests.rules.build import (
    PAGE,
    SID,
    Asked,
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
OPEN = exchange("handshake", node_open(ALLOWED))
OK = response(200, ALLOWED, ("Content-Type", "text/html"), body="ok")
JOINED = response(200, ALLOWED, body='40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}')
UNKNOWN = node_error(1, ALLOWED)
CONNECTED = [OPEN, exchange("connect", OK), exchange("poll", JOINED)]
PROBE = "AAAAAAAAAAAAAAAAAAAA"


def sticky(*answers: Response) -> list[Asked]:
    return [exchange("sticky", answer, origin=None, sid=PROBE) for answer in answers]


@pytest.mark.parametrize("unknown", [UNKNOWN, python_error("Invalid session AAAAAAAAAAAAAAAAAAAA", ALLOWED)])
def test_some_connections_reach_another_process(unknown: Response) -> None:
    whole = evidence({}, CONNECTED + sticky(OK, unknown, OK, unknown))
    assert fired(whole) == {"no-sticky-sessions"}
    (hit,) = hits("no-sticky-sessions", whole)
    assert "2 of 4 requests on fresh connections" in hit.message
    assert "whether a page connects is luck" in hit.message
    assert hit.severity is None


def test_nothing_finds_its_session() -> None:
    answers = [OPEN, exchange("connect", UNKNOWN), *sticky(UNKNOWN, UNKNOWN)]
    (hit,) = hits("no-sticky-sessions", evidence({}, answers))
    assert "2 of 2" in hit.message
    assert "comes out of a cache" in hit.message


def test_a_kept_connection_hides_it_and_the_upgrade_shows_it() -> None:
    answers = [*CONNECTED, exchange("upgrade", node_ws_error("Session ID unknown"))]
    assert fired(evidence({}, answers)) == {"no-sticky-sessions"}


def test_a_cookie_may_be_what_keeps_them_together() -> None:
    balanced = node_open(ALLOWED, ("Set-Cookie", "AWSALB=x; Path=/"), ("Set-Cookie", "io=abc; Path=/"))
    answers = [exchange("handshake", balanced), exchange("connect", UNKNOWN)]
    (hit,) = hits("no-sticky-sessions", evidence({}, answers))
    assert "The handshake sets AWSALB:" in hit.message


def test_one_process_knows_its_sessions() -> None:
    assert fired(evidence({}, CONNECTED + sticky(OK, OK, OK))) == set()


def test_a_no_op_that_ended_the_session_proves_nothing() -> None:
    ended = [
        python_error("Bad Request"),
        python_error(f"Invalid session {PROBE}"),
        python_error(f"Invalid session {PROBE}"),
    ]
    assert fired(evidence({}, CONNECTED + sticky(*ended))) == set()


def test_a_poll_that_was_given_up_ends_the_session() -> None:
    answers = [
        OPEN,
        exchange("connect", OK),
        exchange("poll", failed("timeout", phase="head")),
        exchange("upgrade", node_ws_error("Session ID unknown")),
    ]
    assert "no-sticky-sessions" not in fired(evidence({}, answers))


def test_a_session_that_moved_to_websocket_is_gone_from_polling() -> None:
    moved = switching("3probe", sent=("5",))
    answers = [*CONNECTED, exchange("upgrade", moved), exchange("poll", UNKNOWN, sid=SID)]
    assert "no-sticky-sessions" not in fired(evidence({}, answers))


def test_a_client_that_never_polls_needs_no_stickiness() -> None:
    spoken = switching(open_data(), '40{"sid":"a"}', sent=("40",))
    answers = [exchange("handshake", node_open(ALLOWED)), exchange("websocket", spoken), *sticky(OK, UNKNOWN)]
    assert fired(evidence({"transports": ("websocket",)}, answers)) == set()


def test_post_is_refused_where_get_passes() -> None:
    refused = html(405, "<h1>405</h1>", ALLOWED, reason="Method Not Allowed")
    whole = evidence({}, [OPEN, exchange("connect", refused)])
    assert fired(whole) == {"method-or-size-filter"}
    (hit,) = hits("method-or-size-filter", whole)
    assert "405 Method Not Allowed" in hit.message


def test_a_post_that_passes_is_no_finding() -> None:
    assert fired(evidence({}, CONNECTED)) == set()


ASTRAY = exchange("upgrade", node_ws_error("Session ID unknown"))


def test_the_upgrade_alone_meets_another_server() -> None:
    whole = evidence({}, [*CONNECTED, *sticky(OK, OK, OK), ASTRAY])
    assert fired(whole) == {"two-instances-one-server"}
    (hit,) = hits("two-instances-one-server", whole)
    assert "every request by HTTP found its session" in hit.message
    assert hit.severity == "warning"


def test_where_posts_lose_it_too_there_are_several_processes() -> None:
    assert fired(evidence({}, [*CONNECTED, *sticky(OK, UNKNOWN, OK), ASTRAY])) == {"no-sticky-sessions"}


BROKEN = switching(sent=(), ended=failed("closed", phase="frame"))
ALONE = {"transports": ("websocket",)}


def test_a_websocket_ends_the_server() -> None:
    gone = exchange("close", failed("refused", phase="connect"))
    whole = evidence(ALONE, [OPEN, exchange("websocket", BROKEN), gone])
    assert fired(whole) == {"two-instances-one-server"}


def test_a_websocket_that_breaks_while_the_server_lives_is_refused() -> None:
    assert fired(evidence(ALONE, [OPEN, exchange("websocket", BROKEN), exchange("close", OK)])) == {"ws-refused"}
