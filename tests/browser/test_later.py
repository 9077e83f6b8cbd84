"""What living Chromium 156 and Firefox 153 were seen to do on 2026-11-24, beyond the corpus (tests/truth/later)."""

from __future__ import annotations

import pytest

from sio_doctor.browser.table import CHROMIUM, ENGINES, FIREFOX, WEBKIT, Engine
from sio_doctor.model import HeaderList, NoResponse, Request, Response
from tests.browser.test_fetch import API, APP, answer, every_engine, in_turn, play, preflighting, redirecting

CDN = "https://cdn.example.com/"
FAILED = "Failed to load resource: net::"
BLOCKED = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
DID_NOT_SUCCEED = f"{BLOCKED}{API}. (Reason: CORS request did not succeed). Status code: (null)."
SCHEMES = (
    "Cross origin requests are only supported for protocol schemes: chrome, chrome-experimental-site-token-provider, "
    "chrome-extension, chrome-untrusted, data, http, https, isolated-app."
)


def lines_of(engine: Engine, response: Response | NoResponse, method: str = "GET", url: str = API) -> list[str]:
    body = "40" if method == "PUT" else None
    answers = preflighting(answer(204, Allow_Origin="*", Access_Control_Allow_Methods="*"), response)
    return list(play(engine, answers, method, url=url, body=body)[0].verdict.console)


def headers_of(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers}


# --- the HTTP stack --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value", "firefox"), [("X-Y", "a\0b", False), ("X\0Y", "b", True)])
def test_a_nul_in_a_header_spoils_the_answer(name: str, value: str, firefox: bool) -> None:
    spoilt = Response(status=200, headers=(("Access-Control-Allow-Origin", "*"), (name, value)))
    assert lines_of(CHROMIUM, spoilt) == [FAILED + "ERR_INVALID_HTTP_RESPONSE"]
    assert play(FIREFOX, spoilt)[0].verdict.allowed is firefox
    assert lines_of(FIREFOX, spoilt) == ([] if firefox else [DID_NOT_SUCCEED])


@pytest.mark.parametrize("status", [200, 302])
def test_two_places_to_go_to_spoil_the_answer(status: int) -> None:
    headers: HeaderList = (("Access-Control-Allow-Origin", "*"), ("Location", "/a"))
    several = Response(status=status, headers=(*headers, ("location", "/b")))
    assert lines_of(CHROMIUM, several) == [FAILED + "ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION"]
    assert lines_of(FIREFOX, several) == [DID_NOT_SUCCEED]
    twice = Response(status=302, headers=(*headers, ("location", "/a")))
    for engine in (CHROMIUM, FIREFOX):
        _, asked = play(engine, in_turn([twice, answer(Allow_Origin="*")]))
        assert asked[-1].url == "https://api.example.com/a"


def test_407_is_a_proxys_to_say() -> None:
    assert lines_of(CHROMIUM, answer(407, Allow_Origin="*")) == [FAILED + "ERR_UNEXPECTED_PROXY_AUTH"]
    assert play(FIREFOX, answer(407, Allow_Origin="*"))[0].verdict.allowed is True


def test_421_is_asked_once_more() -> None:
    for engine in (CHROMIUM, FIREFOX, WEBKIT):
        fetched, asked = play(engine, answer(421, Allow_Origin="*"))
        assert (fetched.verdict.allowed, [request.method for request in asked]) == (True, ["GET", "GET"])


def test_what_is_no_http_is_no_answer_to_a_put() -> None:
    garbage = NoResponse(kind="not-http", message="It was no HTTP.")
    assert lines_of(CHROMIUM, garbage, "PUT") == [FAILED + "ERR_METHOD_NOT_SUPPORTED"]
    assert lines_of(FIREFOX, garbage, "PUT") == [DID_NOT_SUCCEED]
    assert play(FIREFOX, garbage, "PUT", url=f"{APP}/x", body="40")[0].verdict.allowed is False
    assert play(FIREFOX, garbage, "POST", url=f"{APP}/x", body="40")[0].verdict.allowed is True


def test_a_put_that_is_hung_up_on_has_an_answer_in_firefox() -> None:
    closed = NoResponse(kind="closed", message="It was closed.")
    several = f"{BLOCKED}{API}. (Reason: Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed)."
    assert lines_of(FIREFOX, closed, "PUT") == [several]
    assert play(FIREFOX, closed, "PUT", url=f"{APP}/x", body="40")[0].verdict.allowed is True
    assert play(CHROMIUM, closed, "PUT", url=f"{APP}/x", body="40")[0].verdict.allowed is False


def test_empty_lines_do_not_count_in_firefox() -> None:
    empty = Response(status=200, headers=(("access-control-allow-origin", APP), ("Access-Control-Allow-Origin", "")))
    twice = Response(status=200, headers=(("Access-Control-Allow-Origin", APP), ("Access-Control-Allow-Origin", "")))
    assert [play(engine, empty)[0].verdict.allowed for engine in ENGINES.values()] == [False, True, False]
    assert [play(engine, twice)[0].verdict.allowed for engine in ENGINES.values()] == [False, False, False]


# --- preflights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [("Accept", "a\x91b"), ("Content-Type", "text/plain;a=é")])
def test_firefox_safelists_ascii_alone(name: str, value: str) -> None:
    for engine, preflighted in ((CHROMIUM, False), (FIREFOX, True)):
        _, asked = play(engine, answer(Allow_Origin="*"), headers=((name, value),))
        assert (asked[0].method == "OPTIONS") is preflighted


@every_engine
@pytest.mark.parametrize(("max_age", "preflights"), [(None, 1), ("600", 1), ("x", 1), ("0", 21), ("-1", 21)])
def test_a_redirect_back_to_the_url_needs_no_other_preflight(
    engine: Engine, max_age: str | None, preflights: int
) -> None:
    age = {} if max_age is None else {"Access_Control_Max_Age": max_age}
    answers = preflighting(
        answer(204, Allow_Origin="*", Allow_Headers="x-a", **age), answer(302, Allow_Origin="*", Location=API)
    )
    fetched, asked = play(engine, answers, headers=(("X-A", "1"),))
    assert fetched.verdict.code == "redirect-limit"
    assert sum(request.method == "OPTIONS" for request in asked) == preflights


@pytest.mark.parametrize(("status", "allowed"), [(204, True), (404, False)])
def test_firefox_has_no_cors_check_for_a_preflight_to_the_pages_own_server(status: int, allowed: bool) -> None:
    def server(request: Request) -> Response:
        if request.method != "OPTIONS":
            return answer(Allow_Origin="null") if request.url.startswith(APP) else moved
        here = answer(status, Allow_Headers="x-a")
        return here if request.url.startswith(APP) else answer(204, Allow_Origin=APP, Allow_Headers="x-a")

    moved = answer(302, Allow_Origin=APP, Location=f"{APP}/moved")
    assert play(FIREFOX, server, headers=(("X-A", "1"),))[0].verdict.allowed is allowed
    verdict = play(CHROMIUM, server, headers=(("X-A", "1"),))[0].verdict
    assert (verdict.code, verdict.stage) == ("allow-origin-missing", "preflight")


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", ["/socket.io/", "https://app.example.com/socket.io/"])
def test_firefox_remembers_the_authors_headers_when_the_request_becomes_cross_origin(start: str) -> None:
    first = f"{APP}/socket.io/"
    answers = redirecting(CDN, at=first)
    for engine, methods in ((FIREFOX, ["GET", "OPTIONS", "GET"]), (CHROMIUM, ["GET", "GET"])):
        _, asked = play(engine, answers, url=start, headers=(("Authorization", "x"),))
        assert [request.method for request in asked] == methods
        assert "access-control-request-headers" not in headers_of(asked[1])


def test_firefox_sets_content_type_anew_after_the_redirect_that_dropped_it() -> None:
    steps = [answer(303, Location="/b"), answer(307, Location="/c"), answer()]
    for engine, types in ((FIREFOX, ["text/plain", None, "text/plain"]), (CHROMIUM, ["text/plain", None, None])):
        given = (("Content-Type", "text/plain"),)
        _, asked = play(engine, in_turn(steps), "DELETE", url=f"{APP}/a", headers=given, body="40")
        assert [headers_of(request).get("content-type") for request in asked] == types
        _, asked = play(engine, in_turn(steps), "DELETE", url=f"{APP}/a", body="40")
        assert headers_of(asked[2]).get("content-type") is None


@pytest.mark.parametrize(
    ("location", "asked_for"),
    [
        ("/m\xe9?q=\xc3\xa9", "https://api.example.com/m%E9?q=%C3%A9"),
        ("https://b\xc3\xbccher.example/", "https://xn--bcher-kva.example/"),
        ("https://b\xfccher.example/", None),
    ],
)
def test_bytes_of_a_location_stay_what_they_are(location: str, asked_for: str | None) -> None:
    for engine in (CHROMIUM, FIREFOX):
        _, asked = play(engine, redirecting(location))
        assert [request.url for request in asked[1:]] == ([asked_for] if asked_for else [])


def test_a_refused_redirect_to_another_scheme_is_told() -> None:
    def told(engine: Engine, location: str, allow_origin: str = "*") -> list[str]:
        return list(play(engine, redirecting(location, Allow_Origin=allow_origin))[0].verdict.console)

    where = f"Access to XMLHttpRequest at 'mailto:a@b' (redirected from '{API}') from origin '{APP}'"
    by_policy = f"{where} has been blocked by CORS policy: {SCHEMES}"
    assert told(CHROMIUM, "mailto:a@b") == [by_policy, FAILED + "ERR_FAILED"]
    for location in ("data:,x", "blob:x", "chrome://version/", "file:///x"):
        assert told(CHROMIUM, location) == [FAILED + "ERR_UNSAFE_REDIRECT"]
    assert told(CHROMIUM, "view-source:https://x.example/") == [
        "Not allowed to load local resource: view-source:https://x.example/"
    ]
    assert told(FIREFOX, "mailto:a@b") == [f"{BLOCKED}mailto:a@b. (Reason: CORS request not http).", DID_NOT_SUCCEED]
    # What no page may load is refused before the CORS check.
    assert told(FIREFOX, "javascript:x", "https://other.example") == [DID_NOT_SUCCEED]


def test_a_user_in_a_redirect_from_the_pages_own_server_is_told_in_firefox() -> None:
    first = f"{APP}/socket.io/"
    fetched, _ = play(FIREFOX, redirecting("https://u:p@cdn.example.com/", at=first), url=first)
    assert fetched.verdict.console == (DID_NOT_SUCCEED.replace(API, first),)


# --- what the console calls the URL ----------------------------------------------------------------------------------


def test_messages_name_the_fragment_but_for_mixed_content() -> None:
    for engine in (CHROMIUM, FIREFOX):
        assert f"{API}#f" in lines_of(engine, answer(), url=f"{API}#f")[0]
    plain = "http://api.example.com/x"
    assert f"'{plain}'" in lines_of(CHROMIUM, answer(), url=f"{plain}#f")[0]
    assert f"“{plain}#f”" in lines_of(FIREFOX, answer(), url=f"{plain}#f")[0]


# --- URLs ------------------------------------------------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize(
    "url", ["/x", "x", "https:x", "https:/x", "//app.example.com/x", "https:\\\\app.example.com\\x"]
)
def test_a_url_is_relative_to_the_page(engine: Engine, url: str) -> None:
    fetched, asked = play(engine, answer(), url=url)
    assert fetched.verdict.allowed is True
    assert [request.url for request in asked] == [f"{APP}/x"]


@every_engine
def test_data_is_read_without_asking_anybody(engine: Engine) -> None:
    fetched, asked = play(engine, answer(), "POST", url="data:,x", headers=(("X-A", "1"),), body="40")
    assert (fetched.verdict.allowed, asked) == (True, [])


@every_engine
@pytest.mark.parametrize("url", ["foo:x", "mailto:a@b", "wss://api.example.com/", "file:///x", "javascript:x"])
def test_no_other_scheme_is_asked(engine: Engine, url: str) -> None:
    fetched, asked = play(engine, answer(Allow_Origin="*"), url=url)
    assert (fetched.verdict.code, fetched.verdict.stage, asked) == ("redirect-scheme", "url", [])
    assert "which is no http(s) URL" in (fetched.verdict.reason or "")


def test_another_scheme_is_told_in_each_browsers_words() -> None:
    def told(engine: Engine, url: str) -> list[str]:
        return list(play(engine, answer(), url=url)[0].verdict.console)

    by_policy = f"Access to XMLHttpRequest at 'foo:x' from origin '{APP}' has been blocked by CORS policy: {SCHEMES}"
    assert told(CHROMIUM, "foo:x") == [by_policy, FAILED + "ERR_FAILED"]
    assert told(CHROMIUM, "file:///x") == ["Not allowed to load local resource: file:///x"]
    assert told(CHROMIUM, f"blob:{APP}/x") == [FAILED + "ERR_FILE_NOT_FOUND"]
    assert told(FIREFOX, "foo:x") == [f"{BLOCKED}foo:x. (Reason: CORS request not http)."]
    assert told(FIREFOX, "file:///x") == [f"Security Error: Content at {APP}/page may not load or link to file:///x."]
    assert told(FIREFOX, "wss://api.example.com/") == []
    unsupported = "Cross origin requests are only supported for HTTP."
    assert told(WEBKIT, "foo:x") == [unsupported, "XMLHttpRequest cannot load foo:x due to access control checks."]
    assert told(WEBKIT, f"blob:{APP}/x") == []
