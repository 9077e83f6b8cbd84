"""An error, a page, a login or a limit answered the handshake: one finding, and it is not about CORS."""

from __future__ import annotations

import pytest

from sio_doctor.model import Response
from tests.rules.build import (
    PAGE,
    Asked,
    evidence,
    exchange,
    failed,
    findings,
    html,
    node_error,
    node_open,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
NGINX = ("Server", "nginx/1.22.1")
NGINX_502 = html(
    502,
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n",
    NGINX,
    reason="Bad Gateway",
)
HAPROXY_503 = html(
    503,
    "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
    ("cache-control", "no-cache"),
    reason="Service Unavailable",
)
CADDY_502 = response(502, ("Server", "Caddy"), ("Content-Length", "0"), reason="Bad Gateway")
NGINX_404 = html(
    404,
    "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
    "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n",
    NGINX,
    reason="Not Found",
)
SPA = html(200, "<!doctype html><html><head><title>SPA</title></head><body></body></html>", NGINX, reason="OK")
SIMPLE_HTTP_404 = html(
    404,
    "<!DOCTYPE HTML>\n<html><head><title>Error response</title></head><body><h1>Error response</h1>\n"
    "<p>Error code explanation: 404 - Nothing matches the given URI.</p></body></html>",
    ("Server", "SimpleHTTP/0.6 Python/3.11.7"),
    reason="File not found",
)
NGINX_401 = html(
    401,
    "<html><head><title>401 Authorization Required</title></head></html>",
    NGINX,
    ("WWW-Authenticate", 'Basic realm="Restricted"'),
    reason="Unauthorized",
)
HAPROXY_403 = html(
    403, "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
)
EXPRESS_429 = response(
    429,
    ("X-Powered-By", "Express"),
    ("X-RateLimit-Limit", "2"),
    ("Retry-After", "60"),
    ("Content-Type", "text/html; charset=utf-8"),
    body="Too many requests, please try again later.",
    reason="Too Many Requests",
)


def everywhere(answer: Response, *, socket: Response | None = None) -> list[Asked]:
    """Whatever is asked gets this answer."""
    asked = [exchange("handshake", answer), exchange("control", answer), exchange("foreign", answer)]
    asked += [exchange("simulated-preflight", answer), exchange("root", answer), exchange("other-protocol", answer)]
    asked += [exchange("other-path", answer, url="/ws/socket.io/"), exchange("client-file", answer)]
    return [*asked, exchange("websocket", socket or answer)]


@pytest.mark.parametrize("answer", [NGINX_502, HAPROXY_503, CADDY_502])
def test_a_gateway_error_is_the_only_finding(answer: Response) -> None:
    found = findings(evidence({}, everywhere(answer)))
    assert list(found) == ["gateway-5xx-no-cors"]
    assert found["gateway-5xx-no-cors"].severity == "error"
    assert str(answer.status) in found["gateway-5xx-no-cors"].message
    assert found["gateway-5xx-no-cors"].headers[0].header == "status"


def test_a_gateway_error_that_the_preflight_meets_first_is_met_there() -> None:
    extra = {"extra_headers": (("my-custom-header", "1"),)}
    asked = [exchange("preflight", NGINX_502), *everywhere(NGINX_502)]
    assert list(findings(evidence(extra, asked))) == ["gateway-5xx-no-cors"]


def test_a_gateway_error_that_comes_and_goes_is_said_to() -> None:
    asked = [exchange("handshake", NGINX_502), exchange("control", node_open(ALLOWED))]
    message = findings(evidence({}, asked))["gateway-5xx-no-cors"].message
    assert "comes and goes" in message

    asked = [exchange("handshake", node_open(ALLOWED)), exchange("control", NGINX_502)]
    assert findings(evidence({}, asked))["gateway-5xx-no-cors"].severity == "warning"


def test_a_gateway_error_that_the_page_meets_behind_the_handshake_is_no_warning() -> None:
    asked = [exchange("handshake", node_open(ALLOWED)), exchange("control", NGINX_502), exchange("connect", NGINX_502)]
    found = findings(evidence({}, asked))
    assert next(iter(found)) == "gateway-5xx-no-cors"
    assert found["gateway-5xx-no-cors"].severity == "error"


def test_a_refusal_of_engine_io_is_no_gateway_error() -> None:
    asked = [exchange("handshake", node_error(3)), exchange("control", node_error(3))]
    assert "gateway-5xx-no-cors" not in findings(evidence({}, asked))


@pytest.mark.parametrize("answer", [SPA, NGINX_404, SIMPLE_HTTP_404])
def test_a_web_page_is_no_handshake(answer: Response) -> None:
    found = findings(evidence({}, everywhere(answer)))
    assert list(found) == ["html-instead-of-handshake"]
    assert "web page" in found["html-instead-of-handshake"].message
    assert found["html-instead-of-handshake"].severity == "error"


def test_json_and_nothing_are_no_handshake_either() -> None:
    api = response(
        200, ("content-type", "application/json"), ("Access-Control-Allow-Origin", "*"), body='{"status":"ok"}'
    )
    assert list(findings(evidence({}, everywhere(api)))) == ["html-instead-of-handshake"]
    caddy = response(200, ("Server", "Caddy"), ("Content-Length", "0"))
    found = findings(evidence({}, everywhere(caddy)))
    assert list(found) == ["html-instead-of-handshake"]
    assert "empty" in found["html-instead-of-handshake"].message


def test_ngrok_s_notice_is_named() -> None:
    notice = html(200, "<!DOCTYPE html><html><head><title>ngrok</title></head><body>ERR_NGROK_6024</body></html>")
    assert "ngrok" in findings(evidence({}, everywhere(notice)))["html-instead-of-handshake"].message


def test_a_client_that_opens_a_websocket_does_not_care_for_the_page() -> None:
    accepted = switching('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    asked = everywhere(SPA, socket=accepted)
    assert "html-instead-of-handshake" not in findings(evidence({"transports": ("websocket",)}, asked))
    assert "A WebSocket opened directly" in findings(evidence({}, asked))["html-instead-of-handshake"].message


def test_a_login_in_front_is_named_with_its_kind() -> None:
    found = findings(evidence({}, everywhere(NGINX_401)))
    assert list(found) == ["basic-auth-or-401"]
    assert "Basic" in found["basic-auth-or-401"].message
    assert {check.header for check in found["basic-auth-or-401"].headers} == {"status", "WWW-Authenticate"}


def test_a_filter_s_403_is_no_allow_request() -> None:
    found = findings(evidence({}, everywhere(HAPROXY_403)))
    assert list(found) == ["basic-auth-or-401"]
    assert "firewall" in found["basic-auth-or-401"].message


def test_the_application_s_own_403_is_not_a_login_in_front() -> None:
    asked = [exchange("handshake", node_error(4, ALLOWED)), exchange("control", node_error(4))]
    assert "basic-auth-or-401" not in findings(evidence({}, asked))


def test_python_4_s_connect_handler_is_the_application_and_no_login_in_front() -> None:
    json = ("Content-Type", "application/json")
    refusal = response(401, json, ALLOWED, body='"not authorized"', reason="UNAUTHORIZED")
    found = findings(evidence({"version": 2, "transports": ("polling",)}, [exchange("handshake", refusal)]))
    assert next(iter(found)) == "connect-middleware-error"
    assert "basic-auth-or-401" not in found


def test_a_rate_limit_is_the_only_finding() -> None:
    found = findings(evidence({}, everywhere(EXPRESS_429)))
    assert list(found) == ["rate-limit"]
    assert "60 seconds" in found["rate-limit"].message
    assert found["rate-limit"].severity == "error"


def test_a_rate_limit_behind_the_handshake_is_the_headline() -> None:
    asked = [exchange("handshake", node_open(ALLOWED)), exchange("connect", EXPRESS_429)]
    found = findings(evidence({"transports": ("polling",)}, asked))
    assert next(iter(found)) == "rate-limit"
    assert found["rate-limit"].severity == "error"


def test_a_limit_that_this_run_met_alone_is_a_warning() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED)),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
        exchange("control", EXPRESS_429),
    ]
    found = findings(evidence({"transports": ("polling",)}, asked))
    assert list(found) == ["rate-limit"]
    assert found["rate-limit"].severity == "warning"


def test_a_healthy_server_has_none_of_these() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED, ("Vary", "Origin"))),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
        exchange("control", node_open(("Vary", "Origin"))),
        exchange("foreign", node_open(("Vary", "Origin"))),
        exchange("client-file", failed("timeout", phase="head")),
    ]
    assert findings(evidence({"transports": ("polling",)}, asked)) == {}


NGINX_LIMIT = html(
    503,
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n"
    "</body>\r\n</html>\r\n",
    ("Server", "nginx/1.22.1"),
)


def test_nginxs_own_503_is_a_limit_where_other_requests_pass() -> None:
    limited = evidence({}, [exchange("control", node_open()), exchange("handshake", NGINX_LIMIT)])
    found = findings(limited)
    assert next(iter(found)) == "rate-limit"
    assert "gateway-5xx-no-cors" not in found


def test_a_503_to_everybody_or_somebody_elses_is_a_server_that_fails() -> None:
    whole = evidence({}, [exchange("control", NGINX_LIMIT), exchange("handshake", NGINX_LIMIT)])
    assert next(iter(findings(whole))) == "gateway-5xx-no-cors"
    down = html(503, "<html><body><h1>503 Service Unavailable</h1></body></html>")
    assert "rate-limit" not in findings(evidence({}, [exchange("control", node_open()), exchange("handshake", down)]))
