"""Reaching the server, SIO1xx."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Certificate, Evidence, Vantage
from tests.examples.base import ALLOWED, DEV_API, DEV_APP, allow, everywhere, seen
from tests.rules.build import exchange, failed, html, node_open, response

REFUSED = failed("refused", phase="connect", message="Nothing listens there.")
AIRTUNES = response(403, ("Content-Length", "0"), ("Server", "AirTunes/870.14.1"), reason="Forbidden")


def _untrusted(detail: str, **fields: Any) -> Evidence:
    """A certificate that is not taken, and a healthy server behind it."""
    return seen(
        exchange("handshake", failed("tls", phase="tls", detail=detail)),
        exchange("handshake", node_open(ALLOWED), verified=False),
        exchange("control", node_open(), verified=False),
        **fields,
    )


EXAMPLES: dict[str, Evidence] = {
    "dns-fails": seen(exchange("handshake", failed("dns", phase="resolve", message="There is no such name."))),
    "server-refused": seen(exchange("handshake", REFUSED)),
    "server-timeout": seen(exchange("handshake", failed("timeout", phase="connect", message="Nothing came."))),
    "tls-untrusted": _untrusted("self-signed"),
    "tls-plain-mixup": seen(
        exchange("handshake", failed("tls", phase="tls", detail="plain-http")),
        exchange("other-scheme", node_open(), url="http://api.example.com/socket.io/?EIO=4&transport=polling&t=x"),
    ),
    "tls-name-or-date": _untrusted("hostname", certificate=Certificate(names=("www.example.com",))),
    "connection-reset": seen(exchange("handshake", failed("closed", phase="head", message="It was closed."))),
    "proxy-fails": seen(
        exchange(
            "handshake",
            failed("not-asked", phase="connect", detail="proxy", message="The proxy refuses connections."),
        )
    ),
    "localhost-ipv6-mismatch": seen(
        exchange("handshake", AIRTUNES, address="::1"),
        exchange("other-address", node_open(allow(DEV_APP)), address="127.0.0.1"),
        plan={"url": DEV_API, "origins": (DEV_APP,)},
        vantage=Vantage(host="here", addresses={"localhost": ("::1", "127.0.0.1")}),
    ),
    "bound-to-loopback": seen(
        exchange("handshake", REFUSED),
        exchange("other-address", node_open(allow(DEV_APP)), address="127.0.0.1"),
        exchange("other-address", REFUSED, address="::1"),
        plan={"url": "http://192.168.1.5:3000", "origins": ("http://192.168.1.5:5173",)},
    ),
    "tls-client-certificate": seen(
        exchange("handshake", html(400, "<html><head><title>400 No required SSL certificate was sent</title></head>"))
    ),
    "tls-cdn-origin": everywhere(html(525, "error code: 525", ("Server", "cloudflare"))),
}
