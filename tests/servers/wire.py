"""Asking a server with the standard library alone, so that the servers are not judged by what they are to test."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

PAGE = "http://localhost:3000"
FOREIGN = "https://evil.example"
TIMEOUT = 10.0


class Reply(NamedTuple):
    """Status, header lines in wire order, body."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def all(self, name: str) -> list[str]:
        """The value of each header line of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The value of that header; None where it is absent. Two lines of it are a failure."""
        values = self.all(name)
        assert len(values) < 2, f"{name} {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def origin(self) -> str | None:
        """Access-Control-Allow-Origin."""
        return self.one("Access-Control-Allow-Origin")


def ask(
    base: str, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
) -> Reply:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return Reply(response.status, response.getheaders(), response.read().decode())
    finally:
        connection.close()


def polling(eio: int = 4, sid: str = "") -> str:
    """The path of the handshake, or of a session."""
    return f"/socket.io/?EIO={eio}&transport=polling" + (f"&sid={sid}" if sid else "")


def handshake(base: str, origin: str | None = PAGE, *, eio: int = 4) -> Reply:
    """The GET that opens a session; without an Origin header where ``origin`` is None."""
    return ask(base, polling(eio), headers={} if origin is None else {"Origin": origin})


def preflight(base: str, origin: str = PAGE, *, headers: str | None = "my-custom-header", eio: int = 4) -> Reply:
    """The preflight of a GET with ``headers``."""
    sent = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    if headers is not None:
        sent["Access-Control-Request-Headers"] = headers
    return ask(base, polling(eio), method="OPTIONS", headers=sent)


def websocket_status(base: str, origin: str | None = PAGE, *, eio: int = 4, path: str = "/socket.io/") -> int:
    """The status that answers a WebSocket opening handshake."""
    target = urlsplit(base)
    lines = [
        f"GET {path}?EIO={eio}&transport=websocket HTTP/1.1",
        f"Host: {target.netloc}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([] if origin is None else [f"Origin: {origin}"]),
    ]
    with socket.create_connection((target.hostname, target.port), timeout=TIMEOUT) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        with connection.makefile("rb") as answer:
            return int(answer.readline().split()[1])
