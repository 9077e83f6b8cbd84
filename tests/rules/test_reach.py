"""No answer at all: the name, the port, silence, a closed connection."""

from __future__ import annotations

import pytest

from sio_doctor.model import NoResponse, Vantage
from tests.rules.build import (
    PAGE,
    case,
    evidence,
    exchange,
    failed,
    findings,
    node_open,
    open_data,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
REFUSED = failed("refused", phase="connect")


def dead(failure: NoResponse, **plan: object) -> dict[str, str]:
    """The messages about a server of which this is all that was seen."""
    asked = [exchange("handshake", failure, seconds=2.0)]
    return {slug: finding.message for slug, finding in findings(evidence(plan, asked)).items()}


def test_a_name_that_does_not_resolve() -> None:
    found = dead(failed("dns", phase="resolve"), url="https://api.nowhere.invalid")
    assert list(found) == ["dns-fails"]
    assert "api.nowhere.invalid" in found["dns-fails"]
    assert "Docker" not in found["dns-fails"]


def test_a_name_without_a_dot_is_a_container_s() -> None:
    assert "Docker" in dead(failed("dns", phase="resolve"), url="http://backend:3000")["dns-fails"]


def test_an_address_of_the_other_family_is_no_missing_name() -> None:
    failure = failed(
        "dns", phase="resolve", detail="family", message="h stands for 127.0.0.2, and has no IPv6 address."
    )
    found = dead(failure, url="https://api.nowhere.invalid")
    assert list(found) == ["dns-fails"]
    assert found["dns-fails"].startswith(failure.message)
    assert "spelling" not in found["dns-fails"]


def test_what_is_seen_from_here_is_said_to_be_seen_from_here() -> None:
    for failure in (REFUSED, failed("timeout", phase="connect"), failed("unreachable", phase="connect")):
        [message] = dead(failure).values()
        assert "from here" in message
        [message] = dead(failure, url="http://localhost:3000", origins=("http://localhost:8080",)).values()
        assert "from the page's network" not in message


def test_nobody_listens() -> None:
    found = dead(REFUSED, url="https://api.example.com:3000")
    assert list(found) == ["server-refused"]
    assert "api.example.com:3000" in found["server-refused"]
    assert "127.0.0.1" in found["server-refused"]
    assert "names no port" not in found["server-refused"]
    assert "names no port, so 443" in dead(REFUSED)["server-refused"]
    assert (
        "bound to"
        not in dead(REFUSED, url="http://localhost:3000", origins=("http://localhost:8080",))["server-refused"]
    )


def test_extra_headers_or_not_a_dead_server_is_dead() -> None:
    plan = {"extra_headers": (("my-custom-header", "1"),)}
    assert list(findings(evidence(plan, [exchange("preflight", REFUSED)]))) == ["server-refused"]


def test_several_pages_are_one_finding() -> None:
    asked = [exchange("handshake", REFUSED)]
    found = findings(evidence({"origins": (PAGE, "https://www.example.com")}, asked))
    assert list(found) == ["server-refused"]


def test_with_no_page_chosen_it_is_an_error_too() -> None:
    found = findings(evidence({"origins": ()}, [exchange("handshake", REFUSED)]))
    assert [(finding.slug, finding.severity) for finding in found.values()] == [("server-refused", "error")]


def test_a_firewall_and_a_silent_server_are_told_apart() -> None:
    firewall = dead(failed("timeout", phase="connect"))
    assert list(firewall) == ["server-timeout"]
    assert "firewall" in firewall["server-timeout"]
    silent = dead(failed("timeout", phase="head"))
    assert list(silent) == ["server-timeout"]
    assert "accepts the connection" in silent["server-timeout"]
    assert "firewall" not in silent["server-timeout"]


def test_a_private_address_is_said_to_be_one() -> None:
    vantage = Vantage(host="here", addresses={"api.example.com": ("10.0.0.7",)})
    asked = [exchange("handshake", failed("timeout", phase="connect"))]
    message = findings(evidence({}, asked, vantage=vantage))["server-timeout"].message
    assert "10.0.0.7" in message
    assert "private" in message


def test_silence_where_a_websocket_passes_is_said() -> None:
    asked = [
        exchange("handshake", failed("timeout", phase="head")),
        exchange("websocket", switching(open_data(), sent=("40",))),
    ]
    assert "WebSocket does reach" in findings(evidence({}, asked))["server-timeout"].message


def test_one_silent_try_of_an_answering_server_is_no_timeout() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
        exchange("control", failed("timeout", phase="head")),
    ]
    assert findings(evidence({"transports": ("polling",)}, asked)) == {}


@pytest.mark.parametrize("kind", ["reset", "closed"])
def test_the_connection_ends_without_an_answer(kind: str) -> None:
    failure = NoResponse(kind=kind, message="It ended.", phase="head")  # type: ignore[arg-type]
    found = dead(failure, url="http://api.example.com", origins=("http://shop.example.com",))
    assert list(found) == ["connection-reset"]
    assert "0.0.0.0" in found["connection-reset"]


def test_another_protocol_is_quoted() -> None:
    found = dead(failed("not-http", phase="head", detail="SSH-2.0-OpenSSH_9.2p1\r\n"))
    assert list(found) == ["connection-reset"]
    assert "SSH-2.0-OpenSSH_9.2p1" in found["connection-reset"]


def test_a_proxy_that_fails_says_nothing_about_the_server() -> None:
    message = "The proxy http://proxy.invalid:3128 (of https_proxy) refuses connections: nothing listens there."
    asked = [exchange("handshake", failed("not-asked", phase="connect", detail="proxy", message=message))]
    gathered = case(evidence({}, asked))
    found = findings(gathered)
    assert {slug: finding.severity for slug, finding in found.items()} == {"proxy-fails": "error"}
    assert found["proxy-fails"].message.startswith(message)
    assert "api.example.com:443 was not reached" in found["proxy-fails"].message
    assert {outcome.connects for outcome in gathered.outcomes} == {None}


def test_a_silent_proxy_may_have_a_silent_server_behind_it() -> None:
    asked = [exchange("handshake", failed("not-asked", phase="head", detail="proxy", message="Silence."))]
    found = findings(evidence({}, asked))
    assert list(found) == ["proxy-fails"]
    assert "which of the two" in found["proxy-fails"].message


def test_what_was_not_asked_for_another_reason_is_no_proxy_s_fault() -> None:
    assert list(findings(evidence({}, [exchange("handshake", failed("not-asked"))]))) == ["cause-unknown"]


def test_a_proxy_that_makes_no_tunnel_for_websockets_is_not_the_cause_where_polling_works() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("websocket", failed("not-asked", phase="connect", detail="proxy", message="No tunnel.")),
    ]
    assert "proxy-fails" not in findings(evidence({"transports": ("polling",)}, asked))
