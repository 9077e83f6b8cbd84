"""Whose line it is that is there twice, and what hides a server's own origin: with real proxies and servers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.causes import COOKIES, HEADER, PAGE, assert_caused, assert_healthy, assert_warned, check, found
from tests.servers import needs_apache, needs_caddy, needs_haproxy, needs_nginx, needs_node, needs_openssl, shared
from tests.servers.node import node
from tests.servers.proxies import apache, caddy, haproxy, nginx
from tests.servers.python import python_server

ADD = "add_header Access-Control-Allow-Origin"
START = f"The answers of {{url}} carry Access-Control-Allow-Origin twice ({PAGE}, *)"
LAST = "The second line (*) stands last, behind all headers of the server, and"


def on_node() -> str:
    return shared(node, "4.8", f"{{cors: {{origin: '{PAGE}', credentials: true}}}}")


def on_python() -> str:
    return shared(python_server, "uvicorn", f"cors_allowed_origins='{PAGE}'")


Front = Callable[[str], AbstractContextManager[str]]


def behind(front: Front, server: str, slug: str = "duplicate-acao-proxy", **client: Any) -> str:
    """What is said of the page's failure there."""
    with front(server) as url:
        return assert_caused(check(url, **client), slug).message


# --- two lines -------------------------------------------------------------------------------------------------------


@needs_node
@needs_nginx
def test_nginx_adds_last_and_without_always_not_on_the_101() -> None:
    told = behind(lambda server: nginx([server], f"{ADD} *;"), on_node())
    assert f"{LAST} is not there on the 101: so does nginx's add_header without always." in told
    for server in (on_node(), on_python()):
        told = behind(lambda server: nginx([server], f"{ADD} * always;"), server)
        assert f"{LAST} is there on the 101 too: so does nginx's add_header with always." in told
    # What both say alike is told by its place too; from python nothing is on the 101.
    told = behind(lambda server: nginx([server], f"{ADD} {PAGE};"), on_python())
    assert f"({PAGE}) stands last, behind all headers of the server, where nginx's add_header puts it." in told


@needs_node
@needs_haproxy
def test_haproxy_writes_in_lower_case() -> None:
    add = "http-response add-header Access-Control-Allow-Origin *"
    told = behind(lambda server: haproxy([server], backend=add), on_node())
    assert "Every name is in lower case, as HAProxy writes them, and the second line (*) stands last" in told


@needs_node
@needs_apache
@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("Header add", "The second line (*) stands behind the server's headers, where Apache's Header add puts it."),
        ("Header always set", "The first line (*) stands before the server's, where Apache's Header always puts it."),
        ("Header always add", "The first line (*) stands before the server's, where Apache's Header always puts it."),
    ],
)
def test_apache_adds_behind_or_before(directive: str, words: str) -> None:
    told = behind(lambda server: apache(server, f"{directive} Access-Control-Allow-Origin *"), on_node())
    assert words in told
    # uvicorn's Server header takes the place of Apache's, so nobody sees Apache.
    told = behind(lambda server: apache(server, f"{directive} Access-Control-Allow-Origin *"), on_python())
    assert "Nothing in the answer tells which layer the other is" in told


@needs_node
@needs_caddy
def test_caddy_sorts() -> None:
    told = behind(lambda server: caddy(server, "header Access-Control-Allow-Origin *"), on_node())
    assert "The first line (*) is Caddy's" in told


@needs_node
@needs_nginx
@needs_haproxy
def test_of_two_proxies_nobody_can_tell() -> None:
    add = "http-response add-header Access-Control-Allow-Origin *"
    with haproxy([on_node()]) as inner:
        told = behind(lambda server: nginx([server], f"{ADD} *;"), inner)
    assert "stands last" in told  # HAProxy behind nginx leaves no mark
    with nginx([on_node()]) as inner:
        told = behind(lambda server: haproxy([server], backend=add), inner)
    assert "nginx's add_header" not in told  # nginx itself would not write “server”


@needs_node
def test_a_server_that_doubles_by_itself_is_not_put_on_a_proxy() -> None:
    setup = "io.engine.on('headers', (headers) => { headers['access-control-allow-origin'] = ['*', '*']; });"
    report = check(shared(node, "4.8", "{}", setup=setup))
    told = assert_caused(report, "duplicate-acao-proxy").message
    assert "Nothing in the answer tells which layer the other is" in told
    assert "--direct URL" in told


def test_fastapi_and_python_socketio_spell_it_apart() -> None:
    middleware = f"allow_origins=['{PAGE}'], allow_credentials=True"
    url = shared(python_server, "fastapi", f"cors_allowed_origins='{PAGE}'", middleware=middleware)
    told = assert_caused(check(url), "duplicate-acao-framework").message
    assert "Access-Control-Allow-Origin is python-socketio's, access-control-allow-origin the middleware's" in told


# --- one line too few ------------------------------------------------------------------------------------------------


@needs_node
@needs_apache
@needs_nginx
def test_what_apache_takes_away_is_still_on_the_101() -> None:
    lists = shared(node, "4.8", f"{{cors: {{origin: ['{PAGE}', 'http://second.test'], credentials: true}}}}")
    unset = "Header unset Access-Control-Allow-Origin"
    told = behind(lambda server: apache(server, unset), lists, "proxy-strips-acao")
    assert f"On the WebSocket's 101 it is still there ({PAGE}), which Apache's Header directives do not touch." in told
    # nginx hides it there too: over a list nobody can tell.
    with nginx([lists], "proxy_hide_header Access-Control-Allow-Origin;") as url:
        assert_caused(check(url), "origin-not-in-list")
    with apache(shared(node, "4.8", "{cors: {origin: ['http://second.test']}}")) as url:
        assert_caused(check(url), "origin-not-in-list")


@needs_node
@needs_nginx
def test_what_is_hidden_on_all_but_preflights_is_still_on_those() -> None:
    lists = shared(node, "4.8", f"{{cors: {{origin: ['{PAGE}', 'http://second.test'], credentials: true}}}}")
    passed = f"proxy_pass {lists}; proxy_http_version 1.1; proxy_set_header Host $http_host;"
    hides = "proxy_hide_header Access-Control-Allow-Origin;"
    location = (
        "error_page 418 = @options; location / { if ($request_method = OPTIONS) { return 418; } "
        f"{passed} {hides} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }} "
        f"location @options {{ {passed} }}"
    )
    with nginx([], server=location) as url:
        assert_caused(check(url), "proxy-strips-acao")


# --- Python's own origin ---------------------------------------------------------------------------------------------


@needs_nginx
@needs_openssl
@pytest.mark.parametrize("kind", ["uvicorn", "flask"])
def test_tls_at_a_proxy_that_does_not_say_so(kind: Any) -> None:
    server = shared(python_server, kind)
    with nginx([server], tls=True) as url:
        url = url.replace("http:", "https:")
        report = check(url, page=url, insecure=True)
        [finding] = [one for one in report.findings if one.slug.startswith("python-")]
        assert (finding.slug, finding.severity) == ("python-behind-tls-proxy", "error")
        assert "with X-Forwarded-Proto: https it lets this page in" in finding.message
    with nginx([server], "proxy_set_header X-Forwarded-Proto $scheme;", tls=True) as url:
        url = url.replace("http:", "https:")
        report = check(url, page=url, insecure=True)
        assert not [one for one in report.findings if one.slug.startswith("python-")]


@needs_nginx
def test_a_list_without_the_own_origin_is_told_from_a_hidden_host() -> None:
    server = shared(python_server, "uvicorn", "cors_allowed_origins=['https://other.test']")
    finding = assert_caused(check(server, page=server), "python-origin-not-accepted", server)
    assert "cors_allowed_origins is set, and the server's own origin has to be in it" in finding.message
    with nginx([shared(python_server, "uvicorn")], "proxy_set_header Host inner.test;") as url:
        # Two lines of Host would be one too many: it is set in a location of its own.
        assert check(url, page=url).findings


# --- Python: who lets the page in, and who does not ------------------------------------------------------------------

FLASK_CORS = (
    "@app.after_request\n"
    "def cors(answer):\n"
    "    answer.headers['Access-Control-Allow-Origin'] = 'http://localhost:8080'\n"
    "    return answer\n"
    "@app.route('/')\n"
    "def hello():\n"
    "    return 'hello'\n"
)


def test_flask_lets_the_page_in_and_flask_socketio_does_not() -> None:
    """Flask-CORS adds its header so, after each request of Flask's."""
    url = shared(python_server, "flask", setup=FLASK_CORS)
    finding = assert_caused(check(url), "flask-cors-only", PAGE)
    assert finding.fixes[0].stack == "Flask-SocketIO"
    assert_healthy(check(shared(python_server, "flask", f"cors_allowed_origins='{PAGE}'", setup=FLASK_CORS)))
    # Without it nothing says that the page was meant.
    plain = assert_caused(check(shared(python_server, "flask")), "python-origin-not-accepted", PAGE)
    assert "cors_allowed_origins is not set, or lacks this origin: it does let its own page in" in plain.message
    assert "look at the spelling" in plain.message


def test_a_list_is_no_misspelt_keyword() -> None:
    url = shared(python_server, "flask", "cors_allowed_origins=['https://other.test']")
    assert "spelling" not in assert_caused(check(url), "python-origin-not-accepted", PAGE).message


REFUSES_WEBSOCKETS = """
inner = app.router
class Refusing:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send):
        if scope['type'] == 'websocket':
            await receive()
            await send({'type': 'websocket.close', 'code': 1008})
            return
        await self.app(scope, receive, send)
app.add_middleware(Refusing)
"""


def test_a_middleware_that_closes_websockets_leaves_a_bare_403() -> None:
    url = shared(python_server, "fastapi", f"cors_allowed_origins='{PAGE}'", setup=REFUSES_WEBSOCKETS)
    finding = assert_warned(check(url), "asgi-ws-403")
    assert "bare 403" in finding.message
    # Where the origin is refused, that is the finding, and not the 403 that follows from it.
    assert found(check(shared(python_server, "uvicorn"))) == [("python-origin-not-accepted", "error")]


# --- client 2 --------------------------------------------------------------------------------------------------------


@needs_node
def test_client_2_and_a_star() -> None:
    url = shared(node, "4.8", "{allowEIO3: true, cors: {origin: '*'}}")
    finding = assert_caused(check(url, version=2), "v2-client-always-credentialed", PAGE)
    assert "though nobody has asked for them" in finding.message
    assert_healthy(check(url, version=2, with_credentials=False))
    assert_caused(check(url, **COOKIES), "wildcard-with-credentials", PAGE)


@needs_node
@needs_haproxy
def test_a_cookie_keeps_socket_io_2_together_but_not_its_preflights() -> None:
    upstreams = [shared(node, "2.5"), shared(node, "2.5", "{pingInterval: 24000}")]
    page = "http://127.0.0.1:8080"
    with haproxy(upstreams, backend="cookie SERVERID insert indirect nocache") as url:
        report = check(url, page=page, version=2)
    assert found(report) == [("preflight-not-sticky", "info")]
    assert "SERVERID" in next(one.message for one in report.findings if one.slug == "preflight-not-sticky")
    assert found(check(upstreams[0], page=page, version=2)) == []


@needs_node
def test_a_star_for_headers_and_a_token_in_authorization() -> None:
    url = shared(node, "4.8", f"{{cors: {{origin: '{PAGE}', allowedHeaders: '*'}}}}")
    report = check(url, headers=["Authorization: Bearer x"])
    assert found(report) == [("acah-star-limits", "warning")]
    assert {one.connects for one in report.outcomes} == {True}
    assert_healthy(check(url, **HEADER))
