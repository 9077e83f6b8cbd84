"""HTTP/1.1 under httpx: nothing is followed, decoded or kept, and what h11 refuses is read as browsers read it.

httpx's own transport stands on httpcore, which hides addresses, refuses answers that browsers read, and costs 50 ms of
start-up (with anyio); this one stands on h11 and `Stream`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import h11
import httpx
import msgspec

from sio_doctor.model import Request
from sio_doctor.probe import limits
from sio_doctor.probe.attempt import Attempt, Head, Unanswered
from sio_doctor.probe.backend import Stream, lost
from sio_doctor.probe.head import body_parser, end_of_head, is_http, may_be_http, parse_head
from sio_doctor.probe.proxy import Proxy


class Transport(httpx.AsyncBaseTransport):
    """Sends what ``request.extensions["attempt"]`` holds, over a kept connection or (``fresh``) one of its own.

    Raises ``Unanswered``; whoever asked closes the attempt's stream then. The response's body is raw, and ends with
    ``Unanswered`` where it is not whole.
    """

    def __init__(self, reach: Callable[[Attempt], Awaitable[Stream]]) -> None:
        self._reach = reach
        self._passed_on: set[Proxy] = set()
        """The proxies through which an answer has come: where one does not come now, it is not their fault."""
        self._idle: dict[tuple[object, ...], list[Stream]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one answer; the answer's head is also put into the attempt."""
        attempt: Attempt = request.extensions["attempt"]
        head_of_request, wire = _as_sent(attempt)
        kept = None if attempt.fresh else self._take(attempt)
        stream = kept or await self._connect(attempt)
        stream, head = await ask_over(attempt, stream, head_of_request, wire, self._connect)
        if attempt.proxy is not None:
            if head.status == 407:
                attempt.head, attempt.doubted = None, attempt.proxy
                raise turned_away(attempt, attempt.proxy, head)
            self._passed_on.add(attempt.proxy)

        parser = body_parser(head, attempt.request.method)

        def release() -> None:
            whole = parser.their_state is h11.DONE and not parser.trailing_data[0]
            if whole and not attempt.fresh and not head.malformed and stream.usable:
                self._idle.setdefault((attempt.key, attempt.aside), []).append(stream)
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

    async def _connect(self, attempt: Attempt) -> Stream:
        stream = await self._reach(attempt)
        if attempt.proxy in self._passed_on:
            attempt.doubted = None
        return stream

    def _take(self, attempt: Attempt) -> Stream | None:
        kept = self._idle.get((attempt.key, attempt.aside), [])
        while kept:
            stream = kept.pop()
            if stream.usable:
                attempt.stream, attempt.address, attempt.waited = stream, stream.address, True
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


def _as_sent(attempt: Attempt) -> tuple[h11.Request, bytes]:
    """To a proxy that is to fetch the answer: absolute-form. https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2"""
    place, proxy = attempt.place, attempt.proxy
    if proxy is None or attempt.tunnels:
        return encode(place.target, attempt.request)
    headers = (*attempt.request.headers, *proxy.headers)
    request = msgspec.structs.replace(attempt.request, headers=headers)
    return encode(f"http://{place.host_header}{place.target}", request)


def turned_away(attempt: Attempt, proxy: Proxy, head: Head) -> Unanswered:
    """The proxy answered for itself: it does not let this request through."""
    attempt.phase = "connect"
    if head.status != 407:
        what = f"makes no connection to {attempt.place.host} port {attempt.place.port}: it answered {head.status}"
    elif proxy.credentials:
        what = "does not accept the user name and password that are given with it (407)"
    else:
        what = "wants a user name and a password (407)"
    return attempt.unanswered("refused", f"{attempt.where} {what}.")


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


async def ask_over(
    attempt: Attempt,
    stream: Stream,
    request: h11.Request,
    wire: bytes,
    connect: Callable[[Attempt], Awaitable[Stream]],
) -> tuple[Stream, Head]:
    """The answer's head, and the stream that it came over. A server may close a connection that waited at any time;
    browsers ask again on a new one, and so does this, once. Raises ``Unanswered``.
    """
    try:
        return stream, await exchange_heads(attempt, stream, request, wire)
    except Unanswered as outcome:
        if not attempt.waited or stream.buffer or outcome.failure.kind not in ("closed", "reset"):
            raise
        stream.abort()
        attempt.again = True
        try:
            stream = await connect(attempt)
        except Unanswered:
            raise outcome from None  # this request was what ended the server
    return stream, await exchange_heads(attempt, stream, request, wire)


async def exchange_heads(attempt: Attempt, stream: Stream, request: h11.Request, wire: bytes) -> Head:
    """Send ``wire`` and read the final answer's head; informational ones are skipped. Raises ``Unanswered``."""
    attempt.phase = "head"
    raw = stream.buffer
    stream.write(wire)
    skipped = informational = scanned = 0
    while True:
        end = end_of_head(raw, scanned)
        if end is None and len(raw) > limits.HEAD and is_http(raw):
            # Longer than browsers read as well (Chromium: 256 KiB), but what came says much.
            head = parse_head(attempt.without_credentials(bytes(raw[: limits.HEAD])), request)
            malformed = f"a head of more than {limits.HEAD // 1024} KiB"
            attempt.head = head._replace(malformed=malformed, truncated=True)
            raise attempt.unanswered("closed", f"The answer has {malformed}.")
        if end is None and not may_be_http(raw):
            raise not_http(attempt)
        if end is not None:
            head = parse_head(attempt.without_credentials(bytes(raw[:end])), request)
            del raw[:end]
            if head.status == 101 or not 100 <= head.status < 200:
                attempt.head = head
                attempt.phase = "body"
                return head
            skipped += end
            informational += 1
            scanned = 0
            if skipped > limits.HEAD or informational > limits.INFORMATIONAL:
                raise attempt.unanswered("closed", "Informational responses without end, and no final one.")
            continue
        scanned = len(raw)
        await _more(attempt, stream)


def not_http(attempt: Attempt) -> Unanswered:
    """What came is no HTTP."""
    first = attempt.without_credentials(bytes(attempt.buffer[: limits.NOT_HTTP]))
    where = attempt.where
    what = "a TLS alert: it wants https" if first.startswith(b"\x15\x03") else f"no HTTP but {first[:40]!r}"
    return attempt.unanswered("not-http", f"{where} answered with {what}.", first.decode("latin-1"))


async def body_chunks(attempt: Attempt, stream: Stream, parser: h11.Connection) -> AsyncIterator[bytes]:
    """The raw body, transfer coding undone, until it is whole or more than ``limits.BODY``.

    Raises ``Unanswered`` where it ends early or is no chunked body.
    """
    length = fed = 0
    while length <= limits.BODY:
        came, fault = bytearray(), ""
        try:
            while isinstance(event := parser.next_event(), h11.Data):
                came += event.data
        except h11.RemoteProtocolError as error:
            fault = f"The body is not whole: {error}"
        if came:
            length += len(came)
            yield bytes(came)
        if fault:
            raise attempt.unanswered("closed", fault)
        if event is not h11.NEED_DATA:
            return
        if fed >= limits.BODY + limits.FRAMING:
            raise attempt.unanswered("closed", "The body comes in chunks of a few bytes.")
        if not stream.buffer:
            await _more(attempt, stream, end_matters=False)
        # Little at once: a thousand chunks of one byte take their time, in which no timeout would be noticed.
        piece = bytes(stream.buffer[: limits.PIECE])
        del stream.buffer[: len(piece)]
        fed += len(piece)
        parser.receive_data(piece)
        await asyncio.sleep(0)


async def _more(attempt: Attempt, stream: Stream, *, end_matters: bool = True) -> None:
    try:
        more = await stream.fill()
    except OSError as error:
        raise lost(attempt, error) from None
    if not more and end_matters:
        raise lost(attempt, None) if is_http(stream.buffer) or not stream.buffer else not_http(attempt)
