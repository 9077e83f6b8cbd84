"""``sio-doctor explain``: what a line of the console means, or what a rule is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sio_doctor.explain import Explanation

#: Bytes that are read from standard input.
MOST = 256 * 1024


def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LINE|CODE]...", help="Lines of the console, or rules; - is standard input."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="What a program reads.")] = False,
) -> None:
    """Says what a line of the browser's console means, what it can hide, and what to run; or what a rule is.

    \b
    sio-doctor explain "Access to XMLHttpRequest at 'http://…' from origin …"
    sio-doctor explain SIO301
    pbpaste | sio-doctor explain

    Chrome's, Edge's, Firefox's and Safari's lines are known, old ones too; socket.io-client's, and the server's log.

    No server is asked. Status: 0 recognised, 1 not, 2 the command is wrong.
    """
    from sio_doctor.explain import explain as explain_all

    explanation = explain_all(_given(what or []))
    if json:
        from sio_doctor.render.json import written
        from sio_doctor.render.terminal import look

        sys.stdout.write(written(explanation, unicode=look(sys.stdout).unicode) + "\n")
    else:
        _print(explanation)
    sys.stdout.flush()
    raise typer.Exit(0 if explanation.known else 1)


def _given(what: list[str]) -> list[str]:
    """What was given, with standard input read where it is asked for, by ``-`` or by a pipe and nothing else."""
    if not what and sys.stdin.isatty():
        raise typer.TyperException("there is nothing to explain: give a line of the console, or a rule like SIO301.")
    given = [_standard_input() if thing == "-" else thing for thing in what or ["-"]]
    if not any(thing.strip() for thing in given):
        raise typer.TyperException("there is nothing to explain: what was given is empty.")
    return [thing for thing in given if thing.strip()]


def _standard_input() -> str:
    return sys.stdin.buffer.read(MOST).decode("utf-8", "replace")


def _print(explanation: Explanation) -> None:
    from sio_doctor.render.explanation import render
    from sio_doctor.render.terminal import look

    width, color, unicode = look(sys.stdout)
    sys.stdout.write(render(explanation, width=width, color=color, unicode=unicode))
