"""Asks, drives and remembers: one run's requests, within its budget and deadline."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import TypeVar

import msgspec

from sio_doctor.browser.replay import (
    OPENING,
    Key,
    OtherCookiesError,
    Script,
    alike,
    held_against,
    server_of,
    unreachable,
)
from sio_doctor.browser.request import Page
from sio_doctor.browser.session import NOT_ASKED, Ask, Heard, Receive, Send, Step, page_of, polling_url, websocket_url
from sio_doctor.model import STAND_IN, Document, Exchange, Handshake, Plan, Purpose, Request
from sio_doctor.probe import budget
from sio_doctor.probe.network import Network
from sio_doctor.probe.talk import Talk
from sio_doctor.standards import engineio

Result = TypeVar("Result")

#: Sessions for the browsers of one page: one for each, and one that a client which checks nothing began.
SESSIONS = 4


class Driver:
    """One run: what was asked so far, and what may still be. It decides nothing; ``gather`` does."""

    def __init__(self, plan: Plan, network: Network, document: Document | None = None) -> None:
        self.plan = plan
        self.document = document
        self.network = network
        self.pages = plan.origins or (STAND_IN,)
        self.limit = budget.FIRST + budget.FURTHER * (len(self.pages) - 1)
        lowered = plan.network.max_requests
        self.frugal = lowered is not None and lowered < self.limit
        """The budget is lower than usual: one thing after the other is asked, the most telling first."""
        if lowered is not None:
            self.limit = min(self.limit, lowered)
        self.verify = True
        self.patience = plan.timeout
        """Seconds for each answer; less where the server was silent already."""
        self.notes: list[str] = []
        self.keeps = False
        """The server keeps connections: one over which nothing comes for a while does no harm."""
        self.restarted = False
        """A session was lost for good, and one that was opened after it lives."""
        self.closing: list[asyncio.Future[None]] = []
        """WebSockets that are being closed."""
        self._unasked: dict[str, None] = {}
        self._stamps = 0
        self._asked: dict[tuple[bool, Key], list[asyncio.Task[Exchange] | Talk]] = {}
        self._done: list[Exchange | Talk] = []
        self._dead: dict[tuple[bool, str], Exchange] = {}

    def page(self, origin: str) -> Page:
        """A page of that origin; the one that was read, where it is, but asking whatever its policies forbid."""
        return page_of(origin, self.document, permitted=True)

    def exchanges(self) -> tuple[Exchange, ...]:
        """Everything that was asked, in the order of asking."""
        done = [record.exchange if isinstance(record, Talk) else record for record in self._done]
        return tuple(sorted(done, key=lambda exchange: exchange.id))

    def said(self) -> list[str]:
        """The notes, with what the budget was too small for: nothing is known about that."""
        if not self._unasked:
            return self.notes
        requests = f"{self.limit} request{'s' if self.limit > 1 else ''}"
        return [*self.notes, f"The budget of {requests} was used up; not known are: {', '.join(self._unasked)}."]

    def start_again(self, user_agent: str) -> None:
        """Asks all anew under this User-Agent: what came under the other one is not what a browser meets."""
        self.network.user_agent = user_agent
        self._asked.clear()
        # No WebSocket is tried before the first handshake has been answered.
        asked = [record for record in self._done if isinstance(record, Exchange)]
        self._done = [msgspec.structs.replace(exchange, purpose="other-agent") for exchange in asked]

    def careful(self) -> Plan:
        """The plan; without its secrets where the certificate is not verified, unless the person let them go there."""
        if self.verify or self.plan.network.insecure:
            return self.plan
        own = self.plan.client
        blank = msgspec.structs.replace(
            own,
            auth="{}" if own.auth else None,
            extra_headers=tuple((name, "-") for name, _ in own.extra_headers),
            cookies=tuple((name, "-") for name, _ in own.cookies),
        )
        target = msgspec.structs.replace(
            self.plan.target, query=tuple((name, "-") for name, _ in self.plan.target.query)
        )
        return msgspec.structs.replace(self.plan, client=blank, target=target)

    def stamp(self) -> str:
        """A ``t`` that no other request of the run has."""
        self._stamps += 1
        return f"{self.plan.nonce}x{self._stamps}"

    def url(self, *, sid: str | None = None, protocol: int = 0, path: str = "") -> str:
        """A polling URL with a stamp of its own."""
        return polling_url(self.careful(), sid=sid, stamp=self.stamp(), protocol=protocol, path=path)

    def simple(
        self,
        *,
        method: str = "GET",
        origin: str | None = None,
        sid: str | None = None,
        body: str | None = None,
        protocol: int = 0,
        path: str = "",
    ) -> Request:
        """A polling request that needs no preflight, with that origin or none."""
        headers = [("Origin", origin)] if origin else []
        if body is not None:
            headers.append(("Content-type", "text/plain;charset=UTF-8"))
        return Request(
            method=method, url=self.url(sid=sid, protocol=protocol, path=path), headers=tuple(headers), body=body
        )

    async def ask(
        self,
        request: Request,
        purpose: Purpose,
        nth: int = 0,
        *,
        fresh: bool = False,
        verify: bool | None = None,
        timeout: float | None = None,
        address: str | None = None,
    ) -> Exchange:
        """Sends the request, or waits for the one alike that was sent before.

        Raises ``OtherCookiesError`` where that one had other cookies in the same session.
        """
        verify = self.verify if verify is None else verify
        asked = self._asked.setdefault((verify, alike(request)), [])
        if nth < len(asked):
            known = asked[nth]
            exchange = known.exchange if isinstance(known, Talk) else await asyncio.shield(known)
            held_against(exchange.request, request)
            return exchange
        if address is None and (verify, server_of(request)) in self._dead:
            return self._dead[verify, server_of(request)]
        task = asyncio.ensure_future(self._send(request, purpose, fresh, verify, timeout, address))
        asked.append(task)
        return await task

    async def _send(
        self,
        request: Request,
        purpose: Purpose,
        fresh: bool,
        verify: bool,
        timeout: float | None,
        address: str | None = None,
    ) -> Exchange:
        if not self.may_ask(purpose):
            return Exchange(id=0, purpose=purpose, request=request, failure=NOT_ASKED)
        timeout = min(self.patience, timeout or self.patience)
        exchange = await self.network.ask(
            request, purpose=purpose, fresh=fresh, verify=verify, timeout=timeout, address=address
        )
        self._done.append(exchange)
        if unreachable(exchange) and address is None:
            self._dead[verify, server_of(request)] = exchange
        return exchange

    async def ask_at(self, address: str, request: Request, timeout: float) -> None:
        """Sends the request to that address; it is not remembered, for it is no answer of the host in general."""
        await self._send(request, "other-address", True, self.verify, timeout, address)

    def sessions(self) -> list[tuple[Exchange, Handshake]]:
        """The sessions that polling opened and nothing has closed yet, with the exchange that opened each."""
        exchanges = self.exchanges()
        ended = {engineio.session_of(exchange.request.url) for exchange in exchanges if _ends_session(exchange)}
        found = []
        for exchange in exchanges:
            session = opened_by(exchange)
            path = exchange.request.url.partition("?")[0].removeprefix(self.plan.target.url)
            # What a redirect or another scheme led to is not ours to post to.
            if session is not None and session.sid not in ended and path.startswith("/"):
                ended.add(session.sid)
                found.append((exchange, session))
        return found

    def _kept_back(self, purpose: Purpose) -> int:
        """Requests that stay for closing sessions."""
        if purpose == "close":
            return 0
        if not self.frugal:
            return budget.RESERVE
        if self.network.requests == 0:
            return 0
        return min(budget.RESERVE, len(self.sessions()) + (purpose in budget.OPENING))

    async def all_of(self, *jobs: Awaitable[object]) -> None:
        """Waits for all of them, which may go out together; in turn where the budget is low."""
        if not self.frugal:
            await together(*jobs)
            return
        for job in jobs:
            await job

    def may_ask(self, purpose: Purpose) -> bool:
        """Whether the budget and the deadline allow one more request; says so where they do not."""
        if self.network.remaining <= 0:
            self.notes.append(f"The deadline of {self.plan.deadline:g} s passed before everything was asked.")
            return False
        if self.network.requests >= self.limit - self._kept_back(purpose):
            self._unasked[budget.WORDS.get(purpose, purpose)] = None
            return False
        return True

    def connect_ahead(self, count: int) -> None:
        """Makes so many connections before they are needed, where the server keeps connections at all."""
        if self.keeps:
            request = Request(method="GET", url=websocket_url(self.careful()))
            self.network.prepare(request, count, verify=self.verify)

    def keep(self, exchange: Exchange) -> None:
        """Remembers what was asked past ``ask``."""
        self._done.append(exchange)

    async def play(self, client: Callable[[], Generator[Step, Heard, Result]]) -> Result | None:
        """Drives the client in the first session that no client with other cookies has begun, or in one of its own.

        None where the server gives one session to several handshakes, so that there is none of its own.
        """
        for session in range(SESSIONS):
            with suppress(OtherCookiesError):
                return await self.drive(client(), session)
        return None

    async def drive(self, steps: Generator[Step, Heard, Result], session: int = 0) -> Result:
        """Drives the client over the network, in its ``session``-th session; what is alike to what was asked before is
        remembered.
        """
        counts: Counter[Key] = Counter()
        talk: Talk | Script | None = None
        heard: Heard = None
        try:
            while True:
                step = steps.send(heard)
                if isinstance(step, Ask):
                    key = alike(step.request)
                    nth = counts[key] + (session if step.purpose in OPENING else 0)
                    counts[key] += 1
                    if step.request.url.startswith("ws"):
                        opened = await self.open(step, nth)
                        talk = None if isinstance(opened, Exchange) else opened
                        heard = opened.answer if isinstance(opened, Exchange) else opened.exchange.answer
                    else:
                        # A page polls while it posts, so on another connection: maybe to another worker.
                        fresh = step.purpose == "poll"
                        heard = (await self.ask(step.request, step.purpose, nth, fresh=fresh)).answer
                elif isinstance(step, Send | Receive):
                    if isinstance(talk, Talk):
                        heard = await talk.step(step)
                    else:
                        heard = talk.step(step) if talk else NOT_ASKED
                else:
                    heard = None
                    self._hang_up(talk)
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            self._hang_up(talk)

    def _hang_up(self, talk: Talk | Script | None) -> None:
        """Closes the WebSocket; nobody waits for the other side's close frame before the end."""
        if isinstance(talk, Talk):
            self.closing.append(asyncio.ensure_future(talk.conversation.close()))

    async def open(self, step: Ask, nth: int) -> Talk | Script | Exchange:
        """Opens the WebSocket, or follows the script of the one alike; an Exchange where there is none to follow."""
        request = step.request
        asked = self._asked.setdefault((self.verify, alike(request)), [])
        if nth < len(asked) and isinstance(known := asked[nth], Talk):
            held_against(known.exchange.request, request)
            return Script(known.exchange)
        if dead := self._dead.get((self.verify, server_of(request))):
            return dead
        if not self.may_ask(step.purpose):
            return Exchange(id=0, purpose=step.purpose, request=request, failure=NOT_ASKED)
        conversation = await self.network.open_websocket(
            request, purpose=step.purpose, verify=self.verify, timeout=self.patience
        )
        talk = Talk(conversation)
        asked.append(talk)
        self._done.append(talk)
        return talk


def opened_by(exchange: Exchange) -> Handshake | None:
    """The session that this exchange opened; None where it opened none."""
    read = engineio.read_open(exchange.response) if exchange.response else None
    return read[0] if read else None


def _ends_session(exchange: Exchange) -> bool:
    """It was closed, or this WebSocket took it over, and closing that closed the session."""
    frames = exchange.response.frames if exchange.response and exchange.purpose == "upgrade" else ()
    return exchange.purpose == "close" or any(frame.direction == "out" and frame.data == "5" for frame in frames)


async def together(*jobs: Awaitable[object]) -> None:
    """Waits for all of them; the first fault of ours ends the rest."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task
