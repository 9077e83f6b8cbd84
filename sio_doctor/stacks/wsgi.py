"""python-socketio's own Server in a WSGI server: with Flask but without Flask-SocketIO, or with Django."""

from __future__ import annotations

from sio_doctor.model import Server
from sio_doctor.stacks import python
from sio_doctor.stacks.base import Ask, Cure, Side, has_layer, nothing
from sio_doctor.stacks.python_cures import cures
from sio_doctor.stacks.python_hosts import host_of

SIDE: Side = "server"
NAMES: dict[str, Server] = {
    "python-socketio-wsgi": Server(stack="python-socketio", layers=("WSGI", "socketio.WSGIApp")),
    "django-wsgi": Server(stack="python-socketio", layers=("WSGI", "Django")),
}
recognise = nothing


def fits(server: Server) -> bool:
    """What a WSGI server has, if it has no Flask-SocketIO."""
    return server.stack == "python-socketio" and python.is_wsgi(server)


def _condition(ask: Ask) -> str:
    known = has_layer(ask.server, "Django", "socketio.WSGIApp")
    return "" if known else "If it is python-socketio without Flask-SocketIO: "


FIXES: dict[str, Cure] = cures(
    lambda ask: host_of(ask, synchronous=True),
    _condition,
    "asgi-mount-path",
    "asgi-ws-403",
    "fastapi-middleware-only",
)
