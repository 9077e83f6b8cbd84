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
    assert "No browser to confirm with was found: Chrome, Chromium, Edge was looked for on PATH" in printed.err
    assert "google-chrome, google-chrome-stable, chrome, chromium, chromium-browser, microsoft-edge" in printed.err


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
