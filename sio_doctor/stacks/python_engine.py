"""python-engineio and the python-socketio on it, in any host: how it is recognised, and which version it is.

The two are released apart: what the engine does is said of the python-socketio that it came with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sio_doctor.model import Evidence, Response
from sio_doctor.stacks import ladder
from sio_doctor.stacks.base import BESIDE, Claim, Opening, answers, openings, product, shown
from sio_doctor.stacks.ladder import Release, Step
from sio_doctor.standards import engineio

#: What hosts call themselves in the Server header; group 1 is the version.
_HOSTS = {
    "uvicorn": r"^uvicorn$",
    "hypercorn": r"^hypercorn-",
    "Daphne": r"^daphne$",
    "aiohttp": r"\baiohttp/([\w.]+)",
    "Tornado": r"^TornadoServer/([\w.]+)",
    "Werkzeug": r"^Werkzeug/([\w.]+)",
    "gunicorn": r"^gunicorn(?:/([\w.]+))?$",
    "waitress": r"^waitress$",
}

#: The last release of each major version that is closed.
ENDS: dict[int, Release] = {4: (4, 6, 1)}
NEWEST = 5
_UNSUPPORTED = "The client is using an unsupported version"
_WSGI_REFUSAL = "Not an accepted origin."


def recognise(evidence: Evidence) -> Claim | None:
    """By the open packet's order and python-engineio's refusals; the host by its Server header, else by its manners."""
    found = openings(evidence)
    hosts = [claim for name, pattern in _HOSTS.items() if (claim := product(evidence, pattern, name))]
    layers = tuple(layer for claim in hosts for layer in claim.layers)
    told = tuple(phrase for claim in hosts for phrase in claim.evidence)
    phrases = list(_marks(evidence))
    if found and not any(opening.interval_first for opening in found):
        phrases.insert(0, "the open packet has pingTimeout before pingInterval, as Python writes it")
    elif found:
        phrases = []
    if not phrases:
        return Claim(layers=layers, evidence=told) if layers else None
    if not layers:
        layers, told = _host(evidence)
    known = ladder.narrowed(_steps(evidence, found), (4, 0, 0))
    if known is None or (known.since, known.until) == ((4, 0, 0), None):
        return Claim("python-socketio", None, layers, tuple(dict.fromkeys((*phrases, *told))))
    said = tuple(dict.fromkeys((*phrases, *known.why, *told)))
    text = ladder.shown(known, ENDS, NEWEST)
    return Claim("python-socketio", text, layers, said, ladder.stated(known.since), ladder.stated(known.until))


def _marks(evidence: Evidence) -> Iterable[str]:
    for _, refusal, _ in _refusals(evidence):
        yield f"a refusal as python-engineio words it: {shown(refusal)!r}"


def _refusals(evidence: Evidence) -> Iterator[tuple[str, str, Response]]:
    """The URL that was asked for, the words of the refusal, and the answer that it came in."""
    for exchange, response in answers(evidence):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "python":
            yield exchange.request.url, refusal.message, response


# --- the host --------------------------------------------------------------------------------------------------------


def _host(evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layer, and by what it was known, where no Server header names the host."""
    for _, message, response in _refusals(evidence):
        if message == _WSGI_REFUSAL:
            return ("WSGI",), ("the origin is refused without its name, as the WSGI server does",)
        if response.reason == "BAD REQUEST":
            return ("WSGI",), ("the status line says BAD REQUEST, as WSGI applications write it",)
    for _, response in answers(evidence, *BESIDE, "handshake"):
        if response.status == 404 and response.text.startswith("⚠️ 404 — Not Found\n"):
            return ("Sanic",), ("a 404 as Sanic words it",)
    if any(_as_sanic([name for name, _ in opening.response.headers]) for opening in openings(evidence)):
        return ("Sanic",), ("no Date, and names in lower case behind python-engineio's, as Sanic writes them",)
    return (), ()


def _as_sanic(names: list[str]) -> bool:
    engines = any(name.startswith("Access-Control-") for name in names)
    return engines and names[-3:] == ["content-length", "connection", "content-type"] and "date" not in names


# --- the version -----------------------------------------------------------------------------------------------------


def _steps(evidence: Evidence, found: list[Opening]) -> Iterator[Step]:
    for opening in found:
        yield from _of_open(opening)
    for url, message, _ in _refusals(evidence):
        if message.startswith(_UNSUPPORTED) and "EIO=3" in url:
            yield Step("Engine.IO 3 is refused, as from 5.0 on", since=(5, 0, 0))
        if message.startswith(_UNSUPPORTED) and "EIO=4" in url:
            yield Step("Engine.IO 4 is refused, as by 4.x", until=ENDS[4])
        if message in ("Invalid transport", "Invalid websocket upgrade", _WSGI_REFUSAL):
            yield Step("its refusals no longer repeat what was asked, as from 5.4 on", since=(5, 4, 0))
        if re.match(r"Invalid transport \S", message):
            yield Step("its refusal names the transport, as before 5.5", until=(5, 4, 1))
    if any('"Unable to connect"' in text for text in _refused_namespaces(evidence)):
        yield Step("a namespace that is not there is refused, as from 5.6 on", since=(5, 6, 0))


def _of_open(opening: Opening) -> Iterator[Step]:
    if opening.handshake.framing != "v4" or opening.asked == 3:
        yield Step("it speaks Engine.IO 3, as 4.x does", until=ENDS[4])
        return
    yield Step("it speaks Engine.IO 4, as from 5.0 on", since=(5, 0, 0))
    if opening.handshake.max_payload is not None:
        yield Step("the open packet has maxPayload, as from 5.12 on", since=(5, 12, 0))
    else:
        yield Step("the open packet has no maxPayload, as before 5.12", until=(5, 11, 4))
    if opening.handshake.ping_interval == 25000 and opening.handshake.ping_timeout == 5000:
        yield Step("pingTimeout 5000, the default of 5.0", until=(5, 0, 4), default=True)
    elif opening.handshake.ping_interval == 25000 and opening.handshake.ping_timeout == 20000:
        yield Step("pingTimeout 20000, the default from 5.1 on", since=(5, 1, 0), default=True)


def _refused_namespaces(evidence: Evidence) -> Iterator[str]:
    """The packets that refuse a namespace."""
    for _, response in answers(evidence, "poll", "websocket", "upgrade"):
        texts = [response.text, *(frame.data for frame in response.frames if frame.direction == "in")]
        yield from (text for text in texts if text.startswith("44/"))
