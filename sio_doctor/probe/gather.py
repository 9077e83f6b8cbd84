"""From Plan to Evidence: which requests are sent, in which order, and when it is enough.

The ladder is climbed by the client that checks nothing, so that a report can name what would fail next where a browser
stops. Then each browser is driven: what it asks alike is remembered, what it asks otherwise goes out. What no browser
sends is in ``aside``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sio_doctor.browser import client
from sio_doctor.browser.replay import unreachable
from sio_doctor.browser.session import NOT_ASKED
from sio_doctor.browser.table import ENGINES, UNCHECKED
from sio_doctor.model import Evidence, Exchange, Plan, Vantage
from sio_doctor.probe import aside
from sio_doctor.probe.driver import Driver, opened_by, together
from sio_doctor.probe.network import Network
from sio_doctor.probe.page import UNTRUSTED, visited


async def gather(plan: Plan, progress: Callable[[str], None] | None = None) -> Evidence:
    """Asks the server, and returns everything that was seen. Ends by the plan's deadline, whatever the server does."""
    started, clock = datetime.now(UTC), time.monotonic()
    async with Network(timeout=plan.timeout, deadline=plan.deadline, progress=progress, environ=os.environ) as network:
        visit = await visited(network, plan)
        plan = visit.plan
        driver = Driver(plan, network, visit.document)
        await climb(driver)
        exchanges = (*visit.exchanges, *driver.exchanges())
    return Evidence(
        plan=plan,
        exchanges=exchanges,
        vantage=Vantage(host=socket.gethostname(), addresses=dict(network.addresses), requests=network.requests),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round(time.monotonic() - clock, 3),
        notes=tuple(dict.fromkeys([*network.notes, *visit.notes, *driver.notes])),
    )


async def climb(driver: Driver) -> None:
    """Asks from the lowest rung up, and stops where there is nothing above."""
    first = await first_handshake(driver)
    if first.failure is not None and first.failure.kind == "tls" and first.failure.detail in UNTRUSTED:
        driver.verify = False
        driver.notes.append("The certificate was refused; the rest was asked without verifying it, without secrets.")
        first = await first_handshake(driver)
    if first.failure is not None and (first.failure.kind == "timeout" or first.failure.detail == "proxy"):
        # It has had its time; what tells why it is silent is quick where it comes at all.
        driver.patience = min(driver.patience, aside.ASIDE)
    opened = opened_by(first)
    if unreachable(first):
        await aside.after_failure(driver, first)
    else:
        await together(
            *(one_page(driver, page, opened is not None or page != driver.pages[0]) for page in driver.pages),
            aside.controls(driver),
            aside.client_file(driver),
        )
        if opened is None:
            await together(sockets(driver), aside.look_elsewhere(driver, first))
        else:
            if opened.protocol != driver.plan.client.protocol:
                await aside.other_protocol(driver)
            await sockets(driver)
            await aside.websocket_by_get(driver)
        if driver.plan.origins:
            await aside.near_misses(driver)
        else:
            await aside.own_page(driver)
    if driver.plan.target.url.startswith("http:") and any(page.startswith("https:") for page in driver.plan.origins):
        await aside.other_scheme(driver)  # mixed content: would https answer?
    await browsers(driver)
    await aside.close(driver)


async def first_handshake(driver: Driver) -> Exchange:
    """The polling handshake of the first page: the last answer that redirects led to, or why there is none."""
    await driver.drive(client.handshake(UNCHECKED, driver.page(driver.pages[0]), driver.careful()))
    asked = [exchange for exchange in driver.exchanges() if exchange.verified == driver.verify]
    # Where its preflight could not even be sent, the preflight stands for it.
    asked = [exchange for exchange in asked if exchange.purpose in ("handshake", "redirect")] or asked
    return asked[-1] if asked else Exchange(id=0, purpose="handshake", request=driver.simple(), failure=NOT_ASKED)


async def one_page(driver: Driver, page: str, session: bool) -> None:
    """What one page's client does by polling, as far as the server lets it."""
    plan = driver.careful()
    jobs: list[Awaitable[object]] = [aside.preflight(driver, page)]
    if plan.client.transports[0] != "polling":
        jobs.append(driver.drive(client.handshake(UNCHECKED, driver.page(page), plan)))
    elif session:
        jobs.append(driver.drive(client.connect(UNCHECKED, driver.page(page), plan)))
    await together(*jobs)


async def sockets(driver: Driver) -> None:
    """A WebSocket of each page's own, once polling is done: it ends two Socket.IO servers on one HTTP server."""
    if spared(driver):
        driver.notes.append("No WebSocket of its own was tried: the upgrade shows that it might end the server.")
        return
    plan = driver.careful()
    await together(*(driver.drive(client.direct(UNCHECKED, driver.page(page), plan)) for page in driver.pages))


def spared(driver: Driver) -> bool:
    """No WebSocket is opened that the page's client would not open itself."""
    return driver.plan.client.transports[0] == "polling" and aside.upgrades_go_astray(driver)


async def browsers(driver: Driver) -> None:
    """What the browsers ask otherwise than the client that checks nothing, and each other. They verify certificates."""
    verify, driver.verify, spare = driver.verify, True, spared(driver)
    for page in driver.pages:
        for engine in [ENGINES[name] for name in driver.plan.browsers]:
            await driver.drive(client.handshake(engine, driver.page(page), driver.plan))
            await driver.drive(client.connect(engine, driver.page(page), driver.plan))
            if not spare:
                await driver.drive(client.direct(engine, driver.page(page), driver.plan))
    driver.verify = verify
