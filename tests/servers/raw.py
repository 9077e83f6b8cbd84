"""A scripted server on loopback: any bytes, half an answer, silence, a reset. Each connection is a thread.

with raw(answer(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")) as server:
    ... server.url ... server.heard
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: What one connection does; it is closed when the script returns. A broken pipe ends it quietly.
Script = Callable[["Peer"], None]


@dataclass
class Peer:
    """One connection, seen from the server."""

    socket: socket.socket
    heard: list[bytes]
    stopped: threading.Event

    def hear(self) -> bytes:
        """Read a request's head, and the body that its Content-Length promises; b"" when the client closed."""
        request = b""
        while b"\r\n\r\n" not in request:
            came = self.socket.recv(65536)
            if not came:
                return b""
            request += came
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        while len(body) < length:
            body += self.socket.recv(65536)
        self.heard.append(head + b"\r\n\r\n" + body)
        return self.heard[-1]

    def say(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def hang(self) -> None:
        """Say nothing until the client has gone."""
        while self.socket.recv(65536):
            pass

    def reset(self) -> None:
        """Close with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def answer(*pieces: bytes) -> Script:
    """Answer one request with the pieces, then close."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"".join(pieces))

    return script


def answer_then_hang(*pieces: bytes) -> Script:
    """Answer one request with the pieces, then keep the connection open and silent."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(b"".join(pieces))
        peer.hang()

    return script


def keep_alive(*answers: bytes) -> Script:
    """Answer one request after the other on the same connection, then close."""

    def script(peer: Peer) -> None:
        for piece in answers:
            if not peer.hear():
                return
            peer.say(piece)

    return script


def endless(start: bytes, again: bytes) -> Script:
    """Answer one request with ``start``, then ``again`` for ever, as fast as it is taken."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(start)
        while True:
            peer.say(again)

    return script


def drip(start: bytes, again: bytes, every: float = 0.05) -> Script:
    """Answer one request with ``start``, then ``again`` for ever, each ``every`` seconds."""

    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(start)
        while not peer.stopped.wait(every):
            peer.say(again)

    return script


@dataclass
class Raw:
    """A running server."""

    host: str
    port: int
    secure: bool
    connections: int = 0
    heard: list[bytes] = field(default_factory=list)
    """The requests that came whole, in order."""

    @property
    def url(self) -> str:
        """``http(s)://host:port`` without a slash."""
        return self.at("https" if self.secure else "http")

    def at(self, scheme: str, host: str | None = None) -> str:
        """The same port by another scheme or name."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{scheme}://{name}:{self.port}"


@contextlib.contextmanager
def raw(*scripts: Script, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Raw]:
    """The n-th connection follows the n-th script; the last one serves all that come later."""
    stopped = threading.Event()
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=64)
    server = Raw(host, listener.getsockname()[1], tls is not None)

    def serve(plain: socket.socket, script: Script) -> None:
        connection = plain
        with contextlib.suppress(OSError):
            if tls is not None:
                connection = tls.wrap_socket(plain, server_side=True)
                open_sockets.append(connection)
            script(Peer(connection, server.heard, stopped))
        connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_sockets.append(connection)
            script = scripts[min(server.connections, len(scripts) - 1)]
            server.connections += 1
            threads.append(threading.Thread(target=serve, args=(connection, script), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        stopped.set()
        for open_socket in [listener, *open_sockets]:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in [acceptor, *threads]:
            thread.join(timeout=5)


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """The URL of a port whose queue is full: connections are neither accepted nor refused, as by a firewall."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def nothing() -> Iterator[str]:
    """The URL of a port that refuses connections: it is taken, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
