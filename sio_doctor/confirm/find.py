"""Where a browser is on this machine: by its name on PATH, then at its usual places."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
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


def find(family: Family) -> Found:
    """The first browser of that family; BrowserError, saying what was looked for, where there is none."""
    for product in PRODUCTS[family]:
        for command in product.commands:
            if path := shutil.which(command):
                return Found(product.name, path)
        for place in _usual_places(product):
            if place.is_file():
                return Found(product.name, str(place))
    names = ", ".join(product.name for product in PRODUCTS[family])
    commands = ", ".join(command for product in PRODUCTS[family] for command in product.commands)
    raise BrowserError(
        f"No browser to confirm with was found: {names} was looked for on PATH (as {commands}) and where it is usually "
        "installed."
    )


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
