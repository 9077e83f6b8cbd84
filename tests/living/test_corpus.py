"""Cases of the corpus, of every family, in living browsers: they do, ask and print what the project says they would.

With real pages and servers on loopback, and nothing that intercepts: only names and ports are mapped. WebKitGTK's test
is no part of what CI must run: it wants namespaces, which a container may not give.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

import pytest

from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.firefox import Firefox
from sio_doctor.standards.url import BAD_PORTS
from tests import agree, corpus
from tests.corpus import Case
from tests.living.play import play
from tests.living.stage import Stage
from tests.living.webkit import WebKit
from tests.servers import needs_chromium, needs_firefox, needs_openssl, needs_webkit

pytestmark = [pytest.mark.living, needs_openssl]


#: The later ones were measured on this very stage.
CASES = [case for case in agree.cases([]) if not case["family"].startswith("later-")]


def sample(browser: str) -> list[Any]:
    """One to thirteen cases of each family, as far apart as they go."""
    measured = [case for case in CASES if browser in case["browsers"] and not agree.stalled(case, browser)]
    chosen = []
    for family, members in groupby(sorted(measured, key=_family), key=_family):
        cases = [case for case in members if _can_be_had(case, browser)]
        count = 1 + math.isqrt(len(cases)) // 3
        for number in range(count):
            case = cases[(2 * number + 1) * len(cases) // (2 * count)]
            chosen.append(pytest.param(case, id=f"{family}-{case['id']}"))
    return chosen


def _family(case: Case) -> str:
    return str(case["family"])


def _can_be_had(case: Case, browser: str) -> bool:
    """Firefox cannot be told that nobody listens on a port; who knows what does on this machine?

    WebKitGTK's libsoup 3.2 follows the redirect of a WebSocket, the one that the corpus was measured with did not.
    """
    if browser == "webkit":
        moved = any(name == "Location" for answer in case["answers"].values() for name, _ in answer.get("headers", []))
        return not (moved and case["request"].get("websocket"))
    port = urlsplit(case["request"]["url"]).port
    return browser != "firefox" or port in (None, 80, 443, 8080) or port in BAD_PORTS


@needs_chromium
@pytest.mark.parametrize("case", sample("chromium"))
def test_chromium_does_what_the_project_says(case: Case, chromium: Chromium, played: Stage) -> None:
    said = corpus.play(case, "chromium")
    happened = play(case, chromium, played, len(said["console"]))
    assert happened["allowed"] is said["allowed"]
    assert _reached(case, happened) == _reached(case, said)
    # Of several missing headers it names one by the order of a hash table.
    same = agree.same_but_for_the_name(case, happened["console"], said["console"])
    assert same or happened["console"] == said["console"]


@needs_firefox
@pytest.mark.parametrize("case", sample("firefox"))
def test_firefox_does_what_the_project_says(case: Case, firefox: Firefox, played: Stage) -> None:
    said = corpus.play(case, "firefox")
    # Of its console, warnings do not come over WebDriver BiDi.
    lines = [line for line in said["console"] if not line.startswith("Cross-Origin Request Warning")]
    happened = play(case, firefox, played, len(lines))
    assert happened["allowed"] is said["allowed"]
    assert _reached(case, happened) == _reached(case, said)
    assert happened["console"] == lines


@needs_webkit
@pytest.mark.parametrize("case", sample("webkit"))
def test_webkit_does_what_the_project_says(case: Case, webkit: WebKit) -> None:
    said = corpus.play(case, "webkit")
    happened = webkit.play(case, len(said["console"]))
    assert happened["allowed"] is said["allowed"]
    assert _reached(case, happened) == _reached(case, said)
    assert happened["console"] == said["console"]


def _reached(case: Case, done: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    """What reached the servers; nothing is said of it where one failed, since retries are the browser's own affair."""
    if any("fault" in answer for answer in case["answers"].values()):
        return []
    return [(one["method"], one["url"], agree.watched(one["headers"])) for one in done["requests"]]
