"""A browser's process: whatever happens, all of it ends and its profile goes. The browser here is a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from sio_doctor.confirm.find import BrowserError
from sio_doctor.confirm.process import browser

#: Starts a child that would live for a minute, says both pids in the profile, and waits.
SCRIPT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open(sys.argv[1] + "/pids.new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}\\n")
os.rename(sys.argv[1] + "/pids.new", sys.argv[1] + "/pids")
time.sleep(60)
"""
COMMAND = [sys.executable, "-c", SCRIPT, "{profile}"]


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for_end(pids: list[int]) -> None:
    until = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(is_alive, pids))


def soon() -> float:
    return time.monotonic() + 20


def test_it_has_an_empty_profile_with_the_files_it_is_given() -> None:
    with browser(COMMAND, files={"user.js": "x"}) as process:
        process.read_when_written("pids", soon())
        assert sorted(path.name for path in process.profile.iterdir()) == ["pids", "user.js"]
        assert process.profile.stat().st_mode & 0o077 == 0 or process.profile.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_leaving_it_ends_every_process_and_deletes_the_profile(error: type[BaseException] | None) -> None:
    pids: list[int] = []
    profile = Path()
    with pytest.raises(error) if error else nullcontext(), browser(COMMAND) as process:
        pids = [int(pid) for pid in process.read_when_written("pids", soon()).split()]
        profile = process.profile
        assert all(map(is_alive, pids))
        if error is not None:
            raise error
    wait_for_end(pids)
    assert not profile.parent.exists()


def test_sigterm_ends_it_too(tmp_path: Path) -> None:
    script = (
        "from tests.confirm.test_process import COMMAND, soon\n"
        "from sio_doctor.confirm.process import browser\n"
        "with browser(COMMAND) as process:\n"
        "    print(process.read_when_written('pids', soon()), flush=True)\n"
        "    process.popen.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    wait_for_end(pids)
    assert list(tmp_path.iterdir()) == []


def test_signals_are_handled_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with browser(COMMAND):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_browser_that_does_not_start_is_one_sentence_with_its_last_words() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no display')"]
    with pytest.raises(BrowserError, match=r"did not start: it said 'no display'\.$"), browser(command) as process:
        process.read_when_written("pids", soon())


def test_a_browser_that_says_nothing_is_waited_for_no_longer_than_told() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(BrowserError, match=r"did not start: no time was left\.$"), browser(command) as process:
        process.read_when_written("pids", time.monotonic() + 0.2)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(OSError, match="No such file"), browser(["/nonexistent/browser"]):
        pass
