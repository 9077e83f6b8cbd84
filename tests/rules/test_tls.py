"""The certificate, its name and date, and http and https mixed up."""

from __future__ import annotations

import pytest

from sio_doctor.model import Certificate, Evidence, NetworkOptions, Vantage
from tests.rules.build import (
    PAGE,
    Asked,
    evidence,
    exchange,
    failed,
    findings,
    html,
    node_open,
    preflight_ok,
    response,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
HTTP = {"url": "http://api.example.com:8443", "origins": ("http://shop.example.com",)}
HTTPS_URL = "https://api.example.com:8443/socket.io/?EIO=4&transport=polling&t=x"
CLOSED = failed("closed", phase="head")
NGINX_400 = html(
    400,
    "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
    ("Server", "nginx/1.22.1"),
    reason="Bad Request",
)


def refused_exchanges(detail: str) -> list[Asked]:
    """A certificate that is not taken, and a healthy server behind it."""
    return [
        exchange("handshake", failed("tls", phase="tls", detail=detail)),
        exchange("handshake", node_open(ALLOWED), verified=False),
        exchange("control", node_open(), verified=False),
    ]


def refused(detail: str) -> Evidence:
    return evidence({}, refused_exchanges(detail))


@pytest.mark.parametrize("detail", ["self-signed", "unknown-issuer", "other", "protocol", "handshake"])
def test_a_certificate_that_nobody_trusts(detail: str) -> None:
    found = findings(refused(detail))
    assert list(found) == ["tls-untrusted"]
    assert found["tls-untrusted"].severity == "error"
    assert "api.example.com:443" in found["tls-untrusted"].message


def test_the_preflight_meets_the_certificate_first() -> None:
    asked = [
        exchange("preflight", failed("tls", phase="tls", detail="self-signed")),
        exchange("preflight", preflight_ok(ALLOWED), verified=False),
        exchange("handshake", node_open(ALLOWED), verified=False),
    ]
    assert list(findings(evidence({"extra_headers": (("x-key", "1"),)}, asked))) == ["tls-untrusted"]


def test_the_certificate_keeps_out_every_page() -> None:
    other = "https://admin.example.com"
    asked = [
        *refused_exchanges("self-signed"),
        exchange("handshake", node_open(("Access-Control-Allow-Origin", other)), origin=other, verified=False),
    ]
    found = findings(evidence({"origins": (PAGE, other)}, asked))
    assert [(name, finding.origins) for name, finding in found.items()] == [("tls-untrusted", (PAGE, other))]


@pytest.mark.parametrize(
    ("certificate", "words", "not_words"),
    [
        (Certificate(issuer="R11", names_issuer=True), ["R11", "incomplete", "fullchain.pem", "Firefox"], ["private"]),
        (Certificate(issuer="Own CA"), ["Own CA", "sent alone", "private authority", "fullchain.pem"], ["incomplete"]),
        (Certificate(issuer="Mid", sent=2, top_issuer="Own CA"), ["Mid", "Own CA", "private"], ["fullchain"]),
        (Certificate(issuer="Mid", sent=3, ends_in_root=True), ["Mid", "root", "private"], ["fullchain"]),
        (None, ["private authority", "intermediate"], []),
    ],
)
def test_an_incomplete_chain_is_told_from_an_unknown_authority(
    certificate: Certificate | None, words: list[str], not_words: list[str]
) -> None:
    asked = refused_exchanges("unknown-issuer")
    found = findings(evidence({}, asked, certificate=certificate))
    assert list(found) == ["tls-untrusted"]
    assert not [word for word in words if word not in found["tls-untrusted"].message]
    assert not [word for word in not_words if word in found["tls-untrusted"].message]


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("hostname", "not for the name api.example.com, but for a.example, b.example and c.example and 1 more"),
        ("expired", "expired on 2026-01-02"),
        ("not-yet-valid", "but from 2030-01-02 on"),
        ("unrecognized-name", "has no certificate for the name api.example.com"),
    ],
)
def test_what_the_certificate_says_is_said(detail: str, words: str) -> None:
    names = ("a.example", "b.example", "c.example", "d.example")
    certificate = Certificate(names=names, not_before="2030-01-02T00:00:00Z", not_after="2026-01-02T00:00:00Z")
    gathered = evidence({}, refused_exchanges(detail), certificate=certificate)
    assert words in findings(gathered)["tls-name-or-date"].message


@pytest.mark.parametrize("detail", ["self-signed", "hostname"])
def test_a_certificate_that_is_let_pass_is_a_warning(detail: str) -> None:
    plan = {"network": NetworkOptions(insecure=True), "transports": ("polling",)}
    joined = [
        exchange("connect", response(200, ALLOWED, body="ok"), verified=False),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}'), verified=False),
    ]
    found = findings(evidence(plan, [*refused_exchanges(detail), *joined]))
    assert [finding.severity for finding in found.values()] == ["warning"]
    assert "With --insecure it was let pass." in next(iter(found.values())).message


def test_past_the_certificate_the_real_cause_comes_first() -> None:
    asked = [
        exchange("handshake", failed("tls", phase="tls", detail="self-signed")),
        exchange("handshake", node_open(), verified=False),
        exchange("control", node_open(), verified=False),
        exchange("foreign", node_open(), verified=False),
    ]
    found = findings(evidence({"network": NetworkOptions(insecure=True)}, asked))
    assert [(slug, finding.severity) for slug, finding in found.items()] == [
        ("cors-not-configured", "error"),
        ("tls-untrusted", "warning"),
    ]


def test_past_the_certificate_silence_is_silence() -> None:
    asked = [
        exchange("handshake", failed("tls", phase="tls", detail="self-signed")),
        exchange("handshake", failed("timeout", phase="head"), verified=False),
    ]
    found = findings(evidence({"network": NetworkOptions(insecure=True)}, asked))
    assert list(found) == ["server-timeout", "tls-untrusted"]


# --- a certificate of the client -------------------------------------------------------------------------------------

NO_CERTIFICATE = html(400, "<html><head><title>400 No required SSL certificate was sent</title></head></html>")


@pytest.mark.parametrize("answer", [failed("tls", phase="head", detail="client-certificate"), NO_CERTIFICATE])
def test_the_client_s_own_certificate_is_wanted(answer: object) -> None:
    found = findings(evidence({}, [exchange("handshake", answer)]))  # type: ignore[arg-type]
    assert list(found) == ["tls-client-certificate"]
    assert "withCredentials" in found["tls-client-certificate"].message


def test_a_reset_may_overtake_the_alert() -> None:
    asked = [
        exchange("handshake", failed("reset", phase="head")),
        exchange("control", failed("tls", phase="head", detail="client-certificate")),
    ]
    assert list(findings(evidence({}, asked))) == ["tls-client-certificate"]


def test_another_400_is_none() -> None:
    assert "tls-client-certificate" not in findings(evidence({}, [exchange("handshake", html(400, "Bad Request"))]))


# --- the CDN ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [521, 525, 526])
@pytest.mark.parametrize("sign", [("Server", "cloudflare"), ("CF-RAY", "8f1c2d3e4f5a6b7c-FRA")])
def test_the_cdn_does_not_get_through(status: int, sign: tuple[str, str]) -> None:
    found = findings(evidence({}, [exchange("handshake", html(status, "error", sign))]))
    assert list(found) == ["tls-cdn-origin"]
    assert f"Cloudflare answers {status}" in found["tls-cdn-origin"].message


@pytest.mark.parametrize(("status", "sign"), [(525, ("Server", "nginx")), (502, ("Server", "cloudflare"))])
def test_another_gateway_or_another_status_is_not_that(status: int, sign: tuple[str, str]) -> None:
    assert list(findings(evidence({}, [exchange("handshake", html(status, "error", sign))]))) == ["gateway-5xx-no-cors"]


@pytest.mark.parametrize(
    ("url", "addresses", "slug"),
    [
        ("https://api.example.com:3000", ("104.16.1.1", "2606:4700::1"), "tls-cdn-origin"),
        ("http://api.example.com:3000", ("104.16.1.1",), "tls-cdn-origin"),
        ("https://api.example.com:8443", ("104.16.1.1",), "server-timeout"),
        ("https://api.example.com:3000", ("104.16.1.1", "192.0.2.1"), "server-timeout"),
        ("https://api.example.com:3000", (), "server-timeout"),
    ],
)
def test_a_port_that_the_cdn_does_not_pass_on(url: str, addresses: tuple[str, ...], slug: str) -> None:
    vantage = Vantage(host="here", addresses={"api.example.com": addresses})
    asked = [exchange("handshake", failed("timeout", phase="connect"))]
    plan = {"url": url, "origins": (url.partition(":")[0] + "://shop.example.com",)}
    assert list(findings(evidence(plan, asked, vantage=vantage))) == [slug]


def test_silence_to_tls_where_http_answers() -> None:
    plain = "http://api.example.com:443/socket.io/?EIO=4&transport=polling&t=x"
    asked = [
        exchange("handshake", failed("timeout", phase="tls")),
        exchange("other-scheme", node_open(), url=plain, verified=False),
    ]
    assert list(findings(evidence({}, asked))) == ["tls-plain-mixup"]
    assert list(findings(evidence({}, asked[:1]))) == ["server-timeout"]


@pytest.mark.parametrize("detail", ["expired", "hostname", "not-yet-valid"])
def test_a_trusted_certificate_that_does_not_fit(detail: str) -> None:
    assert list(findings(refused(detail))) == ["tls-name-or-date"]


def test_https_to_a_plain_port() -> None:
    plain = "http://api.example.com/socket.io/?EIO=4&transport=polling&t=x"
    asked = [exchange("handshake", failed("tls", phase="tls", detail="plain-http"))]
    found = findings(evidence({}, asked))
    assert list(found) == ["tls-plain-mixup"]
    asked = [
        exchange("handshake", failed("tls", phase="tls", detail="plain-http")),
        exchange("other-scheme", node_open(), url=plain.replace("example.com", "example.com:443"), verified=False),
    ]
    found = findings(evidence({}, asked))
    assert list(found) == ["tls-plain-mixup"]
    assert "By http:// Socket.IO answers there" in found["tls-plain-mixup"].message


@pytest.mark.parametrize("failure", [CLOSED, failed("reset", phase="head")])
def test_http_to_a_tls_port(failure: object) -> None:
    asked = [
        exchange("handshake", failure),  # type: ignore[arg-type]
        exchange("other-scheme", node_open(), url=HTTPS_URL, verified=False),
    ]
    found = findings(evidence(HTTP, asked))
    assert list(found) == ["tls-plain-mixup"]
    assert "By https:// Socket.IO answers there" in found["tls-plain-mixup"].message


def test_a_tls_alert_is_enough() -> None:
    asked = [exchange("handshake", failed("not-http", phase="head", detail="\x15\x03\x01\x00\x02\x02F"))]
    assert list(findings(evidence(HTTP, asked))) == ["tls-plain-mixup"]


def test_nginx_says_it_in_words() -> None:
    asked = [exchange("handshake", NGINX_400), exchange("control", NGINX_400)]
    asked.append(exchange("other-scheme", node_open(), url=HTTPS_URL, verified=False))
    assert list(findings(evidence(HTTP, asked))) == ["tls-plain-mixup"]


def test_a_closed_connection_without_https_is_no_mixup() -> None:
    asked = [
        exchange("handshake", CLOSED),
        exchange("other-scheme", failed("tls", phase="tls", detail="plain-http"), url=HTTPS_URL),
    ]
    assert list(findings(evidence(HTTP, asked))) == ["connection-reset"]


def test_a_trusted_certificate_is_no_finding() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
    ]
    assert findings(evidence({"transports": ("polling",)}, asked)) == {}
