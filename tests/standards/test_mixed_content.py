"""Which URLs a page may ask for at all."""

from __future__ import annotations

import pytest

from sio_doctor.standards.mixed_content import should_be_blocked
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
