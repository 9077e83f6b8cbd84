"""What the end-to-end tests of Python and of proxies have in common: one check, and what its report must say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Finding, Report, Severity, Transport

PAGE = "http://localhost:8080"
OTHER = "https://other.test"
#: A header of the page's own: browsers send a preflight.
HEADER: dict[str, Any] = {"headers": ["my-custom-header: abcd"]}
COOKIES: dict[str, Any] = {"with_credentials": True}
#: A client that never polls.
SOCKET: dict[str, Any] = {"transports": ["websocket"]}


def check(url: str, *, page: str = PAGE, timeout: float = 3.0, **client: Any) -> Report:
    return examine_sync(make_plan(url, origins=[page], timeout=timeout, **client))


#: Who else is let in, where a page is: said beside whatever is the matter, and held in ``test_causes_open.py``.
TOO_OPEN = ("SIO331", "SIO340", "SIO341", "SIO342", "SIO344", "SIO345")


def found(report: Report) -> list[tuple[str, Severity]]:
    """What is amiss; what is too open is left out."""
    return [(finding.slug, finding.severity) for finding in report.findings if finding.code not in TOO_OPEN]


def assert_healthy(report: Report, transport: Transport = "websocket") -> None:
    assert found(report) == []
    assert report.ok
    assert {(one.connects, one.transport) for one in report.outcomes} == {(True, transport)}


def assert_caused(report: Report, slug: str, cure: str | None = None) -> Finding:
    """No browser connects, that is the one cause, and the first cure has ``cure`` in it."""
    assert found(report) == [(slug, "error")]
    assert not report.ok
    assert {one.connects for one in report.outcomes} == {False}
    # A client that waits for the application in vain says nothing. (A refusal's words can be empty: "" is what
    # socket.io-client makes of an error that is a string.)
    assert {one.error is None for one in report.outcomes} == {slug == "no-connect-reply"}
    finding = report.findings[0]
    if cure is not None:
        assert finding.fixes
        assert cure in finding.fixes[0].after
    return finding


def assert_warned(report: Report, slug: str, transport: Transport = "polling") -> Finding:
    """Every browser connects, and that alone is amiss."""
    assert found(report) == [(slug, "warning")]
    assert report.ok
    assert {(one.connects, one.transport) for one in report.outcomes} == {(True, transport)}
    return report.findings[0]


def command(url: str, *options: str) -> tuple[int, dict[str, Any]]:
    """``sio-doctor check URL --origin PAGE --json`` as a person runs it: its exit status and its report."""
    arguments = [sys.executable, "-m", "sio_doctor", "check", url, "--origin", PAGE, "--json", *options]
    done = subprocess.run(arguments, capture_output=True, timeout=60, env={**os.environ, "NO_COLOR": "1"}, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report
