"""What socket.io 4.8 on Node writes, attached to an Express app and without its client file. Pure."""

from __future__ import annotations

from html import escape

import msgspec

from sio_doctor.demo.scenarios import Cors
from sio_doctor.demo.wire import Answer, Asked, date, length
from sio_doctor.model import HeaderList, get
from sio_doctor.standards.engineio import ERRORS

#: A request that names no transport is refused.
TRANSPORT = ""
#: The protocol version is looked at after the 101: a client reads the refusal as a broken frame.
LATE = frozenset({5})


def open_packet(sid: str, upgrades: list[str], interval: int, timeout: int, most: int) -> str:
    """The open packet; ``interval`` and ``timeout`` in milliseconds, ``most`` in bytes."""
    fields = {"sid": sid, "upgrades": upgrades, "pingInterval": interval, "pingTimeout": timeout, "maxPayload": most}
    return "0" + msgspec.json.encode(fields).decode()


def unknown_namespace(namespace: str) -> str:
    """The CONNECT_ERROR for a namespace that is not there."""
    return f'44{namespace},{{"message":"Invalid namespace"}}'


def before(asked: Asked, cors: Cors | None) -> Answer | None:
    """What is answered before Engine.IO looks: with a ``cors`` option, every OPTIONS request."""
    if cors is None or asked.method != "OPTIONS":
        return None
    return Answer(204, (*cors_headers(asked, cors), ("Content-Length", "0")))


def cors_headers(asked: Asked, cors: Cors | None) -> HeaderList:
    """The headers of npm's ``cors``, on the answer to a preflight (any OPTIONS) and to everything else."""
    if cors is None:
        return ()
    headers: dict[str, str] = {}
    if isinstance(cors.origin, str):
        headers["Access-Control-Allow-Origin"] = cors.origin
    elif asked.origin in cors.origin:
        headers["Access-Control-Allow-Origin"] = asked.origin
    if cors.origin != "*":
        headers["Vary"] = "Origin"
    if cors.credentials:
        headers["Access-Control-Allow-Credentials"] = "true"
    if asked.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET,HEAD,PUT,PATCH,POST,DELETE"
        allowed = ",".join(cors.allowed_headers or ())
        if cors.allowed_headers is None:
            allowed = get(asked.headers, "access-control-request-headers") or ""
            headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Access-Control-Request-Headers")))
        if allowed:
            headers["Access-Control-Allow-Headers"] = allowed
    return tuple(headers.items())


def payload(body: str, asked: Asked, cors: Cors | None) -> Answer:
    """The answer to a poll."""
    return _ok(body, "text/plain; charset=UTF-8", asked, cors)


def posted(asked: Asked, cors: Cors | None) -> Answer:
    """The answer to packets that were posted."""
    return _ok("ok", "text/html", asked, cors)


def _ok(body: str, content_type: str, asked: Asked, cors: Cors | None) -> Answer:
    own = (("Content-Type", content_type), length(body), ("cache-control", "no-store"))
    return Answer(200, (*cors_headers(asked, cors), *own), body)


def refuse(code: int, asked: Asked, cors: Cors | None) -> Answer:
    """Engine.IO's refusal of a request, as JSON."""
    body = msgspec.json.encode({"code": code, "message": ERRORS[code]}).decode()
    return Answer(400, (*cors_headers(asked, cors), ("Content-Type", "application/json")), body)


def fault(status: int, asked: Asked, cors: Cors | None) -> Answer:
    """An error of a session, which has no body: 400 for polls that overlap, 413, 500 for OPTIONS without ``cors``."""
    return Answer(status, cors_headers(asked, cors), reason="Payload Too Large" if status == 413 else "")


def switch(accept: str, asked: Asked, cors: Cors | None) -> Answer:
    """The answer that begins a WebSocket."""
    upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return Answer(101, (*upgrade, *cors_headers(asked, cors)))


def refuse_upgrade(code: int) -> Answer:
    """Engine.IO's refusal of a WebSocket: written by hand onto the socket, as text, never with CORS headers."""
    body = ERRORS[code]
    return Answer(400, (("Connection", "close"), ("Content-type", "text/html"), length(body)), body)


def elsewhere(asked: Asked) -> Answer:
    """Express's answer at a path that nobody has."""
    body = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>Cannot {escape(asked.method)} {escape(asked.path)}</pre>\n</body>\n</html>\n"
    )
    guards = (("Content-Security-Policy", "default-src 'none'"), ("X-Content-Type-Options", "nosniff"))
    own = (("X-Powered-By", "Express"), *guards, ("Content-Type", "text/html; charset=utf-8"), length(body))
    return Answer(404, own, body)


def finish(answer: Answer, asked: Asked) -> Answer:
    """The answer with what Node's http adds at the end."""
    headers = [*answer.headers, ("Date", date())]
    headers += (
        [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")] if asked.keeps_alive else [("Connection", "close")]
    )
    if not answer.has("content-length") and asked.method != "HEAD" and asked.http_version == "1.1":
        headers.append(("Transfer-Encoding", "chunked"))
    return answer._replace(headers=tuple(headers))
