"""``sio-doctor rules``: the causes that can be found, by name."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def rules(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help="Those with every WORD in their code, name, title or family."),
    ] = None,
    format: Annotated[str, typer.Option("--format", "-f", metavar="NAME", help="text or json.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Lists the causes that a check can find: code, name, and what each says.

    \b
    sio-doctor rules
    sio-doctor rules origin
    sio-doctor rules SIO3
    sio-doctor rules --json

    In a pipe each is one line. `sio-doctor explain NAME` is the page of one.

    Status: 0 there are some, 1 none has the words, 2 the command is wrong.
    """
    from sio_doctor.catalog import entries, nearest
    from sio_doctor.render.terminal import look

    asked = words or []
    if format not in ("text", "json"):
        raise typer.TyperException(f"--format takes text or json, not {format!r}.")
    if not all(word.strip() for word in asked):
        raise typer.TyperException("an empty word is in every cause: leave it out to list them all.")
    found = entries(asked)
    width, color, unicode = look(sys.stdout)
    if json or format == "json":
        from sio_doctor.render.json import written

        sys.stdout.write(written(found, unicode=unicode) + "\n")
    elif found:
        from sio_doctor.render.catalog import render

        sys.stdout.write(render(found, width=width if sys.stdout.isatty() else None, color=color, unicode=unicode))
    sys.stdout.flush()
    if not found:
        near = nearest(asked)
        advice = f"did you mean {near!r}?" if near else "`sio-doctor rules` lists them all."
        _complain(f"no cause has {' and '.join(map(repr, asked))} in its code, name, title or family; {advice}")
    raise typer.Exit(0 if found else 1)


def _complain(sentence: str) -> None:
    from sio_doctor.render.escape import harmless

    print(f"sio-doctor: {harmless(sentence)}", file=sys.stderr)
