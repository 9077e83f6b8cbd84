"""How fast is it? ``python -m tests.bench`` runs each command and its yardstick in turn and prints the ratios;
then how many round trips a check waits for one after another, over a link on which each takes its time.

A ratio of one run on one machine: absolute times say more about the machine than about the program. The yardsticks are
programs that do the least that such a command could do with the same libraries.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sio_doctor import examine_sync, make_plan
from tests.servers.certificates import Certificate, self_signed
from tests.servers.link import link
from tests.servers.node import node

PAGE = "http://localhost:8080"
MORE_PAGES = ["https://a.example", "https://b.example", "https://c.example"]

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
def explain(what: str = "", json: bool = False) -> None:
    """Explains."""

@app.command()
def rules(words: str = "", format: str = "text", json: bool = False) -> None:
    """Lists."""

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


#: Seconds of one round trip of the link in the middle, and how many of them a check may take one after another.
ROUND_TRIP, HEALTHY, FAILING = 0.1, 12, 16


class Pair(NamedTuple):
    """A command, its yardstick, and how many times longer it may take."""

    name: str
    command: Sequence[str]
    yardstick: Sequence[str]
    bound: float


def seconds(command: Sequence[str]) -> float:
    """Wall time of one run."""
    # As where it is installed: the yardsticks' libraries have their bytecode too.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
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


class Journey(NamedTuple):
    """A check over a long way, and how many round trips it may be long."""

    name: str
    options: str
    asked: dict[str, Any]
    bound: int


JOURNEYS = [
    Journey("healthy, 1 origin", "{cors: {origin: true}}", {"origins": [PAGE]}, HEALTHY),
    Journey("healthy, 4 origins", "{cors: {origin: true}}", {"origins": [PAGE, *MORE_PAGES]}, HEALTHY),
    Journey("healthy, a header", "{cors: {origin: true}}", {"origins": [PAGE], "headers": ["x-a: 1"]}, HEALTHY),
    Journey("no cors option", "{}", {"origins": [PAGE]}, FAILING),
    Journey("not in the list", "{cors: {origin: ['http://a.example/']}}", {"origins": [PAGE]}, FAILING),
    Journey("star, credentials", "{cors: {origin: '*'}}", {"origins": [PAGE], "with_credentials": True}, FAILING),
    Journey("wrong path", "{path: '/ws/'}", {"origins": [PAGE]}, FAILING),
    Journey("client too old", "{cors: {origin: true}}", {"origins": [PAGE], "version": 2}, FAILING),
]


def until_closing(url: str, asked: dict[str, Any]) -> float:
    """Seconds from the start of a check until it has nothing left to do but to close what it opened."""
    started = time.perf_counter()
    closing: list[float] = []

    def progress(line: str) -> None:
        if line.endswith("(close)"):
            closing.append(time.perf_counter())

    examine_sync(make_plan(url, **asked), progress)
    return (closing[0] if closing else time.perf_counter()) - started


def trips(journey: Journey, certificate: Certificate) -> float:
    """How many round trips the check waits for one after another, TLS included: the time they take is the measure."""
    with node("4.8", journey.options, tls=certificate) as url, link(url, 0) as near, link(url, ROUND_TRIP) as far:
        until_closing(near, journey.asked)  # caches
        best = min(until_closing(far, journey.asked) for _ in range(3))
        return (best - min(until_closing(near, journey.asked) for _ in range(3))) / ROUND_TRIP


def chains() -> int:
    """Prints the chain of each journey; how many are longer than they may be."""
    certificate = self_signed()
    os.environ["SSL_CERT_FILE"] = str(certificate.chain)
    too_long = 0
    print(f"\n{'one after another':20} {'round trips':>11} {'at most':>8}   ({ROUND_TRIP * 1000:g} ms each, TLS)")
    for journey in JOURNEYS:
        length = trips(journey, certificate)
        print(f"{journey.name:20} {length:11.1f} {journey.bound:8}")
        too_long += length > journey.bound
    return too_long


def main() -> int:
    """Prints a line for each pair and each journey; status 1 where one is above its bound."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--chains", action="store_true", help="only the chains of round trips")
    options = parser.parse_args()
    too_slow = 0 if options.chains else ratios(options.runs)
    return 1 if too_slow + chains() else 0


def ratios(runs: int) -> int:
    """Prints a line for each pair; how many are above their bound."""
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
            Pair("rules", [*tool, "rules"], [python, str(empty), "rules"], 1.8),
            Pair("explain SIO301", [*tool, "explain", "SIO301"], [python, str(empty), "explain"], 2.0),
            Pair("healthy check", [*tool, "check", url, "--origin", PAGE], [python, str(reference), handshake], 1.5),
        ]
        print(f"{'':16} {'ms':>6} {'yardstick':>10} {'ratio':>6} {'at most':>8}")
        for pair in pairs:
            ours, theirs, times = ratio(pair, runs)
            print(f"{pair.name:16} {ours * 1000:6.0f} {theirs * 1000:10.0f} {times:6.2f} {pair.bound:8.2f}")
            too_slow += times > pair.bound
    return too_slow


if __name__ == "__main__":
    sys.exit(main())
