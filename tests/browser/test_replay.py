"""What was asked is remembered by what it asked; what was not is never made up."""

from __future__ import annotations

import pytest

from sio_doctor.browser.replay import Memory, OtherCookiesError, Script, alike, server_of, unreachable
from sio_doctor.browser.session import Receive, Send
from sio_doctor.model import Exchange, Frame, NoResponse, NoResponseKind, Phase, Request, Response

URL = "https://api.example.com/socket.io/?EIO=4&transport=polling&t=abc"
REQUEST = Request(method="GET", url=URL, headers=(("Origin", "https://shop.example.com"),))


def changed(**fields: object) -> Request:
    return Request(**{"method": "GET", "url": URL, "headers": REQUEST.headers, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        changed(url=URL.replace("t=abc", "t=xyz")),
        changed(headers=(("User-Agent", "x"), ("Accept", "*/*"), *REQUEST.headers)),
        changed(headers=(("origin", "https://shop.example.com"),)),
    ],
    ids=["stamp", "defaults", "case"],
)
def test_what_servers_do_not_care_about_is_alike(other: Request) -> None:
    assert alike(other) == alike(REQUEST)


@pytest.mark.parametrize(
    "other",
    [
        changed(method="POST"),
        changed(url=URL + "&sid=x"),
        changed(url=URL.replace("EIO=4", "EIO=3")),
        changed(headers=(("Origin", "https://other.example.com"),)),
        changed(headers=(*REQUEST.headers, ("X-A", "b"))),
        changed(headers=(*REQUEST.headers, ("Access-Control-Request-Method", "GET"))),
        changed(body="40"),
        changed(credentials=True),
        changed(headers=(*REQUEST.headers, ("Cookie", "a=b"))),
    ],
    ids=["method", "sid", "protocol", "origin", "header", "preflight", "body", "credentials", "cookies"],
)
def test_what_makes_a_difference_is_not_alike(other: Request) -> None:
    assert alike(other) != alike(REQUEST)


def exchange(number: int, request: Request = REQUEST, **fields: object) -> Exchange:
    fields = fields or {"response": Response(status=200)}
    return Exchange(id=number, purpose="poll", request=request, **fields)  # type: ignore[arg-type]


def test_the_second_poll_is_the_second_answer() -> None:
    memory = Memory([exchange(1), exchange(2)])
    found = [memory.find(REQUEST, nth) for nth in range(3)]
    assert [one and one.id for one in found] == [1, 2, None]


def test_a_session_that_was_begun_with_other_cookies_tells_nothing() -> None:
    bare = changed(url=URL + "&sid=x")
    memory = Memory([exchange(1, bare)])
    assert memory.find(bare, 0) == exchange(1, bare)
    with pytest.raises(OtherCookiesError):
        memory.find(changed(url=URL + "&sid=x", headers=(*REQUEST.headers, ("Cookie", "a=b"))), 0)


@pytest.mark.parametrize(
    ("kind", "phase", "dead"),
    [
        ("dns", "resolve", True),
        ("refused", "connect", True),
        ("tls", "tls", True),
        ("timeout", "connect", True),
        ("timeout", "head", False),
        ("closed", "head", False),
    ],
)
def test_a_failure_below_http_stands_for_every_request_to_that_server(
    kind: NoResponseKind, phase: Phase, dead: bool
) -> None:
    failed = exchange(1, failure=NoResponse(kind=kind, message="No.", phase=phase))
    memory = Memory([failed])
    assert unreachable(failed) is dead
    assert (memory.find(changed(url="wss://api.example.com/other"), 0) == failed) is dead
    assert memory.find(changed(url="https://other.example.com/"), 0) is None


def test_a_websockets_server_is_the_same() -> None:
    assert (
        server_of(changed(url="wss://h.example:1/x?y"))
        == server_of(changed(url="https://h.example:1"))
        == "https://h.example:1"
    )


def conversation(*frames: Frame, ended: NoResponse | None = None) -> Script:
    return Script(exchange(1, response=Response(status=101, frames=frames, ended=ended)))


def came(data: str) -> Frame:
    return Frame(direction="in", type="text", data=data)


def test_a_conversation_is_followed_frame_by_frame() -> None:
    script = conversation(
        came("0{}"),
        Frame(direction="in", type="ping", data=""),
        Frame(direction="out", type="pong", data=""),
        Frame(direction="out", type="text", data="40"),
        came("40{}"),
    )
    steps = [script.step(step) for step in (Receive(), Send("40"), Receive())]
    assert [step.data if isinstance(step, Frame) else step for step in steps] == ["0{}", None, "40{}"]


def test_what_went_another_way_was_not_asked() -> None:
    script = conversation(Frame(direction="out", type="text", data="40"), came("40{}"))
    refused = script.step(Send("40/admin,"))
    assert isinstance(refused, NoResponse)
    assert refused.kind == "not-asked"


def test_silence_replays_as_silence() -> None:
    silence = NoResponse(kind="timeout", message="No frame came.", phase="frame")
    assert conversation(ended=silence).step(Receive()) == silence
