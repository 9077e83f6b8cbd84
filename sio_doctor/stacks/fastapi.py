"""FastAPI and Starlette around python-socketio: who answers preflights, and at which path it is mounted."""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks import python
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, has_layer, py

SIDE: Side = "server"

#: Starlette's methods, which no other server lists in this order.
_METHODS = ("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY")


def fits(server: Server) -> bool:
    """FastAPI, or Starlette's CORS middleware."""
    return has_layer(server, "FastAPI", "Starlette CORSMiddleware")


def recognise(evidence: Evidence) -> Claim | None:
    """By the CORS middleware's preflight, and FastAPI's own 404."""
    layers, phrases = [], []
    for exchange, response in answers(evidence, "preflight", "simulated-preflight", "handshake", "control", "root"):
        methods = response.get("access-control-allow-methods")
        refused = response.status == 400 and response.text.startswith("Disallowed CORS ")
        if exchange.request.method == "OPTIONS" and (methods in _METHODS or refused):
            layers.append("Starlette CORSMiddleware")
            phrases.append("the preflight is answered by Starlette's CORSMiddleware")
        if response.status == 404 and response.text == '{"detail":"Not Found"}':
            layers.append("FastAPI")
            phrases.append('404 {"detail":"Not Found"}')
    return Claim(layers=tuple(dict.fromkeys(layers)), evidence=tuple(dict.fromkeys(phrases))) if layers else None


def _outermost(ask: Ask) -> str:
    path = ask.plan.target.path.strip("/")
    named = f", socketio_path={py(path)}" if path != "socket.io" else ""
    return f"app = socketio.ASGIApp(sio, other_asgi_app=fastapi_app{named})   # start this app"


def _fix(title: str, after: str, before: str | None = None) -> Fix:
    return Fix(
        stack="FastAPI", side="server", title=title, where="where the Socket.IO app is mounted, e.g. main.py",
        language="python", before=before, after=after,
    )  # fmt: skip


def _one_layer(ask: Ask) -> Fix:
    title = "Put Socket.IO around FastAPI: the middleware then never sees its requests, and one header remains"
    after = python.constructor(ask, python.origins(ask)) + "\n" + _outermost(ask)
    return _fix(title, after, before='fastapi_app.mount("/", socketio.ASGIApp(sio))')


def _headers(ask: Ask) -> Fix | None:
    if not ask.layer("Starlette CORSMiddleware"):
        return None
    title = "Put Socket.IO around FastAPI: it allows whatever header is asked for, the middleware only those listed"
    return _fix(title, python.constructor(ask, python.origins(ask)) + "\n" + _outermost(ask))


def _outside(ask: Ask) -> Fix | None:
    """The middleware's list, and Socket.IO's own inside of it, become one."""
    if not ask.layer("Starlette CORSMiddleware"):
        return None
    title = "Put Socket.IO around FastAPI, with the page on its list: the middleware then never sees its requests"
    after = python.constructor(ask, python.origins(ask)) + "\n" + _outermost(ask)
    return _fix(title, after, before='fastapi_app.mount("/", socketio.ASGIApp(sio))')


def _path(ask: Ask) -> Fix:
    return _fix("Put Socket.IO around FastAPI, at the path that the page asks for", _outermost(ask))


FIXES: dict[str, Cure] = {
    "duplicate-acao-framework": _one_layer,
    "preflight-header-not-allowed": _headers,
    "path-mismatch": _path,
    "asgi-mount-path": _path,
    **dict.fromkeys(
        (
            "python-origin-not-accepted",
            "cors-not-configured",
            "origin-not-in-list",
            "static-origin-mismatch",
            "origin-trailing-slash",
            "origin-no-scheme",
            "wildcard-with-credentials",
            "acac-missing",
        ),
        _outside,
    ),
}
FIXES["fastapi-middleware-only"] = _outside
FIXES["acah-star-limits"] = _headers
FIXES["v2-client-always-credentialed"] = _outside
FIXES["flask-cors-only"] = _outside
FIXES["python-behind-tls-proxy"] = _outside
