"""Which URLs a page may ask for at all."""

from __future__ import annotations

import pytest

from sio_doctor.standards.mixed_content import names_private_network, should_be_blocked
from sio_doctor.standards.url import parse


@pytest.mark.parametrize(
    ("page", "url", "blocked", "blocked_with_loopback"),
    [
        ("https://app.example.com/", "http://api.example.com/", True, True),
        ("https://app.example.com/", "ws://api.example.com/", True, True),
        ("https://localhost/", "http://192.168.0.2/", True, True),
        ("https://app.example.com/", "http://localhost:3000/", False, True),
        ("https://app.example.com/", "ws://127.0.0.1/", False, True),
        ("https://app.example.com/", "https://api.example.com/", False, False),
        ("https://app.example.com/", "wss://api.example.com/", False, False),
        ("http://app.example.com/", "http://api.example.com/", False, False),
        ("http://localhost/", "http://api.example.com/", False, False),
        ("file:///index.html", "http://api.example.com/", False, False),
    ],
)
def test_mixed_content(page: str, url: str, blocked: bool, blocked_with_loopback: bool) -> None:
    assert should_be_blocked(parse(page), parse(url)) is blocked
    assert should_be_blocked(parse(page), parse(url), loopback_is_trustworthy=False) is blocked_with_loopback


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("192.168.1.5", True),
        ("10.0.0.1:8080", True),
        ("100.64.1.1", True),
        ("169.254.1.1", True),
        ("0.1.2.3", True),
        ("0.0.0.0", True),
        ("[fd00::1]", True),
        ("[::ffff:10.0.0.1]", True),
        ("printer.local", True),
        ("a.printer.local.", True),
        ("172.32.0.1", False),
        ("198.18.0.1", False),
        ("printer", False),
        ("x.lan", False),
        ("api.example.com", False),
    ],
)
def test_private_addresses_as_chromium_156_knows_them_were_measured(host: str, private: bool) -> None:
    url = parse(f"http://{host}/")
    assert names_private_network(url) is private
    assert should_be_blocked(parse("https://app.example.com/"), url, private_is_exempt=True) is not private
    assert should_be_blocked(parse("https://app.example.com/"), url)
