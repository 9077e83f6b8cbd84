"""What a stack is: how it is recognised, and what to write in it.

A stack is one module, registered in ``STACKS`` of the package, with the names of ``Stack``. A cure is one entry of its
``FIXES``. The helpers here read evidence (``answers``, ``openings``) and put strings into code (``js``, ``py``,
``conf``, ``sh``): whatever comes from a server or a command line goes through one of those, never straight into a cure.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from sio_doctor.model import Evidence, Exchange, Fix, Handshake, Plan, Purpose, Response, Server
from sio_doctor.standards import engineio

#: Stands for the page's origin where the person named none; the title of the cure says so.
PLACEHOLDER = "https://your-page.example"
#: Causes that a new port ends.
NEW_PORT = ("unsafe-port", "macos-port-5000")
#: Where a Socket.IO server mostly listens, as its proxy reaches it.
UPSTREAM = "http://127.0.0.1:3000"
#: Where a page lives that was opened from a file, once it is served.
SERVED = "http://localhost:8000"

Side = Literal["server", "proxy", "page"]


class Claim(NamedTuple):
    """What one stack says about the evidence: who answers (if it knows), and what stands in front or around."""

    stack: str | None = None
    version: str | None = None
    layers: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None


class Ask(NamedTuple):
    """What a cure is written for."""

    slug: str
    plan: Plan
    server: Server
    origins: tuple[str, ...] = ()
    """The pages that it concerns, as browsers serialise origins; empty: the person named none."""
    headers: tuple[str, ...] = ()
    """Names of the headers that the client adds."""
    details: Mapping[str, str] = {}
    """What was observed: see ``observed`` of that module."""

    @property
    def pages(self) -> tuple[str, ...]:
        """The origins to write into a list. ``null`` is none: any sandboxed page has it."""
        named = tuple(origin for origin in self.origins if origin != "null")
        named = named or ((SERVED,) if self.origins else (PLACEHOLDER,))
        # Who is let in now, stays let in.
        return tuple(dict.fromkeys([*named, *self.details.get("let-in", "").split()]))

    @property
    def sent(self) -> tuple[str, ...]:
        """The headers to write into a list: those that the client adds, and what is listed now."""
        return tuple(dict.fromkeys([*self.details.get("allow-headers", "").split(), *self.headers]))

    @property
    def foreign(self) -> bool:
        """Some page that it concerns is not the server's own: whatever else is written has to let it in."""
        return any(origin != self.plan.target.url for origin in self.origins)

    @property
    def credentials(self) -> bool:
        """The client sends cookies."""
        return self.plan.client.with_credentials

    @property
    def host(self) -> str:
        """The server's host, without port and brackets."""
        return urlsplit(self.plan.target.url).hostname or "localhost"

    @property
    def port(self) -> int:
        """The port that was asked."""
        parts = urlsplit(self.plan.target.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def app_port(self) -> int:
        """Where the server itself listens, as far as that can be known: behind 443 and 80 there mostly is a proxy."""
        return 3000 if self.port in (80, 443) or self.slug in NEW_PORT else self.port

    @property
    def upstream(self) -> str:
        """The base URL of the server behind the proxy: what ``--direct`` named, else where one mostly listens."""
        return conf(self.plan.direct.url, UPSTREAM) if self.plan.direct is not None else UPSTREAM

    def layer(self, *names: str) -> bool:
        """One of these stands in front or around."""
        return has_layer(self.server, *names)


Cure = Callable[[Ask], Fix | None]


class Stack(Protocol):
    """What each module here has."""

    SIDE: Side
    FIXES: dict[str, Cure]

    def recognise(self, evidence: Evidence) -> Claim | None:
        """What it knows of who answers; None where it sees no sign of itself. Never a guess."""

    def fits(self, server: Server) -> bool:
        """Its cures are for that server, or for what stands in front of it."""


def mounted(ask: Ask) -> str:
    """Where python-socketio is mounted, ``/ws``, as far as that was seen."""
    return ask.details.get("mount") or ask.plan.target.path.removesuffix("/socket.io/").rstrip("/") or "/ws"


def nothing(evidence: Evidence) -> Claim | None:
    """``recognise`` of what leaves no mark on the wire."""
    return None


def has_layer(server: Server, *names: str) -> bool:
    """A layer of that name, with or without a version, is there."""
    return any(layer == name or layer.startswith(name + " ") for layer in server.layers for name in names)


# --- reading evidence ------------------------------------------------------------------------------------------------

#: Answers of the Engine.IO path itself. What is routed elsewhere may be served by somebody else.
_ENGINE: tuple[Purpose, ...] = (
    "control", "foreign", "handshake", "preflight", "simulated-preflight", "connect", "poll", "websocket", "upgrade",
    "sticky", "other-protocol", "other-transport", "client-file", "near-miss", "close",
)  # fmt: skip


#: Answers of the target beside its Engine.IO path.
BESIDE: tuple[Purpose, ...] = ("root", "nowhere", "other-path")


def answers(evidence: Evidence, *purposes: Purpose) -> Iterator[tuple[Exchange, Response]]:
    """The answers of the target's own host and port, in order; without purposes, those of its Engine.IO path."""
    host = _host(evidence.plan.target.url)
    for exchange in evidence.all(*(purposes or _ENGINE)):
        if exchange.response is not None and _host(exchange.request.url) == host:
            yield exchange, exchange.response


def _host(url: str) -> tuple[str | None, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname, parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    except ValueError:
        return None, 0


class Opening(NamedTuple):
    """An open packet, by polling or WebSocket."""

    exchange: Exchange
    response: Response
    handshake: Handshake
    packets: tuple[str, ...]
    """The Engine.IO packets that came unasked right behind it, as ``message0``."""
    interval_first: bool
    """``pingInterval`` before ``pingTimeout``, as Node writes it; Python writes them the other way round."""
    asked: int
    """The protocol of the URL (``EIO=``); 0 where it has none."""


def openings(evidence: Evidence) -> list[Opening]:
    """Every open packet that the target sent, redirects followed."""
    found = []
    for exchange, response in [*answers(evidence), *_redirected(evidence)]:
        read, text = engineio.read_open(response), response.text
        packets = tuple(packet.type + packet.data for packet in read[1]) if read else ()
        handshake = read[0] if read else None
        if response.frames and response.status == 101:
            first = next((frame for frame in response.frames if frame.direction == "in"), None)
            text = first.data if first is not None and first.type == "text" else ""
            handshake = engineio.open_packet(text[1:]) if text[:1] == "0" else None
        if handshake is not None:
            asked = re.search(r"[?&]EIO=(\d)", exchange.request.url)
            interval_first = -1 < text.find('"pingInterval"') < text.find('"pingTimeout"')
            found.append(Opening(exchange, response, handshake, packets, interval_first, int(asked[1]) if asked else 0))
    return found


def _redirected(evidence: Evidence) -> Iterator[tuple[Exchange, Response]]:
    """Where a redirect leads, an open packet is the server's; anything else may be a login page of somebody else."""
    for exchange in evidence.all("redirect"):
        if exchange.response is not None and engineio.read_open(exchange.response):
            yield exchange, exchange.response


def products(evidence: Evidence) -> list[str]:
    """The Server headers of the target, each once, in order."""
    values = [response.get("server") for _, response in answers(evidence, *_ENGINE, *BESIDE)]
    return list(dict.fromkeys(value for value in values if value))


def product(evidence: Evidence, pattern: str, name: str) -> Claim | None:
    """The layer ``name`` where a Server header matches; group 1 of the pattern is its version, if there is one."""
    for value in products(evidence):
        if match := re.search(pattern, value):
            version = match[1] if match.lastindex else None
            return Claim(layers=(f"{name} {version}" if version else name,), evidence=(f"Server: {shown(value)}",))
    return None


def shown(value: str) -> str:
    """A server's own words in a phrase: short, on one line, printable."""
    return "".join(char if char.isprintable() else "?" for char in value)[:60]


# --- putting strings into code ---------------------------------------------------------------------------------------


def js(value: str) -> str:
    """A JavaScript string literal; ASCII alone, and safe within a script element."""
    return json.dumps(value).replace("<", "\\u003c").replace("\x7f", "\\u007f")


def js_list(values: tuple[str, ...]) -> str:
    """A JavaScript array of strings."""
    return "[" + ", ".join(map(js, values)) + "]"


def py(value: str) -> str:
    """A Python string literal; ASCII alone."""
    return json.dumps(value) if value.isascii() and value.isprintable() else ascii(value)


def py_list(values: tuple[str, ...]) -> str:
    """A Python list of strings."""
    return "[" + ", ".join(map(py, values)) + "]"


def conf(value: str, otherwise: str) -> str:
    """A value for a proxy's configuration, where ``$``, ``%``, ``;``, braces and blanks mean something and some cannot
    be escaped: ``otherwise`` where it is not made of what URLs and header names are plainly made of.
    """
    return value if re.fullmatch(r"[A-Za-z0-9:/._~@\[\]-]+", value) else otherwise


def sh(value: str) -> str:
    """A word for a POSIX shell."""
    return shlex.quote(value)


def block(head: str, lines: list[str], tail: str, indent: str = "  ") -> str:
    """``head``, the lines indented, ``tail``."""
    return "\n".join([head, *(indent + line if line else "" for text in lines for line in text.split("\n")), tail])
