"""Whose line it is, by the shapes that proxies really write: ``whose``, in the messages of ``layers``."""

from __future__ import annotations

import pytest

from sio_doctor.model import HeaderList, Response, Server
from tests.rules.build import (
    PAGE,
    case,
    evidence,
    exchange,
    hits,
    node_open,
    open_data,
    preflight_ok,
    response,
    switching,
)

OWN = ("Access-Control-Allow-Origin", PAGE)
ANY = ("Access-Control-Allow-Origin", "*")
DATE = ("Date", "Tue, 24 Nov 2026 18:46:52 GMT")
TYPE = ("Content-Type", "text/plain; charset=UTF-8")
#: The CORS headers of Socket.IO behind it, as recorded.
CORS = (OWN, ("Vary", "Origin"), ("Access-Control-Allow-Credentials", "true"))
NGINX: HeaderList = (("Server", "nginx/1.22.1"), DATE, TYPE, *CORS, ("cache-control", "no-store"))
APACHE: HeaderList = (DATE, ("Server", "Apache/2.4.71 (Debian)"))
END: HeaderList = (("Keep-Alive", "timeout=5, max=100"), ("Connection", "Keep-Alive"))
CADDY: HeaderList = (("Server", "Caddy"), ("Vary", "Origin"))
NOBODY = "Nothing in the answer tells which layer the other is"


def told(headers: HeaderList, *layers: str, socket: Response | None = None) -> str:
    """What the message says of a handshake with these headers, where these layers were seen."""
    asked = [exchange("handshake", response(200, *headers, body=open_data()))]
    if socket is not None:
        asked.append(exchange("websocket", socket))
    whole = case(evidence({}, asked), server=Server(stack="socket.io", layers=layers))
    (hit,) = hits("duplicate-acao-proxy", whole)
    return hit.message


def switched(*headers: tuple[str, str]) -> Response:
    return switching(open_data(), headers=headers)


@pytest.mark.parametrize(
    ("socket", "words"),
    [
        (switched(*CORS), "is not there on the 101: so does nginx's add_header without always."),
        (switched(*CORS, ANY), "is there on the 101 too: so does nginx's add_header with always. A layer behind"),
        (switched(ANY), "is there on the 101 too: so does nginx's add_header with always."),  # python has none there
        (switched(), "where nginx's add_header puts it."),
    ],
)
def test_nginx_adds_last(socket: Response, words: str) -> None:
    message = told((*NGINX, ANY), "nginx 1.22.1", socket=socket)
    assert f"The second line (*) stands last, behind all headers of the server, and {words}" in message.replace(
        "server, where", "server, and where"
    )


def test_behind_nginx_a_line_that_is_not_last_is_not_nginx_s() -> None:
    doubled = (("Server", "nginx/1.22.1"), DATE, OWN, ANY, TYPE, ("cache-control", "no-store"))
    assert NOBODY in told(doubled, "nginx 1.22.1")


def test_haproxy_lowers_all_names() -> None:
    lower: HeaderList = tuple((name.lower(), value) for name, value in (*CORS, TYPE, DATE, END[0], ANY))
    assert "as HAProxy writes them, and the second line (*) stands last" in told(lower, "haproxy")
    # In lower case write others too: uvicorn, Envoy.
    assert NOBODY in told(lower)
    assert NOBODY in told((("server", "nginx/1.22.1"), *lower), "nginx 1.22.1")
    middle = tuple((name.lower(), value) for name, value in (OWN, ANY, TYPE, DATE, END[0]))
    assert NOBODY in told(middle, "haproxy")


def test_apache_adds_behind_and_with_always_before() -> None:
    behind = (*APACHE, *CORS, TYPE, ("cache-control", "no-store"), ANY, *END)
    assert "The second line (*) stands behind the server's headers, where Apache's Header add" in told(behind, "Apache")
    before = (*APACHE, ANY, *CORS, TYPE, *END)
    assert "The first line (*) stands before the server's, where Apache's Header always" in told(before, "Apache")
    between = (*APACHE, TYPE, OWN, ANY, ("cache-control", "no-store"), *END)
    assert NOBODY in told(between, "Apache")


def test_caddy_sorts_and_puts_its_own_first() -> None:
    assert "The first line (*) is Caddy's" in told((ANY, OWN, TYPE, *CADDY), "Caddy")


def test_of_two_proxies_it_is_not_told() -> None:
    message = told((*NGINX, ANY), "nginx 1.22.1", "Caddy")
    assert "Which of them, nginx 1.22.1 and Caddy, added the second one cannot be told" in message


def test_two_spellings_are_two_programs() -> None:
    message = told((OWN, TYPE, ("access-control-allow-origin", "*"), DATE))
    assert "spelt differently (Access-Control-Allow-Origin and access-control-allow-origin)" in message
    assert NOBODY in told((OWN, ANY, TYPE, DATE))


def test_three_lines_or_one_that_was_folded_are_not_told_apart() -> None:
    assert NOBODY in told((*NGINX, ANY, ANY), "nginx 1.22.1")
    folded = ("Access-Control-Allow-Origin", f"{PAGE}, *")
    assert NOBODY in told((("Server", "nginx/1.22.1"), DATE, TYPE, folded), "nginx 1.22.1")


# --- taken away ------------------------------------------------------------------------------------------------------

VARY = ("Vary", "Origin")


@pytest.mark.parametrize(
    ("socket", "layers", "words"),
    [
        (switched(OWN), ("Apache 2.4.71",), "which Apache's Header directives do not touch."),
        (switched(ANY), (), "On the WebSocket's 101 it is still there (*)."),
    ],
)
def test_the_101_shows_that_the_server_named_it(socket: Response, layers: tuple[str, ...], words: str) -> None:
    asked = [exchange("handshake", node_open(VARY)), exchange("websocket", socket)]
    whole = case(evidence({}, asked), server=Server(stack="socket.io", layers=layers))
    (hit,) = hits("proxy-strips-acao", whole)
    assert words in hit.message
    assert hits("origin-not-in-list", whole) == []


def test_a_101_that_names_another_or_nobody_shows_nothing() -> None:
    for socket in (switched(), switched(("Access-Control-Allow-Origin", "https://other.example")), response(403, OWN)):
        asked = [exchange("handshake", node_open(VARY)), exchange("websocket", socket)]
        assert hits("proxy-strips-acao", evidence({}, asked)) == []


def test_the_preflight_shows_it_where_node_looked_at_the_handshake_s_origin_too() -> None:
    named = exchange("simulated-preflight", preflight_ok(OWN, VARY))
    assert hits("proxy-strips-acao", evidence({}, [exchange("handshake", node_open(VARY)), named]))
    # Without Vary the handshake was not looked at: a gateway answers preflights by itself.
    assert hits("proxy-strips-acao", evidence({}, [exchange("handshake", node_open()), named])) == []
