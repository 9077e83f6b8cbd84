"""A lower budget: what is asked of it, in which order, and that what is missing is said to be missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sio_doctor.demo.scenarios import PAGE, SCENARIOS
from sio_doctor.demo.server import serve
from sio_doctor.examine import gather, report_on
from sio_doctor.model import Evidence, Report
from sio_doctor.plan import make_plan
from sio_doctor.render import render
from tests.probe.authority import server_context
from tests.servers import needs_openssl
from tests.servers.hostile import engine, open_body
from tests.servers.raw import raw

BUDGETS = [1, 2, 3, 5, 8, 12, 20]


def check(scenario: str, budget: int | None, **options: Any) -> tuple[Evidence, Report, int]:
    """The evidence, the report, and how many sessions are left on the server."""

    async def ask() -> tuple[Evidence, int]:
        async with await serve(SCENARIOS[scenario]) as server:
            evidence = await gather(make_plan(server.url, origins=[PAGE], max_requests=budget, **options))
            return evidence, sum(len(worker.sessions) for worker in server._workers)

    evidence, left = asyncio.run(ask())
    return evidence, report_on(evidence), left


def connects(report: Report) -> set[bool | None]:
    return {outcome.connects for outcome in report.outcomes}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("scenario", ["healthy", "no-cors", "wrong-origin", "spa", "no-sticky-sessions"])
def test_no_more_is_asked_and_sessions_are_closed_of_it(scenario: str, budget: int) -> None:
    evidence, report, left = check(scenario, budget)
    assert len(evidence.exchanges) == evidence.vantage.requests <= budget
    assert budget == 20 or any(f"The budget of {budget} request" in note for note in report.notes)
    assert left == 0 or budget == 1 or SCENARIOS[scenario].workers > 1


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_healthy_server_is_not_known_to_be_one_until_the_client_has_connected(budget: int) -> None:
    evidence, report, _ = check("healthy", budget)
    joined = any(one.response and '40{"sid"' in one.response.text for one in evidence.all("poll"))
    assert connects(report) == ({True} if joined else {None})
    assert joined == (budget >= 5)
    assert report.ok == joined
    if not joined:
        assert all(outcome.reason for outcome in report.outcomes)
        assert "not known" in render(report, "text")
        assert {finding.slug for finding in report.findings if finding.severity != "info"} == {"cause-unknown"}


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("scenario", ["no-cors", "wrong-origin", "static-origin", "python", "spa", "gateway"])
def test_the_headline_never_waits_for_what_ran_out(scenario: str, budget: int) -> None:
    _, report, _ = check(scenario, budget)
    assert report.findings[0].slug == SCENARIOS[scenario].slug
    assert connects(report) == {False}


@pytest.mark.parametrize(("budget", "found"), [(1, False), (5, True), (12, True)])
def test_another_path_is_looked_for_before_anything_else(budget: int, found: bool) -> None:
    _, report, _ = check("healthy", budget, path="/api/io")
    assert report.findings[0].slug == "path-mismatch"
    assert ("answers at /socket.io/" in report.findings[0].message) == found


def test_a_budget_above_the_bound_changes_nothing() -> None:
    usual, _, _ = check("healthy", None)
    raised, report, _ = check("healthy", 1000)
    assert len(raised.exchanges) == len(usual.exchanges)
    assert not any("budget" in note for note in report.notes)


def test_the_note_names_what_is_not_known() -> None:
    _, report, _ = check("healthy", 5)
    [note] = [note for note in report.notes if "budget" in note]
    assert "whether the session holds on fresh connections" in note
    _, report, _ = check("healthy", 1)
    [note] = [note for note in report.notes if "budget" in note]
    assert note.startswith("The budget of 1 request was used up")
    assert "could not be closed" in note


@needs_openssl
@pytest.mark.parametrize(
    ("budget", "purposes"), [(1, ["handshake"]), (2, ["handshake"]), (3, ["handshake"] * 2 + ["close"])]
)
def test_what_could_not_be_asked_past_the_certificate_takes_nobody_for_a_stranger(
    budget: int, purposes: list[str]
) -> None:
    with raw(engine(open_body(upgrades=())), tls=server_context()) as server:
        evidence = asyncio.run(gather(make_plan(server.url, origins=[PAGE], max_requests=budget)))
    assert [exchange.purpose for exchange in evidence.exchanges] == purposes
    assert report_on(evidence).findings[0].slug == "tls-untrusted"
