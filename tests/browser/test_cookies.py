"""Which cookies a browser keeps and sends back: as measured (tests/truth/cookies.json), and as RFC 6265bis says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.fetch import Page, XMLHttpRequest, xml_http_request
from sio_doctor.browser.table import CHROMIUM, ENGINES, FIREFOX, WEBKIT, Engine
from sio_doctor.model import Request, Response
from sio_doctor.standards.url import parse
from tests.agree import TRUTH

#: One engine for each column of the measurement.
COLUMNS = {
    "chromium": CHROMIUM,
    "chromium, third-party cookies blocked": replace(CHROMIUM, third_party_cookies="partitioned"),
    "firefox": FIREFOX,
    "webkit": WEBKIT,
}
CASES: list[dict[str, Any]] = json.loads((TRUTH / "cookies.json").read_text())
PAGE, API = "https://app.example.com", "https://api.example.com/socket.io/?EIO=4"
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def test_every_case_was_measured_in_every_column() -> None:
    assert len(CASES) == 80
    assert {column for case in CASES for column in case["sent_back"]} == set(COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['site']}, {case['set_cookie']}")
def test_what_was_measured(case: dict[str, Any], column: str) -> None:
    relation, _, schemes = case["site"].partition(" ")
    scheme, _, other = schemes.partition("->")
    host = "api.example.com" if relation == "same-site" else "api.example.org"
    page = Page(url=f"{scheme}://app.example.com/", origin=f"{scheme}://app.example.com")
    jar = Jar(COLUMNS[column], page.origin)
    url = f"{other}://{host}/socket.io/"
    ask(jar, page, url, case["set_cookie"], with_credentials=case["set_with_credentials"])
    name = case["set_cookie"].partition(";")[0]
    assert ask(jar, page, url) == (name if case["sent_back"][column] else None)
    assert [one.sent for one in jar.met()] == [case["sent_back"][column]]


def ask(jar: Jar, page: Page, url: str, *set_cookie: str, with_credentials: bool = True) -> str | None:
    """The Cookie header of a request of the page, whose answer sets those cookies and may be read by the page."""
    call = XMLHttpRequest(method="GET", url=url, with_credentials=with_credentials, cookies=jar)
    steps = xml_http_request(CHROMIUM, page, call)
    request: Request = next(steps)
    headers = (("Access-Control-Allow-Origin", page.origin), ("Access-Control-Allow-Credentials", "true"))
    with pytest.raises(StopIteration):
        steps.send(Response(status=200, headers=(*headers, *(("Set-Cookie", line) for line in set_cookie))))
    return dict(request.headers).get("Cookie")


def kept(line: str, *, url: str = API, engine: Engine = CHROMIUM, origin: str = PAGE, date: str | None = None) -> Jar:
    jar = Jar(engine, origin)
    headers = (("Set-Cookie", line), *((("Date", date),) if date else ()))
    jar.store(parse(url), Response(status=200, headers=headers))
    return jar


def test_an_answer_that_the_page_may_not_read_sets_its_cookies_all_the_same() -> None:
    page, jar = Page(url=f"{PAGE}/", origin=PAGE), Jar(CHROMIUM, PAGE)
    steps = xml_http_request(CHROMIUM, page, XMLHttpRequest(method="GET", url=API, with_credentials=True, cookies=jar))
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send(Response(status=502, headers=(("Set-Cookie", "lb=1; Path=/"),)))
    assert end.value.value.verdict.allowed is False
    assert jar.header(parse(API)) == "lb=1"


def test_a_redirect_sets_cookies_for_its_own_host() -> None:
    page, jar = Page(url=f"{PAGE}/", origin=PAGE), Jar(CHROMIUM, PAGE)
    steps = xml_http_request(CHROMIUM, page, XMLHttpRequest(method="GET", url=API, with_credentials=True, cookies=jar))
    next(steps)
    cors = (("Access-Control-Allow-Origin", PAGE), ("Access-Control-Allow-Credentials", "true"))
    moved = (*cors, ("Location", "https://ws.example.com/socket.io/"), ("Set-Cookie", "lb=1; Path=/"))
    assert "Cookie" not in dict(steps.send(Response(status=307, headers=moved)).headers)
    assert (jar.header(parse(API)), jar.header(parse("https://ws.example.com/"))) == ("lb=1", None)


@pytest.mark.parametrize(
    ("line", "url", "sent"),
    [
        ("k=v", "https://api.example.com/socket.io/?x", True),
        ("k=v", "https://api.example.com/socket.io", True),  # its default path has no slash at the end
        ("k=v", "https://api.example.com/socket.iox", False),
        ("k=v", "https://api.example.com/other/", False),
        ("k=v; Path=/", "https://api.example.com/other/", True),
        ("k=v; Path=/socket.io", "https://api.example.com/socket.io/", True),
        ("k=v; Path=/socket", "https://api.example.com/socket.io/", False),
        ("k=v; Path=relative", "https://api.example.com/socket.io/", True),
        ("k=v; Path=/", "https://ws.example.com/", False),
        ("k=v; Path=/; Domain=example.com", "https://ws.example.com/", True),
        ("k=v; Path=/; Domain=.EXAMPLE.com", "wss://ws.example.com/", True),
        ("k=v; Path=/; Domain=example.com", "https://badexample.com/", False),
        ("k=v; Path=/; Domain=com", "https://api.example.com/", False),
        ("k=v; Path=/; Domain=other.example.com", "https://other.example.com/", False),
        ("k=v; Path=/; Secure", "http://api.example.com/", False),
        ("k=v; Path=/; Secure", "ws://api.example.com/", False),
        ("k=v; Path=/; Secure", "wss://api.example.com/", True),
        ("__Host-k=v; Path=/; Secure", API, True),
        ("__Host-k=v; Path=/socket.io; Secure", API, False),
        ("__host-k=v; Path=/; Secure; Domain=api.example.com", API, False),
        ("__Secure-k=v", API, False),
        ("k=v; Partitioned", API, False),
        ("k=v; SameSite=bogus", API, True),
        ("k=v; SameSite=None; SameSite=Lax", API, True),
        ("k=v; Max-Age=0", API, False),
        ("k=v; Max-Age=99; Expires=Thu, 01 Jan 1970 00:00:00 GMT", API, True),
        ("k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT", API, False),
        ("k=" + "v" * 4095, API, True),
        ("k=" + "v" * 4096, API, False),
        ("k=v; Path=/" + "x" * 1024, API, True),  # the attribute is ignored
        ("k=v\x01", API, False),
        (" = ", API, False),
    ],
)
def test_where_a_cookie_goes(line: str, url: str, sent: bool) -> None:
    assert (kept(line).header(parse(url)) is not None) is sent


def test_the_longer_path_comes_first_and_the_same_cookie_once() -> None:
    jar = Jar(CHROMIUM, PAGE)
    lines = ["a=1; Path=/", "b=2; Path=/socket.io/", "a=3; Path=/", "nameless"]
    jar.store(parse(API), Response(status=200, headers=tuple(("Set-Cookie", line) for line in lines)))
    assert jar.header(parse(API)) == "b=2; nameless; a=3"


def test_a_deletion_empties_the_jar() -> None:
    jar = kept("k=v; Path=/")
    jar.store(parse(API), Response(status=200, headers=(("Set-Cookie", "k=; Path=/; Max-Age=-1"),)))
    assert jar.header(parse(API)) is None


@pytest.mark.parametrize(
    ("date", "sent"),
    [(None, True), ("Mon, 23 Nov 2026 10:00:00 GMT", False), ("Sun, 22 Nov 2026 10:00:00 GMT", True)],
)
def test_expires_is_held_against_the_servers_own_clock(date: str | None, sent: bool) -> None:
    jar = kept("k=v; expires=Sun, 22-Nov-26 12:00:00 GMT", date=date)
    assert (jar.header(parse(API)) is not None) is sent


@pytest.mark.parametrize(
    ("host", "engine", "sent"),
    [
        ("localhost", CHROMIUM, True),
        ("localhost", FIREFOX, True),
        ("localhost", WEBKIT, False),
        ("127.0.0.1", CHROMIUM, True),
        ("127.0.0.1", FIREFOX, True),
        ("127.0.0.1", WEBKIT, False),
        ("api.example.com", CHROMIUM, False),
    ],
)
def test_secure_cookies_of_loopback_by_http(host: str, engine: Engine, sent: bool) -> None:
    """Measured in the same Chromium and Firefox as the corpus; WebKit's bug 218980."""
    url = f"http://{host}:3000/socket.io/"
    jar = kept("k=v; Secure", url=url, engine=engine, origin=f"http://{host}:8080")
    assert (jar.header(parse(url)) is not None) is sent


@every_engine
@pytest.mark.parametrize(
    ("page", "server", "same"),
    [
        ("https://app.example.co.uk", "https://api.example.co.uk", True),
        ("https://one.co.uk", "https://two.co.uk", False),
        ("https://one.github.io", "https://two.github.io", False),
        ("http://localhost:8080", "http://localhost:3000", True),
        ("http://localhost:8080", "http://127.0.0.1:3000", False),
        ("http://app.localhost", "http://api.localhost", False),
        ("http://127.0.0.1:8080", "http://127.0.0.1:3000", True),
        ("http://127.0.0.1:8080", "http://128.0.0.1:3000", False),
        ("http://[::1]:8080", "http://[::1]:3000", True),
        ("http://build", "http://build:3000", True),
        ("https://xn--bcher-kva.example", "https://api.xn--bcher-kva.example", True),
        ("null", "https://api.example.com", False),
        ("capacitor://localhost", "http://localhost", False),
    ],
)
def test_lax_cookies_stay_within_a_site(engine: Engine, page: str, server: str, same: bool) -> None:
    jar = kept("k=v; SameSite=Lax", url=f"{server}/socket.io/", engine=engine, origin=page)
    assert jar.header(parse(f"{server}/socket.io/")) == ("k=v" if same else None)


@pytest.mark.parametrize(
    ("line", "engine", "origin", "reason"),
    [
        ("k=v", CHROMIUM, "https://other.test", "It is without SameSite, which counts as Lax, and the page is of"),
        ("k=v; SameSite=strict", FIREFOX, "https://other.test", "It is SameSite=Strict, and the page is of another"),
        ("k=v; SameSite=None; Secure", WEBKIT, "https://other.test", "this browser takes no such cookies"),
        ("k=v; SameSite=None", CHROMIUM, PAGE, "SameSite=None without Secure"),
        ("k=v; Path=/foo", CHROMIUM, PAGE, "Its Path is not that of the Socket.IO requests"),
        ("k=v\x7f", CHROMIUM, PAGE, "Browsers ignore this Set-Cookie line"),
    ],
)
def test_why_a_cookie_does_not_go_back(line: str, engine: Engine, origin: str, reason: str) -> None:
    (cookie,) = kept(line, engine=engine, origin=origin).met()
    assert (cookie.name, cookie.sent) == ("k", False)
    assert reason in (cookie.reason or "")


@given(line=st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_line_breaks_it(line: str) -> None:
    jar = kept(line)
    sent = jar.header(parse(API))
    assert sent is None or not any(char in sent for char in "\r\n\0;")
