"""Flask-SocketIO, and python-socketio in a WSGI server without it: on the wire they are the same."""

from __future__ import annotations

from sio_doctor.model import Server
from sio_doctor.stacks import python
from sio_doctor.stacks.base import Ask, Cure, Side, has_layer, nothing
from sio_doctor.stacks.python_cures import cures
from sio_doctor.stacks.python_hosts import flask_at

SIDE: Side = "server"
NAMES: dict[str, Server] = {"flask-socketio": Server(stack="flask-socketio", layers=("WSGI",))}
recognise = nothing


def fits(server: Server) -> bool:
    """Flask-SocketIO, which a WSGI server has most likely, unless it is known to have another."""
    if server.stack == "flask-socketio":
        return True
    if server.stack not in ("python-socketio", "unknown") or has_layer(server, "Django", "socketio.WSGIApp"):
        return False
    return python.is_wsgi(server) or python.is_open(server)


def _condition(ask: Ask) -> str:
    return "If it is Flask-SocketIO: " if ask.server.stack == "python-socketio" else ""


FIXES: dict[str, Cure] = cures(flask_at, _condition, "asgi-mount-path", "asgi-ws-403", "fastapi-middleware-only")
