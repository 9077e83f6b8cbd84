"""How what a browser did is set beside what was predicted; and that an interrupted page waits for nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from websockets.sync.server import ServerConnection

from sio_doctor import make_plan
from sio_doctor.confirm import ask
from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.find import BrowserError, Found
from sio_doctor.confirm.firefox import Firefox
from sio_doctor.confirm.page import Line
from sio_doctor.model import Connection, Verdict
from tests.confirm.test_channel import browser, channel, reply

URL = "http://localhost:3000/socket.io/?EIO=4&transport=polling&t="
PAGE = "http://localhost:5173"
FOUND = Found("Chromium", "/usr/bin/chromium")
PLAN = make_plan("http://localhost:3000", origins=[PAGE])
GOOD = Verdict(allowed=True, code="ok")
UNKNOWN = Verdict(allowed=None, code="not-asked")
ATTEMPT = {"connects": True, "transport": "websocket", "error": None, "polling": True, "websocket": True}
CONNECTS = Connection(
    origin=PAGE, browser="chromium", connects=True, transport="websocket", polling=GOOD, websocket=GOOD
)


def blocked(url: str) -> str:
    reason = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    return f"Access to XMLHttpRequest at '{url}' from origin '{PAGE}' has been blocked by CORS policy: {reason}"


class Scripted:
    """A browser and its page at once, which answers attempts from a list."""

    version = "Chromium 156.0"

    def __init__(self, *attempts: tuple[dict[str, Any] | Exception, list[str]]) -> None:
        self.attempts = list(attempts)
        self.printed: list[str] = []

    @contextmanager
    def page(self, url: str, served: object = None) -> Iterator[Scripted]:
        yield self

    def evaluate(self, expression: str) -> Any:
        result, self.printed = self.attempts.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def lines(self, *, quiet: float = 0.0) -> list[Line]:
        return [Line(text, "") for text in self.printed]


@pytest.fixture
def confirm(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[tuple[Connection, ...], tuple[str, ...]]]:
    """Asks a scripted browser about those outcomes."""

    def confirmed(scripted: Scripted, *outcomes: Connection) -> tuple[tuple[Connection, ...], tuple[str, ...]]:
        @contextmanager
        def running(*given: object) -> Iterator[Scripted]:
            yield scripted

        monkeypatch.setattr(ask, "_running", running)
        return ask.confirm(PLAN, outcomes, outcomes[0].browser, FOUND, lambda text: None)  # type: ignore[arg-type]

    return confirmed


Ask = Callable[..., tuple[tuple[Connection, ...], tuple[str, ...]]]


def test_what_is_not_known_predicts_no_lines(confirm: Ask) -> None:
    outcome = replace(CONNECTS, websocket=UNKNOWN)
    [asked], _ = confirm(Scripted((ATTEMPT, []), ({**ATTEMPT, "websocket": False}, ["WebSocket … failed: "])), outcome)
    assert asked.confirmed is not None
    assert (asked.confirmed.agrees, asked.confirmed.differences) == (True, ())


def test_a_line_that_was_not_predicted_is_a_difference_in_its_own_words(confirm: Ask) -> None:
    [asked], _ = confirm(Scripted((ATTEMPT, ["a", "b"]), (ATTEMPT, [])), CONNECTS)
    assert asked.confirmed is not None
    assert asked.confirmed.differences == ("its console got “a”, “b”, where nothing was predicted",)


def test_what_differs_from_run_to_run_is_no_difference(confirm: Ask) -> None:
    def led(number: int) -> str:
        return blocked(f"http://localhost:3000/login?state={number}' (redirected from '{URL}{number}")

    refused = replace(CONNECTS, connects=False, transport=None, error="xhr poll error", console=(led(1),))
    failed = {**ATTEMPT, "connects": False, "transport": None, "error": "xhr poll error"}
    [asked], _ = confirm(Scripted((failed, [led(2)]), (ATTEMPT, [])), refused)
    assert asked.confirmed is not None
    assert (asked.confirmed.agrees, asked.confirmed.console) == (True, (led(2),))


def test_what_firefox_says_by_chance_is_no_difference(confirm: Ask) -> None:
    line = "Firefox can’t establish a connection to the server at ws://localhost:3000/socket.io/?EIO=4."
    failed = {**ATTEMPT, "websocket": None}, {**ATTEMPT, "websocket": False}
    for family, code, differ in (
        ("firefox", "websocket-frame", False),
        ("firefox", "websocket-handshake", True),
        ("chromium", "websocket-frame", True),
    ):
        verdict = msgspec.convert({"allowed": False, "code": code}, Verdict)
        outcome = msgspec.convert({**msgspec.to_builtins(CONNECTS), "browser": family}, Connection)
        scripted = Scripted((failed[0], []), (failed[1], [line]))
        [asked], _ = confirm(scripted, replace(outcome, websocket=verdict))
        assert asked.confirmed is not None
        assert bool(asked.confirmed.differences) is differ


def test_sids_are_struck_out_of_its_lines(confirm: Ask) -> None:
    line = f"Firefox can’t establish a connection to the server at {URL}&sid=abcdefgh."
    [asked], _ = confirm(Scripted((ATTEMPT, [line]), (ATTEMPT, [])), CONNECTS)
    assert asked.confirmed is not None
    assert asked.confirmed.console == (line.replace("abcdefgh", "<sid>"),)
    assert "abcdefgh" not in "".join(asked.confirmed.differences)


@pytest.mark.parametrize("error", [BrowserError("It has gone."), ValueError("It has gone."), OSError("It has gone.")])
def test_a_browser_that_fails_is_a_note_and_what_it_did_before_stays(confirm: Ask, error: Exception) -> None:
    asked, notes = confirm(Scripted((ATTEMPT, []), (ATTEMPT, []), (error, [])), CONNECTS, CONNECTS)
    assert [outcome.confirmed is not None for outcome in asked] == [True, False]
    assert notes[0] == "Chromium could not be asked about everything: It has gone."
    assert notes[1].startswith("Chromium 156.0 was asked as if the server had a public address")
    asked, notes = confirm(Scripted((error, [])), CONNECTS)
    assert asked == (CONNECTS,)
    assert notes == ("Chromium could not be asked: It has gone.",)


ANSWERS: dict[str, dict[str, Any]] = {
    "Browser.getVersion": {"product": "Chrome/156.0"},
    "Target.createBrowserContext": {"browserContextId": "c"},
    "Target.createTarget": {"targetId": "t"},
    "Target.attachToTarget": {"sessionId": "s"},
    "session.new": {"capabilities": {"browserVersion": "153.0"}},
    "browser.createUserContext": {"userContext": "u"},
    "browsingContext.create": {"context": "t"},
}


def opens(connection: ServerConnection, command: dict[str, Any]) -> None:
    """A browser that opens any page, and hangs as soon as that is to go."""
    if command["method"] in ("Target.disposeBrowserContext", "browser.removeUserContext"):
        return
    if command["method"] == "Page.navigate":
        connection.send('{"method": "Page.loadEventFired", "params": {}, "sessionId": "s"}')
    reply(connection, command, result=ANSWERS.get(command["method"], {}))


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
def test_ctrl_c_does_not_wait_for_a_browser_that_hangs(kind: str) -> None:
    with browser(opens) as url, channel(url, 60) as opened:
        asked = Chromium(opened, "Chromium") if kind == "chromium" else Firefox(opened, "Firefox", insecure=False)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt), asked.page(PAGE):
            raise KeyboardInterrupt
        assert time.monotonic() - start < 20


def test_a_page_that_cannot_be_opened_is_one_sentence() -> None:
    def fails(connection: ServerConnection, command: dict[str, Any]) -> None:
        result = ANSWERS.get(command["method"], {})
        reply(
            connection, command, result={"errorText": "net::ERR_X"} if command["method"] == "Page.navigate" else result
        )

    with (
        browser(fails) as url,
        channel(url) as opened,
        pytest.raises(BrowserError, match=r"cannot open http://localhost:5173: net::ERR_X\.$"),
        Chromium(opened, "Chromium").page(PAGE),
    ):
        pass
