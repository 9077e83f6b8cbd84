"""A redirected handshake: by https, to another host, to a login; and where the last slash is missing."""

from __future__ import annotations

from sio_doctor.model import Response
from tests.rules.build import PAGE, evidence, exchange, findings, html, node_open, preflight_ok

HTTP = {"url": "http://api.example.com", "origins": ("http://shop.example.com",)}
QUERY = "?EIO=4&transport=polling&t=sio"
#: A list that has no `null`.
LISTED = node_open(("Vary", "Origin"))


def moved(location: str, *headers: tuple[str, str], status: int = 301) -> Response:
    body = "<html>\r\n<head><title>301 Moved Permanently</title></head>\r\n</html>\r\n"
    return html(status, body, ("Server", "nginx/1.22.1"), ("Location", location), *headers, reason="Moved Permanently")


def test_http_to_https() -> None:
    answer = moved(f"https://api.example.com/socket.io/{QUERY}")
    asked = [
        exchange("handshake", answer),
        exchange("redirect", LISTED, url=f"https://api.example.com/socket.io/{QUERY}", origin="null"),
        exchange("control", answer),
    ]
    found = findings(evidence(HTTP, asked))
    assert list(found) == ["redirect-http-to-https"]
    message = found["redirect-http-to-https"].message
    assert "https://api.example.com/socket.io/" in message
    assert "Access-Control-Allow-Origin" in message
    assert "Origin: null" in message
    assert "Location" in {check.header for check in found["redirect-http-to-https"].headers}


def test_a_secure_page_may_not_ask_by_http_at_all_so_that_is_the_cause() -> None:
    plan = {"url": "http://api.example.com", "origins": ("https://shop.example.com",)}
    found = findings(evidence(plan, [exchange("handshake", moved(f"https://api.example.com/socket.io/{QUERY}"))]))
    assert list(found) == ["mixed-content"]


def test_https_to_itself_is_a_lost_x_forwarded_proto() -> None:
    answer = moved(f"https://api.example.com/socket.io/{QUERY}")
    found = findings(evidence({}, [exchange("handshake", answer)]))
    assert list(found) == ["redirect-http-to-https"]
    assert "X-Forwarded-Proto" in found["redirect-http-to-https"].message


def test_a_redirect_to_itself_and_one_back_are_a_circle() -> None:
    there, back = f"http://www.example.com/socket.io/{QUERY}", f"http://api.example.com/socket.io/{QUERY}"
    circle = [exchange("handshake", moved(there)), exchange("redirect", moved(back), url=there, origin="null")]
    found = findings(evidence(HTTP, circle))
    assert list(found) == ["redirect-loop"]
    assert "to http://www.example.com/socket.io/ and back" in found["redirect-loop"].message
    itself = [exchange("handshake", moved(back)), exchange("redirect", moved(back), url=back)]
    assert list(findings(evidence(HTTP, itself))) == ["redirect-loop"]


def test_a_redirect_that_leads_on_is_no_circle() -> None:
    there = f"http://www.example.com/socket.io/{QUERY}"
    on = exchange("redirect", moved("http://other.example.com/"), url=there, origin="null")
    assert list(findings(evidence(HTTP, [exchange("handshake", moved(there)), on]))) == ["redirect-www-apex"]


def test_another_host() -> None:
    answer = moved(f"https://www.example.com/socket.io/{QUERY}")
    found = findings(evidence({}, [exchange("handshake", answer)]))
    assert list(found) == ["redirect-www-apex"]
    assert "https://www.example.com/socket.io/" in found["redirect-www-apex"].message


def test_https_to_http_is_another_address() -> None:
    found = findings(evidence({}, [exchange("handshake", moved(f"http://api.example.com/socket.io/{QUERY}"))]))
    assert list(found) == ["redirect-www-apex"]


def test_a_login() -> None:
    for location in (
        "https://team.cloudflareaccess.com/cdn-cgi/access/login/api.example.com?kid=1",
        "https://login.microsoftonline.com/common/oauth2/authorize",
        "/login?next=%2Fsocket.io%2F",
        "/.auth/login/aad",
        "/oauth2/start?rd=/",
    ):
        assert list(findings(evidence({}, [exchange("handshake", moved(location, status=302))]))) == [
            "redirect-to-login"
        ]


def test_a_host_that_is_merely_called_author_is_no_login() -> None:
    answer = moved("https://authors.example.com/socket.io/", status=302)
    assert list(findings(evidence({}, [exchange("handshake", answer)]))) == ["redirect-www-apex"]


def test_a_missing_slash_is_a_path() -> None:
    answer = moved(f"https://api.example.com/socket.io/{QUERY}")
    found = findings(evidence({"path": "/socket.io"}, [exchange("handshake", answer)]))
    assert list(found) == ["trailing-slash-path"]
    assert "Ask for /socket.io/ at once" in found["trailing-slash-path"].message


def test_an_answer_without_a_redirect_is_none() -> None:
    allowed = ("Access-Control-Allow-Origin", PAGE)
    asked = [exchange("handshake", node_open(allowed)), exchange("simulated-preflight", preflight_ok(allowed))]
    assert not {slug for slug in findings(evidence({}, asked)) if slug.startswith("redirect")}


def test_behind_the_redirect_cors_is_off_too() -> None:
    there = f"https://api.example.com/socket.io/{QUERY}"
    asked = [exchange("handshake", moved(there)), exchange("redirect", node_open(), url=there, origin="null")]
    found = findings(evidence(HTTP, asked))
    assert list(found) == ["redirect-http-to-https", "cors-not-configured"]
    assert "at https://api.example.com, to which the redirect leads," in found["cors-not-configured"].message


def test_a_redirect_to_the_page_s_own_server_needs_no_cors_there() -> None:
    plan = {"url": "http://api.example.com", "origins": ("http://www.example.com",)}
    there = f"http://www.example.com/socket.io/{QUERY}"
    asked = [
        exchange("handshake", moved(there)),
        exchange("redirect", node_open(), url=there, origin="http://www.example.com"),
    ]
    assert list(findings(evidence(plan, asked))) == ["redirect-www-apex"]
