"""HTTP/1.1 under httpx: nothing is followed, decoded or kept, and what h11 refuses is read as browsers read it.

httpx's own transport stands on httpcore, which hides addresses, refuses answers that browsers read, and costs 50 ms of
start-up (with anyio); this one stands on h11 and `Stream`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import h11
import httpx

from sio_doctor.model import Request
from sio_doctor.probe import limits
from sio_doctor.probe.attempt import Attempt, Head, Unanswered
from sio_doctor.probe.backend import Resolver, Stream, connect, lost
from sio_doctor.probe.head import body_parser, end_of_head, is_http, may_be_http, parse_head


class Transport(httpx.AsyncBaseTransport):
    """Sends what ``request.extensions["attempt"]`` holds, over a kept connection or (``fresh``) one of its own.

    Raises ``Unanswered``; whoever asked closes the attempt's stream then. The response's body is raw, and ends with
    ``Unanswered`` where it is not whole.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._idle: dict[tuple[bool, str, int, bool], list[Stream]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one answer; the answer's head is also put into the attempt."""
        attempt: Attempt = request.extensions["attempt"]
        fresh: bool = request.extensions["fresh"]
        head_of_request, wire = encode(attempt.place.target, attempt.request)
        kept = None if fresh else self._take(attempt)
        stream = kept or await connect(attempt, self._resolver)
        try:
            head = await exchange_heads(attempt, stream, head_of_request, wire)
        except Unanswered as outcome:
            if kept is None or stream.buffer or outcome.failure.kind not in ("closed", "reset"):
                raise
            # A server may close a kept connection at any time; browsers ask again on a new one, and so does this.
            stream.abort()
            stream = await connect(attempt, self._resolver)
            head = await exchange_heads(attempt, stream, head_of_request, wire)

        parser = body_parser(head, attempt.request.method)

        def release() -> None:
            whole = parser.their_state is h11.DONE and not parser.trailing_data[0]
            if whole and not fresh and not head.malformed and stream.usable:
                self._idle.setdefault(_key(attempt), []).append(stream)
            else:
                stream.abort()

        return httpx.Response(
            head.status,
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers],
            stream=_Body(body_chunks(attempt, stream, parser), release),
        )

    async def aclose(self) -> None:
        """Close the connections that were kept."""
        for streams in self._idle.values():
            for stream in streams:
                stream.abort()
        self._idle.clear()

    def _take(self, attempt: Attempt) -> Stream | None:
        kept = self._idle.get(_key(attempt), [])
        while kept:
            stream = kept.pop()
            if stream.usable:
                attempt.address = stream.address
                attempt.stream = stream
                return stream
            stream.abort()
        return None


class _Body(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        self._chunks = chunks
        self._release = release

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks

    async def aclose(self) -> None:
        self._release()


def _key(attempt: Attempt) -> tuple[bool, str, int, bool]:
    place = attempt.place
    return place.secure, place.host, place.port, attempt.verify


def encode(target: str, request: Request) -> tuple[h11.Request, bytes]:
    """The request's head as h11 has it, and head and body as bytes.

    Raises ``h11.LocalProtocolError`` or ``UnicodeError`` for what cannot be sent.
    """
    head = h11.Request(
        method=request.method.encode("ascii"),
        target=target.encode("ascii"),
        headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers],
    )
    writer = h11.Connection(h11.CLIENT)
    wire = writer.send(head) or b""
    if request.body:
        wire += writer.send(h11.Data(data=utf8(request.body))) or b""
    return head, wire + (writer.send(h11.EndOfMessage()) or b"")


def utf8(text: str) -> bytes:
    """Encode as browsers do: a lone surrogate is replaced. https://encoding.spec.whatwg.org/#utf-8-encode"""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


async def exchange_heads(attempt: Attempt, stream: Stream, request: h11.Request, wire: bytes) -> Head:
    """Send ``wire`` and read the final answer's head; informational ones are skipped. Raises ``Unanswered``."""
    attempt.phase = "head"
    raw = stream.buffer
    stream.write(wire)
    skipped = scanned = 0
    while True:
        end = end_of_head(raw, scanned)
        if end is None and len(raw) > limits.HEAD and is_http(raw):
            # Longer than browsers read as well (Chromium: 256 KiB), but what came says much.
            head = parse_head(bytes(raw[: limits.HEAD]), request)
            malformed = f"a head of more than {limits.HEAD // 1024} KiB"
            attempt.head = head._replace(malformed=malformed, truncated=True)
            raise attempt.unanswered("closed", f"The answer has {malformed}.")
        if end is None and not may_be_http(raw):
            raise not_http(attempt)
        if end is not None:
            head = parse_head(bytes(raw[:end]), request)
            del raw[:end]
            if head.status == 101 or not 100 <= head.status < 200:
                attempt.head = head
                attempt.phase = "body"
                return head
            skipped += end
            scanned = 0
            if skipped > limits.HEAD:
                raise attempt.unanswered("closed", "Informational responses without end, and no final one.")
            continue
        scanned = len(raw)
        await _more(attempt, stream)


def not_http(attempt: Attempt) -> Unanswered:
    """What came is no HTTP."""
    first = bytes(attempt.buffer[: limits.NOT_HTTP])
    where = f"{attempt.place.host} port {attempt.place.port}"
    what = "a TLS alert: it wants https" if first.startswith(b"\x15\x03") else f"no HTTP but {first[:40]!r}"
    return attempt.unanswered("not-http", f"{where} answered with {what}.", first.decode("latin-1"))


async def body_chunks(attempt: Attempt, stream: Stream, parser: h11.Connection) -> AsyncIterator[bytes]:
    """The raw body, transfer coding undone, until it is whole or more than ``limits.BODY``.

    Raises ``Unanswered`` where it ends early or is no chunked body.
    """
    length = 0
    while length <= limits.BODY:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise attempt.unanswered("closed", f"The body is not whole: {error}") from None
        if event is h11.NEED_DATA:
            if not stream.buffer:
                await _more(attempt, stream, end_matters=False)
            parser.receive_data(bytes(stream.buffer))
            stream.buffer.clear()
        elif isinstance(event, h11.Data):
            length += len(event.data)
            yield bytes(event.data)
        else:
            return


async def _more(attempt: Attempt, stream: Stream, *, end_matters: bool = True) -> None:
    try:
        more = await stream.fill()
    except OSError as error:
        raise lost(attempt, error) from None
    if not more and end_matters:
        raise lost(attempt, None) if is_http(stream.buffer) or not stream.buffer else not_http(attempt)
