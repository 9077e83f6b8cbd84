"""socket.io-client as a generator, driven by a script: what it asks, and what the application hears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from sio_doctor.browser import client
from sio_doctor.browser.client import V2_SERVER, Attempt
from sio_doctor.browser.session import NOT_ASKED, Ask, Close, Heard, Receive, Send, page_of
from sio_doctor.browser.table import ENGINES
from sio_doctor.model import Frame, NoResponse, Plan, Response
from sio_doctor.plan import make_plan

PAGE, SERVER, SID = "https://shop.example.com", "https://api.example.com", "lv_VI97HAXpY6yYWAAAC"
OPEN = f'0{{"sid":"{SID}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}'
JOINED = '40{"sid":"wZX3oN0bSVIhsaknAAAI"}'


def said(body: str, status: int = 200, allow: str | None = PAGE) -> Response:
    headers = (("Access-Control-Allow-Origin", allow),) if allow else ()
    return Response(status=status, headers=headers, body=body)


def text(data: str) -> Frame:
    return Frame(direction="in", type="text", data=data)


def switched(accept: str) -> Response:
    """A 101; the key of a judged handshake is always RFC 6455's example."""
    headers = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept))
    return Response(status=101, reason="Switching Protocols", headers=headers)


#: Of that example.
GOOD = switched("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


def play(plan: Plan, script: Mapping[str, Sequence[Heard]]) -> tuple[Attempt, list[str]]:
    """The attempt of Chromium's client on ``PAGE``, and what it asked and sent. The script says what comes of each
    purpose, and under ``receive`` the messages.
    """
    steps = client.connect(ENGINES["chromium"], page_of(PAGE), plan)
    asked: list[str] = []
    heard: Heard = None
    queue = {key: list(answers) for key, answers in script.items()}
    try:
        while True:
            step = steps.send(heard)
            if isinstance(step, Ask):
                asked.append(step.purpose if step.request.body is None else f"{step.purpose} {step.request.body}")
                heard = queue[step.purpose].pop(0)
            elif isinstance(step, Send):
                asked.append(f"send {step.text}")
                heard = None
            elif isinstance(step, Receive):
                heard = queue["receive"].pop(0)
            else:
                assert isinstance(step, Close)
                heard = None
    except StopIteration as end:
        attempt: Attempt = end.value
        return attempt, asked


POLLING: dict[str, list[Heard]] = {"handshake": [said(OPEN)], "connect": [said("ok")], "poll": [said(JOINED)]}


def test_client_4_connects_by_polling() -> None:
    attempt, asked = play(make_plan(SERVER, transports=["polling"], auth='{"token":"t"}'), POLLING)
    assert (attempt.connects, attempt.transport, attempt.upgraded) == (True, "polling", None)
    assert asked == ["handshake", 'connect 40{"token":"t"}', "poll"]


def test_client_2_waits_for_the_servers_own_connect() -> None:
    body = OPEN.replace(',"maxPayload":1000000', "")
    framed = f"{len(body)}:{body}2:40"
    attempt, asked = play(
        make_plan(SERVER, version=2, transports=["polling"], with_credentials=False), {"handshake": [said(framed)]}
    )
    assert (attempt.connects, asked) == (True, ["handshake"])


def test_client_2_asks_for_a_namespace() -> None:
    body = OPEN.replace(',"maxPayload":1000000', "")
    plan = make_plan(SERVER, version=2, transports=["polling"], with_credentials=False, namespace="/admin")
    script = {"handshake": [said(f"{len(body)}:{body}2:40")], "connect": [said("ok")], "poll": [said("9:40/admin,")]}
    attempt, asked = play(plan, script)
    assert (attempt.connects, asked) == (True, ["handshake", "connect 9:40/admin,", "poll"])


@pytest.mark.parametrize("version", [3, 4])
def test_a_server_of_version_2_is_told_as_the_client_tells_it(version: int) -> None:
    plan = make_plan(SERVER, version=version, transports=["polling"])
    attempt, _ = play(plan, {**POLLING, "poll": [said("40")]})
    assert (attempt.connects, attempt.error) == (False, V2_SERVER)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"handshake": [said(OPEN, allow=None)]}, "xhr poll error"),
        ({"handshake": [said("{}", status=400)]}, "xhr poll error"),
        ({"handshake": [NoResponse(kind="refused", message="Refused.")]}, "xhr poll error"),
        ({"handshake": [said("<html>")]}, "server error"),
        ({"handshake": [said("6")]}, "timeout"),
        ({"handshake": [said('0{"sid":')]}, "timeout"),
        ({"handshake": [msgspec.structs.replace(said(OPEN), truncated=True)]}, "timeout"),
        ({**POLLING, "connect": [said("", status=502)]}, "xhr post error"),
        ({**POLLING, "poll": [said('44{"message":"not authorised"}')]}, "not authorised"),
        ({**POLLING, "poll": [said("<html>")]}, "server error"),
    ],
    ids=["no CORS", "400", "refused", "page", "noop", "no JSON", "half", "POST", "CONNECT_ERROR", "poll"],
)
def test_what_the_application_hears(script: Mapping[str, Sequence[Heard]], error: str) -> None:
    attempt, _ = play(make_plan(SERVER, transports=["polling"]), script)
    assert (attempt.connects, attempt.error) == (False, error)
    assert attempt.reason


def test_what_was_not_asked_is_not_known() -> None:
    attempt, _ = play(make_plan(SERVER), {"handshake": [NOT_ASKED]})
    assert (attempt.connects, attempt.error) == (None, None)


def test_other_namespaces_and_events_pass_but_not_for_ever() -> None:
    early = [said("2"), said('42["hello"]'), said('40/other,{"sid":"x"}')]
    attempt, asked = play(make_plan(SERVER, transports=["polling"]), {**POLLING, "poll": early})
    assert attempt.connects is False
    assert attempt.reason == "The server never answered CONNECT."
    assert asked.count("poll") == 3


def test_the_upgrade_is_probed() -> None:
    script: dict[str, list[Heard]] = {**POLLING, "upgrade": [GOOD], "receive": [text("3probe")]}
    attempt, asked = play(make_plan(SERVER), script)
    assert (attempt.connects, attempt.transport, attempt.upgraded) == (True, "websocket", True)
    assert asked[-3:] == ["upgrade", "send 2probe", "send 5"]


def test_an_upgrade_that_fails_leaves_the_client_on_polling() -> None:
    attempt, _ = play(make_plan(SERVER), {**POLLING, "upgrade": [said("", status=400)]})
    assert (attempt.connects, attempt.transport, attempt.upgraded) == (True, "polling", False)


def test_websocket_alone() -> None:
    script: dict[str, list[Heard]] = {"websocket": [GOOD], "receive": [text(OPEN), text(JOINED)]}
    attempt, asked = play(make_plan(SERVER, transports=["websocket"]), script)
    assert (attempt.connects, attempt.transport) == (True, "websocket")
    assert asked == ["websocket", "send 40"]


def test_a_wrong_accept_is_no_websocket() -> None:
    attempt, _ = play(make_plan(SERVER, transports=["websocket"]), {"websocket": [switched("AAAA")]})
    assert (attempt.connects, attempt.error) == (False, "websocket error")


def test_a_websocket_that_nobody_answers_is_given_up_with_a_line() -> None:
    silent = NoResponse(kind="timeout", message="No answer came.", phase="head")
    attempt, _ = play(make_plan(SERVER, transports=["websocket", "polling"]), {"websocket": [silent]})
    assert (attempt.connects, attempt.error) == (False, "timeout")
    url = f"wss{SERVER.removeprefix('https')}/socket.io/?EIO=4&transport=websocket"
    reason = "WebSocket is closed before the connection is established."
    assert attempt.console == (f"WebSocket connection to '{url}' failed: {reason}",)


def trying(*transports: str) -> Plan:
    return make_plan(SERVER, transports=transports, try_all_transports=True)


def test_all_transports_are_tried() -> None:
    script: dict[str, list[Heard]] = {"websocket": [said("", status=400)], **POLLING}
    attempt, asked = play(trying("websocket", "polling"), script)
    # The one that failed is dropped: nothing is upgraded to it, though the server offers it.
    assert (attempt.connects, attempt.transport, attempt.upgraded) == (True, "polling", None)
    assert asked == ["websocket", "handshake", "connect 40", "poll"]
    assert "Unexpected response code: 400" in attempt.console[0]


@pytest.mark.parametrize("first", [said(OPEN, allow=None), said("{}", status=400), said("<html>")])
def test_what_polling_answers_is_an_error_after_which_websocket_is_tried(first: Response) -> None:
    script: dict[str, list[Heard]] = {
        "handshake": [first],
        "websocket": [GOOD],
        "receive": [text(OPEN), text(JOINED)],
    }
    attempt, asked = play(trying("polling", "websocket"), script)
    assert (attempt.connects, attempt.transport) == (True, "websocket")
    assert asked == ["handshake", "websocket", "send 40"]


def test_the_last_transports_error_is_heard() -> None:
    script: dict[str, list[Heard]] = {"handshake": [said("", status=502)], "websocket": [said("", status=503)]}
    attempt, _ = play(trying("polling", "websocket"), script)
    assert (attempt.connects, attempt.error) == (False, "websocket error")
    assert [line[:24] for line in attempt.console] == ["Failed to load resource:", "WebSocket connection to "]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"handshake": [NoResponse(kind="timeout", message="No answer came.", phase="head")]}, "timeout"),
        ({**POLLING, "connect": [said("", status=502)]}, "xhr post error"),
    ],
    ids=["silence", "an open session"],
)
def test_not_every_failure_is_the_next_transports_turn(script: Mapping[str, Sequence[Heard]], error: str) -> None:
    attempt, asked = play(trying("polling", "websocket"), script)
    assert (attempt.connects, attempt.error) == (False, error)
    assert "websocket" not in asked


def test_without_the_option_no_other_transport_is_tried() -> None:
    attempt, asked = play(make_plan(SERVER), {"handshake": [said("", status=502)]})
    assert (attempt.connects, asked) == (False, ["handshake"])


SILENT = NoResponse(kind="timeout", message="No answer came.", phase="head")


@pytest.mark.parametrize(
    ("socket", "printed"), [(said("", status=400), "Unexpected response code: 400"), (GOOD, "")], ids=["fails", "opens"]
)
def test_a_poll_that_hangs_keeps_no_upgrade_from_failing(socket: Response, printed: str) -> None:
    messages: list[Heard] = [text(OPEN), SILENT]
    script: dict[str, list[Heard]] = {**POLLING, "poll": [SILENT], "websocket": [socket], "receive": messages}
    attempt, asked = play(make_plan(SERVER), script)
    assert (attempt.connects, attempt.error) == (False, None)
    # Not with the session, which may have ended with the poll that was given up.
    assert asked[:4] == ["handshake", "connect 40", "poll", "websocket"]
    lines = [line for line in attempt.console if printed and printed in line and f"&sid={SID}'" in line]
    assert len(attempt.console) == len(lines) == bool(printed)
