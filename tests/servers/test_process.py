"""Servers start, say why they do not, and end; what cannot run is counted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers import needs_node, needs_openssl, shared
from tests.servers.certificates import self_signed
from tests.servers.node import node
from tests.servers.process import DidNotStartError, process, reserved_port
from tests.servers.wire import handshake

ROOT = Path(__file__).parents[2]


def listens(url: str) -> bool:
    target = urlsplit(url)
    try:
        socket.create_connection((target.hostname, target.port), timeout=1).close()
    except OSError:
        return False
    return True


@needs_node
def test_a_server_ends_with_its_block() -> None:
    with node() as url:
        assert handshake(url).status == 200
    assert not listens(url)


@needs_node
def test_a_server_ends_when_who_started_it_is_killed() -> None:
    script = (
        "from tests.servers.node import node\nwith node(workers=2) as url:\n print(url, flush=True)\n import time\n"
        " time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert listens(url)
        starter.kill()
    deadline = time.monotonic() + 10
    while listens(url):
        assert time.monotonic() < deadline, "the server outlived the tests"
        time.sleep(0.02)


@needs_node
def test_what_does_not_start_says_why() -> None:
    with pytest.raises(DidNotStartError, match="SyntaxError"), node(options="{cors:"):
        pass


def test_what_never_listens_is_found_out_when_it_ends() -> None:
    command = [sys.executable, "-c", "print('no, thank you')"]
    with reserved_port() as port, process(command) as server, pytest.raises(DidNotStartError, match="no, thank you"):
        server.wait_for_accept(port)


@needs_node
def test_the_same_server_is_shared() -> None:
    assert shared(node, "4.8") == shared(node, "4.8") != shared(node, "3.1")


@needs_node
@needs_openssl
def test_node_speaks_tls() -> None:
    with node(tls=self_signed()) as url:
        assert url.startswith("https://")
        assert listens(url)


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_what_is_missing_is_counted_in_the_last_line_and_fails_under_ci(tmp_path: Path, ci: str, status: int) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/servers/test_node.py"]
    command += ["-k", "express_cors"]
    environment = {**os.environ, "PATH": str(tmp_path), "CI": ci}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == status
    last = run.stdout.splitlines()[-1]
    if ci:
        assert "2 errors" in last
        assert "missing on this machine: Node.js" in run.stdout
    else:
        assert last == "not run here: 2 tests need node"
