"""The report as metrics, in Prometheus' text format, for the textfile collector of node_exporter.

https://prometheus.io/docs/instrumenting/exposition_formats/. Each family stands in one piece, whatever the number of
reports, so they are gone through once for each family. No time stamps: the collector refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sio_doctor.model import Report
from sio_doctor.render.escape import harmless

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


class _Family(NamedTuple):
    name: str
    help: str
    samples: Callable[[Report], Iterator[Sample]]


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The metrics of one report."""
    text = "".join(pieces([report]))
    return text if unicode else text.encode("ascii", "replace").decode("ascii")


def pieces(reports: Iterable[Report]) -> Iterator[str]:
    """The metrics of all of them. ``reports`` can be gone through more than once."""
    for family in FAMILIES:
        yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n"
        seen: set[Labels] = set()
        for report in reports:
            for labels, value in family.samples(report):
                if labels not in seen:  # the same target twice would make the whole file unreadable
                    seen.add(labels)
                    yield f"{family.name}{{{_labels(labels)}}} {value:.12g}\n"


def _target(report: Report) -> Labels:
    return (("target", report.target.url + report.target.path),)


def _up(report: Report) -> Iterator[Sample]:
    yield _target(report), report.handshake is not None


def _ok(report: Report) -> Iterator[Sample]:
    yield _target(report), report.ok


def _connects(report: Report) -> Iterator[Sample]:
    for outcome in report.outcomes:
        labels = (*_target(report), ("origin", outcome.origin), ("browser", outcome.browser))
        # What is not known is neither 0 nor 1: its sample is missing, and absent() tells.
        if outcome.connects is not None:
            yield labels, outcome.connects


def _findings(report: Report) -> Iterator[Sample]:
    for finding in report.findings:
        labels = (("code", finding.code), ("slug", finding.slug), ("severity", finding.severity))
        yield (*_target(report), *labels), 1


def _requests(report: Report) -> Iterator[Sample]:
    yield _target(report), report.vantage.requests


def _seconds(report: Report) -> Iterator[Sample]:
    yield _target(report), report.seconds


FAMILIES = (
    _Family("sio_doctor_up", "1 where an Engine.IO session could be had.", _up),
    _Family("sio_doctor_ok", "1 where no finding is an error and every chosen origin is known to connect.", _ok),
    _Family("sio_doctor_connects", "1 where a page of that origin connects in that browser.", _connects),
    _Family("sio_doctor_finding", "1 for each cause that was found.", _findings),
    _Family("sio_doctor_requests", "Requests that the check sent.", _requests),
    _Family("sio_doctor_seconds", "How long the check took.", _seconds),
)


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{_value(value)}"' for name, value in labels)


def _value(text: str) -> str:
    return harmless(text).replace("\\", "\\\\").replace('"', '\\"')
