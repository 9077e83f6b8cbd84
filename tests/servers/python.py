"""python-socketio under the hosts that people use, Flask-SocketIO, and a plain WebSocket server, in Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.servers.process import process

ROOT = Path(__file__).parents[2]
HOST = Path(__file__).with_name("python_host.py")

Kind = Literal[
    "uvicorn", "aiohttp", "hypercorn", "daphne", "tornado", "sanic", "flask", "gunicorn", "fastapi", "websockets"
]  # fmt: skip


@contextmanager
def python_server(
    kind: Kind = "uvicorn",
    options: str = "",
    *,
    setup: str = "",
    middleware: str = "",
    mount: str = "/",
    workers: int = 1,
    python: str = sys.executable,
) -> Iterator[str]:
    """Run a server in Python; yields its base URL, ``http://127.0.0.1:PORT``.

    ``options`` is Python source, keyword arguments of the Socket.IO server: ``"cors_allowed_origins=['http://a']"``.
    ``setup`` is Python source run before it listens, with ``sio`` and (for aiohttp, flask and fastapi) ``app`` in
    scope. For fastapi, ``middleware`` are the keyword arguments of its CORSMiddleware (empty: it has none), and
    ``mount`` is where the Socket.IO app is mounted (empty: it is wrapped around the FastAPI app instead). gunicorn
    serves the Flask app, with so many ``workers``. ``python`` is the interpreter whose packages are used.
    """
    config = {
        "kind": kind,
        "options": options,
        "setup": setup,
        "middleware": middleware,
        "mount": mount,
        "workers": workers,
    }
    command = [python, "-P", str(HOST), json.dumps(config)]
    with process(command, cwd=ROOT, env={"PYTHONWARNINGS": "ignore"}) as server:
        port = server.wait_for_port()
        # The port is open before the application is: what does not start must fail here, not in the test.
        server.wait_for_answer(port)
        yield f"http://127.0.0.1:{port}"
