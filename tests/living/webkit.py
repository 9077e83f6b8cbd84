"""A living WebKitGTK, in a network of its own, where every host name of a case is loopback.

WebKitGTK can be told neither names nor ports, and a proxy would change what is measured (ports, faults, WebSockets). So
it runs, with the servers, in namespaces of Linux: a network that has loopback alone, where ports 80, 443 and 8080 are
free, and an ``/etc/hosts`` that names what the case names. WebDriver is no help: its sessions are ephemeral, and such a
one prints no console. So each page plays its case by itself, and then asks its server for the next.

This module is both ends: ``webkit()`` starts the other one, ``python -m tests.living.webkit``, which plays the cases
that it reads, one JSON line each.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sio_doctor.confirm.page import Line, Served
from tests.corpus import Case
from tests.living.play import play
from tests.living.stage import Stage, stage
from tests.servers import APART, need
from tests.servers.raw import Peer

#: The other end.
MODULE = ("-m", "tests.living.webkit")
#: Seconds until a page has played.
PATIENCE = 60.0
#: What a page asks for when it has played: the next one.
NEXT = "/next-page?"
#: `URL:line:column: CONSOLE SOURCE LEVEL text`
_LINE = re.compile(r"(\S*?:? ?)CONSOLE (?:[A-Z]+ )?(?:LOG|WARN|ERROR|DEBUG|INFO) (.*)")


class WebKit:
    """Plays cases in it, one after the other."""

    def __init__(self, worker: subprocess.Popen[str]) -> None:
        self.worker = worker

    def play(self, case: Case, expected: int = 0) -> dict[str, Any]:
        """What it really did: ``allowed``, ``requests`` and ``console``, as ``tests.corpus.play`` has them."""
        assert self.worker.stdin is not None
        assert self.worker.stdout is not None
        self.worker.stdin.write(json.dumps([case, expected]) + "\n")
        self.worker.stdin.flush()
        answer = self.worker.stdout.readline()
        if not answer:
            raise RuntimeError("WebKitGTK has ended")
        done: dict[str, Any] = json.loads(answer)
        return done


@contextmanager
def webkit() -> Iterator[WebKit]:
    """It, until the block is left; ends all that was started for it."""
    command = [*APART, sys.executable, *MODULE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        try:
            yield WebKit(worker)
        finally:
            assert worker.stdin is not None
            worker.stdin.close()
            try:
                worker.wait(timeout=10)
            except subprocess.TimeoutExpired:
                worker.kill()


# The other end


class _Stage(Stage):
    """The servers, which also send the browser from page to page."""

    def __init__(self) -> None:
        super().__init__()
        self.case = {"page": {"url": ""}}
        self.played: queue.Queue[str] = queue.Queue()
        self.pages: queue.Queue[str] = queue.Queue()

    def beside(self, peer: Peer, path: str) -> bool:
        if not path.startswith(NEXT):
            return False
        self.played.put(unquote(path.removeprefix(NEXT)))
        peer.say(f"HTTP/1.1 302 Found\r\nLocation: {self.pages.get()}\r\nConnection: close\r\n\r\n".encode())
        return True


class _Browser:
    """The one window. https://trac.webkit.org/wiki/WebKitGTK"""

    version = ""

    def __init__(self, stage: _Stage, output: int) -> None:
        self.stage = stage
        self.output = output
        self.rest = b""

    @contextmanager
    def page(self, url: str, served: Served | None = None) -> Iterator[_Page]:
        yield _Page(self, url)

    def printed(self, quiet: float) -> list[str]:
        """What was printed, until nothing came for so many seconds."""
        while select.select([self.output], [], [], quiet)[0]:
            self.rest += os.read(self.output, 65536)
        *lines, self.rest = self.rest.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class _Page:
    """A page that plays by itself, once it is opened."""

    def __init__(self, browser: _Browser, url: str) -> None:
        self.browser = browser
        self.url = url

    def evaluate(self, expression: str) -> Any:
        then = f"result => location.replace({json.dumps(NEXT)} + encodeURIComponent(JSON.stringify(result)))"
        self.browser.stage.script = f"<script>({expression}).then({then})</script>"
        self.browser.printed(0.0)
        self.browser.stage.pages.put(self.url)
        return json.loads(self.browser.stage.played.get(timeout=PATIENCE))

    def lines(self, *, quiet: float = 0.0) -> list[Line]:
        printed = (_LINE.fullmatch(line) for line in self.browser.printed(quiet))
        return [Line(text=found[2], url=found[1]) for found in printed if found]


def _work() -> None:
    """Plays what comes on standard input."""
    _loopback_up()
    with contextlib.ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="sio-doctor-webkit-")))
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n")
        subprocess.run(["mount", "--bind", str(hosts), "/etc/hosts"], check=True)
        played = _Stage()
        started.enter_context(stage(played, {80: 80, 443: 443, 8080: 8080}))
        browser = started.enter_context(_browser(played, folder))
        for line in sys.stdin:
            case, expected = json.loads(line)
            names = set(re.findall(r"//(?:[^/@\"]*@)?([\w.-]+)", json.dumps(case)))
            hosts.write_text("".join(f"127.0.0.1 {name.lower()}\n" for name in {"localhost", *names}))
            print(json.dumps(play(case, browser, played, expected, named=False)), flush=True)


def _loopback_up() -> None:
    """What `ip link set lo up; ip address add 127.0.0.2/8 dev lo` does: with 127.0.0.1 alone GLib resolves no name."""
    get_flags, set_flags, set_address, up = 0x8913, 0x8914, 0x8916, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        name, flags = struct.unpack("16sh", fcntl.ioctl(any_socket, get_flags, struct.pack("16sh", b"lo", 0)))
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", name, flags | up))
        address = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton("127.0.0.2"))
        fcntl.ioctl(any_socket, set_address, struct.pack("16s", b"lo:0") + address)


@contextmanager
def _browser(played: _Stage, folder: Path) -> Iterator[_Browser]:
    """Starts a display and the browser, with a home of its own; ends them."""
    environment = {
        **os.environ,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "GIO_USE_PROXY_RESOLVER": "dummy",
        "LC_ALL": "C.UTF-8",
    }
    output, terminal = os.openpty()
    # Bytes as they come: a header's value may have a control character in it.
    subprocess.run(["stty", "raw", "-echo"], stdin=terminal, check=True)
    with contextlib.ExitStack() as running:

        def run(*command: str, **more: Any) -> None:
            process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, **more)
            running.callback(process.wait)
            running.callback(process.terminate)

        ready, tell = os.pipe()
        run("Xvfb", "-nolisten", "tcp", "-displayfd", str(tell), pass_fds=[tell], stderr=subprocess.DEVNULL)
        environment["DISPLAY"] = f":{os.read(ready, 16).decode().strip()}"
        arguments = ["--ignore-tls-errors", "--enable-write-console-messages-to-stdout=true", f"http://localhost{NEXT}"]
        run(need("webkit"), *arguments, stdout=terminal, stderr=terminal)
        played.played.get(timeout=PATIENCE)
        running.callback(played.pages.put, "about:blank")
        yield _Browser(played, output)


if __name__ == "__main__":
    _work()
