"""One process of each browser for all tests of the run, on a stage where every host name is loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.chromium import chromium as run_chromium
from sio_doctor.confirm.find import find
from sio_doctor.confirm.firefox import Firefox
from sio_doctor.confirm.firefox import firefox as run_firefox
from tests.living.stage import Stage, stage
from tests.living.webkit import WebKit
from tests.living.webkit import webkit as run_webkit

#: Seconds for one test; a browser that takes longer fails it.
PATIENCE = 60.0


@pytest.fixture(scope="session")
def played() -> Iterator[Stage]:
    with stage() as servers:
        yield servers


@pytest.fixture(scope="session")
def running_chromium(played: Stage) -> Iterator[Chromium]:
    hosts = [f"MAP *:{port} 127.0.0.1:{real}" for port, real in played.ports.items()]
    hosts += [f"MAP *.example.com 127.0.0.1:{played.dead}", "MAP * 127.0.0.1"]
    until = time.monotonic() + PATIENCE
    with run_chromium(find("chromium"), until, hosts=hosts, flags=["--ignore-certificate-errors"]) as browser:
        yield browser


@pytest.fixture(scope="session")
def running_firefox(played: Stage) -> Iterator[Firefox]:
    preferences: dict[str, str | int | bool] = {
        "network.dns.forceResolve": "127.0.0.1",
        "network.socket.forcePort": ";".join(f"{port}={real}" for port, real in played.ports.items()),
    }
    until = time.monotonic() + PATIENCE
    with run_firefox(find("firefox"), until, preferences=preferences, insecure=True) as browser:
        yield browser


@pytest.fixture
def chromium(running_chromium: Chromium) -> Chromium:
    running_chromium.channel.until = time.monotonic() + PATIENCE
    return running_chromium


@pytest.fixture
def firefox(running_firefox: Firefox) -> Firefox:
    running_firefox.channel.until = time.monotonic() + PATIENCE
    return running_firefox


@pytest.fixture(scope="session")
def webkit() -> Iterator[WebKit]:
    with run_webkit() as browser:
        yield browser
