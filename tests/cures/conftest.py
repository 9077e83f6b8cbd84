"""One Chromium and the pages for all pairs of a worker, and the table at the end of ``make cures``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.chromium import chromium as run_chromium
from sio_doctor.confirm.find import find
from tests.cures.pairs import NOT_PROVEN, PAIRS, SECURE, STACKS
from tests.cures.table import table
from tests.living.pages import pages
from tests.servers.certificates import self_signed

#: Seconds for the browser in one pair; one that takes longer fails it.
PATIENCE = 60.0


class Pages(NamedTuple):
    """Where pages are served, whatever their origin; ``own`` are those that are files of pairs, by name."""

    own: dict[str, str]
    port: int
    secure_port: int


@pytest.fixture(scope="session")
def served() -> Iterator[Pages]:
    own: dict[str, str] = {}
    with pages(own) as plain, pages(own, certificate=self_signed(*SECURE)) as secure:
        yield Pages(own, urlsplit(plain).port or 0, urlsplit(secure).port or 0)


@pytest.fixture(scope="session")
def running_chromium(served: Pages) -> Iterator[Chromium]:
    # The pages' ports are known to the browser alone: a server's is what it is.
    plain, secure = f"127.0.0.1:{served.port}", f"127.0.0.1:{served.secure_port}"
    hosts = [f"MAP *:5173 {plain}", f"MAP *:80 {plain}", f"MAP *:443 {secure}", "MAP * 127.0.0.1"]
    until = time.monotonic() + PATIENCE
    with run_chromium(find("chromium"), until, hosts=hosts, flags=["--ignore-certificate-errors"]) as browser:
        yield browser


@pytest.fixture
def chromium(running_chromium: Chromium) -> Chromium:
    running_chromium.channel.until = time.monotonic() + PATIENCE
    return running_chromium


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Cause by cause and stack by stack, what has been proven now."""
    proven: dict[tuple[str, str], bool] = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, value in report.user_properties:
                if name == "pair":
                    cause, folder = value
                    proven[cause, folder] = outcome == "passed" and proven.get((cause, folder), True)
    if proven:
        terminalreporter.section("cures")
        for line in table(proven, [pair for pair in PAIRS if pair.key in proven], STACKS, NOT_PROVEN):
            terminalreporter.write_line(line)
