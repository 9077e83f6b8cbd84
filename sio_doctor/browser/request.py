"""A request of a page on its way: what it is at each URL, and why it was refused."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Literal

from msgspec.structs import replace

from sio_doctor.browser.table import Engine
from sio_doctor.model import Answer, HeaderList, Model, NoResponse, Request, Response, VerdictCode
from sio_doctor.standards import mixed_content
from sio_doctor.standards import url as urls
from sio_doctor.standards.url import Url


class Page(Model, frozen=True, kw_only=True):
    """The page that asks."""

    url: str
    origin: str
    """As it is serialised; ``null`` for an opaque one."""


class XMLHttpRequest(Model, frozen=True, kw_only=True):
    """What the script hands to ``open``, ``setRequestHeader`` and ``send``."""

    method: str
    url: str
    headers: HeaderList = ()
    """As given to setRequestHeader, in order."""
    body: str | None = None
    with_credentials: bool = False
    cookies: str | None = None
    """The value of the Cookie header where cookies may go with the request; None: the jar is empty."""


class Fetch(Model, frozen=True, kw_only=True):
    """What stays the same from the first URL to the last."""

    engine: Engine
    page: Page
    page_url: Url
    first: Url
    credentials: bool
    """The credentials mode is ``include``."""
    headers: HeaderList
    """The author's headers, as they are before any redirect."""
    cookies: str | None


class Hop(Model, frozen=True, kw_only=True):
    """The request at one URL."""

    url: Url
    method: str
    headers: HeaderList
    """The author's, as far as redirects have left them."""
    body: str | None
    origin: str
    """The request's origin, serialised: ``null`` once a redirect has tainted it."""
    cors: bool
    """The response tainting is ``cors``: the answer must pass the CORS check."""
    preflighted: bool = False
    """There was a preflight, for this URL or an earlier one."""
    redirects: int = 0
    keeps_origin: bool = False
    """It carries an Origin, since it did before a redirect."""


Stage = Literal["url", "preflight", "redirect", "response"]


class Refusal(Model, frozen=True, kw_only=True):
    """Why an engine refuses, with all that its console says about it."""

    code: VerdictCode
    stage: Stage
    fetch: Fetch
    hop: Hop
    origin: str = ""
    """The origin that the answer was checked for."""
    response: Response | None = None
    """The answer that was judged."""
    failure: NoResponse | None = None
    """Why there was none."""
    name: str = ""
    """The method or the header that is not allowed; the member of a list that is no token."""
    location: str = ""
    """Where a redirect leads, as it was written."""
    target: Url | None = None
    """The same, resolved; None where that is no URL."""


def is_mixed_content(engine: Engine, page: Url, url: Url) -> bool:
    """The engine blocks a request for that URL, from that page, as mixed content."""
    return mixed_content.should_be_blocked(
        page,
        url,
        loopback_is_trustworthy=not engine.loopback_is_mixed_content,
        private_is_exempt=not engine.private_is_mixed_content,
    )


def carries_origin(hop: Hop) -> bool:
    """Append a request `Origin` header: always where tainting is "cors", else for all methods but GET and HEAD."""
    return hop.cors or hop.method not in ("GET", "HEAD") or hop.keeps_origin


_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def on_the_wire(engine: Engine, url: Url) -> str:
    """The URL as the server gets it: no user, password or fragment."""
    text = urls.serialize(url, credentials=False, fragment=False)
    if not engine.normalizes_escapes:
        return text
    return re.sub("%[0-9A-Fa-f]{2}", _normalized, text)


def _normalized(escape: re.Match[str]) -> str:
    char = chr(int(escape[0][1:], 16))
    return char if char in _UNRESERVED else escape[0].upper()


def url_request(
    fetch: Fetch, hop: Hop, method: str, headers: HeaderList, *, body: str | None, credentials: bool
) -> Request:
    """The request for that URL."""
    url = on_the_wire(fetch.engine, hop.url)
    return Request(method=method, url=url, headers=headers, body=body, credentials=credentials)


def exchange(engine: Engine, url: Url, request: Request) -> Generator[Request, Answer, Answer]:
    """HTTP-network fetch: the request, and what the engine makes of the bytes that come."""
    answer = yield request
    if engine.repeats_misdirected and isinstance(answer, Response) and answer.status == 421:
        again = yield request
        answer = answer if isinstance(again, NoResponse) and again.kind == "not-asked" else again
    return _as_http_0_9(engine, url, as_parsed(engine, answer))


def as_parsed(engine: Engine, answer: Answer) -> Answer:
    """The answer, or that its head is none."""
    if (
        engine.refuses_nul
        and isinstance(answer, Response)
        and any("\0" in name + value for name, value in answer.headers)
    ):
        return NoResponse(kind="not-http", message="There is a NUL in the head of the answer.")
    return answer


def _as_http_0_9(engine: Engine, url: Url, answer: Answer) -> Answer:
    """What the engine makes of bytes that are no HTTP."""
    if isinstance(answer, Response) or answer.kind != "not-http" or engine.http_0_9 == "never":
        return answer
    if engine.http_0_9 == "default-port" and url.port is not None:
        return answer
    return Response(status=200, http_version="HTTP/0.9", body=answer.detail)


def resolve(engine: Engine, location: str, hop: Hop) -> Url | None:
    """The location URL, with the fragment of the URL it came from; None where it is no URL.

    https://fetch.spec.whatwg.org/#concept-response-location-url
    """
    raw = location.encode("latin-1", errors="replace")
    if engine.reads_utf_8_as_latin_1:
        location = as_webkit_reads(location)
    elif _is_utf_8(raw):
        location = raw.decode()
    try:
        url = urls.parse(location, hop.url)
    except ValueError:
        return None
    return replace(url, fragment=hop.url.fragment) if url.fragment is None else url


def as_webkit_reads(value: str) -> str:
    """A header's value as WebKitGTK has it: its bytes are made UTF-8 by libsoup, and then taken for latin-1."""
    text = value.encode("latin-1", errors="replace").decode(errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", text).encode().decode("latin-1")


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def location_of(engine: Engine, response: Response) -> str | None:
    """The Location of a redirect that the engine would follow; None where the answer is no redirect to it."""
    location = response.get("location")
    if response.status not in engine.redirect_statuses or location is None:
        return None
    return None if location == "" and engine.empty_location == "ignored" else location
