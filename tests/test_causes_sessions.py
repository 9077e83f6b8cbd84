"""What ``check`` says of sessions that are lost between their requests, with real servers, balancers and caches.

Beside each stands the same thing put right, which must be clean. Whether this very run got through is luck where
several processes answer: the cause must be the same each time, and no outcome may say that it connects, or does not.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Report
from tests.causes import COOKIES, PAGE, SOCKET, assert_healthy, check, found
from tests.servers import needs_haproxy, needs_nginx, needs_node, shared
from tests.servers.forward import relay
from tests.servers.node import node, node_cluster
from tests.servers.proxies import haproxy, nginx
from tests.servers.python import python_server
from tests.servers.raw import Peer, raw

#: Of the same site as the servers here, and of another origin; ``PAGE``, on localhost, is of another site.
SAME_SITE = "http://127.0.0.1:8080"
LISTS = f"{{cors: {{origin: ['{PAGE}', '{SAME_SITE}'], credentials: true}}}}"
#: The same, and another process.
SECOND = f"{{cors: {{origin: ['{PAGE}', '{SAME_SITE}', 'http://second.test'], credentials: true}}}}"


def assert_luck(
    report: Report,
    slug: str,
    browsers: tuple[str, ...] = ("chromium", "firefox", "webkit"),
    *,
    connects: bool | None = None,
) -> str:
    """That is the one finding; those browsers connect by luck, all others for sure. Its message.

    A warning; an error where ``connects`` is False: every request goes to the next process in turn, a page's first too.
    """
    assert found(report) == [(slug, "warning" if connects is None else "error")]
    assert not report.ok
    assert report.findings[0].browsers == browsers
    for outcome in report.outcomes:
        lucky = outcome.browser in browsers
        assert (outcome.by_luck, outcome.connects) == (lucky, connects if lucky else True)
    assert report.findings[0].fixes
    return report.findings[0].message


def in_turn(url: str, **options: Any) -> Report:
    """The report on processes that take turns; asked again where, on a busy machine, two requests of the run swapped
    places at the proxy, so that the page's own reached one process.
    """
    for _ in range(5):
        report = check(url, **options)
        if any(finding.severity == "error" for finding in report.findings):
            break
    return report


# --- several processes -----------------------------------------------------------------------------------------------


@needs_node
def test_a_cluster_says_the_same_each_time() -> None:
    url = shared(node_cluster, 2, options=LISTS)
    for _ in range(3):
        message = assert_luck(check(url), "no-sticky-sessions")
        assert "whether a page connects is luck" in message
    assert_healthy(check(url, **SOCKET))


@needs_node
def test_a_cluster_that_is_sticky() -> None:
    """@socket.io/sticky loses what comes over a WebSocket now and then, while it hands the connection on."""
    url = shared(node_cluster, 2, options=LISTS, sticky=True)
    reports = (check(url) for _ in range(5))
    assert_healthy(next((one for one in reports if not found(one)), check(url)))


def test_python_workers() -> None:
    """The workers race for each connection, so that one of them may win all of a run, which is clean then."""
    lists = f"cors_allowed_origins='{PAGE}'"
    url = shared(python_server, "gunicorn", lists, workers=3)
    report = next(report for report in (check(url) for _ in range(20)) if found(report))
    message = assert_luck(report, "gunicorn-workers")
    assert "“Invalid session”" in message
    assert report.findings[0].fixes[0].after == "gunicorn -w 1 --threads 100 app:app"
    assert_healthy(check(shared(python_server, "gunicorn", lists)))


@needs_node
@needs_nginx
def test_nginx_in_turn_and_by_address() -> None:
    upstreams = [shared(node, "4.8", LISTS), shared(node, "4.8", SECOND)]
    with nginx(upstreams) as url:
        assert_luck(in_turn(url), "no-sticky-sessions", connects=False)
        assert_luck(in_turn(url, **COOKIES), "no-sticky-sessions", connects=False)
    with nginx(upstreams, balance="ip_hash;") as url:
        assert_healthy(check(url))


# --- a cookie that keeps them together -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sticky_by_cookie() -> Iterator[str]:
    upstreams = [shared(node, "4.8", LISTS), shared(node, "4.8", SECOND)]
    with haproxy(upstreams, backend="cookie SERVERID insert indirect nocache") as url:
        yield url


@needs_node
@needs_haproxy
class TestStickyByCookie:
    """HAProxy keeps a session together by SERVERID, which it sets without SameSite."""

    @pytest.mark.parametrize("page", [PAGE, SAME_SITE])
    def test_without_credentials_no_browser_sends_it(self, sticky_by_cookie: str, page: str) -> None:
        report = in_turn(sticky_by_cookie, page=page)
        message = assert_luck(report, "sticky-cookie-not-sent", connects=False)
        assert "of 8 requests without it lost the session, and none with it" in message
        assert "Chromium, Firefox and Safari do not send SERVERID back" in message
        assert report.findings[0].fixes[0].after.endswith("withCredentials: true\n});")

    def test_with_credentials_of_another_site_only_firefox_sends_it(self, sticky_by_cookie: str) -> None:
        report = in_turn(sticky_by_cookie, **COOKIES)
        message = assert_luck(report, "sticky-cookie-not-sent", ("chromium", "webkit"), connects=False)
        assert "Chromium does not send SERVERID back. It is without SameSite" in message
        assert any('attr "SameSite=None"' in fix.after for fix in report.findings[0].fixes)
        assert report.vantage.requests <= 40

    def test_with_credentials_of_the_same_site_all_is_well(self, sticky_by_cookie: str) -> None:
        assert_healthy(check(sticky_by_cookie, page=SAME_SITE, **COOKIES))

    def test_the_servers_own_page_sends_it_anyway(self, sticky_by_cookie: str) -> None:
        assert_healthy(check(sticky_by_cookie, page=sticky_by_cookie))

    def test_websocket_alone_needs_no_stickiness(self, sticky_by_cookie: str) -> None:
        assert_healthy(check(sticky_by_cookie, **SOCKET))

    def test_two_pages_stay_within_the_budget(self, sticky_by_cookie: str) -> None:
        report = examine_sync(make_plan(sticky_by_cookie, origins=[PAGE, SAME_SITE], timeout=3, **COOKIES))
        assert report.vantage.requests <= 52
        assert {(one.origin, one.browser) for one in report.outcomes if one.by_luck} == {
            (PAGE, "chromium"),
            (PAGE, "webkit"),
        }
        assert report.findings[0].origins == (PAGE,)


@needs_node
@needs_haproxy
def test_a_cookie_that_does_not_help() -> None:
    """It is set, and nobody goes by it."""
    upstreams = [shared(node, "4.8", LISTS), shared(node, "4.8", SECOND)]
    with haproxy(upstreams, backend='http-response set-header Set-Cookie "route=x; Path=/"') as url:
        message = assert_luck(in_turn(url), "no-sticky-sessions", connects=False)
    assert "(route) do not help: it is lost with them too" in message


# --- cookies that do not go back -------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize("cookie", ["true", "{name: 'io', sameSite: 'strict'}"])
def test_a_cookie_of_the_server_that_stays_within_its_site(cookie: str) -> None:
    url = shared(node, "4.8", LISTS.replace("{", f"{{cookie: {cookie}, ", 1))
    report = check(url, **COOKIES)
    assert found(report) == [("cookie-samesite", "warning")]
    assert report.ok
    assert "Safari does not send io back" in report.findings[0].message
    assert 'cookie: { name: "io", sameSite: "none", secure: true }' in report.findings[0].fixes[0].after
    assert_healthy(check(url))
    assert_healthy(check(url, page=SAME_SITE, **COOKIES))


@needs_node
def test_the_cure_is_one() -> None:
    """Only Safari keeps a Secure cookie of http://127.0.0.1 out, and that is no warning."""
    url = shared(node, "4.8", LISTS.replace("{", "{cookie: {name: 'io', sameSite: 'none', secure: true}, ", 1))
    report = check(url, **COOKIES)
    assert found(report) == [("cookie-samesite", "info")]
    assert {one.browser: one.cookies[0].sent for one in report.outcomes} == {
        "chromium": True,
        "firefox": True,
        "webkit": False,
    }
    assert_healthy(check(url, browsers=["chromium", "firefox"], **COOKIES))


@pytest.mark.parametrize(("attributes", "cured"), [("", False), ('"SameSite": "None", "Secure": True', True)])
def test_a_cookie_of_python(attributes: str, cured: bool) -> None:
    options = f"cors_allowed_origins='{PAGE}', cookie={{'name': 'io', {attributes}}}"
    report = check(shared(python_server, "uvicorn", options), browsers=["chromium"], **COOKIES)
    assert found(report) == ([] if cured else [("cookie-samesite", "warning")])


@needs_node
def test_the_cookie_of_socket_io_2_is_nobodys_business() -> None:
    assert_healthy(check(shared(node, "2.5"), version=2, **COOKIES))


# --- a restart -------------------------------------------------------------------------------------------------------


@contextmanager
def moving(before: str, after: str) -> Iterator[str]:
    """Connections go to ``before`` until a request posts a heartbeat, and to ``after`` from then on: a deployment."""
    moved = threading.Event()

    def script(peer: Peer) -> None:
        request = peer.hear()
        if request.endswith(b"\r\n\r\n3"):
            moved.set()
        pass_on(peer, after if moved.is_set() else before, request)

    with raw(script) as server:
        yield server.url


def pass_on(peer: Peer, url: str, request: bytes) -> None:
    """One request of the connection, and what follows it, to that server."""
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=5) as server:
        server.sendall(request.replace(b"Connection: keep-alive", b"Connection: close"))
        relay(peer.socket, server)


@needs_node
def test_a_process_that_ends_while_it_is_asked() -> None:
    ends = "io.on('connection', () => process.exit(1));"
    with node("4.8", LISTS, setup=ends) as url:
        report = check(url)
    assert found(report)[0] == ("restart-or-sleep", "error")
    assert "ended while it was asked" in report.findings[0].message


@needs_node
def test_a_restart_while_it_is_asked() -> None:
    with moving(shared(node, "4.8", LISTS), shared(node, "4.8", SECOND)) as url:
        report = check(url)
        assert found(report) == [("restart-or-sleep", "warning")]
        # It is judged by a new attempt.
        assert {(one.connects, one.transport) for one in report.outcomes} == {(True, "websocket")}
        assert_healthy(check(url))


# --- a cache ---------------------------------------------------------------------------------------------------------

KEPT = "proxy_cache kept; proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Vary; proxy_cache_key"


@needs_node
@needs_nginx
@pytest.mark.parametrize("more", ["", "add_header X-Cache $upstream_cache_status;"])
def test_a_cache_that_ignores_the_query(tmp_path: Path, more: str) -> None:
    tmp_path.chmod(0o777)
    upstream, http = [shared(node, "4.8", LISTS)], f"proxy_cache_path {tmp_path}/cache keys_zone=kept:1m;"
    with nginx(upstream, f"{KEPT} $uri; {more}", http=http) as url:
        report = check(url)
    assert found(report) == [("acao-cached-for-other-origin", "error")]
    assert ("X-Cache: HIT" in report.findings[0].message) is bool(more)
    assert "proxy_cache off;" in report.findings[0].fixes[0].after
    with nginx(upstream, f"{KEPT} $uri$is_args$args;", http=http) as url:
        assert_healthy(check(url))


# --- sent twice, and too large ---------------------------------------------------------------------------------------


@needs_node
def test_polls_that_are_sent_twice() -> None:
    """A proxy that asks again before the first poll is answered, and passes on what the second got."""
    upstream = shared(node, "4.8", LISTS.replace("{", "{connectTimeout: 9000, ", 1), setup=HOLDS_CONNECT)

    def script(peer: Peer) -> None:
        request = peer.hear()
        poll = request.startswith(b"GET") and b"sid=" in request and b"Upgrade: websocket" not in request
        with socket.create_connection(("127.0.0.1", urlsplit(upstream).port or 0), timeout=5) as first:
            if poll:
                first.sendall(request)
            pass_on(peer, upstream, request)

    with raw(script) as server:
        report = check(server.url, transports=["polling"])
    assert [slug for slug, _ in found(report)] == ["request-overlap"]
    assert report.findings[0].severity == "error"


#: The answer to CONNECT takes its time, so that the poll waits.
HOLDS_CONNECT = "io.use((socket, next) => setTimeout(next, 300));"


def large(size: int) -> dict[str, Any]:
    return {"auth": '{"token":"' + "x" * size + '"}'}


@needs_node
def test_an_auth_payload_that_is_too_large() -> None:
    url = shared(node, "4.8", LISTS.replace("{", "{maxHttpBufferSize: 100, ", 1))
    report = check(url, **large(200))
    assert found(report) == [("payload-limits", "error")]
    assert "takes 100" in report.findings[0].message
    assert_healthy(check(url, **large(20)))


def test_an_auth_payload_that_is_too_large_for_python() -> None:
    url = shared(python_server, "uvicorn", f"max_http_buffer_size=100, cors_allowed_origins='{PAGE}'")
    assert found(check(url, timeout=1.5, **large(200))) == [("payload-limits", "error")]
    assert_healthy(check(url, **large(20)))


@needs_node
@needs_nginx
def test_a_query_that_is_too_large() -> None:
    with nginx([shared(node, "4.8", LISTS)]) as url:
        report = check(url, query=["token=" + "x" * 9000])
        assert found(report) == [("payload-limits", "error")]
        assert "414" in report.findings[0].message
        assert any("large_client_header_buffers" in fix.after for fix in report.findings[0].fixes)
        assert_healthy(check(url, query=["token=" + "x" * 90]))
