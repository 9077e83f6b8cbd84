"""Node's Engine.IO and the Socket.IO on it, of any version: how it is recognised, and which version it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sio_doctor.model import Evidence, NoResponse, Response
from sio_doctor.stacks.base import Claim, Opening, answers, openings, shown
from sio_doctor.standards import engineio

#: What the ``cors`` package, which Socket.IO 3 and 4 use, allows unless told otherwise.
CORS_PACKAGE_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"
#: Layers that drop or rewrite headers, so that a header's absence tells nothing.
_REWRITERS = re.compile(r"server|via|cf-ray|x-served-by|x-amz-cf-id", re.IGNORECASE)

Release = tuple[int, int]
_OLDEST: Release = (3, 0)


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
    if not phrases:
        return None
    if cors:
        phrases.append("the preflight is answered by Node's cors package")
    if version is None and _unanswered(evidence, found):
        # A bare Engine.IO has version numbers of its own.
        return Claim(stack="engine.io", evidence=tuple(dict.fromkeys(phrases)))
    # The last of 2.x serves the file of the one before.
    exact = "2.5.x" if version == "2.5.0" else version
    known = exact or _old(evidence, found) or _ladder(evidence, found, cors)
    return Claim(stack="socket.io", version=known, evidence=tuple(dict.fromkeys(phrases)))


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
    """A session was opened, CONNECT was sent, and nothing came but silence: a bare Engine.IO does that."""
    asked = [exchange.answer for exchange in evidence.all("poll")]
    sockets = [opening.response for opening in found if opening.response.status == 101]
    sent = [socket for socket in sockets if any(frame.direction == "out" for frame in socket.frames)]
    silent = [isinstance(answer, NoResponse) and answer.kind == "timeout" for answer in asked]
    silent += [_nothing_back(socket) for socket in sent]
    return bool(silent) and all(silent) and not any(opening.packets for opening in found)


def _nothing_back(socket: Response) -> bool:
    received = [frame for frame in socket.frames if frame.direction == "in"]
    return len(received) == 1 and socket.ended is not None and socket.ended.kind == "timeout"


def _old(evidence: Evidence, found: list[Opening]) -> str | None:
    """1.x and 2.x, which answer in the framing of Engine.IO 3 whatever they are asked."""
    for opening in found:
        cookie = opening.response.get("set-cookie") or ""
        if opening.handshake.framing == "v3-binary":
            return "1.x"
        # What a newer server with allowEIO3 would not do.
        old = opening.asked != 3 or bool(opening.packets) or cookie.startswith("io=")
        if opening.handshake.framing == "v3" and opening.handshake.max_payload is None and old:
            strict = cookie.startswith("io=") and "samesite=strict" in cookie.lower()
            return "2.3–2.5" if strict and not _behind(opening) else "2.x"
        if opening.response.status == 101 and opening.asked != 3 and _connected_unasked(opening):
            return "2.x"
    for _, response in answers(evidence, "handshake", "foreign"):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "node" and refusal.code is None:
            return "1.x"
        if refusal is not None and refusal.code == 4 and response.get("access-control-allow-origin") is None:
            return "2.x" if _reflecting_bad_method(evidence) else None
    return None


def _connected_unasked(opening: Opening) -> bool:
    """The server sent ``40`` before the client asked to be connected: up to 2.x there is no other way."""
    frames = [frame for frame in opening.response.frames if frame.type == "text"][1:2]
    return any(frame.direction == "in" and frame.data == "40" for frame in frames)


def _reflecting_bad_method(evidence: Evidence) -> bool:
    """The preflight is refused, yet with the origin allowed: 1.x and 2.x reflect it on their errors."""
    for exchange, response in answers(evidence, "preflight", "simulated-preflight"):
        refusal = engineio.read_refusal(response)
        origin = exchange.request.origin
        if refusal and refusal.code == 2 and origin and response.get("access-control-allow-origin") == origin:
            return True
    return False


def _behind(opening: Opening) -> bool:
    return any(_REWRITERS.fullmatch(name) for name, _ in opening.response.headers)


def _ladder(evidence: Evidence, found: list[Opening], cors: bool) -> str | None:
    """The narrowest range of releases from 3.0 on that answer like this: ``4.7+``, ``4.5–4.6``, ``3.x–4.4``,
    ``3.x–4.x``; None where it may as well be older.
    """
    # A client of version 2 gets the same over a WebSocket from version 2: only polling tells.
    since = [_OLDEST] if cors or any(o.asked != 3 or o.response.status == 200 for o in found) else []
    until: list[Release] = []
    for opening in found:
        if opening.handshake.framing == "v4" and opening.asked == 3 and opening.response.status == 200:
            return "3.0.x"
        if opening.handshake.max_payload is not None:
            since.append((4, 5))
        elif since:
            until.append((4, 4))
        if opening.handshake.framing == "v3":
            since.append((3, 1))
        names = [name for name, _ in opening.response.headers]
        if opening.response.status == 200 and "Content-Type" in names:
            # Lower case among names in title case: no proxy writes it so.
            if "cache-control" in names:
                since.append((4, 7))
            elif "Keep-Alive" in names and not _behind(opening):
                until.append((4, 6))
    for exchange, response in answers(evidence, "handshake", "control", "foreign", "other-protocol"):
        refusal = engineio.read_refusal(response)
        if refusal and refusal.code == 5:
            since.append((3, 1))
        if refusal and refusal.code == 3 and "transport=polling" in exchange.request.url:
            since.append((4, 6))
    return _range(max(since), min(until, default=None)) if since else None


def _range(since: Release, until: Release | None) -> str:
    if until is not None and since > until:
        return "3.x–4.x"  # two of them, behind one address
    if until == since:
        return "{}.{}.x".format(*since)
    first = "3.x" if since == _OLDEST else "{}.{}".format(*since)
    if until is None:
        return "3.x–4.x" if since == _OLDEST else f"{first}+"
    return f"{first}–{until[0]}.{until[1]}"
