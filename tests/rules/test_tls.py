"""The certificate, its name and date, and http and https mixed up."""

from __future__ import annotations

import pytest

from sio_doctor.model import Evidence
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


@pytest.mark.parametrize("detail", ["self-signed", "unknown-issuer", "other", "protocol"])
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
