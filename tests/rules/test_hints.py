"""Hints: what cannot be seen from here comes up where it may apply, and never beside an error."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.diagnose import diagnose, hints
from sio_doctor.judge import judge
from sio_doctor.model import Connection, Evidence, Policy
from sio_doctor.rules import RULES
from tests.rules.build import (
    PAGE,
    Asked,
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

HTTP_PAGE = "http://shop.example.com"
DEV_PAGE = "http://localhost:5173"
POLLING: dict[str, Any] = {"transports": ("polling",)}


def hinted(
    gathered: Evidence, policy: Policy | None = None, outcomes: tuple[Connection, ...] | None = None
) -> dict[str, str]:
    """What the report would hint at, by slug, in order."""
    whole = case(gathered, policy=policy, outcomes=outcomes)
    return {hint.slug: hint.message for hint in hints(whole, diagnose(whole))}


def healthy(page: str = PAGE) -> list[Asked]:
    """A page that connects by polling and then by WebSocket."""
    allowed = ("Access-Control-Allow-Origin", page)
    return [
        exchange("handshake", node_open(allowed), origin=page),
        exchange("connect", response(200, allowed, body="ok"), origin=page),
        exchange("poll", response(200, allowed, body='40{"sid":"x"}'), origin=page),
        exchange("upgrade", switching("3probe", sent=("2probe", "5")), origin=page),
        exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",)), origin=page),
    ]


def plan(page: str = PAGE, url: str = "https://api.example.com", **more: Any) -> dict[str, Any]:
    return {"origins": (page,), "url": url, **more}


def test_a_page_that_connects_from_here_and_somebody_says_it_does_not() -> None:
    gathered = evidence(plan(), healthy())
    assert findings(gathered) == {}
    assert list(hinted(gathered)) == ["blocked-by-extension", "service-worker-or-cache", "ws-middlebox"]


def test_beside_an_error_there_is_no_hint() -> None:
    asked = [exchange("handshake", node_open()), exchange("control", node_open())]
    assert "cors-not-configured" in findings(evidence(plan(), asked))
    assert hinted(evidence(plan(), asked)) == {}


def test_an_extension_has_nothing_against_the_page_s_own_host() -> None:
    found = hinted(evidence(plan(DEV_PAGE, "http://localhost:3000"), healthy(DEV_PAGE)))
    assert "blocked-by-extension" not in found
    assert "service-worker-or-cache" in found


def test_a_middlebox_stands_between_two_machines_and_cuts_websockets() -> None:
    plain = hinted(evidence(plan(HTTP_PAGE, "http://api.example.com"), healthy(HTTP_PAGE)))
    assert "wss:// on port 443 passes most of them" in plain["ws-middlebox"]
    assert "wss://" not in hinted(evidence(plan(), healthy()))["ws-middlebox"]
    assert "ws-middlebox" not in hinted(evidence(plan(DEV_PAGE, "http://localhost:3000"), healthy(DEV_PAGE)))
    assert "ws-middlebox" not in hinted(evidence(plan(**POLLING), healthy()[:3]))


def test_a_cached_preflight_is_mentioned_where_there_is_one() -> None:
    connects = judge(evidence(plan(), healthy()))
    gathered = evidence(plan(extra_headers=(("my-header", "1"),)), [])
    assert "kept for 600 s" in hinted(gathered, Policy(max_age=600), connects)["service-worker-or-cache"]
    assert "kept" not in hinted(evidence(plan(), healthy()), Policy(max_age=600))["service-worker-or-cache"]


@pytest.mark.parametrize("host", ["chat.dev", "api.example.app"])
def test_a_domain_that_browsers_only_ask_by_https(host: str) -> None:
    found = hinted(evidence(plan(HTTP_PAGE, f"http://{host}:3000"), healthy(HTTP_PAGE)))
    assert f"Browsers ask {host} by https" in found["hsts-upgrade"]
    assert "hsts-upgrade" not in hinted(evidence(plan(HTTP_PAGE, f"https://{host}:3000"), healthy(HTTP_PAGE)))


def test_a_server_that_says_so_by_https() -> None:
    url = "http://api.example.com"
    secure = "https://api.example.com/socket.io/?EIO=4"
    sts = response(200, ("Strict-Transport-Security", "max-age=31536000"))
    asked = [*healthy(HTTP_PAGE), exchange("other-scheme", sts, url=secure)]
    assert "its https side says so" in hinted(evidence(plan(HTTP_PAGE, url), asked))["hsts-upgrade"]
    # By http it counts for nothing.
    by_http = [*healthy(HTTP_PAGE), exchange("other-scheme", sts, url="http://api.example.com/socket.io/?EIO=4")]
    assert "hsts-upgrade" not in hinted(evidence(plan(HTTP_PAGE, url), by_http))


def test_options_other_than_the_usual_may_be_misspelt() -> None:
    found = hinted(evidence(plan(with_credentials=False, auth='{"token":"x"}', **POLLING), []))
    assert "option-typos" not in found  # it does not connect
    asked = healthy()[:3]
    asked[1] = exchange("connect", response(200, ("Access-Control-Allow-Origin", PAGE), body="ok"), body='40{"a":1}')
    found = hinted(evidence(plan(auth='{"a":1}', **POLLING), asked))
    assert "look at transports, auth in io(…)" in found["option-typos"]
    assert "option-typos" not in hinted(evidence(plan(), healthy()))


def test_the_harmless_line_is_explained_in_development_alone() -> None:
    assert "closed-before-established" in hinted(evidence(plan(DEV_PAGE, "http://localhost:3000"), healthy(DEV_PAGE)))
    assert "closed-before-established" not in hinted(evidence(plan(), healthy()))


def nobody(url: str) -> Evidence:
    """No page was named, and a session can be had."""
    return evidence({"origins": (), "url": url}, [exchange("control", node_open()), exchange("foreign", node_open())])


def test_an_app_may_not_ask_by_http() -> None:
    found = hinted(nobody("http://api.example.com"), Policy(kind="any"))
    assert list(found) == ["rn-android-cleartext"]
    assert "10.0.2.2" not in found["rn-android-cleartext"]
    assert "10.0.2.2" in hinted(nobody("http://localhost:3000"), Policy(kind="any"))["rn-android-cleartext"]
    assert hinted(nobody("https://api.example.com"), Policy(kind="any")) == {}
    app = hinted(evidence(plan("capacitor://localhost", "http://api.example.com"), healthy("capacitor://localhost")))
    assert "rn-android-cleartext" in app
    page = hinted(evidence(plan(HTTP_PAGE, "http://api.example.com"), healthy(HTTP_PAGE)))
    assert "rn-android-cleartext" not in page


def test_a_client_outside_a_browser_need_not_mind() -> None:
    closed = hinted(nobody("https://api.example.com"), Policy(kind="nobody"))
    assert closed == {"cors-seen-in-node-client": "A client outside a browser (Node.js, a phone) is not bound by CORS."}
    refuses = hinted(nobody("https://api.example.com"), Policy(kind="refuses"))["cors-seen-in-node-client"]
    assert "refuses an Origin" in refuses
    assert "cors-seen-in-node-client" not in hinted(nobody("https://api.example.com"), Policy(kind="reflect"))


def test_a_hint_is_no_finding() -> None:
    marked = {slug for slug, known in RULES.items() if known.hint}
    assert not marked & set(findings(evidence(plan(), healthy())))
    assert {RULES[slug].code[:4] for slug in marked} == {"SIO8", "SIO6"}


# --- localhost-in-production: seen from the two addresses, so it is a finding ----------------------------------------

REFUSED = failed("refused", phase="connect")


@pytest.mark.parametrize("url", ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_a_public_page_that_asks_its_visitors_own_machine(url: str) -> None:
    found = findings(evidence(plan(HTTP_PAGE, url), [exchange("handshake", REFUSED)]))
    assert list(found)[:2] == ["localhost-in-production", "server-refused"]
    assert found["localhost-in-production"].severity == "error"
    found = findings(evidence(plan(HTTP_PAGE, url), healthy(HTTP_PAGE)))
    assert found["localhost-in-production"].severity == "info"


def test_what_listens_on_this_machine_and_fails_has_a_cause_of_its_own() -> None:
    untrusted = failed("tls", phase="tls", detail="self-signed")
    found = findings(evidence(plan(HTTP_PAGE, "https://localhost:3000"), [exchange("handshake", untrusted)]))
    assert next(iter(found)) == "tls-untrusted"
    assert found["localhost-in-production"].severity == "info"


def test_a_page_of_this_machine_may_and_a_public_server_is_none() -> None:
    dev = findings(evidence(plan(DEV_PAGE, "http://localhost:3000"), [exchange("handshake", REFUSED)]))
    assert list(dev) == ["server-refused"]
    public = findings(evidence(plan(HTTP_PAGE, "http://api.example.com"), [exchange("handshake", REFUSED)]))
    assert list(public) == ["server-refused"]
