"""Namespace and authorisation, SIO7xx, and what is not known, SIO000."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Answer, Evidence, Response
from tests.examples.base import ALLOWED, OK, OPEN, POLLING, VARY, seen
from tests.rules.build import exchange, failed, node_error, node_open, node_ws_error, preflight_ok, response

SILENCE = failed("timeout", phase="head", message="Nothing came within 10 s.")


def _said(body: str, **headers: str) -> Response:
    return response(200, ALLOWED, *headers.items(), body=body)


def _joining(poll: Answer, body: str = "40", **plan: Any) -> Evidence:
    """A page that is let in, posts CONNECT, and polls."""
    return seen(OPEN, exchange("connect", OK, body=body), exchange("poll", poll), plan={**POLLING, **plan})


EXAMPLES: dict[str, Evidence] = {
    "cause-unknown": _joining(_said("hm", **{"Content-Type": "text/plain"})),
    "allowrequest-403": seen(
        exchange("handshake", node_error(4, ALLOWED, VARY, message="not this time")),
        exchange("control", node_error(4, message="not this time")),
        exchange("simulated-preflight", preflight_ok(ALLOWED, VARY)),
        exchange("websocket", node_ws_error("Forbidden")),
    ),
    "connect-middleware-error": _joining(_said('44{"message":"not authorized"}')),
    "invalid-namespace": _joining(_said('44/chat,{"message":"Invalid namespace"}'), "40/chat,", namespace="/chat"),
    "no-connect-reply": _joining(SILENCE),
    "engine-middleware-error": seen(
        exchange("control", node_error(3, ALLOWED, VARY)),
        exchange("handshake", node_error(3, ALLOWED, VARY)),
        exchange("simulated-preflight", preflight_ok(ALLOWED, VARY)),
    ),
    "disconnected-at-once": _joining(_said('40{"sid":"x"}\x1e41')),
    "ws-allowrequest-origin": seen(
        exchange("handshake", node_error(4, ALLOWED)),
        exchange("control", node_open()),
        exchange("websocket", node_ws_error("Forbidden")),
    ),
    "parser-mismatch": _joining(_said("6\x1e1")),
}
