"""Registers the commands, and turns what they raise into one sentence and an exit status."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from typing import Annotated, Literal

import typer

from sio_doctor.commands import check, demo, explain, replay, rules, schema, writing

app = typer.Typer(
    name="sio-doctor",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command()(check.check)
app.command()(explain.explain)
app.command()(rules.rules)
app.command()(replay.replay)
app.command()(schema.schema)
app.command()(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        from sio_doctor import __version__

        print(f"sio-doctor {__version__}")
        raise typer.Exit


@app.callback()
def sio_doctor(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Why can this page not connect to that Socket.IO server?

    Plays the browser against the real server, names the one cause, and prints the cure.
    """


def run(arguments: list[str]) -> int:
    """Runs the command line; returns its status: 0 nothing found, 1 something, 2 wrong usage, 3 our fault, 130 ^C."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - until the end
    try:
        if not arguments:
            return _no_command()
        return int(app(arguments, prog_name="sio-doctor", standalone_mode=False) or 0)
    except typer.TyperException as error:
        _complain(_sentence(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):  # whoever pressed ^C knows
        return 130
    except BrokenPipeError:  # the reader of our output has gone: nothing is left to say to it
        writing.discard_output()
        return 1
    except Exception as error:
        if os.environ.get("SIO_DOCTOR_DEBUG"):
            raise
        _complain(
            f"this is a fault of sio-doctor itself, not of your server: {type(error).__name__}: {error}. "
            "Please report it with what SIO_DOCTOR_DEBUG=1 shows."
        )
        return 3


def _no_command() -> Literal[2]:
    """Somebody new: the help, but where the report would be there is nothing."""
    with redirect_stdout(sys.stderr):
        app(["--help"], prog_name="sio-doctor", standalone_mode=False)
    return 2


def _sentence(error: typer.TyperException) -> str:
    """What is wrong with the command. Ours is one sentence already; typer's own know the command whose help helps."""
    words = " ".join(error.format_message().split()).replace(". Did you mean", "; did you mean")
    context = getattr(error, "ctx", None)
    if context is None or words.endswith("?"):
        return words
    return f"{words.rstrip('.')}; see '{context.command_path} --help'."


def _complain(sentence: str) -> None:
    from sio_doctor.render.escape import harmless

    print(f"sio-doctor: {harmless(sentence)}", file=sys.stderr)
