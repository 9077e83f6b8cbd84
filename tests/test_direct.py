"""``--direct``: the server behind a real proxy is asked too, which tells what the proxy did from what it did not."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Report
from sio_doctor.plan import PlanError
from sio_doctor.render.text import render
from tests.servers import needs_haproxy, needs_nginx, needs_node, shared
from tests.servers.node import node
from tests.servers.proxies import haproxy, nginx
from tests.servers.raw import nothing

pytestmark = [needs_node, needs_nginx]

PAGE = "http://localhost:8080"
ALLOWED = f"{{cors: {{origin: ['{PAGE}'], credentials: true}}}}"


def asked(proxy: str, server: str, **options: Any) -> Report:
    return examine_sync(make_plan(proxy, origins=[PAGE], direct=server, **options))


@pytest.fixture
def server() -> str:
    return shared(node, "4.8", ALLOWED)


def test_a_doubled_header_is_the_proxys(server: str) -> None:
    with nginx([server], "add_header Access-Control-Allow-Origin * always;") as proxy:
        report = asked(proxy, server)
    headline = report.findings[0]
    assert headline.slug == "duplicate-acao-proxy"
    assert headline.message.endswith(
        f"Asked directly, {server} does not show this: it comes from something in between."
    )
    said = " ".join(render(report).split())
    assert f"Directly {server}: connects" in said
    assert f"Access-Control-Allow-Origin doubled: {PAGE} → {PAGE}, * (in the answer to preflight, handshake," in said


def test_a_header_taken_away_over_a_list_is_the_proxys_and_no_missing_entry(server: str) -> None:
    with nginx([server], "proxy_hide_header Access-Control-Allow-Origin;") as proxy:
        assert asked(proxy, server).findings[0].slug == "proxy-strips-acao"
        # Without --direct nobody can know.
        assert examine_sync(make_plan(proxy, origins=[PAGE])).findings[0].slug == "origin-not-in-list"


def test_an_origin_that_is_not_on_the_list_is_the_servers_own() -> None:
    server = shared(node, "4.8", "{cors: {origin: ['http://other.example']}}")
    with nginx([server]) as proxy:
        report = asked(proxy, server)
    assert report.findings[0].slug == "origin-not-in-list"
    assert "shows the same: it is not something in between." in report.findings[0].message
    assert "What the proxy changes" not in render(report)


def test_the_layer_that_breaks_the_upgrade_is_named(server: str) -> None:
    with nginx([server], websocket=False) as proxy:
        report = asked(proxy, server)
    assert [finding.slug for finding in report.findings] == ["ws-proxy-no-upgrade"]
    said = " ".join(render(report).split())
    assert "status changed: 101 Switching Protocols → 400 Bad Request (in the answer to WebSocket and upgrade)" in said


def test_a_proxy_that_says_forbidden_is_told_from_a_server_that_does(server: str) -> None:
    refusing = 'if ($http_upgrade = "websocket") { return 403; }'
    with nginx([server], refusing) as proxy:
        assert [finding.slug for finding in asked(proxy, server).findings] == ["ws-proxy-no-upgrade"]


def test_a_502_is_in_between_where_the_server_answers(server: str) -> None:
    with nginx([server], "return 502;") as proxy:
        report = asked(proxy, server)
    assert report.findings[0].slug == "gateway-5xx-no-cors"
    assert "it comes from something in between" in report.findings[0].message


def test_a_proxy_that_changes_nothing_is_silent(server: str) -> None:
    with nginx([server]) as proxy:
        report = asked(proxy, server)
    assert report.ok
    assert report.findings == ()
    assert report.direct is not None
    assert report.direct.reachable
    assert [one.header for one in report.direct.differences if one.header.lower().startswith("access-")] == []


@needs_haproxy
def test_header_names_in_lower_case_are_no_change(server: str) -> None:
    with haproxy([server]) as proxy:
        report = asked(proxy, server)
    assert report.ok
    assert report.direct is not None
    assert report.direct.differences == ()


def test_a_server_that_cannot_be_reached_proves_nothing(server: str) -> None:
    with nginx([server], websocket=False) as proxy, nothing() as dead:
        report = asked(proxy, dead)
    assert report.direct is not None
    assert not report.direct.reachable
    assert "Asked directly" not in report.findings[0].message
    assert f"Directly   {dead}: no answer from here" in render(report)


def test_what_the_direct_server_hands_out_is_struck_out_too(server: str) -> None:
    with nginx([server]) as proxy:
        report = asked(proxy, server)
    assert report.direct is not None
    bodies = [one.response.text for one in report.direct.exchanges if one.response and '"sid"' in one.response.text]
    assert bodies
    assert all('"sid":"<sid ' in body for body in bodies)


def test_the_proxy_itself_is_no_server_behind_it() -> None:
    with pytest.raises(PlanError, match="and this is the proxy's own"):
        make_plan("http://localhost:80/", direct="http://localhost")


@pytest.mark.parametrize(
    ("given", "url", "path"),
    [
        ("localhost:3000", "http://localhost:3000", "/ws/"),
        ("http://localhost:3000/socket.io/", "http://localhost:3000", "/socket.io/"),
    ],
)
def test_what_its_url_does_not_say_is_as_in_front(given: str, url: str, path: str) -> None:
    plan = make_plan("https://api.example.com", path="/ws/", direct=given, query=["a=b"])
    assert plan.direct is not None
    assert (plan.direct.url, plan.direct.path, plan.direct.query) == (url, path, (("a", "b"),))
