"""Commands and events as JSON over a WebSocket on loopback: what the DevTools protocol and WebDriver BiDi share."""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from sio_doctor.confirm.find import BrowserError

Message = dict[str, Any]


class Channel:
    """One connection to a browser. Nothing waits longer than ``until``, a time of ``time.monotonic``."""

    def __init__(self, url: str, until: float) -> None:
        self.until = until
        self._last = 0
        self._results: dict[int, Message] = {}
        self._events: deque[Message] = deque()
        self._fragments = b""
        uri = parse_uri(url)
        self._protocol = ClientProtocol(uri, max_size=None)
        self._socket = socket.create_connection((uri.host, uri.port), timeout=self._left())
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
            self._receive(self.until)
        if self._protocol.handshake_exc is not None:
            raise BrowserError(f"The browser refused its debugging port: {self._protocol.handshake_exc}.")

    def close(self) -> None:
        """Closes the socket; the browser is ended by its process."""
        self._socket.close()

    def send(self, method: str, params: Message | None = None, **more: Any) -> int:
        """Sends a command; its number, for ``result``."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params or {}, **more}
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()
        return self._last

    def result(self, number: int) -> Message:
        """The result of the command with that number; BrowserError where it failed."""
        while number not in self._results:
            self._receive(self.until)
        answer = self._results.pop(number)
        if "error" in answer:
            error = answer["error"]  # an object in the DevTools protocol, a code in BiDi
            said = error.get("message") if isinstance(error, dict) else f"{error}: {answer.get('message')}"
            raise BrowserError(f"The browser failed: {said}.")
        result: Message = answer["result"]
        return result

    def call(self, method: str, params: Message | None = None, **more: Any) -> Message:
        """Sends a command and waits for its result."""
        return self.result(self.send(method, params, **more))

    def event(self, wanted: Callable[[Message], bool], *, of: int) -> Message:
        """The next event that is wanted, waited for; the others are kept. BrowserError where the command ``of``, which
        brings it about, fails.
        """
        while True:
            for event in self._events:
                if wanted(event):
                    self._events.remove(event)
                    return event
            if "error" in self._results.get(of, ()):
                self.result(of)
            self._receive(self.until)

    def take(self, wanted: Callable[[Message], bool], *, quiet: float = 0.0) -> list[Message]:
        """The wanted events that have come, waiting until none has come for ``quiet`` seconds."""
        taken: list[Message] = []
        while True:
            taken += [event for event in self._events if wanted(event)]
            self._events = deque(event for event in self._events if not wanted(event))
            try:
                self._receive(min(self.until, time.monotonic() + quiet))
            except TimeoutError:
                return taken

    def _left(self) -> float:
        return max(self.until - time.monotonic(), 0.001)

    def _flush(self) -> None:
        self._socket.settimeout(self._left())
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
        except OSError:
            raise BrowserError("The browser has gone.") from None

    def _receive(self, until: float) -> None:
        """Reads once. TimeoutError when that is past ``until``, a BrowserError when that was the deadline."""
        self._socket.settimeout(max(until - time.monotonic(), 0.001))
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            if until >= self.until:
                raise BrowserError("The browser took longer than the deadline.") from None
            raise
        except OSError:
            raise BrowserError("The browser has gone.") from None
        if not data:
            raise BrowserError("The browser has gone.")
        try:
            self._protocol.receive_data(data)
        except WebSocketException as error:
            raise BrowserError(f"The browser does not speak WebSocket: {error}.") from None
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                self._fragments += event.data
                if event.fin:
                    self._keep(json.loads(self._fragments))
                    self._fragments = b""
        self._flush()

    def _keep(self, message: Message) -> None:
        if "id" in message:
            self._results[message["id"]] = message
        elif message["method"] == "Inspector.targetCrashed":  # of Chromium; what was asked of the page gets no answer
            raise BrowserError("Its page crashed.")
        else:
            self._events.append(message)
