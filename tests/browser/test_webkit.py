"""What WebKit alone does, measured after the corpus (tests/truth/later-webkit.jsonl.gz)."""

from __future__ import annotations

import pytest

from sio_doctor.browser.console import websocket_no_url
from sio_doctor.browser.table import FIREFOX, WEBKIT
from sio_doctor.model import HeaderList, Request, Response
from sio_doctor.standards.websocket import KEY, accept
from tests.browser import test_websocket as websocket
from tests.browser.test_fetch import API, APP, Server, answer, play, preflighting, redirecting

CDN = "https://cdn.example.com/x"
OWN = f"{APP}/x"


def header(request: Request, name: str) -> str | None:
    return {key.lower(): value for key, value in request.headers}.get(name)


def hops(*moves: tuple[int, str], **headers: str) -> Server:
    """``(status, to)``: the n-th request that is no preflight is redirected by the n-th."""
    script = iter([answer(status, Location=to, **(headers or {"Allow_Origin": "*"})) for status, to in moves])
    last = answer(Allow_Origin="*")
    permission = answer(Allow_Origin="*", Allow_Headers="*", Access_Control_Allow_Methods="*")
    return lambda request: permission if request.method == "OPTIONS" else next(script, last)


# --- redirects that begin at the page's own server --------------------------------------------------------------------


def test_a_foreign_redirect_after_ones_own_is_checked_as_if_with_credentials() -> None:
    server = hops((302, API), (302, f"{API}&again"))
    fetched, asked = play(WEBKIT, server, url=OWN)
    assert [request.url for request in asked] == [OWN, API]
    assert fetched.verdict.console == (
        f"Cross-origin redirection to {API}&again denied by Cross-Origin Resource Sharing policy: "
        "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.",
        f"XMLHttpRequest cannot load {API} due to access control checks.",
    )
    fetched, asked = play(FIREFOX, hops((302, API), (302, f"{API}&again")), url=OWN)
    assert (fetched.verdict.allowed, len(asked)) == (True, 3)


def test_it_is_checked_after_the_preflight_for_the_next_url() -> None:
    _, asked = play(WEBKIT, hops((302, API), (302, CDN)), url=OWN, headers=(("X-A", "1"),))
    assert [(request.method, request.url) for request in asked] == [
        ("GET", OWN),
        ("OPTIONS", API),
        ("GET", API),
        ("OPTIONS", CDN),
    ]


def test_one_that_allows_the_origin_and_credentials_passes_that_check() -> None:
    exact = {"Allow_Origin": APP, "Access_Control_Allow_Credentials": "true"}
    fetched, asked = play(WEBKIT, hops((302, API), (302, f"{API}&again"), **exact), url=OWN)
    assert (fetched.verdict.allowed, len(asked)) == (True, 3)


@pytest.mark.parametrize("first", [API, f"{API}&x"])
def test_a_chain_that_begins_abroad_is_not_checked_so(first: str) -> None:
    fetched, _ = play(WEBKIT, hops((302, API), (302, f"{API}&again")), url=first)
    assert fetched.verdict.allowed


def test_a_get_that_was_a_post_keeps_its_origin() -> None:
    for engine, origin in ((WEBKIT, APP), (FIREFOX, None)):
        _, asked = play(engine, hops((303, OWN)), "POST", url=OWN, body="40")
        assert (asked[1].method, header(asked[1], "origin")) == ("GET", origin)


@pytest.mark.parametrize(("status", "back"), [(301, False), (303, False), (307, True), (308, True)])
def test_among_ones_own_urls_a_content_type_is_back_after_some_redirects(status: int, back: bool) -> None:
    _, asked = play(WEBKIT, hops((303, OWN), (status, OWN)), "POST", url=OWN, body="40")
    assert [request.method for request in asked] == ["POST", "GET", "GET"]
    assert header(asked[1], "content-type") is None
    assert (header(asked[2], "content-type") is not None) is back


@pytest.mark.parametrize("status", [301, 303, 308])
def test_abroad_it_is_back_after_any_but_authorization_is_not(status: int) -> None:
    headers = (("Authorization", "Bearer x"), ("Content-Type", "text/plain"))
    _, asked = play(WEBKIT, hops((303, CDN), (status, CDN)), "POST", headers=headers, body="40")
    real = [request for request in asked if request.method != "OPTIONS"]
    assert [header(request, "content-type") for request in real] == ["text/plain", None, "text/plain"]
    assert [header(request, "authorization") for request in real] == ["Bearer x", None, None]


@pytest.mark.parametrize(
    ("to", "lines"),
    [
        ("https://", []),
        ("foo:bar", ["[blocked] The page at", "XMLHttpRequest cannot load https://app"]),
        ("file:///etc", ["Not allowed to load local resource: file:///etc", "XMLHttpRequest cannot load https://app"]),
        ("data:,x", ["Cross-origin redirection to data:,x denied", "XMLHttpRequest cannot load https://app"]),
        (f"blob:{APP}/x", ["Redirection to URL with a scheme that", "XMLHttpRequest cannot load blob:https://app"]),
    ],
)
def test_a_redirect_of_ones_own_to_another_scheme_is_told_in_other_words(to: str, lines: list[str]) -> None:
    fetched, _ = play(WEBKIT, hops((302, to)), url=OWN)
    assert not fetched.verdict.allowed
    assert [line[: len(start)] for line, start in zip(fetched.verdict.console, lines, strict=True)] == lines


# --- bytes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "path"), [("/\xe9", "/%C3%AF%C2%BF%C2%BD"), ("/\xc3\xa9", "/%C3%83%C2%A9"), ("/e", "/e")]
)
def test_what_is_not_ascii_in_a_location_is_encoded_twice(location: str, path: str) -> None:
    _, asked = play(WEBKIT, redirecting(location))
    assert asked[1].url == f"https://api.example.com{path}"


def test_a_list_that_cannot_be_read_is_printed_so_too() -> None:
    preflight = answer(204, Allow_Origin="*", Allow_Headers="x-\xe9")
    fetched, _ = play(WEBKIT, preflighting(preflight, answer(Allow_Origin="*")), headers=(("X-A", "1"),))
    assert fetched.verdict.console[0] == "Header Access-Control-Allow-Headers has an invalid value: x-ï¿½"


def test_a_nul_in_the_head_makes_it_no_http() -> None:
    preflight = answer(204, Allow_Origin="*", X_A="\0")
    fetched, _ = play(WEBKIT, preflighting(preflight, answer(Allow_Origin="*")), "PUT", body="40")
    assert fetched.verdict.console[0] == "Could not parse HTTP response"


def test_escapes_are_normalized_on_the_wire_and_not_in_the_console() -> None:
    fetched, asked = play(WEBKIT, answer(), url=f"{API}&a=%7e%2f%c3")
    assert asked[0].url == f"{API}&a=~%2F%C3"
    assert f"{API}&a=%7e%2f%c3 due" in fetched.verdict.console[1]
    assert play(FIREFOX, answer(), url=f"{API}&a=%7e")[1][0].url == f"{API}&a=%7e"


def test_the_console_keeps_the_fragment() -> None:
    fetched, asked = play(WEBKIT, answer(), url=f"{API}#f")
    assert asked[0].url == API
    assert fetched.verdict.console[1] == f"XMLHttpRequest cannot load {API}#f due to access control checks."


@pytest.mark.parametrize(
    ("value", "safelisted"),
    [
        ("BYTES=0-", True),
        ("bytes=+1-+2", True),
        ("bytes=18446744073709551615-", True),
        ("bytes=18446744073709551616-", False),
        ("bytes=2-1", False),
        ("bytes=-1", False),
        ("bytes=0--1", False),
    ],
)
def test_ranges_are_read_leniently(value: str, safelisted: bool) -> None:
    _, asked = play(WEBKIT, answer(Allow_Origin="*"), headers=(("Range", value),))
    assert (asked[0].method == "GET") is safelisted


# --- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "followed"), [(310, True), (399, True), (300, False), (305, False)])
def test_most_statuses_from_300_on_redirect(status: int, followed: bool) -> None:
    assert len(play(WEBKIT, redirecting(CDN, status))[1]) == 1 + followed
    assert len(play(FIREFOX, redirecting(CDN, status))[1]) == 1


def test_a_redirect_to_ftp_is_refused_before_cors() -> None:
    fetched, _ = play(WEBKIT, answer(302, Location="ftp://x.example/"))
    assert fetched.verdict.console[0] == "FTP URLs are disabled"


def test_what_was_refused_before_an_exception_is_told() -> None:
    fetched, _ = play(WEBKIT, answer(), headers=(("Cookie", "a"), ("x b", "1")))
    assert fetched.verdict.code == "bad-header"
    assert fetched.verdict.console == ('Refused to set unsafe header "Cookie"',)


# --- WebSocket --------------------------------------------------------------------------------------------------------


def open_with(*more: tuple[str, str], good: HeaderList = websocket.GOOD) -> tuple[bool | None, str]:
    verdict, _ = websocket.play(WEBKIT, Response(status=101, headers=(*good, *more)))
    return verdict.allowed, "".join(verdict.console).partition("failed: ")[2]


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ("", ""),
        ("; client_max_window_bits", ""),
        (", , permessage-deflate; ; =3", ""),
        ("; server_max_window_bits=08; client_no_context_takeover", ""),
        ("; foo", "Invalid parameter 'foo' in permessage-deflate extension header"),
        (
            "; server_max_window_bits",
            "Invalid value of parameter 'server_max_window_bits' in permessage-deflate extension header",
        ),
        (
            "; client_max_window_bits=16",
            "Invalid value of parameter 'client_max_window_bits' in permessage-deflate extension header",
        ),
        (
            "; server_no_context_takeover=1",
            "Invalid value of parameter 'server_no_context_takeover' in permessage-deflate extension header",
        ),
        (
            "; client_no_context_takeover; client_no_context_takeover",
            "Server returned a duplicated parameter in “permessage-deflate” WebSocket extension header",
        ),
    ],
)
def test_the_parameters_of_permessage_deflate_are_checked(parameters: str, why: str) -> None:
    assert open_with(("Sec-WebSocket-Extensions", f"permessage-deflate{parameters}")) == (not why, why)


def test_of_several_accept_lines_the_last_counts() -> None:
    wrong, right = ("Sec-WebSocket-Accept", "x"), ("Sec-WebSocket-Accept", accept(KEY))
    others = websocket.GOOD[:2]
    assert open_with(wrong, right, good=others)[0] is True
    assert open_with(right, wrong, good=others) == (False, "Server returned incorrect “Sec-WebSocket-Accept” key")


def test_a_fragment_makes_the_constructor_throw() -> None:
    with pytest.raises(ValueError, match="it has a fragment"):
        websocket.play(WEBKIT, websocket.switching(), f"{websocket.URL}#x")
    for url in (f"{websocket.URL}#x", f"{websocket.URL.replace('wss', 'https')}#x"):
        line = f"URL has fragment component {websocket.URL}#x"
        assert websocket_no_url(WEBKIT, f"{APP}/page", url) == [line]
    assert websocket_no_url(FIREFOX, f"{APP}/page", f"{websocket.URL}#x") == []


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("foo:x", "Wrong url scheme for WebSocket foo:x"),
        ("https://[/x", "Invalid url for WebSocket https://[/x"),
    ],
)
def test_what_is_no_url_of_a_websocket_is_told(url: str, line: str) -> None:
    assert websocket_no_url(WEBKIT, f"{APP}/page", url) == [line]


def test_a_port_is_refused_before_mixed_content() -> None:
    verdict, _ = websocket.play(WEBKIT, websocket.switching(), "ws://api.example.com:6000/")
    assert (verdict.code, verdict.console) == ("bad-port", ("WebSocket port 6000 blocked",))
    assert websocket.play(FIREFOX, websocket.switching(), "ws://api.example.com:6000/")[0].code == "mixed-content"
