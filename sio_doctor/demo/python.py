"""What python-socketio 5 (python-engineio 4.15) on uvicorn (h11) writes, without ``cors_allowed_origins``. Pure.

The functions are those of ``node``. The option cannot be set here: only the page of the server itself is let in.
"""

from __future__ import annotations

import msgspec

from sio_doctor.demo.scenarios import Cors
from sio_doctor.demo.wire import Answer, Asked, date
from sio_doctor.model import HeaderList, get

#: A request that names no transport polls.
TRANSPORT = "polling"
LATE: frozenset[int] = frozenset()


def open_packet(sid: str, upgrades: list[str], interval: int, timeout: int, most: int) -> str:
    """The open packet; ``interval`` and ``timeout`` in milliseconds, ``most`` in bytes."""
    fields = {"sid": sid, "upgrades": upgrades, "pingTimeout": timeout, "pingInterval": interval, "maxPayload": most}
    return "0" + msgspec.json.encode(fields).decode()


def unknown_namespace(namespace: str) -> str:
    """The CONNECT_ERROR for a namespace that is not there."""
    return f'44{namespace},"Unable to connect"'


def before(asked: Asked, _: Cors | None) -> Answer | None:
    """What is answered before the session is looked for: a foreign origin, and OPTIONS."""
    if asked.origin is not None and asked.origin != _own_origin(asked):
        return _say(400, f"{asked.origin} is not an accepted origin.", asked)
    return _text(200, "OK", asked) if asked.method == "OPTIONS" else None


def payload(body: str, asked: Asked, _: Cors | None) -> Answer:
    """The answer to a poll."""
    return _text(200, body, asked, "text/plain; charset=UTF-8")


def posted(asked: Asked, _: Cors | None) -> Answer:
    """The answer to packets that were posted."""
    return _text(200, "OK", asked)


def refuse(code: int, asked: Asked, _: Cors | None) -> Answer:
    """Engine.IO's refusal of a request, as a JSON string; ``code`` is Node's for the same fault."""
    if asked.method not in ("GET", "POST"):
        return _text(405, "Method Not Found", asked)
    session = f"Invalid session {asked.query.get('sid')}"
    messages = {
        0: "Invalid transport",
        3: "Invalid websocket upgrade",
        5: "The client is using an unsupported version of the Socket.IO or Engine.IO protocols",
    }
    return _say(400, messages.get(code, session), asked)


def fault(status: int, asked: Asked, cors: Cors | None) -> Answer:
    """An error of a session."""
    return refuse(2, asked, cors) if status == 500 else _say(400, "Bad Request", asked)


def switch(accept: str, _: Asked, __: Cors | None) -> Answer:
    """The answer that begins a WebSocket."""
    upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return Answer(101, (*upgrade, ("date", date()), ("server", "uvicorn")))


def refuse_upgrade(_: int) -> Answer:
    """uvicorn's refusal of a WebSocket: no word of why."""
    headers = (("Date", date()), ("Connection", "close"), ("Content-Length", "0"))
    return Answer(403, (*headers, ("Content-Type", "text/plain; charset=utf-8")))


def elsewhere(_: Asked) -> Answer:
    """socketio.ASGIApp's answer at a path that nobody has."""
    return Answer(404, (("Content-Type", "text/plain"),), "Not Found")


def finish(answer: Answer, asked: Asked) -> Answer:
    """The answer with what uvicorn puts around it."""
    headers = [("date", date()), ("server", "uvicorn"), *answer.headers]
    if asked.http_version == "1.1":
        headers.append(("Transfer-Encoding", "chunked"))
    if not asked.keeps_alive:
        headers.append(("Connection", "close"))
    return answer._replace(headers=tuple(headers))


def _own_origin(asked: Asked) -> str:
    return f"http://{get(asked.headers, 'host')}"


def _say(status: int, message: str, asked: Asked) -> Answer:
    return _text(status, msgspec.json.encode(message).decode(), asked)


def _text(status: int, body: str, asked: Asked, content_type: str = "text/plain") -> Answer:
    headers: HeaderList = (("Content-Type", content_type),)
    if asked.origin is not None and asked.origin == _own_origin(asked):
        headers += (("Access-Control-Allow-Origin", asked.origin),)
    if asked.method == "OPTIONS":
        headers += (("Access-Control-Allow-Methods", "OPTIONS, GET, POST"),)
        if wanted := get(asked.headers, "access-control-request-headers"):
            headers += (("Access-Control-Allow-Headers", wanted),)
    return Answer(status, (*headers, ("Access-Control-Allow-Credentials", "true")), body)
