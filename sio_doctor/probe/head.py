"""The head of an answer, read as leniently as browsers read it, and named malformed where a strict parser refuses it.

h11 is the strict parser. What browsers do with a head that it refuses is alike in all three: a line that cannot be
understood is left out, a blank before the colon is cut, a folded line is joined with one blank.
"""

from __future__ import annotations

import re

import h11

from sio_doctor.probe import limits
from sio_doctor.probe.attempt import Head

_BLANK_LINE = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP(?:/(\d{1,2})\.(\d{1,2}))?[^ ]*(?: +(\d{1,4}))?[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_STRICT_STATUS_LINE = re.compile(rb"HTTP/\d\.\d \d{3}(?: [\x09\x20-\x7e\x80-\xff]*)?")
# RFC 9110, section 5.6.2: token = 1*tchar
_TOKEN = re.compile(rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
#: Browsers skip that many bytes in front of the status line.
_SLOP = 4


def end_of_head(raw: bytes | bytearray, start: int = 0) -> int | None:
    """How long the head is, its blank line included; None where it has not ended."""
    found = _BLANK_LINE.search(raw, max(_start(raw), start - 2)) if is_http(raw) else None
    return found.end() if found else None


def may_be_http(raw: bytes | bytearray) -> bool:
    """Whether these first bytes are, or can still become, an HTTP/1 status line."""
    if len(raw) <= _SLOP:
        return True
    return any(b"HTTP".startswith(raw[at : at + 4].upper()) for at in range(_SLOP + 1) if at < len(raw))


def is_http(raw: bytes | bytearray) -> bool:
    """Whether these bytes, of which no more will come, are the beginning of an HTTP/1 answer."""
    return _start(raw) >= 0


def parse_head(raw: bytes, request: h11.Request) -> Head:
    """The head in ``raw``, with the first reason why it is malformed. ``raw`` is as ``is_http`` wants it."""
    start = _start(raw)
    status_line, *lines = raw[start:].rstrip(b"\r\n").split(b"\n")
    head = _STATUS_LINE.match(status_line.rstrip(b"\r"))
    major, minor, code, reason = head.groups() if head else (b"", b"", b"", b"")
    defects = []
    if start > 0:
        defects.append(f"{start} bytes before the status line: {_shown(raw[:start])}")
    if not _STRICT_STATUS_LINE.fullmatch(status_line.rstrip(b"\r")):
        defects.append(f"a bad status line: {_shown(status_line)}")

    headers: list[tuple[bytes, bytes]] = []
    kept = False  # the line before was understood, so a folded line belongs to it
    for line in lines:
        line = line.rstrip(b"\r")
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            defects.append(f"a folded header line: {_shown(line)}")
            if kept:
                headers[-1] = headers[-1][0], (headers[-1][1] + b" " + line.strip(b" \t")).strip(b" ")
            continue
        kept = bool(colon and _TOKEN.fullmatch(name.rstrip(b" \t")))
        if kept:
            headers.append((name.rstrip(b" \t"), value.strip(b" \t")))
        if not colon:
            defects.append(f"a header line without a colon: {_shown(line)}")
        elif not kept:
            defects.append(f"a header name that is no token: {_shown(name)}")
        elif name != name.rstrip(b" \t"):
            defects.append(f"a blank before the colon: {_shown(name + colon)}")

    status = int(code) if code else 200
    if status == 101 and not any(name == b"upgrade" for name, _ in request.headers):
        defects.append("101 Switching Protocols, which was not asked for")
    refusal = _strict_refusal(raw, request)
    return Head(
        status=status,
        reason=(reason or b"").decode("latin-1"),
        version=f"HTTP/{int(major)}.{int(minor)}" if major and minor else "HTTP/1.0",
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers),
        malformed=defects[0] if defects else refusal,
    )


def body_parser(head: Head, method: str) -> h11.Connection:
    """A parser that wants the bytes after ``head``: framed as browsers frame the body, whatever else the head says.

    "chunked" anywhere in Transfer-Encoding is chunked; else the first Content-Length counts, or the connection's end.
    https://www.rfc-editor.org/rfc/rfc9112#section-6.3
    """
    values = [(name.lower(), value.lower()) for name, value in head.headers]
    tokens = [(name, token.strip(" \t")) for name, value in values for token in value.split(",")]
    lengths = [token for name, token in tokens if name == "content-length" and re.fullmatch(r"[0-9]{1,18}", token)]
    modern = head.version == "HTTP/1.1"
    closes = not modern or ("connection", "close") in tokens
    framing = b""
    if head.status == 101:
        framing = b"Content-Length: 0\r\n"
    elif modern and ("transfer-encoding", "chunked") in tokens:
        framing = b"Transfer-Encoding: chunked\r\n"
    elif lengths:
        framing = b"Content-Length: %s\r\n" % lengths[0].encode()

    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="HEAD" if method.upper() == "HEAD" else "GET", target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    status = head.status if 200 <= head.status <= 999 else 200
    parser.receive_data(
        b"HTTP/1.1 %d \r\n%s%s\r\n"
        % (status, framing, b"Connection: close\r\n" if closes or head.status == 101 else b"")
    )
    parser.next_event()
    return parser


def _start(raw: bytes | bytearray) -> int:
    return raw[: _SLOP + 4].upper().find(b"HTTP")


def _strict_refusal(raw: bytes, request: h11.Request) -> str | None:
    judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * limits.HEAD)
    judge.send(request)
    judge.receive_data(raw)
    try:
        judge.next_event()
    except h11.RemoteProtocolError as error:
        return str(error)
    return None


def _shown(raw: bytes) -> str:
    return repr(raw[:60].decode("latin-1"))
