"""python-socketio in async hosts, and where no host was recognised. In WSGI servers it is ``flask`` and ``wsgi``."""

from __future__ import annotations

from sio_doctor.model import Server
from sio_doctor.stacks import python_engine
from sio_doctor.stacks.base import Ask, Cure, Side, has_layer
from sio_doctor.stacks.python_cures import cures
from sio_doctor.stacks.python_hosts import host_of

SIDE: Side = "server"
NAMES: dict[str, Server] = {
    "python-socketio": Server(stack="python-socketio", layers=("ASGI",)),
    "django": Server(stack="python-socketio", layers=("Django", "ASGI")),
    "aiohttp": Server(stack="python-socketio", layers=("aiohttp",)),
    "tornado": Server(stack="python-socketio", layers=("Tornado",)),
    "sanic": Server(stack="python-socketio", layers=("Sanic",)),
}

recognise = python_engine.recognise

ASYNC = ("uvicorn", "hypercorn", "Daphne", "aiohttp", "Tornado", "Sanic", "FastAPI", "Starlette CORSMiddleware", "ASGI")
WSGI = ("Werkzeug", "gunicorn", "waitress", "Flask", "WSGI")


def fits(server: Server) -> bool:
    """python-socketio, unless in a WSGI server; what an async host has most likely."""
    if server.stack == "unknown":
        return has_layer(server, *ASYNC)
    return server.stack == "python-socketio" and not is_wsgi(server)


def is_wsgi(server: Server) -> bool:
    """It runs in a WSGI server, where Flask-SocketIO is by far the commonest."""
    return has_layer(server, *WSGI) and not has_layer(server, *ASYNC)


def is_open(server: Server) -> bool:
    """Nothing tells ASGI from WSGI."""
    return server.stack == "python-socketio" and not has_layer(server, *ASYNC, *WSGI)


def _condition(ask: Ask) -> str:
    return "If it runs under ASGI, by uvicorn and the like: " if is_open(ask.server) else ""


FIXES: dict[str, Cure] = cures(host_of, _condition)
