"""The pairs of cause and stack that are proven: one entry here and one complete file each.

A file stands in ``tests/cures/<folder>/<cause>.<ending>`` and has its mistake between two comment lines, ``--- the
mistake`` and ``--- the end of it``. Its page is ``http://localhost:5173``; it listens on the port of the environment
(``PORT``), or on ``@PORT@``. To add one: write the file, and a line in ``PAIRS``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.living.more_pairs import NO_PREFLIGHT
from tests.living.pairs import (
    HEADER,
    OTHER_HEADERS,
    TOKEN,
    WEBSOCKET_ALONE,
    Client,
    Server,
    behind_nginx,
    on_node,
    on_python,
)
from tests.servers.certificates import self_signed
from tests.servers.node import node
from tests.servers.proxies import nginx

HERE = Path(__file__).parent
PAGE = "http://localhost:5173"
#: The origin of a page that the server of the pair serves itself.
OWN = ""

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
    "page-policy": "the page",
}

PROXIES = ("nginx", "haproxy", "apache", "caddy")

#: One of two processes behind a proxy.
PROCESS = """
const { Server } = require("socket.io");
new Server(Number(process.env.PORT), { cors: { origin: "http://localhost:5173", credentials: true } });
"""

#: What a file on Node finds under the name socket.io.
PACKAGES = {"socket.io-3": "socket.io-3", "socket.io-2": "socket.io-2"}

#: Hosts of pages by https.
SECURE = ("localhost", "app.example")

#: Cures of which there can be no proof here, and why.
NOT_PROVEN = {
    "those for Heroku, Render, Vercel, Cloudflare and other platforms": "their routers run nowhere else",
    "those by npm and pip (server-too-old, client-too-old in the page, python-no-websocket)": "a registry is needed",
    "those by certbot (tls-untrusted, tls-name-or-date)": "an authority is needed that browsers know",
    "those for cookies between two sites (cookie-samesite, sticky-cookie-not-sent)": "two sites by https are needed",
    "local-network-access, dns-fails, hsts-upgrade": "they are mended in the person's browser or network",
}

LETS_IN = on_node("4.8", "{cors: {origin: 'ORIGIN', credentials: true}}")


class Pair(NamedTuple):
    """One mistake in one file, and how its page's client is set."""

    folder: str
    cause: str
    client: Client = Client()
    origin: str = PAGE
    upstream: Server | None = None
    """For a proxy: what is behind it, where that is no Socket.IO 4 that lets the page in. For a page: whom it asks."""
    two: bool = False
    """For a proxy: two processes are behind it."""
    luck: bool = False
    """The page connects now and then."""
    warns: bool = False
    """The page connects even so, by polling: the finding is a warning."""
    address: str = ""
    """The URL that the page asks and the person checks, where it is not the server's own; ``HOST`` is its host."""
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
    def is_page(self) -> bool:
        """What runs is the page."""
        return self.folder.startswith("page")

    @property
    def behind(self) -> Server:
        """What is behind a proxy."""
        return self.upstream or LETS_IN

    @property
    def file(self) -> Path:
        [file] = (HERE / self.folder).glob(f"{self.cause}.*")
        return file


DENIED = "limit_except GET POST { deny all; }"


@contextmanager
def to_https(origin: str) -> Iterator[str]:
    """A server that sends everybody to another one, by https."""
    options = f"{{cors: {{origin: '{origin}'}}}}"
    with (
        node("4.8", options, tls=self_signed()) as secure,
        nginx([], server=f"return 301 {secure}$request_uri;") as url,
    ):
        yield url


_four, _two, _three = Client(), Client(version=2), Client(version=3)
_header, _cookies = Client(header=HEADER), Client(with_credentials=True)
_socket = Client(transports=("websocket",))
_star = on_node("4.8", "{cors: {origin: '*'}}")
_NEST = ("--stack", "nestjs")
_token = Client(auth='{"token":"abcdef"}')
_wants_token = on_node("4.8", "{cors: {origin: 'ORIGIN'}}", setup=TOKEN)
_below_api = on_node("4.8", "{path: '/api/socket.io/', cors: {origin: 'ORIGIN'}}")
_at_ws = on_node("4.8", "{path: '/ws/', cors: {origin: 'ORIGIN'}}")
_python = on_python("uvicorn", "cors_allowed_origins=['ORIGIN']")

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
    Pair("socket.io-4", "transport-disabled"),
    Pair("socket.io-4", "path-mismatch"),
    Pair("socket.io-4", "allow-upgrades-off", warns=True),
    Pair("socket.io-4", "client-too-old", _two),
    Pair("socket.io-4", "v2-client-always-credentialed", _two),
    Pair("socket.io-4", "acah-star-limits", Client(header=HEADER, with_credentials=True)),
    Pair("socket.io-4", "invalid-namespace", Client(namespace="/admin")),
    Pair("socket.io-4", "no-connect-reply"),
    Pair("socket.io-4", "connect-middleware-error", Client(auth='{"token":"abcdef"}')),
    Pair("socket.io-4", "ws-two-servers-conflict", warns=True),
    Pair("socket.io-4", "two-instances-one-server", warns=True),
    Pair("socket.io-4-ts", "cors-not-configured"),
    Pair("socket.io-4-ts", "static-origin-mismatch"),
    Pair("socket.io-4-ts", "origin-trailing-slash"),
    Pair("socket.io-4-ts", "origin-callback-error"),
    Pair("socket.io-4-ts", "wildcard-with-credentials", _cookies),
    Pair("socket.io-4-ts", "acac-missing", _cookies),
    Pair("socket.io-4-ts", "allowrequest-403", origin=OWN),
    Pair("socket.io-3", "cors-not-configured", _three),
    Pair("socket.io-3", "origin-not-in-list", _three),
    Pair("socket.io-3", "static-origin-mismatch", _three),
    Pair("socket.io-3", "origin-trailing-slash", _three),
    Pair("socket.io-3", "origin-comma-list", _three),
    Pair("socket.io-3", "origin-no-scheme", _three),
    Pair("socket.io-3", "wildcard-with-credentials", Client(version=3, with_credentials=True)),
    Pair("socket.io-3", "acac-missing", Client(version=3, with_credentials=True)),
    Pair("socket.io-3", "preflight-header-not-allowed", Client(version=3, header=HEADER)),
    Pair("socket.io-3", "allowrequest-403", _three, origin=OWN),
    Pair("socket.io-3", "transport-disabled", _three, origin=OWN),
    Pair("socket.io-3", "invalid-namespace", Client(version=3, namespace="/admin")),
    Pair("socket.io-3", "no-connect-reply", _three),
    Pair("socket.io-3", "connect-middleware-error", Client(version=3, auth='{"token":"abcdef"}')),
    Pair("socket.io-2", "v2-origins-needs-port", _two, origin="http://localhost"),
    Pair("socket.io-2", "preflight-unhandled-v2", Client(version=2, header=HEADER)),
    Pair("socket.io-2", "preflight-header-not-allowed", Client(version=2, header=HEADER)),
    Pair("socket.io-2", "invalid-namespace", Client(version=2, namespace="/admin")),
    Pair("socket.io-2", "no-connect-reply", _two),
    Pair("socket.io-2", "connect-middleware-error", Client(version=2, query=("token", "abcdef"))),
    Pair("express", "app-listen-not-server-listen"),
    Pair("nestjs", "cors-not-configured", more=_NEST),
    Pair("uvicorn", "python-origin-not-accepted"),
    Pair("uvicorn", "cors-not-configured"),
    Pair("uvicorn", "acac-missing", _cookies),
    Pair("uvicorn", "transport-disabled"),
    Pair("uvicorn", "path-mismatch"),
    Pair("uvicorn", "connect-middleware-error", Client(auth='{"token":"abcdef"}')),
    Pair("uvicorn", "invalid-namespace", Client(namespace="/admin")),
    Pair("uvicorn", "no-connect-reply"),
    Pair("uvicorn", "gunicorn-workers", luck=True),
    Pair("aiohttp", "python-origin-not-accepted"),
    Pair("aiohttp", "cors-not-configured"),
    Pair("aiohttp", "acac-missing", _cookies),
    Pair("aiohttp", "transport-disabled", origin=OWN),
    Pair("aiohttp", "no-connect-reply"),
    Pair("tornado", "python-origin-not-accepted"),
    Pair("tornado", "cors-not-configured"),
    Pair("tornado", "transport-disabled", origin=OWN),
    Pair("hypercorn", "python-origin-not-accepted"),
    Pair("hypercorn", "cors-not-configured"),
    Pair("hypercorn", "transport-disabled", origin=OWN),
    Pair("django", "python-origin-not-accepted"),
    Pair("django", "cors-not-configured"),
    Pair("django", "transport-disabled", origin=OWN),
    Pair("wsgi", "python-origin-not-accepted"),
    Pair("wsgi", "cors-not-configured"),
    Pair("flask-socketio", "python-origin-not-accepted"),
    Pair("flask-socketio", "cors-not-configured"),
    Pair("flask-socketio", "acac-missing", _cookies),
    Pair("flask-socketio", "transport-disabled", origin=OWN),
    Pair("flask-socketio", "path-mismatch"),
    Pair("flask-socketio", "connect-middleware-error", Client(auth='{"token":"abcdef"}')),
    Pair("flask-socketio", "invalid-namespace", Client(namespace="/admin")),
    Pair("flask-socketio", "no-connect-reply"),
    Pair("flask-socketio", "gunicorn-workers", luck=True),
    Pair("fastapi", "duplicate-acao-framework"),
    Pair("fastapi", "fastapi-middleware-only"),
    Pair("fastapi", "origin-not-in-list"),
    Pair("fastapi", "acac-missing", _cookies),
    Pair("fastapi", "wildcard-with-credentials", _cookies),
    Pair("fastapi", "preflight-header-not-allowed", _header),
    Pair("fastapi", "path-mismatch"),
    Pair("fastapi", "asgi-mount-path"),
    Pair("nginx", "ws-proxy-no-upgrade", warns=True),
    Pair("nginx", "proxy-strips-path"),
    Pair("nginx", "duplicate-acao-proxy"),
    Pair("nginx", "proxy-strips-acao", upstream=_star),
    Pair("nginx", "static-origin-mismatch"),
    Pair("nginx", "wildcard-with-credentials", _cookies),
    Pair("nginx", "preflight-blocked-upstream", _header),
    Pair("nginx", "preflight-empty-2xx", _header),
    Pair("nginx", "preflight-redirect", Client(header=("Authorization", "Bearer abcdef"))),
    Pair("nginx", "error-response-without-cors"),
    Pair("nginx", "basic-auth-or-401"),
    Pair("nginx", "html-instead-of-handshake"),
    Pair("nginx", "gateway-5xx-no-cors"),
    Pair("nginx", "transport-unknown"),
    Pair("nginx", "trailing-slash-path"),
    Pair("nginx", "redirect-to-login"),
    Pair("nginx", "python-origin-not-accepted", upstream=_python),
    Pair("nginx", "python-behind-tls-proxy", origin=OWN, upstream=on_python("uvicorn", "")),
    Pair("nginx", "no-sticky-sessions", two=True),
    Pair("nginx", "rate-limit"),
    Pair("haproxy", "ws-proxy-no-upgrade", warns=True),
    Pair("haproxy", "proxy-strips-path"),
    Pair("haproxy", "duplicate-acao-proxy"),
    Pair("haproxy", "proxy-strips-acao", upstream=_star),
    Pair("haproxy", "static-origin-mismatch"),
    Pair("haproxy", "wildcard-with-credentials", _cookies),
    Pair("haproxy", "preflight-blocked-upstream", _header),
    Pair("haproxy", "preflight-empty-2xx", _header),
    Pair("haproxy", "error-response-without-cors"),
    Pair("haproxy", "basic-auth-or-401"),
    Pair("haproxy", "gateway-5xx-no-cors"),
    Pair("haproxy", "transport-unknown"),
    Pair("haproxy", "trailing-slash-path"),
    Pair("haproxy", "no-sticky-sessions", two=True),
    Pair("haproxy", "rate-limit"),
    Pair("apache", "ws-proxy-no-upgrade", warns=True),
    Pair("apache", "proxy-strips-path"),
    Pair("apache", "duplicate-acao-proxy"),
    Pair("apache", "proxy-strips-acao", upstream=_star),
    Pair("apache", "static-origin-mismatch"),
    Pair("apache", "wildcard-with-credentials", _cookies),
    Pair("apache", "preflight-blocked-upstream", _header),
    Pair("apache", "preflight-empty-2xx", _header),
    Pair("apache", "error-response-without-cors"),
    Pair("apache", "basic-auth-or-401"),
    Pair("apache", "html-instead-of-handshake"),
    Pair("apache", "gateway-5xx-no-cors"),
    Pair("apache", "no-sticky-sessions", two=True),
    Pair("caddy", "ws-proxy-no-upgrade", warns=True),
    Pair("caddy", "proxy-strips-path"),
    Pair("caddy", "duplicate-acao-proxy"),
    Pair("caddy", "proxy-strips-acao", upstream=_star),
    Pair("caddy", "static-origin-mismatch"),
    Pair("caddy", "wildcard-with-credentials", _cookies),
    Pair("caddy", "preflight-blocked-upstream", _header),
    Pair("caddy", "preflight-empty-2xx", _header),
    Pair("caddy", "error-response-without-cors"),
    Pair("caddy", "basic-auth-or-401"),
    Pair("caddy", "html-instead-of-handshake"),
    Pair("caddy", "gateway-5xx-no-cors"),
    Pair("caddy", "transport-unknown"),
    Pair("caddy", "no-sticky-sessions", two=True),
    Pair("page", "path-mismatch", upstream=_below_api, after=Client(path="/api/socket.io/")),
    Pair("page", "path-vs-namespace", address="http://HOST/ws", upstream=_at_ws, after=Client(path="/ws/")),
    Pair("page", "transport-disabled", upstream=on_node("4.8", WEBSOCKET_ALONE), after=_socket),
    Pair("page", "wildcard-with-credentials", _cookies, upstream=_star, after=_four),
    Pair("page", "preflight-header-not-allowed", _header, upstream=on_node("4.8", OTHER_HEADERS), after=_token),
    Pair("page", "preflight-empty-2xx", _header, upstream=behind_nginx(LETS_IN, NO_PREFLIGHT), after=_token),
    Pair("page", "preflight-blocked-upstream", _header, upstream=behind_nginx(LETS_IN, DENIED), after=_token),
    Pair("page", "preflight-unhandled-v2", Client(version=2, header=HEADER), upstream=on_node("2.5"), after=_two),
    Pair("page", "connect-middleware-error", upstream=_wants_token, after=_token),
    Pair("page", "invalid-namespace", Client(namespace="/admin"), upstream=LETS_IN, after=_four),
    Pair("page", "tls-plain-mixup", address="https://HOST", upstream=LETS_IN),
    Pair("page", "redirect-http-to-https", upstream=to_https, more=("--insecure",)),
    Pair("socket.io-4", "origin-port"),
    Pair("socket.io-4", "origin-scheme"),
    Pair("socket.io-4", "origin-www-subdomain", origin="http://chat.example"),
    Pair("socket.io-4", "origin-localhost-vs-127"),
    Pair("socket.io-4", "origin-star-in-array"),
    Pair("socket.io-3", "origin-port", _three),
    Pair("socket.io-3", "origin-scheme", _three),
    Pair("socket.io-3", "origin-www-subdomain", _three, origin="http://chat.example"),
    Pair("socket.io-3", "origin-localhost-vs-127", _three),
    Pair("socket.io-3", "origin-star-in-array", _three),
    Pair("socket.io-4-ts", "origin-port"),
    Pair("socket.io-4", "express-cors-only"),
    Pair("nestjs", "nest-enablecors-only", more=_NEST),
    Pair("nestjs", "origin-trailing-slash", more=_NEST),
    Pair("nestjs", "origin-port", more=_NEST),
    Pair("nestjs", "static-origin-mismatch", more=_NEST),
    Pair("nestjs", "wildcard-with-credentials", _cookies, more=_NEST),
    Pair("nestjs", "acac-missing", _cookies, more=_NEST),
    Pair("nestjs", "preflight-header-not-allowed", _header, more=_NEST),
    Pair("uvicorn", "origin-port"),
    Pair("uvicorn", "origin-localhost-vs-127"),
    Pair("uvicorn", "origin-trailing-slash"),
    Pair("uvicorn", "origin-scheme"),
    Pair("flask-socketio", "origin-port"),
    Pair("flask-socketio", "origin-localhost-vs-127"),
    Pair("flask-socketio", "origin-trailing-slash"),
    Pair("flask-socketio", "origin-scheme"),
    Pair("aiohttp", "origin-port"),
    Pair("aiohttp", "origin-localhost-vs-127"),
    Pair("aiohttp", "origin-trailing-slash"),
    Pair("aiohttp", "origin-scheme"),
    Pair("page-policy", "csp-connect-src", upstream=_star),
]
