"""How python-socketio is written for each host: the call that makes it, where it takes requests, how it is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sio_doctor.model import Fix
from sio_doctor.stacks.base import Ask, block, has_layer, py


class Written(NamedTuple):
    """Code, and where it stands."""

    code: str
    where: str
    language: str = "python"


class Host(NamedTuple):
    """One way to run python-socketio. ``path`` has no slash at its ends; ``socket.io`` is what needs no word."""

    stack: str
    call: str
    """How the call that makes the server begins."""
    where: str
    first: tuple[str, ...]
    """The arguments that it has in any case."""
    mount: Callable[[str], Written]
    """Where it takes requests: at that path."""
    start: Callable[[int], Written]
    """How it is started on that port, on all addresses."""
    one_worker: Written
    asynchronous: bool = True
    websocket: str | None = None
    """The package that WebSockets want; None: it has its own."""


COMMAND = "the command that starts the server"


def made(host: Host, *keywords: str) -> str:
    """The call that makes the server, with these keywords."""
    return block(host.call, [f"{one}," for one in (*host.first, *keywords)], ")", "    ")


def python_fix(
    host: Host, title: str, after: str, *, before: str | None = None, where: str = "", language: str = "python"
) -> Fix:
    """A cure for that host; without ``where`` it is the call that makes the server."""
    return Fix(
        stack=host.stack, side="server", title=title, where=where or host.where, language=language, before=before,
        after=after,
    )  # fmt: skip


def written(host: Host, title: str, what: Written, *, before: str | None = None) -> Fix:
    """The same, where it stands elsewhere."""
    return python_fix(host, title, what.code, before=before, where=what.where, language=what.language)


def _call(call: str, file: str) -> str:
    return f"where you call {call}, e.g. in {file}; keep its other options"


def _named(path: str) -> str:
    return "" if path == "socket.io" else f", socketio_path={py(path)}"


def _command(command: str) -> Callable[[int], Written]:
    return lambda port: Written(command.format(port=port), COMMAND, "sh")


def _statement(statement: str, file: str) -> Callable[[int], Written]:
    return lambda port: Written(statement.format(port=port), f"where the server starts, e.g. in {file}")


_ASYNC_SERVER = "sio = socketio.AsyncServer("
_UVICORN = Written("uvicorn main:app --workers 1   # your module for main", COMMAND, "sh")
_GUNICORN = Written("gunicorn -w 1 --threads 100 app:app", COMMAND, "sh")

ASGI = Host(
    stack="python-socketio",
    call=_ASYNC_SERVER,
    where=_call("socketio.AsyncServer(...)", "main.py"),
    first=('async_mode="asgi"',),
    mount=lambda path: Written(
        f"app = socketio.ASGIApp(sio{_named(path)})", "where socketio.ASGIApp(...) is called, e.g. in main.py"
    ),
    start=_command("uvicorn main:app --host 0.0.0.0 --port {port}   # your module for main"),
    one_worker=_UVICORN,
    websocket='"uvicorn[standard]"',
)
#: Around the app, whose routes, middleware and start-up it then passes on.
FASTAPI = ASGI._replace(
    stack="FastAPI",
    mount=lambda path: Written(
        f"app = socketio.ASGIApp(sio, other_asgi_app=app{_named(path)})",
        "at the end of main.py, below the last route, in place of app.mount(...) of Socket.IO",
    ),
)
DJANGO = ASGI._replace(
    where=_call("socketio.AsyncServer(...)", "asgi.py"),
    mount=lambda path: Written(
        f"application = socketio.ASGIApp(sio, get_asgi_application(){_named(path)})",
        "where application is made, in asgi.py",
    ),
    start=_command("uvicorn mysite.asgi:application --host 0.0.0.0 --port {port}   # your project for mysite"),
    one_worker=Written("uvicorn mysite.asgi:application --workers 1   # your project for mysite", COMMAND, "sh"),
)
AIOHTTP = ASGI._replace(
    where=_call("socketio.AsyncServer(...)", "app.py"),
    first=('async_mode="aiohttp"',),
    mount=lambda path: Written(f"sio.attach(app{_named(path)})", "where sio.attach(app) is called"),
    start=_statement("web.run_app(app, port={port})  # no host: all addresses", "app.py"),
    one_worker=Written("gunicorn -w 1 -k aiohttp.GunicornWebWorker app:app", COMMAND, "sh"),
    websocket=None,
)
SANIC = AIOHTTP._replace(
    first=('async_mode="sanic"',),
    start=_statement('app.run(host="0.0.0.0", port={port})', "app.py"),
    one_worker=Written("app.run(single_process=True)", "where the server starts, e.g. in app.py"),
)
TORNADO = AIOHTTP._replace(
    first=('async_mode="tornado"',),
    mount=lambda path: Written(
        f"({py(f'/{path}/')}, socketio.get_tornado_handler(sio)),", "among the routes of tornado.web.Application"
    ),
    start=_statement("app.listen({port})", "app.py"),
    one_worker=Written("app.listen(3000)  # not bind() and start(0), which fork", "where the server starts"),
)
WSGI = Host(
    stack="python-socketio",
    call="sio = socketio.Server(",
    where=_call("socketio.Server(...)", "app.py"),
    first=(),
    mount=lambda path: Written(
        f"app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app{_named(path)})",
        "where socketio.WSGIApp(...) is called, around the app of Flask",
    ),
    start=_command("gunicorn -w 1 --threads 100 -b 0.0.0.0:{port} app:app   # your module for the first app"),
    one_worker=_GUNICORN,
    asynchronous=False,
    websocket="simple-websocket",
)
DJANGO_WSGI = WSGI._replace(
    where=_call("socketio.Server(...)", "wsgi.py"),
    mount=lambda path: Written(
        f"application = socketio.WSGIApp(sio, get_wsgi_application(){_named(path)})",
        "where application is made, in wsgi.py",
    ),
    start=_command("gunicorn -w 1 --threads 100 -b 0.0.0.0:{port} mysite.wsgi   # your project for mysite"),
    one_worker=Written("gunicorn -w 1 --threads 100 mysite.wsgi   # your project for mysite", COMMAND, "sh"),
)
_FLASK_PLACE = (
    "where you call SocketIO(app, ...), e.g. in app.py (with socketio.init_app(app, ...), its options go there); keep "
    "its other options, and your own names"
)
FLASK = WSGI._replace(
    stack="Flask-SocketIO",
    call="socketio = SocketIO(",
    where=_FLASK_PLACE,
    first=("app",),
    mount=lambda path: Written(block("socketio = SocketIO(", ["app,", f"path={py(path)},"], ")", "    "), _FLASK_PLACE),
)


def flask_at(ask: Ask) -> Host:
    """Flask-SocketIO, whose call has the path where that is not the usual one."""
    path = ask.plan.target.path.strip("/")
    return FLASK if path == "socket.io" else FLASK._replace(first=("app", f"path={py(path)}"))


#: Hosts that say who they are, and how python-socketio is written for them.
_NAMED = (("Tornado", TORNADO), ("aiohttp", AIOHTTP), ("Sanic", SANIC))


def host_of(ask: Ask, synchronous: bool = False) -> Host:
    """The host that was recognised; any ASGI server where none was. ``synchronous``: it is a WSGI server."""
    if synchronous:
        return DJANGO_WSGI if ask.layer("Django") else WSGI
    if ask.layer("Django"):
        return DJANGO
    return next((host for layer, host in _NAMED if has_layer(ask.server, layer)), ASGI)
