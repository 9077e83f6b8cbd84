"""Nothing is known: what is said then."""

from __future__ import annotations

from sio_doctor.diagnose import diagnose
from sio_doctor.rules.unknown import cause_unknown
from tests.rules.build import PAGE, SERVER, case, evidence, exchange, failed, node_error, node_open, response

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OPEN = exchange("handshake", node_open(ALLOWED))
POLLING = {"transports": ("polling",)}
OK = exchange("connect", response(200, ALLOWED, body="ok"))
JOINED = exchange("poll", response(200, ALLOWED, body='40{"sid":"a"}'))


def test_what_was_seen_is_said_step_by_step() -> None:
    odd = exchange("poll", response(200, ALLOWED, ("Content-Type", "text/plain"), body="hm"))
    hit = cause_unknown(case(evidence(POLLING, [OPEN, OK, odd])))
    assert hit is not None
    assert hit.message.startswith(f"{PAGE} cannot connect to {SERVER}, and the cause is not known.")
    assert "the polling handshake: an open packet; the POST of CONNECT: 200" in hit.message
    assert "the poll: 200" in hit.message
    assert hit.exchanges == (3, 2, 1)


def test_it_is_the_only_finding_then() -> None:
    odd = exchange("poll", response(200, ALLOWED, ("Content-Type", "text/plain"), body="hm"))
    (finding,) = diagnose(case(evidence(POLLING, [OPEN, OK, odd])))
    assert (finding.code, finding.severity) == ("SIO000", "error")


def test_a_known_cause_goes_without_it() -> None:
    findings = diagnose(case(evidence({}, [exchange("handshake", node_open())])))
    assert [finding.slug for finding in findings] == ["cors-not-configured"]


def test_a_known_cause_of_one_page_does_not_hide_that_another_s_is_not_known() -> None:
    other = "https://admin.example.com"
    odd = exchange("poll", response(200, ALLOWED, ("Content-Type", "text/plain"), body="hm"))
    asked = [OPEN, OK, odd, exchange("handshake", node_open(), origin=other)]
    findings = diagnose(case(evidence({**POLLING, "origins": (PAGE, other)}, asked)))
    assert [(finding.slug, finding.origins) for finding in findings] == [
        ("origin-not-in-list", (other,)),
        ("cause-unknown", (PAGE,)),
    ]


def test_a_page_that_connects_needs_no_cause() -> None:
    assert cause_unknown(case(evidence(POLLING, [OPEN, OK, JOINED]))) is None


def test_what_was_not_asked_is_not_a_failure() -> None:
    hit = cause_unknown(case(evidence(POLLING, [OPEN, OK])))
    assert hit is not None
    assert "could not be found out" in hit.message


def test_without_a_page_a_session_is_enough() -> None:
    assert cause_unknown(case(evidence({"origins": ()}, [exchange("handshake", node_open())]))) is None


def test_without_a_page_and_without_a_session() -> None:
    answers = [exchange("handshake", node_error(1)), exchange("websocket", failed("timeout", message="Nothing came."))]
    hit = cause_unknown(case(evidence({"origins": ()}, answers)))
    assert hit is not None
    assert "No Engine.IO session could be had" in hit.message
    assert "a WebSocket of its own: Nothing came" in hit.message
