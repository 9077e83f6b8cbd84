"""Where browsers are looked for, and what is said where none is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sio_doctor.cli import run
from sio_doctor.confirm import find as finding
from sio_doctor.confirm.find import BrowserError, Found, find


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that is on PATH; nothing is where it is usually installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(finding, "_usual_places", lambda product: iter(()))
    return tmp_path


def install(folder: Path, name: str) -> str:
    program = folder / name
    program.symlink_to(shutil.which("true", path="/bin:/usr/bin") or "/bin/true")
    return str(program)


def test_chrome_comes_before_chromium_and_edge(folder: Path) -> None:
    edge = install(folder, "microsoft-edge")
    assert find("chromium") == Found("Edge", edge)
    chromium = install(folder, "chromium")
    assert find("chromium") == Found("Chromium", chromium)
    chrome = install(folder, "google-chrome-stable")
    assert find("chromium") == Found("Chrome", chrome)
    with pytest.raises(BrowserError):
        find("firefox")


def test_firefox_by_any_of_its_names(folder: Path) -> None:
    program = install(folder, "firefox-esr")
    assert find("firefox") == Found("Firefox", program)


def test_an_installed_browser_need_not_be_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(install(folder, "somewhere"))
    monkeypatch.setattr(finding, "_usual_places", lambda product: iter([folder / "not-there", place]))
    assert find("firefox") == Found("Firefox", str(place))


def test_no_browser_is_one_sentence_that_says_what_was_looked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["check", "http://127.0.0.1:1", "--origin", "http://localhost:3000", "--confirm", "chromium"]
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "sio-doctor: No browser to confirm with was found: neither Chrome, Chromium nor Edge is on PATH (as "
        "google-chrome, google-chrome-stable, chrome, chromium, chromium-browser, microsoft-edge, "
        "microsoft-edge-stable, msedge) or where it is usually installed.\n"
    )
    with pytest.raises(BrowserError, match=r"found: no Firefox is on PATH \(as firefox, firefox-esr\) or where it is"):
        find("firefox")


@pytest.mark.parametrize(
    ("platform", "environment", "place"),
    [
        ("linux", {}, "/snap/bin/chromium"),
        ("darwin", {}, "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        ("win32", {"PROGRAMFILES": "/programs"}, "/programs/Google/Chrome/Application/chrome.exe"),
        ("win32", {"LOCALAPPDATA": "/own"}, "/own/Chromium/Application/chrome.exe"),
        ("win32", {"PROGRAMFILES(X86)": "/x86"}, "/x86/Microsoft/Edge/Application/msedge.exe"),
    ],
)
def test_the_usual_places(
    platform: str, environment: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert Path(place) in [one for product in finding.PRODUCTS["chromium"] for one in finding._usual_places(product)]


def test_a_snap_gets_its_profile_where_it_can_read_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    script = folder / "firefox"
    script.write_text('#!/bin/sh\nif ! [ -x /snap/bin/firefox ]; then exit 1; fi\nexec /snap/bin/firefox "$@"\n')
    script.chmod(0o755)
    assert find("firefox").place is None  # it has never been started
    common = folder / "snap" / "firefox" / "common"
    common.mkdir(parents=True)
    assert find("firefox") == Found("Firefox", str(script), common)
    script.write_text('#!/bin/sh\nexec /usr/lib/firefox/firefox "$@"\n')
    assert find("firefox").place is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--confirm", "opera", "-o", "http://a.test"], "--confirm takes chromium or firefox, not 'opera'."),
        (["--confirm", "chromium"], "--confirm needs --origin: a real page has one."),
    ],
)
def test_what_cannot_be_confirmed_is_wrong_usage(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", "http://127.0.0.1:1", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
