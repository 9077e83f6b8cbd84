"""The opening handshake of a WebSocket, as RFC 6455 has it. Pure.

https://www.rfc-editor.org/rfc/rfc6455#section-4.1 · https://websockets.spec.whatwg.org/
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Literal, NamedTuple

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

#: How Sec-WebSocket-Extensions is read: by the letter; whole, not split at commas; or so that little slips matter less.
ExtensionReading = Literal["strict", "one", "lenient"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_EXTENSION = re.compile(rf'{_TOKEN}([ \t]*;[ \t]*{_TOKEN}([ \t]*=[ \t]*({_TOKEN}|"{_TOKEN}"))?)*')
_FLAGS = frozenset({"server_no_context_takeover", "client_no_context_takeover"})
_BITS = frozenset({"server_max_window_bits", "client_max_window_bits"})
_WINDOWS = [str(bits) for bits in range(8, 16)]


def accept(key: str) -> str:
    """The one right ``Sec-WebSocket-Accept`` for a key. https://www.rfc-editor.org/rfc/rfc6455#section-1.3"""
    return base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


def values(response: Response, name: str, separators: str = ",") -> list[str]:
    """The members of a comma-separated header, of all its lines, empty ones and all."""
    return [member.strip(" \t") for line in response.get_all(name) for member in re.split(f"[{separators}]", line)]


def handshake_faults(
    response: Response,
    key: str,
    *,
    separators: str = ",",
    extensions: ExtensionReading = "strict",
    last_accept_counts: bool = False,
) -> list[HandshakeFault]:
    """All that is wrong with the answer, in the order of RFC 6455, section 4.1; empty where the connection opens.

    No subprotocol was asked for, and no extension but permessage-deflate.
    """
    faults: list[HandshakeFault] = []
    # 1. If the status code received from the server is not 101 …
    if response.status != 101:
        return ["status"]
    # 2. If the response lacks an |Upgrade| header field or it is not an ASCII case-insensitive match for "websocket" …
    upgrade = [value.lower() for value in values(response, "upgrade", separators)]
    if not upgrade:
        faults.append("upgrade-missing")
    elif "websocket" not in upgrade:
        faults.append("upgrade-wrong")
    elif len(upgrade) > 1:
        faults.append("upgrade-multiple")
    # 3. If the response lacks a |Connection| header field or it does not contain a token "Upgrade" …
    connection = [value.lower() for value in values(response, "connection", separators)]
    if not connection:
        faults.append("connection-missing")
    elif "upgrade" not in connection:
        faults.append("connection-wrong")
    # 4. If the response lacks a |Sec-WebSocket-Accept| header field or it is not the hash of the key …
    accepts = response.get_all("sec-websocket-accept")[-1 if last_accept_counts else 0 :]
    if not accepts:
        faults.append("accept-missing")
    elif any(value != accept(key) for value in accepts):
        faults.append("accept-wrong")
    elif len(accepts) > 1:
        faults.append("accept-multiple")
    # 5. If |Sec-WebSocket-Extensions| indicates an extension that was not present in the client's handshake …
    if extension_fault(response, extensions) is not None:
        faults.append("extension")
    # 6. If |Sec-WebSocket-Protocol| indicates a subprotocol that was not present in the client's handshake …
    if response.get("sec-websocket-protocol") is not None:
        faults.append("protocol")
    return faults


class ExtensionFault(NamedTuple):
    """What is wrong with Sec-WebSocket-Extensions, and in which extension or parameter."""

    kind: Literal["unreadable", "unasked", "twice", "unexpected", "duplicate", "invalid", "no-value"]
    where: str


def extension_fault(response: Response, reading: ExtensionReading = "strict") -> ExtensionFault | None:
    """The first thing that is wrong with the extensions of the answer.

    https://www.rfc-editor.org/rfc/rfc6455#section-9.1 · https://www.rfc-editor.org/rfc/rfc7692#section-7
    """
    members = values(response, "sec-websocket-extensions")
    if reading == "lenient":
        return _first_fault_that_matters([member for member in members if member])
    if reading == "one":
        whole = response.get("sec-websocket-extensions") or ""
        members = [whole.rstrip("; \t") or whole] if whole else []
    for number, member in enumerate(members):
        if not _EXTENSION.fullmatch(member):
            return ExtensionFault("unreadable", member)
        name, *parameters = (part.strip(" \t") for part in member.split(";"))
        if name != "permessage-deflate":
            return ExtensionFault("unasked", name)
        if number:
            return ExtensionFault("twice", name)
        fault = _parameter_fault(parameters)
        if fault is not None:
            return fault
    return None


def _first_fault_that_matters(members: list[str]) -> ExtensionFault | None:
    """What nobody asked for comes before what is wrong with a parameter."""
    parts = [[part.strip(" \t") for part in member.split(";")] for member in members]
    for name, *_ in parts:
        if name != "permessage-deflate":
            return ExtensionFault("unasked", name)
    faults = (_parameter_fault(parameters, lenient=True) for _, *parameters in parts)
    return next(filter(None, faults), None)


def _parameter_fault(parameters: list[str], *, lenient: bool = False) -> ExtensionFault | None:
    seen: set[str] = set()
    for parameter in parameters:
        name, sign, value = (part.strip(" \t") for part in parameter.partition("="))
        if lenient and not name:
            continue
        if name not in _FLAGS | _BITS:
            return ExtensionFault("unexpected", name)
        if name in seen:
            return ExtensionFault("duplicate", name)
        seen.add(name)
        if name == "client_max_window_bits" and not sign:
            # A client may say that it has no value, a server may not.
            if lenient:
                continue
            return ExtensionFault("no-value", name)
        bits = value.strip('"')
        if lenient:
            bits = bits.removeprefix("+").lstrip("0")
        good = not sign if name in _FLAGS else bits in _WINDOWS
        if not good:
            return ExtensionFault("invalid", name)
    return None
