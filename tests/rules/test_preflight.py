"""What comes back to OPTIONS: the rules of ``preflight``."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Evidence, Response
from sio_doctor.rules import RULES, find
from tests.rules.build import (
    PAGE,
    SERVER,
    SID,
    Asked,
    evidence,
    exchange,
    failed,
    findings,
    fired,
    hits,
    html,
    node_error,
    node_open,
    node_v2_open,
    preflight_ok,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
VARY = ("Vary", "Origin")
OPEN = node_open(ALLOWED, VARY)


def headers(value: str) -> tuple[str, str]:
    return ("Access-Control-Allow-Headers", value)


def asked(preflight: Answer, handshake: Response = OPEN, **plan: Any) -> Evidence:
    """A page that sends ``my-custom-header``, so that browsers ask first."""
    whole = {"extra_headers": (("my-custom-header", "abcd"),), **plan}
    return evidence(whole, [exchange("preflight", preflight), exchange("handshake", handshake)])


def test_a_header_that_is_echoed_is_fine() -> None:
    assert fired(asked(preflight_ok(ALLOWED, headers("my-custom-header")))) == set()


@pytest.mark.parametrize(
    ("listed", "words"),
    [("x-a", "lists x-a"), (None, "it has no Access-Control-Allow-Headers")],
)
def test_a_header_that_is_not_listed(listed: str | None, words: str) -> None:
    whole = asked(preflight_ok(ALLOWED, *([headers(listed)] if listed else [])))
    assert fired(whole) == {"preflight-header-not-allowed"}
    (hit,) = hits("preflight-header-not-allowed", whole)
    assert hit.message.startswith(f"The server at {SERVER} does not allow the header my-custom-header")
    assert words in hit.message
    assert (hit.headers[0].needed, hit.headers[0].found) == ("my-custom-header", listed)


def test_a_middleware_disallows_the_header() -> None:
    methods = ("access-control-allow-methods", "GET")
    refused = response(400, methods, ALLOWED, body="Disallowed CORS headers", reason="Bad Request")
    assert fired(asked(refused)) == {"preflight-header-not-allowed"}


def test_the_wildcard_covers_nothing_with_credentials() -> None:
    credentials = ("Access-Control-Allow-Credentials", "true")
    whole = asked(
        preflight_ok(ALLOWED, credentials, headers("*")), node_open(ALLOWED, credentials), with_credentials=True
    )
    assert fired(whole) == {"acah-star-limits"}
    (hit,) = hits("acah-star-limits", whole)
    assert "a * there covers nothing" in hit.message
    assert (hit.headers[0].needed, hit.headers[0].found) == ("my-custom-header", "*")
    assert findings(whole)["acah-star-limits"].severity == "error"


def test_the_wildcard_covers_every_name_without_credentials() -> None:
    assert fired(asked(preflight_ok(ALLOWED, headers("*")))) == set()


def test_the_wildcard_does_not_cover_authorization_though_browsers_let_it_pass() -> None:
    extra = (("Authorization", "Bearer x"),)
    found = findings(asked(preflight_ok(ALLOWED, headers("*")), extra_headers=extra))
    assert found["acah-star-limits"].severity == "warning"
    assert "preflight-header-not-allowed" not in found
    assert "name Authorization there" in found["acah-star-limits"].message
    assert fired(asked(preflight_ok(ALLOWED, headers("*, authorization")), extra_headers=extra)) == set()


def test_a_wildcard_that_covers_everything_but_is_no_list_of_one_s_own() -> None:
    # Without a * it is a list that lacks the header, credentials or not.
    credentials = ("Access-Control-Allow-Credentials", "true")
    whole = asked(preflight_ok(ALLOWED, credentials, headers("x-a")), node_open(ALLOWED, credentials))
    assert fired(whole) == {"preflight-header-not-allowed"}


GET_ALONE = response(204, ALLOWED, ("Access-Control-Allow-Methods", "GET"), headers("x-a"), reason="No Content")


def test_methods_are_told_of_where_the_page_fails_and_are_never_why() -> None:
    found = findings(asked(GET_ALONE))
    assert {slug: one.severity for slug, one in found.items()} == {
        "preflight-header-not-allowed": "error",
        "method-not-allowed": "info",
    }
    assert "(GET) lacks POST, and that is not why it fails" in found["method-not-allowed"].message
    assert "method-not-allowed" not in findings(asked(preflight_ok(ALLOWED, headers("x-a"))))


def test_methods_that_lack_post_are_no_matter_where_the_page_connects() -> None:
    fine = response(204, ALLOWED, ("Access-Control-Allow-Methods", "GET"), headers("my-custom-header"))
    assert "method-not-allowed" not in findings(asked(fine))


def test_another_name_of_no_cors_at_all() -> None:
    assert find("preflight-no-cors-v3") is RULES["cors-not-configured"]
    assert fired(asked(node_error(2), node_open())) == {"cors-not-configured"}


# --- the preflight of a session --------------------------------------------------------------------------------------

TWO: dict[str, Any] = {"version": 2, "with_credentials": True, "extra_headers": (("x-token", "1"),)}
LETS_IN = (ALLOWED, ("Access-Control-Allow-Credentials", "true"))
NAMED = response(200, *LETS_IN, headers("x-token"))
STICKY = (("Cookie", "SERVERID=a"),)


def session(preflight: Answer, *posts: Asked) -> Evidence:
    """Of a client of version 2 that sends a header: the preflight of the session's POST is answered so."""
    cookie = ("Set-Cookie", "SERVERID=a; Path=/")
    asked = [
        exchange("preflight", NAMED),
        exchange("handshake", node_v2_open(*LETS_IN, cookie)),
        exchange("preflight", preflight, sid=SID),
        exchange("connect", response(200, *LETS_IN, body="ok")),
        *posts,
    ]
    return evidence(TWO, asked)


def test_the_preflight_of_a_session_that_another_process_does_not_know() -> None:
    with_cookie = [exchange("sticky", response(200, body="ok"), headers=STICKY) for _ in range(8)]
    without = exchange("sticky", node_error(1))
    (hit,) = hits("preflight-not-sticky", session(node_error(1, *LETS_IN), without, *with_cookie))
    assert "by a cookie (SERVERID)" in hit.message
    assert hit.headers[0].found == "400 Bad Request"


def test_where_nothing_is_sticky_that_is_the_cause() -> None:
    lost = [exchange("sticky", node_error(1)), exchange("sticky", response(200, body="ok"))]
    whole = session(node_error(1, *LETS_IN), *lost)
    assert hits("preflight-not-sticky", whole) == []
    assert "no-sticky-sessions" in fired(whole)


def test_a_preflight_that_finds_its_session() -> None:
    assert hits("preflight-not-sticky", session(NAMED)) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (html(403, "<h1>403 Forbidden</h1>", reason="Forbidden"), "403 Forbidden"),
        (html(405, "<h1>405 Not Allowed</h1>", ALLOWED, reason="Not Allowed"), "405 Not Allowed"),
        (html(401, "<h1>401</h1>", ("WWW-Authenticate", "Basic"), reason="Unauthorized"), "without one"),
        (failed("timeout", phase="head"), "with no answer at all"),
    ],
)
def test_something_in_front_refuses_it(answer: Answer, words: str) -> None:
    whole = asked(answer)
    assert fired(whole) == {"preflight-blocked-upstream"}
    (hit,) = hits("preflight-blocked-upstream", whole)
    assert words in hit.message
    assert "my-custom-header" in hit.message


def test_a_gateway_that_refuses_get_too_is_the_gateway() -> None:
    bad = html(502, "<h1>502 Bad Gateway</h1>", reason="Bad Gateway")
    assert "preflight-blocked-upstream" not in fired(asked(bad, bad))


@pytest.mark.parametrize(
    ("answer", "handshake", "words"),
    [
        (node_error(2, ALLOWED), node_v2_open(ALLOWED), "without handlePreflightRequest"),
        (node_error(2, ALLOWED, VARY), OPEN, "cors.preflightContinue"),
        (node_error(2), OPEN, "does not add it there"),
    ],
)
def test_engine_io_takes_it_for_a_bad_handshake(answer: Response, handshake: Response, words: str) -> None:
    whole = asked(answer, handshake, version=2 if handshake is not OPEN else 4)
    assert fired(whole) == {"preflight-unhandled-v2"}
    (hit,) = hits("preflight-unhandled-v2", whole)
    assert words in hit.message


def test_version_2_whose_handler_hangs() -> None:
    whole = asked(failed("timeout", phase="head"), node_v2_open(ALLOWED), version=2)
    assert fired(whole) == {"preflight-unhandled-v2"}


def test_engine_io_without_cors_is_that() -> None:
    assert fired(asked(node_error(2), node_open())) == {"cors-not-configured"}


def test_an_empty_success() -> None:
    whole = asked(response(204, ("Server", "nginx/1.22.1"), reason="No Content"))
    assert fired(whole) == {"preflight-empty-2xx"}
    (hit,) = hits("preflight-empty-2xx", whole)
    assert [(one.found, one.ok) for one in hit.headers] == [(None, False), (PAGE, True)]


def test_an_empty_success_before_a_handshake_without_cors_is_that() -> None:
    assert fired(asked(response(204, reason="No Content"), node_open())) == {"cors-not-configured"}


def test_a_redirect() -> None:
    whole = asked(response(301, ("Location", "https://login.example/"), reason="Moved Permanently"))
    assert fired(whole) == {"preflight-redirect"}
    (hit,) = hits("preflight-redirect", whole)
    assert "301 to https://login.example/" in hit.message


def test_where_get_is_redirected_too_that_is_the_cause() -> None:
    moved = response(301, ("Location", f"{SERVER}/"), reason="Moved Permanently")
    assert "preflight-redirect" not in fired(asked(moved, moved))


@pytest.mark.parametrize(
    "wrong",
    [headers("my-custom-header; x-b"), headers("Access-Control-Allow-Origin: https://a.example, my-custom-header")],
)
def test_a_list_that_cannot_be_parsed(wrong: tuple[str, str]) -> None:
    whole = asked(preflight_ok(ALLOWED, wrong))
    assert fired(whole) == {"preflight-malformed"}
    (hit,) = hits("preflight-malformed", whole)
    assert wrong[1] in hit.message


def test_methods_that_cannot_be_parsed() -> None:
    answer = response(
        204, ALLOWED, headers("my-custom-header"), ("Access-Control-Allow-Methods", "GET; POST"), reason="No Content"
    )
    assert fired(asked(answer)) == {"preflight-malformed"}


@pytest.mark.parametrize("preflight", [node_error(2, ALLOWED), failed("timeout", phase="head"), html(403, "no")])
def test_a_page_that_needs_no_preflight_is_not_stopped_by_one(preflight: Answer) -> None:
    answers = [exchange("simulated-preflight", preflight), exchange("handshake", OPEN)]
    assert fired(evidence({}, answers)) == set()


def test_a_header_that_is_not_listed_behind_the_wildcard() -> None:
    any_origin = ("Access-Control-Allow-Origin", "*")
    whole = asked(preflight_ok(any_origin, headers("x-a")), node_open(any_origin), with_credentials=True)
    assert list(findings(whole)) == ["wildcard-with-credentials", "preflight-header-not-allowed"]
    assert "once the page is let in" in findings(whole)["preflight-header-not-allowed"].message
    listed = asked(preflight_ok(any_origin, headers("my-custom-header")), node_open(any_origin), with_credentials=True)
    assert list(findings(listed)) == ["wildcard-with-credentials"]


def test_a_header_that_is_not_listed_behind_a_list_of_origins() -> None:
    whole = asked(preflight_ok(VARY, headers("x-a")), node_open(VARY))
    assert list(findings(whole)) == ["origin-not-in-list", "preflight-header-not-allowed"]
    assert list(findings(asked(preflight_ok(VARY, headers("my-custom-header")), node_open(VARY)))) == [
        "origin-not-in-list"
    ]


def test_a_refused_preflight_is_met_before_the_list() -> None:
    refused = html(405, "<h1>405 Not Allowed</h1>", reason="Not Allowed")
    assert list(findings(asked(refused, node_open(VARY)))) == ["preflight-blocked-upstream", "origin-not-in-list"]
