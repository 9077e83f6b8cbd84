"""The page and the browser, SIO8xx."""

from __future__ import annotations

from sio_doctor.model import Evidence
from tests.examples.base import (
    APP,
    CONNECTED,
    DEV_API,
    DEV_APP,
    OPEN,
    SOCKET,
    SPOKEN,
    Header,
    allow,
    seen,
)
from tests.rules.build import Asked, exchange, failed, node_open, open_data, response, switching

HTTP_APP = "http://app.example.com"
UPGRADED = exchange("upgrade", switching("3probe", sent=("2probe", "5")))


def _healthy(page: str) -> tuple[Asked, ...]:
    allowed = allow(page)
    return (
        exchange("handshake", node_open(allowed)),
        exchange("connect", response(200, allowed, body="ok")),
        exchange("poll", response(200, allowed, body='40{"sid":"x"}')),
        exchange("upgrade", switching("3probe", sent=("2probe", "5"))),
        exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",))),
    )


def _visit(page: str, policy: str) -> Asked:
    """The page itself, which has that Content-Security-Policy."""
    html: Header = ("Content-Type", "text/html")
    return exchange("page", response(200, html, ("Content-Security-Policy", policy), reason="OK"), url=f"{page}/")


EXAMPLES: dict[str, Evidence] = {
    "mixed-content": seen(*_healthy(APP), plan={"url": "http://api.example.com"}),
    "unsafe-port": seen(*_healthy(HTTP_APP), plan={"url": "http://api.example.com:6000", "origins": (HTTP_APP,)}),
    "local-network-access": seen(
        *_healthy("http://8.8.8.8"), plan={"url": "http://192.168.1.5:3000", "origins": ("http://8.8.8.8",)}
    ),
    "localhost-in-production": seen(
        exchange("handshake", failed("refused", phase="connect", message="Nothing listens there.")),
        plan={"url": DEV_API, "origins": (HTTP_APP,)},
    ),
    "extraheaders-ignored-ws": seen(
        OPEN,
        exchange("websocket", switching(open_data(), '44{"message":"no token"}', sent=("40",))),
        plan={**SOCKET, "extra_headers": (("Authorization", "Bearer x"),)},
    ),
    "csp-connect-src": seen(_visit(APP, "default-src 'self'"), *CONNECTED, UPGRADED, SPOKEN, plan={"page": f"{APP}/"}),
    "csp-upgrade-insecure": seen(
        _visit(DEV_APP, "default-src 'self' localhost:3000 ws:; upgrade-insecure-requests"),
        *_healthy(DEV_APP),
        exchange(
            "handshake",
            failed("tls", detail="plain-http", phase="tls"),
            url="https://localhost:3000/socket.io/?EIO=4&transport=polling&t=x",
        ),
        plan={"page": f"{DEV_APP}/", "origins": (DEV_APP,), "url": DEV_API},
    ),
}
