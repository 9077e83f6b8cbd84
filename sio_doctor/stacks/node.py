"""Node's Engine.IO and the Socket.IO on it, of any version: how it is recognised, and which version it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from sio_doctor.model import Evidence, NoResponse, Response
from sio_doctor.stacks import ladder
from sio_doctor.stacks.base import Claim, Opening, answers, openings, shown
from sio_doctor.stacks.ladder import Range, Release, Step
from sio_doctor.standards import engineio

#: What the ``cors`` package, which Socket.IO 3 and 4 use, allows unless told otherwise.
CORS_PACKAGE_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"
#: Layers that drop or rewrite headers, so that a header's absence tells nothing.
_REWRITERS = re.compile(r"server|via|cf-ray|x-served-by|x-amz-cf-id", re.IGNORECASE)

#: The last release of each major version that is closed.
ENDS: dict[int, Release] = {1: (1, 7, 4), 2: (2, 5, 1), 3: (3, 1, 2)}
NEWEST = 4
#: Engine.IO 6.5.3, the first with cache-control, came with 4.7.3.
WITHIN: frozenset[Release] = frozenset({(4, 7, 2)})


def recognise(evidence: Evidence) -> Claim | None:
    """By the client file, the open packet, Node's own refusals and the ``cors`` package; the version by the ladder."""
    found = openings(evidence)
    if any(not opening.interval_first for opening in found):
        return None
    version = file_version(evidence)
    phrases = [f'socket.io.js has the ETag "{version}"'] if version else []
    phrases += _refusals(evidence)
    cors = _cors_package(evidence)
    if any(_plainly_node(opening) for opening in found) or (found and cors):
        phrases.append("the open packet has pingInterval before pingTimeout, as Node writes it")
    if any(opening.handshake.framing == "v3-binary" for opening in found):
        phrases.append("the open packet comes in binary, as 1.x sends it")
    if not phrases:
        return None
    if cors:
        phrases.append("the preflight is answered by Node's cors package")
    if version is None and _unanswered(evidence, found):
        # A bare Engine.IO has version numbers of its own.
        phrases.append("CONNECT is never answered")
        return Claim(stack="engine.io", evidence=tuple(dict.fromkeys(phrases)))
    if version is not None:
        # The last of 2.x serves the file of the one before.
        last = "2.5.1" if version == "2.5.0" else version
        exact = "2.5.x" if version == "2.5.0" else version
        return Claim("socket.io", exact, (), tuple(dict.fromkeys(phrases)), version, last)
    known = _old(evidence, found) or _ladder(evidence, found, cors)
    if known is None:
        return Claim(stack="socket.io", evidence=tuple(dict.fromkeys(phrases)))
    said = tuple(dict.fromkeys((*phrases, *known.why)))
    text = ladder.shown(known, ENDS, NEWEST, WITHIN)
    return Claim("socket.io", text, (), said, ladder.stated(known.since), ladder.stated(known.until))


def file_version(evidence: Evidence) -> str | None:
    """The version in the ETag of the client file that the server serves."""
    for _, response in answers(evidence, "client-file"):
        tag = re.fullmatch(r'(?:W/)?"(\d{1,2}\.\d{1,3}\.\d{1,3}(?:-[\w.]{1,20})?)"', response.get("etag") or "")
        if response.status == 200 and tag and "javascript" in (response.get("content-type") or ""):
            return tag[1]
    return None


def _refusals(evidence: Evidence) -> Iterable[str]:
    for _, response in answers(evidence):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "node":
            words = f"{shown(refusal.message)} " if refusal.message else ""
            form = "as plain text" if refusal.form == "text" else f"with code {json.dumps(refusal.code)}"
            yield f"a refusal as Node's Engine.IO words it: {words}{form}"
    if _refused_within(evidence):
        yield "a refusal as Node's Engine.IO words it, as HTTP within the WebSocket"


def _refused_within(evidence: Evidence) -> bool:
    """A refusal was written into a WebSocket that was open already."""
    sockets = (response for _, response in answers(evidence, "websocket") if response.status == 101)
    within = r"HTTP/1\.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\n"
    return any(frame.type == "raw" and re.match(within, frame.data) for one in sockets for frame in one.frames[:1])


def _cors_package(evidence: Evidence) -> bool:
    return any(
        response.status < 300 and response.get("access-control-allow-methods") == CORS_PACKAGE_METHODS
        for _, response in answers(evidence, "preflight", "simulated-preflight", "near-miss")
    )


def _plainly_node(opening: Opening) -> bool:
    """Node's own HTTP headers, or a framing that nothing else with this order of keys has been seen to use."""
    names = [name for name, _ in opening.response.headers]
    return opening.handshake.framing != "v4" or "cache-control" in names or "keep-alive" in map(str.lower, names)


def _unanswered(evidence: Evidence, found: list[Opening]) -> bool:
    """A session was opened, CONNECT was sent and taken, and nothing came but silence: a bare Engine.IO does that."""
    taken = all(response.status == 200 for _, response in answers(evidence, "connect"))
    if not taken or any(opening.packets for opening in found):
        return False
    sockets = [opening.response for opening in found if _sent_connect(opening.response)]
    polls = [exchange.answer for exchange in evidence.all("poll")]
    if any(map(_has_message, [*sockets, *(answer for answer in polls if isinstance(answer, Response))])):
        return False
    silent = [isinstance(answer, NoResponse) and answer.kind == "timeout" for answer in polls]
    return any(silent) or any(map(_nothing_back, sockets))


def _sent_connect(socket: Response) -> bool:
    return any((frame.direction, frame.data[:2]) == ("out", "40") for frame in socket.frames)


def _has_message(response: Response) -> bool:
    """A message packet is in it, as every answer of Socket.IO is; Engine.IO's own packets are of other types."""
    texts = [frame.data for frame in response.frames if (frame.direction, frame.type) == ("in", "text")]
    if response.status == 200:
        texts += response.text.split(engineio.SEPARATOR)
    return any(re.match(r"(?:\d+:|\x00[^4]{1,4})?4\d", text) for text in texts)


def _nothing_back(socket: Response) -> bool:
    received = [frame for frame in socket.frames if frame.direction == "in"]
    return len(received) == 1 and socket.ended is not None and socket.ended.kind == "timeout"


# --- 1.x and 2.x -----------------------------------------------------------------------------------------------------


def _old(evidence: Evidence, found: list[Opening]) -> Range | None:
    """1.x and 2.x, which answer in the framing of Engine.IO 3 whatever they are asked."""
    old = [opening for opening in found if _is_old(opening)]
    if old:
        framings = {opening.handshake.framing for opening in old}
        binary = "v3-binary" in framings
        steps = [step for opening in old for step in _old_steps(opening, binary)]
        # A WebSocket alone looks alike in both.
        oldest: Release = (2, 0, 0) if "v3" in framings and not binary else (1, 0, 0)
        return ladder.narrowed(steps, oldest, ENDS[1 if binary else 2]) or Range((1, 0, 0), ENDS[2])
    for _, response in answers(evidence, "handshake", "foreign"):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "node" and refusal.code is None:
            return Range((1, 0, 0), ENDS[1], "an origin refused with code null, as 1.x does")
        if refusal is not None and refusal.code == 4 and response.get("access-control-allow-origin") is None:
            why = "an origin refused with code 4, and preflights with the origin allowed, as 2.x does"
            return Range((2, 0, 0), ENDS[2], why) if _reflecting_bad_method(evidence) else None
    if not found and _reflecting_bad_method(evidence, alone=True):
        return Range((1, 0, 0), ENDS[2], "preflights are refused with the origin allowed, as 1.x and 2.x do")
    return None


def _is_old(opening: Opening) -> bool:
    framing = opening.handshake.framing
    if framing == "v3-binary":
        return True
    if opening.response.status == 101:
        return opening.asked != 3 and _connected_unasked(opening)
    # What a newer server with allowEIO3 would not do.
    old = opening.asked != 3 or bool(opening.packets) or _cookie(opening) not in (None, "lax", "none")
    return framing == "v3" and opening.handshake.max_payload is None and old


def _cookie(opening: Opening) -> str | None:
    """The SameSite of Engine.IO's own cookie, ``bare`` where it has nothing but its value; None where there is none."""
    for line in opening.response.get_all("set-cookie"):
        if line.startswith("io="):
            same_site = re.search(r";\s*samesite=(\w+)", line, re.IGNORECASE)
            return same_site[1].lower() if same_site else "" if ";" in line else "bare"
    return None


def _old_steps(opening: Opening, binary: bool) -> Iterator[Step]:
    if binary:
        if not _behind(opening) and (cookie := _cookie(opening)) is not None:
            bare = cookie == "bare"
            yield (
                Step("its cookie is bare, as before 1.6", until=(1, 5, 1))
                if bare
                else Step("its cookie is HttpOnly, as from 1.6 on", (1, 6, 0))
            )
        return
    if not _behind(opening) and (cookie := _cookie(opening)) is not None:
        if cookie == "strict":
            yield Step("its cookie is SameSite=Strict, as from 2.3 on", since=(2, 3, 0))
        elif cookie == "":
            yield Step("its cookie has no SameSite, as before 2.3", until=(2, 2, 0))
    defaults = {60000: (None, (2, 0, 4)), 5000: ((2, 1, 0), (2, 4, 1)), 20000: ((2, 5, 0), None)}
    since, until = defaults.get(_timeout(opening), (None, None))
    if since or until:
        which = "up to 2.0" if since is None else "in 2.5" if until is None else "from 2.1 to 2.4"
        yield Step(f"pingTimeout {opening.handshake.ping_timeout}, the default {which}", since, until, default=True)


def _timeout(opening: Opening) -> int:
    """``pingTimeout`` where ``pingInterval`` is as nobody has set it; 0 elsewhere."""
    return (opening.handshake.ping_timeout or 0) if opening.handshake.ping_interval == 25000 else 0


def _connected_unasked(opening: Opening) -> bool:
    """The server sent ``40`` before the client asked to be connected: up to 2.x there is no other way."""
    frames = [frame for frame in opening.response.frames if frame.type == "text"][1:2]
    return any(frame.direction == "in" and frame.data == "40" for frame in frames)


def _reflecting_bad_method(evidence: Evidence, *, alone: bool = False) -> bool:
    """The preflight is refused, yet with the origin allowed: 1.x and 2.x reflect it on their errors.

    ``alone``: nothing else tells it, so it has to be Node's own head, with credentials first and no list of methods.
    """
    for exchange, response in answers(evidence, "preflight", "simulated-preflight"):
        refusal = engineio.read_refusal(response)
        origin = exchange.request.origin
        if refusal and refusal.code == 2 and origin and response.get("access-control-allow-origin") == origin:
            names = [name for name, _ in response.headers]
            cors = [name for name in names if name.startswith("Access-Control-")]
            own = cors == ["Access-Control-Allow-Credentials", "Access-Control-Allow-Origin"] and "Keep-Alive" in names
            return own or not alone
    return False


def _behind(opening: Opening) -> bool:
    return any(_REWRITERS.fullmatch(name) for name, _ in opening.response.headers)


# --- 3.x and 4.x -----------------------------------------------------------------------------------------------------


def _ladder(evidence: Evidence, found: list[Opening], cors: bool) -> Range | None:
    """The narrowest range of releases from 3.0 on that answer like this; None where it may as well be older."""
    steps = list(_of_refusals(evidence))
    # A client of version 2 gets the same over a WebSocket from version 2: only polling tells.
    known = cors or any(opening.asked != 3 or opening.response.status == 200 for opening in found)
    if not (known or steps):
        return None
    for opening in found:
        if opening.handshake.framing == "v4" and opening.asked == 3 and opening.response.status == 200:
            return Range((3, 0, 0), (3, 0, 5), "EIO=3 is answered in the framing of Engine.IO 4, as 3.0 does")
        steps += _of_open(opening, known or bool(steps))
    if cors:
        steps += _of_upgrades(evidence, found)
    # Contradictions: two of them behind one address.
    return ladder.narrowed(steps, (3, 0, 0)) or Range((3, 0, 0), None)


def _of_open(opening: Opening, known: bool) -> Iterator[Step]:
    payload = opening.handshake.max_payload is not None
    if payload:
        yield Step("the open packet has maxPayload, as from 4.5 on", since=(4, 5, 0))
    elif known:
        yield Step("the open packet has no maxPayload, as before 4.5", until=(4, 4, 1))
    if opening.handshake.framing == "v3":
        yield Step("Engine.IO 3 is allowed, as it can be from 3.1 on", since=(3, 1, 0))
    if known and _timeout(opening) == 5000:
        yield Step("pingTimeout 5000, the default of 3.x", until=ENDS[3], default=True)
    elif known and _timeout(opening) == 20000:
        yield Step("pingTimeout 20000, the default from 4.0 on", since=(4, 0, 0), default=True)
    names = [name for name, _ in opening.response.headers]
    if opening.response.status == 200 and "Content-Type" in names:
        # Lower case among names in title case: no proxy writes it so.
        if "cache-control" in names:
            yield Step("cache-control in lower case, as from 4.7 on", since=(4, 7, 0))
        elif "Keep-Alive" in names and not _behind(opening):
            yield Step("no cache-control, as before 4.7.3", until=(4, 7, 2))


def _of_refusals(evidence: Evidence) -> Iterator[Step]:
    for exchange, response in answers(evidence, "handshake", "control", "foreign", "other-protocol"):
        refusal = engineio.read_refusal(response)
        if refusal and refusal.code == 5:
            yield Step("the other protocol is refused with code 5, as from 3.1 on", since=(3, 1, 0))
        if refusal and refusal.code == 3 and "transport=polling" in exchange.request.url:
            yield Step("a polling handshake is refused with code 3, as from 4.6 on", since=(4, 6, 0))
    if _refused_within(evidence):
        yield Step("a refusal within the WebSocket, as from 4.1 on", since=(4, 1, 0))


def _of_upgrades(evidence: Evidence, found: list[Opening]) -> Iterator[Step]:
    """From 4.6 on the 101 has the CORS headers that the polling answers have."""
    if any(_behind(opening) for opening in found):
        return
    allowed = {
        opening.exchange.request.origin
        for opening in found
        if opening.response.status == 200
        and opening.response.get("access-control-allow-origin") is not None
        and "Keep-Alive" in dict(opening.response.headers)
    }
    for exchange, response in answers(evidence, "websocket", "upgrade"):
        names = [name for name, _ in response.headers]
        if response.status == 101 and "Upgrade" in names and exchange.request.origin in allowed:
            if response.get("access-control-allow-origin") is None:
                yield Step("the 101 has no CORS headers, as before 4.6", until=(4, 5, 4))
            elif "Vary" in names:
                yield Step("the 101 has the CORS headers too, as from 4.6 on", since=(4, 6, 0))
