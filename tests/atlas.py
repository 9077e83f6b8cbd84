"""The wire atlas: what servers really answered, read from its recordings and played as the evidence of a check.

A recording is one exchange a line (see ``tests/stacks/atlas/README.md``). ``configurations`` puts them together by
server, version and configuration; ``Configuration.evidence`` keeps what a check asks too, each with the purpose that
it has there. Nothing of what was measured is changed.
"""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from sio_doctor.model import (
    Client,
    Evidence,
    Exchange,
    Frame,
    FrameType,
    NoResponse,
    NoResponseKind,
    Plan,
    Purpose,
    Request,
    Response,
    Target,
    get,
)
from sio_doctor.probe.aside import NOWHERE, USUAL_PATHS
from sio_doctor.standards import engineio

FILE = Path(__file__).parent / "stacks" / "atlas" / "exchanges.jsonl.gz"
PAGE, FOREIGN = "http://localhost:3000", "https://evil.example"
BASE = "http://127.0.0.1:3001"
#: Where the recorder asked for what nobody serves.
ELSEWHERE = "/foo/"

#: Sessions that go as a client's go: a handshake, CONNECT, one poll; a handshake and its upgrade. Those of the other
#: steps do what no client does.
_SESSIONS = re.compile(r"(?:s|st\d|up|lp)_\d_(?:open|post_connect|post|poll|probe|longpoll)")
_CONNECTS = ("40", "2:40")
_FRAMES: dict[str, FrameType] = {
    "text": "text", "binary": "binary", "close": "close", "ping": "ping", "pong": "pong", "RAW_HTTP_AFTER_101": "raw",
}  # fmt: skip
_FAILURES: dict[str, NoResponseKind] = {
    "timeout": "timeout", "ConnectionReset": "reset", "ConnectionRefused": "refused", "connection closed": "closed",
}  # fmt: skip
_ENDS: dict[str, NoResponseKind] = {"TIMEOUT": "timeout", "EOF": "closed", "RESET": "reset"}


class Record(msgspec.Struct):
    """One exchange, as it was recorded."""

    server: str
    version: str
    config: str
    step: str
    request: dict[str, Any]
    response: dict[str, Any] | None = None
    ws: dict[str, Any] | None = None
    error: str | None = None
    via: str | None = None
    caveat: str | None = None

    @property
    def path(self) -> str:
        """The path that was asked for."""
        return urlsplit(str(self.request["url"])).path

    @property
    def query(self) -> dict[str, str]:
        """The query's fields, the last of each name."""
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.request["url"]).query).items()}

    @property
    def status(self) -> int:
        """The answer's status; 0 where none came."""
        return int(self.response["status"]) if self.response else 0

    @property
    def body(self) -> str:
        """The answer's body as it is written in the record."""
        return str(self.response.get("body", "")) if self.response else ""

    def header(self, name: str) -> str | None:
        """The answer's header."""
        return get(map(tuple, self.response["headers"]), name) if self.response else None

    def asked(self, name: str) -> str | None:
        """The request's header."""
        return get(map(tuple, self.request["headers"]), name)

    def received(self) -> list[str]:
        """The text messages that came over the WebSocket."""
        frames = (self.ws or {}).get("frames", [])
        return [frame["data"] for frame in frames if (frame["dir"], frame["op"]) == ("in", "text")]


class Configuration(NamedTuple):
    """Everything that was recorded of one server in one configuration."""

    server: str
    version: str
    config: str
    records: list[Record]

    @property
    def name(self) -> str:
        """What it is called in a test's name."""
        return f"{self.server} {self.version} {self.config}"

    def seen(self) -> list[tuple[Purpose, Record]]:
        """What a check of it asks too, and as what, in the order of recording."""
        handshakes = [record for record in self.records if _is_handshake(record) and record.status]
        first = next(iter(handshakes), self.records[0])
        protocol = 3 if first.query.get("EIO") == "3" else 4
        sessions: dict[str, list[Purpose]] = {}
        found = [
            (purpose, record)
            for record in self.records
            if (purpose := _purpose(record, first.path, str(protocol), sessions))
        ]
        return [(purpose, record) for purpose, record in found if _wanted(purpose, found)]

    def evidence(self) -> Evidence:
        """The evidence of a check from the page that the recorder called allowed."""
        seen = self.seen()
        first = next((record for purpose, record in seen if purpose == "handshake"), self.records[0])
        plan = Plan(
            target=Target(url=BASE, path=first.path),
            origins=(PAGE,),
            client=Client(version=2 if first.query.get("EIO") == "3" else 4),
        )
        return Evidence(plan=plan, exchanges=tuple(exchange(i, *one) for i, one in enumerate(seen, 1)))


def configurations(file: Path = FILE) -> list[Configuration]:
    """What is in that file, in the order of recording."""
    found: dict[tuple[str, str, str], list[Record]] = {}
    for record in records(file):
        found.setdefault((record.server, record.version, record.config), []).append(record)
    return [Configuration(*key, recorded) for key, recorded in found.items()]


def records(file: Path) -> Iterator[Record]:
    """The records, one a line, gzipped or not."""
    data = file.read_bytes()
    for line in (gzip.decompress(data) if file.suffix == ".gz" else data).splitlines():
        yield msgspec.json.decode(line, type=Record)


def cut(from_file: Path, to_file: Path, limit: int = 600) -> int:
    """Writes the project's copy: the records that ``Configuration.seen`` can use, their bodies cut; how many."""
    kept = 0
    with to_file.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
        for configuration in configurations(from_file):
            wanted = {id(record) for _, record in configuration.seen()} or {id(configuration.records[0])}
            for record in configuration.records:
                if id(record) not in wanted:
                    continue
                if record.response and len(record.body) > limit:
                    record.response["body"] = record.body[:limit]
                    record.response["body_note"] = f"cut at {limit} characters"
                out.write(msgspec.json.encode(_without_nulls(record)) + b"\n")
                kept += 1
    return kept


def _without_nulls(record: Record) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(record).items() if value is not None}


# --- which exchange of a check it is ---------------------------------------------------------------------------------


def _is_handshake(record: Record) -> bool:
    query = record.query
    opens = query.get("transport") == "polling" and "sid" not in query and "EIO" in query
    return record.request["method"] == "GET" and opens and record.path != "/"


def _purpose(record: Record, path: str, protocol: str, sessions: dict[str, list[Purpose]]) -> Purpose | None:
    """None: no check asks this."""
    method, query, origin = record.request["method"], record.query, record.asked("origin")
    if record.path != path:
        return _elsewhere(record, path)
    if method == "OPTIONS":
        custom = record.asked("access-control-request-headers") is not None and "sid" not in query
        return "simulated-preflight" if custom and origin == PAGE else None
    if "sid" in query:
        return _in_session(record, sessions)
    if method != "GET" or "j" in query or "b64" in query or query.get("EIO") not in ("3", "4"):
        return None
    own = query["EIO"] == protocol
    if query.get("transport") == "websocket":
        if record.asked("upgrade") is None:
            return "other-transport" if own and origin in (None, PAGE) else None
        plain = not record.asked("sec-websocket-extensions") and _speaks(record)
        return "websocket" if own and origin == PAGE and plain else None
    if query.get("transport") != "polling" or origin not in (None, PAGE, FOREIGN):
        return None
    if not own:
        return "other-protocol" if origin == PAGE else None
    return {None: "control", PAGE: "handshake", FOREIGN: "foreign"}[origin]  # type: ignore[return-value]


def _speaks(record: Record) -> bool:
    """What the recorder sent over the WebSocket is what a client sends first, if anything."""
    sent = [frame["data"] for frame in (record.ws or {}).get("frames", []) if frame["dir"] == "out"]
    return sent[:1] in ([], ["40"])


def _elsewhere(record: Record, path: str) -> Purpose | None:
    if record.request["method"] != "GET" or record.asked("upgrade") is not None:
        return None
    if record.path == f"{path}socket.io.js":
        return "client-file"
    if record.path == "/":
        return "root"
    if record.path == ELSEWHERE:
        return "nowhere"
    return "other-path" if record.path in USUAL_PATHS and record.query.get("transport") == "polling" else None


def _in_session(record: Record, sessions: dict[str, list[Purpose]]) -> Purpose | None:
    done = sessions.setdefault(record.query["sid"], [])
    if not _SESSIONS.fullmatch(record.step):
        return None
    purpose: Purpose = "poll"
    if record.request["method"] == "POST":
        purpose = "connect"
        if record.request.get("body") not in _CONNECTS:
            return None
    elif record.asked("upgrade") is not None:
        purpose = "upgrade"
    if purpose in done:
        return None
    done.append(purpose)
    return purpose


def _wanted(purpose: Purpose, found: Iterable[tuple[Purpose, Record]]) -> bool:
    """A check asks that only where it needs it: see ``probe/aside.py``."""
    if purpose not in ("root", "other-path", "nowhere", "other-transport"):
        return True
    answered = [(one, _response(record)) for one, record in found]
    pages = [response for one, response in answered if one == "handshake" and response]
    if purpose == "other-transport":
        return any(one == "websocket" and response and response.status == 403 for one, response in answered)
    engine = any(engineio.read_open(page) or engineio.read_refusal(page) for page in pages)
    if purpose == "nowhere":
        return engine and any(page.get("access-control-allow-origin") is None for page in pages)
    return not engine


# --- as an exchange --------------------------------------------------------------------------------------------------


def exchange(number: int, purpose: Purpose, record: Record) -> Exchange:
    """The recorded exchange, as one of a check."""
    scheme = "ws" if purpose in ("websocket", "upgrade") else "http"
    method, url = record.request["method"], BASE.replace("http", scheme, 1) + record.request["url"]
    headers = tuple((name, value) for name, value in record.request["headers"])
    if purpose == "nowhere":
        url = BASE + NOWHERE
    if purpose == "client-file":
        method = "HEAD"
    response = _response(record)
    if response is not None and purpose == "client-file":
        response = msgspec.structs.replace(response, body="")
    return Exchange(
        id=number,
        purpose=purpose,
        request=Request(method=method, url=url, headers=headers, body=record.request.get("body")),
        response=response,
        failure=None if response is not None else _failure(record.error or ""),
    )


def _response(record: Record) -> Response | None:
    answer = record.response
    if answer is None:
        return None
    body, encoding = answer.get("body", ""), "text"
    if answer.get("body_encoding") == "latin-1":
        body, encoding = base64.b64encode(body.encode("latin-1")).decode(), "base64"
    frames = (record.ws or {}).get("frames", [])
    ends = [_ENDS[frame["op"]] for frame in frames if frame["op"] in _ENDS]
    return Response(
        status=answer["status"],
        reason=answer.get("reason", ""),
        http_version=answer.get("http_version", "HTTP/1.1"),
        headers=tuple((name, value) for name, value in answer["headers"]),
        body=body,
        body_encoding=encoding,  # type: ignore[arg-type]
        frames=tuple(_frame(frame) for frame in frames if frame["op"] in _FRAMES),
        ended=NoResponse(kind=ends[0], message="Nothing more came.", phase="frame") if ends else None,
    )


def _frame(frame: dict[str, Any]) -> Frame:
    direction: Literal["in", "out"] = "in" if frame["dir"] == "in" else "out"
    kind, data = _FRAMES[frame["op"]], frame.get("data", "")
    if kind == "binary":
        data = base64.b64encode(data.encode("latin-1", errors="replace")).decode()
    return Frame(direction=direction, type=kind, data=data, code=frame.get("code"))


def _failure(error: str) -> NoResponse:
    """What the recorder says of an answer that did not come."""
    partial = re.search(r"partial=b'(.*)'", error)
    if partial:
        return NoResponse(kind="not-http", message=error, phase="head", detail=partial[1])
    for words, kind in _FAILURES.items():
        if error.startswith(words):
            return NoResponse(kind=kind, message=error, phase="connect" if kind == "refused" else "head")
    return NoResponse(kind="closed", message=error, phase="head")
