"""Evidence by hand: what a run would have gathered, written as answers alone.

    evidence({"url": "https://api.example.com"}, [exchange("handshake", node_open(("Vary", "Origin")))])

The requests are filled in from the plan and the purpose, as the probe would have sent them, so the judge
finds them again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from sio_doctor.browser.document import document_of
from sio_doctor.diagnose import diagnose
from sio_doctor.model import (
    FOREIGN,
    Answer,
    Client,
    Connection,
    Evidence,
    Exchange,
    Finding,
    Frame,
    HeaderList,
    NoResponse,
    NoResponseKind,
    Phase,
    Plan,
    Policy,
    Purpose,
    Request,
    Response,
    Server,
    Target,
    get,
)
from sio_doctor.rules.base import RULES, Case, Hit

PAGE = "https://shop.example.com"
SERVER = "https://api.example.com"
SID = "lv_VI97HAXpY6yYWAAAC"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
DEFAULT = "(by purpose)"
#: The tail of Node's headers, as recorded.
NODE_TAIL: HeaderList = (
    ("Date", "Mon, 23 Nov 2026 10:00:00 GMT"),
    ("Connection", "keep-alive"),
    ("Keep-Alive", "timeout=5"),
)


class Asked(NamedTuple):
    """One question and what came of it. What is None or ``DEFAULT`` follows from the plan and the purpose.

    ``url`` may be a path on the target; ``headers`` are added to the usual ones.
    """

    purpose: Purpose
    answer: Answer
    origin: str | None = DEFAULT
    url: str | None = None
    method: str | None = None
    headers: HeaderList = ()
    body: str | None = None
    sid: str | None = None
    verified: bool = True
    seconds: float = 0.01
    address: str | None = None


exchange = Asked


def evidence(plan: Mapping[str, Any], asked: Iterable[Asked], **fields: Any) -> Evidence:
    """Evidence from those answers. ``plan``: fields of Target, Client and Plan alike; ``fields``: Evidence's own."""
    whole = make_plan(**plan)
    exchanges = tuple(_exchange(whole, number, one) for number, one in enumerate(asked, 1))
    return Evidence(plan=whole, exchanges=exchanges, **fields)


def make_plan(**fields: Any) -> Plan:
    """A plan from the fields of Target, Client and Plan alike; the page is ``PAGE``, the server ``SERVER``."""
    parts: dict[type, dict[str, Any]] = {Target: {"url": SERVER}, Client: {}, Plan: {"origins": (PAGE,)}}
    for name, value in fields.items():
        owner = next(kind for kind in parts if name in kind.__struct_fields__)  # type: ignore[attr-defined]
        parts[owner][name] = value
    return Plan(target=Target(**parts[Target]), client=Client(**parts[Client]), **parts[Plan])


def case(
    gathered: Evidence,
    *,
    server: Server | None = None,
    policy: Policy | None = None,
    outcomes: tuple[Connection, ...] | None = None,
) -> Case:
    """What a rule is given: the evidence, judged."""
    from sio_doctor.judge import judge

    document = document_of(gathered.plan, gathered.exchanges)
    met = judge(gathered) if outcomes is None else outcomes
    beyond = judge(gathered, permitted=True) if outcomes is None else outcomes
    return Case(gathered, beyond, server or Server(), policy, document, met)


def hits(slug: str, gathered: Evidence | Case) -> list[Hit]:
    """What that rule has to say about it."""
    return list(RULES[slug].check(gathered if isinstance(gathered, Case) else case(gathered)))


def findings(gathered: Evidence | Case) -> dict[str, Finding]:
    """What the report would say about it, the headline first, by slug."""
    found = diagnose(gathered if isinstance(gathered, Case) else case(gathered))
    return {finding.slug: finding for finding in found}


def fired(gathered: Evidence | Case) -> set[str]:
    """The slugs of all the rules that know a cause of it; hints do not count."""
    whole = gathered if isinstance(gathered, Case) else case(gathered)
    known = (rule for slug, rule in RULES.items() if slug != "cause-unknown")
    return {rule.slug for rule in known if any(hit.severity != "info" for hit in rule.check(whole))}


# --- answers ---------------------------------------------------------------------------------------------------------


def response(status: int, *headers: tuple[str, str], body: str = "", reason: str = "", **fields: Any) -> Response:
    """An HTTP answer."""
    return Response(status=status, reason=reason, headers=headers, body=body, **fields)


def failed(kind: NoResponseKind, *, phase: Phase = "none", detail: str = "", message: str = "No answer.") -> NoResponse:
    """No answer."""
    return NoResponse(kind=kind, message=message, phase=phase, detail=detail)


def open_data(*, sid: str = SID, upgrades: tuple[str, ...] = ("websocket",)) -> str:
    """The open packet of socket.io 4.8, with its ``0``."""
    fields = {"sid": sid, "upgrades": upgrades, "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}
    return "0" + json.dumps(fields, separators=(",", ":"))


def node_open(*headers: tuple[str, str], sid: str = SID, upgrades: tuple[str, ...] = ("websocket",)) -> Response:
    """The polling handshake of socket.io 4.8 with these CORS headers (none: no cors option)."""
    body = open_data(sid=sid, upgrades=upgrades)
    own = (
        ("Content-Type", "text/plain; charset=UTF-8"),
        ("Content-Length", str(len(body))),
        ("cache-control", "no-store"),
    )
    return response(200, *headers, *own, *NODE_TAIL, body=body, reason="OK")


def node_v2_open(*headers: tuple[str, str], sid: str = SID) -> Response:
    """The polling handshake of socket.io 2.5, CONNECT packet and all."""
    opened = open_data(sid=sid).replace(',"maxPayload":1000000', "")
    body = f"{len(opened)}:{opened}2:40"
    own = (("Content-Type", "text/plain; charset=UTF-8"), ("Content-Length", str(len(body))))
    cookie = ("Set-Cookie", f"io={sid}; Path=/; HttpOnly; SameSite=Strict")
    return response(200, *own, *headers, cookie, *NODE_TAIL, body=body, reason="OK")


def node_error(code: int, *headers: tuple[str, str], message: str = "") -> Response:
    """A refusal of Node's Engine.IO to an HTTP request."""
    from sio_doctor.standards.engineio import ERRORS

    body = json.dumps({"code": code, "message": message or ERRORS[code]}, separators=(",", ":"))
    own = (("Content-Type", "application/json"), *NODE_TAIL, ("Transfer-Encoding", "chunked"))
    status, reason = (403, "Forbidden") if code == 4 else (400, "Bad Request")
    return response(status, *headers, *own, body=body, reason=reason)


def node_ws_error(text: str) -> Response:
    """A refusal of Node's Engine.IO to a real upgrade: plain text, no CORS headers, 400 whatever the cause."""
    headers = (("Connection", "close"), ("Content-type", "text/html"), ("Content-Length", str(len(text))))
    return response(400, *headers, body=text, reason="Bad Request")


def python_error(message: str, *headers: tuple[str, str], status: int = 400) -> Response:
    """A refusal of python-engineio: a JSON string as text/plain."""
    body = json.dumps(message)
    return response(status, *headers, ("Content-Type", "text/plain"), body=body, reason="Bad Request")


def preflight_ok(*headers: tuple[str, str]) -> Response:
    """Node's answer to a preflight where cors is configured; the headers before it are the origin's."""
    own = (("Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE"), ("Content-Length", "0"))
    return response(204, *headers, *own, *NODE_TAIL, reason="No Content")


def html(status: int, body: str, *headers: tuple[str, str], reason: str = "") -> Response:
    """A page of HTML, as a proxy or a web server answers."""
    own = (("Content-Type", "text/html"), ("Content-Length", str(len(body))))
    return response(status, *headers, *own, body=body, reason=reason)


def switching(
    *received: str | Frame, headers: HeaderList = (), sent: tuple[str, ...] = (), ended: NoResponse | None = None
) -> Response:
    """A clean 101, and the text messages (or frames) that came after it; ``sent`` went out after the first of them."""
    frames = [one if isinstance(one, Frame) else Frame(direction="in", type="text", data=one) for one in received]
    frames[1:1] = [Frame(direction="out", type="text", data=text) for text in sent]
    accept = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    own = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return response(101, *own, *headers, reason="Switching Protocols", frames=tuple(frames), ended=ended)


# --- requests --------------------------------------------------------------------------------------------------------


def _exchange(plan: Plan, number: int, asked: Asked) -> Exchange:
    answered = isinstance(asked.answer, Response)
    return Exchange(
        id=number,
        purpose=asked.purpose,
        request=_request(plan, asked),
        response=asked.answer if isinstance(asked.answer, Response) else None,
        failure=None if answered else asked.answer,  # type: ignore[arg-type]
        seconds=asked.seconds,
        address=asked.address,
        verified=asked.verified,
        curl=f"curl -i '{asked.purpose}'",
    )


def _request(plan: Plan, asked: Asked) -> Request:
    purpose = asked.purpose
    socket = purpose in ("websocket", "upgrade", "foreign-websocket")
    page = plan.origins[0] if plan.origins else "https://app.example.com"
    others = {"control": None, "foreign": FOREIGN, "foreign-websocket": FOREIGN, "client-file": None}
    origin = others.get(purpose, page)
    if asked.origin != DEFAULT:
        origin = asked.origin
    method, body, extra = "GET", asked.body, plan.client.extra_headers
    if purpose in ("preflight", "simulated-preflight", "near-miss", "own-origin", "look-alike"):
        names = ",".join(sorted(name.lower() for name, _ in extra)) or "x-sio-doctor"
        method, extra = "OPTIONS", (("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", names))
    elif purpose in ("connect", "sticky", "close"):
        method = "POST"
        body = body or {"connect": "40", "sticky": "6", "close": "1"}[purpose]
        extra = (*extra, ("Content-type", "text/plain;charset=UTF-8"))
    elif purpose == "client-file":
        method, extra = "HEAD", ()
    headers = [*extra, *asked.headers]
    if purpose == "page":
        return Request(method="GET", url=asked.url or plan.page or "", headers=asked.headers)
    if socket:
        headers = [("Sec-WebSocket-Key", KEY), *asked.headers]
    elif method != "OPTIONS":
        headers.append(("Accept", "*/*"))
    if origin is not None and get(asked.headers, "origin") is None:
        headers.append(("Origin", origin))
    return Request(
        method=asked.method or method,
        url=_url(plan, asked, socket),
        headers=tuple(headers),
        body=body,
        credentials=socket or (plan.client.with_credentials and method != "OPTIONS"),
    )


def _url(plan: Plan, asked: Asked, socket: bool) -> str:
    if asked.url and urlsplit(asked.url).scheme:
        return asked.url
    base = "ws" + plan.target.url.removeprefix("http") if socket else plan.target.url
    if asked.purpose == "root":
        return f"{base}/"
    if asked.purpose == "client-file":
        return f"{base}{plan.target.path}socket.io.js"
    protocol = plan.client.protocol if asked.purpose != "other-protocol" else 7 - plan.client.protocol
    query = [*plan.target.query, ("EIO", str(protocol)), ("transport", "websocket" if socket else "polling")]
    if not socket:
        query.append(("t", plan.nonce))
    if asked.sid or asked.purpose in ("connect", "poll", "upgrade", "sticky", "close"):
        query.append(("sid", asked.sid or SID))
    path = asked.url or plan.target.path
    return f"{base}{path}?" + "&".join(f"{name}={quote(value, safe='~()*!')}" for name, value in query)
