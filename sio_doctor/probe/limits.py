"""The bounds. Whatever a server does, a run ends and stays small."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from sio_doctor.model import NoResponse, Phase

#: Bytes of one answer's head, informational responses included.
HEAD = 64 * 1024
#: Informational responses (1xx) before the final one.
INFORMATIONAL = 64
#: Bytes of a body, as it came and again inflated; and of the lines that say how long its chunks are.
BODY = 64 * 1024
FRAMING = 8 * 1024
#: Bytes that are parsed at once.
PIECE = 8 * 1024
#: Frames that are read from one WebSocket, and the bytes of their payloads together.
FRAMES = 16
FRAME_BYTES = 64 * 1024
#: Bytes that wait to be taken by the other side; what is written after them is dropped.
UNSENT = 64 * 1024
#: Bytes that are kept of what is no HTTP.
NOT_HTTP = 256
#: Addresses of one name that are tried.
ADDRESSES = 8
#: Seconds until the next address is tried beside the one that has not answered (RFC 8305, section 5).
NEXT_ADDRESS = 0.25
#: Seconds that the other side gets for what belongs together: the rest of bytes that are no frame, a closing handshake.
LINGER = 0.3
#: An answer that the deadline cut off sooner than this (seconds) says nothing about the server.
FAIR = 1.0


class Patience(NamedTuple):
    """How long an answer may take: ``wanted`` seconds, or what was left until the deadline."""

    wanted: float
    seconds: float

    def ran_out(self, phase: Phase, what: str) -> NoResponse:
        """The outcome when nothing came: ``timeout``, or ``not-asked`` where the deadline did not give it a chance."""
        if self.seconds < min(FAIR, self.wanted):
            message = f"{what} before the deadline of the run, which came after {self.seconds:.3g} s."
            return NoResponse(kind="not-asked", phase=phase, message=message)
        return NoResponse(kind="timeout", phase=phase, message=f"{what} within {self.seconds:.3g} s.")


def inflate(body: bytes, codings: list[str]) -> tuple[bytes, bool]:
    """The body with ``codings`` (in the order they were applied) undone, and whether it was cut at ``BODY``.

    ``gzip`` and ``deflate`` are known. A coding that is not ends it: the bytes stay as they are. Raises ``zlib.error``
    for bytes that are not what their coding says. https://www.rfc-editor.org/rfc/rfc9110#section-8.4
    """
    cut = False
    for coding in reversed(codings):
        if coding in ("gzip", "x-gzip"):
            body, more = _inflate(body, 16 + zlib.MAX_WBITS)
        elif coding == "deflate":
            # Servers send zlib's format or the bare one, and browsers read both.
            try:
                body, more = _inflate(body, zlib.MAX_WBITS)
            except zlib.error:
                body, more = _inflate(body, -zlib.MAX_WBITS)
        elif coding == "identity":
            continue
        else:
            break
        cut = cut or more
    return body, cut


def _inflate(body: bytes, wbits: int) -> tuple[bytes, bool]:
    inflated = bytearray()
    while body:  # gzip may have several members
        member = zlib.decompressobj(wbits)
        inflated += member.decompress(body, BODY + 1 - len(inflated))
        if len(inflated) > BODY:
            return bytes(inflated[:BODY]), True
        if not member.eof:
            break
        body = member.unused_data
        if wbits < 16 or not body.startswith(b"\x1f\x8b"):
            break  # what follows is padding, which browsers skip
    return bytes(inflated), False
