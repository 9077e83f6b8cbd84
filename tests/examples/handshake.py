"""The handshake, SIO2xx."""

from __future__ import annotations

from typing import Any

from sio_doctor.model import Answer, Evidence, Frame, Response
from tests.examples.base import (
    ALLOWED,
    ANY,
    BAD_GATEWAY,
    CREDENTIALS,
    DEV_APP,
    NGINX,
    POLLING,
    SOCKET,
    SPOKEN,
    VARY,
    everywhere,
    seen,
)
from tests.examples.reach import AIRTUNES
from tests.rules.build import (
    Asked,
    exchange,
    failed,
    html,
    node_error,
    node_open,
    node_v2_open,
    node_ws_error,
    response,
    switching,
)

HTTP: dict[str, Any] = {"url": "http://api.example.com", "origins": ("http://app.example.com",)}
QUERY = "?EIO=4&transport=polling&t=x"
DROPPED = failed("closed", phase="head", message="The connection was closed without an answer.")
SILENT = failed("timeout", phase="head", message="No answer came.")
BARE_404 = response(404, ("Content-Length", "0"), reason="Not Found")
VERCEL = (("Server", "Vercel"), ("x-vercel-id", "fra1::abcde-1700000000000-0123456789ab"))
SPA = html(200, "<!doctype html><html><head><title>App</title></head><body></body></html>", NGINX, reason="OK")
LOGIN = html(
    401,
    "<html><head><title>401 Authorization Required</title></head></html>",
    NGINX,
    ("WWW-Authenticate", 'Basic realm="Restricted"'),
    reason="Unauthorized",
)
CHALLENGE = html(
    403, "<title>Just a moment...</title>", ("cf-mitigated", "challenge"), ("Server", "cloudflare"), reason="Forbidden"
)
LIMITED = response(
    429,
    ("X-Powered-By", "Express"),
    ("Retry-After", "60"),
    ("Content-Type", "text/html; charset=utf-8"),
    body="Too many requests, please try again later.",
    reason="Too Many Requests",
)
#: As python-socketio's ASGI app says it, and as FastAPI does.
ASGI_404 = response(404, ("server", "uvicorn"), ("content-type", "text/plain"), body="Not Found", reason="Not Found")
FASTAPI_404 = response(
    404, ("server", "uvicorn"), ("content-type", "application/json"), body='{"detail":"Not Found"}', reason="Not Found"
)
#: As socket.io 4.1 and later write it into a WebSocket that they have accepted.
REFUSAL = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
#: A session id of netty-socketio.
UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def _moved(location: str, status: int = 301) -> Asked:
    moved = html(status, "<html></html>", NGINX, ("Location", location), reason="Moved Permanently")
    return exchange("handshake", moved)


def _express(path: str) -> Response:
    body = f"<!DOCTYPE html>\n<html>\n<body>\n<pre>Cannot GET {path}</pre>\n</body>\n</html>\n"
    return html(404, body, ("X-Powered-By", "Express"), reason="Not Found")


def _at(path: str, answer: Answer | None = None) -> Asked:
    """What answers at another path; without ``answer`` Socket.IO does."""
    return exchange("other-path", answer or node_open(), url=path, origin=None)


def _there(answer: Answer, websocket: Answer, *more: Asked, **plan: Any) -> Evidence:
    """A server that is there, and has no Socket.IO at this path."""
    asked = [exchange("handshake", answer), exchange("control", answer), exchange("foreign", answer)]
    return seen(*asked, exchange("websocket", websocket, seconds=1.0), exchange("root", answer), *more, plan=plan)


EXAMPLES: dict[str, Evidence] = {
    "gateway-5xx-no-cors": everywhere(BAD_GATEWAY),
    "redirect-http-to-https": seen(
        _moved(f"https://api.example.com/socket.io/{QUERY}"),
        exchange("redirect", node_open(VARY), url=f"https://api.example.com/socket.io/{QUERY}", origin="null"),
        plan=HTTP,
    ),
    "html-instead-of-handshake": everywhere(SPA),
    "app-listen-not-server-listen": _there(
        _express("/socket.io/"), _express("/socket.io/"), _at("/ws/socket.io/", _express("/ws/socket.io/"))
    ),
    "path-mismatch": _there(_express("/socket.io/"), DROPPED, _at("/api/socket.io/")),
    "plain-websocket-server": _there(
        response(426, ("Content-Length", "16"), body="Upgrade Required", reason="Upgrade Required"),
        switching("hello", sent=("40",), ended=failed("timeout", phase="frame")),
    ),
    "basic-auth-or-401": everywhere(LOGIN),
    "redirect-www-apex": seen(_moved(f"https://www.example.com/socket.io/{QUERY}")),
    "redirect-to-login": seen(_moved("https://login.example.com/oauth2/start", 302)),
    "rate-limit": everywhere(LIMITED),
    "client-too-old": seen(
        exchange("handshake", node_error(5, ALLOWED)),
        exchange("control", node_error(5)),
        exchange("other-protocol", node_open(ALLOWED)),
        plan={"version": 2, **POLLING},
    ),
    "server-too-old": seen(
        exchange("handshake", node_v2_open(CREDENTIALS, ALLOWED)),
        exchange("control", node_v2_open()),
        plan=POLLING,
    ),
    "transport-disabled": seen(
        exchange("handshake", node_error(0, ALLOWED)), exchange("control", node_error(0)), SPOKEN
    ),
    "redirect-loop": seen(
        _moved(f"http://www.example.com/socket.io/{QUERY}"),
        exchange(
            "redirect",
            html(301, "<html></html>", ("Location", f"http://api.example.com/socket.io/{QUERY}")),
            url=f"http://www.example.com/socket.io/{QUERY}",
            origin="null",
        ),
        plan=HTTP,
    ),
    "port-missing-or-wrong": everywhere(
        html(200, '<!doctype html><script type="module" src="/@vite/client"></script><title>App</title>'),
        url="http://localhost",
        origins=(DEV_APP,),
    ),
    "macos-port-5000": everywhere(AIRTUNES, url="http://localhost:5000", origins=(DEV_APP,)),
    "serverless-host": everywhere(response(405, *VERCEL, reason="Method Not Allowed")),
    "tunnel-or-preview-auth": everywhere(
        response(401, ("Content-Length", "0"), reason="Unauthorized"), url="https://fluffy-train-3000.app.github.dev"
    ),
    "path-vs-namespace": _there(BARE_404, BARE_404, _at("/chat/"), namespace="/chat", namespace_from_path=True),
    "trailing-slash-path": _there(_express("/socket.io"), DROPPED, _at("/socket.io/"), path="/socket.io"),
    "proxy-strips-path": _there(_express("/"), BAD_GATEWAY, _at("/ws/socket.io/", _express("/"))),
    "asgi-mount-path": seen(
        exchange("handshake", FASTAPI_404),
        exchange("websocket", response(403, ("content-length", "0"), reason="Forbidden")),
        exchange("root", response(200, ("content-type", "application/json"), body='{"hello":"world"}')),
        _at("/engine.io/", FASTAPI_404),
        _at("/ws/socket.io/", ASGI_404),
        _at("/ws/", ASGI_404),
    ),
    "wrong-path-hangs": _there(SILENT, DROPPED, _at("/ws/socket.io/", SILENT)),
    "waf-or-challenge": everywhere(CHALLENGE),
    "transport-unknown": seen(
        exchange("handshake", node_error(0, ALLOWED)),
        exchange("control", node_error(0)),
        exchange("websocket", node_ws_error("Transport unknown")),
    ),
    "ws-only-version-mismatch": seen(
        exchange("handshake", node_error(5, ALLOWED)),
        exchange("control", node_error(5)),
        exchange("websocket", switching(REFUSAL)),
        exchange("other-protocol", node_open(ALLOWED)),
        plan={"version": 2, **SOCKET},
    ),
    "netty-specifics": seen(
        exchange("handshake", node_open(ANY, CREDENTIALS, sid=UUID)), plan={"with_credentials": True, **POLLING}
    ),
}
