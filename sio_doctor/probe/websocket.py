"""A WebSocket over a raw stream: every frame is kept, a wrong one as well. It is judged elsewhere."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from sio_doctor.model import Exchange, Frame, FrameType, NoResponse
from sio_doctor.probe import limits
from sio_doctor.probe.attempt import Attempt, Unanswered
from sio_doctor.probe.backend import Stream, lost
from sio_doctor.probe.http import utf8

if TYPE_CHECKING:
    from websockets.frames import Frame as WireFrame

# websockets is imported where it is used: it loads importlib.metadata (40 ms), and not every run opens a WebSocket.

_OPCODES = (0x0, 0x1, 0x2, 0x8, 0x9, 0xA)
_RESERVED_BITS = 0x70


class Conversation:
    """A WebSocket, or the reason why there is none."""

    def __init__(
        self, exchange: Exchange, attempt: Attempt | None, granted: Callable[[float | None], limits.Patience]
    ) -> None:
        self._exchange = exchange
        self._attempt = attempt
        self._stream = attempt.stream if attempt is not None else None
        self._granted = granted
        self._frames: list[Frame] = []
        self._over: NoResponse | None = None if self._stream else _closed("There is no WebSocket.")
        self._parser: Generator[None, None, WireFrame] | None = None
        self._masked = False
        self._consumed = bytearray()
        self._taken = 0
        self._fragments = bytearray()
        self._fragmented: FrameType | None = None

    @property
    def exchange(self) -> Exchange:
        """The opening handshake, with all frames so far, pings and our own included."""
        if self._exchange.response is None or not self._frames:
            return self._exchange
        response = msgspec.structs.replace(self._exchange.response, frames=tuple(self._frames))
        return msgspec.structs.replace(self._exchange, response=response)

    async def send(self, text: str, *, kept: bool = True) -> NoResponse | None:
        """Send a text message; why it cannot be sent where the WebSocket is no longer open."""
        if self._over is not None:
            return self._over
        self._write(0x1, utf8(text))
        if kept:
            self._frames.append(Frame(direction="out", type="text", data=text))
        return None

    async def receive(self, timeout: float | None = None, *, kept: bool = True) -> Frame | NoResponse:
        """The next message, close frame or ``raw`` bytes; ``timeout`` seconds in all, the run's own unless given.

        Pings are answered, and like pongs recorded but not returned. Silence is ``timeout``, the end ``closed``, and
        what lies beyond the bounds ``not-asked``, all with the phase ``frame``. Of messages that are not ``kept``, only
        a close frame or ``raw`` bytes are recorded, and the bounds are for each of them.
        """
        patience = self._granted(timeout)
        try:
            async with asyncio.timeout(patience.seconds):
                while True:
                    if self._over is not None:
                        return self._over
                    before = len(self._frames)
                    frame = await self._next()
                    if not kept and frame is not None and frame.type not in ("close", "raw"):
                        del self._frames[before:]
                        self._taken = 0
                    if frame is not None and frame.type not in ("ping", "pong"):
                        return frame
        except TimeoutError:
            return patience.ran_out("frame", "No frame came")
        except Unanswered as outcome:
            return self._end(outcome.failure)

    async def close(self) -> None:
        """Close as a page does: a close frame without a code, and a short wait for the other side's."""
        stream = self._stream
        if stream is None:
            return
        with suppress(TimeoutError, Unanswered):
            async with asyncio.timeout(0):  # what has come already is kept: a server may disconnect at once
                while self._over is None:
                    await self._next()
        self._stream = None
        try:
            if self._over is None:
                self._end(_closed("The WebSocket was closed from here."))
                stream.write(_serialized(0x8, b""))
                self._frames.append(Frame(direction="out", type="close", data=""))
                with suppress(TimeoutError, OSError):
                    async with asyncio.timeout(limits.LINGER):
                        stream.buffer.clear()
                        while await stream.fill():
                            stream.buffer.clear()
        finally:
            stream.abort()

    def _end(self, failure: NoResponse) -> NoResponse:
        self._over = failure
        return failure

    def _write(self, opcode: int, data: bytes) -> None:
        if self._stream is not None:
            self._stream.write(_serialized(opcode, data))

    async def _next(self) -> Frame | None:
        """The next frame or joined message, recorded; None for a fragment that is not the last."""
        from websockets.exceptions import PayloadTooBig, ProtocolError

        if sum(frame.direction == "in" for frame in self._frames) >= limits.FRAMES:
            raise self._bounds(f"More than {limits.FRAMES} frames")
        try:
            wire = await self._read()
        except PayloadTooBig:
            raise self._bounds(f"More than {limits.FRAME_BYTES // 1024} KiB of frames") from None
        except ProtocolError:
            return await self._raw()
        if wire is None:
            return await self._raw()
        return await self._record(wire)

    async def _read(self) -> WireFrame | None:
        """A frame as websockets has it; None where the bytes are none. May be cancelled and called again."""
        stream = self._stream
        assert stream is not None
        if self._parser is None:
            while len(stream.buffer) < 2:
                if stream.buffer and not _begins_frame(stream.buffer):
                    break
                await self._more(stream)
            self._consumed.clear()
            if not _begins_frame(stream.buffer):
                return None
            from websockets.frames import Frame as WireFrame

            self._masked = bool(stream.buffer[1] & 0x80)
            room = limits.FRAME_BYTES - self._taken
            self._parser = WireFrame.parse(self._exactly, mask=self._masked, max_size=room)
        try:
            while True:
                try:
                    next(self._parser)
                except StopIteration as parsed:
                    wire: WireFrame = parsed.value
                    self._parser = None
                    self._taken += len(wire.data)
                    return wire
                await self._more(stream)
        except Exception:
            self._parser = None
            raise

    def _exactly(self, count: int) -> Generator[None, None, bytes]:
        assert self._stream is not None
        buffer = self._stream.buffer
        while len(buffer) < count:
            yield
        taken = bytes(buffer[:count])
        del buffer[:count]
        self._consumed += taken
        return taken

    async def _record(self, wire: WireFrame) -> Frame | None:
        data = bytes(wire.data)
        opcode = int(wire.opcode)
        if opcode == 0x8:
            return self._record_close(data)
        if opcode in (0x9, 0xA):
            frame = self._keep("ping" if opcode == 0x9 else "pong", data.decode("latin-1"))
            if opcode == 0x9:
                self._write(0xA, data)
                self._frames.append(Frame(direction="out", type="pong", data=frame.data))
            return frame
        if (opcode == 0x0) != (self._fragmented is not None):
            self._end(_closed("A fragment came where none may."))
            return self._keep("raw", data.decode("latin-1"))
        kind: FrameType = self._fragmented or ("text" if opcode == 0x1 else "binary")
        self._fragments += data
        if not wire.fin:
            self._fragmented = kind
            self._taken += 1  # empty fragments without end are bounded as well
            return None
        message = bytes(self._fragments)
        self._fragmented = None
        self._fragments.clear()
        if kind == "binary":
            return self._keep("binary", base64.b64encode(message).decode())
        try:
            return self._keep("text", message.decode())
        except UnicodeDecodeError:
            # Browsers fail the connection: https://www.rfc-editor.org/rfc/rfc6455#section-8.1
            self._end(_closed("A text message was not UTF-8."))
            return self._keep("raw", message.decode("latin-1"))

    def _record_close(self, data: bytes) -> Frame:
        self._write(0x8, data[:2])
        code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
        frame = self._keep("close", data[2:].decode(errors="replace"), code)
        self._end(_closed("The server closed the WebSocket."))
        return frame

    def _keep(self, kind: FrameType, data: str, code: int | None = None) -> Frame:
        frame = Frame(direction="in", type=kind, data=data, code=code, masked=self._masked)
        self._frames.append(frame)
        return frame

    async def _raw(self) -> Frame:
        """What has come, and what comes with it, as bytes that are no frame; they end the conversation."""
        stream = self._stream
        assert stream is not None
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(limits.LINGER):
                while len(stream.buffer) <= limits.NOT_HTTP and await stream.fill():
                    pass
        self._masked = False
        self._end(_closed("What came is no WebSocket frame."))
        came = self._consumed + stream.buffer
        return self._keep("raw", bytes(came[: limits.NOT_HTTP]).decode("latin-1"))

    async def _more(self, stream: Stream) -> None:
        error = None
        try:
            if await stream.fill():
                return
        except OSError as caught:
            error = caught
        assert self._attempt is not None
        self._attempt.phase = "frame"
        raise lost(self._attempt, error) from None

    def _bounds(self, what: str) -> Unanswered:
        if self._stream is not None:
            self._stream.abort()
        return Unanswered(NoResponse(kind="not-asked", phase="frame", message=f"{what} came; no more are read."))


def _begins_frame(data: bytearray) -> bool:
    return not data[0] & _RESERVED_BITS and data[0] & 0x0F in _OPCODES


def _serialized(opcode: int, data: bytes) -> bytes:
    from websockets.frames import Frame as WireFrame
    from websockets.frames import Opcode

    return WireFrame(Opcode(opcode), data).serialize(mask=True)


def _closed(message: str) -> NoResponse:
    return NoResponse(kind="closed", phase="frame", message=message)
