"""The demo's sockets: HTTP/1.1 by h11, WebSocket by websockets' sans-IO protocol, on loopback and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from itertools import cycle
from types import TracebackType

import h11

from sio_doctor.demo import node, python
from sio_doctor.demo.engine import MAX_PAYLOAD, Session, Worker
from sio_doctor.demo.scenarios import Scenario
from sio_doctor.demo.wire import Answer, Asked, Dialect, nginx_error, nginx_index, serialise, through_nginx
from sio_doctor.model import get
from sio_doctor.standards import engineio

PATH = "/socket.io/"
#: Seconds that a connection may be silent when a request is due: the first one, and each that follows.
FIRST, KEEP_ALIVE = 60.0, 6.0
#: Seconds that a WebSocket may take to take a session over, or to answer a close frame.
UPGRADE_TIMEOUT = 10.0

_DIALECTS: dict[str, Dialect] = {"socket.io": node, "python-socketio": python}


async def serve(scenario: Scenario, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Starts the scenario's server; 0 is any free port. ``async with await serve(…) as server: … server.url …``.

    Raises ValueError for a host that is no loopback address, OSError where the port is taken.
    """
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the demo is served on a loopback address alone, and {host} is none")
    server = Server(scenario)
    await server.listen(host, port)
    return server


class Server:
    """A running server: its ``url``, without a slash at the end, and how to end it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.url = ""
        dialect = _DIALECTS.get(scenario.stack, node)
        self._workers = [Worker(dialect) for _ in range(scenario.workers)]
        self._turns = cycle(self._workers)
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Binds and accepts; ``serve`` calls it."""
        self._listener = await asyncio.start_server(self._accept, host, port)
        bound: int = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Connection(self.scenario, next(self._turns), reader, writer).run())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def close(self) -> None:
        """Accepts no more, and ends every connection and session."""
        self._listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for worker in self._workers:
            for session in list(worker.sessions.values()):
                session.close()
        await self._listener.wait_closed()

    async def __aenter__(self) -> Server:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Connection:
    """One TCP connection: requests one after the other, then perhaps a WebSocket."""

    def __init__(
        self, scenario: Scenario, worker: Worker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._scenario = scenario
        self._worker = worker
        self._reader = reader
        self._writer = writer
        self._reading: asyncio.Task[bytes] | None = None
        self._rest = b""
        """Bytes that came behind the last request."""

    async def run(self) -> None:
        """Serves the connection until either side has had enough."""
        try:
            await self._serve()
        except (ConnectionError, TimeoutError):
            pass  # the client went away, or fell silent: nothing is left to be said
        except h11.RemoteProtocolError:
            self._writer.write(serialise(Answer(400, (("Connection", "close"),)), "GET"))
        except asyncio.CancelledError:
            self._writer.transport.abort()
            raise
        finally:
            if self._reading is not None:
                self._reading.cancel()
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _serve(self) -> None:
        silence = FIRST
        while asked := await self._request(silence):
            proxy, silence = self._scenario.proxy, KEEP_ALIVE
            if asked.upgrades and (proxy is None or proxy.passes_upgrade):
                return await self._upgrade(asked)
            if proxy is not None and not proxy.passes_upgrade:
                asked = asked._replace(headers=tuple(line for line in asked.headers if line[0].lower() != "upgrade"))
            await self._write(await self._answer(asked), asked)
            if not asked.keeps_alive:
                return None
        return None

    # --- bytes ---

    async def _data(self, silence: float | None = None) -> bytes:
        """What the client sends next; empty at the end. Raises TimeoutError after ``silence`` seconds without any."""
        async with asyncio.timeout(silence):
            data = await asyncio.shield(self._read())
        self._reading = None
        return data

    def _read(self) -> asyncio.Task[bytes]:
        # One read is always the same task, so that waiting for something else as well loses no bytes.
        self._reading = self._reading or asyncio.create_task(self._receive())
        return self._reading

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""  # however it ended, it has

    async def _until(self, news: asyncio.Event) -> bool:
        """Waits for the news, or for bytes of the client, whichever is first; True where it is the news."""
        waiting = asyncio.create_task(news.wait())
        try:
            await asyncio.wait({self._read(), waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        return news.is_set()

    async def _write(self, answer: Answer, asked: Asked, *, last: bool = False) -> None:
        if self._scenario.proxy is not None:
            answer = through_nginx(answer, self._scenario.proxy, asked.keeps_alive and not last)
        self._writer.write(serialise(answer, asked.method))
        await self._writer.drain()

    # --- requests ---

    async def _request(self, silence: float) -> Asked | None:
        """The next request; None where the client has none. Raises h11.RemoteProtocolError where it is no HTTP."""
        http = h11.Connection(h11.SERVER)
        if self._rest:
            http.receive_data(self._rest)
        head: h11.Request | None = None
        body = b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self._data(silence))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                # One byte too many is enough to know that it is too much.
                body = (body + bytes(event.data))[: MAX_PAYLOAD + 1]
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                self._rest = http.trailing_data[0]
                headers = tuple((name.decode(), value.decode("latin-1")) for name, value in head.headers)
                target = head.target.decode("latin-1")
                return Asked(head.method.decode(), target, headers, body, head.http_version.decode())
            else:
                return None

    async def _answer(self, asked: Asked) -> Answer:
        if self._scenario.stack == "down":
            return nginx_error(502, "Bad Gateway")
        if self._scenario.stack == "files":
            return nginx_index(asked.method)
        return self._worker.dialect.finish(await self._engine(asked), asked)

    async def _engine(self, asked: Asked) -> Answer:
        speak, cors = self._worker.dialect, self._scenario.cors
        if not asked.path.startswith(PATH):
            return speak.elsewhere(asked)
        if (answer := speak.before(asked, cors)) is not None:
            return answer
        if (code := self._worker.verify(asked)) is not None:
            return speak.refuse(code, asked, cors)
        session = self._worker.session(asked)
        if session is None:
            return speak.payload("".join(self._worker.open("polling").take()), asked, cors)
        if asked.method == "GET":
            return await self._poll(session, asked)
        if asked.method != "POST":
            return speak.fault(500, asked, cors)
        if len(asked.body) > MAX_PAYLOAD:
            return speak.fault(413, asked, cors)
        session.post(asked.body)
        return speak.posted(asked, cors)

    async def _poll(self, session: Session, asked: Asked) -> Answer:
        speak, cors = self._worker.dialect, self._scenario.cors
        if session.polled:
            session.close()
            return speak.fault(400, asked, cors)
        if session.upgrading and not session.news.is_set():
            session.send("6")
        session.polled = True
        try:
            if not await self._until(session.news):
                if not self._read().result():
                    session.close()  # as Node does: a poll that is given up takes the session with it
                    raise ConnectionAbortedError
                await session.news.wait()  # the client's next request is here already; it has to wait
        finally:
            session.polled = False
        return speak.payload(engineio.SEPARATOR.join(session.take()), asked, cors)

    # --- WebSocket ---

    async def _upgrade(self, asked: Asked) -> None:
        speak, cors = self._worker.dialect, self._scenario.cors
        if not asked.path.startswith(PATH):
            return None  # Node hangs up without an answer
        code = self._worker.verify(asked)
        key = get(asked.headers, "sec-websocket-key")
        if speak.before(asked, cors) is not None or key is None:
            code = 3
        if code is not None and code not in speak.LATE:
            return await self._write(speak.refuse_upgrade(code), asked, last=True)
        from websockets.utils import accept_key

        await self._write(speak.switch(accept_key(key or ""), asked, cors), asked)
        if code is not None:
            self._writer.write(serialise(speak.refuse_upgrade(code), asked.method))
            return None
        return await self._websocket(asked)

    async def _websocket(self, asked: Asked) -> None:
        """Speaks Engine.IO over the WebSocket: in a session of its own, or to take over the one that it names."""
        # It costs as much to load as all the rest, and many scenarios never come here.
        from sio_doctor.demo.websocket import WebSocket

        polled = self._worker.session(asked)
        session = polled or self._worker.open("websocket")
        socket = WebSocket(session, owns=polled is None)
        if asked.query.get("transport") != "websocket" or (polled and polled.transport == "websocket"):
            socket.close()
        if self._rest:
            socket.receive(self._rest)
        try:
            while True:
                self._writer.write(socket.to_send())
                await self._writer.drain()
                if socket.ended:
                    break
                if not socket.listens or not await self._until(session.news):
                    socket.receive(await self._data(None if socket.listens else UPGRADE_TIMEOUT))
        finally:
            if socket.owns:
                session.close()
            else:
                session.upgrading = False
