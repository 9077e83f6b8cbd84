"""One Socket.IO server in Python: what ``tests/servers/python.py`` runs as a process of its own.

    python -m tests.servers.python_host '{"kind": "uvicorn", "options": "cors_allowed_origins='*'", "setup": "", …}'

Prints ``READY <port>`` when 127.0.0.1:port takes connections, and ends when its standard input does.
The frameworks are imported by name: python-socketio and Flask-SocketIO have no types.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from importlib import import_module
from typing import Any


def listen() -> socket.socket:
    """A listening socket on a free port; what connects before the server accepts waits in its queue."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"READY {listener.getsockname()[1]}", flush=True)
    return listener


def uvicorn(app: Any) -> None:
    """Serve an ASGI application."""
    module = import_module("uvicorn")
    module.Server(module.Config(app, log_level="warning")).run(sockets=[listen()])


def serve_uvicorn(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on uvicorn, nothing around it."""
    socketio = import_module("socketio")
    sio = socketio.AsyncServer(async_mode="asgi", **options)
    exec(config["setup"], {"sio": sio})
    uvicorn(socketio.ASGIApp(sio))


def serve_hypercorn(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on hypercorn."""
    socketio, hypercorn = import_module("socketio"), import_module("hypercorn.config")
    sio = socketio.AsyncServer(async_mode="asgi", **options)
    exec(config["setup"], {"sio": sio})
    settings = hypercorn.Config()
    settings.bind = [f"fd://{listen().detach()}"]
    serving = import_module("hypercorn.asyncio").serve
    asyncio.run(serving(socketio.ASGIApp(sio), settings))


def serve_daphne(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on daphne, the server of Django Channels."""
    socketio = import_module("socketio")
    sio = socketio.AsyncServer(async_mode="asgi", **options)
    exec(config["setup"], {"sio": sio})
    server = import_module("daphne.server").Server
    listener = listen()
    server(socketio.ASGIApp(sio), endpoints=[f"fd:fileno={listener.fileno()}"], signal_handlers=False).run()


def serve_tornado(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on Tornado."""
    socketio, web = import_module("socketio"), import_module("tornado.web")
    sio = socketio.AsyncServer(async_mode="tornado", **options)
    exec(config["setup"], {"sio": sio})
    app = web.Application([(r"/socket.io/", socketio.get_tornado_handler(sio))])

    async def run() -> None:
        server = import_module("tornado.httpserver").HTTPServer(app)
        listener = listen()
        listener.setblocking(False)
        server.add_socket(listener)
        await asyncio.Event().wait()

    asyncio.run(run())


def serve_sanic(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on Sanic."""
    socketio = import_module("socketio")
    app = import_module("sanic").Sanic("app")
    app.config["CORS_SUPPORTS_CREDENTIALS"] = True
    sio = socketio.AsyncServer(async_mode="sanic", **options)
    sio.attach(app)
    exec(config["setup"], {"sio": sio, "app": app})
    app.run(sock=listen(), single_process=True, access_log=False)


def serve_fastapi(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio in a FastAPI app: mounted at ``mount``, or (``mount`` empty) wrapped around the app."""
    fastapi, socketio = import_module("fastapi"), import_module("socketio")
    app = fastapi.FastAPI()
    sio = socketio.AsyncServer(async_mode="asgi", **options)
    if config["middleware"]:
        cors = import_module("fastapi.middleware.cors").CORSMiddleware
        app.add_middleware(cors, **keywords(config["middleware"]))
    exec(config["setup"], {"sio": sio, "app": app})

    def hello() -> dict[str, str]:
        return {"hello": "world"}

    app.get("/")(hello)
    if config["mount"]:
        app.mount(config["mount"], socketio.ASGIApp(sio))
        uvicorn(app)
    else:
        uvicorn(socketio.ASGIApp(sio, other_asgi_app=app))


def serve_aiohttp(config: dict[str, Any], options: dict[str, Any]) -> None:
    """python-socketio on aiohttp."""
    web, socketio = import_module("aiohttp.web"), import_module("socketio")
    app = web.Application()
    sio = socketio.AsyncServer(async_mode="aiohttp", **options)
    sio.attach(app)
    exec(config["setup"], {"sio": sio, "app": app})
    web.run_app(app, sock=listen(), print=None)


def flask_app(config: dict[str, Any], options: dict[str, Any]) -> Any:
    """Flask-SocketIO with threads and simple-websocket."""
    app = import_module("flask").Flask("app")
    sio = import_module("flask_socketio").SocketIO(app, async_mode="threading", **options)
    exec(config["setup"], {"sio": sio, "app": app})
    return app


def serve_flask(config: dict[str, Any], options: dict[str, Any]) -> None:
    """Flask-SocketIO on werkzeug."""
    app = flask_app(config, options)
    listener = listen()
    host, port = listener.getsockname()
    serving = import_module("werkzeug.serving")
    serving.make_server(host, port, app, threaded=True, fd=listener.fileno()).serve_forever()


def serve_gunicorn(config: dict[str, Any], options: dict[str, Any]) -> None:
    """Flask-SocketIO on gunicorn: each worker makes its own, as it does where gunicorn loads the application."""
    listener = listen()

    class Application(import_module("gunicorn.app.base").BaseApplication):  # type: ignore[misc]  # it has no types
        def load_config(self) -> None:
            settings = {"workers": config["workers"], "threads": 20, "bind": f"fd://{listener.fileno()}"}
            for name, value in {**settings, "graceful_timeout": 1, "control_socket_disable": True}.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return flask_app(config, options)

    Application().run()


def serve_websockets(config: dict[str, Any], options: dict[str, Any]) -> None:
    """A plain WebSocket server that echoes: no Socket.IO."""

    def echo(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    exec(config["setup"], {})
    server = import_module("websockets.sync.server")
    with server.serve(echo, sock=listen(), **options) as running:
        running.serve_forever()


SERVE = {
    "uvicorn": serve_uvicorn,
    "fastapi": serve_fastapi,
    "aiohttp": serve_aiohttp,
    "hypercorn": serve_hypercorn,
    "daphne": serve_daphne,
    "tornado": serve_tornado,
    "sanic": serve_sanic,
    "flask": serve_flask,
    "gunicorn": serve_gunicorn,
    "websockets": serve_websockets,
}


def keywords(source: str) -> dict[str, Any]:
    """``"a=1, b=[2]"`` as ``{"a": 1, "b": [2]}``. The source is the test's own."""
    values: dict[str, Any] = eval(f"dict({source})")
    return values


def end_with_standard_input() -> None:
    """Whoever started us is gone when the pipe closes."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    configuration: dict[str, Any] = json.loads(sys.argv[1])
    SERVE[configuration["kind"]](configuration, keywords(configuration["options"]))
