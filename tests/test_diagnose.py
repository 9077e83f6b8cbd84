"""The order of the findings and their severity."""

from __future__ import annotations

from typing import Any

from sio_doctor.diagnose import diagnose
from sio_doctor.model import Evidence
from tests.rules.build import PAGE, case, evidence, exchange, failed, findings, node_open, preflight_ok, response

BAD_GATEWAY = response(502, body="<html>Bad Gateway</html>", reason="Bad Gateway")


def no_cors(**plan: Any) -> Evidence:
    return evidence(plan, [exchange("control", node_open()), exchange("handshake", node_open())])


def test_the_headline_is_what_the_page_meets_first() -> None:
    refused = evidence({}, [exchange("handshake", failed("refused", phase="connect"))])
    assert next(iter(findings(refused))) == "server-refused"


def test_a_cause_outranks_its_symptom() -> None:
    found = findings(evidence({}, [exchange("handshake", BAD_GATEWAY)]))
    assert next(iter(found)) == "gateway-5xx-no-cors"
    assert "cors-not-configured" not in found


def test_findings_go_from_the_gravest_to_what_is_worth_knowing() -> None:
    found = diagnose(case(no_cors()))
    order = ["error", "warning", "info"]
    severities = [order.index(finding.severity) for finding in found]
    assert severities == sorted(severities)
    assert found[0].slug == "cors-not-configured"


def test_an_error_is_a_chosen_page_that_cannot_connect() -> None:
    assert findings(no_cors())["cors-not-configured"].severity == "error"


def test_without_a_page_it_is_a_warning_where_a_session_can_be_had() -> None:
    found = findings(no_cors(origins=()))
    assert found["cors-not-configured"].severity == "warning"
    assert found["cors-not-configured"].origins == ()


def test_without_a_page_it_is_an_error_where_none_can_be_had() -> None:
    found = findings(evidence({"origins": ()}, [exchange("control", BAD_GATEWAY), exchange("handshake", BAD_GATEWAY)]))
    assert {finding.severity for finding in found.values()} == {"error"}


def test_one_cause_is_one_finding_however_many_pages_it_hits() -> None:
    other = "https://admin.example.com"
    asked = [exchange("control", node_open())]
    asked += [exchange("handshake", node_open(), origin=page) for page in (PAGE, other)]
    found = diagnose(case(evidence({"origins": (PAGE, other)}, asked)))
    hit = [finding for finding in found if finding.slug == "cors-not-configured"]
    assert [finding.origins for finding in hit] == [(PAGE, other)]
    assert hit[0].browsers == ("chromium", "firefox", "webkit")


def test_only_the_browsers_that_were_asked_about_are_named() -> None:
    assert findings(no_cors(browsers=("webkit",)))["cors-not-configured"].browsers == ("webkit",)


def test_where_nothing_fits_the_cause_is_not_known_and_that_is_said() -> None:
    odd = response(418, ("Access-Control-Allow-Origin", PAGE), body="teapot", reason="I'm a teapot")
    found = findings(evidence({}, [exchange("handshake", odd)]))
    assert next(iter(found)) == "cause-unknown"
    assert "418" in found["cause-unknown"].message


OTHER = "https://other.example"


def fixed(**plan: Any) -> Evidence:
    """A fixed origin that is another's, for a client that sends credentials and a header."""
    header = ("Access-Control-Allow-Origin", OTHER)
    client = {"with_credentials": True, "extra_headers": (("x-b", "1"),)}
    asked = [
        exchange("preflight", preflight_ok(header, ("Access-Control-Allow-Headers", "x-a"))),
        exchange("handshake", node_open(header)),
    ]
    return evidence(client | plan, asked)


def test_what_fails_next_is_behind_what_fails_first() -> None:
    found = findings(fixed())
    assert found["static-origin-mismatch"].behind == ()
    assert found["acac-missing"].behind == ("static-origin-mismatch",)
    assert found["preflight-header-not-allowed"].behind == ("static-origin-mismatch", "acac-missing")


def test_what_another_browser_meets_is_not_behind_it() -> None:
    """Safari alone refuses the insecure request, before it comes to CORS at all."""
    found = findings(fixed(url="http://127.0.0.1:3000"))
    assert found["mixed-content"].browsers == ("webkit",)
    assert found["mixed-content"].behind == ()


def test_what_another_page_meets_is_not_behind_it() -> None:
    asked = [
        exchange("handshake", node_open(("Access-Control-Allow-Origin", f"{PAGE}/")), origin=PAGE),
        exchange("handshake", node_open(("Access-Control-Allow-Origin", f"{PAGE}/")), origin=OTHER),
    ]
    found = findings(evidence({"origins": (PAGE, OTHER)}, asked))
    assert found["origin-trailing-slash"].origins == (PAGE,)
    assert found["static-origin-mismatch"].origins == (OTHER,)
    assert not found["origin-trailing-slash"].behind + found["static-origin-mismatch"].behind


def test_what_is_worth_knowing_is_behind_nothing() -> None:
    found = diagnose(case(fixed(url="http://127.0.0.1:3000")))
    assert [finding.behind for finding in found if finding.severity == "info"]
    assert not any(finding.behind for finding in found if finding.severity == "info")
