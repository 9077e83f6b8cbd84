"""``sio-doctor replay``: the report on evidence that was saved, with no network."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sio_doctor.commands import writing


def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What --save-evidence wrote; - for standard input.")],
    format: Annotated[str, typer.Option("--format", "-f", metavar="NAME", help=writing.FORMAT_HELP)] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[str | None, typer.Option("--output", metavar="FILE", help="Write the report to FILE.")] = None,
    report: Annotated[
        list[str] | None, typer.Option("--report", metavar="FORMAT=FILE", help=writing.REPORT_HELP)
    ] = None,
    fail_on: Annotated[str, typer.Option(metavar="LEVEL", help="Status 1 from error, warning or never.")] = "error",
) -> None:
    """Diagnoses evidence that was saved: on another machine, without asking the server again.

    \b
    sio-doctor check https://api.example.com -o https://app.example.com --save-evidence evidence.json
    sio-doctor replay evidence.json
    sio-doctor replay evidence.json --json

    Secrets were struck out when it was saved. Status: that of check.
    """
    from sio_doctor.examine import report_on
    from sio_doctor.saved import LARGEST, SavedError, loaded

    wanted = writing.formats(format, json=json, output=output, reports=report or ())
    writing.level(fail_on)
    try:
        if file == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(file, "rb") as stream:
                data = stream.read(LARGEST + 1)
        evidence = loaded(data)
    except SavedError as error:
        raise typer.TyperException(f"{file!r} cannot be replayed: {error}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise typer.TyperException(f"{file!r} cannot be read ({reason}).") from None
    told = report_on(evidence)
    raise typer.Exit(writing.status(told, fail_on) if writing.write_all(told, wanted) else 2)
