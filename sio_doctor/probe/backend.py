"""From a host name to a stream of bytes: resolving, choosing the address, connecting, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sio_doctor.model import Certificate, NoResponseKind, Pinned
from sio_doctor.probe import limits, tls
from sio_doctor.probe.attempt import Attempt, Unanswered

#: A family and a socket address with port 0.
Endpoint = tuple[socket.AddressFamily, tuple[Any, ...]]
#: A socket and the address it is connected to.
Connected = tuple[socket.socket, str]

_KINDS: dict[int | None, NoResponseKind] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
}
#: When several addresses fail, the failure that says most about the server is told.
_TELLING: tuple[NoResponseKind, ...] = ("refused", "reset", "timeout", "unreachable")


class Stream(asyncio.Protocol):
    """The bytes of one connection. asyncio's StreamReader forgets what came before a reset; this keeps it."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        """What has come and is not consumed; readers take from its front."""
        self.ended = False
        self.address = ""
        self._error: OSError | None = None
        self._transport: asyncio.Transport | None = None
        self._news = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self.buffer += data
        if len(self.buffer) > limits.BODY and self._transport is not None:
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        """Called by asyncio."""
        self.ended = True
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.ended = True
        if exc is not None:
            self._error = exc if isinstance(exc, OSError) else ConnectionError(str(exc))
        self._news.set()

    @property
    def usable(self) -> bool:
        """Nothing has happened to this connection since the last answer."""
        return not self.ended and not self.buffer

    async def fill(self) -> bool:
        """Wait until ``buffer`` has more; False at the end of the stream. Raises ``OSError`` when it was reset."""
        before = len(self.buffer)
        if self._transport is not None and not self.ended:
            self._transport.resume_reading()
        while len(self.buffer) == before:
            if self._error is not None:
                raise self._error
            if self.ended:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    def write(self, data: bytes) -> None:
        """Send it; that it could not be sent shows when reading, where an early answer is found as well.

        Of a side that takes nothing, and has so much to take already, nothing more is kept.
        """
        stream = self._transport
        if stream is not None and not stream.is_closing() and stream.get_write_buffer_size() <= limits.UNSENT:
            stream.write(data)

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """From here on all bytes go through TLS. Raises ``OSError`` (``ssl.SSLError`` is one) and ``ValueError``."""
        if self._transport is None or self.ended:
            raise ConnectionError("the connection is closed")
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._transport, self, context, server_hostname=host)

    @property
    def certificate(self) -> Certificate | None:
        """What the server sent, where there is TLS."""
        return tls.certificate_of(self._transport.get_extra_info("ssl_object")) if self._transport is not None else None

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()


class Resolver:
    """Resolves each name once a run. What is pinned is not resolved, and ``family`` (4 or 6) is the only one used."""

    def __init__(self, pinned: Sequence[Pinned] = (), family: int | None = None) -> None:
        self.addresses: dict[str, tuple[str, ...]] = {}
        """What each host name stands for here; nothing for one that has no address (of that family)."""
        self.used: dict[Pinned, None] = {}
        """The pins that took the place of DNS."""
        self._pinned = {(pin.host, pin.port): pin for pin in pinned}
        self._family = {4: socket.AF_INET, 6: socket.AF_INET6}.get(family or 0)
        self._under_way: dict[str, asyncio.Task[list[Endpoint]]] = {}

    async def resolve(self, host: str, port: int) -> list[Endpoint]:
        """The addresses of ``host``, port 0, in the order to try them.

        Raises ``OSError`` when it has none, ``OtherFamily`` when it has none of the family.
        """
        pin = self._pinned.get((host.removesuffix("."), port)) or self._pinned.get(("*", port))
        if pin is None:
            endpoints = await self._look_up(host)
        else:
            endpoints = [one for address in pin.addresses for one in _getaddrinfo(address, socket.AI_NUMERICHOST)]
            self.used[pin] = None
        fit = [endpoint for endpoint in endpoints if self._family in (None, endpoint[0])]
        if pin is not None or host in self.addresses:
            self.addresses[host] = _addresses(fit)
        if not fit:
            raise OtherFamily(_addresses(endpoints))
        return fit

    async def _look_up(self, host: str) -> list[Endpoint]:
        if host not in self._under_way:
            self._under_way[host] = task = asyncio.create_task(self._resolve(host))
            # Seen here too: nobody may be waiting any more when it fails.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        # Shielded: when one request runs out of time, others still wait for the name.
        return await asyncio.shield(self._under_way[host])

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._under_way.values():
            task.cancel()

    async def _resolve(self, host: str) -> list[Endpoint]:
        name = host.removesuffix(".")
        if name == "localhost" or name.endswith(".localhost"):
            # https://www.rfc-editor.org/rfc/rfc6761#section-6.3: browsers do not ask the resolver.
            found: list[Endpoint] = [(socket.AF_INET6, ("::1", 0, 0, 0)), (socket.AF_INET, ("127.0.0.1", 0))]
        else:
            try:
                return _getaddrinfo(host, socket.AI_NUMERICHOST)
            except OSError:
                self.addresses[host] = ()
                found = await _in_daemon_thread(lambda: _getaddrinfo(host, 0))
        self.addresses[host] = _addresses(found)
        return found


class OtherFamily(Exception):  # noqa: N818 - it is an outcome, not an error of ours
    """The host has addresses, and none of the family that was asked for."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        super().__init__(", ".join(addresses))
        self.addresses = addresses


def _addresses(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    return tuple(str(address[0]) for _, address in endpoints)


def is_own(address: str) -> bool:
    """Whether it is one of this machine's own: nothing is sent to find that out."""
    [(family, endpoint), *_] = _getaddrinfo(address, socket.AI_NUMERICHOST)
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(endpoint)
        except OSError:
            return False
    return True


def _getaddrinfo(host: str, flags: int) -> list[Endpoint]:
    # As bytes: a str would go through Python's idna codec, which is slow to load and refuses names that resolve.
    found = socket.getaddrinfo(host.encode("ascii"), 0, type=socket.SOCK_STREAM, flags=flags)
    endpoints: dict[Endpoint, None] = {(family, address): None for family, _, _, _, address in found}
    return list(endpoints)[: limits.ADDRESSES]


def _in_daemon_thread(work: Callable[[], list[Endpoint]]) -> asyncio.Future[list[Endpoint]]:
    # Not loop.getaddrinfo: at its end asyncio.run waits for those threads, and a resolver can hang for minutes.
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[Endpoint]] = loop.create_future()

    def deliver(result: list[Endpoint] | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result or [])

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(deliver, result, error)

    threading.Thread(target=run, daemon=True, name="resolve").start()
    return future


async def connect(attempt: Attempt, resolver: Resolver) -> Stream:
    """A stream to the place of ``attempt`` (by TLS where its URL says so) or to its proxy. Raises ``Unanswered``."""
    place = attempt.place
    hop = attempt.proxy or place
    attempt.phase = "resolve"
    try:
        if attempt.only is not None:
            endpoints = _getaddrinfo(attempt.only, socket.AI_NUMERICHOST)
        else:
            endpoints = await resolver.resolve(hop.host, hop.port)
    except OSError:
        raise attempt.unanswered("dns", f"{attempt.name} does not resolve.") from None
    except OtherFamily as other:
        asked = "IPv4" if ":" in other.addresses[0] else "IPv6"
        stands = ", ".join(other.addresses)
        what = "is no" if stands == hop.host else f"stands for {stands}, and has no"
        message = f"{hop.host} {what} {asked} address, and no other may be used."
        raise attempt.unanswered("dns", message, "family") from None

    attempt.phase = "connect"
    connected, attempt.address = await _first_to_connect(attempt, endpoints, hop.port)
    tried = _addresses(endpoints)
    if attempt.address in tried:
        attempt.passed_over = tried[: tried.index(attempt.address)]

    at_once = place.secure and attempt.proxy is None
    if not attempt.tunnels:
        attempt.phase = "tls" if at_once else "head"
    with _tls_failures(attempt):
        try:
            _, stream = await asyncio.get_running_loop().create_connection(
                Stream,
                sock=connected,
                ssl=tls.context(attempt.verify, attempt.ca_file) if at_once else None,
                server_hostname=place.host.removesuffix(".") if at_once else None,
            )
        except (ValueError, tls.CaFileError):
            connected.close()
            raise
    stream.address = attempt.address
    attempt.stream = stream
    if at_once and not attempt.verify:
        attempt.certificate = stream.certificate
    return stream


async def secure(attempt: Attempt, stream: Stream) -> None:
    """Begin TLS with the place of ``attempt`` on a stream that leads there. Raises ``Unanswered``."""
    attempt.phase = "tls"
    with _tls_failures(attempt):
        await stream.start_tls(tls.context(attempt.verify, attempt.ca_file), attempt.place.host.removesuffix("."))
    if not attempt.verify:
        attempt.certificate = stream.certificate


@contextlib.contextmanager
def _tls_failures(attempt: Attempt) -> Iterator[None]:
    try:
        yield
    except tls.CaFileError as error:
        raise attempt.unanswered("not-asked", str(error)) from None
    except ssl.SSLError as error:
        raise tls.handshake_failure(attempt, error) from None
    except OSError as error:
        raise lost(attempt, error) from None
    except ValueError as error:
        raise attempt.unanswered("tls", f"{attempt.place.host} is no name for TLS: {error}", "handshake") from None


def lost(attempt: Attempt, error: OSError | None) -> Unanswered:
    """The connection ended (``error`` None or without a number) or broke while something was awaited."""
    if isinstance(error, ssl.SSLError):
        return tls.handshake_failure(attempt, error)
    where = attempt.where
    what = {"tls": "during the TLS handshake", "frame": "while a frame was awaited"}.get(
        attempt.phase, "in the middle of its answer" if attempt.buffer else "without an answer"
    )
    if error is None or error.errno is None:
        return attempt.unanswered("closed", f"{where} closed the connection {what}.")
    if _KINDS.get(error.errno) == "timeout":
        return attempt.unanswered("timeout", f"{where} is heard no more: the connection timed out {what}.")
    return attempt.unanswered("reset", f"{where} reset the connection {what}.")


async def _first_to_connect(attempt: Attempt, endpoints: list[Endpoint], port: int) -> Connected:
    # https://www.rfc-editor.org/rfc/rfc8305#section-5
    waiting = list(endpoints)
    pending: set[asyncio.Task[Connected]] = set()
    errors: list[OSError] = []
    connected: list[Connected] = []
    try:
        while (waiting or pending) and not connected:
            if waiting:
                pending.add(asyncio.create_task(_connect(waiting.pop(0), port)))
            patience = limits.NEXT_ADDRESS if waiting else None
            done, pending = await asyncio.wait(pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    connected.append(task.result())
                except OSError as error:
                    errors.append(error)
    finally:
        for task in pending:
            task.cancel()
            task.add_done_callback(_close_late)
        for late, _ in connected[1:]:
            late.close()
    if connected:
        return connected[0]
    kinds: dict[NoResponseKind, OSError] = {_KINDS.get(error.errno, "unreachable"): error for error in errors}
    kind: NoResponseKind = next((kind for kind in _TELLING if kind in kinds), "unreachable")
    where = attempt.where
    message = {
        "refused": f"{where} refuses connections: nothing listens there.",
        "reset": f"{where} reset the connection while it was being made.",
        "timeout": f"{where} does not answer: the connection timed out.",
    }.get(kind, f"{where} cannot be reached ({kinds[kind].strerror if kind in kinds else 'no address'}).")
    raise attempt.unanswered(kind, message)


async def _connect(endpoint: Endpoint, port: int) -> Connected:
    family, (address, _, *rest) = endpoint
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(made, (address, port, *rest))
        return made, str(made.getpeername()[0])
    except BaseException:
        made.close()
        raise


def _close_late(task: asyncio.Task[Connected]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result()[0].close()
