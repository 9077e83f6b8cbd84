"""``--direct``: the server behind a real proxy is asked too, which tells what the proxy did from what it did not."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import msgspec
import pytest

from sio_doctor import examine_sync, gather, make_plan, report_on
from sio_doctor.diagnose import is_comparable
from sio_doctor.model import Evidence, Finding, Report
from sio_doctor.plan import PlanError
from sio_doctor.render.text import render
from tests.causes import found
from tests.servers import needs_haproxy, needs_nginx, needs_node, shared
from tests.servers.certificates import self_signed
from tests.servers.hostile import engine
from tests.servers.node import node
from tests.servers.proxies import haproxy, nginx
from tests.servers.raw import answer, nothing, raw

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
    assert [slug for slug, _ in found(report)] == ["ws-proxy-no-upgrade"]
    said = " ".join(render(report).split())
    assert "status changed: 101 Switching Protocols → 400 Bad Request (in the answer to WebSocket and upgrade)" in said


def test_a_proxy_that_says_forbidden_is_told_from_a_server_that_does(server: str) -> None:
    refusing = 'if ($http_upgrade = "websocket") { return 403; }'
    with nginx([server], refusing) as proxy:
        assert [slug for slug, _ in found(asked(proxy, server))] == ["ws-proxy-no-upgrade"]


def test_a_502_is_in_between_where_the_server_answers(server: str) -> None:
    with nginx([server], "return 502;") as proxy:
        report = asked(proxy, server)
    assert report.findings[0].slug == "gateway-5xx-no-cors"
    assert "it comes from something in between" in report.findings[0].message


def test_a_proxy_that_changes_nothing_is_silent(server: str) -> None:
    with nginx([server]) as proxy:
        report = asked(proxy, server)
    assert report.ok
    assert found(report) == []
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


def test_what_the_pages_policy_says_is_not_about_the_server_behind(server: str) -> None:
    with nginx([server]) as proxy:
        policy = f"connect-src {proxy} {proxy.replace('http', 'ws')}".encode()
        page = answer(b"HTTP/1.1 200 OK\r\nContent-Security-Policy: " + policy + b"\r\nContent-Length: 2\r\n\r\nok")
        open_to_all = shared(node, "4.8", "{cors: {origin: true}}")
        with raw(page) as site:
            report = examine_sync(make_plan(proxy, page=f"{site.url}/", direct=open_to_all))
    assert len(site.heard) == 1
    assert report.direct is not None
    assert report.direct.findings == ()
    assert all(outcome.connects for outcome in report.direct.outcomes)


def test_an_https_page_may_ask_the_proxy_alone(server: str) -> None:
    with nginx([server]) as proxy:
        report = examine_sync(make_plan(proxy, origins=["https://app.example"], direct=server))
    assert report.direct is not None
    assert "mixed-content" not in report.direct.findings


def test_a_certificate_that_is_refused_behind_the_proxy_is_noted(server: str) -> None:
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(*self_signed())
    with raw(engine(), tls=secure) as behind, nginx([server]) as proxy:
        report = asked(proxy, behind.url, headers=["Authorization: Bearer abcdef123456"])
    assert report.direct is not None
    assert report.direct.findings[0].startswith("tls-")
    assert f"Directly, {behind.url}: The certificate was refused;" in " ".join(report.notes)
    assert not any(b"abcdef123456" in request for request in behind.heard)


def test_the_evidence_of_both_replays() -> None:
    with nginx([shared(node, "4.8", ALLOWED)]) as proxy:
        evidence = asyncio.run(gather(make_plan(proxy, origins=[PAGE], direct=shared(node, "4.8", ALLOWED), hold=0.5)))
    again = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    assert report_on(again) == report_on(evidence)


def test_what_was_not_held_behind_the_proxy_proves_nothing(server: str) -> None:
    with nginx([server], "proxy_read_timeout 1s;") as proxy:
        report = asked(proxy, server, hold=20, transports=["websocket"])
    [finding] = [one for one in report.findings if one.slug == "ws-idle-timeout"]
    assert "Asked directly" not in finding.message


# --- whose cure it is ------------------------------------------------------------------------------------------------

#: What a proxy puts in the place of the server's own header.
FIXED = 'proxy_hide_header Access-Control-Allow-Origin; add_header Access-Control-Allow-Origin "{}" always;'


@pytest.mark.parametrize(
    ("value", "slug"),
    [
        ("http://other.example", "static-origin-mismatch"),
        (f"{PAGE}/", "origin-trailing-slash"),
        (f"{PAGE}, http://other.example", "origin-comma-list"),
    ],
)
def test_a_faultless_server_behind_leaves_the_cure_to_the_proxy(server: str, value: str, slug: str) -> None:
    with nginx([server], FIXED.format(value)) as proxy:
        headline = asked(proxy, server).findings[0]
        assert headline.slug == slug
        assert [fix.stack for fix in headline.fixes if fix.side != "page"] == ["nginx"]
        assert server in headline.fixes[0].after
        # Who does not ask the server behind gets the cures of both.
        alone = examine_sync(make_plan(proxy, origins=[PAGE])).findings[0]
    assert "server" in [fix.side for fix in alone.fixes]


def test_a_server_behind_with_the_same_fault_has_the_cure() -> None:
    server = shared(node, "4.8", "{cors: {origin: 'http://other.example'}}")
    with nginx([server]) as proxy:
        headline = asked(proxy, server).findings[0]
    assert headline.slug == "static-origin-mismatch"
    assert headline.fixes[0].side == "server"


def test_a_server_behind_without_cors_of_its_own_keeps_its_cure() -> None:
    """The proxy's header alone is not what is wrong: without it nobody would be let in."""
    server = shared(node, "4.8", "{}")
    with nginx([server], FIXED.format("http://other.example")) as proxy:
        headline = asked(proxy, server).findings[0]
    assert "server" in [fix.side for fix in headline.fixes]


def test_what_was_not_held_behind_the_proxy_gets_no_cure_by_it() -> None:
    slow = Finding(code="SIO620", slug="ws-idle-timeout", severity="warning", title="", message="")
    assert not is_comparable(slow)
    assert not is_comparable(msgspec.structs.replace(slow, code="SIO801", slug="mixed-content"))
    assert not is_comparable(msgspec.structs.replace(slow, code="SIO601", slug="ws-refused", severity="info"))
    assert is_comparable(msgspec.structs.replace(slow, code="SIO601", slug="ws-refused"))
