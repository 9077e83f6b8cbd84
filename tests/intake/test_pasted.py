"""Text as people paste it, with what windows, web pages and browsers put around a line, says what the line says."""

from __future__ import annotations

import textwrap

import pytest

from sio_doctor.intake.console import ConsoleLine, read_console

URL = "https://api.example.com/socket.io/?EIO=4&transport=polling&t=PoB1"
PAGE = "https://app.example.com"
REASON = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
LINE = f"Access to XMLHttpRequest at '{URL}' from origin '{PAGE}' has been blocked by CORS policy: {REASON}"
FIREFOX = (
    f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {URL}. "
    "(Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 502."
)


def one(text: str) -> ConsoleLine:
    """The line, read."""
    (read,) = read_console(text)
    assert isinstance(read, ConsoleLine), text
    return read


def hard(line: str, width: int) -> str:
    """As a terminal breaks it: anywhere."""
    return "\n".join(line[start : start + width] for start in range(0, len(line), width))


@pytest.mark.parametrize(
    "text",
    [
        *(f"{place} {LINE}" for place in ("(index):1", "app.js:12", "socket.io.js:123:45", "login:1", "localhost/:1")),
        f"[Error] {LINE}",
        f"> {LINE}",
        f"```\n{LINE}\n```",
        f"{LINE}\r\n",
        f"\x1b[31;1m{LINE}\x1b[0m",
        LINE.replace("&", "&amp;").replace("'", "&#39;"),
        LINE.replace("'", "&#x27;"),
        LINE.replace("'", "’"),
        LINE.replace("'", '"'),
        *("\n".join(textwrap.wrap(LINE, width)) for width in (30, 60, 80)),
        *(hard(LINE, width) for width in (30, 47, 60, 80, 100)),
        hard(f"login:1 {LINE}", 60),
        LINE.replace(" from origin", "\r\n    from origin"),
    ],
)
def test_what_stands_around_a_line_and_breaks_it_changes_nothing(text: str) -> None:
    read = one(text)
    assert (read.source, read.code, read.url, read.origin) == ("chromium", "allow-origin-missing", URL, PAGE)


@pytest.mark.parametrize("width", [40, 80])
def test_firefox_too(width: int) -> None:
    for text in ("\n".join(textwrap.wrap(FIREFOX, width)), hard(FIREFOX, width)):
        read = one(text)
        assert (read.source, read.code, read.url, read.status) == ("firefox", "allow-origin-missing", URL, 502)


def test_a_line_does_not_swallow_the_next_one() -> None:
    cut = LINE.partition(" has been")[0]
    read = [line for line in read_console(f"{cut}\n{FIREFOX}\n{LINE}") if isinstance(line, ConsoleLine)]
    assert [line.source for line in read] == ["firefox", "chromium"]


def test_an_ampersand_in_a_url_is_no_entity() -> None:
    url = f"{URL}&copy=1&lt=2&amp=3"
    assert one(LINE.replace(URL, url)).url == url


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        (f"XHRGET\n{URL}\n[HTTP/1.1 502 Bad Gateway 12ms]", "bad-status", 502),
        (f"XHRGET\n{URL}\nCORS Missing Allow Origin", "allow-origin-missing", None),
        (f"XHROPTIONS\n{URL}\nCORS Preflight Did Not Succeed", "preflight-status", None),
        (f"XHRGET {URL} NS_ERROR_CONNECTION_REFUSED", "refused", None),
    ],
)
def test_the_three_lines_of_a_request_in_firefox_are_one(text: str, code: str, status: int | None) -> None:
    read = one(text)
    assert (read.code, read.status, read.url) == (code, status, URL)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f"{URL}:1 Failed to load resource: net::ERR_FAILED", URL),
        (f"{URL} net::ERR_CONNECTION_REFUSED", URL),
        (f"Failed to load resource: net::ERR_CONNECTION_REFUSED {URL}", URL),
        ("localhost:3000/socket.io/?EIO=4&t=x:1  Failed to load resource: net::ERR_FAILED",
         "http://localhost:3000/socket.io/?EIO=4&t=x"),
        ("api.example.com/socket.io/?EIO=4&t=x:1 Failed to load resource: the server responded with a status of 404 ()",
         "https://api.example.com/socket.io/?EIO=4&t=x"),
        (":3000/socket.io/?EIO=4&t=x:1 Failed to load resource: net::ERR_FAILED", None),
        ("Failed to load resource: net::ERR_FAILED", None),
    ],
)  # fmt: skip
def test_the_url_is_found_where_it_stands(text: str, url: str | None) -> None:
    assert one(text).url == url


def test_the_status_in_an_error_that_is_printed_whole_is_taken() -> None:
    printed = (
        "Error: xhr poll error\n    at XHR.onError (transport.js:41)\n  description: {},\n  context: XMLHttpRequest {{"
    )
    first, second = read_console(printed.format(503))
    assert isinstance(first, ConsoleLine)
    assert isinstance(second, ConsoleLine)
    assert (first.code, second.code, second.status) == ("xhr-poll-error", "bad-status", 503)
    assert one(printed.format(0)).status is None
