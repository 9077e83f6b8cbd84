"""The whole examination, for programs: gather the evidence, and report on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from sio_doctor import __version__
from sio_doctor.browser.document import document_of
from sio_doctor.compare import differences
from sio_doctor.diagnose import attributed, diagnose, hints, is_comparable
from sio_doctor.judge import judge, policy
from sio_doctor.model import Connection, Direct, Document, Evidence, Exchange, Finding, NetworkOptions, Plan, Report
from sio_doctor.plan import header_names
from sio_doctor.redact import redact
from sio_doctor.render.curl import curl
from sio_doctor.rules import Case
from sio_doctor.stacks import fixes, identify
from sio_doctor.stacks.observed import observed
from sio_doctor.stacks.policy import policies

#: What asks a real browser, on such a page: the outcomes, with what it did, and notes on how it was asked.
Confirm = Callable[[tuple[Connection, ...], Document | None], tuple[tuple[Connection, ...], tuple[str, ...]]]


async def gather(plan: Plan, progress: Callable[[str], None] | None = None) -> Evidence:
    """Asks the server; ``progress`` is called with one line as each request starts. No server makes it raise."""
    # Here and not above: reporting on saved evidence needs no network library.
    from sio_doctor.probe.gather import gather as ask

    return await ask(plan, progress)


async def examine(plan: Plan, progress: Callable[[str], None] | None = None) -> Report:
    """Asks the server and reports on what it answered."""
    return report_on(await gather(plan, progress))


def examine_sync(
    plan: Plan,
    progress: Callable[[str], None] | None = None,
    confirm: Confirm | None = None,
    keep: Callable[[Evidence], None] | None = None,
) -> Report:
    """``examine`` for code that has no event loop running. ``keep`` is given the evidence, before it is judged."""
    # Not within the loop: there, Ctrl-C would not end the wait for a browser.
    evidence = asyncio.run(gather(plan, progress))
    if keep is not None:
        keep(evidence)
    return report_on(evidence, confirm)


def report_on(evidence: Evidence, confirm: Confirm | None = None) -> Report:
    """The report on that evidence; the same evidence gives the same report. Secrets are struck out.

    ``confirm`` is shown the outcomes, and adds what a real browser does.
    """
    plan = evidence.plan
    behind = _case(evidence.direct) if evidence.direct is not None else None
    case = _case(evidence, behind)
    behind_findings = diagnose(behind) if behind is not None else ()
    reachable = behind is not None and any(one.response is not None for one in behind.evidence.exchanges)
    found = diagnose(case)
    if reachable:
        found = attributed(found, case, behind_findings)
    # A server behind that has no fault shows that it comes from something in between.
    faultless = reachable and not any(one.severity == "error" for one in behind_findings)
    theirs = {one.slug for one in behind_findings}
    findings = tuple(
        _prescribe(case, one, between=faultless and is_comparable(one) and one.slug not in theirs) for one in found
    )
    outcomes = case.met if plan.origins else ()
    outcomes, notes = confirm(outcomes, case.document) if confirm is not None else (outcomes, ())
    report = redact(
        Report(
            tool={"name": "sio-doctor", "version": __version__},
            started=evidence.started,
            seconds=evidence.seconds,
            vantage=evidence.vantage,
            target=plan.target,
            page=case.document,
            client={
                "version": plan.client.version,
                "protocol": plan.client.protocol,
                "transports": plan.client.transports,
                "try_all_transports": plan.client.try_all_transports,
                "with_credentials": plan.client.with_credentials,
                "extra_headers": header_names(plan.client.extra_headers),
                "cookies": header_names(plan.client.cookies),
            },
            network=plan.network,
            ok=not any(finding.severity == "error" for finding in findings)
            and not any(outcome.connects is None for outcome in outcomes),
            handshake=case.open,
            policy=case.policy,
            server=case.server,
            outcomes=outcomes,
            findings=findings,
            held=evidence.held,
            direct=_direct(case, behind, behind_findings, reachable) if behind is not None else None,
            hints=hints(case, findings),
            notes=(*plan.notes, *evidence.notes, *_notes_on(evidence.direct, evidence.notes), *notes),
            exchanges=evidence.exchanges,
        ),
        plan,
    )
    report = msgspec.structs.replace(report, exchanges=_with_curl(report.exchanges, report.network))
    if report.direct is None:
        return report
    direct = msgspec.structs.replace(report.direct, exchanges=_with_curl(report.direct.exchanges, report.network))
    return msgspec.structs.replace(report, direct=direct)


def _case(evidence: Evidence, directly: Case | None = None) -> Case:
    document = document_of(evidence.plan, evidence.exchanges)
    outcomes = judge(evidence)
    beyond = judge(evidence, permitted=True) if document is not None and document.csp else outcomes
    return Case(evidence, beyond, identify(evidence), policy(evidence), document, outcomes, directly)


def _notes_on(direct: Evidence | None, known: tuple[str, ...]) -> tuple[str, ...]:
    """What is to be noted of the server behind the proxy alone."""
    if direct is None:
        return ()
    return tuple(f"Directly, {direct.plan.target.url}: {note}" for note in direct.notes if note not in known)


def _direct(case: Case, behind: Case, findings: tuple[Finding, ...], reachable: bool) -> Direct:
    return Direct(
        url=behind.plan.target.url,
        reachable=reachable,
        outcomes=behind.met if behind.plan.origins else (),
        # What browsers make of a page that asks it (mixed content, say) is left out: no page does.
        findings=tuple(one.slug for one in findings if one.severity != "info" and not one.code.startswith("SIO8")),
        differences=differences(case.evidence, behind.evidence),
        exchanges=behind.evidence.exchanges,
    )


def _with_curl(exchanges: tuple[Exchange, ...], network: NetworkOptions) -> tuple[Exchange, ...]:
    return tuple(msgspec.structs.replace(exchange, curl=_curl(exchange, network)) for exchange in exchanges)


def _curl(exchange: Exchange, network: NetworkOptions) -> str:
    address = exchange.address if exchange.purpose == "other-address" else None
    return curl(exchange.request, verified=exchange.verified, network=network, address=address)


def _prescribe(case: Case, finding: Finding, *, between: bool) -> Finding:
    origins = finding.origins or case.plan.origins
    details = observed(case.evidence) | policies(case.document, case.plan.target)
    if between:
        details["between"] = "yes"
        if "allow-origin" in details:
            details["layer-origin"] = details["allow-origin"]
    cures = fixes(finding.slug, case.plan, case.server, origins=origins, details=details)
    return msgspec.structs.replace(finding, fixes=cures)
