"""What one exchange has got so far: the only thing here that changes, so that a timeout can tell what was under way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sio_doctor.model import HeaderList, NoResponse, NoResponseKind, Phase, Request

if TYPE_CHECKING:
    from sio_doctor.probe.backend import Stream

_URL = re.compile(r"(https?|wss?)://([^/?#]+)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[^@]*@)?(\[[0-9A-Fa-f:.%]+\]|[^\x00-\x20:\[\]]+)(?::(\d{0,5}))?")


class Unanswered(Exception):  # noqa: N818 - it is an outcome, not an error of ours
    """No answer came; ``failure`` says why."""

    def __init__(self, failure: NoResponse) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Place(NamedTuple):
    """Where a URL points to, and what is asked there."""

    secure: bool
    host: str
    port: int
    host_header: str
    target: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Take a serialised http(s) or ws(s) URL apart; the target stays byte for byte. Raises ``ValueError``."""
        url_match = _URL.fullmatch(url)
        authority = _AUTHORITY.fullmatch(url_match[2]) if url_match else None
        if url_match is None or authority is None or not url.isascii():
            raise ValueError("this is no http, https, ws or wss URL in ASCII")
        secure = url_match[1].lower() in ("https", "wss")
        default = 443 if secure else 80
        port = int(authority[2] or default)
        if port > 65535:
            raise ValueError(f"there is no port {port}")
        target = url_match[3] if url_match[3].startswith("/") else "/" + url_match[3]
        host = authority[1].lower()
        return cls(secure, host.strip("[]"), port, host if port == default else f"{host}:{port}", target)


class Head(NamedTuple):
    """The head of an answer, as a browser reads it."""

    status: int
    reason: str
    version: str
    headers: HeaderList
    malformed: str | None = None
    truncated: bool = False
    """It is longer than is read."""


@dataclass(slots=True)
class Attempt:
    """One request on its way: what is under way, where it went, and what has come."""

    place: Place
    request: Request
    """As it is sent, all headers included."""
    verify: bool = True
    phase: Phase = "resolve"
    address: str | None = None
    stream: Stream | None = None
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)

    @property
    def buffer(self) -> bytearray:
        """What has come and has not been made sense of."""
        return self.stream.buffer if self.stream is not None else bytearray()

    def abort(self) -> None:
        """Close the connection at once, if there is one."""
        if self.stream is not None:
            self.stream.abort()

    def unanswered(self, kind: NoResponseKind, message: str, detail: str = "") -> Unanswered:
        """The outcome to raise, with the phase that it happened in."""
        return Unanswered(NoResponse(kind=kind, message=message, phase=self.phase, detail=detail))
