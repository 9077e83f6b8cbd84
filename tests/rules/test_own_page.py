"""A page on the server's own origin: its GETs carry no Origin, and its causes are told all the same."""

from __future__ import annotations

import pytest

from sio_doctor.model import Answer
from tests.rules.build import PAGE, SERVER, evidence, exchange, failed, findings, node_open, response

OK = response(200, body="ok")
OPEN = exchange("handshake", node_open(), origin=None)
CONNECT = exchange("connect", OK)


@pytest.mark.parametrize(
    ("poll", "slug"),
    [
        (response(200, body='44{"message":"no token"}'), "connect-middleware-error"),
        (response(200, body='44/admin,{"message":"Invalid namespace"}'), "invalid-namespace"),
        (failed("timeout", phase="head", message="Nothing came within 10 s."), "no-connect-reply"),
    ],
)
def test_what_the_application_says_is_heard(poll: Answer, slug: str) -> None:
    namespace = "/admin" if slug == "invalid-namespace" else "/"
    plan = {"origins": (SERVER,), "transports": ("polling",), "namespace": namespace}
    connect = exchange("connect", OK, body="40/admin," if namespace == "/admin" else "40")
    asked = [OPEN, connect, exchange("poll", poll, origin=None)]
    assert [(found.slug, found.origins) for found in findings(evidence(plan, asked)).values()] == [(slug, (SERVER,))]


def test_the_answer_to_another_page_is_not_taken_for_its_own() -> None:
    allowed = ("Access-Control-Allow-Origin", PAGE)
    html = response(200, allowed, ("Content-Type", "text/html"), body="<title>App</title>")
    asked = [exchange("handshake", html), OPEN, CONNECT, exchange("poll", response(200, body='40{"sid":"a"}'))]
    plan = {"origins": (PAGE, SERVER), "transports": ("polling",)}
    assert findings(evidence(plan, asked))["html-instead-of-handshake"].origins == (PAGE,)
