"""The origin, SIO3xx."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Evidence, HeaderList, Response
from tests.examples.base import ALLOWED, ANY, APP, CREDENTIALS, NGINX, OPEN, VARY, Header, allow, python_open, seen
from tests.rules.build import (
    exchange,
    html,
    node_error,
    node_open,
    node_v2_open,
    preflight_ok,
    python_error,
    response,
)


def _answered(*headers: Header, preflight: Response | None = None, foreign: HeaderList = (), **plan: Any) -> Evidence:
    """A Node server that answers the page with these CORS headers, the foreign origin with those."""
    return seen(
        exchange("control", node_open()),
        exchange("foreign", node_open(*foreign)),
        exchange("handshake", node_open(*headers)),
        exchange("simulated-preflight", preflight or node_error(2)),
        plan=plan,
    )


def _always(value: str) -> Evidence:
    """Whoever asks gets this value."""
    fixed = (allow(value), VARY)
    return _answered(*fixed, preflight=preflight_ok(*fixed), foreign=fixed)


EXAMPLES: dict[str, Evidence] = {
    "cors-not-configured": _answered(),
    "origin-not-in-list": _answered(VARY, preflight=preflight_ok(VARY), foreign=(VARY,)),
    "static-origin-mismatch": _always("https://www.example.com"),
    "origin-comma-list": _always(f"https://www.example.com,{APP}"),
    "origin-no-scheme": _always("app.example.com"),
    "origin-trailing-slash": _always(f"{APP}/"),
    "python-origin-not-accepted": seen(
        exchange("control", node_open(CREDENTIALS)),
        exchange("handshake", python_error(f"{APP} is not an accepted origin.", CREDENTIALS)),
        exchange("simulated-preflight", python_error(f"{APP} is not an accepted origin.", CREDENTIALS)),
        exchange("websocket", response(403, reason="Forbidden")),
    ),
    "origin-callback-error": seen(
        exchange("control", node_open()),
        exchange("foreign", node_error(3)),
        exchange("handshake", node_error(3)),
        exchange("simulated-preflight", node_error(3)),
    ),
    "v2-origins-needs-port": seen(
        exchange("control", node_v2_open()),
        exchange("foreign", node_error(4)),
        exchange("handshake", node_error(4)),
        exchange("simulated-preflight", node_error(2, CREDENTIALS, ALLOWED)),
        plan={"version": 2},
    ),
    "duplicate-acao-proxy": seen(
        exchange("handshake", node_open(NGINX, ALLOWED, VARY, ANY)),
        exchange("simulated-preflight", preflight_ok(ALLOWED, VARY, ANY)),
    ),
    "duplicate-acao-framework": seen(
        exchange("handshake", python_open(ALLOWED, CREDENTIALS, CREDENTIALS, ALLOWED, VARY)),
        exchange(
            "simulated-preflight",
            response(200, VARY, ALLOWED, ("access-control-allow-methods", "GET, POST"), body="OK"),
        ),
    ),
    "proxy-strips-acao": _answered(preflight=preflight_ok(("Vary", "Access-Control-Request-Headers"))),
    "error-response-without-cors": seen(
        OPEN, exchange("connect", html(413, "<html><title>413 Request Entity Too Large</title></html>", NGINX))
    ),
    "cors-on-handshake-only": seen(
        OPEN,
        exchange("connect", response(200, body="ok", reason="OK")),
        exchange("poll", response(200, body='40{"sid":"a"}', reason="OK")),
    ),
    "acao-cached-for-other-origin": seen(
        exchange("foreign", node_open(allow("https://sio-doctor.invalid"))),
        exchange("handshake", node_open(allow("https://sio-doctor.invalid"), ("Age", "12"))),
    ),
}
