"""Plays a case of the corpus in a living browser."""

from __future__ import annotations

import json
from typing import Any

from sio_doctor.confirm.page import Browser, Page
from tests.corpus import Case
from tests.living.stage import Stage

#: Milliseconds after which nothing more is waited for, as when the corpus was measured.
PATIENCE = 4000

XHR = """((asked) => new Promise((resolve) => {
  const request = new XMLHttpRequest();
  const done = (allowed) => () => resolve({ allowed });
  try {
    request.open(asked.method, asked.url);
    for (const [name, value] of Object.entries(asked.headers)) request.setRequestHeader(name, value);
    request.withCredentials = asked.withCredentials;
    request.onload = done(true);
    request.onerror = done(false);
    request.send(["GET", "HEAD"].includes(asked.method.toUpperCase()) ? null : "40");
  } catch (error) {
    resolve({ allowed: false, thrown: String(error) });
  }
  setTimeout(done(false), %d);
}))(%s)"""

WEBSOCKET = """((asked) => new Promise((resolve) => {
  const done = (allowed) => () => resolve({ allowed });
  try {
    const socket = new WebSocket(asked.url);
    socket.onmessage = done(true);
    socket.onerror = socket.onclose = done(false);
  } catch (error) {
    resolve({ allowed: false, thrown: String(error) });
  }
  setTimeout(done(false), %d);
}))(%s)"""


def play(case: Case, browser: Browser, played: Stage, expected: int = 0, *, named: bool = True) -> dict[str, Any]:
    """What the browser really did: ``allowed``, ``requests`` and ``console``, as ``tests.corpus.play`` has them.

    ``expected`` lines of the console are waited for, since some come late, and whatever comes soon after them;
    ``named``: those alone that name the case.
    """
    played.play(case)
    asked = case["request"]
    with browser.page(case["page"]["url"]) as page:
        result = page.evaluate((WEBSOCKET if asked.get("websocket") else XHR) % (PATIENCE, json.dumps(asked)))
        lines = _lines(page, case["id"] if named else "", expected)
    return {"allowed": result["allowed"], "requests": list(played.requests), "console": lines}


def _lines(page: Page, name: str, expected: int) -> list[str]:
    lines: list[str] = []
    for quiet in (0.05, *[0.2] * 10):
        # Of Chromium's and Firefox's the corpus kept those alone that name the URL, which has the case's id in it.
        lines += [line.text for line in page.lines(quiet=quiet) if name in line.text + line.url]
        if len(lines) >= expected:
            break
    return lines
