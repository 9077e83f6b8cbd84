"""Credentials: the rules of ``credentials``."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Evidence
from sio_doctor.rules.base import Rung
from tests.rules.build import PAGE, evidence, exchange, fired, hits, node_open, node_v2_open, preflight_ok

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
ANY = ("Access-Control-Allow-Origin", "*")
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
WITH = {"with_credentials": True}


@pytest.mark.parametrize("headers", [(ANY,), (ANY, CREDENTIALS)])
def test_the_wildcard_with_credentials(headers: tuple[tuple[str, str], ...]) -> None:
    whole = evidence(WITH, [exchange("handshake", node_open(*headers))])
    assert fired(whole) == {"wildcard-with-credentials"}
    (hit,) = hits("wildcard-with-credentials", whole)
    assert "withCredentials: true" in hit.message
    assert [(one.needed, one.found) for one in hit.headers] == [(PAGE, "*")]


def test_client_2_sends_credentials_unasked() -> None:
    answer = node_v2_open(ANY)
    whole = evidence({**WITH, "version": 2}, [exchange("handshake", answer)])
    assert fired(whole) == {"v2-client-always-credentialed"}
    (hit,) = hits("v2-client-always-credentialed", whole)
    assert "socket.io-client 2 always sends credentials" in hit.message
    assert [(one.needed, one.found) for one in hit.headers] == [(PAGE, "*")]


def test_client_2_that_is_told_not_to_send_credentials_is_let_in_by_the_wildcard() -> None:
    whole = evidence({"version": 2}, [exchange("handshake", node_v2_open(ANY))])
    assert fired(whole) == set()


def test_client_2_on_its_own_server_is_named() -> None:
    whole = evidence({**WITH, "version": 2}, [exchange("handshake", node_v2_open(ALLOWED, CREDENTIALS))])
    assert fired(whole) == set()


def test_the_wildcard_without_credentials_is_fine() -> None:
    assert fired(evidence({}, [exchange("handshake", node_open(ANY))])) == set()


@pytest.mark.parametrize("value", [None, "True", "1", "false"])
def test_credentials_that_are_not_allowed(value: str | None) -> None:
    headers = (ALLOWED,) if value is None else (ALLOWED, ("Access-Control-Allow-Credentials", value))
    whole = evidence(WITH, [exchange("handshake", node_open(*headers))])
    assert fired(whole) == {"acac-missing"}
    (hit,) = hits("acac-missing", whole)
    assert [(one.header, one.needed, one.found, one.ok) for one in hit.headers] == [
        ("Access-Control-Allow-Credentials", "true", value, False),
        ("Access-Control-Allow-Origin", PAGE, PAGE, True),
    ]


def test_credentials_that_are_allowed() -> None:
    assert fired(evidence(WITH, [exchange("handshake", node_open(ALLOWED, CREDENTIALS))])) == set()


def test_they_are_met_at_the_preflight() -> None:
    answers = [exchange("preflight", preflight_ok(ANY)), exchange("handshake", node_open(ANY))]
    (hit,) = hits("wildcard-with-credentials", evidence({**WITH, "extra_headers": (("x-token", "1"),)}, answers))
    assert hit.rung is Rung.PREFLIGHT
    assert hit.exchanges[0] == 1


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ((ANY, ANY), "wildcard-with-credentials"),
        ((ALLOWED, ALLOWED), "acac-missing"),
        ((ANY, ALLOWED), "acac-missing"),
        ((ALLOWED, ALLOWED, CREDENTIALS), None),
    ],
)
def test_behind_a_doubled_header(headers: tuple[tuple[str, str], ...], slug: str | None) -> None:
    found = fired(evidence(WITH, [exchange("handshake", node_open(*headers))]))
    assert found == {"duplicate-acao-proxy", *([slug] if slug else [])}
    assert fired(evidence({}, [exchange("handshake", node_open(*headers))])) == {"duplicate-acao-proxy"}


# --- cookies that do not go back -------------------------------------------------------------------------------------

CROSS = {**WITH, "origins": ("https://shop.example.net",)}
LETS_IN = (("Access-Control-Allow-Origin", "https://shop.example.net"), CREDENTIALS)


@pytest.mark.parametrize(
    ("cookie", "browsers", "severity"),
    [
        ("connect.sid=x; Path=/; HttpOnly", ("chromium", "webkit"), "warning"),
        ("io=x; SameSite=Lax", ("chromium", "firefox", "webkit"), "warning"),
        ("session=x; SameSite=None", ("chromium", "firefox", "webkit"), "warning"),
        ("AWSALBCORS=x; Path=/; SameSite=None; Secure", ("webkit",), "info"),
    ],
)
def test_a_session_cookie_of_another_site(cookie: str, browsers: tuple[str, ...], severity: str) -> None:
    whole = evidence(CROSS, [exchange("handshake", node_open(*LETS_IN, ("Set-Cookie", cookie)))])
    (hit,) = hits("cookie-samesite", whole)
    assert (hit.browsers, hit.severity) == (browsers, severity)
    assert "Safari does not send" in hit.message or "Firefox and Safari do not send" in hit.message
    assert hit.headers[0].found == cookie


@pytest.mark.parametrize(
    ("plan", "headers", "cookie"),
    [
        (WITH, (ALLOWED, CREDENTIALS), "connect.sid=x; Path=/; SameSite=Strict"),  # of the same site
        ({**CROSS, "with_credentials": False}, LETS_IN, "connect.sid=x; Path=/"),  # wants no cookies
        (CROSS, LETS_IN, "theme=dark; Path=/"),  # no session
        (CROSS, LETS_IN, "csrftoken=x; Path=/"),
    ],
    ids=["same site", "no credentials", "no session", "csrf"],
)
def test_a_cookie_that_nobody_misses(plan: dict[str, Any], headers: tuple[tuple[str, str], ...], cookie: str) -> None:
    assert (
        hits("cookie-samesite", evidence(plan, [exchange("handshake", node_open(*headers, ("Set-Cookie", cookie)))]))
        == []
    )


def test_the_cookie_of_socket_io_2_is_nobodys_business() -> None:
    assert (
        hits("cookie-samesite", evidence({**CROSS, "version": 2}, [exchange("handshake", node_v2_open(*LETS_IN))]))
        == []
    )


# --- behind the origin -----------------------------------------------------------------------------------------------

VARY = ("Vary", "Origin")
LISTED = "https://listed.example.com"


def unlisted(*handshake: tuple[str, str], listed: tuple[tuple[str, str], ...], **plan: Any) -> Evidence:
    """A list on Node that lacks the page, and what it answers to a page that is on it."""
    asked = [
        exchange("handshake", node_open(*handshake)),
        exchange("simulated-preflight", preflight_ok(VARY)),
        exchange("near-miss", preflight_ok(("Access-Control-Allow-Origin", LISTED), *listed), origin=LISTED),
    ]
    return evidence({**WITH, **plan}, asked)


def test_a_list_without_credentials_says_so_to_whom_it_lacks_too() -> None:
    whole = unlisted(VARY, listed=(VARY,))
    assert {"origin-www-subdomain", "acac-missing"} == fired(whole)
    (hit,) = hits("acac-missing", whole)
    assert "allows no page credentials, which this client sends" in hit.message
    assert [(one.header, one.found) for one in hit.headers] == [("Access-Control-Allow-Credentials", None)]


def test_a_list_with_credentials_lacks_the_page_alone() -> None:
    assert "acac-missing" not in fired(unlisted(VARY, CREDENTIALS, listed=(VARY, CREDENTIALS)))
    assert "acac-missing" not in fired(unlisted(VARY, listed=(VARY,), with_credentials=False))


def test_a_fixed_origin_is_not_said_to_let_the_page_in() -> None:
    (hit,) = hits(
        "acac-missing", evidence(WITH, [exchange("handshake", node_open(("Access-Control-Allow-Origin", LISTED)))])
    )
    assert "lets" not in hit.message
    assert [one.header for one in hit.headers] == ["Access-Control-Allow-Credentials"]
