"""From evidence to what becomes of each page, and to whom the server lets in."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.judge import judge, policy
from sio_doctor.model import FOREIGN, Response
from tests.rules.build import PAGE, evidence, exchange, failed, node_open, response


def allow(origin: str, **fields: Any) -> Response:
    return node_open(("Access-Control-Allow-Origin", origin), **fields)


@pytest.mark.parametrize(
    ("control", "foreign", "page", "kind"),
    [
        (node_open(), node_open(), node_open(), "nobody"),
        (allow("*"), allow("*"), allow("*"), "any"),
        (node_open(), allow(FOREIGN), allow(PAGE), "reflect"),
        (allow("https://a.example"), allow("https://a.example"), allow("https://a.example"), "fixed"),
        (node_open(), node_open(), allow(PAGE), "list"),
        (node_open(), node_open(("Vary", "Origin")), node_open(("Vary", "Origin")), "list"),
        (node_open(), response(403), allow(PAGE), "refuses"),
        (response(200, body="<html>"), response(200, body="<html>"), response(200, body="<html>"), "unknown"),
    ],
    ids=["nobody", "any", "reflect", "fixed", "list", "list by Vary", "refuses", "no Engine.IO"],
)
def test_whom_the_server_lets_in(control: Response, foreign: Response, page: Response, kind: str) -> None:
    asked = [exchange("control", control), exchange("foreign", foreign), exchange("handshake", page)]
    assert policy(evidence({}, asked)).kind == kind


def test_the_policy_has_what_the_answers_say() -> None:
    preflight = response(
        204,
        ("Access-Control-Allow-Methods", "GET, POST"),
        ("Access-Control-Allow-Headers", "x-sio-doctor"),
        ("Access-Control-Max-Age", "600"),
    )
    page = node_open(
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "X-A, X-B"),
        ("Vary", "Origin"),
    )
    found = policy(evidence({}, [exchange("handshake", page), exchange("simulated-preflight", preflight)]))
    assert (found.allow_origin, found.credentials, found.methods) == (PAGE, True, ("GET", "POST"))
    assert (found.max_age, found.preflight_status, found.reflects_headers) == (600, 204, True)
    assert (found.exposed_headers, found.vary) == (("X-A", "X-B"), ("Origin",))


@pytest.mark.parametrize("value", ["", "-1", "1e3", "9" * 50, "600, 600"])
def test_a_max_age_that_is_no_number_is_none(value: str) -> None:
    preflight = response(204, ("Access-Control-Max-Age", value))
    asked = [exchange("handshake", node_open()), exchange("simulated-preflight", preflight)]
    assert policy(evidence({}, asked)).max_age is None


def test_each_page_in_each_browser_has_an_outcome() -> None:
    other = "https://admin.example.com"
    outcomes = judge(evidence({"origins": (PAGE, other), "browsers": ("chromium", "webkit")}, []))
    assert [(one.origin, one.browser, one.connects) for one in outcomes] == [
        (page, browser, None) for page in (PAGE, other) for browser in ("chromium", "webkit")
    ]


def test_a_page_that_may_not_read_the_handshake_does_not_connect() -> None:
    for outcome in judge(evidence({}, [exchange("handshake", node_open())])):
        assert (outcome.connects, outcome.error) == (False, "xhr poll error")
        assert (outcome.polling.allowed, outcome.polling.code) == (False, "allow-origin-missing")
        assert outcome.polling.console
        assert outcome.websocket.allowed is None


def test_what_was_asked_without_verifying_the_certificate_counts_for_no_browser() -> None:
    asked = [
        exchange("handshake", failed("tls", phase="tls", detail="self-signed")),
        exchange("handshake", allow(PAGE), verified=False),
    ]
    assert {outcome.connects for outcome in judge(evidence({}, asked))} == {False}
