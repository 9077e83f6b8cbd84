"""A forward proxy on loopback, as companies have one: it alone knows where the names are.

with raw(forward({"api.invalid": port})) as proxy:
    ... proxy.url ... proxy.heard
"""

from __future__ import annotations

import base64
import contextlib
import select
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.servers.raw import Peer, Script


def forward(ports: Mapping[str, int], *, credentials: str = "") -> Script:
    """Fetch from, or make a tunnel to, the port of 127.0.0.1 that the host has; 503 for every other host.

    With ``credentials`` (``user:password``), 407 to whoever does not give them.
    """
    basic = f"proxy-authorization: basic {base64.b64encode(credentials.encode()).decode()}".lower()

    def script(peer: Peer) -> None:
        head, _, body = peer.hear().decode("latin-1").partition("\r\n\r\n")
        request_line, *lines = head.split("\r\n")
        method, target, version = request_line.split(" ")
        if credentials and basic not in head.lower():
            return peer.say(b'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
        tunnel = method == "CONNECT"
        place = urlsplit(f"//{target}" if tunnel else target)
        port = ports.get(place.hostname or "")
        if port is None:
            return peer.say(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as server:
            if tunnel:
                peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                own = [line for line in lines if not line.lower().startswith(("connection:", "proxy-"))]
                path = place.path + (f"?{place.query}" if place.query else "")
                own = [f"{method} {path} {version}", *own, "Connection: close", "", body]
                server.sendall("\r\n".join(own).encode("latin-1"))
            return relay(peer.socket, server)

    return script


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either says, until one of them closes, or is closed by ``raw`` at its end (-1 is no descriptor)."""
    with contextlib.suppress(ValueError):
        while True:
            for side in select.select([one, other], [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return
                (other if side is one else one).sendall(data)
