"""The path is wrong in a way that can be named: a slash, a namespace, a proxy, a mount, silence."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.model import Answer, Response
from tests.rules.build import PAGE, Asked, evidence, exchange, failed, findings, fired, html, node_open, response
from tests.rules.test_elsewhere import (
    BARE_404,
    DROPPED,
    FASTAPI_404,
    SILENT,
    elsewhere,
    express,
    nowhere,
    there,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OK = response(200, ALLOWED, body="ok")
GATEWAY = html(502, "<html><head><title>502 Bad Gateway</title></head></html>", ("Server", "nginx/1.22.1"))
CHAT: dict[str, Any] = {"namespace": "/chat", "namespace_from_path": True}


def headline(found: dict[str, Any], slug: str) -> str:
    """That is the one cause, and an error; what it says."""
    assert list(found) == [slug]
    assert found[slug].severity == "error"
    return str(found[slug].message)


# --- wrong-path-hangs ------------------------------------------------------------------------------------------------


def test_silence_with_a_dropped_websocket_is_a_wrong_path() -> None:
    message = headline(findings(evidence({}, there(SILENT, DROPPED, nowhere(SILENT)))), "wrong-path-hangs")
    assert "the server lives" in message
    assert "closed after a second without a byte" in message


def test_a_proxy_makes_a_502_of_the_dropped_websocket() -> None:
    assert "given up after a second" in headline(
        findings(evidence({}, there(SILENT, GATEWAY, nowhere(SILENT)))), "wrong-path-hangs"
    )


def test_the_path_that_does_answer_is_named() -> None:
    found = findings(evidence({}, there(SILENT, DROPPED, elsewhere("/api/socket.io/"))))
    assert "Socket.IO answers at /api/socket.io/" in headline(found, "wrong-path-hangs")


@pytest.mark.parametrize(
    ("socket", "seconds"),
    [(SILENT, 1.0), (DROPPED, 0.01), (GATEWAY, 0.01), (failed("reset", phase="head"), 1.0)],
    ids=["silent too", "closed at once", "502 at once", "reset"],
)
def test_silence_alone_is_a_server_that_hangs(socket: Answer, seconds: float) -> None:
    asked = there(SILENT, socket, nowhere(SILENT), seconds=seconds)
    assert list(findings(evidence({}, asked))) == ["server-timeout"]


# --- path-vs-namespace -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [BARE_404, SILENT, express("/socket.io/")])
@pytest.mark.parametrize("path", ["/chat/", "/chat/socket.io/"])
def test_engine_io_answers_at_the_path_that_was_read_as_a_namespace(answer: Answer, path: str) -> None:
    message = headline(findings(evidence(CHAT, there(answer, answer, elsewhere(path)))), "path-vs-namespace")
    assert message.startswith(f"Socket.IO answers at {path}")
    assert "as a namespace" in message


def test_both_readings_answer_and_the_namespace_is_not_there() -> None:
    refused = response(200, ALLOWED, body='44/chat,{"message":"Invalid namespace"}')
    asked = [exchange("handshake", node_open(ALLOWED)), exchange("connect", OK, body="40/chat,")]
    asked += [exchange("poll", refused), exchange("other-path", node_open(), url="/chat/", origin=None)]
    message = headline(findings(evidence({**CHAT, "transports": ("polling",)}, asked)), "path-vs-namespace")
    assert "joins it at /socket.io/, where there is none" in message
    # The other reading is nobody's: it is a namespace, and it is missing.
    asked[-1] = exchange("other-path", BARE_404, url="/chat/", origin=None)
    assert list(findings(evidence({**CHAT, "transports": ("polling",)}, asked))) == ["invalid-namespace"]


def test_another_path_than_that_of_the_url_is_no_namespace() -> None:
    assert list(findings(evidence(CHAT, there(BARE_404, BARE_404, elsewhere("/ws/socket.io/"))))) == ["path-mismatch"]
    plain = {"namespace": "/chat"}  # by --namespace, so it was meant for one
    assert list(findings(evidence(plain, there(BARE_404, BARE_404, elsewhere("/chat/"))))) == ["path-mismatch"]


# --- trailing-slash-path ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["/socket.io", "//socket.io/", "/socket.io//"])
def test_the_same_path_with_other_slashes_answers(asked: str) -> None:
    for answer in (express(asked), SILENT):
        found = findings(evidence({"path": asked}, there(answer, DROPPED, elsewhere("/socket.io/"))))
        assert headline(found, "trailing-slash-path").startswith(f"Socket.IO answers at /socket.io/, not at {asked}")


@pytest.mark.parametrize(
    ("asked", "to", "advice"),
    [
        ("/socket.io", "/socket.io/", "Ask for /socket.io/ at once"),
        ("/socket.io/", "/socket.io", "let this path alone"),
    ],
)
def test_a_redirect_of_the_slash(asked: str, to: str, advice: str) -> None:
    moved = response(308, ("Location", f"https://api.example.com{to}?EIO=4&transport=polling"))
    assert advice in headline(
        findings(evidence({"path": asked}, [exchange("handshake", moved)])), "trailing-slash-path"
    )


def test_a_redirect_to_another_path_is_no_slash() -> None:
    moved = response(308, ("Location", "https://api.example.com/v2/socket.io/"))
    assert list(findings(evidence({}, [exchange("handshake", moved)]))) == ["path-mismatch"]


# --- proxy-strips-path -----------------------------------------------------------------------------------------------

NEST = '{"message":"Cannot GET /?EIO=4&transport=polling","error":"Not Found","statusCode":404}'


@pytest.mark.parametrize("answer", [express("/"), response(404, ("X-Powered-By", "Express"), body=NEST)])
def test_the_error_names_another_path(answer: Response) -> None:
    message = headline(findings(evidence({}, there(answer, GATEWAY, nowhere(answer)))), "proxy-strips-path")
    assert "/socket.io/ was asked for, and what the application behind it does not know is /" in message


def test_the_handshake_path_alone_gets_the_page_of_the_root() -> None:
    page = html(200, "<h1>Hello</h1>", ("X-Powered-By", "Express"), reason="OK")
    asked = there(page, GATEWAY, nowhere(express("/ws/socket.io/")))
    assert "answers with its page of /" in headline(findings(evidence({}, asked)), "proxy-strips-path")
    below = exchange("other-path", express("/nowhere"), url="/socket.io/nowhere", origin=None)
    asked = [exchange("handshake", page), exchange("websocket", GATEWAY, seconds=1.0), below]
    assert "answers with its page of /" in headline(findings(evidence({}, asked)), "proxy-strips-path")
    same = exchange("other-path", express("/socket.io/nowhere"), url="/socket.io/nowhere", origin=None)
    assert "proxy-strips-path" not in findings(evidence({}, [*asked[:2], same]))
    # Every path gets it: a fallback, and whether a proxy changes the path does not show.
    assert "proxy-strips-path" not in findings(evidence({}, there(page, GATEWAY, nowhere(page))))


def test_an_error_that_names_the_path_is_no_proxy_s() -> None:
    answer = express("/socket.io/")
    assert list(findings(evidence({}, there(answer, DROPPED, nowhere(express("/ws/socket.io/")))))) == ["path-mismatch"]


# --- asgi-mount-path -------------------------------------------------------------------------------------------------

#: As python-socketio's ASGI app says it, and as Starlette does.
ASGI_404 = response(404, ("server", "uvicorn"), ("content-type", "text/plain"), body="Not Found", reason="Not Found")
STARLETTE_404 = response(404, ("content-type", "text/plain; charset=utf-8"), body="Not Found", reason="Not Found")
HELLO = response(200, ("content-type", "application/json"), body='{"hello":"world"}')


def mount(*answers: tuple[str, Response], asked: Response, path: str = "/socket.io/") -> list[Asked]:
    others = [exchange("other-path", answer, url=url, origin=None) for url, answer in answers if url != path]
    refused = response(403, ("content-length", "0"))
    return [exchange("handshake", asked), exchange("websocket", refused), exchange("root", HELLO), *others]


@pytest.mark.parametrize("around", [FASTAPI_404, STARLETTE_404])
def test_below_the_mount_python_socketio_words_it_otherwise(around: Response) -> None:
    answers = (("/socket.io/", around), ("/engine.io/", around), ("/ws/socket.io/", ASGI_404), ("/ws/", ASGI_404))
    message = headline(findings(evidence({}, mount(*answers, asked=around))), "asgi-mount-path")
    assert "mounted under /ws" in message
    assert "/ws/socket.io" in message
    inside = mount(*answers, asked=ASGI_404, path="/ws/socket.io/")
    assert "mounted under /ws" in headline(findings(evidence({"path": "/ws/socket.io/"}, inside)), "asgi-mount-path")


def test_python_socketio_alone_has_another_path_and_no_mount() -> None:
    answers = (("/engine.io/", ASGI_404), ("/ws/socket.io/", ASGI_404))
    asked = [one for one in mount(*answers, asked=ASGI_404) if one.purpose != "root"]
    assert list(findings(evidence({}, [*asked, exchange("root", ASGI_404)]))) == ["path-mismatch"]


def test_a_mount_that_answers_is_another_path() -> None:
    answers = (("/engine.io/", FASTAPI_404), ("/ws/", ASGI_404))
    asked = [*mount(*answers, asked=FASTAPI_404), elsewhere("/ws/socket.io/")]
    assert list(findings(evidence({}, asked))) == ["path-mismatch"]


def test_a_server_at_its_path_has_none_of_these() -> None:
    assert not fired(evidence({"transports": ("polling",)}, [exchange("handshake", node_open(ALLOWED))]))
