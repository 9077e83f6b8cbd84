"""The server is there, and Socket.IO is not: path-mismatch, app.listen, plain WebSocket."""

from __future__ import annotations

import pytest

from sio_doctor.model import Answer, Frame, Response
from tests.rules.build import (
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


def express(path: str, status: int = 404) -> Response:
    body = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
        f"<pre>Cannot GET {path}</pre>\n</body>\n</html>\n"
    )
    headers = (("X-Powered-By", "Express"), ("Content-Security-Policy", "default-src 'none'"))
    return html(status, body, *headers, reason="Not Found")


NEST_404 = response(
    404,
    ("X-Powered-By", "Express"),
    ("Content-Type", "application/json; charset=utf-8"),
    body='{"message":"Cannot GET /socket.io/?EIO=4&transport=polling","error":"Not Found","statusCode":404}',
    reason="Not Found",
)
FASTAPI_404 = response(
    404, ("server", "uvicorn"), ("content-type", "application/json"), body='{"detail":"Not Found"}', reason="Not Found"
)
FLASK_404 = html(
    404,
    "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>The requested URL was not "
    "found on the server. If you entered the URL manually please check your spelling and try again.</p>\n",
    ("Server", "Werkzeug/3.1.9 Python/3.11.7"),
    reason="NOT FOUND",
)
AIOHTTP_404 = response(
    404, ("Content-Type", "text/plain; charset=utf-8"), ("Server", "Python/3.11 aiohttp/3.14.5"), body="404: Not Found"
)
BARE_404 = response(404, ("Content-Length", "0"), reason="Not Found")
WS_426 = response(426, ("Content-Length", "16"), ("Content-Type", "text/plain"), body="Upgrade Required")
#: Engine.IO of Node closes the WebSocket to a foreign path after ``destroyUpgradeTimeout``.
DROPPED = failed("closed", phase="head", message="The connection was closed without an answer.")
SILENT = failed("timeout", phase="head", message="No answer came.")


def there(answer: Answer, socket: Answer, *more: Asked, seconds: float = 1.0) -> list[Asked]:
    asked = [exchange("handshake", answer), exchange("control", answer), exchange("foreign", answer)]
    return [*asked, exchange("websocket", socket, seconds=seconds), exchange("root", answer), *more]


def elsewhere(path: str = "/ws/socket.io/") -> Asked:
    return exchange("other-path", node_open(), url=path, origin=None)


def nowhere(answer: Answer) -> Asked:
    return exchange("other-path", answer, url="/ws/socket.io/", origin=None)


@pytest.mark.parametrize("answer", [express("/socket.io/"), NEST_404])
def test_app_listen(answer: Response) -> None:
    found = findings(evidence({}, there(answer, answer, nowhere(answer))))
    assert list(found) == ["app-listen-not-server-listen"]
    assert "app.listen()" in found["app-listen-not-server-listen"].message
    assert found["app-listen-not-server-listen"].severity == "error"


def test_the_same_404_with_a_dropped_websocket_is_another_path() -> None:
    found = findings(evidence({}, there(express("/socket.io/"), DROPPED, nowhere(express("/ws/socket.io/")))))
    assert list(found) == ["path-mismatch"]
    assert "closed after a second" in found["path-mismatch"].message


@pytest.mark.parametrize("answer", [express("/socket.io/"), FASTAPI_404, FLASK_404, AIOHTTP_404, BARE_404])
def test_the_path_that_answered_is_named(answer: Answer) -> None:
    found = findings(evidence({}, there(answer, answer, elsewhere("/api/socket.io/"))))
    assert list(found) == ["path-mismatch"]
    assert found["path-mismatch"].message.startswith("Socket.IO answers at /api/socket.io/, not at /socket.io/")
    assert found["path-mismatch"].severity == "error"


def test_a_proxy_that_leads_to_a_page_of_the_application_does_not_hide_it_either() -> None:
    page = html(200, "<h1>Hello</h1>", ("Server", "nginx/1.22.1"), ("X-Powered-By", "Express"), reason="OK")
    gateway = html(502, "<html><head><title>502 Bad Gateway</title></head></html>", ("Server", "nginx/1.22.1"))
    found = findings(evidence({}, there(page, gateway, nowhere(page))))
    assert list(found) == ["path-mismatch"]
    assert "proxy" in found["path-mismatch"].message


def test_a_page_does_not_hide_the_path_that_answered() -> None:
    page = html(200, "<!doctype html><title>SPA</title>", reason="OK")
    assert list(findings(evidence({}, there(page, page, elsewhere())))) == ["path-mismatch"]


@pytest.mark.parametrize("answer", [FASTAPI_404, FLASK_404, AIOHTTP_404, BARE_404])
def test_an_application_that_does_not_know_the_path(answer: Response) -> None:
    found = findings(evidence({}, there(answer, answer, nowhere(answer))))
    assert list(found) == ["path-mismatch"]
    assert "None of the usual paths answered" in found["path-mismatch"].message


def test_a_plain_websocket_server() -> None:
    socket = switching("hello from plain ws", sent=("40",), ended=failed("timeout", phase="frame"))
    found = findings(evidence({}, there(WS_426, socket)))
    assert list(found) == ["plain-websocket-server"]
    assert "hello from plain ws" in found["plain-websocket-server"].message


def test_a_plain_websocket_server_stops_a_client_that_begins_with_websocket() -> None:
    ours = Frame(direction="out", type="close", data="")
    socket = switching(ours, ended=failed("timeout", phase="frame"))
    found = findings(evidence({"transports": ("websocket",)}, there(WS_426, socket)))
    assert {slug: finding.severity for slug, finding in found.items()} == {"plain-websocket-server": "error"}


def test_a_plain_websocket_server_that_is_silent_to_get() -> None:
    socket = switching(ended=failed("timeout", phase="frame"))
    for answer in (SILENT, express("/socket.io/"), BARE_404):
        assert list(findings(evidence({}, there(answer, socket, nowhere(answer))))) == ["plain-websocket-server"]


def test_socket_io_that_is_silent_after_101_is_no_plain_websocket_server() -> None:
    socket = switching(ended=failed("timeout", phase="frame"))
    assert "plain-websocket-server" not in findings(evidence({"version": 2}, there(node_error(5), socket)))
