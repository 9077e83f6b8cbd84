"""The Engine.IO protocol, versions 3 and 4: packets, payloads, the open packet, and how servers word their refusals.

https://github.com/socketio/engine.io-protocol. What servers really send is wider than the protocol (the binary framing
of socket.io 1.x and python-socketio 4, errors as JSON objects or JSON strings), so the readers here take all of it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import msgspec

from sio_doctor.model import Framing, Handshake, Response

SEPARATOR = "\x1e"
TYPES = ("open", "close", "ping", "pong", "message", "upgrade", "noop")

#: Node's error codes: https://socket.io/docs/v4/troubleshooting-connection-issues/
ERRORS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    4: "Forbidden",
    5: "Unsupported protocol version",
}


class Packet(NamedTuple):
    """One Engine.IO packet: its type (one of ``TYPES``) and its data."""

    type: str
    data: str


def decode_packet(text: str) -> Packet:
    """One text packet, ``4data``. Raises ValueError where its type is none that Engine.IO knows."""
    if not text[:1].isdecimal() or not text[:1].isascii() or int(text[0]) >= len(TYPES):
        raise ValueError("this is no Engine.IO packet")
    return Packet(TYPES[int(text[0])], text[1:])


def decode_payload(body: bytes, protocol: Literal[3, 4]) -> list[Packet]:
    """The packets of a polling answer as a client of that protocol reads them. Raises ValueError where it cannot.

    Protocol 4 separates packets by U+001E. Protocol 3 gives each its length: in UTF-16 code units before a colon
    (``6:4hello``), or in binary (``00 06 ff 4hello``).
    """
    if protocol == 3:
        texts = _split_binary(body) if body[:1] in (b"\x00", b"\x01") else _split_lengths(body.decode())
    else:
        texts = body.decode().split(SEPARATOR)
    return [Packet("message", "") if text.startswith("b") else decode_packet(text) for text in texts]


def _split_lengths(text: str) -> list[str]:
    units = text.encode("utf-16-le")
    texts, at = [], 0
    while at < len(units):
        colon = units.find(":".encode("utf-16-le"), at)
        length = units[at:colon].decode("utf-16-le") if colon >= 0 else ""
        if not (length.isascii() and length.isdecimal() and len(length) < 10):
            raise ValueError("this is no Engine.IO 3 payload")
        start, at = colon + 2, colon + 2 + 2 * int(length)
        if at > len(units):
            raise ValueError("the Engine.IO 3 payload ends too early")
        texts.append(units[start:at].decode("utf-16-le", errors="replace"))
    if not texts:
        raise ValueError("this is no Engine.IO 3 payload")
    return texts


def _split_binary(body: bytes) -> list[str]:
    texts, at = [], 0
    while at < len(body):
        end = body.find(b"\xff", at, at + 12)
        digits = body[at + 1 : end] if end >= 0 else b""
        if body[at] > 1 or not digits or max(digits) > 9:
            raise ValueError("this is no binary Engine.IO 3 payload")
        length = int("".join(map(str, digits)))
        text = body[end + 1 : end + 1 + length]
        if len(text) < length:
            raise ValueError("the Engine.IO 3 payload ends too early")
        texts.append(("b" if body[at] == 1 else "") + text.decode(errors="replace"))
        at = end + 1 + length
    return texts


def encode_payload(packets: list[str], protocol: Literal[3, 4]) -> str:
    """Text packets as the body of a polling POST."""
    if protocol == 4:
        return SEPARATOR.join(packets)
    return "".join(f"{len(packet.encode('utf-16-le')) // 2}:{packet}" for packet in packets)


def read_open(response: Response) -> tuple[Handshake, list[Packet]] | None:
    """The handshake of a polling answer, in whichever framing, and the packets behind it; None where it is none."""
    if response.status != 200:
        return None
    body = response.bytes
    protocol: Literal[3, 4] = 4 if body[:1] == b"0" else 3
    framing: Framing = "v4" if protocol == 4 else "v3-binary" if body[:1] == b"\x00" else "v3"
    try:
        packets = decode_payload(body, protocol)
    except ValueError:
        return None
    handshake = open_packet(packets[0].data, framing, protocol) if packets[0].type == "open" else None
    return (handshake, packets[1:]) if handshake else None


def open_packet(data: str, framing: Framing = "v4", protocol: Literal[3, 4] = 4) -> Handshake | None:
    """The open packet's JSON; None where it is none (``sid`` missing, or no object)."""
    fields = _json(data)
    if not isinstance(fields, dict) or not isinstance(fields.get("sid"), str):
        return None
    upgrades = fields.get("upgrades")
    return Handshake(
        protocol=protocol,
        framing=framing,
        sid=fields["sid"],
        upgrades=tuple(str(name) for name in upgrades) if isinstance(upgrades, list) else (),
        ping_interval=_number(fields.get("pingInterval")),
        ping_timeout=_number(fields.get("pingTimeout")),
        max_payload=_number(fields.get("maxPayload")),
    )


class Refusal(NamedTuple):
    """An error that an Engine.IO server words itself."""

    family: Literal["node", "python"]
    code: int | None
    """Node's code, 0 to 5; None where there is none."""
    message: str
    form: Literal["json", "text"]
    """Node writes JSON to a request and plain text to a real upgrade: JSON there means that the Upgrade was lost."""

    @property
    def unknown_session(self) -> bool:
        """It does not know the session: Node's code 1, python-engineio's "Invalid session"."""
        return self.code == 1 if self.family == "node" else self.message.startswith("Invalid session")

    @property
    def is_of_origin(self) -> bool:
        """python-engineio does not accept the origin; Node leaves that to the browser."""
        return self.family == "python" and self.message.endswith("ot an accepted origin.")


#: How python-engineio's messages begin or end, all versions from 3.14 to 4.15.
PYTHON_MESSAGES = (
    "ot an accepted origin.",  # a sentence of its own, or behind the origin
    "Invalid session",
    "Invalid transport",
    "Invalid websocket upgrade",
    "The client is using an unsupported version",
    "Unexpected HTTP request",
    "Method Not Found",
)


def read_refusal(response: Response) -> Refusal | None:
    """The refusal of an Engine.IO server, Node's or Python's; None where the answer is not one."""
    if response.status < 400:
        return None
    text = response.text.strip()
    fields = _json(text)
    if isinstance(fields, dict) and "code" in fields and set(fields) <= {"code", "message"}:
        code = fields["code"]
        if code is None or (isinstance(code, int) and (code in ERRORS or isinstance(fields.get("message"), str))):
            return Refusal("node", code, str(fields.get("message", "")), "json")
        return None
    message = fields if isinstance(fields, str) else text
    if any(part in message for part in PYTHON_MESSAGES) and len(message) < 400:
        return Refusal("python", None, message, "json" if isinstance(fields, str) else "text")
    code = next((code for code, known in ERRORS.items() if known == text), None)
    if code is not None and (response.get("content-type") or "").startswith("text/html"):
        return Refusal("node", code, text, "text")
    return None


def session_of(url: str) -> str:
    """The sid that this request's URL carries, behind everything else as every client puts it; empty where none."""
    return unquote(url.partition("&sid=")[2])


def is_unknown_session(response: Response | None) -> bool:
    """An Engine.IO server answered that it does not know the session."""
    refusal = read_refusal(response) if response is not None else None
    return refusal is not None and refusal.unknown_session


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15 else None
