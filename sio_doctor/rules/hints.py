"""What cannot be seen from here. A hint comes up only where it may apply, and where nothing that was seen explains it.

Most of them are for a page that connects as far as can be seen and, somebody says, does not. Their order is that of the
report: the likeliest first.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from sio_doctor.model import Client
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.local_network import in_own_network
from sio_doctor.rules.reach import Place
from sio_doctor.standards import url as urls


@rule("SIO840", "localhost-in-production", "localhost is each visitor's own machine", Rung.PAGE)
def localhost_in_production(case: Case) -> Iterable[Hit]:
    """A page of a public address asks a server on `localhost`, which is another machine for everybody who opens it.

    **What it means.** It works for the developer alone, whose machine has that server; all others get a refused
    connection, which the browser may report as CORS. Mostly the address was built into the page: give it the public one
    when it is built (`VITE_…`, `REACT_APP_…`), or call `io()` without an address where page and server share a host.

    **How it is told.** From the two addresses alone. An error where nothing listens there from here either; else it is
    only worth knowing, since a page of that name may be tried against a server of one's own.

    **What it is not.** A page that is itself on `localhost` or in the same network. That browsers ask before a public
    page reaches a private address is `local-network-access`.
    """
    if not urls.is_loopback_host(urls.parse(case.plan.target.url).host):
        return
    pages = tuple(page for page in case.plan.origins if not in_own_network(page))
    if not pages:
        return
    dead = case.failure("handshake", kind="refused") is not None
    message = (
        f"{case.plan.target.url} is the machine of whoever opens the page: visitors of {pages[0]} have no server there."
    )
    message += " Here nothing listens either." if dead else " From here it may work, for them it cannot."
    message += " The page needs the server's public address."
    yield Hit(message, pages, severity=None if dead else "info")


def _healthy(case: Case) -> bool:
    """Every chosen page connects in every browser, as far as can be seen from here."""
    return bool(case.plan.origins) and all(outcome.connects for outcome in case.outcomes)


def _hint(message: str) -> Hit:
    return Hit(message, severity="info")


@rule("SIO842", "blocked-by-extension", "An extension of the browser may block it", Rung.PAGE, hint=True)
def blocked_by_extension(case: Case) -> Iterable[Hit]:
    """An ad blocker, a privacy extension or a browser's own shields stop the request before it goes out.

    **What it means.** Chrome says `net::ERR_BLOCKED_BY_CLIENT`, Firefox only that the request did not succeed. Filter
    lists know words in addresses and third-party hosts. Try a private window without extensions.

    **How it is told.** Not at all from here: it is said where a page of another host connects as far as can be seen.

    **What it is not.** A refusal of the server: that is seen from here too.
    """
    host, local = urlsplit(case.plan.target.url).hostname, Place(case).loopback
    others = [page for page in case.plan.origins if urlsplit(page).hostname != host]
    if _healthy(case) and any(not (local and in_own_network(page)) for page in others):
        yield _hint("An extension may block it: try a private window without extensions.")


@rule("SIO843", "service-worker-or-cache", "An old copy of the page may be running", Rung.PAGE, hint=True)
def service_worker_or_cache(case: Case) -> Iterable[Hit]:
    """A service worker, a cached bundle or a cached preflight makes the browser do what the page no longer says.

    **What it means.** A service worker that answers or repeats requests breaks polling; an old bundle has the old
    address; a preflight is remembered as long as `Access-Control-Max-Age` says. Reload without the cache, or try a
    private window; in the developer tools unregister the service worker.

    **How it is told.** Not at all from here: it is said where the page connects as far as can be seen.

    **What it is not.** A cache on the server's side, which mixes up origins or sessions and is seen from here.
    """
    if _healthy(case):
        age = case.policy.max_age
        kept = (
            f" A preflight is kept for {age} s, as the server says." if age and case.plan.client.extra_headers else ""
        )
        yield _hint(f"An old copy may be running: reload without cache and service worker.{kept}")


@rule("SIO644", "ws-middlebox", "A network or a virus scanner may cut WebSockets", Rung.UPGRADE, hint=True)
def ws_middlebox(case: Case) -> Iterable[Hit]:
    """Some people's network, proxy or virus scanner does not let WebSockets pass, while others connect.

    **What it means.** Devices that look into plain `ws://` traffic drop what they do not know. Few can look into
    `wss://` on port 443. Keep polling among the transports, and run the check on a machine where it fails.

    **How it is told.** Not at all from another place: it is said where the page uses a WebSocket that works from here,
    and the server is on another machine.

    **What it is not.** A proxy in front of the server, which everybody meets (`ws-proxy-no-upgrade`).
    """
    uses = any(outcome.transport == "websocket" for outcome in case.outcomes)
    if _healthy(case) and uses and not Place(case).loopback:
        message = "A network or a virus scanner may cut WebSockets: try another network."
        if case.plan.target.url.startswith("http:"):
            message += " wss:// on port 443 passes most of them."
        yield _hint(message)


#: Top-level domains that browsers only ever ask by https. https://hstspreload.org, its list of 2026.
PRELOADED = frozenset(
    (
        "android", "app", "bank", "boo", "channel", "chrome", "dad", "day", "dev", "eat", "esq", "fly", "foo", "gle",
        "gmail", "google", "hangout", "ing", "insurance", "meet", "meme", "mov", "new", "nexus", "page", "phd", "play",
        "prof", "rsvp", "search", "youtube", "zip",
    )
)  # fmt: skip


@rule("SIO844", "hsts-upgrade", "Browsers may ask by https instead", Rung.PAGE, hint=True)
def hsts_upgrade(case: Case) -> Iterable[Hit]:
    """The address says `http://`, and browsers ask by https all the same, because they remember that they must.

    **What it means.** `Strict-Transport-Security`, once received by https, holds for the host and all its ports;
    whole top-level domains (`.dev`, `.app`) are in the browsers' own lists. Where https is not there, every request
    fails, and curl works. One project on `localhost` that sends the header breaks all others there. Use https.

    **How it is told.** By the top-level domain; or an answer by https has the header.

    **What it is not.** A redirect of the server (`redirect-http-to-https`), which is seen from here.
    """
    target = urlsplit(case.plan.target.url)
    host = target.hostname or ""
    if target.scheme != "http":
        return
    secure = [one for one in case.all("other-scheme", "redirect") if one.request.url.startswith("https:")]
    told = any(one.response and one.response.get("strict-transport-security") for one in secure)
    if told or host.rpartition(".")[2] in PRELOADED:
        why = "its https side says so" if told else f"all of .{host.rpartition('.')[2]} is on the browsers' own list"
        yield _hint(f"Browsers ask {host} by https, whatever the address says: {why}. Use https:// in the page.")


@rule("SIO845", "option-typos", "A misspelt option is ignored without a word", Rung.PAGE, hint=True)
def option_typos(case: Case) -> Iterable[Hit]:
    """The page's client may not be set as this check assumed: socket.io-client says nothing of options unknown to it.

    **What it means.** `transport` for `transports`, a blank in `path`, `withCredential`, `extraHeader`; `cors`,
    `origins` and `methods` are the server's options, and do nothing in a page. The address of a request in the network
    panel shows what the client really does.

    **How it is told.** Not at all from here: it is said where the page connects with options other than the usual ones.

    **What it is not.** Options that both sides have and that differ (`path-mismatch`, `transport-disabled`).
    """
    client, usual = case.plan.client, Client()
    given = {
        "path": case.plan.target.path != "/socket.io/",
        "transports": client.transports != usual.transports,
        "withCredentials": client.with_credentials and client.version > 2,
        "extraHeaders": bool(client.extra_headers),
        "auth": client.auth is not None,
    }
    names = [name for name, here in given.items() if here]
    if _healthy(case) and names:
        yield _hint(f"A misspelt option is ignored: look at {', '.join(names)} in io(…).")


@rule("SIO846", "closed-before-established", "A WebSocket closed before it was established", Rung.PAGE, hint=True)
def closed_before_established(case: Case) -> Iterable[Hit]:
    """`WebSocket is closed before the connection is established` in the console, while the page works.

    **What it means.** The page closed it itself. In development React's StrictMode mounts components twice, so the
    first socket is closed before it is open; leaving a page or `disconnect()` does the same. It is harmless. Make the
    socket outside of the component.

    **How it is told.** By that line of the console alone; it is said where a page in development connects by WebSocket.

    **What it is not.** A WebSocket that the server or a proxy closes is seen from here.
    """
    local = [page for page in case.plan.origins if urlsplit(page).hostname in ("localhost", "127.0.0.1")]
    if _healthy(case) and local and any(outcome.transport == "websocket" for outcome in case.outcomes):
        yield _hint("“WebSocket is closed before the connection is established” is harmless.")


#: Pages that live in an application, and clients that are no page at all.
_APPS = ("capacitor", "ionic", "app", "tauri", "file")


def _no_page(case: Case) -> bool:
    """Nobody's page in particular was asked about, or an application's: the client may be no browser."""
    return all(page == "null" or urlsplit(page).scheme in _APPS for page in case.plan.origins)


@rule("SIO847", "rn-android-cleartext", "Android and iOS refuse plain http in an app", Rung.PAGE, hint=True)
def rn_android_cleartext(case: Case) -> Iterable[Hit]:
    """A native app asks by `http://`, which Android 9 and iOS forbid unless told otherwise.

    **What it means.** React Native and other native clients know no CORS, so no CORS option ever helps them. Android:
    `android:usesCleartextTraffic="true"` for development; iOS: `NSAllowsLocalNetworking`. In the emulator `localhost`
    is the phone itself: use `10.0.2.2`, or `adb reverse tcp:3000 tcp:3000`.

    **How it is told.** Not at all from here: it is said of a server by http, where no page or an app's was named.

    **What it is not.** A page in a browser; there it is `mixed-content`.
    """
    if case.open is not None and case.plan.target.url.startswith("http:") and _no_page(case):
        local = " In Android's emulator this machine is 10.0.2.2." if Place(case).loopback else ""
        yield _hint(f"Apps on Android and iOS may not ask by http unless that is allowed.{local}")


@rule("SIO848", "cors-seen-in-node-client", "Clients outside a browser know no CORS", Rung.PAGE, hint=True)
def cors_seen_in_node_client(case: Case) -> Iterable[Hit]:
    """The client runs in Node.js, on a phone or in a device, where nobody enforces CORS.

    **What it means.** A CORS option cures nothing there, and curl or Postman getting an answer proves nothing about
    browsers. An `Origin` that such a client sends is judged by `allowRequest` or by python-socketio's
    `cors_allowed_origins` alone, which refuse the request itself.

    **How it is told.** Not at all from here: it is said where no page was named and the server lets no other page in.

    **What it is not.** A page inside an app (Capacitor, Electron, a web view) is a page, and has an origin.
    """
    if case.open is not None and not case.plan.origins and case.policy.kind in ("nobody", "list", "fixed", "refuses"):
        message = "A client outside a browser (Node.js, a phone) is not bound by CORS."
        if case.policy.kind == "refuses":
            message += " But the server itself refuses an Origin, should the client send one."
        yield _hint(message)
