"""Chrome, Chromium and Edge, over the DevTools protocol. https://chromedevtools.github.io/devtools-protocol/"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sio_doctor.confirm.channel import Channel, Message
from sio_doctor.confirm.find import BrowserError, Found
from sio_doctor.confirm.page import Line, Served
from sio_doctor.confirm.process import browser

_FEATURES_OFF = (
    # A page by http stays one.
    "HttpsUpgrades",
    # What it would ask its maker for, unasked.
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationGuideModelDownloading",
    "OptimizationHints",
    "Translate",
)

#: Whom it asks even so, as measured: they do not resolve.
_HOME = ("accounts.google.com", "clients2.google.com", "optimizationguide-pa.googleapis.com", "update.googleapis.com")

_FLAGS = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--user-data-dir={profile}",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-features=" + ",".join(_FEATURES_OFF),
    # A page that is answered through the protocol counts as public, wherever its origin is. So every server does too:
    # else one on this machine or its network would be refused by Local Network Access before CORS is looked at. (With
    # the feature off, private addresses would be mixed content, which they are not.)
    "--ip-address-space-overrides=0.0.0.0/0=public,[::]/0=public",
)


#: What it would leave elsewhere than in its profile.
_ENVIRONMENT = {"BREAKPAD_DUMP_LOCATION": "{profile}/crashes", "MESA_SHADER_CACHE_DISABLE": "true"}


class Chromium:
    """A running browser. ``version`` is its name and version: ``Chromium 156.0.8078.79``."""

    def __init__(self, channel: Channel, name: str) -> None:
        self.channel = channel
        product = channel.call("Browser.getVersion")["product"]
        self.version = f"{name} {product.partition('/')[2]}"

    @contextmanager
    def page(self, url: str, served: Served | None = None) -> Iterator[ChromiumPage]:
        """A page at ``url`` in a browser context of its own: no cookies, no caches. ``served``: what the browser is
        told that the URL answers; without it, it goes and asks.
        """
        context = self.channel.call("Target.createBrowserContext")["browserContextId"]
        target = self.channel.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attach = {"targetId": target["targetId"], "flatten": True}
        page = ChromiumPage(self.channel, self.channel.call("Target.attachToTarget", attach)["sessionId"])
        page.load(url, served)
        yield page
        # Not where that was interrupted: the browser, which may hang, would be waited for, and it is ended anyway.
        self.channel.call("Target.disposeBrowserContext", {"browserContextId": context})


class ChromiumPage:
    """One page."""

    def __init__(self, channel: Channel, session: str) -> None:
        self._channel = channel
        self._session = session

    def load(self, url: str, served: Served | None) -> None:
        """Goes to the URL, and waits until it is there."""
        for domain in ("Page", "Log", "Inspector"):
            self._call(f"{domain}.enable")
        if served is not None:
            self._call("Fetch.enable", {"patterns": [{"urlPattern": url, "resourceType": "Document"}]})
        navigation = self._channel.send("Page.navigate", {"url": url}, sessionId=self._session)
        if served is not None:
            paused = self._event("Fetch.requestPaused", navigation)
            answer = {
                "requestId": paused["requestId"],
                "responseCode": 200,
                "responseHeaders": [{"name": name, "value": value} for name, value in served.headers],
                "body": base64.b64encode(served.body.encode()).decode(),
            }
            self._call("Fetch.fulfillRequest", answer)
            # Before any request: while it is on, the browser answers preflights otherwise.
            self._call("Fetch.disable")
        if fault := self._channel.result(navigation).get("errorText"):
            raise BrowserError(f"The browser cannot open {url}: {fault}.")
        self._event("Page.loadEventFired", navigation)
        self.lines()

    def evaluate(self, expression: str) -> Any:
        """What the expression comes to, promises awaited, as JSON has it."""
        wrapped = f"Promise.resolve({expression}).then(JSON.stringify)"
        asked = {"expression": wrapped, "awaitPromise": True, "returnByValue": True}
        result = self._call("Runtime.evaluate", asked)
        value = result["result"].get("value")
        if "exceptionDetails" in result or value is None:
            raise ValueError(f"the page's script failed: {result}")
        return json.loads(value)

    def lines(self, *, quiet: float = 0.0) -> list[Line]:
        """What its console has got since last asked; waits until nothing has come for ``quiet`` seconds."""
        entries = [event["params"]["entry"] for event in self._channel.take(self._is("Log.entryAdded"), quiet=quiet)]
        return [Line(entry["text"], entry.get("url", "")) for entry in entries]

    def _call(self, method: str, params: Message | None = None) -> Message:
        return self._channel.call(method, params, sessionId=self._session)

    def _event(self, method: str, navigation: int) -> Message:
        params: Message = self._channel.event(self._is(method), of=navigation)["params"]
        return params

    def _is(self, method: str) -> Any:
        return lambda event: event["method"] == method and event.get("sessionId") == self._session


@contextmanager
def chromium(found: Found, until: float, *, hosts: Sequence[str] = (), flags: Sequence[str] = ()) -> Iterator[Chromium]:
    """Runs it headless with an empty profile; nothing waits longer than ``until``, a time of ``time.monotonic``.

    ``hosts`` are more rules for its resolver (``MAP *:80 127.0.0.1:8000``), ``flags`` more of its flags.
    """
    # Chromium does not start as root with its sandbox on.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    rules = ",".join([*(f"MAP {host} ~NOTFOUND" for host in _HOME), *hosts])
    command = [found.path, *_FLAGS, *root, f"--host-resolver-rules={rules}", *flags, "about:blank"]
    with browser(command, environment=_ENVIRONMENT, place=found.place) as process:
        port, path = process.read_when_written("DevToolsActivePort", until).splitlines()[:2]
        channel = Channel(f"ws://127.0.0.1:{port}{path}", until)
        try:
            yield Chromium(channel, found.name)
        finally:
            channel.close()
