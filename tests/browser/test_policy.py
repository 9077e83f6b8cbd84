"""A page's Content-Security-Policy in each engine: what it asks, what it refuses, and what its console gets.

The lines were measured on 2026-11-24 in Chromium 156, Firefox 153 and WebKitGTK 2.50.
"""

from __future__ import annotations

import pytest

from sio_doctor.browser.fetch import Page
from sio_doctor.browser.table import CHROMIUM, ENGINES, FIREFOX, UNCHECKED, WEBKIT, Engine
from sio_doctor.browser.websocket import open_websocket
from sio_doctor.model import Verdict
from sio_doctor.standards.csp import parse_policies
from tests.browser.test_fetch import answer, play, redirecting

APP, API, OTHER = "http://app.example.com", "http://api.example.com/x", "http://other.example.com/y"
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def page(policy: str, url: str = f"{APP}/") -> Page:
    return Page(url=url, origin=APP, policies=parse_policies(policy))


def opened(engine: Engine, on: Page, url: str) -> Verdict | str:
    """The URL that a WebSocket is opened by, or why it is not."""
    try:
        return next(open_websocket(engine, on, url)).url
    except StopIteration as end:
        verdict: Verdict = end.value
        return verdict


@engines
def test_nothing_is_asked(engine: Engine) -> None:
    on = page("connect-src 'self', default-src https:")
    fetched, asked = play(engine, answer(Allow_Origin="*"), url=API, page=on)
    verdict = opened(engine, on, "ws://api.example.com/x")
    assert asked == []
    assert isinstance(verdict, Verdict)
    for one in (fetched.verdict, verdict):
        assert (one.allowed, one.code, one.stage) == (False, "csp", "url")
        assert one.step == "CSP3, connect-src pre-request check"
        assert one.found == "connect-src 'self', default-src https:"
        assert len(one.console) == 2
    assert (fetched.verdict.needed, verdict.needed) == ("http://api.example.com", "ws://api.example.com")


def test_the_client_that_checks_nothing_asks() -> None:
    _, asked = play(UNCHECKED, answer(), url=API, page=page("connect-src 'none'"))
    assert [request.url for request in asked] == [API]


@pytest.mark.parametrize(
    ("engine", "lines"),
    [
        (CHROMIUM, (
            f"Connecting to '{OTHER}' violates the following Content Security Policy directive: \"default-src 'Self' "
            "API.example.com\". Note that 'connect-src' was not explicitly set, so 'default-src' is used as a "
            "fallback. The action has been blocked.",
        )),
        (FIREFOX, (
            f"Content-Security-Policy: The page’s settings blocked the loading of a resource (connect-src) at {OTHER} "
            "because it violates the following directive: “default-src 'self' api.example.com”",
        )),
        (WEBKIT, (
            f"Refused to connect to {OTHER} because it appears in neither the connect-src directive nor the "
            "default-src directive of the Content Security Policy.",
            "Blocked by Content Security Policy.",
            f"XMLHttpRequest cannot load {OTHER} due to access control checks.",
        )),
    ],
    ids=ENGINES,
)  # fmt: skip
def test_what_a_redirect_leads_to_must_be_listed_too(engine: Engine, lines: tuple[str, ...]) -> None:
    on = page("default-src 'Self' API.example.com")
    fetched, asked = play(engine, redirecting(OTHER, at=API, Allow_Origin="*"), url=API, page=on)
    assert [request.url for request in asked] == [API]
    assert (fetched.verdict.code, fetched.verdict.stage, fetched.verdict.console) == ("csp", "redirect", lines)


@engines
def test_the_policy_comes_before_mixed_content_and_ports(engine: Engine) -> None:
    on = page("connect-src 'self'", "https://app.example.com/")
    for url in (API, "http://api.example.com:6000/"):
        assert play(engine, answer(), url=url, page=on)[0].verdict.code == "csp"
    refused = opened(engine, on, "ws://api.example.com/")
    assert isinstance(refused, Verdict)
    assert refused.code == "csp"


@engines
def test_upgrade_insecure_requests(engine: Engine) -> None:
    on = page("upgrade-insecure-requests; connect-src https: wss:", "https://app.example.com/")
    fetched, asked = play(engine, answer(Allow_Origin="*"), url="http://api.example.com:8080/x", page=on)
    assert fetched.verdict.allowed
    assert [request.url for request in asked] == ["https://api.example.com:8080/x"]
    assert opened(engine, on, "ws://api.example.com/x") == "wss://api.example.com/x"
    _, asked = play(engine, redirecting(OTHER, at="https://api.example.com/x", Allow_Origin="*"), url=API, page=on)
    assert asked[-1].url == OTHER.replace("http:", "https:")


@pytest.mark.parametrize(
    ("engine", "url", "request_to", "socket_to"),
    [
        (CHROMIUM, f"{APP}/", "http", "ws"),
        (FIREFOX, f"{APP}/", "http", "wss"),
        (FIREFOX, "http://localhost:5173/", "http", "ws"),
        (WEBKIT, f"{APP}/", "https", "wss"),
    ],
)
def test_upgrades_to_loopback_differ(engine: Engine, url: str, request_to: str, socket_to: str) -> None:
    on = page("upgrade-insecure-requests", url)
    _, asked = play(engine, answer(Allow_Origin="*"), url="http://localhost:3000/x", page=on)
    assert [request.url for request in asked] == [f"{request_to}://localhost:3000/x"]
    assert opened(engine, on, "ws://localhost:3000/x") == f"{socket_to}://localhost:3000/x"
