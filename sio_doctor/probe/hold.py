"""``--hold``: a WebSocket and a poll of the first page are kept open, pings answered, until somebody cuts them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import NamedTuple

from msgspec.structs import replace

from sio_doctor.browser.session import websocket_url
from sio_doctor.model import Exchange, Frame, Framing, Handshake, Held, NoResponse, Request, Response
from sio_doctor.probe import limits
from sio_doctor.probe.driver import Driver, opened_by
from sio_doctor.probe.stickiness import set_by
from sio_doctor.probe.talk import OPEN_PACKET
from sio_doctor.standards import engineio, socketio

#: Requests that holding may send beside what the check has sent: a ping by polling costs two.
REQUESTS = 40
#: With fewer left of a lowered budget nothing is held: a session by polling takes as many to open and to close.
FEWEST = 6
#: Messages of one WebSocket; a server that sends more is not idle.
MESSAGES = 10_000
#: Seconds for the end of a poll whose session is closed.
FAREWELL = 3.0


async def hold(driver: Driver) -> tuple[Held, ...]:
    """What became of each transport that the client uses; nothing of one that does not open."""
    plan = driver.plan
    if not any(map(_opens, driver.exchanges())):
        return ()  # another program's port is not asked again, and silence not waited for once more
    lowered = plan.network.max_requests
    left = REQUESTS if lowered is None else min(REQUESTS, lowered - driver.network.requests)
    if left < FEWEST:
        driver.notes.append("Nothing was held: --max-requests left too few requests for it.")
        return ()
    driver.network.extend(plan.hold + FAREWELL)
    jobs: list[Awaitable[Held | None]] = []
    if "websocket" in plan.client.transports:
        jobs.append(_websocket(driver))
    if "polling" in plan.client.transports:
        jobs.append(_polling(driver, left - FEWEST // 2))
    return tuple(held for held in await asyncio.gather(*jobs) if held is not None)


def _opens(exchange: Exchange) -> bool:
    """A session or a WebSocket was had."""
    return opened_by(exchange) is not None or (exchange.response is not None and exchange.response.status == 101)


class Clock:
    """When something was heard last, and when a ping is due."""

    def __init__(self, opened: Handshake, seconds: float) -> None:
        self.opened = opened
        self.started = self.heard = self.pinged = time.monotonic()
        self.until = self.started + seconds
        self.pings = 0

    @property
    def own(self) -> bool:
        """The client pings: Engine.IO 3. In 4 the server does."""
        return self.opened.protocol == 3

    @property
    def interval(self) -> float:
        """Seconds between two pings."""
        return max(0.05, (self.opened.ping_interval or 25_000) / 1000)

    @property
    def patience(self) -> float:
        """Seconds until something has to be done, or until it is over."""
        silence = self.pinged + self.interval + (0 if self.own else (self.opened.ping_timeout or 20_000) / 1000)
        return max(0.0, min(self.until, silence) - time.monotonic())

    @property
    def over(self) -> bool:
        """It was held as long as was asked."""
        return time.monotonic() >= self.until

    def hear(self, ping: bool) -> None:
        """Something came; a ``ping`` (or, in Engine.IO 3, the answer to ours)."""
        self.heard = time.monotonic()
        if ping:
            self.pings += 1
            self.pinged = self.heard

    def held(self, transport: str, exchange: Exchange, ended: NoResponse | None, code: int | None = None) -> Held:
        """How long, and why no longer."""
        now = time.monotonic()
        return Held(
            transport="websocket" if transport == "websocket" else "polling",
            seconds=round(now - self.started, 1),
            quiet=round(now - self.heard, 1),
            pings=self.pings,
            ended=ended,
            close_code=code,
            exchange=exchange.id,
        )


def _no_ping(clock: Clock) -> NoResponse:
    seconds = f"{time.monotonic() - clock.pinged:.0f} s"
    return NoResponse(kind="timeout", phase="frame", message=f"No ping came for {seconds}; the client gives up then.")


# --- by WebSocket ----------------------------------------------------------------------------------------------------


async def _websocket(driver: Driver) -> Held | None:
    plan, network = driver.careful(), driver.network
    request = Request(method="GET", url=websocket_url(plan), headers=(("Origin", driver.pages[0]),))
    talk = await network.open_websocket(request, purpose="hold", verify=driver.verify)
    try:
        first = await talk.receive(OPEN_PACKET)
        text = first.data if isinstance(first, Frame) and first.type == "text" else ""
        protocol = plan.client.protocol
        framing: Framing = "v4" if protocol == 4 else "v3"
        opened = engineio.open_packet(text[1:], framing, protocol) if text[:1] == "0" else None
        if opened is None:
            return None
        clock = Clock(opened, min(plan.hold, network.remaining))
        if plan.client.version > 2 or plan.target.namespace != "/":
            await talk.send(socketio.connect(plan.target.namespace, plan.client.auth))
        for _ in range(MESSAGES):
            heard = await talk.receive(clock.patience, kept=False)
            if isinstance(heard, Frame) and heard.type == "text":
                ping = heard.data.startswith("3" if clock.own else "2")
                clock.hear(ping)
                if ping and not clock.own:
                    await talk.send("3" + heard.data[1:], kept=False)
            elif isinstance(heard, Frame) and heard.type == "close":
                reason = f": {heard.data}" if heard.data else ""
                message = f"A close frame came{reason}."
                ended = NoResponse(kind="closed", phase="frame", message=message, detail="close")
                return clock.held("websocket", talk.exchange, ended, heard.code or 1005)
            elif isinstance(heard, NoResponse) and heard.kind == "not-asked":
                driver.notes.append(f"The WebSocket was not held for longer. {heard.message}")
                break
            elif isinstance(heard, NoResponse) and heard.kind != "timeout":
                return clock.held("websocket", talk.exchange, heard)
            if clock.over:
                break
            if isinstance(heard, NoResponse):
                if not clock.own:
                    return clock.held("websocket", talk.exchange, _no_ping(clock))
                clock.pinged = time.monotonic()
                await talk.send("2", kept=False)
        return clock.held("websocket", talk.exchange, None)
    finally:
        await talk.close()
        driver.keep(talk.exchange)


# --- by polling ------------------------------------------------------------------------------------------------------


async def _polling(driver: Driver, most: int) -> Held | None:
    """One poll after the other, never two at once; in Engine.IO 3 our pings go beside it. At ``most`` requests."""
    plan = driver.careful()
    spent = driver.network.requests
    exchange = handshake = await _ask(driver, driver.simple(origin=driver.pages[0]))
    opened = opened_by(handshake)
    if opened is None or handshake.response is None:
        return None
    driver.keep(handshake)
    session = Session(driver, opened, set_by(handshake.response))
    clock = Clock(opened, min(plan.hold, driver.network.remaining))
    if plan.client.version > 2 or plan.target.namespace != "/":
        await session.post(socketio.connect(plan.target.namespace, plan.client.auth))
    poll: asyncio.Task[Exchange] | None = None
    farewell = FAREWELL
    try:
        while not clock.over:
            if driver.network.requests - spent >= most:
                driver.notes.append(f"Polling was not held for longer: that took {most} requests.")
                break
            if poll is None:
                poll = asyncio.ensure_future(session.poll(clock.until - time.monotonic() + FAREWELL))
            await asyncio.wait([poll], timeout=clock.patience)
            if not poll.done():
                if clock.over:
                    break
                if not clock.own:
                    return clock.held("polling", exchange, _no_ping(clock))
                clock.pinged = time.monotonic()
                await session.post("2")
                continue
            exchange, poll = poll.result(), None
            if (ended := _cut(exchange)) is not None:
                return clock.held("polling", exchange, ended)
            packets = _packets(exchange, opened)
            if packets is None:
                message = "The poll was answered with what is no Engine.IO packet."
                return clock.held("polling", exchange, NoResponse(kind="closed", phase="body", message=message))
            for packet in packets:
                if packet.type == "close":
                    message = "The poll was answered with a close packet."
                    ended = NoResponse(kind="closed", phase="frame", message=message, detail="close")
                    return clock.held("polling", exchange, ended)
                ping = packet.type == ("pong" if clock.own else "ping")
                clock.hear(ping)
                if ping and not clock.own:
                    await session.post("3" + packet.data)
        return clock.held("polling", exchange, None)
    except asyncio.CancelledError:
        farewell = limits.LINGER  # whoever interrupts it does not want to wait
        raise
    finally:
        # A poll that is given up ends its session on Node; one whose session is closed is answered.
        await session.post("1", farewell)
        if poll is not None:
            await asyncio.wait([poll], timeout=farewell)
            poll.cancel()
        if exchange is not handshake:
            driver.keep(exchange)


class Session(NamedTuple):
    """What is held by polling."""

    driver: Driver
    opened: Handshake
    cookies: str | None
    """What the handshake set: a load balancer may need it to find the session."""

    async def poll(self, timeout: float) -> Exchange:
        """One poll."""
        return await self._ask("GET", None, timeout)

    async def post(self, packet: str, timeout: float = FAREWELL) -> None:
        """One packet; how that is answered does not matter, since the poll tells what becomes of the session."""
        await self._ask("POST", engineio.encode_payload([packet], self.opened.protocol), timeout)

    async def _ask(self, method: str, body: str | None, timeout: float) -> Exchange:
        page, protocol = self.driver.pages[0], self.opened.protocol
        request = self.driver.simple(method=method, origin=page, sid=self.opened.sid, body=body, protocol=protocol)
        if self.cookies is not None:
            request = replace(request, headers=(*request.headers, ("Cookie", self.cookies)))
        return await _ask(self.driver, request, timeout)


async def _ask(driver: Driver, request: Request, timeout: float | None = None) -> Exchange:
    return await driver.network.ask(request, purpose="hold", verify=driver.verify, timeout=timeout)


def _cut(exchange: Exchange) -> NoResponse | None:
    """Why the poll is no answer of Engine.IO's; None where it is one."""
    answer = exchange.answer
    if isinstance(answer, NoResponse):
        return answer
    if answer.status == 200:
        return None
    return NoResponse(
        kind="closed", phase="head", message=f"The poll was answered {answer.status} {answer.reason}".rstrip() + "."
    )


def _packets(exchange: Exchange, opened: Handshake) -> list[engineio.Packet] | None:
    """What the poll brought; None where it is nothing of Engine.IO's."""
    response = exchange.response
    assert isinstance(response, Response)  # _cut has seen to it
    try:
        return engineio.decode_payload(response.bytes, opened.protocol)
    except ValueError:
        return [] if response.truncated else None
