"""A request as it was asked, an answer as it goes on the wire, and what an nginx in between makes of it. Pure.

Header lines keep the order, the spelling and the doubles that were measured: what tells servers apart must stay.
"""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

from sio_doctor.demo.scenarios import Cors, Proxy
from sio_doctor.model import HeaderList, get


class Asked(NamedTuple):
    """A request, read to its end."""

    method: str
    target: str
    """Path and query, as they were sent."""
    headers: HeaderList
    body: bytes = b""
    http_version: str = "1.1"

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query; of a name that is there twice, the last value."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def origin(self) -> str | None:
        """The Origin header; None where there is none."""
        return get(self.headers, "origin")

    @property
    def upgrades(self) -> bool:
        """It asks to become a WebSocket."""
        return (get(self.headers, "upgrade") or "").lower() == "websocket" and "upgrade" in self._connection

    @property
    def keeps_alive(self) -> bool:
        """Another request may follow on the connection."""
        return self.http_version == "1.1" and "close" not in self._connection

    @property
    def _connection(self) -> list[str]:
        return [token.strip().lower() for token in (get(self.headers, "connection") or "").split(",")]


class Answer(NamedTuple):
    """An answer; its body is chunked where the headers say so, and has a length where they give one."""

    status: int
    headers: HeaderList = ()
    body: str = ""
    reason: str = ""
    """Where it is not the one that Python knows for the status."""

    def has(self, name: str) -> bool:
        """There is a header line of that name."""
        return get(self.headers, name) is not None


def length(body: str) -> tuple[str, str]:
    """The Content-Length of a body, in bytes of UTF-8."""
    return "Content-Length", str(len(body.encode()))


def date() -> str:
    """Now, as HTTP writes it."""
    return formatdate(usegmt=True)


def serialise(answer: Answer, method: str) -> bytes:
    """The bytes of the answer to a request of that method: HEAD gets no body."""
    reason = answer.reason or HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(": ".join(header) for header in answer.headers)]
    head = "\r\n".join(lines).encode("latin-1", errors="replace") + b"\r\n\r\n"
    if method == "HEAD" or answer.status < 200:
        return head
    body = answer.body.encode()
    if not answer.has("transfer-encoding"):
        return head + body
    return head + (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"


class Dialect(Protocol):
    """What the modules ``node`` and ``python`` both have: how a server words its answers."""

    TRANSPORT: str
    """The transport of a request that names none."""
    LATE: frozenset[int]
    """Codes of the faults in a WebSocket's request that are noticed only after the 101."""

    def open_packet(self, sid: str, upgrades: list[str], interval: int, timeout: int, most: int, /) -> str:
        """The open packet; ``interval`` and ``timeout`` in milliseconds, ``most`` in bytes."""

    def unknown_namespace(self, namespace: str, /) -> str:
        """The CONNECT_ERROR for a namespace that is not there."""

    def before(self, asked: Asked, cors: Cors | None, /) -> Answer | None:
        """What is answered before Engine.IO looks: preflights, refused origins. None where it may look."""

    def payload(self, body: str, asked: Asked, cors: Cors | None, /) -> Answer:
        """The answer to a poll."""

    def posted(self, asked: Asked, cors: Cors | None, /) -> Answer:
        """The answer to packets that were posted."""

    def refuse(self, code: int, asked: Asked, cors: Cors | None, /) -> Answer:
        """Engine.IO's refusal of a request; ``code`` is one of ``standards.engineio.ERRORS``."""

    def fault(self, status: int, asked: Asked, cors: Cors | None, /) -> Answer:
        """An error of a session: 400 for polls that overlap, 413, 500 for a method that no transport has."""

    def switch(self, accept: str, asked: Asked, cors: Cors | None, /) -> Answer:
        """The answer that begins a WebSocket."""

    def refuse_upgrade(self, code: int, /) -> Answer:
        """The refusal of a WebSocket; it is sent as it is, and the connection ends."""

    def elsewhere(self, asked: Asked, /) -> Answer:
        """The answer at a path that nobody has."""

    def finish(self, answer: Answer, asked: Asked, /) -> Answer:
        """The answer with what the HTTP server puts around it."""


# --- nginx -----------------------------------------------------------------------------------------------------------

#: The header lines that nginx writes itself, in its order; the upstream's follow.
_NGINX_ORDER = ("Content-Type", "Content-Length", "Transfer-Encoding", "Last-Modified")
#: The statuses that ``add_header`` without ``always`` touches.
_ADDS_TO = (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)

INDEX = '<!doctype html>\n<html><head><title>Chat</title></head><body><div id="root"></div></body></html>\n'


def through_nginx(upstream: Answer, proxy: Proxy, keeps_alive: bool) -> Answer:
    """The answer of an upstream as nginx passes it on."""
    headers: list[tuple[str, str]] = [("Server", "nginx"), ("Date", date())]
    own = {"date", "connection", "keep-alive", *(name.lower() for name in _NGINX_ORDER)}
    for name in _NGINX_ORDER:
        headers += [(name, value) for key, value in upstream.headers if key.lower() == name.lower()]
    switches = upstream.status == 101
    headers.append(("Connection", "upgrade" if switches else "keep-alive" if keeps_alive else "close"))
    headers += [header for header in upstream.headers if header[0].lower() not in own]
    if upstream.status in _ADDS_TO:
        headers += proxy.adds
    return upstream._replace(headers=tuple(headers))


def nginx_error(status: int, reason: str) -> Answer:
    """The page that nginx answers for itself."""
    title = f"{status} {reason}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, (("Content-Type", "text/html"), length(body)), body, reason)


def nginx_index(method: str) -> Answer:
    """What ``try_files $uri /index.html`` makes of any path; files can only be got."""
    if method not in ("GET", "HEAD"):
        return nginx_error(405, "Not Allowed")
    modified = formatdate(0, usegmt=True)
    headers = (("Content-Type", "text/html"), length(INDEX), ("Last-Modified", modified))
    return Answer(200, (*headers, ("ETag", f'"0-{len(INDEX):x}"'), ("Accept-Ranges", "bytes")), INDEX)
