"""The walls of the house: who may import whom is a lint rule, and it does catch what strays."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sio_doctor"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def lint(filename: str, source: str) -> str:
    """What ruff says of ``source`` as that file."""
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--stdin-filename", filename, "-"]
    return subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_may_not_import(room: str) -> None:
    banned = tomllib.loads((PACKAGE / room / "ruff.toml").read_text())["lint"]["flake8-tidy-imports"]["banned-api"]
    assert "httpx" in banned or room == "probe"


@pytest.mark.parametrize(
    ("filename", "stray"),
    [
        ("sio_doctor/standards/fetch.py", "from sio_doctor.browser.fetch import Page"),
        ("sio_doctor/browser/client.py", "from sio_doctor.probe.network import Network"),
        ("sio_doctor/browser/client.py", "from sio_doctor import rules"),
        ("sio_doctor/probe/gather.py", "from sio_doctor.rules import RULES"),
        ("sio_doctor/rules/origin.py", "from sio_doctor.stacks import fixes"),
        ("sio_doctor/rules/origin.py", "import socket"),
        ("sio_doctor/stacks/node.py", "def fix():\n    from sio_doctor.rules import RULES"),
        ("sio_doctor/stacks/node.py", "import httpx"),
        ("sio_doctor/render/text.py", "from sio_doctor.judge import judge"),
        ("sio_doctor/render/text.py", "from sio_doctor.intake.console import read_console"),
        ("sio_doctor/rules/origin.py", "from sio_doctor.explain import explain"),
        ("sio_doctor/stacks/node.py", "from sio_doctor.intake.causes import causes"),
        ("sio_doctor/probe/gather.py", "from sio_doctor.confirm.find import find"),
        ("sio_doctor/browser/client.py", "from sio_doctor.confirm.page import Served"),
        ("sio_doctor/standards/fetch.py", "from sio_doctor.intake.wording import Wording"),
        ("sio_doctor/confirm/chromium.py", "from sio_doctor.explain import explain"),
        ("sio_doctor/intake/console.py", "from sio_doctor.confirm.find import find"),
        ("sio_doctor/demo/server.py", "from sio_doctor.confirm.find import find"),
        ("sio_doctor/commands/check.py", "from sio_doctor.intake.console import read_console"),
        ("sio_doctor/judge.py", "import rich.console"),
        ("sio_doctor/plan.py", "import socket"),
        ("sio_doctor/commands/check.py", "from sio_doctor.probe.gather import gather"),
    ],
)
def test_a_stray_import_is_caught(filename: str, stray: str) -> None:
    assert "TID251" in lint(filename, f"{stray}\n")


@pytest.mark.parametrize(
    ("filename", "right"),
    [
        ("sio_doctor/probe/network.py", "import socket, ssl, httpx"),
        ("sio_doctor/render/text.py", "from rich.console import Console"),
        ("sio_doctor/browser/fetch.py", "from sio_doctor.standards import fetch"),
        ("sio_doctor/examine.py", "from sio_doctor.rules import Case"),
    ],
)
def test_what_goes_the_right_way_passes(filename: str, right: str) -> None:
    assert lint(filename, f"{right}\n").strip() == "All checks passed!"


def test_the_house_itself_keeps_to_it() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "sio_doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
