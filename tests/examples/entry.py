"""What the server's list has instead of the page, and CORS that is somebody else's: SIO31x and SIO33x."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Evidence, Response
from tests.examples.base import ALLOWED, ANY, APP, CREDENTIALS, DEV_APP, VARY, allow, seen
from tests.rules.build import Asked, exchange, html, node_error, node_open, node_v2_open, preflight_ok, response


def _listed(page: str, *entries: str) -> Evidence:
    """Node with a list that lacks the page, and has these entries, each tried by preflight."""
    near = [exchange("near-miss", preflight_ok(allow(entry), VARY), origin=entry) for entry in entries]
    return seen(
        exchange("foreign", node_open(VARY)),
        exchange("handshake", node_open(VARY)),
        exchange("simulated-preflight", preflight_ok(VARY)),
        exchange("near-miss", preflight_ok(VARY), origin="https://other.example"),
        *near,
        plan={"origins": (page,)},
    )


def _beside(root: Response, *more: Asked) -> Evidence:
    """A web framework that lets the page in, and Socket.IO beside it without CORS."""
    return seen(
        exchange("foreign", node_open()),
        exchange("handshake", node_open()),
        exchange("simulated-preflight", node_error(2)),
        exchange("root", root),
        *more,
    )


def _headers(**plan: Any) -> Evidence:
    return seen(
        exchange("foreign", node_open()),
        exchange("preflight", preflight_ok(ALLOWED, ("Access-Control-Allow-Headers", "x-other"))),
        exchange("handshake", node_open(ALLOWED)),
        plan=plan,
    )


EXAMPLES: dict[str, Evidence] = {
    "origin-star-in-array": _listed(APP, "*"),
    "origin-scheme": _listed(APP, "http://app.example.com"),
    "origin-port": _listed(DEV_APP, "http://localhost:3000"),
    "origin-www-subdomain": _listed(APP, "https://www.app.example.com"),
    "origin-localhost-vs-127": _listed(DEV_APP, "http://127.0.0.1:5173"),
    "null-origin": _listed("null", "http://localhost:3000"),
    "app-scheme-origin": _listed("capacitor://localhost", "https://www.example.com"),
    "express-cors-only": _beside(html(200, "<h1>Hello</h1>", ("X-Powered-By", "Express"), ANY, reason="OK")),
    "nest-enablecors-only": _beside(
        response(
            404,
            ("X-Powered-By", "Express"),
            ANY,
            ("Content-Type", "application/json; charset=utf-8"),
            body='{"message":"Cannot GET /","error":"Not Found","statusCode":404}',
            reason="Not Found",
        )
    ),
    "client-sets-response-header": _headers(extra_headers=(("Access-Control-Allow-Origin", "*"),)),
    "v240-closed-default": seen(
        exchange("control", node_v2_open()),
        exchange("foreign", node_error(4)),
        exchange("handshake", node_error(4)),
        exchange("simulated-preflight", node_error(2, CREDENTIALS, ALLOWED)),
        exchange("client-file", response(200, ("Content-Type", "application/javascript"), ("ETag", '"2.4.0"'))),
        plan={"version": 2},
    ),
}
