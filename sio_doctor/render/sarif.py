"""The findings as SARIF 2.1.0, for code scanning and the tools that read it.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. A server is no file, so a result's place is its URL,
and a logical one, its name; the fingerprint is of cause and server, so that a result stays the same from run to run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sio_doctor.model import Finding, Report
from sio_doctor.render import words
from sio_doctor.render.escape import harmless_block
from sio_doctor.render.json import written

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report as a log of one run."""
    return "".join(pieces([report], unicode=unicode))


def pieces(reports: Iterable[Report], *, unicode: bool = True) -> Iterator[str]:
    """A log of one run with the results of all of them. ``reports`` can be gone through more than once."""
    rules: dict[str, Finding] = {}
    version = ""
    for report in reports:
        version = report.tool["version"]
        for finding in report.findings:
            rules.setdefault(finding.code, finding)
    driver = {"name": "sio-doctor", "version": version, "rules": [_rule(one) for one in rules.values()]}
    places = {code: place for place, code in enumerate(rules)}
    head = written({"tool": {"driver": driver}, "columnKind": "utf16CodeUnits"}, unicode=unicode, indent=0)
    yield f'{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{head[:-1]},"results":['
    separator = "\n"
    for report in reports:
        for finding in report.findings:
            yield separator + written(_result(report, finding, places[finding.code]), unicode=unicode, indent=0)
            separator = ",\n"
    yield "\n]}]}\n"


def _rule(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.code,
        "name": finding.slug,
        "shortDescription": {"text": _plain(finding.title)},
        "help": {"text": f"sio-doctor explain {finding.slug}"},
    }


def _result(report: Report, finding: Finding, place: int) -> dict[str, Any]:
    url = _plain(report.target.url + report.target.path)
    concerned = f" It concerns {words.listing(finding.origins)}." if finding.origins else ""
    cures = "".join(f"\n\nCure: {one.title} ({one.stack}, {one.where})\n{one.after}" for one in finding.fixes)
    fingerprint = hashlib.sha256(f"{finding.code} {url}".encode("utf-8", "replace")).hexdigest()
    return {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": LEVELS[finding.severity],
        "message": {"text": _plain(f"{finding.title}. {finding.message}{concerned}{cures}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(url)}},
                "logicalLocations": [{"fullyQualifiedName": url, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"causeAndServer/v1": fingerprint},
        "properties": {"origins": list(map(_plain, finding.origins)), "browsers": list(finding.browsers)},
    }


def _uri(url: str) -> str:
    """The URL with what a URI reference cannot hold percent-encoded (RFC 3986)."""
    from urllib.parse import quote

    return quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


def _plain(text: str) -> str:
    return harmless_block(text)
