"""The report as one line of JSON, so that a file of many can be read line by line (https://jsonlines.org)."""

from __future__ import annotations

from sio_doctor.model import Report
from sio_doctor.render.json import written


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report of ``--format json``, without a newline but the one at its end."""
    return written(report, unicode=unicode, indent=0) + "\n"
