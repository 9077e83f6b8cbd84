"""The opening handshake of a WebSocket, as RFC 6455 has it. Pure.

https://www.rfc-editor.org/rfc/rfc6455#section-4.1 · https://websockets.spec.whatwg.org/
"""

from __future__ import annotations

import base64
import hashlib
from typing import Literal

from sio_doctor.model import Response

#: The key of every handshake. A nonce guards against a cache that answers for the server; there is none to fear in a
#: diagnosis, and with one key a recorded handshake replays, whatever has been struck out of its URL since.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="

#: What can be wrong with the answer to an opening handshake, in the order in which RFC 6455 looks.
HandshakeFault = Literal[
    "status",
    "upgrade-missing",
    "upgrade-wrong",
    "upgrade-multiple",
    "connection-missing",
    "connection-wrong",
    "accept-missing",
    "accept-wrong",
    "accept-multiple",
    "extension",
    "protocol",
]


def accept(key: str) -> str:
    """The one right ``Sec-WebSocket-Accept`` for a key. https://www.rfc-editor.org/rfc/rfc6455#section-1.3"""
    return base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


def tokens(response: Response, name: str) -> list[str]:
    """The members of a comma-separated header, lower case."""
    return [member.strip(" \t").lower() for member in (response.get(name) or "").split(",") if member.strip(" \t")]


def handshake_faults(response: Response, key: str) -> list[HandshakeFault]:
    """All that is wrong with the answer, in the order of RFC 6455, section 4.1; empty where the connection opens.

    No subprotocol was asked for, and no extension but permessage-deflate.
    """
    faults: list[HandshakeFault] = []
    # 1. If the status code received from the server is not 101 …
    if response.status != 101:
        return ["status"]
    # 2. If the response lacks an |Upgrade| header field or it is not an ASCII case-insensitive match for "websocket" …
    upgrade = response.get_all("upgrade")
    if not upgrade:
        faults.append("upgrade-missing")
    elif len(upgrade) > 1:
        faults.append("upgrade-multiple")
    elif upgrade[0].lower() != "websocket":
        faults.append("upgrade-wrong")
    # 3. If the response lacks a |Connection| header field or it does not contain a token "Upgrade" …
    if response.get("connection") is None:
        faults.append("connection-missing")
    elif "upgrade" not in tokens(response, "connection"):
        faults.append("connection-wrong")
    # 4. If the response lacks a |Sec-WebSocket-Accept| header field or it is not the hash of the key …
    accepts = response.get_all("sec-websocket-accept")
    if not accepts:
        faults.append("accept-missing")
    elif any(value != accept(key) for value in accepts):
        faults.append("accept-wrong")
    elif len(accepts) > 1:
        faults.append("accept-multiple")
    # 5. If |Sec-WebSocket-Extensions| indicates an extension that was not present in the client's handshake …
    if unasked_extension(response) is not None:
        faults.append("extension")
    # 6. If |Sec-WebSocket-Protocol| indicates a subprotocol that was not present in the client's handshake …
    if response.get("sec-websocket-protocol") is not None:
        faults.append("protocol")
    return faults


def unasked_extension(response: Response) -> str | None:
    """The first extension that no browser asks for; None where there is none."""
    members = (response.get("sec-websocket-extensions") or "").split(",")
    names = [member.partition(";")[0].strip(" \t") for member in members if member.strip(" \t")]
    return next((name for name in names if name != "permessage-deflate"), None)


def deflate_fault(response: Response) -> tuple[Literal["duplicate", "name", "value"], str] | None:
    """What is wrong with a parameter of permessage-deflate, and its name; None where all are good.

    https://www.rfc-editor.org/rfc/rfc7692#section-7.1
    """
    for member in (response.get("sec-websocket-extensions") or "").split(","):
        seen: set[str] = set()
        for parameter in member.split(";")[1:]:
            name, sign, value = (part.strip(" \t") for part in parameter.partition("="))
            if not name:
                continue
            if name in seen:
                return "duplicate", name
            seen.add(name)
            match name:
                case "server_no_context_takeover" | "client_no_context_takeover":
                    good = not sign
                case "server_max_window_bits":
                    good = bool(sign) and _is_window(value)
                case "client_max_window_bits":
                    good = not sign or _is_window(value)
                case _:
                    return "name", name
            if not good:
                return "value", name
    return None


def _is_window(value: str) -> bool:
    digits = value.strip('"').removeprefix("+")
    return digits.isdecimal() and 8 <= int(digits) <= 15
