"""Starting a server's process, waiting until it answers, and ending it: by its pid, and bounded at every step."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: Seconds that a server has to answer. Two busy cores start a Python server in about 3.
START_TIMEOUT = 20.0
#: Seconds for a graceful end; a server that waits for its open connections is killed.
STOP_TIMEOUT = 1.0


class DidNotStartError(RuntimeError):
    """The server ended, or stayed silent, before it answered. The message has what it printed."""


class Process:
    """A server's process; ``output`` is what it has printed so far."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.popen = popen
        self.log = log

    @property
    def output(self) -> str:
        """Standard output and standard error, as they came."""
        return self.log.read_text(errors="replace")

    def wait_for_port(self) -> int:
        """The port in the line ``READY <port>`` that our own server scripts print."""
        for _ in self._tries():
            for line in self.output.splitlines(keepends=True):
                if line.startswith("READY ") and line.endswith("\n"):
                    return int(line.split()[1])
        raise self.failure("printed no port")

    def wait_for_accept(self, port: int) -> None:
        """Return when ``127.0.0.1:port`` accepts connections."""
        for _ in self._tries():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        raise self.failure(f"does not listen on port {port}")

    def wait_for_answer(self, port: int, path: str = "/") -> None:
        """Return when a request for ``path`` gets an answer by HTTP, whatever its status."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        for _ in self._tries():
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=START_TIMEOUT) as connection:
                connection.sendall(request)
                if connection.recv(5) == b"HTTP/":
                    return
        raise self.failure(f"does not answer on port {port}")

    def failure(self, what: str) -> DidNotStartError:
        """The error to raise, with what the process printed."""
        status = self.popen.poll()
        ended = "" if status is None else f" and ended with status {status}"
        return DidNotStartError(f"{self.popen.args!r} {what}{ended}; it said:\n{self.output}")

    def _tries(self) -> Iterator[None]:
        """One turn every 20 ms while the process lives and has time left, and one after its end."""
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            ended = self.popen.poll() is not None
            yield
            if ended or time.monotonic() > deadline:
                return
            time.sleep(0.02)


@contextmanager
def process(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Process]:
    """Run ``command`` in a process group of its own; leaving the block ends the group.

    Its standard input is a pipe that closes with us, so that a script that watches it ends even if we are killed.
    ``env`` is added to the environment.
    """
    with tempfile.NamedTemporaryFile(prefix="sio-doctor-server-", suffix=".log") as log:
        popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            yield Process(popen, Path(log.name))
        finally:
            _end(popen)


def _end(popen: subprocess.Popen[bytes]) -> None:
    """Terminate the process group; kill it if that takes longer than ``STOP_TIMEOUT``."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signum)
        with suppress(subprocess.TimeoutExpired):
            popen.wait(STOP_TIMEOUT)
            break
    if popen.stdin is not None:
        popen.stdin.close()


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port for a server that cannot be asked for any free one, such as nginx: nobody else gets it meanwhile.

    We hold it without listening. The server must set SO_REUSEPORT, which lets a process of the same user bind it too.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]
