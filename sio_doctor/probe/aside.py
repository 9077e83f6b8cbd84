"""What no browser would send, asked where it tells causes apart; and the closing of what was opened."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Generator
from urllib.parse import urlsplit

import msgspec

from sio_doctor.browser import client
from sio_doctor.browser.replay import server_of
from sio_doctor.browser.session import Ask, Heard, Step, polling_url
from sio_doctor.browser.table import UNCHECKED
from sio_doctor.model import FOREIGN, Exchange, Request, Response
from sio_doctor.probe.backend import is_own
from sio_doctor.probe.driver import Driver, opened_by
from sio_doctor.probe.stickiness import set_by
from sio_doctor.standards import engineio
from sio_doctor.standards import url as urls
from sio_doctor.standards.fetch import cors_unsafe_request_header_names

#: Seconds for what is asked once the main question is answered.
ASIDE = 3.0

#: The least of it for what may never be answered.
SHORTLY = 0.3

#: Addresses of one host that are asked beside the one that was met.
OTHER_ADDRESSES = 3
#: Where a server is bound that only its own machine is to reach.
LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: As a browser calls itself, where it must be told whether a filter stops this tool alone.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
#: Whose notice is shown to browsers alone.
_NOTICES = re.compile(r"\.(?:ngrok(?:-free)?\.(?:app|dev|io)|loca\.lt)$")

#: Where Socket.IO is commonly served, beside the default.
USUAL_PATHS = ("/socket.io/", "/engine.io/", "/ws/socket.io/", "/api/socket.io/", "/socketio/", "/ws/", "/api/ws/")


#: A path that nobody serves; it says to whoever reads the log what asked for it.
NOWHERE = "/sio-doctor-nowhere"


async def as_browser(driver: Driver, first: Exchange) -> bool:
    """Whether a browser's User-Agent gets another answer than this tool's: a filter's refusal is asked once more.

    Tunnels show a notice to browsers and to nobody else, so there a good answer is asked once more too.
    """
    response = first.response
    if response is None or engineio.read_refusal(response) is not None or response.get("www-authenticate"):
        return False
    refused = response.status in (401, 403, 406, 503) or any(response.get(name) for name in _CHALLENGES)
    host = urlsplit(driver.plan.target.url).hostname or ""
    if not (refused or _NOTICES.search(host) or response.get("ngrok-agent-ips")):
        return False
    request = driver.simple(origin=driver.pages[0])
    request = msgspec.structs.replace(request, headers=(*request.headers, ("User-Agent", BROWSER)))
    again = await driver.ask(request, "other-agent", nth=1, timeout=ASIDE)
    return again.response is not None and _kind(again.response) != _kind(response)


#: A filter says so in these.
_CHALLENGES = ("cf-mitigated", "x-vercel-mitigated", "x-amzn-waf-action")


def _kind(response: Response) -> tuple[int, bool]:
    return response.status, engineio.read_open(response) is not None


async def controls(driver: Driver) -> None:
    """The handshake with no origin, and with a foreign one."""
    await driver.all_of(driver.ask(driver.simple(), "control"), driver.ask(driver.simple(origin=FOREIGN), "foreign"))


async def preflight(driver: Driver, page: str) -> None:
    """A preflight where no browser sends one: its answer tells how the server is set up."""
    if cors_unsafe_request_header_names(driver.plan.client.extra_headers):
        return
    await driver.ask(preflight_of(driver, page), "simulated-preflight")


def preflight_of(driver: Driver, origin: str, *more: tuple[str, str], header: str = "x-sio-doctor") -> Request:
    """A preflight of that origin, for a header that nobody lists or (``""``) for none, with what a proxy may add."""
    headers = [("Origin", origin), ("Access-Control-Request-Method", "GET")]
    if header:
        headers.append(("Access-Control-Request-Headers", header))
    return Request(method="OPTIONS", url=driver.url(), headers=(*headers, *more))


def route(driver: Driver, path: str, page: str) -> Request:
    """A GET of another route of the server, by that page."""
    return Request(method="GET", url=driver.plan.target.url + path, headers=(("Origin", page),))


async def websocket_of_nobody(driver: Driver) -> None:
    """A WebSocket without an Origin, where python-socketio refuses the page's: does it get through at all?"""
    asked = [one for one in driver.exchanges() if one.purpose in ("handshake", "websocket") and one.response]
    refused = [one.request.origin for one in asked if refuses_origin(one)]
    lets_in = any(opened_by(one) is not None for one in driver.exchanges() if one.purpose == "control")
    if driver.pages[0] in refused and lets_in and "websocket" in driver.plan.client.transports:
        page = driver.page(driver.pages[0])
        await driver.drive(_nameless(client.direct(UNCHECKED, page, driver.careful())))


def _nameless(steps: Generator[Step, Heard, client.Attempt]) -> Generator[Step, Heard, client.Attempt]:
    """The same client, its requests without Origin."""
    heard: Heard = None
    try:
        while True:
            step = steps.send(heard)
            if isinstance(step, Ask):
                headers = tuple(pair for pair in step.request.headers if pair[0].lower() != "origin")
                step = step._replace(request=msgspec.structs.replace(step.request, headers=headers))
            heard = yield step
    except StopIteration as end:
        attempt: client.Attempt = end.value
        return attempt


def refuses_origin(exchange: Exchange) -> bool:
    """python-engineio does, in its words."""
    refusal = engineio.read_refusal(exchange.response) if exchange.response is not None else None
    return refusal is not None and refusal.is_of_origin


async def client_file(driver: Driver) -> None:
    """The head of the client bundle that the server may serve: its ETag is the version."""
    url = driver.plan.target.url + driver.plan.target.path + "socket.io.js"
    await driver.ask(Request(method="HEAD", url=url), "client-file", timeout=ASIDE)


def upgrades_go_astray(driver: Driver) -> bool:
    """The upgrade met a Socket.IO server that does not know the session, though it is known to every fresh connection.

    Those are two on one HTTP server: a WebSocket without a session would be taken by both, which ends the process.
    """
    posts = [one.response for one in driver.exchanges() if one.purpose == "sticky"]
    # Where it may not have been asked whether they know it, that is taken for granted: it is about not ending a server.
    known = (bool(posts) or driver.frugal) and all(answer is not None and answer.status == 200 for answer in posts)
    return known and upgrades_unknown(driver)


def upgrades_unknown(driver: Driver) -> bool:
    """Node's Engine.IO did not know the session of an upgrade."""
    upgrades = [one.response for one in driver.exchanges() if one.purpose == "upgrade" and one.response]
    refusals = [engineio.read_refusal(upgrade) for upgrade in upgrades]
    return any(refusal is not None and refusal[:2] == ("node", 1) for refusal in refusals)


async def websocket_by_get(driver: Driver) -> None:
    """The handshake by WebSocket as a plain GET, where the WebSocket got a bare 403: ASGI servers hide the reason."""
    if any(one.purpose == "websocket" and one.response and one.response.status == 403 for one in driver.exchanges()):
        plain = driver.simple()
        url = plain.url.replace("transport=polling", "transport=websocket")
        await driver.ask(msgspec.structs.replace(plain, url=url), "other-transport", timeout=ASIDE)


async def look_elsewhere(driver: Driver, first: Exchange) -> None:
    """Where no Engine.IO handshake came: who is it, and is there one at another path, in another protocol?"""
    jobs: list[Awaitable[object]] = [after_failure(driver, first)]
    if first.response is None or engineio.read_refusal(first.response) is None:
        jobs.append(driver.ask(route(driver, "/", driver.pages[0]), "root", timeout=ASIDE))
        jobs += [driver.ask(driver.simple(path=path), "other-path", timeout=ASIDE) for path in _other_paths(driver)]
        if first.response is not None and first.response.status < 300:
            # What is below the path: an application's 404 names the path as it came to it.
            jobs.append(
                driver.ask(driver.simple(path=f"{driver.plan.target.path}nowhere"), "other-path", timeout=ASIDE)
            )
        # nginx answers plain HTTP on its TLS port with a 400 of its own.
        if first.response is not None and first.response.status == 400:
            jobs.insert(0, other_scheme(driver))
    jobs.append(other_protocol(driver))
    await driver.all_of(*jobs)


async def nowhere(driver: Driver, first: Exchange) -> None:
    """Whose 404 a path gets that nobody serves, where Engine.IO answers a page that may not read it: the framework
    around it has cures of its own. A server without one never answers, so it is not waited for long.
    """
    asked = [one for one in driver.exchanges() if one.purpose == "handshake" and one.response]
    pages = [one.response for one in asked if one.response]
    engine = any(engineio.read_open(page) or engineio.read_refusal(page) for page in pages)
    named = any(page.get("x-powered-by") for page in pages)
    if engine and not named and any(map(_keeps_out, asked)):
        patience = min(max(10 * first.seconds, SHORTLY), ASIDE)
        await driver.ask(route(driver, NOWHERE, driver.pages[0]), "nowhere", timeout=patience)


def _keeps_out(exchange: Exchange) -> bool:
    """Its page may not read the answer."""
    allowed = exchange.response.get("access-control-allow-origin") if exchange.response is not None else None
    return allowed != exchange.request.origin and (allowed != "*" or exchange.request.credentials)


async def other_reading(driver: Driver) -> None:
    """Whether the URL's path is one, where it was read as a namespace that the server does not have."""
    namespace = driver.plan.target.namespace
    polls = [one.response.text for one in driver.exchanges() if one.purpose == "poll" and one.response]
    if driver.plan.namespace_from_path and any(text.startswith(f"44{namespace},") for text in polls):
        jobs = (driver.ask(driver.simple(path=path), "other-path", timeout=ASIDE) for path in _as_paths(namespace))
        await driver.all_of(*jobs)


def _as_paths(namespace: str) -> list[str]:
    path = "/" + namespace.strip("/") + "/"
    return [path, f"{path}socket.io/"]


def _other_paths(driver: Driver) -> list[str]:
    """Paths at which the server may be instead, the likeliest first."""
    target = driver.plan.target
    paths = list(USUAL_PATHS)
    if driver.plan.namespace_from_path:
        paths = [*_as_paths(target.namespace), *paths]
    return [path for path in dict.fromkeys(paths) if path != target.path]


async def other_protocol(driver: Driver) -> None:
    """The handshake in the protocol that the client does not speak."""
    other = 3 if driver.plan.client.protocol == 4 else 4
    await driver.ask(driver.simple(protocol=other, origin=driver.pages[0]), "other-protocol", timeout=ASIDE)


async def after_failure(driver: Driver, first: Exchange) -> None:
    """The other scheme, where the port answers though not in this one; loopback, where this very machine refuses."""
    kind = first.failure.kind if first.failure is not None else None
    silent_to_tls = first.failure is not None and (kind, first.failure.phase) == ("timeout", "tls")
    if kind in ("tls", "not-http", "closed", "reset") or silent_to_tls:
        await other_scheme(driver)
    elif kind == "refused":
        await at_loopback(driver)


async def at_loopback(driver: Driver) -> None:
    """The handshake at 127.0.0.1 and ::1, where the address that refused is another one of this very machine."""
    addresses = driver.network.addresses_of(driver.plan.target.url)
    if LOOPBACK & set(addresses) or not any(map(is_own, addresses)):
        return
    family = driver.plan.network.family
    usable = [address for address in sorted(LOOPBACK) if family in (None, 6 if ":" in address else 4)]
    await driver.all_of(*(driver.ask_at(address, driver.simple(origin=driver.pages[0]), ASIDE) for address in usable))


async def other_addresses(driver: Driver) -> None:
    """The handshake at each address by itself: those of ``localhost``, which are two, and those that were passed over
    because they did not accept in time."""
    target = driver.plan.target.url
    asked = [one for one in driver.exchanges() if one.purpose == "handshake" and one.verified == driver.verify]
    met = next((one for one in asked if one.address and server_of(one.request) == target), None)
    if met is None:
        return
    named = urls.is_loopback_host(urls.parse(target).host)
    candidates = driver.network.addresses_of(target) if named else driver.network.passed_over(target)
    others = [address for address in candidates if address != met.address][:OTHER_ADDRESSES]
    await driver.all_of(*(driver.ask_at(address, met.request, ASIDE) for address in others))


async def other_scheme(driver: Driver) -> None:
    """The handshake by http for https, or the other way round, on the same port."""
    url = driver.plan.target.url
    other = "http" + url[5:] if url.startswith("https:") else "https" + url[4:]
    plan = driver.careful()
    plan = msgspec.structs.replace(plan, target=msgspec.structs.replace(plan.target, url=other))
    request = Request(method="GET", url=polling_url(plan, stamp=driver.stamp()), headers=(("Origin", driver.pages[0]),))
    await driver.ask(request, "other-scheme", verify=False, timeout=ASIDE)


async def close(driver: Driver) -> None:
    """Closes the sessions that are still open, with the close packet, where they were opened."""
    jobs: list[Awaitable[object]] = [*driver.closing]
    for exchange, session in driver.sessions():
        request = driver.simple(
            method="POST",
            origin=exchange.request.origin,
            sid=session.sid,
            body=engineio.encode_payload(["1"], session.protocol),
            protocol=session.protocol,
            path=exchange.request.url.partition("?")[0].removeprefix(driver.plan.target.url),
        )
        # A load balancer may need them to find the session.
        if exchange.response is not None and (cookies := set_by(exchange.response)):
            request = msgspec.structs.replace(request, headers=(*request.headers, ("Cookie", cookies)))
        at = exchange.address if exchange.purpose == "other-address" else None
        jobs.append(driver.ask(request, "close", verify=exchange.verified, timeout=ASIDE, address=at))
    await driver.all_of(*jobs)
