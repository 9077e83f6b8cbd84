"""What is asked of a server, how much of it, and that nothing is left open."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from sio_doctor.demo.scenarios import OTHER_PAGE, PAGE, SCENARIOS
from sio_doctor.demo.server import serve
from sio_doctor.model import Evidence, Exchange
from sio_doctor.plan import make_plan
from sio_doctor.probe.budget import FIRST, FURTHER
from sio_doctor.probe.gather import gather
from tests.servers.hostile import ALLOW, HOSTILE, engine, http, open_body
from tests.servers.raw import Peer, answer_then_hang, nothing, raw


def ask_demo(name: str, **options: Any) -> tuple[Evidence, int]:
    """The evidence of that scenario, and how many sessions its server still has."""

    async def ask() -> tuple[Evidence, int]:
        async with await serve(SCENARIOS[name]) as server:
            evidence = await gather(make_plan(server.url, **{"origins": [PAGE], **options}))
            return evidence, sum(len(worker.sessions) for worker in server._workers)

    return asyncio.run(ask())


def ask(url: str, **options: Any) -> Evidence:
    return asyncio.run(gather(make_plan(url, **{"origins": [PAGE], "timeout": 1, "deadline": 10, **options})))


def purposes(evidence: Evidence) -> Counter[str]:
    return Counter(exchange.purpose for exchange in evidence.exchanges)


def sid_of(exchange: Exchange) -> str | None:
    found = re.search(r"[?&]sid=([^&]+)", exchange.request.url)
    return found[1] if found else None


def test_a_healthy_server_is_asked_the_whole_ladder() -> None:
    evidence, _ = ask_demo("healthy")
    asked = purposes(evidence)
    ladder = {
        "control",
        "foreign",
        "handshake",
        "simulated-preflight",
        "connect",
        "poll",
        "websocket",
        "upgrade",
        "close",
    }
    assert ladder <= set(asked)
    assert (asked["control"], asked["foreign"], asked["handshake"]) == (1, 1, 1)
    assert evidence.notes == ()
    assert [exchange.id for exchange in evidence.exchanges] == list(range(1, len(evidence.exchanges) + 1))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_session_that_was_opened_is_closed(name: str) -> None:
    evidence, left = ask_demo(name)
    # Two workers: what goes to the one that does not know the session cannot close it.
    assert left == 0 or SCENARIOS[name].workers > 1
    assert evidence.vantage.requests == len(evidence.exchanges)


def test_a_framework_is_asked_for_its_404_where_a_page_may_not_read_the_answer() -> None:
    """Its cures are others than the bare server's; where every page connects there is nothing to cure."""
    for name, times in {"no-cors": 1, "python": 1, "healthy": 0, "static-origin": 1, "spa": 0}.items():
        evidence, _ = ask_demo(name)
        assert purposes(evidence)["nowhere"] == times, name
        assert all(exchange.response and exchange.response.status == 404 for exchange in evidence.all("nowhere"))


def test_a_server_without_a_framework_is_not_waited_for_long() -> None:
    """Node's own HTTP server never answers a path that nobody serves."""

    def bare(peer: Peer) -> None:
        while request := peer.hear():
            if b"/sio-doctor-nowhere" in request:
                peer.hang()
                return
            peer.say(http(open_body()).replace(ALLOW, b""))

    with raw(bare) as server:
        evidence = ask(server.url)
    (asked,) = evidence.all("nowhere")
    assert asked.failure is not None
    assert (asked.failure.kind, asked.seconds < 1) == ("timeout", True)


def test_no_two_polls_are_under_way_on_one_session() -> None:
    evidence, _ = ask_demo("healthy", origins=[PAGE, "https://chat.example.com"])
    polls = Counter(sid_of(exchange) for exchange in evidence.all("poll"))
    assert polls
    assert all(exchange.response and exchange.response.status == 200 for exchange in evidence.all("poll"))


def test_what_is_alike_is_asked_once() -> None:
    evidence, _ = ask_demo("healthy")
    alike = Counter(
        (exchange.purpose, exchange.request.method, exchange.request.origin, sid_of(exchange))
        for exchange in evidence.all("handshake", "connect", "websocket", "upgrade", "control", "foreign")
    )
    assert set(alike.values()) == {1}


@pytest.mark.parametrize("name", ["redirect to itself", "60 KiB header value", "POST that redirects"])
@pytest.mark.parametrize("pages", [1, 3])
def test_the_budget_holds_whatever_the_server_does(name: str, pages: int) -> None:
    with raw(HOSTILE[name]) as server:
        evidence = ask(
            server.url,
            origins=[f"http://localhost:{8080 + number}" for number in range(pages)],
            headers=["X-A: b"],
            deadline=20,
        )
        assert len(server.heard) <= FIRST + FURTHER * (pages - 1)
    assert evidence.vantage.requests <= FIRST + FURTHER * (pages - 1)


def test_without_a_page_the_stand_in_and_the_foreign_one_are_asked() -> None:
    evidence, left = ask_demo("healthy", origins=[])
    assert {exchange.request.origin for exchange in evidence.exchanges} >= {
        None,
        "https://app.example.com",
        "https://sio-doctor.invalid",
    }
    assert left == 0


def test_a_closed_port_is_asked_once() -> None:
    with nothing() as url:
        evidence = ask(url)
    assert [(exchange.purpose, exchange.failure and exchange.failure.kind) for exchange in evidence.exchanges] == [
        ("handshake", "refused")
    ]


def test_a_silent_server_ends_by_the_deadline_and_that_is_said() -> None:
    with raw(answer_then_hang()) as server:
        evidence = ask(server.url, timeout=5, deadline=1.5)
    assert evidence.seconds < 3
    assert any("deadline of 1.5 s" in note for note in evidence.notes)


def test_every_request_carries_its_own_stamp() -> None:
    evidence, _ = ask_demo("healthy")
    stamps = Counter(re.findall(r"[?&]t=([^&]+)", " ".join(exchange.request.url for exchange in evidence.exchanges)))
    assert stamps
    assert all(stamp.startswith(evidence.plan.nonce) for stamp in stamps)


def test_a_namespace_and_a_path_go_on_the_wire() -> None:
    with raw(engine(open_body(upgrades=()))) as server:
        evidence = ask(server.url, path="/api/ws", namespace="admin", auth='{"a": 1}', query=["room=a b"])
    handshake = evidence.first("handshake")
    connect = evidence.first("connect")
    assert handshake is not None
    assert "/api/ws/?room=a%20b&EIO=4&transport=polling" in handshake.request.url
    assert connect is not None
    assert connect.request.body == '40/admin,{"a":1}'


def test_near_misses_are_asked_of_the_page_that_is_refused() -> None:
    evidence, _ = ask_demo("wrong-origin", origins=[OTHER_PAGE, PAGE])
    assert f"{PAGE}/" in {exchange.request.origin for exchange in evidence.all("near-miss")}
    let_in, _ = ask_demo("wrong-origin", origins=[OTHER_PAGE])
    assert not purposes(let_in)["near-miss"]


@pytest.mark.parametrize("name", ["no-cors", "wrong-origin", "python"])
@pytest.mark.parametrize("pages", [1, 3])
def test_near_misses_leave_room_in_the_budget(name: str, pages: int) -> None:
    origins = [PAGE, "http://127.0.0.1:5173", "https://shop.example.com"][:pages]
    evidence, _ = ask_demo(name, origins=origins, with_credentials=True, headers=["x-a: b"])
    assert 6 < purposes(evidence)["near-miss"] <= 16 + 8 * (pages - 1) + (name == "python")
    assert evidence.vantage.requests <= FIRST + FURTHER * (pages - 1)
    assert not [note for note in evidence.notes if "budget" in note]


def test_another_route_is_asked_where_socket_io_has_no_list() -> None:
    assert [exchange.request.origin for exchange in ask_demo("no-cors")[0].all("root")] == [PAGE]
    for name in ("wrong-origin", "healthy", "static-origin"):
        assert not purposes(ask_demo(name)[0])["root"], name
