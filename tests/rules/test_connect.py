"""The application's own word: the rules of ``connect``."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Evidence, Response
from tests.rules.build import (
    PAGE,
    evidence,
    exchange,
    failed,
    fired,
    hits,
    html,
    node_error,
    node_open,
    node_v2_open,
    open_data,
    preflight_ok,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OK = response(200, ALLOWED, body="ok")
SILENCE = failed("timeout", phase="head", message="Nothing came within 10 s.")


def polled(*polls: Answer, **plan: Any) -> Evidence:
    """A page that is let in, posts CONNECT, and polls."""
    answers = [exchange("handshake", node_open(ALLOWED)), exchange("connect", OK)]
    return evidence({"transports": ("polling",), **plan}, [*answers, *(exchange("poll", poll) for poll in polls)])


def said(packet: str) -> Response:
    return response(200, ALLOWED, body=packet)


def over_websocket(*received: str, ended: bool = False, **plan: Any) -> Evidence:
    """A client that uses WebSocket alone, and sends CONNECT after the open packet."""
    spoken = switching(open_data(), *received, sent=("40",), ended=SILENCE if ended else None)
    answers = [exchange("handshake", node_open(ALLOWED)), exchange("websocket", spoken)]
    return evidence({"transports": ("websocket",), **plan}, answers)


def test_a_middleware_refuses() -> None:
    whole = polled(said('44{"message":"not authorized","data":{"content":"retry later"}}'))
    assert fired(whole) == {"connect-middleware-error"}
    (hit,) = hits("connect-middleware-error", whole)
    assert "“not authorized”" in hit.message
    assert "Transport and CORS are fine" in hit.message


def test_a_middleware_refuses_over_websocket() -> None:
    assert fired(over_websocket('44{"message":"bad token"}')) == {"connect-middleware-error"}


def test_version_2_refuses_in_its_own_framing() -> None:
    answers = [exchange("handshake", node_v2_open(ALLOWED)), exchange("poll", said('13:44"bad token"'))]
    plain = node_v2_open(ALLOWED)
    body = plain.body.removesuffix("2:40")
    answers[0] = exchange("handshake", response(200, ALLOWED, body=body))
    assert fired(evidence({"version": 2}, answers)) == {"connect-middleware-error"}


@pytest.mark.parametrize(
    ("body", "words"), [('["not authorized", {"a": 1}]', "not authorized"), ('"Unauthorized"', "Unau")]
)
def test_python_4_refuses_the_handshake(body: str, words: str) -> None:
    refusal = response(401, ALLOWED, ("content-type", "application/json"), body=body, reason="Unauthorized")
    (hit,) = hits("connect-middleware-error", evidence({"version": 2}, [exchange("handshake", refusal)]))
    assert words in hit.message


def test_401_of_a_proxy_is_not_the_application_s() -> None:
    refusal = html(401, "<h1>401</h1>", ("WWW-Authenticate", 'Basic realm="x"'), reason="Unauthorized")
    assert "connect-middleware-error" not in fired(evidence({}, [exchange("handshake", refusal)]))


@pytest.mark.parametrize("packet", ['44/chat,{"message":"Invalid namespace"}', '44/chat,"Unable to connect"'])
def test_a_namespace_that_does_not_exist(packet: str) -> None:
    whole = polled(said(packet), namespace="/chat")
    assert fired(whole) == {"invalid-namespace"}
    (hit,) = hits("invalid-namespace", whole)
    assert "has no namespace /chat" in hit.message


def test_a_path_that_was_taken_for_a_namespace() -> None:
    refused = said('44/chat,{"message":"Invalid namespace"}')
    (hit,) = hits("invalid-namespace", polled(refused, namespace="/chat", namespace_from_path=True))
    assert "path option" in hit.message


def test_another_namespace_s_refusal_does_not_count() -> None:
    assert fired(polled(said('44/other,{"message":"Invalid namespace"}\x1e40{"sid":"a"}'))) == set()


def test_a_client_that_connects() -> None:
    assert fired(polled(said('40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}'))) == set()


def test_a_client_that_connects_over_websocket() -> None:
    assert fired(over_websocket('40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}')) == set()


def test_no_answer_ever_comes() -> None:
    whole = polled(SILENCE)
    assert fired(whole) == {"no-connect-reply"}
    (hit,) = hits("no-connect-reply", whole)
    assert "never answers it, within 10 s" in hit.message


def test_an_answer_over_websocket_alone_is_mentioned() -> None:
    whole = polled(SILENCE)
    spoken = exchange("websocket", switching(open_data(), '40{"sid":"a"}', sent=("40",)))
    both = evidence(
        {}, [exchange("handshake", node_open(ALLOWED)), exchange("connect", OK), exchange("poll", SILENCE), spoken]
    )
    (without,), (with_,) = hits("no-connect-reply", whole), hits("no-connect-reply", both)
    assert "a proxy that buffers" not in without.message
    assert "a proxy that buffers" in with_.message


def test_no_answer_ever_comes_over_websocket() -> None:
    assert fired(over_websocket(ended=True)) == {"no-connect-reply"}


def test_a_late_answer_is_an_answer() -> None:
    assert fired(polled(said("2"), said('40{"sid":"a"}'))) == set()


@pytest.mark.parametrize(
    ("answer", "preflight"),
    [
        (node_error(4, ALLOWED, message="refused by allowRequest"), preflight_ok(ALLOWED)),
        (node_error(4, message="refused by allowRequest"), node_error(2, ALLOWED)),
    ],
    ids=["version 4", "version 2"],
)
def test_allow_request_refuses(answer: Response, preflight: Response) -> None:
    whole = evidence({}, [exchange("handshake", answer), exchange("simulated-preflight", preflight)])
    assert fired(whole) == {"allowrequest-403"}
    (hit,) = hits("allowrequest-403", whole)
    assert "403 “refused by allowRequest”" in hit.message


def test_allow_request_that_looks_at_the_origin() -> None:
    answers = [exchange("control", node_open()), exchange("handshake", node_error(4, ALLOWED))]
    assert fired(evidence({}, answers)) == {"ws-allowrequest-origin"}
    (hit,) = hits("ws-allowrequest-origin", evidence({}, answers))
    assert "A request without an Origin passes, so the function looks at the origin." in hit.message


def test_403_of_a_proxy_is_not_allow_request() -> None:
    refusal = html(403, "<h1>403 Forbidden</h1>", reason="Forbidden")
    assert "allowrequest-403" not in fired(evidence({}, [exchange("handshake", refusal)]))


def test_a_middleware_of_the_engine() -> None:
    vary = ("Vary", "Origin")
    answers = [
        exchange("control", node_error(3, ALLOWED, vary)),
        exchange("handshake", node_error(3, ALLOWED, vary)),
        exchange("simulated-preflight", preflight_ok(ALLOWED, vary)),
    ]
    whole = evidence({}, answers)
    assert fired(whole) == {"engine-middleware-error"}
    (hit,) = hits("engine-middleware-error", whole)
    assert "io.engine.use()" in hit.message


def test_a_failing_origin_function_is_something_else() -> None:
    answers = [exchange("handshake", node_error(3)), exchange("simulated-preflight", node_error(3))]
    assert fired(evidence({}, answers)) == {"origin-callback-error"}
