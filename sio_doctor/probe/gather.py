"""From Plan to Evidence: which requests are sent, in which order, and when it is enough.

The ladder is climbed by the client that checks nothing, so that a report can name what would fail next where a browser
stops. Then each browser is driven: what it asks alike is remembered, what it asks otherwise goes out. What no browser
sends is in ``aside``.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import msgspec

from sio_doctor.browser import client
from sio_doctor.browser.replay import unreachable
from sio_doctor.browser.session import NOT_ASKED
from sio_doctor.browser.table import ENGINES, UNCHECKED
from sio_doctor.model import Evidence, Exchange, Handshake, Held, Plan, Response, Target, Vantage
from sio_doctor.probe import aside, nearmiss
from sio_doctor.probe.driver import Driver, opened_by, together
from sio_doctor.probe.hold import hold
from sio_doctor.probe.network import Network
from sio_doctor.probe.page import UNTRUSTED, Visit, visited
from sio_doctor.probe.stickiness import AHEAD as HEARTBEATS
from sio_doctor.probe.stickiness import after_restart, sessions_lost, stickiness
from sio_doctor.standards import engineio


async def gather(plan: Plan, progress: Callable[[str], None] | None = None) -> Evidence:
    """Asks the server, and returns everything that was seen. Ends by the plan's deadline, whatever the server does."""
    async with Network(
        timeout=plan.timeout, deadline=plan.deadline, progress=progress, environ=os.environ, options=plan.network
    ) as network:
        started, clock = datetime.now(UTC), time.monotonic()
        visit = await visited(network, plan)
        if plan.direct is None:
            held, exchanges, notes = await _asked(network, visit)
            back = None
        else:
            (held, exchanges, notes), back = await asyncio.gather(
                _asked(network, visit), gather(_behind(visit.plan, plan.direct, network.remaining), progress)
            )
    return Evidence(
        plan=visit.plan,
        exchanges=exchanges,
        vantage=Vantage(host=socket.gethostname(), addresses=dict(network.addresses), requests=network.requests),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round(time.monotonic() - clock, 3),
        held=held,
        direct=back,
        certificate=network.certificate_of(visit.plan.target.url),
        notes=tuple(dict.fromkeys([*network.notes, *visit.notes, *notes])),
    )


async def _asked(network: Network, visit: Visit) -> tuple[tuple[Held, ...], tuple[Exchange, ...], list[str]]:
    """What was held, all exchanges, and the notes."""
    driver = Driver(visit.plan, network, visit.document)
    await climb(driver)
    held = await hold(driver) if visit.plan.hold else ()
    return held, (*visit.exchanges, *driver.exchanges()), driver.said()


def _behind(plan: Plan, target: Target, seconds: float) -> Plan:
    """The plan for the server behind the proxy. No page asks that one: what a page's policy says is not about it."""
    return msgspec.structs.replace(
        plan, target=target, page=None, direct=None, hold=0.0, notes=(), deadline=round(seconds, 1)
    )


async def climb(driver: Driver) -> None:
    """Asks from the lowest rung up, and stops where there is nothing above."""
    first = await handshakes(driver)
    if first.failure is not None and first.failure.kind == "tls" and first.failure.detail in UNTRUSTED:
        driver.verify = False
        driver.notes.append(
            "The certificate was refused. As --insecure says, the check went on, secrets included, and the verdicts "
            "are those of a browser in which somebody has clicked past its warning about this server."
            if driver.plan.network.insecure
            else "The certificate was refused; the rest was asked without verifying it, without secrets."
        )
        first = await handshakes(driver)
    if await aside.as_browser(driver, first):
        driver.start_again(aside.BROWSER)
        driver.notes.append("Under its own name sio-doctor gets another answer than a browser; it asked as a browser.")
        first = await handshakes(driver)
    if first.failure is not None and (first.failure.kind == "timeout" or first.failure.detail == "proxy"):
        # It has had its time; what tells why it is silent is quick where it comes at all.
        driver.patience = min(driver.patience, aside.ASIDE)
    opened = opened_by(first)
    if unreachable(first) or (first.failure is not None and first.failure.kind == "not-http"):
        # Another program's port is not asked again and again: a database may lock this machine out for it.
        await aside.after_failure(driver, first)
        await aside.other_addresses(driver)
    elif driver.frugal:
        if first.failure is not NOT_ASKED:
            await in_turn(driver, first)
    else:
        told = asyncio.ensure_future(controls(driver))
        jobs = [pages(driver, opened, told), told, aside.client_file(driver), aside.other_addresses(driver)]
        if opened is None:
            jobs.append(aside.look_elsewhere(driver, first))
        elif opened.protocol != driver.plan.client.protocol:
            jobs.append(aside.other_protocol(driver))
        await together(*jobs)
    if driver.plan.target.url.startswith("http:") and any(page.startswith("https:") for page in driver.plan.origins):
        await aside.other_scheme(driver)  # mixed content: would https answer?
    await browsers(driver)
    await aside.close(driver)


async def in_turn(driver: Driver, first: Exchange) -> None:
    """What ``climb`` asks, with a low budget: what the pages need to connect, then what tells why they do not."""
    await browsers(driver, sockets=False)
    if opened_by(first) is None and (first.response is None or engineio.read_refusal(first.response) is None):
        await sockets(driver)
        await aside.look_elsewhere(driver, first)
        await aside.controls(driver)
        return
    await aside.controls(driver)
    for page in driver.pages:
        await one_page(driver, page, session=True)
    await nearmiss.near_misses(driver)
    opened = opened_by(first)
    if opened is None or opened.protocol != driver.plan.client.protocol:
        await aside.other_protocol(driver)
    await aside.other_addresses(driver)
    await sockets(driver)
    await aside.websocket_by_get(driver)
    await aside.other_reading(driver)
    await aside.client_file(driver)
    await stickiness(driver)


async def controls(driver: Driver) -> None:
    """Two handshakes that no page makes; and whether everybody knows the session of one of them."""
    await aside.controls(driver)
    await stickiness(driver)


async def handshakes(driver: Driver) -> Exchange:
    """The polling handshake of every page; the first page's last answer that redirects led to, or why there is none."""
    plan, asking = driver.careful(), driver.pages[:1] if driver.frugal else driver.pages
    await together(*(driver.drive(client.handshake(UNCHECKED, driver.page(page), plan)) for page in asking))
    asked = [exchange for exchange in driver.exchanges() if exchange.verified == driver.verify]
    if len(driver.pages) > 1:
        asked = [exchange for exchange in asked if exchange.request.origin in (driver.pages[0], None)] or asked
    # Where its preflight could not even be sent, the preflight stands for it.
    asked = [exchange for exchange in asked if exchange.purpose in ("handshake", "redirect")] or asked
    return asked[-1] if asked else Exchange(id=0, purpose="handshake", request=driver.simple(), failure=NOT_ASKED)


async def pages(driver: Driver, opened: Handshake | None, controls: Awaitable[object]) -> None:
    """What each page's client does by polling and upgrade, and behind that by a WebSocket of its own."""
    connect_ahead(driver, opened)
    await together(*(one_page(driver, page, opened is not None or page != driver.pages[0]) for page in driver.pages))
    if aside.upgrades_unknown(driver) or sessions_lost(driver):
        await controls  # they tell whether a WebSocket might end the server, and whether it has restarted
    await after_restart(driver)
    await together(sockets(driver), nearmiss.near_misses(driver))
    await aside.websocket_of_nobody(driver)
    if opened is not None:
        await driver.all_of(aside.websocket_by_get(driver), aside.other_reading(driver))


async def one_page(driver: Driver, page: str, session: bool) -> None:
    """What one page's client does by polling, as far as the server lets it."""
    plan = driver.careful()
    jobs: list[Awaitable[object]] = []
    if plan.client.transports[0] == "polling" and session:
        jobs.append(driver.drive(client.connect(UNCHECKED, driver.page(page), plan)))
    await driver.all_of(*jobs, aside.preflight(driver, page))


def connect_ahead(driver: Driver, opened: Handshake | None) -> None:
    """Lets each page's poll and WebSockets, and the first heartbeats, find their connections made."""
    asked = next((one for one in driver.exchanges() if one.purpose == "handshake" and one.response), None)
    if opened is None or asked is None or asked.response is None:
        return
    driver.keeps = kept(asked.response)
    upgrades = driver.plan.client.transports == ("polling", "websocket") and "websocket" in opened.upgrades
    driver.connect_ahead(len(driver.pages) * (2 + upgrades) + 2 * HEARTBEATS)


def kept(response: Response) -> bool:
    """The server keeps the connection on which this answer came. https://www.rfc-editor.org/rfc/rfc9112#section-9.3"""
    tokens = [token.strip(" \t").lower() for token in (response.get("connection") or "").split(",")]
    return response.http_version == "HTTP/1.1" and "close" not in tokens


async def sockets(driver: Driver) -> None:
    """A WebSocket of each page's own, once polling is done: it ends two Socket.IO servers on one HTTP server."""
    if spared(driver):
        driver.notes.append("No WebSocket of its own was tried: the upgrade shows that it might end the server.")
        return
    plan = driver.careful()
    # Where sessions get lost, a WebSocket alone can bring what the application says to CONNECT.
    speak = client.connect if sessions_lost(driver) and plan.client.transports[0] == "polling" else client.direct
    whole = msgspec.structs.replace(plan, client=msgspec.structs.replace(plan.client, transports=("websocket",)))
    plan = whole if speak is client.connect else plan
    await driver.all_of(*(driver.drive(speak(UNCHECKED, driver.page(page), plan)) for page in driver.pages))


def spared(driver: Driver) -> bool:
    """No WebSocket is opened that the page's client would not open itself."""
    return driver.plan.client.transports[0] == "polling" and aside.upgrades_go_astray(driver)


async def browsers(driver: Driver, *, sockets: bool = True) -> None:
    """What the browsers ask otherwise than the client that checks nothing, and each other. They verify certificates."""
    verify, spare = driver.verify, not sockets or spared(driver)
    driver.verify = driver.verify or not driver.plan.network.insecure
    for page in driver.pages:
        for engine in [ENGINES[name] for name in driver.plan.browsers]:
            await driver.drive(client.handshake(engine, driver.page(page), driver.plan))
            await driver.play(partial(client.connect, engine, driver.page(page), driver.plan))
            if not spare:
                await driver.drive(client.direct(engine, driver.page(page), driver.plan))
    driver.verify = verify
