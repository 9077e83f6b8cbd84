"""Is a session known to whoever takes the next connection? Where not: do cookies keep it, or did the server restart?

Asked by heartbeats over fresh connections: keep-alive would hide it. Every server takes one at any time; a noop (6)
would do on Node, but ends the session on python-engineio. One after the other: where something on the way splits head
and body, as @socket.io/sticky does, two at once end the session on Node.
"""

from __future__ import annotations

import asyncio
import time

from msgspec.structs import replace

from sio_doctor.browser import client
from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.table import ENGINES, UNCHECKED
from sio_doctor.model import Exchange, Response
from sio_doctor.probe.driver import Driver, opened_by
from sio_doctor.standards import cookies as standard
from sio_doctor.standards import engineio
from sio_doctor.standards.url import parse

#: Answers that tell whether a session is known everywhere: of two processes in turn one misses it for sure, and where
#: chance decides it stays hidden once in 128 times.
ENOUGH = 8
#: For so many of them the connections are made before they are posted. Not for all: some servers give each connection
#: a thread before anything comes over it.
AHEAD = 2
#: Seconds for them; a server that takes longer is slow, and the rest matters more.
PATIENCE = 5.0
#: Answers that tell whether it is known anywhere any more.
STILL = 4


class Heartbeats:
    """Heartbeats in the session that ``exchange`` opened."""

    def __init__(self, driver: Driver, exchange: Exchange) -> None:
        session = opened_by(exchange)
        assert session is not None
        self._driver = driver
        self._posted = 0
        body = engineio.encode_payload(["3" if session.protocol == 4 else "2"], session.protocol)
        self._request = driver.simple(method="POST", sid=session.sid, body=body, protocol=session.protocol)

    async def post(self, number: int, cookies: str | None = None, *, behind: int = 0) -> bool:
        """Posts so many, with that Cookie header; False where the session was not known to one of them. So many more
        come ``behind`` them.
        """
        request, until, known = self._request, time.monotonic() + PATIENCE, True
        if cookies is not None:
            request = replace(request, headers=(*request.headers, ("Cookie", cookies)))
        for left in reversed(range(number)):
            if left + behind >= AHEAD:
                self._driver.connect_ahead(1)
            nth, self._posted = self._posted, self._posted + 1
            answer = await self._driver.ask(request, "sticky", nth=nth, fresh=True, timeout=PATIENCE)
            known = known and not is_lost(answer)
            if time.monotonic() > until:
                break
        return known


async def stickiness(driver: Driver) -> None:
    """Asks in the session that the control opened, as long as the answers leave open which of the causes it is.

    First in another one beside it, half as many in each: it takes half the time where all is well.
    """
    control = next((one for one in driver.exchanges() if one.purpose == "control"), None)
    if control is None:
        driver.may_ask("sticky")  # which it may not, and that is noted
        return
    # The server's own page asks without an Origin as well: that session is its own, and no heartbeat may disturb it.
    if driver.plan.target.url in driver.pages:
        control = await driver.ask(driver.simple(), "control", nth=1)
    session = opened_by(control)
    if session is None:
        return
    beside = next((one for one in driver.exchanges() if one.purpose == "foreign" and opened_by(one)), None)
    if beside is None:
        beside = await driver.ask(driver.simple(), "control", nth=2)
    heartbeats, others = Heartbeats(driver, control), Heartbeats(driver, beside) if opened_by(beside) else None
    known = []
    for behind in reversed(range(ENOUGH // 2)):
        # Now the one first, now the other: of two processes that take turns, each session has to meet both.
        both = (heartbeats, others) if behind % 2 else (others, heartbeats)
        known += await asyncio.gather(*(one.post(1, behind=behind) for one in both if one is not None))
    # Two that take turns may each have met the one process of the two that knows it, while a page's session was lost.
    if others is None or not all(known) or sessions_lost(driver):
        known.append(await heartbeats.post(ENOUGH // 2))
    if all(known):
        return
    everything, *some = cookie_headers(driver, control)
    if everything is not None and await in_halves(heartbeats, everything):
        for cookies in some:
            await in_halves(heartbeats, cookies)
        return
    for _ in range(STILL):
        if await heartbeats.post(1):
            return  # it still lives
    again = await driver.ask(driver.simple(), "control", nth=3)
    opened = opened_by(again)
    if opened is None or opened.sid == session.sid:
        return  # the same one comes out of a cache
    second = Heartbeats(driver, again)
    for _ in range(STILL):
        if not await second.post(1):
            return
    driver.restarted = True


async def in_halves(heartbeats: Heartbeats, cookies: str | None) -> bool:
    """As many with those cookies; half of them are enough where one of those is lost."""
    return await heartbeats.post(ENOUGH // 2, cookies) and await heartbeats.post(ENOUGH // 2, cookies)


async def after_restart(driver: Driver) -> None:
    """Lets each page whose session went down with the server begin anew, as its client would."""
    if not driver.restarted:
        return
    for page in driver.pages:
        lost = [one for one in driver.exchanges() if one.purpose in ("connect", "poll", "upgrade") and is_lost(one)]
        if any(one.request.origin == page for one in lost):
            await driver.drive(client.connect(UNCHECKED, driver.page(page), driver.careful()), session=1)


def sessions_lost(driver: Driver) -> bool:
    """A page's own client lost its session."""
    return any(one.purpose in ("connect", "poll") and is_lost(one) for one in driver.exchanges())


def is_lost(exchange: Exchange) -> bool:
    """Its session was not known."""
    return engineio.is_unknown_session(exchange.response)


def cookie_headers(driver: Driver, control: Exchange) -> list[str | None]:
    """All that the handshake set; then, where a browser sends some of it alone from a chosen page, that."""
    response = control.response
    everything = set_by(response) if response is not None else None
    if response is None or everything is None:
        return [None]
    url, whole = parse(control.request.url), set(everything.split("; "))
    for page in driver.pages:
        for engine in [ENGINES[name] for name in driver.plan.browsers]:
            jar = Jar(engine, page)
            credentials = driver.plan.client.with_credentials or page == driver.plan.target.url
            jar.store(url, response, credentials=credentials)
            sent = jar.header(url)
            if sent is not None and set(sent.split("; ")) < whole:
                return [everything, sent]
    return [everything]


def set_by(response: Response) -> str | None:
    """Every cookie that the answer sets, as a Cookie header; None where it sets none."""
    found = [cookie for line in response.get_all("set-cookie") if (cookie := standard.parse(line))]
    return "; ".join(f"{one.name}={one.value}" for one in found) or None
