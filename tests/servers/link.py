"""A long way to a server on loopback: every round trip takes its time, the one that opens a connection too."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def link(url: str, round_trip: float) -> Iterator[str]:
    """Yields a URL that leads to ``url`` with ``round_trip`` seconds (of waiting, not of work) for each there and back.

    Bytes arrive half a round trip after they were sent, either way, in order. What a connection says first is held
    for a whole one more: on a real network the SYN and its answer go before it.
    """
    upstream = urlsplit(url)
    host, port = upstream.hostname or "127.0.0.1", upstream.port or (443 if upstream.scheme == "https" else 80)
    loop = asyncio.new_event_loop()
    connections: set[object] = set()  # asyncio alone would let those go that nothing moves on

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        there_reader, there_writer = await asyncio.open_connection(host, port)
        opened = loop.time() + round_trip
        try:
            await asyncio.gather(
                _carry(reader, there_writer, round_trip / 2, opened), _carry(there_reader, writer, round_trip / 2, 0)
            )
        except asyncio.CancelledError:
            pass  # the link is taken down; asyncio's server would print what a task of its own raises
        finally:
            for end in (writer, there_writer):
                end.close()

    async def _carry(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, late: float, not_before: float
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if not data:
                    with contextlib.suppress(OSError):
                        target.write_eof()
                    return
                target.write(data)

        delivering = loop.create_task(deliver())
        data = b"more"
        while data:
            try:
                data = await source.read(65536)
            except OSError:
                data = b""
            under_way.put_nowait((max(loop.time(), not_before) + late, data))
        await delivering

    server = loop.run_until_complete(asyncio.start_server(accepted, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"{upstream.scheme}://{upstream.hostname}:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(timeout=5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others)
