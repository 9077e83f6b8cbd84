"""``check --confirm`` with a real browser: it does the same, or is shown to do otherwise; and nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from sio_doctor import make_plan
from sio_doctor.confirm.ask import confirm
from sio_doctor.confirm.find import Family, find
from sio_doctor.examine import examine_sync
from sio_doctor.model import Confirmed, Connection, Plan, Report
from tests.servers import needs_chromium, needs_firefox, needs_node, shared
from tests.servers.node import node
from tests.servers.raw import answer_then_hang, nothing, raw

pytestmark = [pytest.mark.living, needs_node]

PAGE = "https://app.example.com"
ALLOW = "{cors: {origin: 'https://app.example.com'}}"

both = pytest.mark.parametrize(
    "family", [pytest.param("chromium", marks=needs_chromium), pytest.param("firefox", marks=needs_firefox)]
)


def confirmed(plan: Plan, family: Family) -> list[Confirmed]:
    report = examine_sync(plan, confirm=lambda outcomes, _: confirm(plan, outcomes, family, find(family), print))
    found = [outcome.confirmed for outcome in report.outcomes if outcome.browser == family]
    assert found
    assert all(outcome.confirmed is None for outcome in report.outcomes if outcome.browser != family)
    return [one for one in found if one is not None]


@both
def test_pages_of_any_origin_do_what_was_predicted(family: Family) -> None:
    pages = [PAGE, "http://app.example.com", "http://localhost:3000", "http://192.168.1.5:8080", "null"]
    url = shared(node, "4.8", ALLOW)
    asked = confirmed(make_plan(url, origins=pages, with_credentials=False), family)
    assert [(one.connects, one.transport, one.differences) for one in asked] == [
        (True, "websocket", ()),
        *[(False, None, ())] * 4,
    ]
    assert all(one.agrees and one.websocket for one in asked)
    assert "Access-Control-Allow-Origin" in asked[1].console[0]
    assert asked[0].console == ()
    assert asked[0].browser.startswith(("Chrom", "Edge", "Firefox"))


@both
def test_what_the_client_sends_is_sent(family: Family) -> None:
    setup = "io.of('/admin').use((s, next) => next(s.handshake.auth.key === 'k' ? undefined : new Error('who?')))"
    options = "{cors: {origin: ['https://app.example.com'], credentials: true, allowedHeaders: ['x-a']}, path: '/ws/'}"
    url = shared(node, "4.8", options, setup=setup)

    def ask(auth: str) -> Confirmed:
        plan = make_plan(
            url, origins=[PAGE], with_credentials=True, headers=["x-a: 1"], path="/ws/", namespace="/admin", auth=auth
        )
        [one] = confirmed(plan, family)
        return one

    good, bad = ask('{"key": "k"}'), ask('{"key": "other"}')
    assert (good.agrees, good.connects, good.transport) == (True, True, "websocket")
    assert (bad.agrees, bad.connects, bad.error) == (True, False, "who?")


@needs_chromium
@pytest.mark.parametrize(("version", "namespace"), [(2, "/"), (2, "/admin"), (4, "/")])
def test_client_2_joins_as_it_does(version: int, namespace: str) -> None:
    url = shared(node, "2.5", setup="io.of('/admin')")
    [one] = confirmed(make_plan(url, origins=[PAGE], version=version, namespace=namespace), "chromium")
    assert (one.agrees, one.connects) == (True, version == 2)


@both
def test_a_server_that_is_not_there(family: Family) -> None:
    with nothing() as url:
        [one] = confirmed(make_plan(url, origins=[PAGE]), family)
    assert (one.agrees, one.connects, one.polling, one.websocket) == (True, False, False, False)
    assert one.console


@needs_chromium
def test_a_disagreement_is_shown_as_what_it_is() -> None:
    plan = make_plan(shared(node, "4.8", ALLOW), origins=[PAGE], browsers=["chromium"])
    [outcome] = examine_sync(plan).outcomes
    wrong = msgspec.structs.replace(
        outcome, connects=False, transport=None, polling=msgspec.structs.replace(outcome.polling, allowed=False)
    )
    [asked], _ = confirm(plan, (wrong,), "chromium", find("chromium"), print)
    assert asked.confirmed is not None
    assert asked.confirmed.agrees is False
    assert asked.confirmed.differences == (
        "it connects over websocket, where does not connect was predicted",
        "its page can read the polling handshake, where the opposite was predicted",
    )


@needs_chromium
def test_what_was_not_predicted_is_neither_agreed_with_nor_denied() -> None:
    plan = make_plan(shared(node, "4.8", ALLOW), origins=[PAGE], browsers=["chromium"])
    [outcome] = examine_sync(plan).outcomes
    [asked], _ = confirm(plan, (msgspec.structs.replace(outcome, connects=None),), "chromium", find("chromium"), print)
    assert asked.confirmed is not None
    assert (asked.confirmed.agrees, asked.confirmed.connects) == (None, True)


@needs_chromium
def test_secrets_and_sids_of_the_browser_are_struck_out() -> None:
    options = "{transports: ['polling'], cors: {origin: 'https://app.example.com'}}"
    with node("4.8", options, setup="io.engine.on('headers', () => {})") as url:
        plan = make_plan(url, origins=[PAGE], query=["token=very-secret-value"], browsers=["chromium"])
        report = examine_sync(
            plan, confirm=lambda outcomes, _: confirm(plan, outcomes, "chromium", find("chromium"), print)
        )
    assert "very-secret-value" not in msgspec.json.encode(report).decode()


@needs_chromium
def test_the_deadline_ends_it_and_the_report_says_so() -> None:
    hang = answer_then_hang(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 99\r\n\r\n0{")
    with raw(hang) as server:
        plan = make_plan(server.url, origins=[PAGE], browsers=["chromium"], timeout=60, deadline=4)
        [outcome] = predicted(plan)
        start = time.monotonic()
        asked, notes = confirm(plan, (outcome,), "chromium", find("chromium"), print)
        assert time.monotonic() - start < 15
    assert asked[0].confirmed is None
    assert any("took longer than the deadline" in note for note in notes)


def predicted(plan: Plan) -> tuple[Connection, ...]:
    """Outcomes of another server's: what is asked of the browser does not depend on them."""
    return examine_sync(msgspec.structs.replace(plan, target=make_plan(shared(node, "4.8")).target)).outcomes


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files, with a short path: Chromium would have its own elsewhere otherwise."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as name:
        yield Path(name)


@both
@pytest.mark.parametrize("moment", ["starts", "runs", "hangs"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays_behind_when_it_is_interrupted(
    family: Family, number: signal.Signals, moment: str, folder: Path
) -> None:
    hang = answer_then_hang(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 99\r\n\r\n0{")
    with raw(hang) as server:
        command = [sys.executable, "-m", "sio_doctor", "check", server.url, "-o", PAGE, "--confirm", family]
        # What the check itself waits for is short; the browser is what is interrupted.
        command += ["--timeout", "1", "--deadline", "60"]
        environment = {**os.environ, "TMPDIR": str(folder)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            wait_for(lambda: bool(browsers_in(folder)))
            if moment != "starts":
                port = {"chromium": "DevToolsActivePort", "firefox": "WebDriverBiDiServer.json"}[family]
                wait_for(lambda: any(folder.glob(f"*/profile/{port}")))
            if moment == "hangs":
                os.killpg(os.getpgid(min(browsers_in(folder))), signal.SIGSTOP)
            process.send_signal(number)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert b"Traceback" not in said
    assert list(folder.iterdir()) == []
    wait_for(lambda: not browsers_in(folder))


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def browsers_in(folder: Path) -> list[int]:
    """The living processes whose own folder is one in that folder: the browser's, and those that it sends away."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{folder}/sio-doctor-browser-".encode() in environment:
                found.append(int(entry.name))
    return found


@both
def test_nothing_is_left_in_the_persons_own_folders(family: Family, tmp_path: Path) -> None:
    with nothing() as url:
        command = [sys.executable, "-m", "sio_doctor", "check", url, "-o", PAGE, "--confirm", family, "--json"]
        environment = {**os.environ, "HOME": str(tmp_path)}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=90, check=False)
    report = msgspec.json.decode(done.stdout, type=Report)
    assert any(outcome.confirmed for outcome in report.outcomes), report.notes
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    # What the desktop's settings are read with has a file of its own; so has Firefox's watcher over crashes.
    assert [path for path in left if not path.endswith(("dconf/user", "crash_helper_server.log"))] == []


@both
def test_a_browser_that_is_killed_is_a_note(family: Family, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = answer_then_hang(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 99\r\n\r\n0{")
    with raw(hang) as server:
        plan = make_plan(server.url, origins=[PAGE], browsers=[family], timeout=60, deadline=60)
        outcomes = predicted(plan)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))

        def kill(text: str) -> None:
            if text.startswith("asking"):
                [browser] = [pid for pid in browsers_in(folder) if os.getpgid(pid) == pid]
                threading.Timer(1, os.kill, (browser, signal.SIGKILL)).start()

        asked, notes = confirm(plan, outcomes, family, find(family), kill)
    assert [outcome.confirmed for outcome in asked] == [None]
    assert [note.partition(": ")[2] for note in notes] == ["The browser has gone."]


@needs_chromium
def test_the_command_shows_it(tmp_path: Path) -> None:
    url = shared(node, "4.8")
    file = tmp_path / "report.json"
    command = [sys.executable, "-m", "sio_doctor", "check", url, "-o", PAGE, "--confirm", "chromium"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert shown.returncode == 1
    assert " did the same on a page of https://app.example.com: it does not connect." in " ".join(shown.stdout.split())
    subprocess.run([*command, "--json", "--output", str(file)], timeout=60, check=False)
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    [asked] = [outcome.confirmed for outcome in report.outcomes if outcome.confirmed]
    assert (asked.agrees, asked.connects, asked.polling, asked.websocket) == (True, False, False, True)
