"""The whole program against hostile servers: it ends, stays small, keeps its status, and prints nothing but text.

Each case of ``tests/servers/hostile.py`` is one process; a few run at a time, as most of them only wait.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from sio_doctor.model import Report
from sio_doctor.render import render
from tests.servers.hostile import HOSTILE, PAGE
from tests.servers.raw import Raw, raw

TIMEOUT, DEADLINE = 0.5, 3.0
#: Seconds for what is not the network: start-up and rendering, on a machine that does other things as well.
AROUND = 30.0
MEGABYTES = 120
REQUESTS = 40

#: The peak of a process counts from its parent's size at the fork, so the parent is a small one.
MEASURED = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
json.dump([used.ru_maxrss // 1024, used.ru_utime + used.ru_stime], open(sys.argv[1], "w"))
sys.exit(status)
"""


class Run(NamedTuple):
    """One process, ended."""

    status: int
    output: str
    errors: str
    seconds: float
    megabytes: int
    cpu: float
    server: Raw


def check(name: str, folder: Path, *options: str) -> Run:
    """``sio-doctor check`` of that hostile server."""
    measures = folder / "measures"
    with raw(HOSTILE[name]) as server:
        command = [sys.executable, "-m", "sio_doctor", "check", server.url, "--origin", PAGE.decode(), "-H", "X-A: b"]
        command += ["--timeout", str(TIMEOUT), "--deadline", str(DEADLINE), *options]
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-IS", "-c", MEASURED, str(measures), *command],
            capture_output=True,
            timeout=60,
            check=False,
        )
        seconds = time.monotonic() - started
    megabytes, cpu = json.loads(measures.read_text())
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode(), seconds, megabytes, cpu, server)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """The run of each case that was selected."""
    chosen = (
        item for item in request.session.items if isinstance(item, pytest.Function) and "runs" in item.fixturenames
    )
    names = dict.fromkeys(str(item.callspec.params["name"]) for item in chosen)
    with ThreadPoolExecutor(3) as pool:
        yield {
            name: pool.submit(check, name, tmp_path_factory.mktemp("run"), "--json") for name in dict.fromkeys(names)
        }


@pytest.mark.parametrize("name", HOSTILE)
def test_the_program_ends_stays_small_and_prints_a_report(name: str, runs: dict[str, Future[Run]]) -> None:
    run = runs[name].result()
    assert run.status in (0, 1), run.errors
    assert "Traceback" not in run.errors
    report = msgspec.json.decode(run.output, type=Report)
    # The clock runs on while other processes have the processor, which these share.
    assert report.seconds <= DEADLINE + 1 + 4 * run.cpu
    assert run.seconds <= DEADLINE + AROUND
    assert run.cpu <= 8
    assert run.megabytes < MEGABYTES
    assert report.vantage.requests <= REQUESTS
    assert len(run.server.heard) <= REQUESTS
    assert (run.status == 0) == report.ok
    assert not controls(run.output)
    for width in (40, 80, 160):
        assert not controls(render(report, "text", width=width))
    assert render(report, "text", unicode=False).isascii()


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.startswith(("controls", "close with", "markup"))])
def test_text_in_a_pipe_has_no_control_but_newlines(name: str, tmp_path: Path) -> None:
    run = check(name, tmp_path, "--format", "text")
    assert run.status in (0, 1)
    assert run.output.startswith("✗ SIO")
    assert not controls(run.output)
    assert not controls(run.errors)


def controls(text: str) -> list[str]:
    """What does more in a terminal than show."""
    return [char for char in text if char != "\n" and not char.isprintable()]
