"""The ladders of the wire atlas as data, and the narrowest range of releases that they allow for what was recorded.

It reads the recordings by itself and calls nothing of the project, so that it can be held against what is claimed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.atlas import PAGE, Record

#: Every release that was measured, the oldest first.
NODE = (
    "1.4.8", "1.7.4", "2.0.4", "2.1.1", "2.2.0", "2.3.0", "2.4.1", "2.5.1", "3.0.5", "3.1.2", "4.0.2", "4.1.3",
    "4.2.0", "4.3.2", "4.4.1", "4.5.4", "4.6.2", "4.7.5", "4.8.1", "4.8.4",
)  # fmt: skip
PYTHON = (
    "4.6.1", "5.0.4", "5.1.0", "5.3.0", "5.5.2", "5.7.2", "5.9.0", "5.10.0", "5.11.4", "5.12.1", "5.14.0", "5.18.1",
)  # fmt: skip


class Rung(NamedTuple):
    """From the first to the last measured release that does it; None: open at that end."""

    first: str | None
    last: str | None


#: Section 1.2 of the atlas: what is seen, and which releases of socket.io do it.
NODE_RUNGS = {
    "open in binary": Rung(None, "1.7.4"),
    "bare cookie": Rung(None, "1.4.8"),
    "cookie with Path, in binary": Rung("1.7.4", None),
    "refused with code null": Rung(None, "1.7.4"),
    "open with lengths": Rung("2.0.4", "2.5.1"),
    "timeout 60000, with lengths": Rung("2.0.4", "2.0.4"),
    "timeout 5000, with lengths": Rung("2.1.1", "2.4.1"),
    "timeout 20000, with lengths": Rung("2.5.1", "2.5.1"),
    "cookie with SameSite": Rung("2.3.0", None),
    "cookie without SameSite": Rung(None, "2.2.0"),
    "open as text": Rung("3.0.5", None),
    "EIO=3 answered as text": Rung("3.0.5", "3.0.5"),
    "code 5": Rung("3.1.2", None),
    "timeout 5000": Rung(None, "3.1.2"),
    "timeout 20000": Rung("4.0.2", None),
    "HTTP within the WebSocket": Rung("4.1.3", None),
    "maxPayload": Rung("4.5.4", None),
    "no maxPayload": Rung(None, "4.4.1"),
    "101 with CORS": Rung("4.6.2", None),
    "101 without CORS": Rung(None, "4.5.4"),
    "cache-control": Rung("4.7.5", None),
    "no cache-control": Rung(None, "4.6.2"),
}
#: Section 1.3: the same for python-socketio.
PYTHON_RUNGS = {
    "EIO=3 answered": Rung(None, "4.6.1"),
    "EIO=4 refused": Rung(None, "4.6.1"),
    "EIO=3 refused": Rung("5.0.4", None),
    "open as text": Rung("5.0.4", None),
    "timeout 5000": Rung(None, "5.0.4"),
    "timeout 20000": Rung("5.1.0", None),
    "Invalid transport, named": Rung(None, "5.3.0"),
    "Invalid transport": Rung("5.5.2", None),
    "maxPayload": Rung("5.12.1", None),
    "no maxPayload": Rung(None, "5.11.4"),
}


def allowed(family: str, recorded: Iterable[tuple[str, Record]], fronted: bool) -> tuple[str, ...]:
    """The measured releases that do everything that was seen. ``fronted``: a proxy wrote the heads."""
    node = family != "python-socketio"
    releases, rungs = (NODE, NODE_RUNGS) if node else (PYTHON, PYTHON_RUNGS)
    seen = set(_of_node(list(recorded), fronted) if node else _of_python(list(recorded)))
    low, high = 0, len(releases) - 1
    for name in seen:
        first, last = rungs[name]
        low = max(low, releases.index(first) if first else 0)
        high = min(high, releases.index(last) if last else high)
    return releases[low : high + 1]


def opened(record: Record) -> tuple[dict[str, Any], str, str] | None:
    """The open packet's fields, what stood before it and what behind it; by polling or WebSocket."""
    text = record.body if record.status == 200 else next(iter(record.received()), "") if record.status == 101 else ""
    found = re.search(r'0(\{"sid":"[^"]*","upgrades".*?\})', text)
    return (json.loads(found[1]), text[: found.start()], text[found.end() :]) if found else None


def _of_node(recorded: list[tuple[str, Record]], fronted: bool) -> Iterator[str]:
    opens = [(record, *found) for _, record in recorded if (found := opened(record))]
    for record, fields, before, behind in opens:
        polled, timeout = record.status == 200, fields.get("pingTimeout") if fields.get("pingInterval") == 25000 else 0
        names, cookie = [name for name, _ in (record.response or {})["headers"]], record.header("set-cookie") or ""
        binary, lengths = before.startswith("\x00"), bool(before) and not before.startswith("\x00")
        old = lengths and (record.query.get("EIO") != "3" or behind != "")
        if binary:
            yield "open in binary"
            if cookie.startswith("io=") and not fronted:
                yield "cookie with Path, in binary" if "Path=/" in cookie else "bare cookie"
        elif old:
            yield "open with lengths"
            if timeout in (60000, 5000, 20000):
                yield f"timeout {timeout}, with lengths"
            if cookie.startswith("io=") and not fronted:
                yield "cookie with SameSite" if "SameSite" in cookie else "cookie without SameSite"
        elif polled and not lengths:
            yield "open as text"
            yield "maxPayload" if "maxPayload" in fields else "no maxPayload"
            if record.query.get("EIO") == "3":
                yield "EIO=3 answered as text"
            if timeout in (5000, 20000):
                yield f"timeout {timeout}"
            if not fronted:
                yield "cache-control" if "cache-control" in names else "no cache-control"
        elif "maxPayload" in fields:
            yield "maxPayload"
    yield from _of_node_refusals(recorded)
    if not fronted:
        yield from _of_node_upgrades(recorded)


def _of_node_refusals(recorded: list[tuple[str, Record]]) -> Iterator[str]:
    for purpose, record in recorded:
        if record.status == 400 and '"code":5' in record.body and purpose in ("handshake", "other-protocol"):
            yield "code 5"
        if record.status == 400 and record.body == '{"code":null}' and purpose in ("handshake", "foreign"):
            yield "refused with code null"
        if any(frame["op"] == "RAW_HTTP_AFTER_101" for frame in (record.ws or {}).get("frames", [])[:1]):
            yield "HTTP within the WebSocket"


def _of_node_upgrades(recorded: list[tuple[str, Record]]) -> Iterator[str]:
    """The same page gets CORS headers by polling, from the cors option, which answers its preflight too."""
    cors = [
        record.header("access-control-allow-origin") is not None
        for purpose, record in recorded
        if record.asked("origin") == PAGE and purpose in ("handshake", "simulated-preflight") and record.status < 300
    ]
    preflights = [
        record
        for purpose, record in recorded
        if purpose == "simulated-preflight" and record.status < 300 and record.header("access-control-allow-methods")
    ]
    if not (cors and all(cors) and preflights and opened_by_text(recorded)):
        return
    for purpose, record in recorded:
        if record.status == 101 and purpose in ("websocket", "upgrade") and record.asked("origin") == PAGE:
            allow = record.header("access-control-allow-origin") is not None
            if not allow or record.header("vary"):
                yield "101 with CORS" if allow else "101 without CORS"


def opened_by_text(recorded: list[tuple[str, Record]]) -> bool:
    """A polling handshake came as text, so it is 3.0 or newer."""
    return any(record.status == 200 and (found := opened(record)) and found[1] == "" for _, record in recorded)


def _of_python(recorded: list[tuple[str, Record]]) -> Iterator[str]:
    for _, record in recorded:
        asked = record.query.get("EIO")
        if found := opened(record):
            fields = found[0]
            if asked == "3":
                yield "EIO=3 answered"
                continue
            yield "open as text"
            yield "maxPayload" if "maxPayload" in fields else "no maxPayload"
            if fields["pingInterval"] == 25000 and fields["pingTimeout"] in (5000, 20000):
                yield f"timeout {fields['pingTimeout']}"
        elif "is using an unsupported version" in record.body and asked in ("3", "4"):
            yield f"EIO={asked} refused"
        elif record.body == '"Invalid transport"':
            yield "Invalid transport"
        elif re.match(r'"Invalid transport \w', record.body):
            yield "Invalid transport, named"
