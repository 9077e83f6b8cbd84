"""Socket.IO of every major version as npm has it, and what is mistaken for them, on Node."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.servers import need
from tests.servers.certificates import Certificate
from tests.servers.process import process

SCRIPT = Path(__file__).parent / "node" / "server.js"

Version = Literal["1.7", "2.0", "2.4", "2.5", "3.0", "3.1", "4.0", "4.8"]

Mode = Literal[
    "express",  # Socket.IO on the HTTP server of an express app: what most people have
    "bare",  # Socket.IO on http.createServer(): every other path never answers
    "app-listen",  # the mistake: app.listen() instead of server.listen(), so Socket.IO is not there
    "ws-only",  # a plain WebSocket server that echoes; HTTP gets 426
    "engine-only",  # engine.io without Socket.IO: the handshake is good, CONNECT is never answered
    "spa",  # express answers everything with one HTML page
    "plain",  # express without Socket.IO
    "nest",  # a NestJS application with one gateway, made with ``options``; ``setup`` has ``app``
]


@contextmanager
def node(
    version: Version = "4.8",
    options: str = "{}",
    *,
    setup: str = "",
    mode: Mode = "express",
    workers: int = 1,
    sticky: bool = False,
    tls: Certificate | None = None,
) -> Iterator[str]:
    """Run a server on Node; yields its base URL, ``http(s)://127.0.0.1:PORT``.

    ``options`` is a JavaScript expression: the options given to Socket.IO (to engine.io, to ws). ``setup`` is
    JavaScript run (``await`` allowed) before it listens, with ``io``, ``app``, ``server``, ``express``, ``cors``,
    ``http`` and ``require`` in scope where the mode has them (``wss``, ``engine`` for the modes without ``io``).
    """
    program = need("node")
    config = {
        "version": version,
        "options": options,
        "setup": setup,
        "mode": mode,
        "workers": workers,
        "sticky": sticky,
        "key": str(tls.key) if tls else None,
        "certificate": str(tls.chain) if tls else None,
    }
    with process([program, SCRIPT, json.dumps(config)]) as server:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.wait_for_port()}"


@contextmanager
def node_cluster(
    workers: int = 2,
    version: Version = "4.8",
    options: str = "{}",
    *,
    setup: str = "",
    mode: Mode = "express",
    sticky: bool = False,
) -> Iterator[str]:
    """As ``node``, on several processes behind one port. Connections go to them in turn: a session is known to one.

    With ``sticky``, by @socket.io/sticky: to the one that has the session which the connection's first request names.
    """
    with node(version, options, setup=setup, mode=mode, workers=workers, sticky=sticky) as url:
        yield url
