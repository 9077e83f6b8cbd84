"""Starting a browser with an empty profile, and ending it with all of its processes, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from sio_doctor.confirm.find import BrowserError

#: Seconds for a killed browser to let go of its profile.
LETTING_GO = 5.0
#: Of 108 bytes for the path of a socket, what is left beside the browser's folder and Chromium's names in it.
LONGEST = 34
#: In the browser's folder: its profile, and what it says.
PROFILE, LOG = "profile", "log"


class Browser:
    """A browser's process and the folder of its profile."""

    def __init__(self, program: str, popen: subprocess.Popen[bytes], profile: Path, log: Path) -> None:
        self.program = program
        self.popen = popen
        self.profile = profile
        self.log = log

    def read_when_written(self, name: str, until: float) -> str:
        """A file that the browser writes into its profile, once it ends in a line or a brace; BrowserError if never."""
        while True:
            ended = self.popen.poll() is not None
            with suppress(OSError):
                text = (self.profile / name).read_text()
                if text.rstrip().endswith("}") or text.count("\n") >= 1:
                    return text
            if ended or time.monotonic() > until:
                raise BrowserError(f"{self.program} did not start: {self._last_words(ended)}")
            time.sleep(0.02)

    def _last_words(self, ended: bool) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        if lines:
            why = next((line for line in lines if "FATAL" in line), lines[-1])
            return f"it said {why!r}."
        return f"it ended with status {self.popen.returncode}." if ended else "no time was left."


@contextmanager
def browser(
    command: Sequence[str],
    *,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> Iterator[Browser]:
    """Runs ``command``, with ``{profile}`` in it and in ``environment`` replaced by a new folder that holds ``files``
    (name to text); it is made in ``place``, or where temporary files go.

    Leaving the block, however it is left, ends every process of the browser and deletes the folder. While it runs,
    the signals that would end us at once leave it as Ctrl-C does.
    """
    folder: Path | None = None
    popen: subprocess.Popen[bytes] | None = None
    with _interruptible():
        try:
            with _undisturbed():  # or nobody would know what there is to end
                folder = Path(tempfile.mkdtemp(prefix="sio-doctor-browser-", dir=place or _place()))
                popen = _start(command, folder, files or {}, environment or {}, private=place is None)
            yield Browser(command[0], popen, folder / PROFILE, folder / LOG)
        finally:
            with _undisturbed():
                if popen is not None:
                    _end(popen)
                if folder is not None:
                    _delete(folder)


def _place() -> str | None:
    """Where temporary files go, unless the paths of sockets would get too long there: Chromium dies of that."""
    return "/tmp" if sys.platform == "linux" and len(tempfile.gettempdir()) > LONGEST else None


def _start(
    command: Sequence[str], folder: Path, files: Mapping[str, str], environment: Mapping[str, str], *, private: bool
) -> subprocess.Popen[bytes]:
    profile = folder / PROFILE
    profile.mkdir()
    for name, text in files.items():
        (profile / name).write_text(text)
    own = {name: value.replace("{profile}", str(profile)) for name, value in environment.items()}
    with (folder / LOG).open("wb") as output:
        return subprocess.Popen(
            [part.replace("{profile}", str(profile)) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A browser's sockets and shared memory go into the folder, and with it.
            env={**os.environ, **own, **({"TMPDIR": str(folder)} if private and sys.platform == "linux" else {})},
            # A group of its own: Ctrl-C in the terminal reaches us alone, and all of it can be ended at once.
            start_new_session=True,
        )


def _end(popen: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        command = ["taskkill", "/T", "/F", "/PID", str(popen.pid)]
        subprocess.run(command, capture_output=True, check=False, timeout=LETTING_GO)
    else:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        popen.wait(LETTING_GO)


def _delete(folder: Path) -> None:
    """Deletes it, again while a dying child still writes into it."""
    until = time.monotonic() + LETTING_GO
    while folder.exists() and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """A signal that would end us at once raises SystemExit instead, so that what was started is ended first."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    # One that is ignored (nohup) or handled already stays so.
    deadly = [
        number for number in _signals("SIGTERM", "SIGHUP", "SIGQUIT") if signal.getsignal(number) is signal.SIG_DFL
    ]
    with _handled(deadly, leave):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A signal, such as a second Ctrl-C of somebody in a hurry, waits until the block is left."""
    came: list[int] = []
    numbers = _signals("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    handled = [number for number in numbers if callable(signal.getsignal(number))]
    with _handled(handled, lambda number, frame: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


def _signals(*names: str) -> list[signal.Signals]:
    """Those of them that this system has."""
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


@contextmanager
def _handled(numbers: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
