"""Real servers and real clients, in pairs: what people have, and what they have got wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NamedTuple

from sio_doctor.model import ClientVersion, Plan
from sio_doctor.plan import make_plan
from tests.servers.node import Mode, Version, node
from tests.servers.proxies import haproxy, nginx
from tests.servers.python import Kind, python_server
from tests.servers.raw import answer, nothing, raw

#: Starts a server for a page of that origin; yields its base URL.
Server = Callable[[str], AbstractContextManager[str]]

BOTH = ("polling", "websocket")


class Client(NamedTuple):
    """socket.io-client with these options, as the page and as ``check`` are told of them."""

    version: ClientVersion = 4
    transports: tuple[str, ...] = BOTH
    with_credentials: bool | None = None
    header: tuple[str, str] | None = None
    namespace: str = ""
    auth: str | None = None
    query: tuple[str, str] | None = None
    path: str | None = None
    try_all: bool = False
    patience: float = 10.0
    """Seconds that ``check`` waits for an answer."""

    def options(self) -> dict[str, Any]:
        """The second argument of ``io()``; auth is left out (it is JSON already)."""
        options: dict[str, Any] = {"transports": self.transports}
        if self.with_credentials is not None:
            options["withCredentials"] = self.with_credentials
        if self.header is not None:
            headers = dict([self.header])
            # Version 2 takes them here alone in a page; at the top level it ignores them.
            options |= {"transportOptions": {"polling": {"extraHeaders": headers}}}
            options |= {"extraHeaders": headers} if self.version > 2 else {}
        if self.query is not None:
            options["query"] = dict([self.query])
        if self.path is not None:
            options["path"] = self.path
        if self.try_all:
            options["tryAllTransports"] = True
        return options

    def plan(self, url: str, origin: str) -> Plan:
        """The plan of ``check`` for the same."""
        return make_plan(
            url,
            origins=[origin],
            version=self.version,
            transports=self.transports,
            try_all_transports=self.try_all,
            with_credentials=self.with_credentials,
            headers=[f"{self.header[0]}: {self.header[1]}"] if self.header else (),
            namespace=self.namespace or None,
            auth=self.auth,
            query=[f"{self.query[0]}={self.query[1]}"] if self.query else (),
            path=self.path,
            timeout=self.patience,
            browsers=["chromium"],
        )


class Pair(NamedTuple):
    """One of the cases."""

    name: str
    server: Server
    client: Client


def on_node(version: Version, options: str = "{}", *, setup: str = "", mode: Mode = "express") -> Server:
    """``ORIGIN`` in ``options`` and ``setup`` stands for the page's origin."""
    return lambda origin: node(
        version, options.replace("ORIGIN", origin), setup=setup.replace("ORIGIN", origin), mode=mode
    )


def on_python(kind: Kind, options: str = "", *, middleware: str = "", mount: str = "/", setup: str = "") -> Server:
    return lambda origin: python_server(
        kind,
        options.replace("ORIGIN", origin),
        middleware=middleware.replace("ORIGIN", origin),
        mount=mount,
        setup=setup,
    )


def behind_nginx(
    upstream: Server,
    location: str = "",
    *,
    path: str = "/",
    websocket: bool = True,
    workers: int = 1,
    proxy_pass: str = "http://upstream",
) -> Server:
    """``workers`` of that server, which are asked in turn."""

    @contextmanager
    def run(origin: str) -> Iterator[str]:
        with ExitStack() as servers:
            urls = [servers.enter_context(upstream(origin)) for _ in range(workers)]
            lines = location.replace("ORIGIN", origin)
            with nginx(urls, lines, path=path, websocket=websocket, proxy_pass=proxy_pass) as proxy:
                yield proxy

    return run


def nginx_alone(location: str) -> Server:
    return lambda origin: nginx([], server=f"location / {{ {location.replace('ORIGIN', origin)} }}")


def behind_haproxy(upstream: Server, frontend: str = "", backend: str = "") -> Server:
    @contextmanager
    def run(origin: str) -> Iterator[str]:
        with (
            upstream(origin) as url,
            haproxy([url], frontend=frontend, backend=backend.replace("ORIGIN", origin)) as proxy,
        ):
            yield proxy

    return run


@contextmanager
def ssh(origin: str) -> Iterator[str]:
    """A port where something else than HTTP is spoken."""
    with raw(answer(b"SSH-2.0-OpenSSH_9.2\r\n")) as server:
        yield server.url


def gone(origin: str) -> AbstractContextManager[str]:
    """A port where nothing listens."""
    return nothing()


ALLOW = "{cors: {origin: 'ORIGIN'}}"
CREDENTIALS = "{cors: {origin: 'ORIGIN', credentials: true}}"
HEADER = ("my-custom-header", "abcd")
NOT_AUTHORIZED = "io.use((socket, next) => next(new Error('not authorized')))"
TOKEN = "io.use((s, next) => s.handshake.auth.token === 'abcdef' ? next() : next(new Error('bad token')))"
REFUSE = "allowRequest: (request, callback) => callback('no', false)"
PREFLIGHT_2 = """{handlePreflightRequest: (request, response) => {
  response.writeHead(200, {'Access-Control-Allow-Headers': 'my-custom-header',
    'Access-Control-Allow-Origin': request.headers.origin, 'Access-Control-Allow-Credentials': true});
  response.end();
}}"""
STAR = "{cors: {origin: '*', credentials: true}}"
OTHER_HEADERS = "{cors: {origin: 'ORIGIN', allowedHeaders: ['x-a']}}"
STAR_PY = "cors_allowed_origins='*'"
WEBSOCKET_ALONE = "{transports: ['websocket'], cors: {origin: 'ORIGIN'}}"
POLLING_ALONE = "{transports: ['polling'], cors: {origin: 'ORIGIN'}}"
ADD = "add_header Access-Control-Allow-Origin 'ORIGIN' always;"

_doubled = on_python("fastapi", STAR_PY, middleware="allow_origins=['*']")
_four, _three, _two = Client(), Client(version=3), Client(version=2)
_websocket = Client(transports=("websocket",))

PAIRS = [
    # Who is let in
    Pair("no cors option", on_node("4.8"), _four),
    Pair("no cors option, WebSocket alone", on_node("4.8"), _websocket),
    Pair("no cors option, WebSocket first", on_node("4.8"), Client(transports=("websocket", "polling"))),
    Pair("the page's origin", on_node("4.8", ALLOW), _four),
    Pair("the page's origin, polling alone", on_node("4.8", ALLOW), Client(transports=("polling",))),
    Pair("another origin", on_node("4.8", "{cors: {origin: 'http://other.example'}}"), _four),
    Pair("a slash too many", on_node("4.8", "{cors: {origin: 'ORIGIN/'}}"), _four),
    Pair("a list without the page", on_node("4.8", "{cors: {origin: ['http://other.example']}}"), _four),
    Pair("star", on_node("4.8", "{cors: {origin: '*'}}"), _four),
    Pair("express cors, which does not reach Socket.IO", on_node("4.8", setup="app.use(cors())"), _four),
    Pair("refused by allowRequest", on_node("4.8", f"{{cors: {{origin: 'ORIGIN'}}, {REFUSE}}}"), _four),
    # Credentials and headers
    Pair("credentials", on_node("4.8", CREDENTIALS), Client(with_credentials=True)),
    Pair("credentials, not allowed", on_node("4.8", ALLOW), Client(with_credentials=True)),
    Pair("credentials, star", on_node("4.8", STAR), Client(with_credentials=True)),
    Pair("a header", on_node("4.8", ALLOW), Client(header=HEADER)),
    Pair("a header, no cors option", on_node("4.8"), Client(header=HEADER)),
    Pair("a header, another allowed", on_node("4.8", OTHER_HEADERS), Client(header=HEADER)),
    Pair("a header and credentials", on_node("4.8", CREDENTIALS), Client(header=HEADER, with_credentials=True)),
    Pair("a header, over WebSocket", on_node("4.8"), Client(header=HEADER, transports=("websocket",))),
    # Versions across
    Pair("2 on 2", on_node("2.5"), _two),
    Pair("2 on 2, a header", on_node("2.5"), Client(version=2, header=HEADER)),
    Pair("2 on 2, a header that the preflight allows", on_node("2.5", PREFLIGHT_2), Client(version=2, header=HEADER)),
    Pair("2 on 2, other origins", on_node("2.5", "{origins: 'http://other.example:*'}"), _two),
    Pair("2 on 2, a namespace", on_node("2.5", setup="io.of('/admin')"), Client(version=2, namespace="/admin")),
    Pair("2 on 3", on_node("3.1", CREDENTIALS), _two),
    Pair("2 on 4, allowEIO3", on_node("4.8", CREDENTIALS.replace("{cors", "{allowEIO3: true, cors")), _two),
    Pair("2 on 4, without credentials", on_node("4.8", ALLOW), Client(version=2, with_credentials=False)),
    Pair("2 on 4, WebSocket alone", on_node("4.8", ALLOW), Client(version=2, transports=("websocket",))),
    Pair("3 on 2", on_node("2.5"), _three),
    Pair("3 on 2, WebSocket alone", on_node("2.5"), Client(version=3, transports=("websocket",))),
    Pair("3 on 3", on_node("3.1", ALLOW), _three),
    Pair("3 on 4", on_node("4.8", ALLOW), _three),
    Pair("4 on 2", on_node("2.5"), _four),
    Pair("4 on 3", on_node("3.1", ALLOW), _four),
    # Transports, path, namespace, authorisation
    Pair("the server has WebSocket alone", on_node("4.8", WEBSOCKET_ALONE), _four),
    Pair("the server has polling alone", on_node("4.8", POLLING_ALONE), _websocket),
    Pair("no upgrade", on_node("4.8", "{allowUpgrades: false, cors: {origin: 'ORIGIN'}}"), _four),
    Pair("another path", on_node("4.8", "{path: '/ws/', cors: {origin: 'ORIGIN'}}"), _four),
    Pair("that path", on_node("4.8", "{path: '/ws/', cors: {origin: 'ORIGIN'}}"), Client(path="/ws/")),
    Pair("a namespace", on_node("4.8", ALLOW, setup="io.of('/admin')"), Client(namespace="/admin")),
    Pair("a namespace that is not there", on_node("4.8", ALLOW), Client(namespace="/admin")),
    Pair("not authorized", on_node("4.8", ALLOW, setup=NOT_AUTHORIZED), _four),
    Pair("the right token", on_node("4.8", ALLOW, setup=TOKEN), Client(auth='{"token":"abcdef"}')),
    Pair("no token", on_node("4.8", ALLOW, setup=TOKEN), _websocket),
    Pair("a query", on_node("4.8", ALLOW), Client(query=("a", "1 b"))),
    # What is no Socket.IO
    Pair("one page for everything", on_node("4.8", mode="spa"), _four),
    Pair("one page for everything, with CORS", on_node("4.8", mode="spa", setup="app.use(cors())"), _four),
    Pair("express without Socket.IO", on_node("4.8", mode="plain", setup="app.use(cors())"), _four),
    Pair("a plain WebSocket server", on_node("4.8", mode="ws-only"), _four),
    Pair("nobody there", gone, _four),
    Pair("nobody there, WebSocket", gone, _websocket),
    # Python
    Pair("python-socketio, own origin alone", on_python("uvicorn"), _four),
    Pair("python-socketio, own origin alone, WebSocket", on_python("uvicorn"), _websocket),
    Pair("python-socketio, the page's origin", on_python("uvicorn", "cors_allowed_origins=['ORIGIN']"), _four),
    Pair("python-socketio, no such namespace", on_python("uvicorn", STAR_PY), Client(namespace="/admin")),
    Pair("python-socketio, CORS off", on_python("uvicorn", "cors_allowed_origins=[]"), _four),
    Pair("aiohttp, star", on_python("aiohttp", STAR_PY), Client(with_credentials=True)),
    Pair("Flask-SocketIO", on_python("flask", "cors_allowed_origins='ORIGIN'"), _four),
    Pair("FastAPI, both set CORS", _doubled, _four),
    # Proxies
    Pair("nginx", behind_nginx(on_node("4.8", ALLOW)), _four),
    Pair("nginx loses the upgrade", behind_nginx(on_node("4.8", ALLOW), websocket=False), _four),
    Pair("nginx loses the upgrade, WebSocket alone", behind_nginx(on_node("4.8", ALLOW), websocket=False), _websocket),
    Pair("nginx sets the header again", behind_nginx(on_node("4.8", ALLOW), ADD), _four),
    Pair("nginx has the other path", behind_nginx(on_node("4.8", ALLOW), path="/api/"), _four),
    Pair("nginx refuses", behind_nginx(on_node("4.8", ALLOW), "return 403;"), _four),
    Pair("nginx, nobody behind it", behind_nginx(gone), _four),
    Pair("HAProxy", behind_haproxy(on_node("4.8", ALLOW)), _four),
]  # fmt: skip
