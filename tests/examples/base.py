"""What the examples have in common: a page, its server, and the answers that most of them get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sio_doctor.model import Evidence, Response
from tests.rules.build import SID, Asked, evidence, exchange, html, node_open, open_data, response, switching

APP = "https://app.example.com"
API = "https://api.example.com"
#: The page and the server of somebody who develops.
DEV_APP, DEV_API = "http://localhost:5173", "http://localhost:3000"

Header = tuple[str, str]
VARY: Header = ("Vary", "Origin")
CREDENTIALS: Header = ("Access-Control-Allow-Credentials", "true")
NGINX: Header = ("Server", "nginx/1.26.2")
POLLING: dict[str, Any] = {"transports": ("polling",)}
SOCKET: dict[str, Any] = {"transports": ("websocket",)}
TOKEN: dict[str, Any] = {"extra_headers": (("my-custom-header", "abcd"),)}


def allow(value: str) -> Header:
    """The header that lets ``value`` in."""
    return ("Access-Control-Allow-Origin", value)


ALLOWED, ANY = allow(APP), allow("*")
OK = response(200, ALLOWED, ("Content-Type", "text/html"), body="ok")
JOINED = response(200, ALLOWED, body='40{"sid":"wS9kXkqjKcU1Yp4OAAAD"}')
OPEN = exchange("handshake", node_open(ALLOWED, VARY))
#: A page that gets as far as its upgrade.
CONNECTED = (OPEN, exchange("connect", OK), exchange("poll", JOINED))
#: A WebSocket of its own that works.
SPOKEN = exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",)))
BAD_GATEWAY = html(502, "<html><head><title>502 Bad Gateway</title></head></html>", NGINX, reason="Bad Gateway")


def python_open(*headers: Header) -> Response:
    """The polling handshake of python-socketio 5: the same fields in another order."""
    fields = f'"sid":"{SID}","upgrades":["websocket"],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000'
    own = (("Server", "uvicorn"), ("Content-Type", "text/plain; charset=UTF-8"))
    return response(200, *headers, *own, body=f"0{{{fields}}}", reason="OK")


def seen(*asked: Asked, plan: Mapping[str, Any] | None = None, **fields: Any) -> Evidence:
    """Evidence of a page of ``APP`` that asks ``API``, unless ``plan`` says otherwise; ``fields``: Evidence's own."""
    return evidence({"origins": (APP,), "url": API, **(plan or {})}, asked, **fields)


def everywhere(answer: Response, **plan: Any) -> Evidence:
    """Whatever is asked gets this answer."""
    purposes = ("handshake", "control", "foreign", "simulated-preflight", "root", "other-protocol", "client-file")
    asked = [exchange(purpose, answer) for purpose in purposes]  # type: ignore[arg-type]
    asked.append(exchange("other-path", answer, url="/ws/socket.io/", origin=None))
    return seen(*asked, exchange("websocket", answer), plan=plan)
