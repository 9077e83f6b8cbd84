"""Several addresses for one host, and a server that is bound to loopback."""

from __future__ import annotations

import pytest

from sio_doctor.model import Answer, Evidence, NoResponse, Vantage
from tests.rules.build import (
    Asked,
    case,
    evidence,
    exchange,
    failed,
    findings,
    fired,
    node_open,
    preflight_ok,
    response,
    switching,
)

PAGE = "http://localhost:5173"
URL = "http://localhost:3000"
ALLOWED = ("Access-Control-Allow-Origin", PAGE)
AIRTUNES = response(403, ("Content-Length", "0"), ("Server", "AirTunes/595.13.1"), reason="Forbidden")
REFUSED = failed("refused", phase="connect")
SIX, FOUR = "::1", "127.0.0.1"
BOTH: dict[str, tuple[str, ...]] = {"localhost": (SIX, FOUR)}


def seen(met: Answer, at: str, other: Answer, *more: Asked, **fields: object) -> Evidence:
    """What the handshake got at the address that was met, and at the other one."""
    plan = {"url": URL, "origins": (PAGE,), "transports": ("polling",), **fields}
    asked = [
        exchange("handshake", met, address=at),
        exchange("other-address", other, address=FOUR if at == SIX else SIX),
        *more,
    ]
    return evidence(plan, asked, vantage=Vantage(host="here", addresses=BOTH))


JOINED = (
    exchange("connect", response(200, ALLOWED, body="ok")),
    exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
)


@pytest.mark.parametrize(("at", "other"), [(FOUR, SIX), (SIX, FOUR)])
def test_one_address_refuses_and_the_browser_gets_through(at: str, other: str) -> None:
    gathered = case(seen(node_open(ALLOWED), at, REFUSED, *JOINED))
    found = findings(gathered)
    assert [(slug, finding.severity) for slug, finding in found.items()] == [("localhost-ipv6-mismatch", "info")]
    assert f"only {at} leads to the server: {other} refuses" in found["localhost-ipv6-mismatch"].message
    assert {(outcome.connects, outcome.address) for outcome in gathered.outcomes} == {(True, None)}


def test_a_server_that_ended_is_at_no_other_address() -> None:
    ended = [exchange("connect", failed("closed", phase="head")), exchange("poll", REFUSED)]
    assert [*findings(seen(node_open(ALLOWED), FOUR, REFUSED, *ended))] == ["restart-or-sleep"]


def test_both_answer_alike() -> None:
    assert findings(seen(node_open(ALLOWED), SIX, node_open(ALLOWED, sid="another"), *JOINED)) == {}


def test_no_way_to_an_address_is_this_machine_s_own_matter() -> None:
    assert findings(seen(node_open(ALLOWED), FOUR, failed("unreachable", phase="connect"), *JOINED)) == {}


def test_another_program_is_met_first() -> None:
    gathered = case(seen(AIRTUNES, SIX, node_open(ALLOWED)))
    found = findings(gathered)
    first = found.pop("localhost-ipv6-mismatch")
    assert (first.severity, first.browsers) == ("error", ("chromium", "webkit"))
    assert "AirTunes" in first.message
    assert "Chromium and Safari ask ::1, Firefox the other one" in first.message
    assert "http://127.0.0.1:3000" in first.message
    # One cause, one finding: the 403 is that program's. What Firefox meets was only begun, so it is not known.
    assert [(slug, finding.severity) for slug, finding in found.items()] == []
    assert {(one.browser, one.connects, one.address) for one in gathered.outcomes} == {
        ("chromium", False, SIX),
        ("firefox", None, FOUR),
        ("webkit", False, SIX),
    }


def test_another_program_is_met_by_firefox_alone() -> None:
    gathered = case(seen(node_open(ALLOWED), SIX, AIRTUNES, *JOINED))
    first = findings(gathered)["localhost-ipv6-mismatch"]
    assert (first.severity, first.browsers) == ("error", ("firefox",))
    assert "Firefox asks 127.0.0.1, Chromium and Safari the other one" in first.message
    assert {(one.browser, one.connects) for one in gathered.outcomes} == {
        ("chromium", True),
        ("firefox", False),
        ("webkit", True),
    }


def test_what_is_no_http_is_another_program_too() -> None:
    ssh = failed("not-http", phase="head", detail="SSH-2.0-OpenSSH_9.2\r\n", message="No HTTP but SSH.")
    assert fired(seen(ssh, SIX, node_open(ALLOWED))) == {"localhost-ipv6-mismatch"}


def test_two_socket_io_servers_that_let_different_pages_in() -> None:
    other = node_open(("Access-Control-Allow-Origin", "http://localhost:8080"))
    first = findings(seen(node_open(ALLOWED), SIX, other, *JOINED))["localhost-ipv6-mismatch"]
    assert "two Socket.IO servers" in first.message
    assert "127.0.0.1 answered 200 and lets http://localhost:8080 in" in first.message


def test_two_strangers_are_no_matter_of_addresses() -> None:
    found = fired(seen(AIRTUNES, SIX, response(404, body="Cannot GET /socket.io/")))
    assert "localhost-ipv6-mismatch" not in found
    assert found


def test_a_name_with_a_dead_address_costs_time() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED), address="127.0.0.2"),
        exchange("other-address", failed("timeout", phase="connect"), address="127.0.0.3"),
        *JOINED,
    ]
    vantage = Vantage(host="here", addresses={"api.invalid": ("127.0.0.3", "127.0.0.2", "192.0.2.1")})
    plan = {"url": "http://api.invalid:3000", "origins": (PAGE,), "transports": ("polling",)}
    found = findings(evidence(plan, asked, vantage=vantage))
    assert [(slug, finding.severity) for slug, finding in found.items()] == [("localhost-ipv6-mismatch", "warning")]
    assert "127.0.0.3 does not answer" in found["localhost-ipv6-mismatch"].message


# --- bound to loopback -----------------------------------------------------------------------------------------------


def own_address(answer: Answer) -> Evidence:
    """This machine's other address refuses; what loopback answers."""
    asked = [
        exchange("handshake", REFUSED),
        exchange("other-address", answer, address=FOUR),
        exchange("other-address", REFUSED, address=SIX),
    ]
    return evidence({"url": "http://127.0.0.2:3000", "origins": (PAGE,)}, asked)


def test_the_server_is_bound_to_loopback() -> None:
    found = findings(own_address(node_open(ALLOWED)))
    assert [(slug, finding.severity) for slug, finding in found.items()] == [("bound-to-loopback", "error")]
    assert "127.0.0.1 port 3000 answers (Socket.IO)" in found["bound-to-loopback"].message
    assert found["bound-to-loopback"].exchanges == (1, 2)


def test_another_program_at_loopback_is_named() -> None:
    assert "AirTunes" in findings(own_address(AIRTUNES))["bound-to-loopback"].message


@pytest.mark.parametrize("answer", [REFUSED, failed("timeout", phase="connect")])
def test_nobody_is_there_either(answer: NoResponse) -> None:
    assert list(findings(own_address(answer))) == ["server-refused"]


def test_a_healthy_server_is_neither() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED), address=FOUR),
        exchange("simulated-preflight", preflight_ok(ALLOWED)),
        *JOINED,
        exchange("websocket", switching()),
    ]
    assert "bound-to-loopback" not in fired(evidence({"origins": (PAGE,)}, asked))
