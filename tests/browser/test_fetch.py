"""A page's XMLHttpRequest in each engine: what it sends, what it is told, what its console prints."""

from __future__ import annotations

from collections.abc import Callable, Generator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.fetch import Fetched, Page, XMLHttpRequest, xml_http_request
from sio_doctor.browser.table import CHROMIUM, ENGINES, FIREFOX, UNCHECKED, WEBKIT, Engine
from sio_doctor.model import Answer, HeaderList, NoResponse, NoResponseKind, Request, Response
from sio_doctor.standards.url import parse

APP, API = "https://app.example.com", "https://api.example.com/socket.io/?EIO=4&transport=polling"
PAGE = Page(url=f"{APP}/page", origin=APP)
SANDBOX = Page(url=f"{APP}/page", origin="null")
Server = Callable[[Request], Answer]
every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def answer(status: int = 200, reason: str = "OK", **headers: str) -> Response:
    """An answer; ``Allow_Origin="*"`` is short for the CORS header, other names are written with ``_``."""
    full = {"Allow_Origin": "Access-Control-Allow-Origin", "Allow_Headers": "Access-Control-Allow-Headers"}
    named = tuple((full.get(name, name.replace("_", "-")), value) for name, value in headers.items())
    return Response(status=status, reason=reason, headers=named)


def play(
    engine: Engine,
    server: Server | Answer,
    method: str = "GET",
    url: str = API,
    page: Page = PAGE,
    *,
    headers: HeaderList = (),
    body: str | None = None,
    with_credentials: bool = False,
    cookies: Jar | None = None,
) -> tuple[Fetched, list[Request]]:
    """What came of the call, and what was asked."""
    call = XMLHttpRequest(
        method=method, url=url, headers=headers, body=body, with_credentials=with_credentials, cookies=cookies
    )
    steps: Generator[Request, Answer, Fetched] = xml_http_request(engine, page, call)
    asked: list[Request] = []
    try:
        request = next(steps)
        while len(asked) < 60:
            asked.append(request)
            request = steps.send(server(request) if callable(server) else server)
    except StopIteration as stop:
        fetched: Fetched = stop.value
        return fetched, asked
    raise AssertionError("it asks for ever")


def jar(engine: Engine) -> Jar:
    """A jar with a cookie for both hosts."""
    kept = Jar(engine, APP)
    domain = (("Set-Cookie", "a=b; Domain=example.com; Path=/"),)
    kept.store(parse(API), Response(status=200, headers=domain))
    return kept


def preflighting(preflight: Answer, real: Answer) -> Server:
    """A server with one answer to OPTIONS and one to the rest."""
    return lambda request: preflight if request.method == "OPTIONS" else real


def redirecting(to: str, status: int = 302, at: str = API, **headers: str) -> Server:
    """A server that redirects from one URL, and lets everybody read the rest."""
    moved = answer(status, Location=to, **(headers or {"Allow_Origin": "*"}))
    return lambda request: (
        moved if request.url == at and request.method != "OPTIONS" else answer(Allow_Origin="*", Allow_Headers="*")
    )


def in_turn(answers: list[Response]) -> Server:
    """A server that gives one answer after the other, and the last for ever."""
    script = iter(answers)
    return lambda request: next(script, answers[-1])


# --- what needs no permission ----------------------------------------------------------------------------------------


@every_engine
def test_a_page_reads_its_own_server_without_cors(engine: Engine) -> None:
    fetched, asked = play(engine, answer(), url=f"{APP}/socket.io/", headers=(("X-A", "1"),))
    assert fetched.verdict.allowed is True
    assert fetched.response is not None
    assert [request.method for request in asked] == ["GET"]
    assert asked[0].origin is None


@every_engine
def test_a_post_to_its_own_server_names_the_origin(engine: Engine) -> None:
    _, asked = play(engine, answer(), "POST", url=f"{APP}/socket.io/", body="40")
    assert asked[0].origin == APP


@every_engine
def test_simple_polling_is_not_preflighted(engine: Engine) -> None:
    headers = (("Content-type", "text/plain;charset=UTF-8"), ("Accept", "*/*"))
    fetched, asked = play(engine, answer(Allow_Origin="*"), "POST", headers=headers, body="40")
    assert fetched.verdict.allowed is True
    assert [(request.method, request.url, request.origin, request.body) for request in asked] == [
        ("POST", API, APP, "40")
    ]


# --- the CORS check --------------------------------------------------------------------------------------------------


def test_the_missing_header_is_told_in_each_browsers_words() -> None:
    page = f"Access to XMLHttpRequest at '{API}' from origin '{APP}' has been blocked by CORS policy: "
    told = {
        "chromium": (
            page + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
            "Failed to load resource: net::ERR_FAILED",
        ),
        "firefox": (
            "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
            f"{API}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 502.",
        ),
        "webkit": (
            f"Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: 502",
            f"XMLHttpRequest cannot load {API} due to access control checks.",
        ),
    }
    for name, engine in ENGINES.items():
        fetched, _ = play(engine, answer(502))
        assert fetched.verdict.console == told[name]
        assert fetched.response is None


@every_engine
def test_the_verdict_says_what_was_needed_and_what_was_found(engine: Engine) -> None:
    verdict = play(engine, answer(Allow_Origin=APP + "/"))[0].verdict
    assert (verdict.allowed, verdict.code, verdict.stage) == (False, "allow-origin-mismatch", "response")
    assert verdict.step == "Fetch, CORS check, step 4"
    assert verdict.header == "Access-Control-Allow-Origin"
    assert (verdict.needed, verdict.found) == (APP, APP + "/")
    assert verdict.reason is not None
    assert APP in verdict.reason


@every_engine
def test_a_wildcard_does_not_do_for_credentials(engine: Engine) -> None:
    assert play(engine, answer(Allow_Origin="*"))[0].verdict.allowed is True
    verdict = play(engine, answer(Allow_Origin="*"), with_credentials=True)[0].verdict
    assert (verdict.allowed, verdict.code) == (False, "allow-origin-wildcard")


@every_engine
def test_credentials_have_to_be_allowed(engine: Engine) -> None:
    verdict = play(engine, answer(Allow_Origin=APP), with_credentials=True)[0].verdict
    assert (verdict.code, verdict.needed, verdict.found) == ("allow-credentials", "true", None)
    good = answer(Allow_Origin=APP, Access_Control_Allow_Credentials="true")
    assert play(engine, good, with_credentials=True)[0].verdict.allowed is True


@every_engine
def test_an_opaque_origin_is_null(engine: Engine) -> None:
    fetched, asked = play(engine, answer(Allow_Origin="null"), url=f"{APP}/socket.io/", page=SANDBOX)
    assert asked[0].origin == "null"
    assert fetched.verdict.allowed is True
    assert play(engine, answer(Allow_Origin=APP), page=SANDBOX)[0].verdict.allowed is False


def test_a_readable_error_is_read_and_chromium_says_so() -> None:
    fetched, _ = play(CHROMIUM, answer(400, "Bad Request", Allow_Origin="*"))
    assert fetched.verdict.allowed is True
    assert fetched.verdict.console == (
        "Failed to load resource: the server responded with a status of 400 (Bad Request)",
    )
    assert play(FIREFOX, answer(400, Allow_Origin="*"))[0].verdict.console == ()


def test_firefox_counts_header_lines_by_their_spelling() -> None:
    twice = (("Access-Control-Allow-Origin", APP),) * 2
    lower = tuple((name.lower(), value) for name, value in twice)
    assert "Multiple CORS header" in play(FIREFOX, Response(status=200, headers=twice))[0].verdict.console[0]
    assert f"does not match ‘{APP}, {APP}’" in play(FIREFOX, Response(status=200, headers=lower))[0].verdict.console[0]


def test_chromium_escapes_what_cannot_be_printed() -> None:
    verdict = play(CHROMIUM, answer(Allow_Origin=f"{APP}\x1b[2J"))[0].verdict
    assert "\\u001B[2J" in verdict.console[0]


# --- preflights ------------------------------------------------------------------------------------------------------


@every_engine
def test_an_unsafe_header_is_asked_for_first(engine: Engine) -> None:
    headers = (("X-B", "1"), ("Authorization", "Bearer x"), ("Accept", "*/*"))
    server = preflighting(answer(204, Allow_Origin=APP, Allow_Headers="X-B, authorization"), answer(Allow_Origin=APP))
    fetched, asked = play(engine, server, headers=headers, cookies=jar(engine))
    assert fetched.verdict.allowed is True
    assert [request.method for request in asked] == ["OPTIONS", "GET"]
    preflight, real = (dict(request.headers) for request in asked)
    assert preflight == {
        "Accept": "*/*",
        "Origin": APP,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization,x-b",
    }
    assert real["Authorization"] == "Bearer x"


@every_engine
def test_a_method_alone_is_asked_for_without_headers(engine: Engine) -> None:
    _, asked = play(engine, answer(404), "PUT", body="x")
    assert len(asked) == 1
    assert ("Access-Control-Request-Method", "PUT") in asked[0].headers
    assert not any(name == "Access-Control-Request-Headers" for name, _ in asked[0].headers)


def test_each_browser_tells_what_it_checks_first() -> None:
    bare = {name: play(engine, answer(404), headers=(("X-A", "1"),))[0] for name, engine in ENGINES.items()}
    assert {name: fetched.verdict.code for name, fetched in bare.items()} == {
        "chromium": "allow-origin-missing",
        "firefox": "allow-origin-missing",
        "webkit": "preflight-status",
    }
    for fetched in bare.values():
        assert (fetched.verdict.allowed, fetched.verdict.stage) == (False, "preflight")


@every_engine
@pytest.mark.parametrize(
    ("preflight", "code"),
    [
        (answer(405, Allow_Origin="*", Allow_Headers="x-a"), "preflight-status"),
        (answer(301, Allow_Origin="*", Location="/x"), "preflight-redirect"),
        (answer(Allow_Origin="*"), "header-not-allowed"),
        (answer(Allow_Origin="*", Allow_Headers="x-a; x-b"), "allow-headers-invalid"),
        (
            answer(Allow_Origin="*", Allow_Headers="x-a", Access_Control_Allow_Methods="GET POST"),
            "allow-methods-invalid",
        ),
        (answer(Allow_Headers="*"), "allow-origin-missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_preflight_that_fails_stops_the_request(engine: Engine, preflight: Response, code: str) -> None:
    fetched, asked = play(engine, preflighting(preflight, answer(Allow_Origin="*")), headers=(("X-A", "1"),))
    assert (fetched.verdict.allowed, fetched.verdict.code, fetched.verdict.stage) == (False, code, "preflight")
    assert [request.method for request in asked] == ["OPTIONS"]
    assert fetched.verdict.console


@every_engine
def test_a_wildcard_of_headers_does_not_do_for_credentials(engine: Engine) -> None:
    allowing = answer(Allow_Origin=APP, Allow_Headers="*", Access_Control_Allow_Credentials="true")
    verdict = play(engine, allowing, headers=(("X-A", "1"),), with_credentials=True)[0].verdict
    assert (verdict.code, verdict.needed, verdict.found) == ("header-not-allowed", "x-a", "*")
    assert play(engine, allowing, headers=(("X-A", "1"),))[0].verdict.allowed is True


def test_authorization_under_a_wildcard_is_allowed_and_firefox_warns() -> None:
    told = {
        name: play(engine, answer(Allow_Origin="*", Allow_Headers="*"), headers=(("Authorization", "x"),))[0].verdict
        for name, engine in ENGINES.items()
    }
    assert all(verdict.allowed for verdict in told.values())
    assert told["firefox"].console[0].startswith("Cross-Origin Request Warning")
    assert told["chromium"].console == told["webkit"].console == ()


def test_a_client_hint_needs_no_preflight_in_chromium_alone() -> None:
    for value, names in (("2.0", ["firefox", "webkit"]), ("x", ["chromium", "firefox", "webkit"])):
        asked = {name: play(engine, answer(), headers=(("DPR", value),))[1] for name, engine in ENGINES.items()}
        assert [name for name, requests in asked.items() if requests[0].method == "OPTIONS"] == names


NAMES = ["Access-Control-Allow-Origin", "access-control-allow-origin", "Access-Control-Allow-Credentials", "Location"]
NAMES += ["Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Content-Type"]
VALUES = st.sampled_from(["*", APP, "null", "true", "", "x-a", "https://cdn.example.com/", "/moved"])
RESPONSES = st.builds(
    Response,
    status=st.sampled_from([200, 204, 301, 302, 303, 307, 308, 400, 502]) | st.integers(200, 599),
    headers=st.lists(
        st.tuples(st.sampled_from(NAMES), VALUES | st.text(st.characters(max_codepoint=255), max_size=20)), max_size=6
    ).map(tuple),
)


@settings(deadline=None)
@given(st.lists(RESPONSES, min_size=1, max_size=4), st.booleans(), st.booleans())
def test_whatever_a_server_answers_there_is_a_verdict_with_a_reason(
    answers: list[Response], unsafe: bool, with_credentials: bool
) -> None:
    headers = (("X-A", "1"),) if unsafe else ()
    for engine in (*ENGINES.values(), UNCHECKED):
        verdict = play(engine, in_turn(answers), headers=headers, with_credentials=with_credentials)[0].verdict
        assert verdict.allowed is (verdict.code == "ok")
        assert (verdict.reason is None) == (verdict.step is None) == verdict.allowed


# --- what the script may set -----------------------------------------------------------------------------------------


@every_engine
def test_forbidden_headers_are_dropped(engine: Engine) -> None:
    headers = (("Cookie", "a=b"), ("Origin", "https://evil.example"), ("Sec-X", "1"))
    fetched, asked = play(engine, answer(Allow_Origin=APP), headers=headers)
    assert fetched.verdict.allowed is True
    assert [name for name, _ in asked[0].headers] == ["Accept", "Origin"]
    assert asked[0].origin == APP
    printed = tuple(f'Refused to set unsafe header "{name}"' for name, _ in headers)
    assert fetched.verdict.console == (() if engine is FIREFOX else printed)


@every_engine
@pytest.mark.parametrize(("name", "value"), [("bad header", "1"), ("X-A", "a\nb"), ("X-A", "€"), ("", "1")])
def test_a_header_that_cannot_be_set_throws(engine: Engine, name: str, value: str) -> None:
    fetched, asked = play(engine, answer(), headers=((name, value),))
    assert (fetched.verdict.allowed, fetched.verdict.code, asked) == (False, "bad-header", [])


@every_engine
def test_a_method_that_cannot_be_used_throws(engine: Engine) -> None:
    for method in ("TRACE", "connect", "GE T"):
        fetched, asked = play(engine, answer(), method)
        assert (fetched.verdict.allowed, fetched.verdict.console, asked) == (False, (), [])


@every_engine
def test_cookies_go_with_credentials_alone(engine: Engine) -> None:
    server = answer(Allow_Origin=APP, Allow_Headers="x-a", Access_Control_Allow_Credentials="true")
    for with_credentials in (False, True):
        _, asked = play(engine, server, headers=(("X-A", "1"),), with_credentials=with_credentials, cookies=jar(engine))
        sent = [("Cookie", "a=b") in request.headers for request in asked]
        assert sent == [False, with_credentials]
    _, asked = play(engine, answer(), url=f"{APP}/x", cookies=jar(engine))
    assert ("Cookie", "a=b") in asked[0].headers


# --- redirects -------------------------------------------------------------------------------------------------------


@every_engine
def test_a_redirect_is_followed_and_taints_the_origin(engine: Engine) -> None:
    fetched, asked = play(engine, redirecting("https://cdn.example.com/"))
    assert fetched.verdict.allowed is True
    assert [(request.url, request.origin) for request in asked] == [(API, APP), ("https://cdn.example.com/", "null")]


@every_engine
def test_a_redirect_must_be_readable_itself(engine: Engine) -> None:
    fetched, asked = play(engine, redirecting("https://cdn.example.com/", Allow_Origin="https://x.example"))
    assert (fetched.verdict.code, fetched.verdict.stage, len(asked)) == ("allow-origin-mismatch", "redirect", 1)


@every_engine
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_post_keeps_its_method_after_307_and_308(engine: Engine, status: int) -> None:
    _, asked = play(engine, redirecting("/moved", status), "POST", body="40")
    kept = status in (307, 308)
    assert (asked[1].method, asked[1].body) == (("POST", "40") if kept else ("GET", None))
    assert any(name == "Content-Type" for name, _ in asked[1].headers) is kept


@every_engine
def test_authorization_does_not_follow_to_another_origin(engine: Engine) -> None:
    headers = (("Authorization", "Bearer x"),)
    _, asked = play(engine, redirecting("https://cdn.example.com/"), headers=headers)
    assert ("Authorization", "Bearer x") not in asked[-1].headers
    _, asked = play(engine, redirecting("/moved"), headers=headers)
    assert ("Authorization", "Bearer x") in asked[-1].headers


@every_engine
def test_twenty_redirects_are_followed(engine: Engine) -> None:
    fetched, asked = play(engine, answer(302, Allow_Origin="*", Location=API))
    assert (fetched.verdict.code, len(asked)) == ("redirect-limit", 21)


@every_engine
@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://u:p@cdn.example.com/", "redirect-userinfo"),
        ("ftp://cdn.example.com/", "redirect-scheme"),
        ("data:text/plain,x", "redirect-scheme"),
        ("http://[::1", "redirect-scheme"),
        ("http://cdn.example.com/", "mixed-content"),
    ],
)
def test_where_no_redirect_may_lead(engine: Engine, location: str, code: str) -> None:
    fetched, asked = play(engine, redirecting(location))
    assert (fetched.verdict.allowed, fetched.verdict.code, fetched.verdict.stage) == (False, code, "redirect")
    assert len(asked) == 1
    assert fetched.verdict.console


@every_engine
def test_a_redirect_status_without_location_is_an_answer(engine: Engine) -> None:
    fetched, _ = play(engine, answer(302, Allow_Origin="*"))
    assert fetched.verdict.allowed is True
    assert fetched.response is not None
    assert fetched.response.status == 302


# --- before the network, and where it fails --------------------------------------------------------------------------


def test_mixed_content_is_not_asked_for() -> None:
    for engine, local in ((CHROMIUM, True), (FIREFOX, True), (WEBKIT, False)):
        fetched, asked = play(engine, answer(Allow_Origin="*"), url="http://api.example.com/")
        assert (fetched.verdict.code, fetched.verdict.stage, asked) == ("mixed-content", "url", [])
        assert play(engine, answer(Allow_Origin="*"), url="http://localhost:3000/")[0].verdict.allowed is local


def test_bad_ports_are_not_asked() -> None:
    for engine in ENGINES.values():
        assert play(engine, answer(), url="https://api.example.com:6000/")[0].verdict.code == "bad-port"
    assert play(CHROMIUM, answer(Allow_Origin="*"), url="https://api.example.com:4190/")[0].verdict.allowed is True
    assert play(WEBKIT, answer(Allow_Origin="*"), url="https://api.example.com:4190/")[0].verdict.allowed is False


@pytest.mark.parametrize(
    ("kind", "detail", "error"),
    [
        ("dns", "", "ERR_NAME_NOT_RESOLVED"),
        ("refused", "", "ERR_CONNECTION_REFUSED"),
        ("unreachable", "", "ERR_ADDRESS_UNREACHABLE"),
        ("reset", "", "ERR_CONNECTION_RESET"),
        ("closed", "", "ERR_EMPTY_RESPONSE"),
        ("tls", "self-signed", "ERR_CERT_AUTHORITY_INVALID"),
        ("tls", "expired", "ERR_CERT_DATE_INVALID"),
        ("tls", "hostname", "ERR_CERT_COMMON_NAME_INVALID"),
        ("tls", "plain-http", "ERR_SSL_PROTOCOL_ERROR"),
    ],
)
def test_no_answer_is_a_network_error(kind: NoResponseKind, detail: str, error: str) -> None:
    failure = NoResponse(kind=kind, message="It failed.", detail=detail)
    verdict = play(CHROMIUM, failure)[0].verdict
    assert verdict.console == (f"Failed to load resource: net::{error}",)
    assert (verdict.allowed, verdict.code, verdict.found, verdict.reason) == (
        False,
        "network-error",
        kind,
        "It failed.",
    )
    assert (
        play(FIREFOX, failure)[0]
        .verdict.console[0]
        .endswith("(Reason: CORS request did not succeed). Status code: (null).")
    )
    assert play(FIREFOX, failure, url=f"{APP}/socket.io/")[0].verdict.console == ()


@every_engine
def test_a_timeout_prints_nothing_and_what_was_not_asked_is_unknown(engine: Engine) -> None:
    verdict = play(engine, NoResponse(kind="timeout", message="Nothing came."))[0].verdict
    assert (verdict.allowed, verdict.code, verdict.console) == (False, "network-error", ())
    for headers in ((), (("X-A", "1"),)):
        verdict = play(engine, NoResponse(kind="not-asked", message="It was not asked."), headers=headers)[0].verdict
        assert (verdict.allowed, verdict.code, verdict.console) == (None, "not-asked", ())


def test_what_is_no_http_is_a_page_without_headers_to_some() -> None:
    garbage = NoResponse(kind="not-http", message="No HTTP.", detail="SSH-2.0-OpenSSH")
    other_port = "https://api.example.com:8080/"
    codes = [
        (play(engine, garbage, url=url)[0].verdict.code) for engine in ENGINES.values() for url in (API, other_port)
    ]
    assert codes == [
        *("allow-origin-missing", "network-error"),
        *("allow-origin-missing", "allow-origin-missing"),
        *("network-error", "network-error"),
    ]


# --- the client that checks nothing ----------------------------------------------------------------------------------


def test_who_checks_nothing_asks_as_a_browser_and_reads_everything() -> None:
    server = preflighting(answer(405), answer(502))
    fetched, asked = play(UNCHECKED, server, headers=(("X-A", "1"),))
    assert [request.method for request in asked] == ["OPTIONS", "GET"]
    assert fetched.verdict.allowed is True
    assert fetched.response == answer(502)
    _, browsers = play(CHROMIUM, answer(Allow_Origin="*", Allow_Headers="*"), headers=(("X-A", "1"),))
    assert asked == browsers


def test_who_checks_nothing_follows_redirects_that_a_browser_would_not() -> None:
    fetched, asked = play(UNCHECKED, redirecting("http://cdn.example.com:6000/", X="y"))
    assert [request.url for request in asked] == [API, "http://cdn.example.com:6000/"]
    assert fetched.verdict.allowed is True
    fetched, asked = play(UNCHECKED, redirecting("ftp://x/"))
    assert fetched.response is not None
    assert fetched.response.status == 302


def test_who_checks_nothing_needs_an_answer_all_the_same() -> None:
    refused = NoResponse(kind="refused", message="Nothing listens there.")
    fetched, _ = play(UNCHECKED, refused)
    assert (fetched.verdict.allowed, fetched.verdict.found, fetched.response) == (False, "refused", None)
    assert play(UNCHECKED, answer(302, Location=API))[0].response is not None
