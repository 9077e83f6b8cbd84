"""From a case to its findings: every rule is asked, its hits become one finding, the headline comes first. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from sio_doctor.model import Finding, Hint, Severity
from sio_doctor.rules import RULES, Case, Hit, Rule, Rung
from sio_doctor.rules.unknown import cause_unknown

_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")


def diagnose(case: Case) -> tuple[Finding, ...]:
    """The findings, the headline first: the gravest, and of those what the page meets first."""
    rules = [rule for rule in RULES.values() if not rule.hint and rule.slug != "cause-unknown"]
    found = [(rule, hits) for rule in rules if (hits := list(rule.check(case)))]
    findings = [(_finding(case, rule, hits), _rung(rule, hits)) for rule, hits in found]
    errors = [finding for finding, _ in findings if finding.severity == "error"]
    explained = frozenset(origin for finding in errors for origin in finding.origins)
    if (case.plan.origins or not errors) and (hit := cause_unknown(case, explained)):
        rule = RULES["cause-unknown"]
        findings.append((_finding(case, rule, [hit]), _rung(rule, [hit])))
    findings.sort(key=lambda pair: (_SEVERITIES.index(pair[0].severity), pair[1], _family(pair[0].code)))
    return tuple(_in_line(finding, rung, findings[:place]) for place, (finding, rung) in enumerate(findings))


def _in_line(finding: Finding, rung: Rung, earlier: Iterable[tuple[Finding, Rung]]) -> Finding:
    """That finding with the errors that its pages meet before they come to it, in one browser at least."""
    if finding.severity == "info":
        return finding
    met = tuple(
        first.slug
        for first, step in earlier
        if first.severity == "error"
        and step <= rung
        and set(first.browsers) & set(finding.browsers)
        and (first.origins == finding.origins or set(first.origins) & set(finding.origins))
    )
    return replace(finding, behind=met)


def attributed(findings: tuple[Finding, ...], case: Case, behind: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Says of each finding whether the server behind the proxy shows it too. What the page does itself is nobody's."""
    if case.directly is None:
        return findings
    url, slugs = case.directly.plan.target.url, {finding.slug for finding in behind}
    told = []
    for finding in findings:
        if is_comparable(finding):
            shown = f"Asked directly, {url} shows the same: it is not something in between."
            if finding.slug not in slugs:
                shown = f"Asked directly, {url} does not show this: it comes from something in between."
            finding = replace(finding, message=f"{finding.message} {shown}")
        told.append(finding)
    return tuple(told)


def is_comparable(finding: Finding) -> bool:
    """The server behind the proxy would show it as well, were it its own: it is asked the same things there, but by no
    page, and nothing is held open."""
    return finding.severity != "info" and not finding.code.startswith("SIO8") and finding.slug != "ws-idle-timeout"


def hints(case: Case, findings: Iterable[Finding]) -> tuple[Hint, ...]:
    """What else it can be, in the order of registration: asked only where no finding explains a failure."""
    if any(finding.severity == "error" for finding in findings):
        return ()
    return tuple(
        Hint(code=rule.code, slug=rule.slug, title=rule.title, message=" ".join(hit.message for hit in hits))
        for rule in RULES.values()
        if rule.hint and (hits := list(rule.check(case)))
    )


def _rung(rule: Rule, hits: Iterable[Hit]) -> Rung:
    return min(rule.rung if hit.rung is None else hit.rung for hit in hits)


def _family(code: str) -> tuple[int, str]:
    """Within a rung: what the page breaks itself first, then in the order of the codes."""
    return (0 if code.startswith("SIO8") else 1, code)


def _finding(case: Case, rule: Rule, hits: list[Hit]) -> Finding:
    origins = tuple(dict.fromkeys(origin for hit in hits for origin in hit.origins or case.plan.origins))
    browsers = tuple(
        browser for browser in case.plan.browsers if any(not hit.browsers or browser in hit.browsers for hit in hits)
    )
    return Finding(
        code=rule.code,
        slug=rule.slug,
        severity=min((hit.severity or _severity(case, hit) for hit in hits), key=_SEVERITIES.index),
        title=rule.title,
        message=" ".join(dict.fromkeys(hit.message for hit in hits)),
        origins=tuple(origin for origin in origins if origin in case.plan.origins),
        browsers=browsers,
        headers=tuple(dict.fromkeys(header for hit in hits for header in hit.headers)),
        exchanges=tuple(dict.fromkeys(number for hit in hits for number in hit.exchanges)),
    )


def _severity(case: Case, hit: Hit) -> Severity:
    """Error where a chosen origin that it concerns cannot connect (with none chosen: where no session can be had)."""
    if not case.plan.origins:
        return "warning" if case.open else "error"
    concerned = [
        outcome
        for outcome in case.outcomes
        if (not hit.origins or outcome.origin in hit.origins) and (not hit.browsers or outcome.browser in hit.browsers)
    ]
    return "error" if any(outcome.connects is False for outcome in concerned) else "warning"
