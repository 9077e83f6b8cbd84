"""A line of a console is read back to what it says: the measured ones, the old ones, the ones in other languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sio_doctor.browser.fetch import Page, XMLHttpRequest, xml_http_request
from sio_doctor.browser.table import ENGINES
from sio_doctor.intake import console
from sio_doctor.intake.console import ConsoleLine, Unread, read_console
from sio_doctor.intake.wording import Wording
from sio_doctor.model import Verdict
from tests.agree import cases
from tests.corpus import Case, drive

BROWSERS = ("chromium", "firefox", "webkit")
#: Verdicts that Firefox and Safari sort by other marks than Chromium does.
SORTED = {f"allow-origin-{fault}" for fault in ("missing", "mismatch", "invalid", "multiple", "refused")}
POLL = "http://localhost:3000/socket.io/?EIO=4&transport=polling&t=x"
PAGE = "http://localhost:5173"


def one(text: str) -> ConsoleLine:
    """The line, read."""
    read = read_console(text)
    assert len(read) == 1
    assert isinstance(read[0], ConsoleLine), text
    return read[0]


def verdict(case: Case, browser: str) -> Verdict:
    """What the project makes of a case of the corpus."""
    asked = case["request"]
    call = XMLHttpRequest(
        method=asked["method"],
        url=asked["url"],
        headers=tuple(asked["headers"].items()),
        body=None if asked["method"].upper() in ("GET", "HEAD") else "40",
        with_credentials=asked["withCredentials"],
    )
    return drive(xml_http_request(ENGINES[browser], Page(**case["page"]), call), case["answers"])[0].verdict


def measured() -> Iterator[tuple[Case, str, list[str]]]:
    """Every case of the corpus in every browser that printed something."""
    for case in cases([]):
        for browser in BROWSERS:
            if lines := case["browsers"].get(browser, {}).get("console"):
                yield case, browser, lines


def test_every_line_that_browsers_printed_is_known_and_whose_it_is() -> None:
    count = 0
    for case, browser, lines in measured():
        for line in lines:
            read = one(line)
            assert (read.source, read.localized, read.text) == (browser, False, line.rstrip()), case["id"]
            assert read.url is None or read.url in line, case["id"]
            count += 1
    assert count > 12_000


def test_a_line_says_the_same_as_the_verdict_that_printed_it() -> None:
    compared = 0
    for case, browser, lines in measured():
        if case["request"].get("websocket"):
            continue
        judged = verdict(case, browser)
        first = next((read for read in map(one, lines) if read.code != "unsafe-header"), None)
        if judged.allowed is not False or first is None or not judged.code.startswith(("allow", "method", "header")):
            continue
        said = {judged.code} if browser == "chromium" or judged.code not in SORTED else SORTED
        assert first.code in said, (case["id"], browser, judged.code, first)
        compared += 1
    assert compared > 3_000


def test_a_line_of_chromium_is_read_whole() -> None:
    for case, browser, lines in measured():
        for line in lines:
            if browser != "chromium" or not line.startswith("Access to"):
                continue
            read = one(line)
            assert f"at '{read.url}'" in line, case["id"]
            assert f"from origin '{read.origin}' has" in line, case["id"]
            assert (read.redirected_from is not None) == ("(redirected from '" in line), case["id"]
            assert (read.stage == "preflight") == ("preflight" in line), case["id"]
            for code in ("mismatch", "invalid", "multiple"):
                if read.code == f"allow-origin-{code}":
                    assert f"'{read.value}'" in line, case["id"]


@pytest.mark.parametrize(
    ("source", "wording"),
    [(table.source, wording) for table in console._TABLES for wording in table.wordings],
    ids=lambda value: value if isinstance(value, str) else value.phrase[:40],
)
def test_every_wording_knows_its_own_example(source: str, wording: Wording) -> None:
    read = one(wording.example)
    assert (read.source, read.code) == (source, wording.code)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "XMLHttpRequest cannot load http://h.example/socket.io/?EIO=3&transport=polling&t=L. "
            "No 'Access-Control-Allow-Origin' header is present on the requested resource. "
            "Origin 'http://socket.example' is therefore not allowed access. The response had HTTP status code 502.",
            {
                "source": "chromium",
                "code": "allow-origin-missing",
                "url": "http://h.example/socket.io/?EIO=3&transport=polling&t=L",
                "origin": "http://socket.example",
                "status": 502,
            },
        ),
        (
            "Failed to load http://127.0.0.1:3000/socket.io/?EIO=3&transport=polling&t=M: "
            "The 'Access-Control-Allow-Origin' header has a value 'null' that is not equal to the supplied origin. "
            "Origin 'null' is therefore not allowed access.",
            {
                "code": "allow-origin-mismatch",
                "value": "null",
                "origin": "null",
                "url": "http://127.0.0.1:3000/socket.io/?EIO=3&transport=polling&t=M",
            },
        ),
        (
            "XMLHttpRequest cannot load http://localhost:8000/socket.io/1/?t=133. Origin null is not allowed by "
            "Access-Control-Allow-Origin.",
            {
                "source": "chromium",
                "code": "allow-origin-refused",
                "origin": "null",
                "url": "http://localhost:8000/socket.io/1/?t=133",
            },
        ),
        (
            f"polling-xhr.js:157 GET {POLL} net::ERR_FAILED 200 (OK)",
            {"code": "failed", "status": 200, "method": "GET", "url": POLL, "net_error": "ERR_FAILED"},
        ),
        (f"GET {POLL} net::ERR_CONNECTION_REFUSED", {"code": "refused", "url": POLL}),
        (f"POST {POLL} 413 (Payload Too Large)", {"code": "bad-status", "status": 413, "method": "POST", "url": POLL}),
        (f"XHRGET {POLL}\t[HTTP/1.1 400 Bad Request 12ms]", {"code": "bad-status", "status": 400}),
        (
            f"Access to fetch at '{POLL}' from origin '{PAGE}' has been blocked by CORS policy: The request client is "
            "not a secure context and the resource is in more-private address space `private`.",
            {"code": "local-network", "value": "private", "origin": PAGE},
        ),
        (
            f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {POLL}. "
            "(Reason: CORS header ‘Access-Control-Allow-Origin’ missing).",
            {"source": "firefox", "code": "allow-origin-missing", "url": POLL, "status": None},
        ),
        (
            f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {POLL}. "
            "(Reason: missing token ‘authorization’ in CORS header ‘Access-Control-Allow-Headers’ from CORS preflight "
            "channel).",
            {"code": "header-not-allowed", "name": "authorization", "stage": "preflight"},
        ),
        (
            "Preflight response is not successful. Status code: 301",
            {"source": "webkit", "code": "preflight-redirect", "status": 301},
        ),
        ("Error: xhr poll error", {"source": "client", "code": "xhr-poll-error"}),
        ("connect_error due to timeout", {"source": "client", "code": "client-timeout"}),
        (
            "http://localhost:5173 is not an accepted origin. (further occurrences of this error will be logged with "
            "level INFO)",
            {"source": "server", "code": "origin-not-accepted", "origin": PAGE},
        ),
        (
            'INFO:     127.0.0.1:40414 - "WebSocket /socket.io/?EIO=4&transport=websocket" 403',
            {"source": "server", "code": "websocket-handshake", "status": 403},
        ),
    ],
)
def test_older_and_other_lines(line: str, expected: dict[str, object]) -> None:
    read = one(line)
    assert {name: getattr(read, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "code", "more"),
    [
        (
            f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der "
            f"externen Ressource auf {POLL}. (Grund: CORS-Anfrage fehlgeschlagen)",
            "network-error",
            {},
        ),
        (
            f"Blocage d’une requête multiorigines (Cross-Origin Request) : la politique « Same Origin » ne permet pas "
            f"de consulter la ressource distante située sur {POLL}. Raison : l’en-tête CORS "
            "« Access-Control-Allow-Origin » est manquant. Code d’état : 200.",
            "allow-origin-missing",
            {"status": 200},
        ),
        (
            f"Blocage d’une requête multiorigine (Cross-Origin Request) : la politique « Same Origin » ne permet pas "
            f"de consulter la ressource distante située sur {POLL}. Raison : échec de la requête CORS. "
            "Code d’état : (null).",
            "network-error",
            {"status": None},
        ),
        (
            f"Запрос из постороннего источника заблокирован: Политика одного источника запрещает чтение удаленного "
            f"ресурса на {POLL}. (Причина: отсутствует заголовок CORS «Access-Control-Allow-Origin»). "
            "Код состояния: 524.",
            "allow-origin-missing",
            {"status": 524},
        ),
        (
            f"已拦截跨源请求：同源策略禁止读取位于 {POLL} 的远程资源。"
            "（原因：CORS 头缺少 'Access-Control-Allow-Origin'）。状态码：404。",
            "allow-origin-missing",
            {"status": 404},
        ),
        (f"已拦截跨源请求：同源策略禁止读取位于 {POLL} 的远程资源。（原因：CORS 请求未能成功）。", "network-error", {}),
        (
            f"Zablokowano żądanie do zasobu innego pochodzenia: zasady „Same Origin Policy” nie pozwalają wczytywać "
            f"zdalnych zasobów z „{POLL}” (nagłówek CORS „Access-Control-Allow-Origin” nie pasuje do „https://a.example”).",
            "allow-origin-mismatch",
            {"value": "https://a.example"},
        ),
    ],
)
def test_firefox_in_other_languages_is_read_by_what_every_language_keeps(
    line: str, code: str, more: dict[str, object]
) -> None:
    read = one(line)
    assert (read.source, read.code, read.url, read.localized) == ("firefox", code, POLL, True)
    assert {name: getattr(read, name) for name in more} == more


def test_call_stacks_and_blank_lines_are_passed_over() -> None:
    text = f"""
        GET {POLL} net::ERR_CONNECTION_REFUSED
        Request.create @ polling-xhr.js:202
        (anonymous) @ socket.js:12
            at XMLHttpRequest.send (polling.js:1:2)
        manager.js:108
    """
    assert one(text).code == "refused"


def test_a_line_that_a_window_broke_is_put_together_again() -> None:
    read = one(
        f"Access to XMLHttpRequest at '{POLL}' from\norigin '{PAGE}' has been blocked by CORS policy:\n"
        "No 'Access-Control-Allow-Origin' header is present\non the requested resource."
    )
    assert (read.code, read.url, read.origin) == ("allow-origin-missing", POLL, PAGE)


def test_a_cause_between_two_lines_is_not_taken_into_either() -> None:
    first, second = read_console(
        f"WebSocket connection to 'ws://localhost:3000/socket.io/?EIO=4&transport=websocket' failed:\nGET {POLL} "
        "net::ERR_EMPTY_RESPONSE\n"
    )[:2]
    assert isinstance(second, ConsoleLine)
    assert isinstance(first, ConsoleLine)
    assert (first.code, second.code) == ("websocket-handshake", "connection-lost")


@pytest.mark.parametrize("line", ["frobnicate the quux", "GET the milk", "timeout of the oven", "https://example.com"])
def test_what_is_not_a_known_line_is_not_made_one(line: str) -> None:
    assert read_console(line) == (Unread(text=line),)


def test_an_unknown_line_gets_the_nearest_known_one() -> None:
    (unread,) = read_console("No 'Access-Control-Allow-Origin' headers were present on the resource you requested.")
    assert isinstance(unread, Unread)
    assert unread.nearest is None or "Access-Control-Allow-Origin" in unread.nearest
    (unread,) = read_console("WebSocket conection to 'ws://h' failed: Invalid frame haeder")
    assert isinstance(unread, Unread)
    assert unread.nearest == "WebSocket connection to 'U' failed: Invalid frame header"


@settings(deadline=None)  # other work on the machine is no fault of the text
@given(st.text(max_size=300))
def test_no_text_is_too_much(text: str) -> None:
    for read in read_console(text):
        assert read.text in " ".join(text.split()) or read.text.strip()
