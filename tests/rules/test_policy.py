"""The page's own Content-Security-Policy."""

from __future__ import annotations

from typing import Any

from sio_doctor.examine import report_on
from sio_doctor.model import Evidence, Finding
from tests.rules.build import Asked, evidence, exchange, failed, findings, node_open, response, switching

PAGE = "https://shop.example.com"
SERVER = "https://api.example.com"
ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OPEN = '0{"sid":"w","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


def visit(*policies: str, body: str = "", report_only: str = "", url: str = f"{PAGE}/chat") -> Asked:
    headers = [("Content-Security-Policy", policy) for policy in policies]
    if report_only:
        headers.append(("Content-Security-Policy-Report-Only", report_only))
    return exchange("page", response(200, ("Content-Type", "text/html"), *headers, body=body, reason="OK"), url=url)


def gathered(page: Asked, *, cors: bool = True, **plan: Any) -> Evidence:
    allowed = [ALLOWED] if cors else []
    asked = [
        page,
        exchange("handshake", node_open(*allowed)),
        exchange("connect", response(200, *allowed, body="ok")),
        exchange("poll", response(200, *allowed, body='40{"sid":"x"}')),
        exchange("upgrade", switching("3probe", sent=("2probe", "5"))),
        exchange("websocket", switching(OPEN, '40{"sid":"y"}', sent=("40",))),
    ]
    fields: dict[str, Any] = {"page": f"{PAGE}/chat", "origins": (PAGE,), "url": SERVER, **plan}
    return evidence(fields, asked)


def found(page: Asked, **plan: Any) -> dict[str, Finding]:
    return findings(gathered(page, **plan))


def test_a_policy_that_lists_nobody_else() -> None:
    [finding] = found(visit("default-src *; connect-src 'self'")).values()
    assert (finding.slug, finding.severity, finding.origins) == ("csp-connect-src", "error", (PAGE,))
    assert finding.browsers == ("chromium", "firefox", "webkit")
    assert f"does not let it connect to {SERVER} or wss://api.example.com: it says \"connect-src 'self'\"" in (
        finding.message
    )
    assert "sends nothing at all" in finding.message
    [checked] = finding.headers
    assert (checked.needed, checked.found) == (f"connect-src {SERVER} wss://api.example.com", "connect-src 'self'")
    assert finding.exchanges == (1,)


def test_https_alone_is_enough_for_polling_and_not_for_the_upgrade() -> None:
    page = visit(f"connect-src 'self' {SERVER}")
    [finding] = found(page).values()
    assert (finding.slug, finding.severity) == ("csp-connect-src", "warning")
    assert "connect to wss://api.example.com:" in finding.message
    assert f"It does list {SERVER}: for polling that is enough" in finding.message
    assert found(page, transports=("websocket",))["csp-connect-src"].severity == "error"
    assert found(page, transports=("polling",)) == {}


def test_wss_alone_is_taken_for_https_by_safari() -> None:
    [finding] = found(visit("connect-src wss://api.example.com")).values()
    assert (finding.severity, finding.browsers) == ("error", ("chromium", "firefox"))
    assert "begins by polling" in finding.message
    assert "That holds in Chromium and Firefox" in finding.message


def test_default_src_stands_in_and_is_said() -> None:
    finding = found(visit("default-src 'self'; img-src *"))["csp-connect-src"]
    assert "it says \"default-src 'self'\". It has no connect-src" in finding.message


def test_a_meta_element_is_said() -> None:
    meta = '<meta http-equiv="Content-Security-Policy" content="connect-src \'self\'">'
    assert "Content-Security-Policy (a meta element)" in found(visit(body=meta))["csp-connect-src"].message


def test_policies_that_let_it_connect() -> None:
    for policy in (
        "connect-src https://api.example.com wss://api.example.com",
        "connect-src *",
        "connect-src https: wss:",
        "default-src 'none'; connect-src https://*.example.com wss://*.example.com",
        "default-src 'self'; connect-src https://api.example.com/socket.io/ wss://api.example.com/socket.io/",
        "script-src 'self'",
    ):
        assert found(visit(policy)) == {}, policy
    assert found(visit(report_only="connect-src 'self'")) == {}
    assert found(visit()) == {}


def test_self_covers_the_page_s_own_server_by_both() -> None:
    assert "csp-connect-src" not in found(visit("default-src 'self'"), url=PAGE)
    assert "csp-connect-src" in found(visit("default-src 'self'"), url=f"{PAGE}:8443")


def test_a_policy_of_one_page_is_not_another_s() -> None:
    other = "https://admin.example.com"
    finding = found(visit("connect-src 'self'"), origins=(PAGE, other))["csp-connect-src"]
    assert finding.origins == (PAGE,)


def test_what_would_fail_next_is_named_behind_it() -> None:
    both = findings(gathered(visit("connect-src 'self'"), cors=False))
    assert list(both) == ["csp-connect-src", "cors-not-configured"]


def test_the_report_has_the_page_and_the_cure_of_its_own_policy() -> None:
    report = report_on(gathered(visit("default-src 'none'; connect-src 'self' https://stats.example.com; img-src *")))
    assert report.page is not None
    assert (report.page.url, report.page.origin, report.page.status) == (f"{PAGE}/chat", PAGE, 200)
    [outcome] = [one for one in report.outcomes if one.browser == "chromium"]
    assert (outcome.connects, outcome.error, outcome.polling.code) == (False, "xhr poll error", "csp")
    [fix] = report.findings[0].fixes
    assert fix.before == (
        "Content-Security-Policy: default-src 'none'; connect-src 'self' https://stats.example.com; img-src *"
    )
    assert fix.after == (
        "Content-Security-Policy: default-src 'none'; connect-src 'self' https://stats.example.com "
        "https://api.example.com wss://api.example.com; img-src *"
    )


def test_the_cure_of_a_meta_element_without_connect_src() -> None:
    meta = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    [fix] = report_on(gathered(visit(body=meta))).findings[0].fixes
    assert fix.language == "html"
    assert fix.after == (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        'connect-src https://api.example.com wss://api.example.com">'
    )


def test_only_what_is_missing_is_added_to_each_policy_that_lacks_it() -> None:
    page = visit(f"connect-src 'self' {SERVER}, default-src 'self'", "connect-src *")
    [fix] = report_on(gathered(page)).findings[0].fixes
    assert fix.after == (
        "Content-Security-Policy: connect-src 'self' https://api.example.com wss://api.example.com, "
        "default-src 'self'; connect-src 'self' https://api.example.com wss://api.example.com"
    )


def test_what_each_client_hears_of_a_websocket_that_is_refused() -> None:
    report = report_on(gathered(visit("connect-src 'self'"), transports=("websocket",)))
    assert {one.browser: one.error for one in report.outcomes} == {
        "chromium": "websocket error",
        "firefox": "",
        "webkit": "The operation is insecure.",
    }


def test_safari_upgrades_requests_to_loopback_as_well() -> None:
    page, local = "http://localhost:5173", "http://localhost:3000"
    allowed = ("Access-Control-Allow-Origin", page)
    secure = "https://localhost:3000/socket.io/?EIO=4&transport=polling&t=x"
    plain = "ws://localhost:3000/socket.io/?EIO=4&transport=websocket"
    asked = [
        visit("default-src 'self' localhost:3000 ws:; upgrade-insecure-requests", url=f"{page}/"),
        exchange("handshake", node_open(allowed)),
        exchange("connect", response(200, allowed, body="ok")),
        exchange("poll", response(200, allowed, body='40{"sid":"x"}')),
        exchange("upgrade", switching("3probe", sent=("2probe", "5"))),
        exchange("websocket", switching(OPEN, '40{"sid":"y"}', sent=("40",)), url=plain),
        exchange("handshake", failed("tls", detail="plain-http", phase="tls"), url=secure),
    ]
    whole = evidence({"page": f"{page}/", "origins": (page,), "url": local}, asked)
    finding = findings(whole)["csp-upgrade-insecure"]
    assert (finding.severity, finding.browsers) == ("error", ("webkit",))
    assert "Safari asks https://localhost:3000/socket.io/ instead" in finding.message
    plain_page = [visit("default-src 'self' localhost:3000 ws:", url=f"{page}/"), *asked[1:]]
    assert "csp-upgrade-insecure" not in findings(
        evidence({"page": f"{page}/", "origins": (page,), "url": local}, plain_page)
    )
