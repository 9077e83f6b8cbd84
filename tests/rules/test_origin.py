"""Who is let in: the rules of ``origin``, each beside its nearest look-alike."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Evidence, HeaderList, Purpose, Response, Server
from sio_doctor.rules.base import Rung
from tests.rules.build import (
    PAGE,
    SERVER,
    Asked,
    case,
    evidence,
    exchange,
    fired,
    hits,
    html,
    node_error,
    node_open,
    node_ws_error,
    preflight_ok,
    response,
    switching,
)

ADMIN = "https://admin.example.com"
VARY = ("Vary", "Origin")


def allow(value: str) -> tuple[str, str]:
    return ("Access-Control-Allow-Origin", value)


def asked(
    *handshake: tuple[str, str], preflight: Response | None = None, foreign: HeaderList = (), **plan: Any
) -> Evidence:
    """A Node server that answers the page with these CORS headers, the foreign origin with those."""
    exchanges = [
        exchange("control", node_open()),
        exchange("foreign", node_open(*foreign)),
        exchange("handshake", node_open(*handshake)),
    ]
    sent: Purpose = "preflight" if plan.get("extra_headers") else "simulated-preflight"
    exchanges.append(exchange(sent, preflight or node_error(2)))
    return evidence(plan, exchanges)


NO_CORS = asked()
LIST = asked(VARY, preflight=preflight_ok(VARY), foreign=(VARY,))


def test_what_fails_next_behind_the_missing_option_is_said() -> None:
    sends = asked(extra_headers=(("x-token", "1"),), with_credentials=True)
    (hit,) = hits("cors-not-configured", sends)
    assert "has to allow the header x-token in the answer to its preflight and credentials too" in hit.message
    (hit,) = hits("cors-not-configured", NO_CORS)
    assert "would fail there next" not in hit.message


def test_a_server_without_cors() -> None:
    (hit,) = hits("cors-not-configured", NO_CORS)
    assert fired(NO_CORS) == {"cors-not-configured"}
    assert hit.message.startswith(
        f"The server at {SERVER} does not let {PAGE} read its answers: CORS is not configured"
    )
    assert hit.origins == (PAGE,)
    assert hit.browsers == ("chromium", "firefox", "webkit")
    assert [(one.header, one.needed, one.found, one.ok) for one in hit.headers] == [
        ("Access-Control-Allow-Origin", PAGE, None, False)
    ]
    assert hit.exchanges[0] == 3  # the handshake of the page
    assert hit.rung is None


def test_a_server_without_cors_is_met_at_the_preflight_already() -> None:
    (hit,) = hits("cors-not-configured", asked(extra_headers=(("x-token", "1"),)))
    assert hit.rung is Rung.PREFLIGHT
    assert ("status", "200 to 299", "400 Bad Request") in [(one.header, one.needed, one.found) for one in hit.headers]


def test_without_a_page_the_stand_in_tells() -> None:
    exchanges = [exchange("control", node_open()), exchange("foreign", node_open()), exchange("handshake", node_open())]
    nobody = evidence({"origins": ()}, exchanges)
    (hit,) = hits("cors-not-configured", nobody)
    assert hit.origins == ()
    assert "any other origin" in hit.message
    assert "app.example.com" not in hit.message


def test_without_a_page_a_list_is_nobody_s_fault() -> None:
    exchanges = [exchange(purpose, node_open(VARY)) for purpose in ("control", "foreign", "handshake")]
    assert fired(evidence({"origins": ()}, exchanges)) == set()


def test_a_client_that_never_polls_needs_no_cors() -> None:
    exchanges = [exchange("handshake", node_open()), exchange("websocket", switching('0{"sid":"a"}'))]
    assert hits("cors-not-configured", evidence({"transports": ("websocket",)}, exchanges)) == []


def test_who_tries_all_transports_polls_once_the_websocket_fails() -> None:
    plan = {"transports": ("websocket", "polling"), "try_all_transports": True}
    polled, opened = exchange("handshake", node_open()), exchange("websocket", switching('0{"sid":"a"}'))
    refused = exchange("websocket", node_ws_error("Bad request"))
    assert hits("cors-not-configured", evidence(plan, [polled, refused]))
    assert not hits("cors-not-configured", evidence(plan, [polled, opened]))
    assert not hits("cors-not-configured", evidence({**plan, "try_all_transports": False}, [polled, refused]))


def test_the_server_s_own_page_needs_no_cors() -> None:
    assert hits("cors-not-configured", asked(origins=(SERVER,))) == []


def test_an_error_page_is_no_matter_of_cors() -> None:
    gone = evidence({}, [exchange("handshake", html(502, "<h1>502 Bad Gateway</h1>", reason="Bad Gateway"))])
    assert "cors-not-configured" not in fired(gone)


def test_python_with_an_empty_list_says_so() -> None:
    bare = asked(preflight=response(200, ("Content-Type", "text/plain"), body="OK"))
    (hit,) = hits("cors-not-configured", case(bare, server=Server(stack="python-socketio")))
    assert "cors_allowed_origins=[]" in hit.message


def test_headers_on_the_preflight_alone_are_named() -> None:
    (hit,) = hits("cors-not-configured", asked(preflight=response(204, allow(PAGE), reason="No Content")))
    assert "A layer in front answers preflights" in hit.message


def test_an_origin_that_the_list_lacks() -> None:
    (hit,) = hits("origin-not-in-list", LIST)
    assert fired(LIST) == {"origin-not-in-list"}
    assert f"has CORS configured, but not for {PAGE}: the answer has no Access-Control-Allow-Origin" in hit.message
    assert hit.origins == (PAGE,)


def test_another_page_that_is_let_in_is_named_with_what_differs() -> None:
    other = "https://www.shop.example.com"
    exchanges = [
        exchange("handshake", node_open(VARY), origin=PAGE),
        exchange("handshake", node_open(allow(other), VARY), origin=other),
    ]
    (hit,) = hits("origin-www-subdomain", evidence({"origins": (PAGE, other)}, exchanges))
    assert hit.origins == (PAGE,)
    assert f"It does let {other} in; they differ only in the www." in hit.message
    exchanges[1] = exchange("handshake", node_open(allow(ADMIN), VARY), origin=ADMIN)
    (hit,) = hits("origin-not-in-list", evidence({"origins": (PAGE, ADMIN)}, exchanges))
    assert f"It does let {ADMIN} in; they differ only in the subdomain." in hit.message


def test_a_function_that_refuses_is_a_list_once_it_let_another_in() -> None:
    exchanges = [
        exchange("handshake", node_open(), origin=PAGE),
        exchange("handshake", node_open(allow(ADMIN), VARY), origin=ADMIN),
        exchange("simulated-preflight", node_error(2), origin=PAGE),
    ]
    assert fired(evidence({"origins": (PAGE, ADMIN)}, exchanges)) == {"origin-not-in-list"}


def test_a_middleware_that_disallows_the_origin_has_a_list() -> None:
    refused = response(400, ("vary", "Origin"), body="Disallowed CORS origin", reason="Bad Request")
    assert fired(asked(preflight=refused)) == {"origin-not-in-list"}


def test_a_middleware_s_list_counts_though_the_server_behind_lets_everybody_in() -> None:
    refused = response(400, ("vary", "Origin"), body="Disallowed CORS origin", reason="Bad Request")
    whole = asked(allow(PAGE), VARY, preflight=refused, extra_headers=(("x-token", "1"),))
    assert fired(whole) == {"origin-not-in-list"}
    (hit,) = hits("origin-not-in-list", whole)
    assert "A CORS middleware around it keeps that list" in hit.message


def test_a_layer_that_answers_every_preflight_has_no_list() -> None:
    exchanges = [
        exchange("handshake", node_open()),
        exchange("simulated-preflight", preflight_ok(allow(PAGE))),
        exchange("near-miss", preflight_ok(allow(PAGE + "/")), origin=PAGE + "/"),
    ]
    assert not {"origin-not-in-list", "origin-trailing-slash"} & fired(evidence({}, exchanges))


@pytest.mark.parametrize(
    ("value", "slug", "words"),
    [
        ("https://prod.example", "static-origin-mismatch", "lets https://prod.example in, not " + PAGE),
        ("http://shop.example.com", "static-origin-mismatch", "differ only in the scheme, http instead of https"),
        ("https://shop.example.com:8443", "static-origin-mismatch", "the port, 8443 instead of none"),
        ("https://Shop.Example.com", "static-origin-mismatch", "upper and lower case"),
        ("https://*.example.com", "static-origin-mismatch", "browsers know no patterns"),
        ("null", "static-origin-mismatch", "lets null in"),
        ("", "static-origin-mismatch", "an empty Access-Control-Allow-Origin"),
        (PAGE + "/", "origin-trailing-slash", "with nothing behind it"),
        (PAGE + "/app", "origin-trailing-slash", "with nothing behind it"),
        ("shop.example.com", "origin-no-scheme", "the scheme is missing"),
        ("localhost:3000", "origin-no-scheme", "the scheme is missing"),
        (f"{ADMIN},{PAGE}", "origin-comma-list", "browsers accept exactly one origin"),
        (f"{ADMIN} {PAGE}", "origin-comma-list", "browsers accept exactly one origin"),
    ],
)
def test_the_header_names_something_else(value: str, slug: str, words: str) -> None:
    fixed = (allow(value), VARY)
    whole = asked(*fixed, preflight=preflight_ok(*fixed), foreign=fixed)
    assert fired(whole) == {slug}
    (hit,) = hits(slug, whole)
    assert words in hit.message
    assert value in hit.message
    assert [(one.header, one.needed, one.found) for one in hit.headers] == [
        ("Access-Control-Allow-Origin", PAGE, value)
    ]


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("https://a.example,https://b.example", "origin-comma-list"),
        ("shop.example.com", "origin-no-scheme"),
        ("https://a.example", None),
    ],
)
def test_without_a_page_what_lets_nobody_in_is_a_fault(value: str, slug: str | None) -> None:
    exchanges = [exchange(purpose, node_open(allow(value))) for purpose in ("control", "foreign", "handshake")]
    assert fired(evidence({"origins": ()}, exchanges)) == ({slug} if slug else set())


def test_a_fixed_origin_is_said_to_be_fixed_only_where_that_was_seen() -> None:
    fixed = (allow(ADMIN), VARY)
    (seen,) = hits("static-origin-mismatch", asked(*fixed, foreign=fixed))
    (unseen,) = hits("static-origin-mismatch", asked(*fixed))
    assert "whoever asks" in seen.message
    assert "whoever asks" not in unseen.message


def test_two_pages_with_the_same_wrong_origin_are_one_hit() -> None:
    exchanges = [exchange("handshake", node_open(allow("https://c.example")), origin=page) for page in (PAGE, ADMIN)]
    (hit,) = hits("static-origin-mismatch", evidence({"origins": (PAGE, ADMIN)}, exchanges))
    assert hit.origins == (PAGE, ADMIN)


def test_a_wrong_origin_is_met_at_the_preflight() -> None:
    fixed = (allow(ADMIN), VARY)
    (hit,) = hits(
        "static-origin-mismatch", asked(*fixed, preflight=preflight_ok(*fixed), extra_headers=(("x-token", "1"),))
    )
    assert hit.rung is Rung.PREFLIGHT


HEALTHY: list[list[Asked]] = [
    [
        exchange("handshake", node_open(allow(PAGE), VARY)),
        exchange("simulated-preflight", preflight_ok(allow(PAGE), VARY)),
    ],
    [exchange("handshake", node_open(allow("*")))],
]


@pytest.mark.parametrize("exchanges", HEALTHY)
def test_a_page_that_is_let_in_is_no_finding(exchanges: list[Asked]) -> None:
    assert fired(evidence({}, exchanges)) == set()
