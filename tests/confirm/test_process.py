"""A browser's process: whatever happens, all of it ends and its profile goes. The browser here is a script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files, with a short path: else they are made in /tmp."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as name:
        yield Path(name)


#: A program of its own that runs the browser, says its pids, and waits.
PROGRAM = """
from tests.confirm.test_process import COMMAND, soon
from sio_doctor.confirm.process import browser
with browser(COMMAND) as process:
    print(process.read_when_written('pids', soon()), flush=True)
    process.popen.wait()
"""


@contextmanager
def program(folder: Path, before: str = "", text: str = PROGRAM) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """The program with those lines before it, and the pids that it says; its temporary files are in ``folder``."""
    with subprocess.Popen(
        [sys.executable, "-c", before + text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        yield process, pids
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_deadly_signal_ends_it_too(number: signal.Signals, folder: Path) -> None:
    with program(folder, f"import signal; signal.signal({int(number)}, signal.SIG_DFL)") as (process, pids):
        assert list(folder.iterdir())
        process.send_signal(number)
        assert process.wait(20) == 128 + number
    wait_for_end(pids)
    assert list(folder.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(folder: Path) -> None:
    with program(folder, "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)") as (process, pids):
        assert list(folder.iterdir())
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
    wait_for_end(pids)


#: The same, and while what was started is ended, somebody presses Ctrl-C again and again.
IN_A_HURRY = """
import os, signal
from sio_doctor.confirm import process as started
signal.signal(signal.SIGINT, signal.default_int_handler)
def impatient(ending):
    def end(what):
        os.kill(os.getpid(), signal.SIGINT)
        ending(what)
        os.kill(os.getpid(), signal.SIGINT)
    return end
started._end, started._delete = impatient(started._end), impatient(started._delete)
"""


def test_who_presses_ctrl_c_again_leaves_nothing_behind_either(folder: Path) -> None:
    with program(folder, IN_A_HURRY) as (process, pids):
        assert list(folder.iterdir())
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    wait_for_end(pids)
    assert list(folder.iterdir()) == []


#: Ctrl-C comes just when it has been started, before anybody knows its pid.
AT_ONCE = """
import os, signal, subprocess
from sio_doctor.confirm import process as started
signal.signal(signal.SIGINT, signal.default_int_handler)
class Popen(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print(self.pid, flush=True)
        os.kill(os.getpid(), signal.SIGINT)
started.subprocess.Popen = Popen
"""


def test_ctrl_c_while_it_starts_leaves_nothing_behind(folder: Path) -> None:
    with program(folder, AT_ONCE) as (process, pids):
        assert process.wait(20) == -signal.SIGINT
    assert len(pids) == 1
    wait_for_end(pids)
    assert list(folder.iterdir()) == []


def test_ctrl_c_while_it_ends_is_not_lost(folder: Path) -> None:
    ends = "from tests.confirm.test_process import browser, COMMAND\nwith browser(COMMAND): pass\nprint('went on')"
    with program(folder, IN_A_HURRY, ends) as (process, _):
        assert process.wait(20) == -signal.SIGINT
    assert list(folder.iterdir()) == []


def test_signals_are_handled_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with browser(COMMAND):
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_browser_that_does_not_start_is_one_sentence_with_its_last_words() -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no display')"]
    with pytest.raises(BrowserError, match=r"did not start: it said 'no display'\.$"), browser(command) as process:
        process.read_when_written("pids", soon())


def test_of_its_last_words_the_fatal_ones_are_given() -> None:
    command = [sys.executable, "-c", "import sys; print('note'); print('FATAL: no room'); sys.exit('more notes')"]
    with pytest.raises(BrowserError, match=r"it said 'FATAL: no room'\.$"), browser(command) as process:
        process.read_when_written("pids", soon())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere its sockets are not in its folder")
def test_its_folder_is_not_where_the_paths_of_sockets_get_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with browser(COMMAND) as process:
        socket = process.profile.parent / "org.chromium.Chromium.123456" / "SingletonSocket"
        assert len(str(socket)) < 108
    assert not process.profile.exists()


def test_a_browser_that_says_nothing_is_waited_for_no_longer_than_told() -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(BrowserError, match=r"did not start: no time was left\.$"), browser(command) as process:
        process.read_when_written("pids", time.monotonic() + 0.2)


def test_its_folder_is_made_where_it_is_told_and_its_environment_names_it(tmp_path: Path) -> None:
    script = "import os, sys; open(sys.argv[1] + '/said', 'w').write(os.environ['WHERE'] + '\\n')"
    command = [sys.executable, "-c", script, "{profile}"]
    with browser(command, environment={"WHERE": "{profile}/x"}, place=tmp_path) as process:
        assert process.read_when_written("said", soon()) == f"{process.profile}/x\n"
        assert process.profile.parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"), browser(["/nonexistent/browser"], place=tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
