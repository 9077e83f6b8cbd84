"""One browser process for all tests of the run."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.chromium import chromium as run_chromium
from sio_doctor.confirm.find import find

#: Seconds for one test; a browser that takes longer fails it.
PATIENCE = 40.0


@pytest.fixture(scope="session")
def running_chromium() -> Iterator[Chromium]:
    with run_chromium(find("chromium"), time.monotonic() + PATIENCE) as browser:
        yield browser


@pytest.fixture
def chromium(running_chromium: Chromium) -> Chromium:
    running_chromium.channel.until = time.monotonic() + PATIENCE
    return running_chromium
