"""A session's WebSocket without its socket: bytes in, bytes out. It holds the session, or probes to take it over."""

from __future__ import annotations

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from sio_doctor.demo.engine import MAX_PAYLOAD, Session
from sio_doctor.standards import engineio


class WebSocket:
    """The server's end, after its 101."""

    def __init__(self, session: Session, *, owns: bool) -> None:
        self.session = session
        self.owns = owns
        """The session is held by this WebSocket; False while it is held by polling."""
        self.ended = False
        """The client's close frame was seen, or the frames were broken: nothing more is to be read."""
        self._frames = Protocol(Side.SERVER, max_size=MAX_PAYLOAD)
        self._kind = Opcode.TEXT
        self._message = b""

    @property
    def listens(self) -> bool:
        """What the session has to say goes out here, and no close frame has gone out yet."""
        return self.owns and self._frames.state is State.OPEN

    def close(self) -> None:
        """Sends a close frame without a code, as Node does."""
        if self._frames.state is State.OPEN:
            self._frames.send_close()

    def receive(self, data: bytes) -> None:
        """Bytes of the client; none at all when it has hung up."""
        if data:
            self._frames.receive_data(data)
        else:
            self._frames.receive_eof()
        for frame in self._frames.events_received():
            if not isinstance(frame, Frame) or frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                continue
            if frame.opcode is not Opcode.CONT:
                self._kind, self._message = frame.opcode, b""
            self._message += frame.data
            if frame.fin and self._kind is Opcode.TEXT:
                self._receive_packet()

    def to_send(self) -> bytes:
        """The bytes for the client: what the session wants to say, and what the protocol demands."""
        if self.listens and self.session.alive:
            for packet in self.session.take():
                self._frames.send_text(packet.encode())
        if not self.session.alive:
            self.close()
        chunks = self._frames.data_to_send()
        # An empty chunk stands for the end of the stream.
        self.ended = self.ended or b"" in chunks
        return b"".join(chunks)

    def _receive_packet(self) -> None:
        try:
            packet = engineio.decode_packet(self._message.decode())
            if self.owns:
                self.session.receive(packet)
            else:
                self._take_over(packet)
        except ValueError:
            self.close()

    def _take_over(self, packet: engineio.Packet) -> None:
        # https://github.com/socketio/engine.io-protocol#upgrade
        if packet == ("ping", "probe"):
            self.session.upgrading = True
            if self.session.polled:
                self.session.send("6")
            self._frames.send_text(b"3probe")
        elif packet.type == "upgrade" and self.session.upgrading:
            self.session.upgrading, self.session.transport, self.owns = False, "websocket", True
        else:
            raise ValueError("this is no step of an upgrade")
