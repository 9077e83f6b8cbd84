"""Where a report goes, and what status it ends with: for every command that prints one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sio_doctor.model import Evidence, Report

FORMAT_HELP = "text, json, jsonl, junit, sarif, github, markdown or prometheus."
REPORT_HELP = "Write one more report, as junit=out.xml. Repeatable."


def formats(format: str, *, json: bool, output: str | None, reports: Iterable[str]) -> list[tuple[str, str | None]]:
    """The reports to write: format and file (None: standard output). Raises ``typer.TyperException``."""
    from sio_doctor.render import FORMATS

    wanted: list[tuple[str, str | None]] = [("json" if json else format, output)]
    for text in reports:
        name, separator, path = text.partition("=")
        if not (separator and name and path):
            raise typer.TyperException(f"--report takes FORMAT=FILE, as junit=out.xml, not {text!r}.")
        wanted.append((name, path))
    *most, last = FORMATS
    for option, (name, _) in zip(["--format", *["--report"] * len(wanted)], wanted, strict=False):
        if name not in FORMATS:
            raise typer.TyperException(f"{option} takes {', '.join(most)} or {last}, not {name!r}.")
    return wanted


def level(fail_on: str) -> None:
    """Raises ``typer.TyperException`` where that is no level."""
    if fail_on not in ("error", "warning", "never"):
        raise typer.TyperException(f"--fail-on takes error, warning or never, not {fail_on!r}.")


def write_all(report: Report, wanted: Iterable[tuple[str, str | None]]) -> bool:
    """Writes each of them; False where one could not be written to its file."""
    written = [write(report, format, output) for format, output in wanted]
    return all(written)


def write(report: Report, format: str, output: str | None) -> bool:
    """Writes the report to the file; to standard output where there is none, or (False) where it cannot be written."""
    from sio_doctor.render import write as render_to

    if output is None or output == "-":
        show(report, format)
        return True
    try:
        with open(output, "w", encoding="utf-8") as file:
            render_to(report, format, file, color="never")
    except OSError as error:
        show(report, format)
        reason = error.strerror or type(error).__name__
        print(f"sio-doctor: {output!r} cannot be written ({reason}); the report is above.", file=sys.stderr)
        return False
    return True


def show(report: Report, format: str) -> None:
    """Writes the report to standard output. Raises ``typer.TyperException`` where there is no room for it."""
    from sio_doctor.render import write as render_to

    try:
        render_to(report, format, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise typer.TyperException(f"standard output cannot be written ({error.strerror}).") from None


def save(evidence: Evidence, path: str) -> bool:
    """Writes the evidence to the file; False, with a sentence on standard error, where that cannot be."""
    from sio_doctor.saved import saved

    try:
        with open(path, "wb") as file:
            file.write(saved(evidence))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        print(f"sio-doctor: the evidence cannot be saved to {path!r} ({reason}).", file=sys.stderr)
        return False
    return True


def discard_output() -> None:
    """Lets what is still buffered go nowhere: Python would try again to write it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def status(report: Report, fail_on: str) -> Literal[0, 1]:
    """0 or 1: whether something at or above that level was found; what is not known fails as an error does."""
    if fail_on == "never":
        return 0
    levels = ("error", "warning") if fail_on == "warning" else ("error",)
    found = any(finding.severity in levels for finding in report.findings)
    return 1 if found or not report.ok else 0
