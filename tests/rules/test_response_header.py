"""A header of CORS's answers that the page sends: where it is the cause, and where it only does nothing."""

from __future__ import annotations

import pytest

from sio_doctor.model import Evidence, Response
from tests.rules.build import (
    PAGE,
    evidence,
    exchange,
    findings,
    fired,
    hits,
    html,
    node_error,
    node_open,
    preflight_ok,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OWN = ("Access-Control-Allow-Origin", "*")
TOKEN = ("x-token", "1")


def asked(preflight: Response, *handshake: tuple[str, str], sent: tuple[tuple[str, str], ...] = (OWN,)) -> Evidence:
    exchanges = [
        exchange("foreign", node_open()),
        exchange("preflight", preflight),
        exchange("handshake", node_open(*handshake)),
    ]
    return evidence({"extra_headers": sent}, exchanges)


def listed(names: str) -> Response:
    return preflight_ok(ALLOWED, ("Access-Control-Allow-Headers", names))


def test_it_is_refused_like_any_header_that_is_not_listed() -> None:
    whole = asked(listed("x-token"), ALLOWED, sent=(OWN, TOKEN))
    assert fired(whole) == {"client-sets-response-header"}
    (hit,) = hits("client-sets-response-header", whole)
    assert hit.message.startswith(
        "The client sends Access-Control-Allow-Origin, which is a header of the server's answer"
    )
    assert "does not allow the header in Access-Control-Allow-Headers" in hit.message


@pytest.mark.parametrize(
    "preflight",
    [
        node_error(2, ALLOWED),  # Socket.IO 2
        html(403, "<h1>Forbidden</h1>"),  # a proxy
        response(204),
        response(301, ("Location", "https://elsewhere.example/")),
    ],
)
def test_without_it_there_is_no_preflight(preflight: Response) -> None:
    whole = asked(preflight, ALLOWED)
    assert fired(whole) == {"client-sets-response-header"}
    assert "that stops the page" in hits("client-sets-response-header", whole)[0].message
    # Another header makes one all the same.
    assert "client-sets-response-header" not in fired(asked(preflight, ALLOWED, sent=(OWN, TOKEN)))


def test_another_header_that_is_not_listed_is_the_server_s_fault() -> None:
    assert fired(asked(listed("access-control-allow-origin"), ALLOWED, sent=(OWN, TOKEN))) == {
        "preflight-header-not-allowed"
    }
    assert hits("client-sets-response-header", asked(listed("x-a"), ALLOWED, sent=(TOKEN,))) == []


def test_where_the_server_lets_nobody_in_it_is_only_worth_knowing() -> None:
    found = findings(asked(node_error(2)))
    assert [(one.slug, one.severity) for one in found.values()] == [
        ("cors-not-configured", "error"),
        ("client-sets-response-header", "info"),
    ]
    assert "Take it out." in found["client-sets-response-header"].message
    # So it is where the server allows any header.
    assert hits("client-sets-response-header", asked(listed(OWN[0]), ALLOWED))[0].severity == "info"


def test_a_client_that_never_polls_sends_no_headers() -> None:
    whole = evidence({"extra_headers": (OWN,), "transports": ("websocket",)}, [exchange("handshake", node_open())])
    assert hits("client-sets-response-header", whole) == []
