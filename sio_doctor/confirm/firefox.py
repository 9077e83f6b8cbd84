"""Firefox, over WebDriver BiDi. https://w3c.github.io/webdriver-bidi/"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sio_doctor.confirm.channel import Channel, Message
from sio_doctor.confirm.find import Found
from sio_doctor.confirm.page import Line, Served
from sio_doctor.confirm.process import browser

_FLAGS = (
    "--headless",
    "--no-remote",
    "--profile",
    "{profile}",
    "--remote-debugging-port=0",
    # There, what is started is a launcher, which would end at once.
    *(["--wait-for-browser"] if sys.platform == "win32" else []),
)

Preference = str | int | bool

#: Mozilla's own tests' way of saying so; a release heeds it when its environment says so too.
_NOWHERE = "data:,#remote-settings-dummy/v1"
_ENVIRONMENT = {
    "MOZ_REMOTE_SETTINGS_DEVTOOLS": "1",
    "MOZ_CRASHREPORTER_DISABLE": "1",
    # Else it goes into the person's own cache.
    "MESA_SHADER_CACHE_DISABLE": "true",
}

#: What it would ask or show unasked. Being remote-controlled, it turns off most of it by itself.
_PREFERENCES: dict[str, Preference] = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    # Nobody is there to be asked.
    "network.lna.blocking": False,
    "services.settings.server": _NOWHERE,
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A running browser. ``version`` is its name and version: ``Firefox 153.7.0``."""

    def __init__(self, channel: Channel, name: str, *, insecure: bool) -> None:
        self.channel = channel
        wanted = {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": insecure}}}
        self.version = f"{name} {channel.call('session.new', wanted)['capabilities']['browserVersion']}"

    @contextmanager
    def page(self, url: str, served: Served | None = None) -> Iterator[FirefoxPage]:
        """A page at ``url`` in a user context of its own: no cookies, no caches. ``served``: what the browser is
        told that the URL answers; without it, it goes and asks.
        """
        user = self.channel.call("browser.createUserContext")["userContext"]
        tab = self.channel.call("browsingContext.create", {"type": "tab", "userContext": user})["context"]
        self.channel.call("session.subscribe", {"events": ["log.entryAdded"], "contexts": [tab]})
        page = FirefoxPage(self.channel, tab)
        page.load(url, served)
        yield page
        # Not where that was interrupted: the browser, which may hang, would be waited for, and it is ended anyway.
        self.channel.call("browser.removeUserContext", {"userContext": user})


class FirefoxPage:
    """One page."""

    def __init__(self, channel: Channel, tab: str) -> None:
        self._channel = channel
        self._tab = tab

    def load(self, url: str, served: Served | None) -> None:
        """Goes to the URL, and waits until it is there."""
        navigate = {"context": self._tab, "url": url, "wait": "complete"}
        if served is None:
            self._channel.call("browsingContext.navigate", navigate)
        else:
            with self._intercepted(url):
                navigation = self._channel.send("browsingContext.navigate", navigate)
                blocked = self._channel.event(self._is("network.beforeRequestSent"), of=navigation)["params"]
                headers = [{"name": name, "value": _text(value)} for name, value in served.headers]
                answer = {"statusCode": 200, "reasonPhrase": "OK", "headers": headers, "body": _text(served.body)}
                self._channel.call("network.provideResponse", {"request": blocked["request"]["request"], **answer})
                self._channel.result(navigation)
        self.lines()

    @contextmanager
    def _intercepted(self, url: str) -> Iterator[None]:
        """Requests for that URL alone wait for an answer from here; before any other, all of it is off again."""
        events = {"events": ["network.beforeRequestSent"], "contexts": [self._tab]}
        subscription = self._channel.call("session.subscribe", events)["subscription"]
        pattern = {"type": "string", "pattern": url}
        phases = {"phases": ["beforeRequestSent"], "urlPatterns": [pattern], "contexts": [self._tab]}
        intercept = self._channel.call("network.addIntercept", phases)["intercept"]
        yield
        self._channel.call("network.removeIntercept", {"intercept": intercept})
        self._channel.call("session.unsubscribe", {"subscriptions": [subscription]})

    def evaluate(self, expression: str) -> Any:
        """What the expression comes to, promises awaited, as JSON has it; ValueError where it throws."""
        wrapped = f"Promise.resolve({expression}).then(JSON.stringify)"
        asked = {"expression": wrapped, "awaitPromise": True, "target": {"context": self._tab}}
        result = self._channel.call("script.evaluate", asked)
        if result["type"] != "success":
            raise ValueError(f"the page's script failed: {result['exceptionDetails']['text']}")
        return json.loads(result["result"]["value"])

    def lines(self, *, quiet: float = 0.0) -> list[Line]:
        """What its console has got since last asked; waits until nothing has come for ``quiet`` seconds."""
        entries = [event["params"] for event in self._channel.take(self._is("log.entryAdded"), quiet=quiet)]
        return [Line(entry["text"], _where(entry)) for entry in entries]

    def _is(self, method: str) -> Callable[[Message], bool]:
        def wanted(event: Message) -> bool:
            params = event["params"]
            context = params.get("context") or params.get("source", {}).get("context")
            return bool(event["method"] == method and context == self._tab)

        return wanted


def _text(text: str) -> Message:
    return {"type": "string", "value": text}


def _where(entry: Message) -> str:
    frames = (entry.get("stackTrace") or {}).get("callFrames") or [{}]
    return str(frames[0].get("url", ""))


@contextmanager
def firefox(
    found: Found, until: float, *, preferences: Mapping[str, Preference] | None = None, insecure: bool = False
) -> Iterator[Firefox]:
    """Runs it headless with an empty profile; nothing waits longer than ``until``, a time of ``time.monotonic``.

    ``preferences`` are more of its preferences. ``insecure``: any certificate is good.
    """
    own = {**_PREFERENCES, **(preferences or {})}
    user = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in own.items())
    with browser(
        [found.path, *_FLAGS], files={"user.js": user}, environment=_ENVIRONMENT, place=found.place
    ) as process:
        where = json.loads(process.read_when_written("WebDriverBiDiServer.json", until))
        channel = Channel(f"ws://{where['ws_host']}:{where['ws_port']}/session", until)
        try:
            yield Firefox(channel, found.name, insecure=insecure)
        finally:
            channel.close()
