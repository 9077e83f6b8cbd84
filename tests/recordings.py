"""Servers that are recorded, since they need packages that do not go with those of the other tests.

``make record`` runs each and writes what was seen to ``tests/evidence``; ``tests/test_recorded.py`` replays it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.node import node
from tests.servers.python import python_server

FOLDER = Path(__file__).parent / "evidence"
PAGE = "http://localhost:8080"


class Recording(NamedTuple):
    """One run of one server."""

    name: str
    """Of its file."""
    server: str
    """What it is recorded from, for the README."""
    start: Callable[[], AbstractContextManager[str]]
    asked: dict[str, Any]
    """What ``make_plan`` is told beside the URL."""
    stack: str
    slug: str | None
    """The headline; None where all is well."""


@cache
def packages(*requirements: str) -> str:
    """A Python of its own with these packages, in ``build/record``."""
    folder = Path("build/record") / "-".join(requirement.replace("==", "-") for requirement in requirements)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--retries", "5", *requirements], check=True)
    return str(python.absolute())


def old(options: str) -> Callable[[], AbstractContextManager[str]]:
    """python-socketio 4 on aiohttp."""
    return lambda: python_server("aiohttp", options, python=packages(*OLD))


def sanic(options: str) -> Callable[[], AbstractContextManager[str]]:
    """python-socketio 5 on Sanic."""
    return lambda: python_server("sanic", options, python=packages("sanic", "python-socketio"))


OLD = ("python-socketio==4.6.1", "python-engineio==3.14.2", "aiohttp")
_OLD = "python-socketio 4.6.1, python-engineio 3.14.2 on aiohttp"
_SANIC = "python-socketio 5 on Sanic"
_TWO: dict[str, Any] = {"origins": [PAGE], "version": 2}
_FOUR: dict[str, Any] = {"origins": [PAGE]}

RECORDINGS = [
    Recording("no-cors", "socket.io 4.8.4 on express, no `cors` option", lambda: node("4.8"), _FOUR, "socket.io",
              "cors-not-configured"),
    Recording("python-socketio-4", f"{_OLD}, its own origin alone", old(""), _TWO, "python-socketio",
              "python-origin-not-accepted"),
    Recording("python-socketio-4-allowed", f"{_OLD}, the page's origin allowed", old(f"cors_allowed_origins='{PAGE}'"),
              _TWO, "python-socketio", None),
    Recording("python-socketio-4-client-4", f"{_OLD}, asked by a client of version 4", old("cors_allowed_origins='*'"),
              _FOUR, "python-socketio", "python-version-mismatch"),
    Recording("sanic", f"{_SANIC}, its own origin alone", sanic(""), _FOUR, "python-socketio",
              "python-origin-not-accepted"),
    Recording("sanic-allowed", f"{_SANIC}, the page's origin allowed", sanic(f"cors_allowed_origins='{PAGE}'"), _FOUR,
              "python-socketio", None),
]  # fmt: skip
