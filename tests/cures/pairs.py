"""The pairs of cause and stack that are proven: one entry here and one complete file each.

A file stands in ``tests/cures/<folder>/<cause>.<ending>`` and has its mistake between two comment lines, ``--- the
mistake`` and ``--- the end of it``. Its page is ``http://localhost:5173``; it listens on the port of the environment
(``PORT``), or on ``@PORT@``. To add one: write the file, and a line in ``PAIRS``.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.living.pairs import Client, Server, on_node

HERE = Path(__file__).parent
PAGE = "http://localhost:5173"

#: Folder: the ``stack`` that its cures name.
STACKS = {
    "socket.io-4": "socket.io 4",
    "socket.io-4-ts": "socket.io 4",
    "socket.io-3": "socket.io 3",
    "socket.io-2": "socket.io 2",
    "express": "Express",
    "nestjs": "NestJS",
    "uvicorn": "python-socketio",
    "aiohttp": "python-socketio",
    "tornado": "python-socketio",
    "hypercorn": "python-socketio",
    "wsgi": "python-socketio",
    "django": "python-socketio",
    "fastapi": "FastAPI",
    "flask-socketio": "Flask-SocketIO",
    "nginx": "nginx",
    "haproxy": "HAProxy",
    "apache": "Apache",
    "caddy": "Caddy",
    "page": "socket.io-client",
}

#: What a file on Node finds under the name socket.io.
PACKAGES = {"socket.io-3": "socket.io-3", "socket.io-2": "socket.io-2"}

#: Hosts of pages by https.
SECURE = ("localhost", "app.example")

#: Cures of which there is no proof here, and why.
NOT_PROVEN = {
    "Heroku, Render, Vercel, Cloudflare and other platforms": "their routers run nowhere else",
    "server-too-old, client-too-old by npm or pip": "the cure installs a package from a registry",
}


class Pair(NamedTuple):
    """One mistake in one file, and how its page's client is set."""

    folder: str
    cause: str
    client: Client = Client()
    origin: str = PAGE
    upstream: Server | None = None
    """For a proxy: what is behind it. For a page: the server that it asks."""
    warns: bool = False
    """The page connects even so, by polling: the finding is a warning."""
    address: str = ""
    """What the person writes behind the server's host."""
    more: tuple[str, ...] = ()
    """More of the command."""
    after: Client | None = None
    """What the page's client is once the page is mended."""
    transport: str = "websocket"
    """On which the client is in the end."""

    @property
    def key(self) -> tuple[str, str]:
        return self.cause, self.folder

    @property
    def stack(self) -> str:
        """As the fix names it."""
        return STACKS[self.folder]

    @property
    def file(self) -> Path:
        [file] = (HERE / self.folder).glob(f"{self.cause}.*")
        return file


HEADER = ("my-custom-header", "abcd")
_four, _two, _three = Client(), Client(version=2), Client(version=3)
_header, _cookies = Client(header=HEADER), Client(with_credentials=True)
_socket = Client(transports=("websocket",))
_up = on_node("4.8", "{cors: {origin: 'ORIGIN', credentials: true}}")
_closed = on_node("4.8")

PAIRS = [
    Pair("socket.io-4", "cors-not-configured"),
    Pair("socket.io-4", "origin-not-in-list"),
    Pair("socket.io-4", "static-origin-mismatch"),
    Pair("socket.io-4", "origin-trailing-slash"),
    Pair("socket.io-4", "origin-comma-list"),
    Pair("socket.io-4", "origin-no-scheme"),
    Pair("socket.io-4", "origin-callback-error"),
    Pair("socket.io-4", "wildcard-with-credentials", _cookies),
    Pair("socket.io-4", "acac-missing", _cookies),
    Pair("socket.io-4", "preflight-header-not-allowed", _header),
    Pair("socket.io-4", "preflight-unhandled-v2", _header),
    Pair("socket.io-4", "cors-on-handshake-only"),
    Pair("socket.io-4", "allowrequest-403"),
    Pair("socket.io-4", "ws-allowrequest-origin", _socket),
    Pair("socket.io-4", "transport-disabled"),
    Pair("socket.io-4", "path-mismatch"),
    Pair("socket.io-4", "trailing-slash-path", Client(path="/socket.io")),
    Pair("socket.io-4", "allow-upgrades-off", warns=True),
    Pair("socket.io-4", "client-too-old", _two),
    Pair("socket.io-4", "invalid-namespace", Client(namespace="/admin")),
    Pair("socket.io-4", "no-connect-reply"),
    Pair("socket.io-4", "connect-middleware-error", Client(auth='{"token":"abcdef"}')),
    Pair("socket.io-4", "ws-two-servers-conflict"),
    Pair("socket.io-4", "two-instances-one-server"),
    Pair("socket.io-4-ts", "cors-not-configured"),
    Pair("socket.io-4-ts", "static-origin-mismatch"),
    Pair("socket.io-4-ts", "origin-trailing-slash"),
    Pair("socket.io-4-ts", "origin-callback-error"),
    Pair("socket.io-4-ts", "wildcard-with-credentials", _cookies),
    Pair("socket.io-4-ts", "acac-missing", _cookies),
    Pair("socket.io-4-ts", "allowrequest-403"),
    Pair("socket.io-3", "cors-not-configured", _three),
    Pair("socket.io-3", "origin-not-in-list", _three),
    Pair("socket.io-3", "static-origin-mismatch", _three),
    Pair("socket.io-3", "origin-trailing-slash", _three),
    Pair("socket.io-3", "origin-comma-list", _three),
    Pair("socket.io-3", "origin-no-scheme", _three),
    Pair("socket.io-3", "origin-callback-error", _three),
    Pair("socket.io-3", "wildcard-with-credentials", Client(version=3, with_credentials=True)),
    Pair("socket.io-3", "acac-missing", Client(version=3, with_credentials=True)),
    Pair("socket.io-3", "preflight-header-not-allowed", Client(version=3, header=HEADER)),
    Pair("socket.io-3", "allowrequest-403", _three),
    Pair("socket.io-3", "transport-disabled", _three),
    Pair("socket.io-3", "invalid-namespace", Client(version=3, namespace="/admin")),
    Pair("socket.io-3", "no-connect-reply", _three),
    Pair("socket.io-3", "connect-middleware-error", Client(version=3, auth='{"token":"abcdef"}')),
    Pair("socket.io-2", "v2-origins-needs-port", _two, origin="http://localhost"),
    Pair("socket.io-2", "origin-not-in-list", _two),
    Pair("socket.io-2", "origin-trailing-slash", _two),
    Pair("socket.io-2", "origin-no-scheme", _two),
    Pair("socket.io-2", "allowrequest-403", _two),
    Pair("socket.io-2", "preflight-unhandled-v2", Client(version=2, header=HEADER)),
    Pair("socket.io-2", "preflight-header-not-allowed", Client(version=2, header=HEADER)),
    Pair("socket.io-2", "invalid-namespace", Client(version=2, namespace="/admin")),
    Pair("socket.io-2", "no-connect-reply", _two),
    Pair("socket.io-2", "connect-middleware-error", Client(version=2, query=("token", "abcdef"))),
    Pair("express", "app-listen-not-server-listen"),
    Pair("nestjs", "cors-not-configured"),
]
