"""From Plan to Evidence: which requests are sent, in which order, and when it is enough.

The ladder is climbed by the client that checks nothing, so that a report can name what would fail next where a browser
stops. Then each browser is driven: what it asks alike is remembered, what it asks otherwise goes out. What no browser
sends (no Origin, a foreign one, another path, protocol or scheme, fresh connections) is added where it tells causes
apart.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from sio_doctor.browser import client
from sio_doctor.browser.client import NOT_ASKED, Ask, Heard, Receive, Send, Step, page_of, polling_url
from sio_doctor.browser.replay import Key, Script, alike, server_of, unreachable
from sio_doctor.browser.table import ENGINES, UNCHECKED, Engine
from sio_doctor.model import (
    FOREIGN,
    STAND_IN,
    Evidence,
    Exchange,
    Handshake,
    NoResponse,
    Plan,
    Purpose,
    Request,
    Vantage,
)
from sio_doctor.probe.network import Conversation, Network
from sio_doctor.standards import engineio
from sio_doctor.standards.fetch import cors_unsafe_request_header_names

Result = TypeVar("Result")

#: Requests for the first origin, and for each further one.
BUDGET, BUDGET_FURTHER = 40, 12
#: What is kept back of it to close the sessions that were opened.
RESERVE = 4
#: Answers of fresh connections that tell whether the session is known to all workers.
STICKY = 8
#: Certificate failures after which the server can still be talked to.
UNTRUSTED = ("self-signed", "unknown-issuer", "expired", "not-yet-valid", "hostname", "other")
#: Seconds for what is asked to tell causes apart once the main question is answered.
ASIDE = 3.0

#: Where Socket.IO is commonly served, beside the default.
USUAL_PATHS = ("/socket.io/", "/engine.io/", "/ws/socket.io/", "/api/socket.io/", "/socketio/", "/ws/", "/api/ws/")


async def gather(plan: Plan, progress: Callable[[str], None] | None = None) -> Evidence:
    """Asks the server, and returns everything that was seen. Ends by the plan's deadline, whatever the server does."""
    started, clock = datetime.now(UTC), time.monotonic()
    async with Network(timeout=plan.timeout, deadline=plan.deadline, progress=progress) as network:
        probe = Probe(plan, network)
        await probe.climb()
        exchanges = probe.exchanges()
    return Evidence(
        plan=plan,
        exchanges=exchanges,
        vantage=Vantage(host=socket.gethostname(), addresses=dict(network.addresses), requests=network.requests),
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        seconds=round(time.monotonic() - clock, 3),
        notes=tuple(dict.fromkeys(probe.notes)),
    )


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
        heard = await self.conversation.receive()
        if isinstance(heard, NoResponse):
            self.ended = heard
        return heard


class Probe:
    """One run: what was asked so far, and what may still be."""

    def __init__(self, plan: Plan, network: Network) -> None:
        self.plan = plan
        self.network = network
        self.pages = plan.origins or (STAND_IN,)
        self.limit = BUDGET + BUDGET_FURTHER * (len(self.pages) - 1)
        self.verify = True
        self.notes: list[str] = []
        self._asked: dict[tuple[bool, Key], list[asyncio.Task[Exchange] | Talk]] = {}
        self._done: list[Exchange | Talk] = []
        self._dead: dict[tuple[bool, str], Exchange] = {}

    def exchanges(self) -> tuple[Exchange, ...]:
        """Everything that was asked, in the order of asking."""
        done = [record.exchange if isinstance(record, Talk) else record for record in self._done]
        return tuple(sorted(done, key=lambda exchange: exchange.id))

    # --- the ladder --------------------------------------------------------------------------------------------------

    async def climb(self) -> None:
        """Asks from the lowest rung up, and stops where there is nothing above."""
        first = await self.first()
        if first.failure is not None and first.failure.kind == "tls" and first.failure.detail in UNTRUSTED:
            self.verify = False
            self.notes.append(
                "The certificate was refused; the rest was asked without verifying it, and without secrets."
            )
            first = await self.first()
        opened = opened_by(first)
        if unreachable(first):
            await self.other_scheme_of(first)
        else:
            await together(
                *(self.page(page, opened is not None or page != self.pages[0]) for page in self.pages),
                self.controls(),
                self.client_file(),
            )
            if opened is None:
                await self.look_elsewhere(first)
            elif opened.protocol != self.plan.client.protocol:
                await self.other_protocol()
        if self.mixed():
            await self.other_scheme()
        await self.browsers()
        await self.close()

    async def first(self) -> Exchange:
        """The polling handshake of the first page: the last answer that redirects led to, or why there is none."""
        await self.drive(client.handshake(UNCHECKED, page_of(self.pages[0]), self.careful()))
        asked = [
            exchange
            for exchange in self.exchanges()
            if exchange.purpose in ("handshake", "redirect") and exchange.verified == self.verify
        ]
        return asked[-1] if asked else Exchange(id=0, purpose="handshake", request=self.simple(), failure=NOT_ASKED)

    async def page(self, page: str, session: bool) -> None:
        """What one page's client does, as far as the server lets it, and a WebSocket of its own."""
        jobs: list[Awaitable[object]] = [self.direct(page), self.preflight(page)]
        if self.plan.client.transports[0] != "polling":
            jobs.append(self.drive(client.handshake(UNCHECKED, page_of(page), self.careful())))
        elif session:
            jobs.append(self.drive(client.connect(UNCHECKED, page_of(page), self.careful())))
        await together(*jobs)

    async def direct(self, page: str) -> None:
        """A WebSocket with no polling before it."""
        await self.drive(client.direct(UNCHECKED, page_of(page), self.careful()))

    async def browsers(self) -> None:
        """What the browsers ask otherwise than the client that checks nothing, and each other."""
        verify, self.verify = self.verify, True
        for page in self.pages:
            for engine in [ENGINES[name] for name in self.plan.browsers]:
                await self.browser(engine, page)
        self.verify = verify

    async def browser(self, engine: Engine, page: str) -> None:
        """One browser's attempt, its handshake and its WebSocket; most of it is remembered."""
        for attempt in (client.handshake, client.connect, client.direct):
            await self.drive(attempt(engine, page_of(page), self.plan))

    # --- what no browser sends ---------------------------------------------------------------------------------------

    async def controls(self) -> None:
        """The handshake with no origin and with a foreign one; and whether all workers know the session."""
        control, _ = await asyncio.gather(
            self.ask(self.simple(), "control"), self.ask(self.simple(origin=FOREIGN), "foreign")
        )
        session = opened_by(control)
        if session is None:
            return
        # A heartbeat: every server takes it. A noop (6) would do on Node, but ends the session on python-engineio.
        heartbeat = engineio.encode_payload(["3" if session.protocol == 4 else "2"], session.protocol)
        request = self.simple(method="POST", sid=session.sid, body=heartbeat, protocol=session.protocol)
        await together(*(self.ask(request, "sticky", nth=n, fresh=True) for n in range(STICKY)))

    async def preflight(self, page: str) -> None:
        """A preflight where no browser sends one: its answer tells how the server is set up."""
        if cors_unsafe_request_header_names(self.plan.client.extra_headers):
            return
        headers = (
            ("Origin", page),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "x-sio-doctor"),
        )
        await self.ask(Request(method="OPTIONS", url=self.url(), headers=headers), "simulated-preflight")

    async def client_file(self) -> None:
        """The head of the client bundle that the server may serve: its ETag is the version."""
        url = self.plan.target.url + self.plan.target.path + "socket.io.js"
        await self.ask(Request(method="HEAD", url=url), "client-file", timeout=ASIDE)

    async def look_elsewhere(self, first: Exchange) -> None:
        """Where no Engine.IO handshake came: who is it, and is there one at another path, in another protocol?"""
        refusal = engineio.read_refusal(first.response) if first.response else None
        jobs: list[Awaitable[object]] = [self.other_protocol()]
        if refusal is None:
            origin = (("Origin", self.pages[0]),)
            root = Request(method="GET", url=self.plan.target.url + "/", headers=origin)
            jobs.append(self.ask(root, "root", timeout=ASIDE))
            jobs += [self.ask(self.simple(path=path), "other-path", timeout=ASIDE) for path in self.other_paths()]
            jobs.append(self.other_scheme_of(first))
            if first.response is not None and first.response.status == 400:
                jobs.append(self.other_scheme())
        await together(*jobs)

    def other_paths(self) -> list[str]:
        """Paths at which the server may be instead, the likeliest first."""
        target = self.plan.target
        paths = list(USUAL_PATHS)
        if self.plan.namespace_from_path:
            namespace = "/" + target.namespace.strip("/") + "/"
            paths = [namespace, f"{namespace}socket.io/", *paths]
        return [path for path in dict.fromkeys(paths) if path != target.path]

    async def other_protocol(self) -> Exchange:
        """The handshake in the protocol that the client does not speak."""
        other = 3 if self.plan.client.protocol == 4 else 4
        return await self.ask(self.simple(protocol=other, origin=self.pages[0]), "other-protocol", timeout=ASIDE)

    async def other_scheme_of(self, first: Exchange) -> None:
        """The other scheme, where the port answers though not in this one."""
        if first.failure is not None and first.failure.kind in ("tls", "not-http", "closed", "reset"):
            await self.other_scheme()

    async def other_scheme(self) -> Exchange:
        """The handshake by http for https, or the other way round, on the same port."""
        url = self.plan.target.url
        other = "http" + url[5:] if url.startswith("https:") else "https" + url[4:]
        target = msgspec.structs.replace(self.plan.target, url=other)
        request = Request(
            method="GET",
            url=polling_url(msgspec.structs.replace(self.careful(), target=target), stamp=self.stamp()),
            headers=(("Origin", self.pages[0]),),
        )
        return await self.ask(request, "other-scheme", verify=False, timeout=ASIDE)

    def mixed(self) -> bool:
        """A page over https asks a server over http: would https answer?"""
        return self.plan.target.url.startswith("http:") and any(page.startswith("https:") for page in self.plan.origins)

    # --- asking ------------------------------------------------------------------------------------------------------

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
        return f"{self.plan.nonce}x{len(self._done)}"

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
        if timeout is not None:
            timeout = min(timeout, self.plan.timeout)
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
        talk = Talk(await self.network.open_websocket(request, purpose=step.purpose, verify=self.verify))
        asked.append(talk)
        self._done.append(talk)
        return talk

    async def close(self) -> None:
        """Closes the sessions that are still open, with the close packet."""
        exchanges = self.exchanges()
        ended = {exchange.request.url.partition("&sid=")[2] for exchange in exchanges if moved(exchange)}
        jobs = []
        for exchange in exchanges:
            session = opened_by(exchange)
            if session is None or session.sid in ended or exchange.request.method != "GET":
                continue
            ended.add(session.sid)
            base = exchange.request.url.partition("?")[0]
            path = base.removeprefix(self.plan.target.url)
            if path == base:  # by another scheme, or where a redirect led: not ours to post to
                continue
            body = engineio.encode_payload(["1"], session.protocol)
            request = self.simple(
                method="POST",
                origin=exchange.request.origin,
                sid=session.sid,
                body=body,
                protocol=session.protocol,
                path=path,
            )
            jobs.append(self.ask(request, "close", verify=exchange.verified, timeout=ASIDE))
        await together(*jobs)


def opened_by(exchange: Exchange) -> Handshake | None:
    """The session that this exchange opened; None where it opened none."""
    read = engineio.read_open(exchange.response) if exchange.response else None
    return read[0] if read else None


def moved(exchange: Exchange) -> bool:
    """This WebSocket took its session over: closing it closed the session."""
    frames = exchange.response.frames if exchange.response and exchange.purpose == "upgrade" else ()
    return any(frame.direction == "out" and frame.data == "5" for frame in frames)


async def together(*jobs: Awaitable[object]) -> None:
    """Waits for all of them; the first fault of ours ends the rest."""
    tasks: Sequence[asyncio.Future[object]] = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError, Exception):
                await task
