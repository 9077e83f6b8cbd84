"""Each mark by which a layer or a release is known, and beside it the nearest look-alike, which claims nothing."""

from __future__ import annotations

import pytest

from sio_doctor.model import Frame, Response, Server
from sio_doctor.stacks import identify
from tests.rules.build import (
    NODE_TAIL,
    PAGE,
    SID,
    Asked,
    evidence,
    exchange,
    failed,
    html,
    node_error,
    node_open,
    node_v2_open,
    open_data,
    preflight_ok,
    python_error,
    response,
    switching,
)

JSON = ("Content-Type", "application/json; charset=utf-8")
PLAIN = ("Content-Type", "text/plain; charset=utf-8")
NOSNIFF = ("X-Content-Type-Options", "nosniff")
FLASK = (
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not "
    "found on the server. If you entered the URL manually please check your spelling and try again.</p>\n"
)
DJANGO = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not Found</h1>'
    "<p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"
)
EXPRESS = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
    "<pre>Cannot GET /sio-doctor-nowhere</pre>\n</body>\n</html>\n"
)
FASTIFY = '{"message":"Route GET:/sio-doctor-nowhere not found","error":"Not Found","statusCode":404}'
NEST = '{"message":"Cannot GET /sio-doctor-nowhere","error":"Not Found","statusCode":404}'
SPRING = '{"timestamp":"2026-11-23T10:00:00.000+00:00","status":404,"error":"Not Found","path":"/sio-doctor-nowhere"}'


def told(*asked: Asked) -> Server:
    return identify(evidence({}, asked))


def nowhere(answer: Response) -> Asked:
    return exchange("nowhere", answer, url="https://api.example.com/sio-doctor-nowhere")


# --- frameworks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "answer"),
    [
        ("Flask", html(404, FLASK)),
        ("Django", html(404, DJANGO)),
        ("Express", html(404, EXPRESS)),
        ("NestJS", response(404, JSON, body=NEST)),
        ("Fastify", response(404, JSON, body=FASTIFY)),
        ("FastAPI", response(404, JSON, body='{"detail":"Not Found"}')),
        ("Go", response(404, PLAIN, NOSNIFF, body="404 page not found\n")),
        ("Spring Boot", response(404, JSON, body=SPRING)),
        ("Next.js", html(404, "<html>404</html>", ("X-Powered-By", "Next.js"))),
        ("PHP 8.2.1", html(200, "", ("X-Powered-By", "PHP/8.2.1"))),
    ],
)
def test_a_framework_is_known_by_its_own_404(layer: str, answer: Response) -> None:
    server = told(exchange("handshake", node_open()), nowhere(answer))
    assert server.stack == "socket.io"
    assert server.layers == (layer,)
    assert any(layer.split()[0] in phrase or "detail" in phrase for phrase in server.evidence)


@pytest.mark.parametrize(
    "answer",
    [
        html(404, "<h1>Not Found</h1>"),
        html(200, FLASK),
        html(404, FLASK.replace("manually", "by hand")),
        html(404, f"<p>As the page says:</p>{DJANGO}"),
        html(404, "<pre>Cannot GET /sio-doctor-nowhere</pre>"),
        html(404, FASTIFY),
        response(404, JSON, body='{"message":"Route not found","error":"Not Found","statusCode":404}'),
        response(404, JSON, body='{"message":"Not Found","error":"Not Found","statusCode":404}'),
        response(404, JSON, body='{"detail":"Not found."}'),
        response(404, PLAIN, body="404 page not found\n"),
        response(404, PLAIN, NOSNIFF, body="404 page not found: /sio-doctor-nowhere"),
        response(404, PLAIN, body="Not Found"),
        response(404, JSON, body='{"status":404,"error":"Not Found"}'),
        html(404, "", ("X-Powered-By", "coffee")),
    ],
)
def test_another_404_tells_no_framework(answer: Response) -> None:
    assert told(exchange("handshake", node_open()), nowhere(answer)).layers == ()


# --- platforms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "header"),
    [
        ("Cloudflare", ("CF-RAY", "8c1-FRA")),
        ("CloudFront", ("X-Amz-Cf-Id", "abc==")),
        ("CloudFront", ("Via", "1.1 0123.cloudfront.net (CloudFront)")),
        ("API Gateway", ("Apigw-Requestid", "abc=")),
        ("AWS ALB", ("Server", "awselb/2.0")),
        ("AWS ALB", ("Set-Cookie", "AWSALB=abc; Expires=Mon, 30 Nov 2026 10:00:00 GMT; Path=/")),
        ("Google Frontend", ("Server", "Google Frontend")),
        ("Google load balancer", ("Via", "1.1 google")),
        ("Heroku", ("Via", "1.1 heroku-router")),
        ("Heroku", ("Via", "1.1 vegur")),
        ("Fly.io", ("Fly-Request-Id", "01J")),
        ("Render", ("x-render-origin-server", "Render")),
        ("Railway", ("X-Railway-Request-Id", "abc")),
        ("Vercel", ("X-Vercel-Id", "fra1::abc")),
        ("Netlify", ("X-Nf-Request-Id", "01J")),
        ("Azure App Service", ("Set-Cookie", "ARRAffinity=abc;Path=/;HttpOnly;Secure;Domain=x.azurewebsites.net")),
        ("Microsoft-IIS 10.0", ("Server", "Microsoft-IIS/10.0")),
        ("ngrok", ("Ngrok-Error-Code", "ERR_NGROK_3200")),
        ("ingress-nginx", ("Set-Cookie", "INGRESSCOOKIE=1700000000.1; Path=/; HttpOnly")),
        ("Varnish", ("X-Varnish", "32770")),
        ("LiteSpeed", ("Server", "LiteSpeed")),
        ("envoy", ("Server", "envoy")),
        ("envoy", ("x-envoy-upstream-service-time", "3")),
        ("Caddy", ("Via", "1.1 Caddy")),
    ],
)
def test_a_platform_is_known_by_what_only_it_sends(layer: str, header: tuple[str, str]) -> None:
    server = told(exchange("handshake", html(502, "", header)))
    assert server.layers == (layer,)
    assert server.evidence


@pytest.mark.parametrize(
    "header",
    [
        ("Strict-Transport-Security", "max-age=15724800; includeSubDomains"),
        ("Set-Cookie", "route=abc; Path=/"),
        ("Set-Cookie", "session=AWSALB; Path=/"),
        ("Set-Cookie", "my_ARRAffinity=abc"),
        ("Via", "1.1 proxy.example.com"),
        ("Via", "1.1 google.example.com"),
        ("X-Request-Id", "abc"),
        ("X-Amzn-Trace-Id", "Root=1-abc"),
        ("X-Served-By", "app-1"),
        ("X-Cache", "HIT"),
    ],
)
def test_what_anybody_may_send_tells_no_platform(header: tuple[str, str]) -> None:
    assert told(exchange("handshake", html(502, "", header))).layers == ()


@pytest.mark.parametrize(
    ("layer", "body"),
    [
        ("envoy", "upstream connect error or disconnect/reset before headers. reset reason: connection failure"),
        ("Varnish", "<html><h1>Error 503</h1><p>Guru Meditation:</p><p>XID: 1</p></html>"),
        ("ingress-nginx", "default backend - 404"),
        ("Apache 2.4.62", "<hr>\n<address>Apache/2.4.62 (Debian) Server at api.example.com Port 80</address>\n"),
        ("nginx 1.22.1", "<center>nginx/1.22.1</center>"),
        ("OpenResty", "<center>openresty</center>"),
    ],
)
def test_a_proxy_is_known_by_its_error_page_alone(layer: str, body: str) -> None:
    assert told(exchange("handshake", html(503, body))).layers == (layer,)
    assert told(exchange("handshake", html(200, body))).layers == ()


# --- hosts of Python -------------------------------------------------------------------------------------------------


def python_open(*headers: tuple[str, str]) -> Response:
    body = f'0{{"sid":"{SID}","upgrades":["websocket"],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}}'
    return response(200, *headers, PLAIN, body=body)


def test_the_wsgi_server_is_known_by_its_words() -> None:
    shouted = response(400, ("Content-Type", "text/plain"), body='"Invalid transport"', reason="BAD REQUEST")
    assert told(exchange("handshake", python_error("Not an accepted origin."))).layers == ("WSGI",)
    assert told(exchange("handshake", shouted)).layers == ("WSGI",)
    named = response(
        400, ("Server", "gunicorn"), ("Content-Type", "text/plain"), body='"Invalid transport"', reason="BAD REQUEST"
    )
    assert told(exchange("handshake", named)).layers == ("gunicorn",)


def test_the_async_server_is_not_taken_for_wsgi() -> None:
    assert told(exchange("handshake", python_error(f"{PAGE} is not an accepted origin."))).layers == ()
    assert told(exchange("handshake", html(400, "", reason="BAD REQUEST"))).layers == ()


def test_sanic_is_known_by_its_heads_and_its_404() -> None:
    cors = ("Access-Control-Allow-Origin", PAGE)
    tail = (("content-length", "118"), ("connection", "keep-alive"), ("content-type", "text/plain; charset=UTF-8"))
    heads = response(200, cors, *tail, body=python_open().body)
    page = response(404, PLAIN, body="⚠️ 404 — Not Found\n==================\nRequested URL /x not found\n\n")
    assert told(exchange("handshake", heads)).layers == ("Sanic",)
    assert told(exchange("handshake", python_open(cors)), nowhere(page)).layers == ("Sanic",)


def test_heads_that_a_proxy_wrote_are_not_taken_for_sanic() -> None:
    tail = (("content-length", "118"), ("connection", "keep-alive"), ("content-type", "text/plain; charset=UTF-8"))
    lower = response(200, ("access-control-allow-origin", PAGE), *tail, body=python_open().body)
    dated = response(200, ("Access-Control-Allow-Origin", PAGE), ("date", "now"), *tail, body=python_open().body)
    assert told(exchange("handshake", lower)).layers == ()
    assert told(exchange("handshake", dated)).layers == ()


# --- releases --------------------------------------------------------------------------------------------------------


def versions(server: Server) -> tuple[str | None, str | None, str | None]:
    return server.version, server.since, server.until


def older(data: str, *headers: tuple[str, str]) -> Response:
    """A handshake of Node's before 4.7, with that open packet."""
    return response(200, *headers, ("Content-Type", "text/plain; charset=UTF-8"), *NODE_TAIL, body=data)


def test_the_101_tells_4_6_by_its_cors_headers() -> None:
    cors = (("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin"))
    polled = exchange("handshake", older(open_data(), *cors))
    preflight = exchange("simulated-preflight", preflight_ok(*cors))
    opened = open_data(upgrades=())
    with_it = exchange("websocket", switching(opened, headers=cors))
    without = exchange("websocket", switching(opened))
    assert versions(told(polled, preflight, with_it)) == ("4.6–4.7.2", "4.6.0", "4.7.2")
    assert versions(told(polled, preflight, without)) == ("4.5.x", "4.5.0", "4.5.4")


def test_the_101_tells_nothing_where_polling_has_no_cors_headers_either() -> None:
    opened = exchange("websocket", switching(open_data(upgrades=())))
    assert versions(told(exchange("handshake", older(open_data())), opened))[2] == "4.7.2"


def test_the_101_tells_nothing_behind_a_proxy() -> None:
    """Apache keeps its Server header, and every other that it adds, out of the 101."""
    cors = (("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin"), ("Server", "Apache"))
    polled = exchange("handshake", node_open(*cors))
    asked = (polled, exchange("simulated-preflight", preflight_ok(*cors)))
    assert versions(told(*asked, exchange("websocket", switching(open_data(upgrades=()))))) == ("4.7+", "4.7.0", None)


@pytest.mark.parametrize(
    ("timeout", "said"),
    [(5000, ("3.x", "3.0.0", "3.1.2")), (20000, ("4.0–4.4", "4.0.0", "4.4.1")), (30000, ("3.x–4.4", "3.0.0", "4.4.1"))],
)
def test_the_default_of_ping_timeout_tells_3_from_4(timeout: int, said: tuple[str, str, str]) -> None:
    data = open_data().replace(',"maxPayload":1000000', "").replace("20000", str(timeout))
    assert versions(told(exchange("handshake", older(data)))) == said


def test_a_ping_timeout_of_ones_own_does_not_contradict_the_rest() -> None:
    """Somebody has set the value that was the default of 3.x."""
    data = open_data().replace("20000", "5000")
    assert versions(told(exchange("handshake", older(data)))) == ("4.5–4.7.2", "4.5.0", "4.7.2")


@pytest.mark.parametrize(
    ("timeout", "cookie", "said"),
    [
        (60000, "; Path=/; HttpOnly", ("2.0.x", "2.0.0", "2.0.4")),
        (5000, "; Path=/; HttpOnly", ("2.1–2.2", "2.1.0", "2.2.0")),
        (5000, "; Path=/; HttpOnly; SameSite=Strict", ("2.3–2.4", "2.3.0", "2.4.1")),
        (20000, "; Path=/; HttpOnly; SameSite=Strict", ("2.5.x", "2.5.0", "2.5.1")),
        (45000, "; Path=/; HttpOnly; SameSite=Strict", ("2.3–2.5", "2.3.0", "2.5.1")),
        (45000, "; Path=/; HttpOnly", ("2.0–2.2", "2.0.0", "2.2.0")),
    ],
)
def test_2_x_is_told_by_its_cookie_and_its_defaults(timeout: int, cookie: str, said: tuple[str, str, str]) -> None:
    opened = node_v2_open()
    data = opened.body.removeprefix("97:").removesuffix("2:40").replace("20000", str(timeout))
    body = f"{len(data)}:{data}2:40"
    headers = tuple((n, f"io={SID}{cookie}") if n == "Set-Cookie" else (n, v) for n, v in opened.headers)
    assert versions(told(exchange("handshake", response(200, *headers, body=body)))) == said


def test_a_cookie_of_a_newer_one_that_allows_protocol_3_is_not_taken_for_2_x() -> None:
    """``allowEIO3`` with ``cookie: true``, before maxPayload."""
    data = open_data().replace(',"maxPayload":1000000', "")
    lax = ("Set-Cookie", f"io={SID}; Path=/; HttpOnly; SameSite=Lax")
    seen = evidence({"version": 2}, [exchange("handshake", older(f"{len(data)}:{data}", lax))])
    assert versions(identify(seen)) == ("4.0–4.4", "4.0.0", "4.4.1")


def test_a_refusal_within_the_websocket_tells_4_1() -> None:
    text = (
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\n\r\nUnsupported protocol version"
    )
    within = switching(Frame(direction="in", type="raw", data=text))
    other = switching(Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"))
    assert told(exchange("websocket", within)).since == "4.1.0"
    assert told(exchange("websocket", other)).stack == "unknown"


def test_a_preflight_that_is_refused_with_the_origin_allowed_is_of_1_x_or_2_x() -> None:
    own = (("Access-Control-Allow-Credentials", "true"), ("Access-Control-Allow-Origin", PAGE))
    refused = exchange("handshake", node_error(4, message="no"))
    assert versions(told(refused, exchange("simulated-preflight", node_error(2, *own))))[1:] == ("2.0.0", "2.5.1")
    unknown = exchange("handshake", node_error(1))
    assert versions(told(unknown, exchange("simulated-preflight", node_error(2, *own)))) == (
        "1.x–2.x",
        "1.0.0",
        "2.5.1",
    )
    listed = (*own, ("Access-Control-Allow-Methods", "GET"))
    assert told(unknown, exchange("simulated-preflight", node_error(2, *listed))).version is None
    assert told(unknown, exchange("simulated-preflight", node_error(2, own[1]))).version is None


@pytest.mark.parametrize(
    ("message", "since", "until"),
    [
        ("Invalid transport foo", "4.0.0", "5.4.1"),
        ("Invalid transport", "5.4.0", None),
        ("Invalid websocket upgrade", "5.4.0", None),
        ("Invalid session abc", None, None),
    ],
)
def test_python_is_told_by_its_refusals(message: str, since: str | None, until: str | None) -> None:
    server = told(exchange("other-transport", python_error(message)))
    assert server.stack == "python-socketio"
    assert (server.since, server.until) == (since, until)


def test_the_other_protocol_tells_python_4_from_5() -> None:
    words = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
    refused = exchange("other-protocol", python_error(words))
    assert versions(told(refused)) == ("5.x", "5.0.0", None)
    seen = evidence({"version": 2}, [exchange("other-protocol", python_error(words))])
    assert versions(identify(seen)) == ("4.x", "4.0.0", "4.6.1")


def test_python_refuses_a_namespace_since_5_6() -> None:
    data = python_open().body.replace(',"maxPayload":1000000', "")
    opened = exchange("handshake", response(200, PLAIN, body=data))
    refused = exchange("poll", response(200, PLAIN, body='44/nope,"Unable to connect"'))
    other = exchange("poll", response(200, PLAIN, body='44/nope,"not authorized"'))
    assert versions(told(opened, refused)) == ("5.6–5.11", "5.6.0", "5.11.4")
    assert versions(told(opened, other)) == ("5.1–5.11", "5.1.0", "5.11.4")


# --- a bare Engine.IO ------------------------------------------------------------------------------------------------


def test_where_connect_did_not_come_through_nobody_could_answer_it() -> None:
    """One of two processes does not know the session: that is Socket.IO all the same."""
    opened, silence = exchange("handshake", node_open()), exchange("poll", failed("timeout", phase="head"))
    refused, taken = exchange("connect", node_error(1)), exchange("connect", response(200, body="ok"))
    assert told(opened, refused, silence).stack == "socket.io"
    assert told(opened, taken, silence).stack == "engine.io"
    answered = exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",)))
    assert told(opened, taken, silence, answered).stack == "socket.io"
