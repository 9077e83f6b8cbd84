"""``sio-doctor demo`` as a person runs it."""

from __future__ import annotations

import http.client
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from sio_doctor.demo.scenarios import PAGE, SCENARIOS

COMMAND = [sys.executable, "-m", "sio_doctor", "demo"]

#: The header, or where there is none the word, without which the diagnosis would be no use.
NAMED = {
    "no-cors": "Access-Control-Allow-Origin",
    "wrong-origin": "Access-Control-Allow-Origin",
    "static-origin": "Access-Control-Allow-Origin",
    "trailing-slash": "Access-Control-Allow-Origin",
    "wildcard-credentials": "Access-Control-Allow-Origin",
    "doubled-header": "Access-Control-Allow-Origin",
    "missing-header": "Access-Control-Allow-Headers",
    "no-sticky-sessions": "Session ID unknown",
    "no-upgrade": "Upgrade",
    "spa": "text/html",
    "gateway": "502",
    "python": "cors_allowed_origins",
    "healthy": PAGE,
}


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Runs the command with ``--serve``, and never leaves it behind."""
    process = subprocess.Popen(
        [*COMMAND, "--serve", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_mistake_is_found_and_named(name: str) -> None:
    done = demo(name)
    headline = done.stdout.partition("\n")[0]
    slug = SCENARIOS[name].slug
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" {slug}: " in headline if slug else PAGE in headline
    assert NAMED[name] in done.stdout
    assert SCENARIOS[name].title in done.stderr


def test_without_a_name_it_is_the_most_common_mistake() -> None:
    assert " cors-not-configured: " in demo().stdout


def test_the_list_has_every_scenario_on_a_line_of_its_own() -> None:
    done = demo("--list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(SCENARIOS)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_scenario_is_a_wrong_command_and_the_known_ones_are_named() -> None:
    done = demo("nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'nonsense'" in done.stderr
    assert all(name in done.stderr for name in SCENARIOS)


def test_serve_says_what_to_try_and_ends_cleanly() -> None:
    with serving("missing-header") as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(5)]
        command = shlex.split(next(line for line in said if line.startswith("check ")))[1:]
        url = command[2]
        assert command == ["sio-doctor", "check", url, "--origin", PAGE, "-H", "my-custom-header: abcd"]
        assert f"server   {url}" in said
        assert f"page     {PAGE}" in said
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "/socket.io/?EIO=4&transport=polling")
        assert connection.getresponse().read().startswith(b"0{")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
        connection.close()
    assert (process.returncode, errors) == (0, "")


def test_serve_takes_the_port_that_is_asked_for_and_says_where_it_cannot() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = demo("--serve", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} " in done.stderr
    with serving("--port", str(port)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.stdout.readline().strip().endswith(f"http://127.0.0.1:{port}")
