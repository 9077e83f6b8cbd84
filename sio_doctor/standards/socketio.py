"""The Socket.IO protocol, versions 4 (client 2) and 5 (clients 3 and 4), as far as connecting goes.

https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

CONNECT, DISCONNECT, EVENT, ACK, ERROR = "01234"


class SocketPacket(NamedTuple):
    """A Socket.IO packet: type digit, namespace, and its data as JSON text (``""`` where there is none)."""

    type: str
    namespace: str
    data: str


def connect(namespace: str, auth: str | None = None) -> str:
    """The Engine.IO message that asks to join ``namespace``: ``40``, ``40/admin,{"token":"…"}``."""
    # A namespace that nothing follows keeps its comma: socket.io-client writes it.
    return "40" + ("" if namespace == "/" else f"{namespace},") + (auth or "")


def decode(text: str) -> SocketPacket:
    """What stands in an Engine.IO message: ``0/admin,{"sid":"…"}``. Raises ValueError where it is no packet."""
    if text[:1] not in tuple("0123456"):
        raise ValueError("this is no Socket.IO packet")
    kind, rest, namespace = text[0], text[1:], "/"
    if rest.startswith("/"):
        namespace, _, rest = rest.partition(",")
    return SocketPacket(kind, namespace.partition("?")[0], rest)


def error_message(packet: SocketPacket) -> str:
    """What a CONNECT_ERROR says: ``{"message": …}`` in protocol 5, a bare value in protocol 4."""
    value = json(packet.data)
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])
    return value if isinstance(value, str) else packet.data


def json(text: str) -> Any:
    """The JSON value of ``text``; None where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
