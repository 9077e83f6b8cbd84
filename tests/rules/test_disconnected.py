"""Let in, and out again at once."""

from __future__ import annotations

import pytest

from sio_doctor.model import Answer, Evidence
from tests.rules.build import (
    PAGE,
    evidence,
    exchange,
    fired,
    hits,
    node_open,
    open_data,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
JOINED = '40{"sid":"x"}'


def polled(body: str, *, namespace: str = "/", upgrade: Answer | None = None) -> Evidence:
    answers = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body=body)),
    ]
    if upgrade is not None:
        answers.append(exchange("upgrade", upgrade))
    return evidence({"namespace": namespace}, answers)


@pytest.mark.parametrize("end", ["41", "1"], ids=["DISCONNECT", "close"])
def test_the_end_comes_with_the_welcome(end: str) -> None:
    whole = polled(f"{JOINED}\x1e{end}")
    assert "disconnected-at-once" in fired(whole)
    (hit,) = hits("disconnected-at-once", whole)
    assert (hit.severity, hit.origins, hit.exchanges) == ("warning", (PAGE,), (3,))
    assert "is luck" in hit.message


def test_python_socketio_says_why() -> None:
    (hit,) = hits("disconnected-at-once", polled(f'{JOINED}\x1e41{{"message":"not you"}}'))
    assert "“not you”" in hit.message


def test_it_comes_over_the_websocket() -> None:
    taken_over = switching("3probe", "41", sent=("2probe", "5"))
    assert hits("disconnected-at-once", polled(JOINED, upgrade=taken_over))
    own = switching(open_data(), JOINED, "41", sent=("40",))
    assert hits("disconnected-at-once", evidence({}, [exchange("websocket", own)]))


@pytest.mark.parametrize(
    "body",
    [JOINED, f'{JOINED}\x1e42["hello"]', '44{"message":"no"}', f"{JOINED}\x1e41/other,", "41", "<html>"],
    ids=["welcome", "event", "refusal", "another namespace", "no welcome", "page"],
)
def test_what_is_no_disconnection(body: str) -> None:
    assert hits("disconnected-at-once", polled(body)) == []


def test_of_its_namespace() -> None:
    assert hits("disconnected-at-once", polled('40/chat,{"sid":"x"}\x1e41/chat,', namespace="/chat"))
