"""What comes back to OPTIONS: the rules of ``preflight``."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Evidence, Response
from tests.rules.build import (
    PAGE,
    SERVER,
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
    assert fired(whole) == {"preflight-header-not-allowed"}
    (hit,) = hits("preflight-header-not-allowed", whole)
    assert "the * there covers nothing" in hit.message


def test_the_wildcard_covers_every_name_without_credentials() -> None:
    extra = (("Authorization", "Bearer x"),)
    assert fired(asked(preflight_ok(ALLOWED, headers("*")), extra_headers=extra)) == set()


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
