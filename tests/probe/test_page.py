"""``--page``: the page is read before anything else, and the report is about the page that it really is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sio_doctor.demo.scenarios import SCENARIOS
from sio_doctor.demo.server import serve
from sio_doctor.examine import report_on
from sio_doctor.model import Evidence, Report
from sio_doctor.plan import make_plan
from sio_doctor.probe.gather import gather
from tests.servers.certificates import self_signed
from tests.servers.hostile import engine, open_body
from tests.servers.raw import answer_then_hang, nothing, raw
from tests.servers.site import page, site, to

SELF = "Content-Security-Policy: connect-src 'self'"
META = b"""<!doctype html><head><meta http-equiv="Content-Security-Policy" content="connect-src 'self'"></head>"""


def ask(page_url: str, **options: Any) -> Evidence:
    """A healthy server, asked about that page."""

    async def run() -> Evidence:
        async with await serve(SCENARIOS["healthy"]) as server:
            return await gather(make_plan(server.url, page=page_url, **{"timeout": 5, **options}))

    return asyncio.run(run())


def about(page_url: str, **options: Any) -> tuple[Report, Evidence]:
    evidence = ask(page_url, **options)
    return report_on(evidence), evidence


def slugs(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings if finding.severity != "info"]


def test_the_page_s_policy_is_read_and_held_against_the_server() -> None:
    with raw(site({"/chat": page(META, SELF)})) as server:
        report, evidence = about(f"{server.url}/chat#top")
    assert report.page is not None
    assert (report.page.url, report.page.origin, report.page.status) == (f"{server.url}/chat", server.url, 200)
    assert [(one.source, one.text) for one in report.page.csp] == [
        ("header", "connect-src 'self'"),
        ("meta", "connect-src 'self'"),
    ]
    assert slugs(report)[0] == "csp-connect-src"
    assert {outcome.polling.code for outcome in report.outcomes} == {"csp"}
    [asked] = evidence.all("page")
    assert asked.id == 1
    assert (asked.request.origin, dict(asked.request.headers)["Accept"][:9]) == (None, "text/html")
    # The ladder was climbed all the same.
    assert report.handshake is not None
    assert report_on(msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)) == report


def test_a_page_without_a_policy_changes_nothing() -> None:
    with raw(site({"/": page()})) as server:
        report, _ = about(server.url + "/")
    assert report.page is not None
    assert report.page.csp == ()
    assert slugs(report) == slugs(report_on(ask_origin(server.url)))


def ask_origin(origin: str) -> Evidence:
    async def run() -> Evidence:
        async with await serve(SCENARIOS["healthy"]) as server:
            return await gather(make_plan(server.url, origins=[origin], timeout=5))

    return asyncio.run(run())


def test_the_origin_is_that_of_the_page_behind_its_redirects() -> None:
    with raw(site({"/app": page(b"", SELF)})) as there:
        home = f"http://localhost:{there.port}"
        with raw(site({"/": to("/a"), "/a": to(f"{home}/app?x=1")})) as here:
            report, evidence = about(here.url + "/", origins=["https://other.example"])
    assert evidence.plan.origins == (home, "https://other.example")
    assert {one.request.origin for one in evidence.all("handshake")} == {home, "https://other.example"}
    assert [one.request.url for one in evidence.all("page")] == [f"{here.url}/", f"{here.url}/a", f"{home}/app?x=1"]
    assert f"The origin of the page {here.url}/ is {home}: it is redirected to {home}/app." in report.notes


def test_a_page_that_is_not_there_is_a_note_and_the_rest_is_asked() -> None:
    with raw(site({})) as server:
        report, evidence = about(f"{server.url}/gone")
    assert report.page is not None
    assert (report.page.status, report.page.reason) == (404, "It was answered with status 404.")
    assert evidence.plan.origins == (server.url,)
    [note] = [note for note in report.notes if "could not be read" in note]
    assert "Its Content-Security-Policy is not known" in note
    assert report.handshake is not None


def test_nobody_listens_where_the_page_is_said_to_be() -> None:
    with nothing() as url:
        report, _ = about(url)
    assert report.page is not None
    assert report.page.origin == url
    assert report.handshake is not None
    assert any("could not be read" in note for note in report.notes)


def test_a_page_that_hangs_costs_its_timeout() -> None:
    with raw(answer_then_hang()) as server:
        report, evidence = about(server.url, timeout=0.5, deadline=20)
    assert report.page is not None
    assert report.page.reason is not None
    assert evidence.seconds < 15
    assert report.handshake is not None


def test_a_circle_of_redirects_ends() -> None:
    with raw(site({"/": to("/a"), "/a": to("/")})) as server:
        report, evidence = about(server.url + "/")
    assert len(list(evidence.all("page"))) == 2
    assert report.page is not None
    assert "redirected" in (report.page.reason or "")


def test_endless_redirects_end_and_leave_the_server_its_requests() -> None:
    with raw(site({f"/{n}": to(f"/{n + 1}") for n in range(50)})) as server:
        report, evidence = about(server.url + "/0")
    assert len(list(evidence.all("page"))) == 21
    assert evidence.vantage.requests <= 40
    assert report.handshake is not None


def test_a_certificate_that_is_not_trusted_is_said_and_the_page_is_read() -> None:
    import ssl

    certificate = self_signed("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with raw(site({"/": page(b"", SELF)}), tls=context) as server:
        home = f"https://localhost:{server.port}"
        read, _ = about(f"{home}/")
        kept, _ = about(f"{home}/?token=abcdefgh")
    assert read.page is not None
    assert [one.text for one in read.page.csp] == ["connect-src 'self'"]
    assert any("certificate of the page was refused" in note for note in read.notes)
    assert kept.page is not None
    assert kept.page.reason is not None
    assert all(b"abcdefgh" not in heard for heard in server.heard)


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "my page.html"
    file.write_bytes(META + b"x" * 70_000)
    report, evidence = about(file.as_uri())
    assert evidence.plan.origins == ("null",)
    assert report.page is not None
    assert (report.page.url, report.page.origin) == (file.as_uri(), "null")
    [asked] = evidence.all("page")
    assert asked.response is not None
    assert (asked.response.truncated, len(asked.response.body)) == (True, 64 * 1024)
    assert "csp-connect-src" in slugs(report)


def test_a_file_that_went_away_meanwhile(tmp_path: Path) -> None:
    report, _ = about((tmp_path / "gone.html").as_uri())
    assert report.page is not None
    assert report.page.reason == "The file cannot be read: No such file or directory."


def test_a_sandbox_makes_the_origin_null() -> None:
    with raw(site({"/": page(b"", "Content-Security-Policy: sandbox allow-scripts")})) as server:
        report, evidence = about(server.url + "/")
    assert evidence.plan.origins == ("null",)
    assert any("the sandbox of its Content-Security-Policy takes it away" in note for note in report.notes)


@pytest.mark.parametrize(("client", "said"), [(None, True), (2, False)])
def test_another_client_than_the_page_s_is_said(client: int | None, said: bool) -> None:
    body = b'<script src="https://cdnjs.invalid/ajax/libs/socket.io/2.3.0/socket.io.js"></script>'
    with raw(site({"/": page(body)})) as server:
        report, _ = about(server.url + "/", version=client)
    assert any("socket.io-client 2.3.0" in note and "--client 2" in note for note in report.notes) is said


def test_upgrade_insecure_requests_asks_another_server() -> None:
    policy = "Content-Security-Policy: upgrade-insecure-requests"
    with raw(site({"/": page(b"", policy)})) as server:
        plan = make_plan("http://api.invalid", page=server.url + "/", timeout=5)
        evidence = asyncio.run(gather(plan))
    assert evidence.plan.target.url == "https://api.invalid"
    assert any("browsers ask https://api.invalid, though its code says http://api.invalid" in n for n in evidence.notes)


def test_safari_s_upgrade_on_loopback_is_found() -> None:
    policy = "Content-Security-Policy: default-src * ws: wss:; upgrade-insecure-requests"
    with raw(site({"/": page(b"", policy)})) as server, raw(engine(open_body(upgrades=()))) as api:
        evidence = asyncio.run(gather(make_plan(api.url, page=server.url + "/", timeout=5)))
    report = report_on(evidence)
    [finding] = [one for one in report.findings if one.slug == "csp-upgrade-insecure"]
    assert finding.browsers == ("webkit",)


def test_secrets_in_the_page_s_address_are_struck_out() -> None:
    with raw(site({"/": page(b"", SELF)})) as server:
        report, evidence = about(f"{server.url}/?token=very-secret-value")
    assert "very-secret-value" in msgspec.json.encode(evidence).decode()
    assert "very-secret-value" not in msgspec.json.encode(report).decode()
