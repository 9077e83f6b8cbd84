"""Credentials and preflight, SIO4xx."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Answer, Evidence
from tests.examples.base import ALLOWED, ANY, CREDENTIALS, NGINX, OPEN, TOKEN, VARY, allow, seen
from tests.rules.build import exchange, html, node_error, node_open, preflight_ok, response

WITH: dict[str, Any] = {"with_credentials": True}
ELSEWHERE = "https://app.example.net"


def _asked(answer: Answer) -> Evidence:
    """A page that sends a header of its own, so that browsers ask first."""
    return seen(exchange("preflight", answer), OPEN, plan=TOKEN)


EXAMPLES: dict[str, Evidence] = {
    "wildcard-with-credentials": seen(exchange("handshake", node_open(ANY)), plan=WITH),
    "acac-missing": seen(exchange("handshake", node_open(ALLOWED, VARY)), plan=WITH),
    "preflight-header-not-allowed": _asked(preflight_ok(ALLOWED, VARY, ("Access-Control-Allow-Headers", "x-other"))),
    "preflight-blocked-upstream": _asked(html(405, "<h1>405 Not Allowed</h1>", NGINX, reason="Not Allowed")),
    "preflight-unhandled-v2": _asked(node_error(2, ALLOWED, VARY)),
    "preflight-empty-2xx": _asked(response(204, NGINX, reason="No Content")),
    "preflight-redirect": _asked(
        response(301, NGINX, ("Location", "https://login.example.com/"), reason="Moved Permanently")
    ),
    "preflight-malformed": _asked(
        preflight_ok(ALLOWED, VARY, ("Access-Control-Allow-Headers", "my-custom-header; x-other"))
    ),
    "cookie-samesite": seen(
        exchange(
            "handshake",
            node_open(allow(ELSEWHERE), CREDENTIALS, ("Set-Cookie", "connect.sid=x; Path=/; HttpOnly; SameSite=Lax")),
        ),
        exchange("connect", response(200, allow(ELSEWHERE), CREDENTIALS, body="ok")),
        exchange("poll", response(200, allow(ELSEWHERE), CREDENTIALS, body='40{"sid":"x"}')),
        plan={**WITH, "origins": (ELSEWHERE,), "transports": ("polling",)},
    ),
}
