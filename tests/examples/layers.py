"""Layers, preflights, servers in Python, and what is too open: of several families of codes."""

from __future__ import annotations

from sio_doctor.model import FOREIGN, Evidence, Response
from tests.examples.base import ALLOWED, ANY, API, APP, CREDENTIALS, POLLING, VARY, Header, allow, python_open, seen
from tests.rules.build import (
    Asked,
    exchange,
    node_error,
    node_open,
    node_v2_open,
    open_data,
    preflight_ok,
    python_error,
    response,
    switching,
)

WSGI: Header = ("Server", "gunicorn")
TWO = {"version": 2, "with_credentials": True}
STICKY: Header = ("Set-Cookie", "SERVERID=s1; Path=/")


def _connected(*asked: Asked, own: tuple[Header, ...] = (ALLOWED, VARY), handshake: Response | None = None) -> Evidence:
    """A page that connects by polling, and what others are answered."""
    return seen(
        exchange("handshake", handshake or node_open(*own)),
        exchange("connect", response(200, *own, body="ok")),
        exchange("poll", response(200, *own, body='40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}')),
        *asked,
        plan=POLLING,
    )


def _foreign(*headers: Header) -> Asked:
    return exchange("foreign", node_open(*headers, sid="b7Xw2kqjKcU1Yp4OAAAE"))


def _look_alikes(*named: str) -> list[Asked]:
    origins = ("null", "https://appxexample.com", f"{APP}.evil.example")
    return [
        exchange("look-alike", preflight_ok(*((allow(one), VARY) if one in named else (VARY,))), origin=one)
        for one in origins
    ]


def _sticky() -> Evidence:
    """A page whose browser sends SERVERID back, of the server's own site."""
    page = "https://www.example.com"
    cors = (allow(page), CREDENTIALS)
    kept = [exchange("sticky", response(200, body="ok"), headers=(("Cookie", "SERVERID=s1"),)) for _ in range(8)]
    return seen(
        exchange("handshake", node_v2_open(*cors, STICKY)),
        exchange("poll", response(200, *cors, body="2:40")),
        exchange("simulated-preflight", node_error(2, *cors)),
        exchange("sticky", node_error(1)),
        *kept,
        plan={**TWO, **POLLING, "origins": (page,)},
    )


EXAMPLES: dict[str, Evidence] = {
    "cors-option-shape": _connected(_foreign(ANY), own=(ANY,)),
    "v2-client-always-credentialed": seen(exchange("handshake", node_v2_open(ANY)), plan=TWO),
    "acah-star-limits": seen(
        exchange("preflight", preflight_ok(ALLOWED, CREDENTIALS, VARY, ("Access-Control-Allow-Headers", "*"))),
        exchange("handshake", node_open(ALLOWED, CREDENTIALS, VARY)),
        plan={"with_credentials": True, "extra_headers": (("my-custom-header", "abcd"),)},
    ),
    "preflight-not-sticky": _sticky(),
    "method-not-allowed": seen(
        exchange(
            "preflight",
            response(
                204, ALLOWED, ("Access-Control-Allow-Methods", "GET"), ("Access-Control-Allow-Headers", "x-other")
            ),
        ),
        exchange("handshake", node_open(ALLOWED, VARY)),
        plan={"extra_headers": (("my-custom-header", "abcd"),)},
    ),
    "python-behind-tls-proxy": seen(
        exchange("handshake", python_open(CREDENTIALS)),
        exchange("connect", python_error(f"{API} is not an accepted origin.", CREDENTIALS)),
        exchange(
            "own-origin",
            response(200, allow(API), ("Access-Control-Allow-Methods", "OPTIONS, GET, POST"), CREDENTIALS, body="OK"),
            headers=(("X-Forwarded-Proto", "https"),),
        ),
        plan={"origins": (API,)},
    ),
    "flask-cors-only": seen(
        exchange("control", python_open()),
        exchange("handshake", python_error("Not an accepted origin.", WSGI)),
        exchange("root", response(200, WSGI, ALLOWED, body="<h1>Hello</h1>")),
    ),
    "fastapi-middleware-only": seen(
        exchange("control", python_open()),
        exchange("handshake", python_error(f"{APP} is not an accepted origin.", ALLOWED, CREDENTIALS)),
        exchange(
            "simulated-preflight",
            response(
                200, VARY, ALLOWED, ("access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT")
            ),
        ),
    ),
    "asgi-ws-403": seen(
        exchange("handshake", python_open(ALLOWED, CREDENTIALS)),
        exchange("connect", response(200, ALLOWED, CREDENTIALS, body="OK")),
        exchange("poll", response(200, ALLOWED, CREDENTIALS, body='40{"sid":"x"}')),
        exchange("upgrade", response(403, ("Content-Length", "0"), reason="Forbidden")),
        exchange("websocket", response(403, ("Content-Length", "0"), reason="Forbidden")),
    ),
    "python-version-mismatch": seen(
        exchange(
            "handshake",
            python_error("The client is using an unsupported version of the Socket.IO or Engine.IO protocols"),
        ),
        plan={"version": 2, **POLLING},
    ),
    "any-origin-with-credentials": _connected(
        _foreign(allow(FOREIGN), CREDENTIALS, VARY), own=(ALLOWED, CREDENTIALS, VARY)
    ),
    "null-origin-allowed": _connected(_foreign(VARY), *_look_alikes("null")),
    "origin-match-too-wide": _connected(_foreign(VARY), *_look_alikes("https://appxexample.com")),
    "websocket-open-to-any-page": _connected(_foreign(VARY), exchange("foreign-websocket", switching(open_data()))),
    "vary-origin-missing": _connected(
        _foreign(), own=(ALLOWED,), handshake=python_open(ALLOWED, ("X-Cache", "Miss from cloudfront"))
    ),
}
