"""``sio-doctor demo``: a server on loopback with one named mistake, and what the check makes of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sio_doctor.demo.scenarios import Scenario
    from sio_doctor.demo.server import Server
    from sio_doctor.model import Report


def demo(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="The mistake; --list names them all.  [default: no-cors]")
    ] = "no-cors",
    list_all: Annotated[bool, typer.Option("--list", "-l", help="Name the scenarios, and start nothing.")] = False,
    serve: Annotated[bool, typer.Option("--serve", help="Keep the server running, to play with; ^C ends it.")] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Where to serve.  [default: any free port]")
    ] = 0,
) -> None:
    """Starts a small broken server on this machine, and checks it.

    \b
    sio-doctor demo                   the most common mistake: no cors option
    sio-doctor demo doubled-header
    sio-doctor demo --list
    sio-doctor demo healthy --serve

    Status: 0 the mistake was found, 1 it was not, 2 the command is wrong.
    """
    from sio_doctor.demo.scenarios import SCENARIOS

    if list_all:
        width = max(map(len, SCENARIOS))
        for name, each in SCENARIOS.items():
            print(f"{name:{width}}  {each.title}")
        return
    chosen = SCENARIOS.get(scenario)
    if chosen is None:
        raise typer.TyperException(f"there is no scenario {scenario!r}: it is one of {', '.join(SCENARIOS)}.")
    if serve:
        _serve(chosen, port)
    else:
        raise typer.Exit(_show(chosen, _check(chosen, port)))


async def _start(scenario: Scenario, port: int) -> Server:
    from sio_doctor.demo.server import serve

    try:
        return await serve(scenario, port=port)
    except OSError as error:
        # asyncio's own words for it are long, and name the address again.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise typer.TyperException(f"port {port} cannot be served on: {reason}.") from None


def _serve(scenario: Scenario, port: int) -> None:
    import asyncio
    import contextlib

    async def forever() -> None:
        async with await _start(scenario, port) as server:
            print(
                f"{scenario.name}: {scenario.title}",
                f"server   {server.url}",
                f"page     {scenario.origin}",
                f"check    {_command(scenario, server.url)}",
                "^C ends it.",
                sep="\n",
                flush=True,
            )
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(forever())


def _check(scenario: Scenario, port: int) -> Report:
    import asyncio

    from sio_doctor.commands.progress import Progress
    from sio_doctor.examine import examine
    from sio_doctor.plan import make_plan

    async def check() -> Report:
        async with await _start(scenario, port) as server:
            print(
                f"{scenario.name}: {scenario.title}",
                f"$ {_command(scenario, server.url)}",
                "",
                sep="\n",
                file=sys.stderr,
            )
            plan = make_plan(
                server.url,
                origins=[scenario.origin],
                with_credentials=scenario.client.with_credentials,
                headers=[f"{name}: {value}" for name, value in scenario.client.extra_headers],
            )
            with Progress(sys.stderr) as progress:
                return await examine(plan, progress.show)

    return asyncio.run(check())


def _show(scenario: Scenario, report: Report) -> int:
    """Prints the report; the status says whether its headline is the scenario's mistake."""
    from sio_doctor.render import write

    write(report, "text", sys.stdout)
    sys.stdout.flush()
    headline = next((finding.slug for finding in report.findings if finding.severity != "info"), None)
    if headline == scenario.slug and (scenario.slug or report.ok):
        return 0
    print(f"sio-doctor: this should have been {scenario.slug or 'a clean report'}, not {headline}.", file=sys.stderr)
    return 1


def _command(scenario: Scenario, url: str) -> str:
    import shlex

    from sio_doctor.demo.scenarios import arguments

    return shlex.join(["sio-doctor", *arguments(scenario, url)])
