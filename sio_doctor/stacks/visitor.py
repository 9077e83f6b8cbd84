"""The browser or the app of whoever opens the page: what to try there, where no server is at fault."""

from __future__ import annotations

import re

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


def _other_name(ask: Ask) -> Fix | None:
    """The page by the name that the server lists, where it told."""
    accepted = ask.details.get("accepted")
    if not accepted or not re.fullmatch(r"https?://[\w.\[\]:-]+", accepted):
        return None
    return Fix(
        stack="browser", side="page", title="Or open the page by the name that the server lists", language="text",
        where="in the browser's address bar", before=ask.pages[0], after=accepted,
    )  # fmt: skip


def _extension(ask: Ask) -> Fix | None:
    """An extension's pages need no CORS for the hosts that it names."""
    if not any(re.match(r"(chrome|moz)-extension:", origin) for origin in ask.origins):
        return None
    title = "Or let the extension ask the host: then CORS does not apply to its pages"
    after = f'"host_permissions": [{js(ask.plan.target.url + "/*")}]'
    return _fix(title, "in manifest.json", after, stack="extension", language="json")


FIXES: dict[str, Cure] = {
    "origin-localhost-vs-127": _other_name,
    "app-scheme-origin": _extension,
    "blocked-by-extension": _without_extensions,
    "service-worker-or-cache": _afresh,
    "ws-middlebox": _both_transports,
    "option-typos": _spelled,
    "closed-before-established": _outside,
    "cors-seen-in-node-client": _with_origin,
    "rn-android-cleartext": _cleartext,
}
