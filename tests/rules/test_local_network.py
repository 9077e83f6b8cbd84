"""A permission prompt is told from the addresses, and never as certainty."""

from __future__ import annotations

import pytest

from sio_doctor.model import Finding
from tests.rules.build import evidence, exchange, findings, node_open, response


def found(url: str, page: str, **options: object) -> Finding | None:
    allowed = ("Access-Control-Allow-Origin", page)
    asked = [
        exchange("handshake", node_open(allowed)),
        exchange("connect", response(200, allowed, body="ok")),
        exchange("poll", response(200, allowed, body='40{"sid":"x"}')),
    ]
    plan = {"url": url, "origins": (page,), "transports": ("polling",), **options}
    return findings(evidence(plan, asked)).get("local-network-access")


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"])
def test_a_page_with_a_name_and_a_server_on_loopback_may_meet_a_prompt(url: str) -> None:
    finding = found(url, "http://app.example.com")
    assert finding is not None
    assert finding.severity == "info"
    assert "If it is loaded from a public address" in finding.message
    assert "142" in finding.message
    assert "153" in finding.message
    assert finding.browsers == ("chromium", "firefox")


def test_a_page_at_a_public_address_does() -> None:
    finding = found("http://192.168.1.5:3000", "http://8.8.8.8")
    assert finding is not None
    assert finding.severity == "warning"
    assert "a private network" in finding.message
    assert "without asking" in finding.message


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://127.0.0.1:3000", "http://localhost:8080"),
        ("http://127.0.0.1:3000", "http://192.168.1.7:8080"),
        ("http://192.168.1.5:3000", "http://127.0.0.1:8080"),
        ("http://192.168.1.5:3000", "http://printer.local"),
        ("http://127.0.0.1:3000", "http://intranet"),
        ("http://127.0.0.1:3000", "http://app.test"),
        ("http://127.0.0.1:3000", "capacitor://localhost"),
        ("http://127.0.0.1:3000", "null"),
        ("http://8.8.4.4:3000", "http://app.example.com"),
        ("http://api.example.com", "http://app.example.com"),
    ],
)
def test_pages_from_the_same_place_and_public_servers_are_not_asked_about(url: str, page: str) -> None:
    assert found(url, page) is None


def test_safari_does_not_ask() -> None:
    assert found("http://127.0.0.1:3000", "http://app.example.com", browsers=("webkit",)) is None
