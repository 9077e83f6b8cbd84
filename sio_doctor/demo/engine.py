"""Engine.IO 4 sessions with Socket.IO 5 on top, and what is wrong with a request. No socket is touched here.

https://github.com/socketio/engine.io-protocol; the numbers are socket.io's defaults.
"""

from __future__ import annotations

import asyncio
import base64
import secrets

import msgspec

from sio_doctor.demo.wire import Asked, Dialect
from sio_doctor.model import Transport
from sio_doctor.standards import engineio, socketio

#: Seconds from one ping to the next, and until its pong has to be there.
PING_INTERVAL, PING_TIMEOUT = 25, 20
#: Bytes of a body or message.
MAX_PAYLOAD = 1_000_000
#: Sessions that a worker keeps; one more, and the oldest ends.
MAX_SESSIONS = 200


class Session:
    """One Engine.IO session: by which transport it is held, and what waits to be sent."""

    def __init__(self, sid: str, transport: Transport, worker: Worker) -> None:
        self.sid = sid
        self.transport = transport
        self.alive = True
        self.polled = False
        """A poll waits for an answer."""
        self.upgrading = False
        """A WebSocket was probed: polls are answered at once, so that the client can stop polling."""
        self.news = asyncio.Event()
        """Set while there is something to send, or the session has ended."""
        self._queue: list[str] = []
        self._worker = worker
        self._alarm = asyncio.get_running_loop().call_later(PING_INTERVAL, self._ping)

    def send(self, packet: str) -> None:
        """Queues a packet for whoever takes."""
        self._queue.append(packet)
        self.news.set()

    def take(self) -> list[str]:
        """The packets that wait, which wait no longer."""
        packets, self._queue = self._queue, []
        if self.alive:
            self.news.clear()
        return packets

    def post(self, body: bytes) -> None:
        """What the client posted; a body that is no payload ends the session."""
        try:
            for packet in engineio.decode_payload(body, 4):
                self.receive(packet)
        except ValueError:
            self.close()

    def receive(self, packet: engineio.Packet) -> None:
        """A packet of the client. Raises ValueError where a message is no Socket.IO packet."""
        if packet.type == "close":
            self.close()
        elif packet.type == "pong":
            self._alarm.cancel()
            self._alarm = asyncio.get_running_loop().call_later(PING_INTERVAL, self._ping)
        elif packet.type == "message":
            message = socketio.decode(packet.data)
            # Nobody listens to events here: CONNECT alone has an answer.
            if message.type == socketio.CONNECT:
                self.send(self._worker.join(message.namespace))

    def close(self) -> None:
        """Ends the session; a poll that waits hears of it."""
        if self.alive:
            self.send("1")
            self.alive = False
            self._alarm.cancel()
            del self._worker.sessions[self.sid]

    def _ping(self) -> None:
        self._alarm = asyncio.get_running_loop().call_later(PING_TIMEOUT, self.close)
        self.send("2")


class Worker:
    """One server process, and the sessions that it knows."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.sessions: dict[str, Session] = {}
        self._opened = 0
        self._joined = 0

    def verify(self, asked: Asked) -> int | None:
        """What is wrong with a request, as one of ``engineio.ERRORS``, in engine.io's order; None where nothing is."""
        query = asked.query
        transport = query.get("transport", self.dialect.TRANSPORT)
        if transport not in ("polling", "websocket"):
            return 0
        if sid := query.get("sid"):
            session = self.sessions.get(sid)
            if session is None:
                return 1
            return None if asked.upgrades or session.transport == transport else 3
        if asked.method != "GET":
            return 2
        if transport == "websocket" and not asked.upgrades:
            return 3
        return None if query.get("EIO") == "4" else 5

    def session(self, asked: Asked) -> Session | None:
        """The session that the request names; None where it names none."""
        return self.sessions.get(asked.query.get("sid", ""))

    def open(self, transport: Transport) -> Session:
        """A new session, with its open packet to be sent."""
        if len(self.sessions) >= MAX_SESSIONS:
            next(iter(self.sessions.values())).close()
        session = Session(_sid(self._opened), transport, self)
        self._opened += 1
        self.sessions[session.sid] = session
        upgrades = ["websocket"] if transport == "polling" else []
        session.send(
            self.dialect.open_packet(session.sid, upgrades, PING_INTERVAL * 1000, PING_TIMEOUT * 1000, MAX_PAYLOAD)
        )
        return session

    def join(self, namespace: str) -> str:
        """The answer to CONNECT: there is the main namespace, and no other."""
        if namespace != "/":
            return self.dialect.unknown_namespace(namespace)
        self._joined += 1
        return "40" + msgspec.json.encode({"sid": _sid(self._joined - 1)}).decode()


def _sid(count: int) -> str:
    """20 characters of base64url, the last four of them a counter: ``…AAAB``."""
    return base64.urlsafe_b64encode(secrets.token_bytes(12) + (count % 2**24).to_bytes(3, "big")).decode()
