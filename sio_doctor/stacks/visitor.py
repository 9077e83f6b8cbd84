"""The browser or the app of whoever opens the page: what to try there, where no server is at fault."""

from __future__ import annotations

from sio_doctor.model import Fix, Server
from sio_doctor.stacks.base import Ask, Cure, Side, js, nothing
from sio_doctor.stacks.page import call

SIDE: Side = "page"
recognise = nothing


def fits(server: Server) -> bool:
    """Every server has visitors."""
    return True


def _fix(title: str, where: str, after: str, *, stack: str = "browser", language: str = "js") -> Fix:
    return Fix(stack=stack, side="page", title=title, where=where, language=language, after=after)


def _without_extensions(ask: Ask) -> Fix:
    title = "Try without extensions, in a private window"
    return _fix(title, "in a terminal", "google-chrome --incognito --disable-extensions", language="sh")


def _afresh(ask: Ask) -> Fix:
    after = "(await navigator.serviceWorker.getRegistrations()).forEach((one) => one.unregister());"
    title = "Take service workers away, then reload with the shift key held"
    return _fix(title, "in the console of the page's developer tools", after)


def _both_transports(ask: Ask) -> Fix:
    url = "https://" + ask.plan.target.url.partition("://")[2]
    after = call(ask, 'transports: ["polling", "websocket"]', url=url)
    title = "Keep polling among the transports, and ask by https, which few look into"
    return _fix(title, "where the page calls io(...)", after, stack="socket.io-client")


def _spelled(ask: Ask) -> Fix:
    options = ('transports: ["polling", "websocket"]', "withCredentials: true", "auth: { token }")
    title = "These are spelled right; whatever else is given is ignored without a word"
    return _fix(title, "where the page calls io(...)", call(ask, *options), stack="socket.io-client")


def _outside(ask: Ask) -> Fix:
    after = call(ask, "autoConnect: false") + "\n// in the effect: socket.connect(); return () => socket.disconnect();"
    title = "Make the socket outside of the component, and connect in its effect"
    return _fix(title, "beside the component", after, stack="socket.io-client")


def _with_origin(ask: Ask) -> Fix:
    after = call(ask, f"extraHeaders: {{ origin: {js(ask.pages[0])} }}")
    title = "In Node.js an Origin can be given, where the server wants one of those that it lists"
    return _fix(title, "where the client calls io(...)", after, stack="socket.io-client")


def _cleartext(ask: Ask) -> Fix:
    title = "Allow plain http while the app is developed; released, it asks by https"
    where = "in AndroidManifest.xml (iOS: NSAllowsLocalNetworking in Info.plist)"
    return _fix(title, where, '<application android:usesCleartextTraffic="true">', stack="Android", language="xml")


FIXES: dict[str, Cure] = {
    "blocked-by-extension": _without_extensions,
    "service-worker-or-cache": _afresh,
    "ws-middlebox": _both_transports,
    "option-typos": _spelled,
    "closed-before-established": _outside,
    "cors-seen-in-node-client": _with_origin,
    "rn-android-cleartext": _cleartext,
}
