"""How much may be asked, and what is not known where that was not enough."""

from __future__ import annotations

from sio_doctor.model import Purpose

#: Requests for the first origin, and for each further one.
FIRST, FURTHER = 40, 12
#: What is kept back of it to close the sessions that were opened.
RESERVE = 4
#: What may open a session by polling, which is then to be closed.
OPENING: frozenset[Purpose] = frozenset(
    {"handshake", "control", "foreign", "redirect", "other-protocol", "other-path", "other-address", "near-miss"}
)
#: What is not known where the budget left something out.
WORDS: dict[Purpose, str] = {
    "control": "the answer to no origin",
    "foreign": "the answer to a foreign origin",
    "handshake": "the handshake",
    "preflight": "the preflight",
    "simulated-preflight": "how preflights are answered",
    "connect": "the answer to CONNECT",
    "poll": "the answer to CONNECT",
    "upgrade": "the upgrade to WebSocket",
    "websocket": "a WebSocket of its own",
    "redirect": "where the redirects end",
    "sticky": "whether the session holds on fresh connections",
    "other-protocol": "the other protocol version",
    "other-path": "other paths",
    "other-scheme": "the other scheme",
    "other-address": "the other addresses of the host",
    "other-transport": "the reason behind the WebSocket's 403",
    "root": "who answers at /",
    "client-file": "the server's exact version",
    "near-miss": "whether a variant of the origin is on the list",
    "close": "what becomes of a session that could not be closed (the server ends it after a while)",
}
