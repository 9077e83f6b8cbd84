"""What an engine's HTTP stack makes of a URL, and of an answer before Fetch gets to see it."""

from __future__ import annotations

import re
from collections.abc import Generator

from msgspec.structs import replace

from sio_doctor.browser.table import Engine
from sio_doctor.model import Answer, HeaderList, NoResponse, Request, Response
from sio_doctor.standards.url import Url, serialize

#: As Gecko writes it; it counts the lines that are spelled so.
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")


class Unread(NoResponse, frozen=True, kw_only=True):
    """An answer came, and the engine's HTTP stack would not have it."""

    net_error: str
    """What Chromium calls it, without ``net::``."""


def on_the_wire(engine: Engine, url: Url) -> str:
    """The URL as the server gets it: no user, password or fragment."""
    text = serialize(url, credentials=False, fragment=False)
    return _ESCAPE.sub(_normalized, text) if engine.normalizes_escapes else text


def _normalized(escape: re.Match[str]) -> str:
    char = chr(int(escape[0][1:], 16))
    return char if _UNRESERVED.fullmatch(char) else escape[0].upper()


def ask(engine: Engine, url: Url, request: Request) -> Generator[Request, Answer, Answer]:
    """HTTP-network fetch: yields the request, and returns what the engine makes of the answer."""
    answer = yield request
    if engine.repeats_421 and isinstance(answer, Response) and answer.status == 421:
        # The standard may fetch again over a new connection: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
        answer = yield request
    return as_received(engine, url, request.method, answer)


def as_received(engine: Engine, url: Url, method: str, answer: Answer) -> Answer:
    """The answer as Fetch gets to see it."""
    if isinstance(answer, NoResponse):
        return _as_http_0_9(engine, url, method, answer)
    if _has_nul(engine, answer):
        return _unread("It has a NUL in a header.", "ERR_INVALID_HTTP_RESPONSE")
    if engine.several_locations_fail and len(set(answer.get_all("location"))) > 1:
        return _unread("It names several places to redirect to.", "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION")
    if engine.refuses_407 and answer.status == 407:
        return _unread("It asks for a proxy's password, and is no proxy.", "ERR_UNEXPECTED_PROXY_AUTH")
    return replace(answer, headers=_merged(answer.headers)) if engine.drops_empty_lines else answer


def as_utf_8(value: str) -> str:
    """A header's value as WebKitGTK has it: its bytes are made UTF-8 by libsoup, and then taken for latin-1."""
    text = value.encode("latin-1", errors="replace").decode(errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", text).encode().decode("latin-1")


def _merged(headers: HeaderList) -> HeaderList:
    """The list without empty lines that have another of their name beside them."""
    counted = sum(name == ALLOW_ORIGIN for name, _ in headers) > 1
    full = {name.lower() for name, value in headers if value.strip(" \t")}
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        lower = name.lower()
        needless = lower in full or lower in [other.lower() for other, _ in kept]
        if value.strip(" \t") or not needless or (counted and lower == ALLOW_ORIGIN.lower()):
            kept.append((name, value))
    return tuple(kept)


def _has_nul(engine: Engine, answer: Response) -> bool:
    spoils = {"nowhere": "", "in values": "{1}", "anywhere": "{0}{1}"}[engine.nul_fails]
    return any("\0" in spoils.format(*header) for header in answer.headers)


def _as_http_0_9(engine: Engine, url: Url, method: str, answer: NoResponse) -> Answer:
    """Bytes that are no HTTP: to some engines the body of an HTTP/0.9 answer, which no PUT has."""
    if answer.kind == "closed" and method == "PUT" and engine.closing_answers_put:
        # Where Gecko then looks for the header's lines it finds no list, and says that there were several.
        return Response(status=200, headers=((ALLOW_ORIGIN, ""), (ALLOW_ORIGIN, "")))
    if answer.kind != "not-http" or engine.http_0_9 == "never" or url.scheme in ("ws", "wss"):
        return answer
    if engine.http_0_9 == "default-port" and url.port is not None:
        return answer
    if method == "PUT":
        return _unread(answer.message, "ERR_METHOD_NOT_SUPPORTED")
    return Response(status=200, http_version="HTTP/0.9", body=answer.detail)


def _unread(message: str, net_error: str) -> Unread:
    return Unread(kind="not-http", message=message, net_error=net_error)
