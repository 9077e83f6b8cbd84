"""Who else is let in, where a page is; and what a Python server takes for its own origin, where it refuses a page.

Preflights open no session. All of it goes out beside what is asked anyway, so that nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Generator

from sio_doctor.browser import client
from sio_doctor.browser.session import Ask, Heard, Step
from sio_doctor.browser.table import UNCHECKED
from sio_doctor.model import FOREIGN, Exchange
from sio_doctor.probe.aside import ASIDE, preflight_of, refuses_origin, route
from sio_doctor.probe.driver import Driver, opened_by
from sio_doctor.standards import engineio, site
from sio_doctor.standards import url as urls

#: Whose pages nobody lists; reserved for documentation.
STRANGER = "evil.example"


async def look_alikes(driver: Driver) -> None:
    """Preflights of ``null`` and of origins that only look like a page's, where that page is let in by its name."""
    page = _let_in(driver)
    if page is None or driver.frugal or not _tells(driver, page):
        return
    origins = ["null", *look_alikes_of(page)]
    asked = (preflight_of(driver, origin, header="") for origin in origins)
    await driver.all_of(*(driver.ask(request, "look-alike", timeout=ASIDE) for request in asked))


def look_alikes_of(origin: str) -> list[str]:
    """Origins of strangers that a careless comparison takes for that one.

    ``https://app.example.com.evil.example`` begins with it. ``https://evilexample.com`` ends in its host, and
    ``https://appxexample.com`` does so too for ``app.example.com``, where it also fits a pattern with a bare dot.
    Nobody can have such a name for an address or for localhost, so that ending is not tried for those.
    """
    scheme, _, rest = origin.partition("://")
    host = urls.parse(origin).host if rest else ""
    if not host or host.startswith("["):
        return []
    port = rest[len(host) :]
    found = [f"{scheme}://{host}.{STRANGER}{port}"]
    if not urls.is_loopback_host(host) and (domain := site.registrable_domain(host)):
        below = host.removesuffix(domain).removesuffix(".")
        found.insert(0, f"{scheme}://{below}x{domain}{port}" if below else f"{scheme}://evil{domain}{port}")
    return found


async def foreign_websocket(driver: Driver) -> None:
    """A WebSocket with a foreign origin, where a page is let in, and not because everybody is."""
    page = _let_in(driver) or _own(driver)
    if page is None or driver.frugal or "websocket" not in driver.plan.client.transports:
        return
    await driver.drive(_as_foreign(client.direct(UNCHECKED, driver.page(FOREIGN), driver.careful())))


def _as_foreign(steps: Generator[Step, Heard, client.Attempt]) -> Generator[Step, Heard, client.Attempt]:
    """The same client; its WebSocket is kept apart from those of the pages."""
    heard: Heard = None
    try:
        while True:
            step = steps.send(heard)
            heard = yield step._replace(purpose="foreign-websocket") if isinstance(step, Ask) else step
    except StopIteration as end:
        attempt: client.Attempt = end.value
        return attempt


def _let_in(driver: Driver) -> str | None:
    """The first page whose polling handshake names it; None where there is none."""
    handshakes = [one for one in driver.exchanges() if one.purpose == "handshake" and opened_by(one)]
    named = [one.request.origin for one in handshakes if _names(one, one.request.origin)]
    return next((page for page in driver.plan.origins if page in named and page != "null"), None)


def _tells(driver: Driver, page: str) -> bool:
    """Preflights are answered by the origin; that of a header which nobody lists may be refused for the header."""
    preflights = [one for one in driver.exchanges() if one.purpose in ("preflight", "simulated-preflight")]
    return any(
        one.request.origin == page and _names(one, page) and engineio.read_refusal(one.response) is None
        for one in preflights
        if one.response is not None
    )


def _own(driver: Driver) -> str | None:
    """The server's own origin, where it is a page and has its handshake."""
    own = driver.plan.target.url
    opened = any(opened_by(one) for one in driver.exchanges() if one.purpose == "handshake")
    return own if opened and own in driver.plan.origins else None


def _names(exchange: Exchange, origin: str | None) -> bool:
    response = exchange.response
    return response is not None and origin is not None and response.get("access-control-allow-origin") == origin


async def own_origin(driver: Driver) -> None:
    """What python-engineio takes for its own origin, where it refuses a page.

    Without a list it lets in the scheme and host that reach it, or those that X-Forwarded-Proto and -Host name. Whether
    it lets its own origin in tells that it has no list; which of those headers helps, what a proxy has hidden. And
    whether another route lets the page in: then a layer around it does.
    """
    refused = [one for one in driver.exchanges() if one.purpose in ("handshake", "connect") and refuses_origin(one)]
    own = driver.plan.target.url
    if driver.frugal or not driver.plan.origins or not refused:
        return
    requests = [preflight_of(driver, own)]
    if any(one.request.origin == own for one in refused):
        scheme, _, host = own.partition("://")
        proto, named = ("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host)
        other = {"https": "http", "http": "https"}[scheme]
        requests = [
            preflight_of(driver, own, proto),
            preflight_of(driver, own, proto, named),
            preflight_of(driver, f"{other}://{host}"),
        ]
    jobs = [driver.ask(request, "own-origin", timeout=ASIDE) for request in requests]
    page = next((one.request.origin for one in refused if one.request.origin != own), None)
    if page is not None:
        # Flask-CORS may let it in on every route but this one.
        jobs.append(driver.ask(route(driver, "/", page), "root", timeout=ASIDE))
    await driver.all_of(*jobs)
