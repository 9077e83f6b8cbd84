"""What one exchange has got so far: the only thing here that changes, so that a timeout can tell what was under way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sio_doctor.model import Certificate, HeaderList, NoResponse, NoResponseKind, Phase, Request

if TYPE_CHECKING:
    from sio_doctor.probe.backend import Stream
    from sio_doctor.probe.proxy import Proxy

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
    ca_file: str | None = None
    """What it is verified against; None: the system's trust store."""
    only: str | None = None
    """The one address of the host that is to be asked; None: whichever connects first."""
    fresh: bool = False
    """It goes over a connection of its own."""
    aside: bool = False
    """It is not the client's own: it takes no connection that the client has, which goes on over it."""
    waited: bool = False
    """Its connection had been there before it, and nothing was known of it since."""
    again: bool = False
    """It was sent once more, over a new connection, since the one that had waited was closed."""
    phase: Phase = "resolve"
    address: str | None = None
    passed_over: tuple[str, ...] = ()
    """Addresses that were tried before it, and had not accepted by then."""
    stream: Stream | None = None
    proxy: Proxy | None = None
    """The one that it goes through."""
    doubted: Proxy | None = None
    """The same, as long as it may be its fault and not the server's that no answer comes."""
    certificate: Certificate | None = None
    """What the server sent, where it is not verified."""
    head: Head | None = None
    body: bytearray = field(default_factory=bytearray)

    @property
    def key(self) -> tuple[bool, str, int, bool, str | None]:
        """What connections that could carry it have in common."""
        return self.place.secure, self.place.host, self.place.port, self.verify, self.only

    @property
    def tunnels(self) -> bool:
        """The proxy is asked for a connection to the server, not for the answer."""
        return self.proxy is not None and not self.request.url.startswith("http:")

    @property
    def where(self) -> str:
        """Who is to answer, as the beginning of a sentence."""
        if self.doubted is not None:
            return f"The{str(self.doubted)[3:]}"
        through = f" (through {self.proxy})" if self.proxy is not None else ""
        return f"{self.place.host} port {self.place.port}{through}"

    @property
    def name(self) -> str:
        """Whose name is to be resolved, as the beginning of a sentence."""
        return f"The name of {self.doubted}" if self.doubted is not None else f"The name {self.place.host}"

    @property
    def buffer(self) -> bytearray:
        """What has come and has not been made sense of."""
        return self.stream.buffer if self.stream is not None else bytearray()

    def without_credentials(self, data: bytes) -> bytes:
        """What came, without the proxy's credentials in it."""
        return data if self.proxy is None else self.proxy.strike(data)

    def abort(self) -> None:
        """Close the connection at once, if there is one."""
        if self.stream is not None:
            self.stream.abort()

    def unanswered(self, kind: NoResponseKind, message: str, detail: str = "") -> Unanswered:
        """The outcome to raise, with the phase that it happened in."""
        return Unanswered(self.blame(NoResponse(kind=kind, message=message, phase=self.phase, detail=detail)))

    def blame(self, failure: NoResponse) -> NoResponse:
        """The failure; where the proxy may be at fault, as one that says nothing about the server."""
        if self.doubted is None:
            return failure
        phase: Phase = "head" if failure.phase == "head" else "connect"
        return msgspec.structs.replace(failure, kind="not-asked", phase=phase, detail="proxy")
