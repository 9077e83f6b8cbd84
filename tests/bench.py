"""How fast is it? ``python -m tests.bench`` runs each command and its yardstick in turn and prints the ratios.

A ratio of one run on one machine: absolute times say more about the machine than about the program. The yardsticks are
programs that do the least that such a command could do with the same libraries.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.servers.node import node

PAGE = "http://localhost:8080"

#: A typer program with as many commands, and as many options of ``check``, that does nothing.
EMPTY = '''
from typing import Annotated
import typer

app = typer.Typer(name="empty", no_args_is_help=True)

@app.command()
def check(
    url: str,
{options}
) -> None:
    """Checks."""

@app.command()
def demo(scenario: str = "", list: bool = False, serve: bool = False) -> None:
    """Shows."""

@app.callback()
def main(version: bool = False) -> None:
    """Empty."""

app()
'''

#: What a healthy check cannot do without: these imports, a transport without TLS, one request.
REFERENCE = '''
from typing import Annotated
import httpx
import msgspec
import rich.console
import typer
from websockets.client import ClientProtocol

app = typer.Typer()

@app.command()
def main(url: str) -> None:
    """One GET."""
    with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as client:
        answer = client.get(url)
    rich.console.Console().print(answer.status_code)

app()
'''


class Pair(NamedTuple):
    """A command, its yardstick, and how many times longer it may take."""

    name: str
    command: Sequence[str]
    yardstick: Sequence[str]
    bound: float


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()[-400:]}")
    return elapsed


def ratio(pair: Pair, runs: int) -> tuple[float, float, float]:
    """The medians of both, and the median of the ratios run by run."""
    for command in (pair.command, pair.yardstick):
        seconds(command)  # caches
    both = [(seconds(pair.command), seconds(pair.yardstick)) for _ in range(runs)]
    ours, theirs = zip(*both, strict=True)
    return statistics.median(ours), statistics.median(theirs), statistics.median(a / b for a, b in both)


def main() -> int:
    """Prints a line for each pair; status 1 where a ratio is above its bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    python, tool = sys.executable, [sys.executable, "-m", "sio_doctor"]
    script = Path(sys.executable).with_name("sio-doctor")
    if script.exists():
        tool = [str(script)]
    too_slow = 0
    with tempfile.TemporaryDirectory() as folder, node("4.8", f"{{cors: {{origin: '{PAGE}'}}}}") as url:
        options = "\n".join(f"    option{n}: str = ''," for n in range(16))
        empty, reference = Path(folder, "empty.py"), Path(folder, "reference.py")
        empty.write_text(EMPTY.format(options=options))
        reference.write_text(REFERENCE)
        handshake = f"{url}/socket.io/?EIO=4&transport=polling"
        pairs = [
            Pair("--version", [*tool, "--version"], [python, "-c", "pass"], 3.0),
            Pair("--help", [*tool, "--help"], [python, str(empty), "--help"], 1.3),
            Pair("check --help", [*tool, "check", "--help"], [python, str(empty), "check", "--help"], 1.3),
            Pair("healthy check", [*tool, "check", url, "--origin", PAGE], [python, str(reference), handshake], 1.5),
        ]
        print(f"{'':16} {'ms':>6} {'yardstick':>10} {'ratio':>6} {'at most':>8}")
        for pair in pairs:
            ours, theirs, times = ratio(pair, runs)
            print(f"{pair.name:16} {ours * 1000:6.0f} {theirs * 1000:10.0f} {times:6.2f} {pair.bound:8.2f}")
            too_slow += times > pair.bound
    return 1 if too_slow else 0


if __name__ == "__main__":
    sys.exit(main())
