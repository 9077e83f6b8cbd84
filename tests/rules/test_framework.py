"""CORS in the web framework alone: the rules of ``framework``, each beside its nearest look-alike."""

from __future__ import annotations

import pytest

from sio_doctor.model import Evidence, Response, Server
from tests.rules.build import (
    PAGE,
    SERVER,
    case,
    evidence,
    exchange,
    fired,
    hits,
    node_error,
    node_open,
    preflight_ok,
    response,
)

VARY = ("Vary", "Origin")


def allow(value: str) -> tuple[str, str]:
    return ("Access-Control-Allow-Origin", value)


def beside(root: Response, *handshake: tuple[str, str], preflight: Response | None = None) -> Evidence:
    exchanges = [
        exchange("foreign", node_open(*handshake)),
        exchange("handshake", node_open(*handshake)),
        exchange("simulated-preflight", preflight or node_error(2)),
        exchange("root", root),
    ]
    return evidence({}, exchanges)


@pytest.mark.parametrize("value", ["*", PAGE])
@pytest.mark.parametrize("status", [200, 404])
def test_the_framework_lets_the_page_in_and_socket_io_nobody(value: str, status: int) -> None:
    whole = beside(response(status, allow(value)))
    assert fired(whole) == {"express-cors-only"}
    (hit,) = hits("express-cors-only", whole)
    assert hit.message.startswith(f"The server at {SERVER} does not let {PAGE} read what Socket.IO answers")
    assert f"On / the header is there, Access-Control-Allow-Origin: {value}" in hit.message
    assert "Engine.IO answers its own path before that is asked" in hit.message
    assert hit.origins == (PAGE,)
    nest = case(whole, server=Server(stack="socket.io", layers=("NestJS", "Express")))
    assert fired(nest) == {"nest-enablecors-only"}
    assert "app.enableCors() of NestJS" in hits("nest-enablecors-only", nest)[0].message


def test_a_framework_that_lets_in_another_page_or_nobody_is_not_the_cause() -> None:
    assert fired(beside(response(200))) == {"cors-not-configured"}
    other = beside(response(200, allow("https://other.test")))
    assert fired(other) == {"cors-not-configured"}
    (hit,) = hits("cors-not-configured", other)
    assert "On `/` the header is there, as https://other.test: what adds it never sees this path." in hit.message


def test_a_server_with_a_list_of_its_own_is_another_matter() -> None:
    whole = beside(response(200, allow("*")), VARY, preflight=preflight_ok(VARY))
    assert fired(whole) == {"origin-not-in-list"}
    assert fired(beside(response(200, allow("*")), allow("*"), preflight=preflight_ok(allow("*")))) == set()


def test_what_a_proxy_adds_on_other_paths_looks_the_same_and_that_is_said() -> None:
    whole = case(beside(response(200, allow("*"))), server=Server(stack="socket.io", layers=("nginx 1.22.1",)))
    (hit,) = hits("express-cors-only", whole)
    assert "Or nginx 1.22.1 adds it on that path alone." in hit.message


def test_python_s_empty_list_is_no_matter_of_express() -> None:
    whole = case(beside(response(200, allow("*"))), server=Server(stack="python-socketio"))
    assert fired(whole) == {"cors-not-configured"}


def test_without_a_page_it_is_said_of_any() -> None:
    exchanges = [
        exchange("foreign", node_open()),
        exchange("handshake", node_open()),
        exchange("root", response(200, allow("*"))),
    ]
    (hit,) = hits("express-cors-only", evidence({"origins": ()}, exchanges))
    assert "does not let any other origin read" in hit.message
    assert hit.origins == ()
