"""Connections made before the requests that go over them, so that those wait neither for TCP nor for TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sio_doctor.probe.attempt import Attempt, Unanswered
from sio_doctor.probe.backend import Stream

Key = tuple[bool, str, int, bool, str | None]


class Ahead:
    """The connections of one run that nothing has been sent over yet. ``reach`` makes one, or raises ``Unanswered``.

    Only for a server that keeps connections: one that serves a single connection at a time would wait for what comes
    over an idle one, and answer nobody else meanwhile.
    """

    def __init__(self, reach: Callable[[Attempt], Awaitable[Stream]]) -> None:
        self._reach = reach
        self._under_way: dict[Key, list[asyncio.Task[Stream]]] = {}

    def prepare(self, attempts: list[Attempt]) -> None:
        """Begins to connect to where each of these goes; through a proxy nothing is prepared."""
        for attempt in attempts:
            if attempt.proxy is None:
                task = asyncio.ensure_future(self._reach(attempt))
                self._under_way.setdefault(attempt.key, []).append(task)

    async def take(self, attempt: Attempt) -> Stream | None:
        """A connection to where ``attempt`` goes, waited for if need be; None where none was prepared, or it failed."""
        waiting = self._under_way.get(attempt.key, [])
        while waiting and attempt.proxy is None:
            task = waiting.pop(0)
            attempt.phase = "connect"
            try:
                stream = await task
            except Unanswered:
                continue
            if stream.usable:
                attempt.stream, attempt.address, attempt.waited = stream, stream.address, True
                return stream
            stream.abort()
        return None

    async def close(self) -> None:
        """Closes those that nobody took."""
        left = [task for tasks in self._under_way.values() for task in tasks]
        self._under_way.clear()
        for task in left:
            task.cancel()
        for task in left:
            with suppress(asyncio.CancelledError, Unanswered):
                (await task).abort()
