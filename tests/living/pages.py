"""A web server for pages on http://localhost, with the socket.io-client bundles of npm, as a page has them."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from sio_doctor.confirm.page import Line, Page
from sio_doctor.model import ClientVersion
from tests.servers import NODE_MODULES
from tests.servers.certificates import Certificate

#: What a page writes to use each version: `<script src="…">`.
BUNDLES: dict[ClientVersion, str] = {2: "dist/socket.io.js", 3: "dist/socket.io.js", 4: "dist/socket.io.js"}

PAGE = '<!doctype html><link rel="icon" href="data:,"><script src="/{version}.js"></script>'

#: One attempt of the client, and what the application hears: ``connect``, or the first ``connect_error``; null where
#: it hears neither.
ATTEMPT = """new Promise((resolve) => {
  const [url, options] = %s;
  const socket = io(url, { reconnection: false, forceNew: true, timeout: 5000, ...options });
  const engine = socket.io.engine;
  let connected = false;
  let upgraded = null;
  const done = (result) => { clearTimeout(patience); resolve(result); };
  const connects = () => done({ connects: true, transport: engine.transport.name });
  const fails = (error) => connected || done({ connects: false, error });
  const patience = setTimeout(() => (connected ? connects() : fails(null)), 8000);
  const settle = () => {
    const upgrades = engine._upgrades || engine.upgrades;
    const undecided = engine.transport.name === "polling" && options.transports.includes("websocket") &&
      upgrades.includes("websocket") && upgraded === null && engine.readyState === "open";
    if (connected && !undecided) connects();
  };
  engine.on("upgrade", () => { upgraded = true; settle(); });
  engine.on("upgradeError", () => { upgraded = false; settle(); });
  engine.on("close", () => setTimeout(settle, 0));
  socket.on("connect", () => { connected = true; settle(); });
  for (const name of ["connect_error", "error"])
    socket.on(name, (error) => fails(typeof error === "string" ? error : error.message));
  socket.on("disconnect", () => fails(null));
})"""


class Attempted(NamedTuple):
    """What came of one attempt in a real page."""

    connects: bool
    transport: str | None
    error: str | None
    console: list[Line]


def attempt(page: Page, url: str, options: dict[str, Any], *, auth: str | None = None) -> Attempted:
    """Lets the page's client connect to ``url`` with ``options`` and ``auth`` (JSON text), once."""
    asked = {**options, "auth": json.loads(auth)} if auth else options
    result = page.evaluate(ATTEMPT % json.dumps([url, asked]))
    return Attempted(result["connects"], result.get("transport"), result.get("error"), page.lines(quiet=0.1))


def bundle(version: ClientVersion) -> str:
    """The script that a page loads."""
    return (NODE_MODULES / f"socket.io-client-{version}" / BUNDLES[version]).read_text()


@contextmanager
def pages(own: Mapping[str, str] | None = None, *, certificate: Certificate | None = None) -> Iterator[str]:
    """Yields the origin, ``http://localhost:PORT``, of pages ``/2``, ``/3`` and ``/4``: each with that client. ``own``
    are more pages, by name, and may change meanwhile; with a certificate it is https.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            if name.endswith(".js"):
                version: Any = int(name.removesuffix(".js"))
                kind, body = "text/javascript", bundle(version).encode()
            else:
                kind, body = "text/html", ((own or {}).get(name) or PAGE.format(version=name)).encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
