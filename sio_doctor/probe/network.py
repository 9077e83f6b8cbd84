"""The network of one run: asks, opens WebSockets, and says what came, whatever came."""

from __future__ import annotations

import asyncio
import base64
import codecs
import contextlib
import secrets
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from types import MappingProxyType, TracebackType
from typing import Any, Self

import h11
import httpx
import msgspec

from sio_doctor import __version__
from sio_doctor.browser.replay import server_of
from sio_doctor.model import (
    Answer,
    Certificate,
    Exchange,
    HeaderList,
    NetworkOptions,
    NoResponse,
    Pinned,
    Purpose,
    Request,
    Response,
    get,
)
from sio_doctor.probe import limits
from sio_doctor.probe.ahead import Ahead
from sio_doctor.probe.attempt import Attempt, Place, Unanswered
from sio_doctor.probe.backend import Resolver, Stream
from sio_doctor.probe.head import body_parser, is_http
from sio_doctor.probe.http import Transport, ask_over, body_chunks, encode, not_http, utf8
from sio_doctor.probe.proxy import Proxy, proxy_for
from sio_doctor.probe.route import reach
from sio_doctor.probe.websocket import Conversation

#: What socket.io-client itself asks by HTTP.
_CLIENTS_OWN: frozenset[Purpose] = frozenset({"handshake", "preflight", "redirect", "connect", "poll"})


class Network:
    """Sends the requests of one run, each within ``timeout`` and all within ``deadline`` (seconds).

    Nothing that a server or the network does is raised: an `Exchange` has a ``response`` or a ``failure``. Proxies are
    those that ``environ`` has, as ``proxy_for`` reads it, unless ``options`` say otherwise. HTTP/1.1 only.
    """

    def __init__(
        self,
        *,
        timeout: float,
        deadline: float,
        user_agent: str = f"sio-doctor/{__version__}",
        progress: Callable[[str], None] | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
        options: NetworkOptions = NetworkOptions(),  # noqa: B008 - it is frozen
    ) -> None:
        self.requests = 0
        """How many were sent, WebSocket handshakes included."""
        self._timeout = timeout
        self._deadline = time.monotonic() + deadline
        self.user_agent = user_agent
        """What requests carry that have no User-Agent of their own."""
        self._progress = progress
        self._environ = environ
        self._options = options
        self._proxies: dict[Proxy, None] = {}
        self._passed_over: dict[str, dict[str, None]] = {}
        self._certificates: dict[str, Certificate] = {}
        self._ids = 0
        self._resolver = Resolver(options.resolve, options.family)
        self._ahead = Ahead(lambda attempt: reach(attempt, self._resolver))
        self._transport = Transport(self._reach)
        self._conversations: list[Conversation] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resolver.close()
        await self._ahead.close()
        await self._transport.aclose()
        await asyncio.gather(*(conversation.close() for conversation in self._conversations))
        await asyncio.sleep(0)  # asyncio closes the sockets of aborted transports in its next turn

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """What each name resolved to; nothing for one that did not."""
        return self._resolver.addresses

    def addresses_of(self, url: str) -> tuple[str, ...]:
        """What the host of that URL stands for here; nothing where that is not known."""
        host = Place.of(url).host
        return self.addresses.get(host, (host,) if _is_address(host) else ())

    def passed_over(self, url: str) -> tuple[str, ...]:
        """Addresses of that URL's host that had not accepted when a later one did."""
        return tuple(self._passed_over.get(Place.of(url).host, ()))

    def certificate_of(self, url: str) -> Certificate | None:
        """What the server of that URL sent, where it was asked without verifying."""
        return self._certificates.get(url)

    @property
    def notes(self) -> tuple[str, ...]:
        """Which proxies and pinned addresses were used, or not, one note each."""
        return (*(proxy.note for proxy in self._proxies), *map(self._note_on, self._options.resolve))

    def _note_on(self, pin: Pinned) -> str:
        where = f"{'every host' if pin.host == '*' else pin.host} at port {pin.port}"
        if pin not in self._resolver.used:
            return f"--resolve says where {where} is, and nothing was asked there."
        return f"--resolve put {where} at {', '.join(pin.addresses)}; DNS was not asked."

    def extend(self, seconds: float) -> None:
        """Put the deadline off."""
        self._deadline += seconds

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def number(self) -> int:
        """The number of the next exchange."""
        self._ids += 1
        return self._ids

    async def ask(
        self,
        request: Request,
        *,
        purpose: Purpose,
        fresh: bool = False,
        verify: bool = True,
        timeout: float | None = None,
        address: str | None = None,
    ) -> Exchange:
        """Send one HTTP request; no redirect is followed. ``fresh``: over a connection of its own. ``address``: the one
        of the host that is asked, whatever its name stands for.

        The exchange's request is as it was sent. A body that is not whole is ``truncated``.
        """
        sent = _with_defaults(
            request,
            [
                ("User-Agent", self.user_agent),
                ("Accept", "*/*"),
                ("Accept-Encoding", "gzip, deflate"),
                ("Connection", "keep-alive"),
            ],
        )

        async def work(attempt: Attempt) -> Response:
            # Past httpx's client, which would judge redirects, keep cookies and undo content codings without a bound.
            try:
                message = httpx.Request(sent.method, sent.url, extensions={"attempt": attempt})
            except httpx.InvalidURL as error:
                raise attempt.unanswered("not-asked", f"This request cannot be sent: {error}") from None
            answer = await self._transport.handle_async_request(message)
            try:
                async for chunk in answer.aiter_raw():
                    attempt.body += chunk
            finally:
                await answer.aclose()
            return response_of(attempt)

        exchange, _ = await self._exchange(sent, purpose, verify, timeout, work, fresh=fresh, address=address)
        return exchange

    async def open_websocket(
        self, request: Request, *, purpose: Purpose, verify: bool = True, timeout: float | None = None
    ) -> Conversation:
        """Send a WebSocket opening handshake (``ws`` or ``wss`` URL); it is open where the answer is a 101.

        The conversation's exchange has the answer as it came, with the body where it is no 101.
        """
        sent = _with_defaults(
            request,
            [
                ("Connection", "Upgrade"),
                ("User-Agent", self.user_agent),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", base64.b64encode(secrets.token_bytes(16)).decode()),
            ],
        )

        async def work(attempt: Attempt) -> Response:
            stream = await self._reach(attempt)
            head_of_request, wire = encode(attempt.place.target, attempt.request)
            stream, head = await ask_over(attempt, stream, head_of_request, wire, self._reach)
            if head.status != 101:
                async for chunk in body_chunks(attempt, stream, body_parser(head, "GET")):
                    attempt.body += chunk
            return response_of(attempt)

        exchange, attempt = await self._exchange(sent, purpose, verify, timeout, work, fresh=True)
        opened = exchange.response is not None and exchange.response.status == 101
        if attempt is not None and not opened:
            attempt.abort()
        conversation = Conversation(exchange, attempt if opened else None, self._granted)
        self._conversations.append(conversation)
        return conversation

    def prepare(self, request: Request, count: int, *, verify: bool = True) -> None:
        """Connect ``count`` times to where ``request`` goes, for the next that want a connection of their own."""
        with contextlib.suppress(ValueError):
            proxy = self._proxy(request.url)
            self._ahead.prepare([self._attempt(request, verify, proxy) for _ in range(count)])

    def _attempt(self, request: Request, verify: bool, proxy: Proxy | None, **way: Any) -> Attempt:
        return Attempt(Place.of(request.url), request, verify, self._options.ca_file, proxy=proxy, **way)

    async def _exchange(
        self,
        sent: Request,
        purpose: Purpose,
        verify: bool,
        timeout: float | None,
        work: Callable[[Attempt], Awaitable[Response]],
        *,
        fresh: bool,
        address: str | None = None,
    ) -> tuple[Exchange, Attempt | None]:
        exchange = Exchange(id=self.number(), purpose=purpose, request=sent, verified=verify)
        if self.remaining <= 0:
            failure = NoResponse(kind="not-asked", message="The deadline of the run had passed.")
            return msgspec.structs.replace(exchange, failure=failure), None
        try:
            proxy = self._proxy(sent.url)
            own = purpose in _CLIENTS_OWN
            attempt = self._attempt(sent, verify, proxy, only=address, fresh=fresh, aside=not own)
            encode(attempt.place.target, sent)
        except (ValueError, h11.LocalProtocolError) as error:
            failure = NoResponse(kind="not-asked", message=f"This request cannot be sent: {error}")
            return msgspec.structs.replace(exchange, failure=failure), None

        self.requests += 1
        if self._progress is not None:
            # Without the query: it may hold secrets.
            self._progress(f"{sent.method} {sent.url.partition('?')[0]} ({purpose})")
        started = time.perf_counter()
        answer = await self._answer(attempt, timeout, work)
        self.requests += attempt.again
        if attempt.certificate is not None:
            self._certificates.setdefault(server_of(sent), attempt.certificate)
        if attempt.proxy is None and attempt.passed_over:
            self._passed_over.setdefault(attempt.place.host, {}).update(dict.fromkeys(attempt.passed_over))
        exchange = msgspec.structs.replace(
            exchange,
            response=answer if isinstance(answer, Response) else None,
            failure=answer if isinstance(answer, NoResponse) else None,
            seconds=round(time.perf_counter() - started, 6),
            address=attempt.address or address,
        )
        return exchange, attempt

    def _proxy(self, url: str) -> Proxy | None:
        own = self._options
        proxy = proxy_for(url, self._environ, asked=own.proxy, no_proxy=own.no_proxy)
        if proxy is not None:
            self._proxies[proxy] = None
        return proxy if proxy is not None and proxy.usable else None

    async def _reach(self, attempt: Attempt) -> Stream:
        stream = await self._ahead.take(attempt) if attempt.fresh and not attempt.again else None
        return stream or await reach(attempt, self._resolver)

    async def _answer(
        self, attempt: Attempt, timeout: float | None, work: Callable[[Attempt], Awaitable[Response]]
    ) -> Answer:
        patience = self._granted(timeout)
        try:
            async with asyncio.timeout(patience.seconds):
                return await work(attempt)
        except TimeoutError:
            failure = _silence(attempt, patience)
        except Unanswered as outcome:
            failure = outcome.failure
        except BaseException:
            attempt.abort()
            raise
        attempt.abort()
        if attempt.head is not None:
            # The body is not whole, but the answer is there.
            return response_of(attempt, truncated=True)
        return failure

    def _granted(self, timeout: float | None) -> limits.Patience:
        wanted = self._timeout if timeout is None else timeout
        return limits.Patience(wanted, min(wanted, self.remaining))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _silence(attempt: Attempt, patience: limits.Patience) -> NoResponse:
    if attempt.phase == "head" and attempt.buffer and not is_http(attempt.buffer):
        return not_http(attempt).failure
    where = attempt.where
    what = {
        "resolve": f"{attempt.name} was not resolved",
        "connect": f"{where} did not {'answer' if attempt.stream else 'accept a connection'}",
        "tls": f"{where} did not finish the TLS handshake",
    }.get(attempt.phase, f"{where} did not answer")
    return attempt.blame(patience.ran_out(attempt.phase, what))


def response_of(attempt: Attempt, *, truncated: bool = False) -> Response:
    """What has come, as an answer: content codings undone, within the bounds."""
    head, raw = attempt.head, bytes(attempt.body)
    assert head is not None
    truncated = truncated or len(raw) > limits.BODY or head.truncated
    malformed = head.malformed
    codings = [coding.strip(" \t").lower() for coding in (get(head.headers, "content-encoding") or "").split(",")]
    try:
        body, cut = limits.inflate(raw[: limits.BODY], [coding for coding in codings if coding])
    except zlib.error as error:
        body, cut = raw[: limits.BODY], False
        malformed = malformed or f"a body that is not {', '.join(codings)}, although its head says so ({error})"
    truncated = truncated or cut
    body = attempt.without_credentials(body)
    try:
        # The last character may have been cut in two.
        text = codecs.getincrementaldecoder("utf-8")().decode(body, final=not truncated)
    except UnicodeDecodeError:
        text = None
    return Response(
        status=head.status,
        reason=head.reason,
        headers=head.headers,
        body=base64.b64encode(body).decode() if text is None else text,
        body_encoding="base64" if text is None else "text",
        truncated=truncated,
        http_version=head.version,
        malformed=malformed,
    )


def _with_defaults(request: Request, defaults: list[tuple[str, str]]) -> Request:
    """The request as it is sent: Host first, then the defaults that it does not set itself, then its own headers."""
    given = {name.lower() for name, _ in request.headers}
    with contextlib.suppress(ValueError):
        defaults = [("Host", Place.of(request.url).host_header), *defaults]
    headers: HeaderList = (*(pair for pair in defaults if pair[0].lower() not in given), *request.headers)
    if request.body is not None and "content-length" not in given:
        headers += (("Content-Length", str(len(utf8(request.body)))),)
    return msgspec.structs.replace(request, headers=headers)
