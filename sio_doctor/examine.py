"""The whole examination, for programs: gather the evidence, and report on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from sio_doctor import __version__
from sio_doctor.browser.document import document_of
from sio_doctor.diagnose import diagnose
from sio_doctor.judge import judge, policy
from sio_doctor.model import Connection, Document, Evidence, Finding, Plan, Report
from sio_doctor.plan import header_names
from sio_doctor.redact import redact
from sio_doctor.render.curl import curl
from sio_doctor.rules import Case
from sio_doctor.stacks import fixes, identify, observed
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


def examine_sync(plan: Plan, progress: Callable[[str], None] | None = None, confirm: Confirm | None = None) -> Report:
    """``examine`` for code that has no event loop running."""
    # Not within the loop: there, Ctrl-C would not end the wait for a browser.
    return report_on(asyncio.run(gather(plan, progress)), confirm)


def report_on(evidence: Evidence, confirm: Confirm | None = None) -> Report:
    """The report on that evidence; the same evidence gives the same report. Secrets are struck out.

    ``confirm`` is shown the outcomes, and adds what a real browser does.
    """
    plan = evidence.plan
    document = document_of(plan, evidence.exchanges)
    outcomes = judge(evidence)
    beyond = judge(evidence, permitted=True) if document is not None and document.csp else outcomes
    case = Case(evidence, beyond, identify(evidence), policy(evidence), document, outcomes)
    findings = tuple(_prescribe(case, finding) for finding in diagnose(case))
    outcomes = outcomes if plan.origins else ()
    outcomes, notes = confirm(outcomes, document) if confirm is not None else (outcomes, ())
    report = redact(
        Report(
            tool={"name": "sio-doctor", "version": __version__},
            started=evidence.started,
            seconds=evidence.seconds,
            vantage=evidence.vantage,
            target=plan.target,
            page=document,
            client={
                "version": plan.client.version,
                "protocol": plan.client.protocol,
                "transports": plan.client.transports,
                "with_credentials": plan.client.with_credentials,
                "extra_headers": header_names(plan.client.extra_headers),
            },
            ok=not any(finding.severity == "error" for finding in findings)
            and not any(outcome.connects is None for outcome in outcomes),
            handshake=case.open,
            policy=case.policy,
            server=case.server,
            outcomes=outcomes,
            findings=findings,
            notes=(*plan.notes, *evidence.notes, *notes),
            exchanges=evidence.exchanges,
        ),
        plan,
    )
    shown = (
        msgspec.structs.replace(exchange, curl=curl(exchange.request, verified=exchange.verified))
        for exchange in report.exchanges
    )
    return msgspec.structs.replace(report, exchanges=tuple(shown))


def _prescribe(case: Case, finding: Finding) -> Finding:
    origins = finding.origins or case.plan.origins
    details = observed(case.evidence) | policies(case.document, case.plan.target)
    cures = fixes(finding.slug, case.plan, case.server, origins=origins, details=details)
    return msgspec.structs.replace(finding, fixes=cures)
