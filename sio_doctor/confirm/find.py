"""Where a browser is on this machine: by its name on PATH, then at its usual places."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple

Family = Literal["chromium", "firefox"]


class BrowserError(Exception):
    """No real browser can be asked; the message is one sentence for the person."""


class _Product(NamedTuple):
    """One browser: its names on PATH, and where its installer puts it."""

    name: str
    commands: tuple[str, ...]
    mac: str
    windows: str


#: The one that most people have first. All of a family decide alike.
PRODUCTS: dict[Family, tuple[_Product, ...]] = {
    "chromium": (
        _Product(
            "Chrome",
            ("google-chrome", "google-chrome-stable", "chrome"),
            "Google Chrome.app/Contents/MacOS/Google Chrome",
            "Google/Chrome/Application/chrome.exe",
        ),
        _Product(
            "Chromium",
            ("chromium", "chromium-browser"),
            "Chromium.app/Contents/MacOS/Chromium",
            "Chromium/Application/chrome.exe",
        ),
        _Product(
            "Edge",
            ("microsoft-edge", "microsoft-edge-stable", "msedge"),
            "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            "Microsoft/Edge/Application/msedge.exe",
        ),
    ),
    "firefox": (
        _Product(
            "Firefox",
            ("firefox", "firefox-esr"),
            "Firefox.app/Contents/MacOS/firefox",
            "Mozilla Firefox/firefox.exe",
        ),
    ),
}


class Found(NamedTuple):
    """A browser that is here."""

    name: str
    path: str
    place: Path | None = None
    """Where its profile must be made, if not where temporary files go."""


def find(family: Family) -> Found:
    """The first browser of that family; BrowserError, saying what was looked for, where there is none."""
    for product in PRODUCTS[family]:
        on_path = filter(None, map(shutil.which, product.commands))
        usual = (str(place) for place in _usual_places(product) if place.is_file())
        if path := next(chain(on_path, usual), None):
            return Found(product.name, path, _place(path))
    commands = ", ".join(command for product in PRODUCTS[family] for command in product.commands)
    *others, last = (product.name for product in PRODUCTS[family])
    names = f"neither {', '.join(others)} nor {last}" if others else f"no {last}"
    raise BrowserError(
        f"No browser to confirm with was found: {names} is on PATH (as {commands}) or where it is usually installed."
    )


def _place(path: str) -> Path | None:
    """A folder of its own for a snap, which does not see the files of others, /tmp included; Ubuntu's /usr/bin/firefox
    is a script that starts one.
    """
    script = path.encode()
    with suppress(OSError), open(path, "rb") as file:
        start = file.read(4096)
        script += start if start.startswith(b"#!") else b""
    snap = re.search(rb"/snap/bin/([a-z0-9-]+)", script)
    if snap is None:
        return None
    place = Path.home() / "snap" / snap[1].decode() / "common"
    return place if place.is_dir() else None


def _usual_places(product: _Product) -> Iterator[Path]:
    if sys.platform == "darwin":
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            yield folder / product.mac
    elif sys.platform == "win32":
        for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            if folder_name := os.environ.get(variable):
                yield Path(folder_name, product.windows)
    else:  # beside PATH, which a service's may be too short for
        for folder in (Path("/usr/bin"), Path("/usr/local/bin"), Path("/snap/bin")):
            for command in product.commands:
                yield folder / command
