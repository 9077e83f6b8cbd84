"""What follows the handshake: the rules of ``session`` and ``stickiness``."""

from __future__ import annotations

import pytest

from sio_doctor.model import Response, Server
from tests.rules.build import (
    PAGE,
    SID,
    Asked,
    case,
    evidence,
    exchange,
    failed,
    findings,
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


def sticky(*answers: Response, cookies: str = "", sid: str = PROBE) -> list[Asked]:
    headers = (("Cookie", cookies),) if cookies else ()
    return [exchange("sticky", answer, origin=None, sid=sid, headers=headers) for answer in answers]


LOST_IN_PYTHON = python_error("Invalid session AAAAAAAAAAAAAAAAAAAA", ALLOWED)


@pytest.mark.parametrize(("unknown", "slug"), [(UNKNOWN, "no-sticky-sessions"), (LOST_IN_PYTHON, "gunicorn-workers")])
def test_some_connections_reach_another_process(unknown: Response, slug: str) -> None:
    whole = evidence({}, CONNECTED + sticky(OK, unknown, OK, unknown))
    assert fired(whole) == {slug}
    (hit,) = hits(slug, whole)
    assert "2 of 4 requests on fresh connections" in hit.message
    assert "whether a page connects is luck" in hit.message
    assert hit.severity is None


def test_python_behind_a_proxy_may_be_the_proxys_doing() -> None:
    server = Server(stack="python-socketio", layers=("nginx 1.22.1",))
    whole = case(evidence({}, CONNECTED + sticky(OK, LOST_IN_PYTHON)), server=server)
    assert fired(whole) == {"no-sticky-sessions"}


@pytest.mark.parametrize(
    "own", [CONNECTED, [OPEN, exchange("connect", OK), exchange("poll", UNKNOWN)]], ids=["got through", "lost"]
)
def test_what_became_of_this_very_attempt_does_not_matter(own: list[Asked]) -> None:
    whole = evidence({}, own + sticky(OK, UNKNOWN))
    finding = findings(whole)["no-sticky-sessions"]
    assert finding.severity == "warning"
    assert set(findings(whole)) == {"no-sticky-sessions"}
    assert {(one.connects, one.by_luck, one.error) for one in case(whole).outcomes} == {(None, True, None)}


def test_what_is_lost_on_the_connection_of_the_handshake_is_lost_for_every_page() -> None:
    whole = evidence({}, [OPEN, exchange("connect", UNKNOWN), *sticky(OK, UNKNOWN)])
    assert findings(whole)["no-sticky-sessions"].severity == "error"
    assert {(one.connects, one.by_luck, one.error) for one in case(whole).outcomes} == {(False, True, "xhr post error")}


def test_a_refusal_of_the_application_is_no_luck() -> None:
    refused = response(200, ALLOWED, body='44{"message":"not authorized"}')
    whole = evidence({}, [OPEN, exchange("connect", OK), exchange("poll", refused), *sticky(OK, UNKNOWN)])
    assert {(one.connects, one.by_luck) for one in case(whole).outcomes} == {(False, False)}
    assert fired(whole) == {"no-sticky-sessions", "connect-middleware-error"}


def test_where_nothing_is_ever_found_it_is_no_luck() -> None:
    whole = evidence({}, [OPEN, exchange("connect", UNKNOWN), *sticky(UNKNOWN, UNKNOWN)])
    assert {(one.connects, one.by_luck) for one in case(whole).outcomes} == {(False, False)}


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


# --- a cookie that keeps the session together ------------------------------------------------------------------------

BALANCED = node_open(ALLOWED, ("Access-Control-Allow-Credentials", "true"), ("Set-Cookie", "SERVERID=s1; Path=/"))
HALF, ALL = sticky(*[OK, UNKNOWN] * 4), sticky(*[OK] * 8, cookies="SERVERID=s1")


def opening(answer: Response, page: str, *, cookie: str = "") -> list[Asked]:
    sent = (("Cookie", cookie),) if cookie else ()
    own = response(200, ("Access-Control-Allow-Origin", page), ("Access-Control-Allow-Credentials", "true"), body="ok")
    joined = response(200, *own.headers, body=JOINED.body)
    answer = response(200, *own.headers, ("Set-Cookie", (answer.get("set-cookie") or "")), body=answer.body)
    return [
        exchange("handshake", answer),
        exchange("connect", own, headers=sent),
        exchange("poll", joined, headers=sent),
    ]


def test_a_page_without_credentials_does_not_send_the_cookie() -> None:
    whole = evidence({}, opening(BALANCED, PAGE) + HALF + ALL)
    assert fired(whole) == {"sticky-cookie-not-sent"}
    (hit,) = hits("sticky-cookie-not-sent", whole)
    assert "4 of 8 requests without it lost the session, and none with it" in hit.message
    assert "The client needs withCredentials: true." in hit.message
    assert hit.browsers == ("chromium", "firefox", "webkit")


def test_a_page_of_the_same_site_with_credentials_sends_it() -> None:
    whole = evidence({"with_credentials": True}, opening(BALANCED, PAGE, cookie="SERVERID=s1") + HALF + ALL)
    assert fired(whole) == set()
    assert {one.connects for one in case(whole).outcomes} == {True}


def test_a_page_of_another_site_sends_it_in_firefox_alone() -> None:
    """Firefox's session is another one than the one in which the others sent no cookie."""
    page, sid = "https://shop.example.net", "AAAAAAAAAAAAAAAAAAAB"
    handshake, *requests = opening(BALANCED, page, cookie="SERVERID=s1")
    renamed = BALANCED.body.replace(SID, sid)
    second = [handshake._replace(answer=response(200, *handshake.answer.headers, body=renamed))]  # type: ignore[union-attr]
    second += [one._replace(sid=sid) for one in requests]
    plan = {"with_credentials": True, "origins": (page,)}
    whole = evidence(plan, opening(BALANCED, page) + second + HALF + ALL)
    outcomes = {one.browser: (one.connects, one.by_luck) for one in case(whole).outcomes}
    assert outcomes == {"chromium": (None, True), "firefox": (True, False), "webkit": (None, True)}
    assert fired(whole) == {"sticky-cookie-not-sent"}
    (hit,) = hits("sticky-cookie-not-sent", whole)
    assert hit.browsers == ("chromium", "webkit")
    assert "Chromium does not send SERVERID back. It is without SameSite, which counts as Lax" in hit.message


def test_too_few_answers_with_the_cookie_prove_nothing() -> None:
    few = sticky(*[OK] * 4, cookies="SERVERID=s1")
    assert fired(evidence({}, opening(BALANCED, PAGE) + HALF + few)) == {"no-sticky-sessions"}


def test_a_cookie_with_which_it_is_lost_too_does_not_help() -> None:
    whole = evidence({}, opening(BALANCED, PAGE) + HALF + sticky(OK, UNKNOWN, cookies="SERVERID=s1"))
    assert fired(whole) == {"no-sticky-sessions"}
    (hit,) = hits("no-sticky-sessions", whole)
    assert "(SERVERID) do not help" in hit.message


# --- a restart -------------------------------------------------------------------------------------------------------

GONE = sticky(OK, OK, *[UNKNOWN] * 10)
ANEW = sticky(*[OK] * 4, sid="BBBBBBBBBBBBBBBBBBBB")


REFUSED = failed("refused", phase="connect")


def test_a_server_that_ends_while_it_is_asked() -> None:
    whole = evidence({}, [OPEN, exchange("connect", failed("closed", phase="head")), exchange("sticky", REFUSED)])
    assert "restart-or-sleep" in fired(whole)
    (hit,) = hits("restart-or-sleep", whole)
    assert "ended while it was asked: it opened a session, and then nothing listens there any more" in hit.message
    assert hit.exchanges == (3,)


@pytest.mark.parametrize(
    "asked",
    [
        [exchange("handshake", REFUSED), exchange("sticky", REFUSED)],
        [*CONNECTED, exchange("other-address", REFUSED), exchange("close", REFUSED)],
        [exchange("foreign", REFUSED), *CONNECTED],
        [*CONNECTED, exchange("poll", failed("timeout", phase="connect"))],
        [OPEN, exchange("websocket", switching(ended=failed("closed"))), exchange("sticky", REFUSED)],
    ],
    ids=["never-opened", "asked-elsewhere", "refused-before", "silent", "ended-by-a-websocket"],
)
def test_nothing_that_ended_by_itself(asked: list[Asked]) -> None:
    assert not hits("restart-or-sleep", evidence({}, asked))


def test_a_session_that_is_gone_and_a_later_one_that_lives() -> None:
    whole = evidence({}, CONNECTED + GONE + ANEW)
    assert fired(whole) == {"restart-or-sleep"}
    (hit,) = hits("restart-or-sleep", whole)
    assert "10 requests got “Session ID unknown”" in hit.message
    assert hit.severity == "warning"
    assert {one.connects for one in case(whole).outcomes} == {True}


def test_a_session_that_comes_back_was_at_another_process() -> None:
    assert fired(evidence({}, CONNECTED + GONE + sticky(OK) + ANEW)) == {"no-sticky-sessions"}


def test_where_the_later_one_is_lost_too_nothing_restarted() -> None:
    later = sticky(OK, UNKNOWN, sid="BBBBBBBBBBBBBBBBBBBB")
    assert fired(evidence({}, CONNECTED + GONE + later)) == {"no-sticky-sessions"}


# --- sent twice, too large -------------------------------------------------------------------------------------------

NODE = Server(stack="socket.io", version="4.8.4")


@pytest.mark.parametrize("status", [400, 500])
def test_an_empty_error_of_engine_io_is_an_overlap(status: int) -> None:
    answers = [OPEN, exchange("connect", OK), exchange("poll", response(status, ALLOWED))]
    assert fired(case(evidence({}, answers), server=NODE)) == {"request-overlap"}


def test_an_error_with_words_is_no_overlap() -> None:
    answers = [OPEN, exchange("connect", OK), exchange("poll", html(500, "<h1>Oops</h1>", ALLOWED))]
    assert "request-overlap" not in fired(case(evidence({}, answers), server=NODE))


def limited(limit: int) -> Response:
    return response(200, ALLOWED, body=open_data().replace("1000000", str(limit)))


@pytest.mark.parametrize(("limit", "slug"), [(100, "payload-limits"), (1000, "method-or-size-filter")])
def test_a_connect_that_is_larger_than_the_handshake_allows(limit: int, slug: str) -> None:
    auth = '{"token":"' + "x" * 200 + '"}'
    refused = exchange("connect", response(413, ALLOWED), body=f"40{auth}")
    assert fired(evidence({"auth": auth}, [exchange("handshake", limited(limit)), refused])) == {slug}


@pytest.mark.parametrize(
    ("status", "body"), [(414, ""), (431, ""), (413, ""), (400, "<h1>Request Header Or Cookie Too Large</h1>")]
)
def test_a_handshake_that_is_too_large(status: int, body: str) -> None:
    assert fired(evidence({}, [exchange("handshake", html(status, body))])) == {"payload-limits"}


def test_another_400_is_not_about_sizes() -> None:
    refused = [exchange("handshake", html(400, "<h1>Bad Request</h1>"))]
    assert "payload-limits" not in fired(evidence({}, refused))


# --- a cache ---------------------------------------------------------------------------------------------------------


def test_polls_that_get_the_handshake_again_come_out_of_a_cache() -> None:
    answers = [OPEN, exchange("connect", OK), exchange("poll", node_open(ALLOWED))]
    behind = Server(stack="socket.io", layers=("nginx 1.22.1",))
    assert fired(case(evidence({}, answers), server=behind)) == {"acao-cached-for-other-origin"}
    assert "acao-cached-for-other-origin" not in fired(evidence({}, answers))  # where nothing could keep them


def test_a_header_made_for_another_page_comes_out_of_a_cache() -> None:
    other = ("Access-Control-Allow-Origin", "https://sio-doctor.invalid")
    answers = [exchange("foreign", node_open(other)), exchange("handshake", node_open(other, ("Age", "12")))]
    whole = evidence({}, answers)
    assert fired(whole) == {"acao-cached-for-other-origin"}
    (hit,) = hits("acao-cached-for-other-origin", whole)
    assert "(Age: 12)" in hit.message
    assert "names https://sio-doctor.invalid, made for whoever asked first" in hit.message


def test_who_answers_everything_with_one_handshake_is_no_cache() -> None:
    same = node_open(ALLOWED)
    answers = [exchange("handshake", same), exchange("connect", same), exchange("poll", same)]
    assert "acao-cached-for-other-origin" not in fired(evidence({}, answers))


def test_a_session_each_is_no_cache() -> None:
    other = ("Access-Control-Allow-Origin", "https://sio-doctor.invalid")
    answers = [
        exchange("foreign", node_open(other)),
        exchange("handshake", node_open(other, ("Age", "12"), sid="x" * 20)),
    ]
    assert "acao-cached-for-other-origin" not in fired(evidence({}, answers))
