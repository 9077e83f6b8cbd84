"""Which addresses of a host are asked by themselves, and what is not asked of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sio_doctor.model import Evidence, Exchange
from sio_doctor.plan import make_plan
from sio_doctor.probe.backend import is_own
from sio_doctor.probe.gather import gather
from tests.probe.test_connect import NAME, resolve_to
from tests.servers import needs_ipv6
from tests.servers.hostile import engine, open_body
from tests.servers.raw import Script, answer, nothing, raw

PAGE = "http://localhost:8080"
HEALTHY = engine(open_body(upgrades=()))
STRANGER = answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
SSH = b"SSH-2.0-OpenSSH_9.2\r\n"


def ask(url: str, **options: Any) -> Evidence:
    return asyncio.run(gather(make_plan(url, **{"origins": [PAGE], "timeout": 2, **options})))


def others(evidence: Evidence) -> list[tuple[str | None, str]]:
    """What came of asking each other address: the status, or the kind of the failure."""
    return [(one.address, _outcome(one)) for one in evidence.all("other-address")]


def _outcome(exchange: Exchange) -> str:
    if exchange.response is not None:
        return str(exchange.response.status)
    assert exchange.failure is not None
    return exchange.failure.kind


@needs_ipv6
@pytest.mark.parametrize(("host", "other"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_localhost_is_asked_at_both_addresses(host: str, other: str) -> None:
    with raw(HEALTHY, host=host) as server:
        evidence = ask(server.at("http", "localhost"))
    assert others(evidence) == [(other, "refused")]
    assert {one.address for one in evidence.all("handshake", "connect", "poll")} == {host}
    assert evidence.vantage.addresses == {"localhost": ("::1", "127.0.0.1")}


@needs_ipv6
def test_two_servers_on_one_port_each_have_their_own_session_closed() -> None:
    other = engine(open_body("another-session-0001", upgrades=()))
    with raw(HEALTHY) as four, raw(other, host="::1", port=four.port) as six:
        evidence = ask(four.at("http", "localhost"))
    assert others(evidence) == [("127.0.0.1", "200")]
    assert [head.split(b" ")[0] for head in four.heard] == [b"GET", b"POST"]
    assert len(six.heard) > len(four.heard)


@needs_ipv6
@pytest.mark.parametrize("script", [STRANGER, lambda peer: peer.say(SSH)], ids=["404", "SSH"])
def test_the_other_one_is_asked_where_a_stranger_is_met(script: Script) -> None:
    with raw(HEALTHY) as four, raw(script, host="::1", port=four.port):
        evidence = ask(four.at("http", "localhost"))
    assert others(evidence) == [("127.0.0.1", "200")]


@pytest.mark.parametrize("options", [{"family": 4}, {"resolve": ["localhost:{port}:127.0.0.1"]}])
def test_what_may_not_be_used_is_not_asked(options: dict[str, Any]) -> None:
    with raw(HEALTHY) as server:
        pins = [text.format(port=server.port) for text in options.get("resolve", [])]
        evidence = ask(server.at("http", "localhost"), **{**options, "resolve": pins})
    assert others(evidence) == []


def test_of_another_host_only_what_was_passed_over_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1", "127.0.0.4")
    with raw(HEALTHY) as server:
        evidence = ask(server.at("http", NAME))
    assert sorted(others(evidence)) == [("127.0.0.2", "refused"), ("127.0.0.3", "refused")]


def test_of_another_host_whose_first_address_answers_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    with raw(HEALTHY) as server:
        evidence = ask(server.at("http", NAME))
    assert others(evidence) == []


def test_an_address_is_asked_by_itself_with_the_page_s_own_request() -> None:
    with raw(HEALTHY) as server:
        evidence = ask(server.at("http", "localhost"), headers=["X-Key: k"])
    handshake, other = evidence.first("handshake"), evidence.first("other-address")
    assert handshake is not None
    assert other is not None
    assert other.request == handshake.request


def test_loopback_is_asked_where_another_address_of_this_machine_refuses() -> None:
    with raw(HEALTHY) as server:
        evidence = ask(server.at("http", "127.0.0.2"))
    assert ("127.0.0.1", "200") in others(evidence)
    # Its session, which nobody else opened, is closed again, there.
    assert [head.split(b" ")[0] for head in server.heard] == [b"GET", b"POST"]


def test_where_loopback_itself_refuses_nothing_else_is_asked() -> None:
    with nothing() as url:
        evidence = ask(url)
    assert others(evidence) == []


def test_which_addresses_are_this_machine_s_own() -> None:
    assert is_own("127.0.0.1")
    # TEST-NET-1: for documentation alone. Nothing is sent there.
    assert not is_own("192.0.2.1")
