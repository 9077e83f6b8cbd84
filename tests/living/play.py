"""Plays a case of the corpus in a living browser."""

from __future__ import annotations

import json
from typing import Any

from sio_doctor.confirm.page import Browser
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

#: The corpus kept those lines alone that name the URL.
_NOT_KEPT = ("Refused to set unsafe header", "Attempt to set a forbidden header was denied")


def play(case: Case, browser: Browser, played: Stage, quiet: float = 0.05) -> dict[str, Any]:
    """What the browser really did: ``allowed``, ``requests`` and ``console``, as ``tests.corpus.play`` has them."""
    played.play(case)
    asked = case["request"]
    with browser.page(case["page"]["url"]) as page:
        result = page.evaluate((WEBSOCKET if asked.get("websocket") else XHR) % (PATIENCE, json.dumps(asked)))
        lines = [line.text for line in page.lines(quiet=quiet) if not line.text.startswith(_NOT_KEPT)]
    return {"allowed": result["allowed"], "requests": list(played.requests), "console": lines}
