"""What the address alone decides: mixed content and bad ports."""

from __future__ import annotations

from tests.rules.build import Asked, evidence, exchange, failed, findings, node_open, response

SECURE = "https://shop.example.com"
HTTPS_URL = "https://api.example.com/socket.io/?EIO=4&transport=polling&t=x"


def healthy(page: str) -> list[Asked]:
    allowed = ("Access-Control-Allow-Origin", page)
    return [
        exchange("handshake", node_open(allowed)),
        exchange("connect", response(200, allowed, body="ok")),
        exchange("poll", response(200, allowed, body='40{"sid":"x"}')),
    ]


def plan(url: str, page: str) -> dict[str, object]:
    return {"url": url, "origins": (page,), "transports": ("polling",)}


def test_a_secure_page_and_an_insecure_server() -> None:
    found = findings(evidence(plan("http://api.example.com", SECURE), healthy(SECURE)))
    assert list(found) == ["mixed-content"]
    assert found["mixed-content"].severity == "error"
    assert found["mixed-content"].browsers == ("chromium", "firefox", "webkit")
    assert SECURE in found["mixed-content"].message


def test_it_says_whether_https_would_do() -> None:
    asked = [*healthy(SECURE), exchange("other-scheme", node_open(), url=HTTPS_URL)]
    message = findings(evidence(plan("http://api.example.com", SECURE), asked))["mixed-content"].message
    assert "use https://" in message
    asked = [*healthy(SECURE), exchange("other-scheme", failed("tls", detail="plain-http"), url=HTTPS_URL)]
    message = findings(evidence(plan("http://api.example.com", SECURE), asked))["mixed-content"].message
    assert "needs a certificate" in message


def test_it_outranks_what_the_server_does_wrong() -> None:
    found = findings(evidence(plan("http://api.example.com", SECURE), [exchange("handshake", node_open())]))
    assert next(iter(found)) == "mixed-content"


def test_loopback_is_safari_s_alone_and_hides_nothing() -> None:
    found = findings(evidence(plan("http://localhost:3000", SECURE), healthy(SECURE)))
    assert [(one.slug, one.severity, one.browsers) for one in found.values()] == [
        ("mixed-content", "warning", ("webkit",)),
        ("local-network-access", "info", ("chromium", "firefox")),
        ("localhost-in-production", "info", ("chromium", "firefox", "webkit")),
    ]
    assert "Safari" in found["mixed-content"].message
    alone = plan("http://localhost:3000", SECURE) | {"browsers": ("webkit",)}
    assert findings(evidence(alone, healthy(SECURE)))["mixed-content"].severity == "error"


def test_an_insecure_page_may_ask() -> None:
    page = "http://shop.example.com"
    assert findings(evidence(plan("http://api.example.com", page), healthy(page))) == {}


def test_nobody_chose_the_stand_in_s_scheme() -> None:
    asked = [exchange("handshake", node_open(("Access-Control-Allow-Origin", "*")))]
    found = findings(evidence(plan("http://api.example.com", SECURE) | {"origins": ()}, asked))
    assert "mixed-content" not in found


def test_a_bad_port() -> None:
    page = "http://shop.example.com"
    found = findings(evidence(plan("http://api.example.com:6000", page), healthy(page)))
    assert list(found) == ["unsafe-port"]
    assert "6000" in found["unsafe-port"].message
    assert findings(evidence(plan("http://api.example.com:6001", page), healthy(page))) == {}
