"""python-socketio under its hosts, as it is on the wire."""

from __future__ import annotations

import pytest

from tests.servers import shared
from tests.servers.python import Kind, python_server
from tests.servers.wire import FOREIGN, PAGE, ask, handshake, preflight, websocket_status

KINDS: list[Kind] = ["uvicorn", "aiohttp", "flask"]
ONE_PAGE = f"cors_allowed_origins=['{PAGE}']"
MIDDLEWARE = f"allow_origins=['{PAGE}'], allow_credentials=True"

kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_the_page_is_let_in_and_others_are_refused(kind: Kind) -> None:
    url = shared(python_server, kind, ONE_PAGE)
    reply = handshake(url)
    assert (reply.status, reply.origin, reply.one("Access-Control-Allow-Credentials")) == (200, PAGE, "true")
    assert reply.body.startswith('0{"sid":"')
    assert '"pingTimeout":20000,"pingInterval":25000' in reply.body
    refused = handshake(url, FOREIGN)
    assert (refused.status, refused.origin) == (400, None)
    assert "accepted origin" in refused.body
    assert handshake(url, None).status == 200


@kinds
def test_the_preflight_is_answered_with_200(kind: Kind) -> None:
    reply = preflight(shared(python_server, kind, ONE_PAGE))
    assert (reply.status, reply.body, reply.origin) == (200, "OK", PAGE)
    assert reply.one("Access-Control-Allow-Headers") == "my-custom-header"
    assert preflight(shared(python_server, kind, ONE_PAGE), FOREIGN).status == 400


@pytest.mark.parametrize(
    ("kind", "host", "status"),
    [("uvicorn", "uvicorn", 403), ("aiohttp", "aiohttp/", 400), ("flask", "Werkzeug/", 400)],
)
def test_each_host_has_its_own_signs(kind: Kind, host: str, status: int) -> None:
    url = shared(python_server, kind, ONE_PAGE)
    assert host in (handshake(url).one("Server") or "")
    assert (websocket_status(url), websocket_status(url, FOREIGN)) == (101, status)


def test_by_default_only_the_same_origin_is_accepted() -> None:
    url = shared(python_server, "uvicorn")
    assert (handshake(url).status, handshake(url).body) == (400, f'"{PAGE} is not an accepted origin."')
    assert (handshake(url, url).status, handshake(url, url).origin) == (200, url)


def test_star_reflects() -> None:
    url = shared(python_server, "uvicorn", "cors_allowed_origins='*'")
    assert [handshake(url, origin).origin for origin in (None, PAGE, FOREIGN)] == [None, PAGE, FOREIGN]


def test_an_empty_list_turns_the_check_off() -> None:
    url = shared(python_server, "uvicorn", "cors_allowed_origins=[]")
    assert (handshake(url, FOREIGN).status, handshake(url, FOREIGN).origin) == (200, None)


def test_fastapi_middleware_and_the_option_double_the_headers() -> None:
    reply = handshake(shared(python_server, "fastapi", "cors_allowed_origins='*'", middleware=MIDDLEWARE))
    assert reply.all("Access-Control-Allow-Origin") == [PAGE, PAGE]
    assert reply.all("Access-Control-Allow-Credentials") == ["true", "true"]


def test_fastapi_middleware_alone_is_right() -> None:
    url = shared(python_server, "fastapi", "cors_allowed_origins=[]", middleware=MIDDLEWARE)
    assert (handshake(url).status, handshake(url).origin) == (200, PAGE)


def test_wrapped_around_fastapi_the_middleware_never_sees_it() -> None:
    url = shared(python_server, "fastapi", "cors_allowed_origins='*'", middleware=MIDDLEWARE, mount="")
    assert handshake(url).origin == PAGE
    assert ask(url, "/").body == '{"hello":"world"}'


def test_a_plain_websocket_server() -> None:
    url = shared(python_server, "websockets")
    assert handshake(url).status == 426
    assert websocket_status(url) == 101
