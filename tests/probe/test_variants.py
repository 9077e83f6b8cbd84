"""What is tried in the place of an origin that is refused: what people write by mistake, and nothing at random."""

from __future__ import annotations

import pytest

from sio_doctor.probe.variants import handshakes, variants

LOCAL = "http://localhost:5173"
APP = "https://app.example.com"


def test_a_page_of_the_web() -> None:
    assert variants(APP, "https://api.example.com") == [
        f"{APP}/",
        "*",
        "http://app.example.com",
        "app.example.com",
        "https://www.app.example.com",
        "https://example.com",
        "https://www.example.com",
        "https://App.example.com",
        f"{APP}:443",
        "https://*.example.com",
        "https://api.example.com",
    ]


def test_the_domain_itself_and_its_www() -> None:
    assert "https://www.example.com" in variants("https://example.com")
    assert "https://example.com" in variants("https://www.example.com")
    # No top-level domain has a page.
    assert not {"https://com", "https://www.com", "https://*.com"} & set(variants("https://example.com"))
    assert not {"https://com", "https://*.com"} & set(variants("https://www.example.com"))


def test_a_page_of_this_machine_with_the_ports_of_development() -> None:
    found = variants(LOCAL, "http://127.0.0.1:3456")
    assert found[:6] == [
        f"{LOCAL}/",
        "*",
        "https://localhost:5173",
        "localhost:5173",
        "http://127.0.0.1:5173",
        "http://localhost:3456",
    ]
    ports = {"", ":3000", ":3001", ":4200", ":5000", ":5174", ":8000", ":8080", ":8100"}
    assert {f"http://localhost{port}" for port in ports} <= set(found)
    assert {"http://[::1]:5173", "http://0.0.0.0:5173"} <= set(found)
    assert "http://www.localhost:5173" not in found


@pytest.mark.parametrize(
    ("page", "entry"),
    [
        ("http://127.0.0.1:8000", "http://localhost:8000"),
        ("http://192.168.1.7:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://localhost:8000"),
        ("http://localhost", "http://localhost:80"),
        ("https://localhost", "capacitor://localhost"),
        ("capacitor://localhost", "capacitor://localhost/"),
        ("capacitor://localhost", "https://localhost"),
        ("chrome-extension://abc", "chrome-extension://*"),
        ("null", "file://"),
        ("null", "http://localhost:3000"),
    ],
)
def test_what_is_meant_for_that_page(page: str, entry: str) -> None:
    assert entry in variants(page)


@pytest.mark.parametrize("page", [LOCAL, APP, "https://example.com:8443", "null", "capacitor://localhost", "app://x"])
def test_each_is_tried_once_and_never_the_page_itself(page: str) -> None:
    for found in (variants(page, "http://localhost:3000"), handshakes(page, "http://localhost:3000")):
        assert len(found) == len(set(found))
        assert page not in found


def test_a_session_is_opened_only_for_what_version_2_tells_apart() -> None:
    found = handshakes(APP)
    assert found[:3] == ["http://app.example.com", "https://www.app.example.com", "https://example.com"]
    # 2.4.0 alone compares the whole origin.
    assert {f"{APP}:443", f"{APP}/", "app.example.com", "*:*"} <= set(found)
    assert not {"*", "https://App.example.com", "https://*.example.com"} & set(found)
