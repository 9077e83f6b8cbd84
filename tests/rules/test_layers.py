"""Two layers, or one too few: the rules of ``layers``."""

from __future__ import annotations

import pytest

from sio_doctor.model import Response, Server
from sio_doctor.rules.base import Rung
from tests.rules.build import (
    PAGE,
    SERVER,
    Asked,
    case,
    evidence,
    exchange,
    failed,
    fired,
    hits,
    html,
    node_error,
    node_open,
    node_v2_open,
    preflight_ok,
    python_error,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
ANY = ("Access-Control-Allow-Origin", "*")
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
VARY = ("Vary", "Origin")
PYTHON = Server(stack="python-socketio")


def doubled(handshake: Response, preflight: Response) -> list[Asked]:
    return [exchange("handshake", handshake), exchange("simulated-preflight", preflight)]


NGINX = doubled(node_open(ALLOWED, VARY, ANY), preflight_ok(ALLOWED, VARY, ANY))
#: FastAPI's CORSMiddleware around a mounted socketio.ASGIApp, under uvicorn.
FASTAPI = doubled(
    node_open(ALLOWED, CREDENTIALS, CREDENTIALS, ALLOWED, VARY),
    response(
        200, VARY, ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"), ALLOWED, body="OK"
    ),
)


def test_a_proxy_adds_the_header_again() -> None:
    whole = case(evidence({}, NGINX), server=Server(stack="socket.io", layers=("nginx 1.22.1",)))
    assert fired(whole) == {"duplicate-acao-proxy"}
    (hit,) = hits("duplicate-acao-proxy", whole)
    assert hit.message.startswith(f"The answers of {SERVER} carry Access-Control-Allow-Origin twice ({PAGE}, *)")
    assert "nginx 1.22.1" in hit.message
    assert hit.headers[0].found == f"{PAGE}, *"


def test_the_same_value_twice_is_refused_as_well() -> None:
    assert fired(evidence({}, doubled(node_open(ALLOWED, ALLOWED), preflight_ok(ALLOWED)))) == {"duplicate-acao-proxy"}


@pytest.mark.parametrize("value", ["*, *", f"{PAGE}, {PAGE}", f"{PAGE}, *"])
def test_two_lines_that_were_folded_into_one(value: str) -> None:
    folded = node_open(("Access-Control-Allow-Origin", value))
    assert fired(evidence({}, [exchange("handshake", folded)])) == {"duplicate-acao-proxy"}


def test_a_list_on_one_line_comes_from_one_layer() -> None:
    listed = node_open(("Access-Control-Allow-Origin", f"{PAGE}, https://b.example"))
    assert fired(evidence({}, [exchange("handshake", listed)])) == {"origin-comma-list"}


def test_credentials_that_are_allowed_twice() -> None:
    twice = node_open(ALLOWED, CREDENTIALS, CREDENTIALS)
    whole = evidence({"with_credentials": True}, [exchange("handshake", twice)])
    assert fired(whole) == {"duplicate-acao-proxy"}
    (hit,) = hits("duplicate-acao-proxy", whole)
    assert "carry Access-Control-Allow-Credentials twice (true, true)" in hit.message


def test_without_credentials_those_do_not_matter() -> None:
    twice = node_open(ALLOWED, CREDENTIALS, CREDENTIALS)
    assert fired(evidence({}, [exchange("handshake", twice)])) == set()


def test_without_a_page_two_lines_are_a_fault_all_the_same() -> None:
    whole = evidence({"origins": ()}, [exchange("handshake", node_open(ANY, ANY))])
    (hit,) = hits("duplicate-acao-proxy", whole)
    assert hit.origins == ()


def test_the_framework_around_python_socketio() -> None:
    whole = case(evidence({}, FASTAPI), server=PYTHON)
    assert fired(whole) == {"duplicate-acao-framework"}
    (hit,) = hits("duplicate-acao-framework", whole)
    assert "CORS middleware" in hit.message
    assert [one.ok for one in hit.headers] == [False, True]


def test_a_framework_that_disallows_the_header_of_the_simulated_preflight() -> None:
    refused = response(400, ("access-control-allow-methods", "GET"), ANY, body="Disallowed CORS headers")
    whole = case(evidence({}, doubled(node_open(ALLOWED, ANY), refused)), server=PYTHON)
    assert fired(whole) == {"duplicate-acao-framework"}


def test_over_python_a_proxy_doubles_the_preflight_too() -> None:
    python = response(200, ("access-control-allow-methods", "OPTIONS, GET, POST"), ALLOWED, ANY, body="OK")
    whole = case(evidence({}, doubled(node_open(ALLOWED, ANY), python)), server=PYTHON)
    assert fired(whole) == {"duplicate-acao-proxy"}


def test_a_clean_preflight_of_node_is_no_framework_s() -> None:
    whole = case(
        evidence({}, doubled(node_open(ALLOWED, ANY), preflight_ok(ALLOWED))), server=Server(stack="socket.io")
    )
    assert fired(whole) == {"duplicate-acao-proxy"}


def test_a_layer_hides_the_wildcard() -> None:
    whole = evidence({}, doubled(node_open(), preflight_ok(("Vary", "Access-Control-Request-Headers"))))
    assert fired(whole) == {"proxy-strips-acao"}
    (hit,) = hits("proxy-strips-acao", whole)
    assert "removes Access-Control-Allow-Origin" in hit.message
    assert hit.headers[0].found is None


def test_a_list_would_vary_by_origin() -> None:
    refused = preflight_ok(("Vary", "Origin, Access-Control-Request-Headers"))
    assert fired(evidence({}, doubled(node_open(VARY), refused))) == {"origin-not-in-list"}


def test_python_names_whom_it_accepts() -> None:
    whole = case(evidence({}, [exchange("handshake", node_open(CREDENTIALS))]), server=PYTHON)
    assert fired(whole) == {"proxy-strips-acao"}


def test_python_without_checks_names_nobody() -> None:
    whole = case(evidence({}, [exchange("handshake", node_open())]), server=PYTHON)
    assert fired(whole) == {"cors-not-configured"}


def test_version_2_names_everybody() -> None:
    opened = evidence({"version": 2}, [exchange("handshake", node_v2_open())])
    assert fired(case(opened, server=Server(stack="socket.io", version="2.5.0"))) == {"proxy-strips-acao"}


LET_IN = exchange("handshake", node_open(ALLOWED, VARY))
TOO_LARGE = html(
    413, "<html><title>413 Request Entity Too Large</title></html>", ("Server", "nginx"), reason="Too Large"
)


def test_an_error_behind_the_handshake_is_hidden() -> None:
    whole = evidence({}, [LET_IN, exchange("connect", TOO_LARGE)])
    assert fired(whole) == {"error-response-without-cors"}
    (hit,) = hits("error-response-without-cors", whole)
    assert "413" in hit.message
    assert "hides the status" in hit.message
    assert hit.rung is Rung.POST


@pytest.mark.parametrize(
    "bare", [response(200, body="ok"), response(200, ("Access-Control-Allow-Methods", "*"), body="ok")]
)
def test_cors_headers_on_the_handshake_alone(bare: Response) -> None:
    whole = evidence({}, [LET_IN, exchange("connect", bare), exchange("poll", response(200, body='40{"sid":"a"}'))])
    assert fired(whole) == {"cors-on-handshake-only"}
    (hit,) = hits("cors-on-handshake-only", whole)
    assert "but not the POST that carries CONNECT behind it" in hit.message
    assert [(one.found, one.ok) for one in hit.headers] == [(None, False), (PAGE, True)]


def test_the_server_s_own_page_needs_no_headers_anywhere() -> None:
    answers = [exchange("handshake", node_open()), exchange("connect", response(200, body="ok"))]
    assert fired(evidence({"origins": (SERVER,)}, answers)) == set()


def test_an_error_of_the_poll_is_met_later() -> None:
    answers = [LET_IN, exchange("connect", response(200, ALLOWED, body="ok")), exchange("poll", TOO_LARGE)]
    (hit,) = hits("error-response-without-cors", evidence({}, answers))
    assert hit.rung is Rung.POLL


def test_an_error_that_the_page_may_read_is_not_hidden() -> None:
    readable = html(403, "<h1>403</h1>", ALLOWED, reason="Forbidden")
    assert fired(evidence({}, [LET_IN, exchange("connect", readable)])) == {"method-or-size-filter"}


def test_an_error_is_not_hidden_from_the_server_s_own_page() -> None:
    answers = [exchange("handshake", node_open()), exchange("connect", TOO_LARGE)]
    assert fired(evidence({"origins": (SERVER,)}, answers)) == {"method-or-size-filter"}


@pytest.mark.parametrize(
    ("answer", "slug"),
    [(node_error(1), "no-sticky-sessions"), (python_error("Invalid session abc"), "gunicorn-workers")],
)
def test_an_unknown_session_is_not_a_mere_error(answer: Response, slug: str) -> None:
    assert fired(evidence({}, [LET_IN, exchange("connect", answer)])) == {slug}


def test_where_the_handshake_is_blocked_that_comes_first() -> None:
    answers = [exchange("handshake", node_open()), exchange("connect", TOO_LARGE)]
    assert fired(evidence({}, answers)) == {"cors-not-configured"}


def test_no_answer_is_no_error_answer() -> None:
    answers = [LET_IN, exchange("connect", failed("reset", phase="head"))]
    assert hits("error-response-without-cors", evidence({}, answers)) == []
