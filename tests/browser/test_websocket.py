"""A page's WebSocket in each engine."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.fetch import Page
from sio_doctor.browser.table import CHROMIUM, ENGINES, FIREFOX, UNCHECKED, WEBKIT, Engine
from sio_doctor.browser.websocket import judge_frame, open_websocket
from sio_doctor.model import Answer, Frame, HeaderList, NoResponse, Request, Response, Verdict
from sio_doctor.standards.websocket import KEY, accept

APP = "https://app.example.com"
PAGE = Page(url=f"{APP}/page", origin=APP)
URL = "wss://api.example.com/socket.io/?EIO=4&transport=websocket"
GOOD: HeaderList = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept(KEY)))
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def play(engine: Engine, answer: Answer, url: str = URL, **options: Any) -> tuple[Verdict, list[Request]]:
    """The verdict, and what was asked: once, or not at all."""
    opening = open_websocket(engine, PAGE, url, **options)
    asked: list[Request] = []
    try:
        asked.append(next(opening))
        opening.send(answer)
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict, asked
    raise AssertionError("a WebSocket asks once")


def switching(*more: tuple[str, str], status: int = 101, good: HeaderList = GOOD) -> Response:
    """The good answer, and more."""
    return Response(status=status, headers=(*good, *more))


@every_engine
def test_a_good_handshake_opens_whatever_its_cors_headers(engine: Engine) -> None:
    jar = Jar(engine, APP)
    verdict, asked = play(
        engine,
        switching(("Access-Control-Allow-Origin", "https://x.example"), ("Set-Cookie", "a=b; Secure")),
        cookies=jar,
    )
    assert (verdict.allowed, verdict.console) == (True, ())
    assert asked[0].url == URL
    assert asked[0].headers == (("Sec-WebSocket-Key", KEY), ("Origin", APP))
    # A WebSocket always has credentials: what its 101 set goes with the next.
    _, asked = play(engine, switching(), cookies=jar)
    assert asked[0].headers == (("Sec-WebSocket-Key", KEY), ("Origin", APP), ("Cookie", "a=b"))


@pytest.mark.parametrize(("engine", "sent"), [(CHROMIUM, False), (FIREFOX, True), (WEBKIT, False)])
def test_a_websocket_of_another_site_gets_what_the_engine_sends_there(engine: Engine, sent: bool) -> None:
    jar = Jar(engine, "https://other.test")
    play(engine, switching(("Set-Cookie", "a=b; Secure")), cookies=jar)
    _, asked = play(engine, switching(), cookies=jar)
    assert (("Cookie", "a=b") in asked[0].headers) is sent


@every_engine
def test_another_key_needs_another_answer(engine: Engine) -> None:
    verdict, asked = play(engine, switching(), key="AAAAAAAAAAAAAAAAAAAAAA==")
    assert ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==") in asked[0].headers
    assert (verdict.code, verdict.header) == ("websocket-handshake", "Sec-WebSocket-Accept")


@every_engine
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 502])
def test_no_other_status_than_101_opens_it(engine: Engine, status: int) -> None:
    verdict, _ = play(engine, switching(("Location", "/x"), status=status))
    assert (verdict.allowed, verdict.needed, verdict.found) == (False, "101", str(status))
    assert len(verdict.console) == 1


def test_each_browser_has_its_own_words() -> None:
    told = {name: play(engine, Response(status=403))[0].console[0] for name, engine in ENGINES.items()}
    assert told == {
        "chromium": (
            f"WebSocket connection to '{URL}' failed: Error during WebSocket handshake: Unexpected response code: 403"
        ),
        "firefox": f"Firefox can’t establish a connection to the server at {URL}.",
        "webkit": f"WebSocket connection to '{URL}' failed: The server did not accept the WebSocket handshake.",
    }


@pytest.mark.parametrize(
    ("more", "accepting"),
    [
        (("Upgrade", "websocket"), ["firefox"]),
        (("Sec-WebSocket-Protocol", "chat"), ["firefox"]),
        (("Sec-WebSocket-Accept", accept(KEY)), ["webkit"]),
        (("Sec-WebSocket-Extensions", "x-other"), []),
        (("Sec-WebSocket-Extensions", "permessage-deflate"), ["chromium", "firefox", "webkit"]),
    ],
)
def test_where_browsers_are_of_different_minds(more: tuple[str, str], accepting: list[str]) -> None:
    verdicts = {name: play(engine, switching(more))[0] for name, engine in ENGINES.items()}
    assert [name for name, verdict in verdicts.items() if verdict.allowed] == accepting


def test_of_several_faults_each_browser_tells_the_one_it_meets_first() -> None:
    answer = switching(good=GOOD[:1])
    assert "'Sec-WebSocket-Accept' header is missing" in play(CHROMIUM, answer)[0].console[0]
    assert "Server ignored WebSocket handshake" in play(WEBKIT, answer)[0].console[0]


def test_mixed_content_is_not_asked_for() -> None:
    for engine, local in ((CHROMIUM, True), (FIREFOX, True), (WEBKIT, False)):
        verdict, asked = play(engine, switching(), url="ws://api.example.com/")
        assert (verdict.allowed, verdict.code, asked) == (False, "mixed-content", [])
        assert play(engine, switching(), url="ws://localhost:3000/")[0].allowed is local


@every_engine
def test_a_bad_port_is_not_asked(engine: Engine) -> None:
    verdict, asked = play(engine, switching(), url="wss://api.example.com:6000/")
    assert (verdict.code, asked, len(verdict.console)) == ("bad-port", [], 1)


@every_engine
def test_an_http_url_is_a_websockets(engine: Engine) -> None:
    assert play(engine, switching(), url="https://u:p@API.example.com:443/x")[1][0].url == "wss://api.example.com/x"


def test_a_url_of_another_scheme_is_none() -> None:
    with pytest.raises(ValueError, match="WebSocket"):
        play(CHROMIUM, switching(), url="ftp://api.example.com/")


@every_engine
def test_no_answer(engine: Engine) -> None:
    verdict, _ = play(engine, NoResponse(kind="refused", message="Nothing listens there."))
    assert (verdict.allowed, verdict.found, len(verdict.console)) == (False, "refused", 1)
    verdict, _ = play(engine, NoResponse(kind="timeout", message="Nothing came."))
    assert (verdict.allowed, verdict.console) == (False, ())
    verdict, _ = play(engine, NoResponse(kind="not-asked", message="It was not asked."))
    assert (verdict.allowed, verdict.code) == (None, "not-asked")


def test_frames_that_are_none_and_frames_that_are_masked() -> None:
    text = Frame(direction="in", type="text", data="0{}")
    masked = Frame(direction="in", type="text", data="0{}", masked=True)
    raw = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request")
    reading = {
        name: [judge_frame(engine, URL, frame).allowed for frame in (text, masked, raw)]
        for name, engine in ENGINES.items()
    }
    assert reading == {
        "chromium": [True, False, False],
        "firefox": [True, True, False],
        "webkit": [True, False, False],
    }
    assert judge_frame(CHROMIUM, URL, raw).console == (f"WebSocket connection to '{URL}' failed: Invalid frame header",)


def test_who_checks_nothing_still_needs_a_good_handshake() -> None:
    assert play(UNCHECKED, switching(), url="ws://api.example.com:6000/")[0].allowed is True
    assert play(UNCHECKED, Response(status=403))[0].allowed is False


# Measured on 2026-11-24 in Chromium 156 and Firefox 153 (tests/truth/later).


@pytest.mark.parametrize(
    ("upgrade", "connection", "firefox"),
    [
        ("h2c, websocket", "Upgrade", True),
        ("websocket,", "Upgrade", True),
        ("websocket;x", "Upgrade", False),
        ("websocket", "Upgrade keep-alive", True),
        ("websocket", "Upgrades", False),
    ],
)
def test_firefox_looks_for_words_in_upgrade_and_connection(upgrade: str, connection: str, firefox: bool) -> None:
    good: HeaderList = (("Upgrade", upgrade), ("Connection", connection), GOOD[2])
    for engine, opens in ((FIREFOX, firefox), (CHROMIUM, False)):
        assert play(engine, switching(good=good))[0].allowed is opens


@pytest.mark.parametrize(
    ("extensions", "text"),
    [
        ("foo bar", "'Sec-WebSocket-Extensions' header value is rejected by the parser: foo bar"),
        (
            "permessage-deflate;",
            "'Sec-WebSocket-Extensions' header value is rejected by the parser: permessage-deflate;",
        ),
        ("foo; a=b", "Found an unsupported extension 'foo' in 'Sec-WebSocket-Extensions' header"),
        ("permessage-deflate, permessage-deflate", "Received duplicate permessage-deflate response"),
        (
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "Error in permessage-deflate: Received duplicate permessage-deflate extension parameter "
            "server_no_context_takeover",
        ),
        (
            "permessage-deflate; foo=bar",
            "Error in permessage-deflate: Received an unexpected permessage-deflate extension parameter",
        ),
        (
            "permessage-deflate; client_max_window_bits=7",
            "Error in permessage-deflate: Received invalid client_max_window_bits parameter",
        ),
        (
            "permessage-deflate; client_max_window_bits",
            "Error in permessage-deflate: client_max_window_bits must have value",
        ),
    ],
)
def test_chromium_tells_what_is_wrong_with_an_extension(extensions: str, text: str) -> None:
    verdict, _ = play(CHROMIUM, switching(("Sec-WebSocket-Extensions", extensions)))
    assert verdict.console == (f"WebSocket connection to '{URL}' failed: Error during WebSocket handshake: {text}",)


@every_engine
@pytest.mark.parametrize("parameters", ["; foo", "; client_max_window_bits=16", "; server_no_context_takeover=1"])
def test_no_engine_takes_a_wrong_parameter(engine: Engine, parameters: str) -> None:
    assert play(engine, switching(("Sec-WebSocket-Extensions", "permessage-deflate" + parameters)))[0].allowed is False
    good = "permessage-deflate; client_max_window_bits=15; server_no_context_takeover"
    assert play(engine, switching(("Sec-WebSocket-Extensions", good)))[0].allowed is True


def test_firefox_reads_the_extensions_whole() -> None:
    for extensions, opens in (("permessage-deflate;", True), ("permessage-deflate,", False), (";", False), ("", True)):
        assert play(FIREFOX, switching(("Sec-WebSocket-Extensions", extensions)))[0].allowed is opens


def test_chromium_names_the_first_protocol_and_nothing_that_is_no_utf_8() -> None:
    for chosen, named in (("chat, superchat", "not present in request: chat"), ("\xe9", "failed: ")):
        verdict, _ = play(CHROMIUM, switching(("Sec-WebSocket-Protocol", chosen)))
        assert verdict.console[0].endswith(named)


@every_engine
def test_a_fragment_is_refused_by_the_constructor(engine: Engine) -> None:
    with pytest.raises(ValueError, match="fragment"):
        play(engine, switching(), URL + "#f")


@every_engine
def test_a_relative_url_is_a_websocket_of_the_pages_server(engine: Engine) -> None:
    verdict, asked = play(engine, switching(), "/socket.io/")
    assert (verdict.allowed, asked[0].url) == (True, "wss://app.example.com/socket.io/")


@pytest.mark.parametrize(
    ("port", "words"), [("", "Invalid status line"), (":3000", "net::ERR_INVALID_HTTP_RESPONSE")], ids=["443", "3000"]
)
def test_what_is_no_http_may_be_http_0_9_on_the_default_port_alone(port: str, words: str) -> None:
    ssh = NoResponse(kind="not-http", message="No HTTP.", detail="SSH-2.0-OpenSSH")
    url = f"wss://api.example.com{port}/"
    printed = f"WebSocket connection to '{url}' failed: Error during WebSocket handshake: {words}"
    assert play(CHROMIUM, ssh, url)[0].console == (printed,)


def test_a_server_that_asks_as_a_proxy() -> None:
    (line,) = play(CHROMIUM, switching(status=407))[0].console
    assert line.endswith("failed: Error in connection establishment: net::ERR_UNEXPECTED_PROXY_AUTH")
