"""What socket.io-client in a page asks, one request or message at a time: URLs, headers, cookies, and whose turn it is.

Read in the npm packages (engine.io-client 3.5, 4.1 and 6.6).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from msgspec.structs import replace

from sio_doctor.browser import console
from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.fetch import Fetched, Page, XMLHttpRequest, xml_http_request
from sio_doctor.browser.table import Engine
from sio_doctor.browser.websocket import judge_frame, open_websocket
from sio_doctor.browser.websocket import websocket_url as parsed
from sio_doctor.model import (
    Answer,
    Document,
    Frame,
    NoResponse,
    Plan,
    Purpose,
    Request,
    Response,
    Transport,
    Verdict,
    get,
)
from sio_doctor.standards import csp
from sio_doctor.standards import url as urls


class Ask(NamedTuple):
    """Send the request (a ``ws`` URL: open a WebSocket) and say what came back."""

    request: Request
    purpose: Purpose


class Send(NamedTuple):
    """Send a text message over the WebSocket that was opened last."""

    text: str


class Receive(NamedTuple):
    """Wait for the next message of that WebSocket."""

    at_once: bool = False
    """It is the open packet, which follows the 101 with no round trip between: waiting long is waiting in vain."""


class Close(NamedTuple):
    """Close that WebSocket."""


Step = Ask | Send | Receive | Close
Heard = Answer | Frame | None
"""Ask is sent an Answer, Receive a Frame or NoResponse, Send a NoResponse or None, Close None."""

NOT_ASKED = NoResponse(kind="not-asked", message="This was not asked.")


def page_of(origin: str, document: Document | None = None, *, permitted: bool = False) -> Page:
    """A page of that origin: the document, where it is one; else an opaque one stands for a file.

    ``permitted``: as if the document's policies let it connect wherever it likes.
    """
    if document is not None and document.origin == origin:
        policies = csp.enforced(document)
        return Page(url=document.url, origin=origin, policies=csp.permitting(policies) if permitted else policies)
    return Page(url="file:///index.html" if origin == "null" else f"{origin}/", origin=origin)


class Session:
    """One attempt: the plan, the page, and what gathers on the way: cookies, the console's lines.

    ``transports`` are those that the client has not given up.
    """

    def __init__(self, engine: Engine, page: Page, plan: Plan) -> None:
        self.engine = engine
        self.page = page
        self.plan = plan
        self.client = plan.client
        self.cookies = Jar(engine, page.origin, given=plan.client.cookies, server=urls.parse(plan.target.url))
        self.transports = plan.client.transports
        self.console: list[str] = []
        self.stamp = 0

    def request(
        self, purpose: Purpose, sid: str | None = None, body: str | None = None
    ) -> Generator[Step, Heard, Fetched]:
        """One polling request, GET or (with a body) POST, as engine.io-client's XMLHttpRequest makes it."""
        headers = list(self.client.extra_headers)
        if body is not None:
            headers.append(("Content-type", "text/plain;charset=UTF-8"))
        headers.append(("Accept", "*/*"))
        stamp = f"{self.plan.nonce}{self.stamp}"
        self.stamp += 1
        call = XMLHttpRequest(
            method="GET" if body is None else "POST",
            url=polling_url(self.plan, sid=sid, stamp=stamp),
            headers=tuple(headers),
            body=body,
            with_credentials=self.client.with_credentials,
            cookies=self.cookies,
        )
        fetched = yield from _labelled(xml_http_request(self.engine, self.page, call), purpose)
        self.console += fetched.verdict.console
        return fetched

    def websocket(
        self, purpose: Purpose, sid: str | None = None, *, judged_as: str | None = None
    ) -> Generator[Step, Heard, Verdict]:
        """The opening handshake of a WebSocket; with ``judged_as``, as if it had been asked with that session."""
        url = websocket_url(self.plan, sid=sid)
        judged = url if judged_as is None else websocket_url(self.plan, sid=judged_as)
        opening = open_websocket(self.engine, self.page, judged, cookies=self.cookies)
        verdict = yield from _labelled(opening, purpose, url=url)
        self.console += verdict.console
        return verdict

    def give_up(self) -> None:
        """The client closes the WebSocket that it waits for."""
        self.console += console.websocket_given_up(self.engine, parsed(websocket_url(self.plan)))

    def message(
        self, sid: str | None = None, *, at_once: bool = False
    ) -> Generator[Step, Heard, str | NoResponse | Verdict]:
        """The next message; why none came; or the browser's verdict where a frame broke the connection."""
        heard = yield Receive(at_once)
        if not isinstance(heard, Frame):
            return heard if isinstance(heard, NoResponse) else NOT_ASKED
        verdict = judge_frame(self.engine, websocket_url(self.plan, sid=sid), heard)
        self.console += verdict.console
        if heard.type == "close":
            return NoResponse(kind="closed", phase="frame", message=_closing_words(heard))
        return heard.data if verdict.allowed else verdict


def polling_url(plan: Plan, *, sid: str | None = None, stamp: str = "", protocol: int = 0, path: str = "") -> str:
    """The URL of a polling request: the application's query, EIO, transport, t, sid."""
    return plan.target.url + (path or plan.target.path) + _query(plan, "polling", sid, stamp, protocol)


def websocket_url(plan: Plan, *, sid: str | None = None, protocol: int = 0) -> str:
    """The URL of a WebSocket: the application's query, EIO, transport, sid; no ``t``."""
    return "ws" + plan.target.url.removeprefix("http") + plan.target.path + _query(plan, "websocket", sid, "", protocol)


def _query(plan: Plan, transport: Transport, sid: str | None, stamp: str, protocol: int) -> str:
    pairs = [*plan.target.query, ("EIO", str(protocol or plan.client.protocol)), ("transport", transport)]
    if stamp:
        pairs.append(("t", stamp))
    if sid is not None:
        pairs.append(("sid", sid))
    return "?" + "&".join(f"{_encode(name)}={_encode(value)}" for name, value in pairs)


def _encode(text: str) -> str:
    """JavaScript's encodeURIComponent."""
    return quote(text, safe="~()*!'")


def _closing_words(frame: Frame) -> str:
    code = f" with code {frame.code}" if frame.code is not None else ""
    return f"The server closed the WebSocket{code}" + (f": {frame.data}" if frame.data else ".")


Result = TypeVar("Result")


def _labelled(
    requests: Generator[Request, Answer, Result], purpose: Purpose, *, url: str = ""
) -> Generator[Step, Heard, Result]:
    """Says what each request is for: its preflight, itself, what a redirect led to. ``url``: ask that one instead."""
    hops = 0
    try:
        request = next(requests)
        while True:
            preflight = request.method == "OPTIONS" and get(request.headers, "access-control-request-method")
            label: Purpose = "preflight" if preflight else "redirect" if hops else purpose
            hops += not preflight
            heard = yield Ask(replace(request, url=url) if url else request, label)
            request = requests.send(heard if isinstance(heard, Response | NoResponse) else NOT_ASKED)
    except StopIteration as end:
        result: Result = end.value
        return result
