"""The public API, and what a saved Evidence is worth: the same report, with no network."""

from __future__ import annotations

import asyncio
import socket

import msgspec
import pytest

import sio_doctor
from sio_doctor import Evidence, Report, examine, examine_sync, gather, make_plan, report_on
from sio_doctor.demo.scenarios import SCENARIOS, Scenario
from sio_doctor.demo.server import serve
from sio_doctor.model import Plan


def plan_of(scenario: Scenario, url: str) -> Plan:
    return make_plan(
        url,
        origins=[scenario.origin],
        with_credentials=scenario.client.with_credentials,
        headers=[f"{name}: {value}" for name, value in scenario.client.extra_headers],
    )


def gathered(name: str) -> Evidence:
    """What the demo's server of that name shows."""

    async def ask() -> Evidence:
        async with await serve(SCENARIOS[name]) as server:
            return await gather(plan_of(SCENARIOS[name], server.url))

    return asyncio.run(ask())


@pytest.mark.parametrize("name", SCENARIOS)
def test_saved_evidence_gives_the_same_report_without_a_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = gathered(name)
    saved = msgspec.json.encode(evidence)
    expected = report_on(evidence)

    def closed(*_: object, **__: object) -> None:
        raise AssertionError("no socket may be opened")

    monkeypatch.setattr(socket, "socket", closed)
    read = msgspec.json.decode(saved, type=Evidence)
    assert read == evidence
    assert report_on(read) == expected == report_on(evidence)
    slugs = [finding.slug for finding in expected.findings if finding.severity != "info"]
    assert slugs[:1] == ([SCENARIOS[name].slug] if SCENARIOS[name].slug else [])


def test_a_report_is_written_and_read_again() -> None:
    report = report_on(gathered("no-cors"))
    read = msgspec.json.decode(msgspec.json.encode(report), type=Report)
    assert msgspec.json.encode(read) == msgspec.json.encode(report)
    assert (read.findings, read.exchanges, read.outcomes) == (report.findings, report.exchanges, report.outcomes)


def test_examine_is_gather_and_report() -> None:
    lines: list[str] = []

    async def both() -> Report:
        async with await serve(SCENARIOS["healthy"]) as server:
            return await examine(plan_of(SCENARIOS["healthy"], server.url), lines.append)

    report = asyncio.run(both())
    assert report.ok
    assert len(lines) == report.vantage.requests
    assert all("\n" not in line and "?" not in line for line in lines)


def test_examine_sync_needs_no_loop() -> None:
    report = examine_sync(make_plan("http://sio-doctor.invalid:3000", origins=["http://localhost:8080"], timeout=2))
    assert not report.ok
    assert report.findings[0].slug == "dns-fails"


def test_a_public_name_is_not_shadowed_by_the_module_it_comes_from() -> None:
    import sio_doctor.examine

    assert sio_doctor.examine is examine
    assert callable(sio_doctor.examine)


def test_the_public_names_are_there_and_no_others() -> None:
    assert {name for name in sio_doctor.__all__ if getattr(sio_doctor, name) is None} == set()
    assert set(sio_doctor.__all__) <= set(dir(sio_doctor))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = sio_doctor.nonsense


def test_an_empty_evidence_is_not_known_rather_than_well() -> None:
    report = report_on(Evidence(plan=make_plan("h.invalid", origins=["http://localhost:8080"])))
    assert not report.ok
    assert {outcome.connects for outcome in report.outcomes} == {None}
