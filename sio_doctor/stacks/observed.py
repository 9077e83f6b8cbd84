"""What was seen of the server that its cures can point at, beside who it is. Pure."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from sio_doctor.model import Evidence, Response, get
from sio_doctor.stacks.base import answers, openings
from sio_doctor.standards import engineio

#: An origin as browsers serialise it, but for a default port, which they leave out.
_ORIGIN = re.compile(r"(?!https://[^/]*:443$|http://[^/]*:80$)https?://[a-z0-9.-]+(:\d{1,5})?")
_TOKEN = re.compile(r"[A-Za-z0-9-]{1,60}")
#: Of the headers that a server lists, how many a cure takes over.
LISTED = 20


def observed(evidence: Evidence) -> dict[str, str]:
    """What cures can point at, as ``details`` of ``fixes``; a key is absent where nothing was seen.

    ``allow-origin``: the literal Access-Control-Allow-Origin of the handshake. ``cookie``: the first that it sets.
    ``accepted``: the variant of the origin that the server let in. ``path``: another path where Socket.IO answers.
    ``location``: where a redirect leads, whole. ``address``: the one of several at which Socket.IO answers. ``silent``:
    how far the handshake came that timed out (``connect``, ``tls``, ``head``). ``tls``: the detail of its TLS failure.
    ``preflight``: the status with which the preflight was refused. ``polls``: a polling handshake passed. ``mount``:
    where an ASGI app is mounted that does not know it. ``layer-…``: see ``layered``.
    ``between``: not seen here, but told by who asked the server behind the proxy as well: it does not show the cause.
    ``let-in``: the origins that it names when they ask, each as a browser sends it; those of pages that were asked
    about, and of near misses, unless everybody is let in. ``allow-headers``: its list of headers, where it is one.
    """
    details = layered(evidence) | _listed(evidence)
    own, refusals = _host_of(evidence.plan.target.url), (engineio.read_refusal(one) for _, one in answers(evidence))
    # python-socketio lets its own pages in where it has no list.
    python = any(refusal is not None and refusal.is_of_origin for refusal in refusals)
    for exchange in evidence.exchanges:
        response, failure = exchange.response, exchange.failure
        if exchange.purpose == "handshake" and failure is not None and failure.kind == "timeout":
            details.setdefault("silent", failure.phase)
        if exchange.purpose == "handshake" and failure is not None and failure.kind == "tls":
            details.setdefault("tls", failure.detail)
        if response is None:
            continue
        allowed, origin = response.get("access-control-allow-origin"), exchange.request.origin
        if exchange.purpose == "handshake" and engineio.read_open(response):
            details.setdefault("polls", "yes")
        if exchange.purpose == "handshake" and (cookie := response.get("set-cookie")):
            details.setdefault("cookie", cookie.partition("=")[0].strip())
        if exchange.purpose in ("handshake", "other-address") and exchange.address and engineio.read_open(response):
            details.setdefault("address", exchange.address)
        if exchange.purpose == "handshake" and allowed:
            details.setdefault("allow-origin", allowed)
        if exchange.purpose in ("preflight", "simulated-preflight") and response.status >= 400:
            details.setdefault("preflight", str(response.status))
        entered = exchange.purpose == "near-miss" and not (python and _host_of(origin or "") == own)
        if entered and origin and allowed == origin and response.status < 300:
            details.setdefault("accepted", origin)
        if exchange.purpose == "other-path" and engineio.read_open(response):
            details.setdefault("path", urlsplit(exchange.request.url).path)
        if exchange.purpose in ("other-path", "handshake") and (mount := _mount(exchange.request.url, response)):
            details.setdefault("mount", mount)
        location = response.get("location") if 300 <= response.status < 400 else None
        if exchange.purpose in ("handshake", "redirect", "preflight", "simulated-preflight") and location:
            details["location"] = _absolute(exchange.request.url, location)
    return details


def _listed(evidence: Evidence) -> dict[str, str]:
    """What a list in the server has now, as far as its answers show it."""
    found = {"let-in": " ".join(_origins(evidence)), "allow-headers": " ".join(_headers(evidence))}
    return {key: value for key, value in found.items() if value}


def _origins(evidence: Evidence) -> list[str]:
    named: list[str] = []
    for exchange, response in answers(evidence, "handshake", "foreign", "near-miss"):
        origin = exchange.request.origin or ""
        if response.get("access-control-allow-origin") != origin or response.status >= 300:
            continue
        if exchange.purpose == "foreign":
            return []
        if _ORIGIN.fullmatch(origin) and origin != evidence.plan.target.url:
            named.append(origin)
    return list(dict.fromkeys(named))


def _headers(evidence: Evidence) -> list[str]:
    listed: list[str] = []
    for exchange, response in answers(evidence, "preflight"):
        allowed = (response.get("access-control-allow-headers") or "").replace(",", " ").split()
        asked = (get(exchange.request.headers, "access-control-request-headers") or "").lower().split(",")
        # What has all that was asked for may be an echo.
        if not {name.lower() for name in allowed} >= {name.strip() for name in asked}:
            listed = [name for name in allowed if _TOKEN.fullmatch(name)]
    return list(dict.fromkeys(listed))[:LISTED]


def layered(evidence: Evidence) -> dict[str, str]:
    """What cannot come from the Socket.IO server, so that a layer in front or around did it.

    ``layer-origin``: the Access-Control-Allow-Origin of the handshake, where Node's Engine.IO has no cors option (it
    answers no preflight), or where it is not what python-engineio sends, the origin itself. ``layer-preflight``: the
    answer to the preflight, which has no Access-Control-Allow-Methods. ``layer-post``: the error that CONNECT got.
    ``layer-request``: the refusal names another origin than the one that was sent.
    """
    found: dict[str, str] = {}
    preflight = evidence.first("preflight", "simulated-preflight")
    answer = preflight.response if preflight is not None else None
    methods = answer.get("access-control-allow-methods") if answer is not None else None
    refusal = engineio.read_refusal(answer) if answer is not None else None
    for opening in openings(evidence):
        allowed = opening.response.get("access-control-allow-origin")
        if opening.exchange.purpose != "handshake" or allowed is None or opening.handshake.framing != "v4":
            continue
        # With preflightContinue Node's cors adds its methods to the refusal, and to no other answer.
        unanswered = refusal is not None and refusal.code == 2
        own = methods is not None and opening.response.get("access-control-allow-methods") is None
        other = allowed != opening.exchange.request.origin
        if (unanswered and not own) if opening.interval_first else other:
            found["layer-origin"] = allowed
    if answer is not None and 200 <= answer.status < 300 and methods is None:
        found["layer-preflight"] = str(answer.status)
    refusals = [
        (exchange, refused)
        for exchange, response in answers(evidence, "handshake", "other-protocol")
        if (refused := engineio.read_refusal(response))
    ]
    for exchange, refused in refusals:
        origin, accepted, _ = refused.message.partition(" is not an accepted origin")
        if accepted and origin != exchange.request.origin:
            found["layer-request"] = origin
    for _, response in answers(evidence, "connect"):
        hidden = response.get("access-control-allow-origin") is None
        if response.status >= 400 and hidden and engineio.read_refusal(response) is None:
            found["layer-post"] = str(response.status)
    return found


def _host_of(origin: str) -> str:
    return origin.partition("://")[2]


def _mount(url: str, response: Response) -> str:
    """python-socketio's own 404 came from below here; ``""`` where it is no such answer."""
    own = response.status == 404 and response.text == "Not Found" and response.get("content-type") == "text/plain"
    path = urlsplit(url).path
    return path.removesuffix("socket.io/").rstrip("/") if own else ""


def _absolute(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        return ""
