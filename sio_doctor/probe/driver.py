"""Asks, drives and remembers: one run's requests, within its budget and deadline."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Generator
from contextlib import suppress
from typing import TypeVar

import msgspec

from sio_doctor.browser.fetch import Page
from sio_doctor.browser.replay import Key, Script, alike, server_of, unreachable
from sio_doctor.browser.session import NOT_ASKED, Ask, Heard, Receive, Send, Step, page_of, polling_url
from sio_doctor.model import STAND_IN, Document, Exchange, Handshake, NoResponse, Plan, Purpose, Request
from sio_doctor.probe.network import Network
from sio_doctor.probe.websocket import Conversation
from sio_doctor.standards import engineio

Result = TypeVar("Result")

#: Requests for the first origin, and for each further one.
BUDGET, BUDGET_FURTHER = 40, 12
#: Seconds that a WebSocket's open packet may take.
OPEN_PACKET = 3.0
#: What is kept back of it to close the sessions that were opened.
RESERVE = 4


class Talk:
    """A WebSocket under way: its conversation, and why the last wait for a message ended."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.ended: NoResponse | None = None

    @property
    def exchange(self) -> Exchange:
        """The exchange with all frames so far."""
        exchange = self.conversation.exchange
        if exchange.response is None or self.ended is None:
            return exchange
        response = msgspec.structs.replace(exchange.response, ended=self.ended)
        return msgspec.structs.replace(exchange, response=response)

    async def step(self, step: Send | Receive) -> Heard:
        """Sends, or waits for the next message."""
        if isinstance(step, Send):
            return await self.conversation.send(step.text)
        heard = await self.conversation.receive(OPEN_PACKET if step.at_once else None)
        if isinstance(heard, NoResponse):
            self.ended = heard
        return heard


class Driver:
    """One run: what was asked so far, and what may still be. It decides nothing; ``gather`` does."""

    def __init__(self, plan: Plan, network: Network, document: Document | None = None) -> None:
        self.plan = plan
        self.document = document
        self.network = network
        self.pages = plan.origins or (STAND_IN,)
        self.limit = BUDGET + BUDGET_FURTHER * (len(self.pages) - 1)
        self.verify = True
        self.patience = plan.timeout
        """Seconds for each answer; less where the server was silent already."""
        self.notes: list[str] = []
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

    def careful(self) -> Plan:
        """The plan; without its secrets where the certificate is not verified."""
        if self.verify:
            return self.plan
        own = self.plan.client
        blank = msgspec.structs.replace(
            own, auth="{}" if own.auth else None, extra_headers=tuple((name, "-") for name, _ in own.extra_headers)
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
    ) -> Exchange:
        """Sends the request, or waits for the one alike that was sent before."""
        verify = self.verify if verify is None else verify
        asked = self._asked.setdefault((verify, alike(request)), [])
        if nth < len(asked):
            known = asked[nth]
            return known.exchange if isinstance(known, Talk) else await asyncio.shield(known)
        if (verify, server_of(request)) in self._dead:
            return self._dead[verify, server_of(request)]
        task = asyncio.ensure_future(self._send(request, purpose, fresh, verify, timeout))
        asked.append(task)
        return await task

    async def _send(
        self, request: Request, purpose: Purpose, fresh: bool, verify: bool, timeout: float | None
    ) -> Exchange:
        if not self.may_ask(purpose):
            return Exchange(id=0, purpose=purpose, request=request, failure=NOT_ASKED)
        timeout = min(self.patience, timeout or self.patience)
        exchange = await self.network.ask(request, purpose=purpose, fresh=fresh, verify=verify, timeout=timeout)
        self._done.append(exchange)
        if unreachable(exchange):
            self._dead[verify, server_of(request)] = exchange
        return exchange

    def may_ask(self, purpose: Purpose) -> bool:
        """Whether the budget and the deadline allow one more request; says so where they do not."""
        if self.network.remaining <= 0:
            self.notes.append(f"The deadline of {self.plan.deadline:g} s passed before everything was asked.")
            return False
        if self.network.requests >= self.limit - (0 if purpose == "close" else RESERVE):
            self.notes.append(f"The budget of {self.limit} requests was used up before everything was asked.")
            return False
        return True

    async def drive(self, steps: Generator[Step, Heard, Result]) -> Result:
        """Drives the client over the network; what is alike to what was asked before is remembered."""
        counts: Counter[Key] = Counter()
        talk: Talk | Script | None = None
        heard: Heard = None
        try:
            while True:
                step = steps.send(heard)
                if isinstance(step, Ask):
                    key = alike(step.request)
                    nth, counts[key] = counts[key], counts[key] + 1
                    if step.request.url.startswith("ws"):
                        opened = await self.open(step, nth)
                        talk = None if isinstance(opened, Exchange) else opened
                        heard = opened.answer if isinstance(opened, Exchange) else opened.exchange.answer
                    else:
                        heard = (await self.ask(step.request, step.purpose, nth)).answer
                elif isinstance(step, Send | Receive):
                    if isinstance(talk, Talk):
                        heard = await talk.step(step)
                    else:
                        heard = talk.step(step) if talk else NOT_ASKED
                else:
                    heard = None
                    if isinstance(talk, Talk):
                        await talk.conversation.close()
        except StopIteration as end:
            result: Result = end.value
            return result
        finally:
            if isinstance(talk, Talk):
                await talk.conversation.close()

    async def open(self, step: Ask, nth: int) -> Talk | Script | Exchange:
        """Opens the WebSocket, or follows the script of the one alike; an Exchange where there is none to follow."""
        request = step.request
        asked = self._asked.setdefault((self.verify, alike(request)), [])
        if nth < len(asked) and isinstance(known := asked[nth], Talk):
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
