"""What no browser would send, asked where it tells causes apart; and the closing of what was opened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec

from sio_doctor.browser.client import polling_url
from sio_doctor.model import FOREIGN, Exchange, Request
from sio_doctor.probe.driver import Driver, opened_by, together
from sio_doctor.standards import engineio
from sio_doctor.standards.fetch import cors_unsafe_request_header_names

#: Answers of fresh connections that tell whether the session is known to all workers.
STICKY = 8
#: Seconds for what is asked once the main question is answered.
ASIDE = 3.0

#: Where Socket.IO is commonly served, beside the default.
USUAL_PATHS = ("/socket.io/", "/engine.io/", "/ws/socket.io/", "/api/socket.io/", "/socketio/", "/ws/", "/api/ws/")


async def controls(driver: Driver) -> None:
    """The handshake with no origin and with a foreign one; and whether all workers know the session."""
    control, _ = await asyncio.gather(
        driver.ask(driver.simple(), "control"), driver.ask(driver.simple(origin=FOREIGN), "foreign")
    )
    session = opened_by(control)
    if session is None:
        return
    # A heartbeat: every server takes it. A noop (6) would do on Node, but ends the session on python-engineio.
    heartbeat = engineio.encode_payload(["3" if session.protocol == 4 else "2"], session.protocol)
    request = driver.simple(method="POST", sid=session.sid, body=heartbeat, protocol=session.protocol)
    await together(*(driver.ask(request, "sticky", nth=n, fresh=True) for n in range(STICKY)))


async def preflight(driver: Driver, page: str) -> None:
    """A preflight where no browser sends one: its answer tells how the server is set up."""
    if cors_unsafe_request_header_names(driver.plan.client.extra_headers):
        return
    headers = (
        ("Origin", page),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "x-sio-doctor"),
    )
    await driver.ask(Request(method="OPTIONS", url=driver.url(), headers=headers), "simulated-preflight")


async def client_file(driver: Driver) -> None:
    """The head of the client bundle that the server may serve: its ETag is the version."""
    url = driver.plan.target.url + driver.plan.target.path + "socket.io.js"
    await driver.ask(Request(method="HEAD", url=url), "client-file", timeout=ASIDE)


async def look_elsewhere(driver: Driver, first: Exchange) -> None:
    """Where no Engine.IO handshake came: who is it, and is there one at another path, in another protocol?"""
    jobs: list[Awaitable[object]] = [other_protocol(driver), after_failure(driver, first)]
    if first.response is None or engineio.read_refusal(first.response) is None:
        root = Request(method="GET", url=driver.plan.target.url + "/", headers=(("Origin", driver.pages[0]),))
        jobs.append(driver.ask(root, "root", timeout=ASIDE))
        jobs += [driver.ask(driver.simple(path=path), "other-path", timeout=ASIDE) for path in _other_paths(driver)]
        # nginx answers plain HTTP on its TLS port with a 400 of its own.
        if first.response is not None and first.response.status == 400:
            jobs.append(other_scheme(driver))
    await together(*jobs)


def _other_paths(driver: Driver) -> list[str]:
    """Paths at which the server may be instead, the likeliest first."""
    target = driver.plan.target
    paths = list(USUAL_PATHS)
    if driver.plan.namespace_from_path:
        namespace = "/" + target.namespace.strip("/") + "/"
        paths = [namespace, f"{namespace}socket.io/", *paths]
    return [path for path in dict.fromkeys(paths) if path != target.path]


async def other_protocol(driver: Driver) -> None:
    """The handshake in the protocol that the client does not speak."""
    other = 3 if driver.plan.client.protocol == 4 else 4
    await driver.ask(driver.simple(protocol=other, origin=driver.pages[0]), "other-protocol", timeout=ASIDE)


async def after_failure(driver: Driver, first: Exchange) -> None:
    """The other scheme, where the port answers though not in this one."""
    if first.failure is not None and first.failure.kind in ("tls", "not-http", "closed", "reset"):
        await other_scheme(driver)


async def other_scheme(driver: Driver) -> None:
    """The handshake by http for https, or the other way round, on the same port."""
    url = driver.plan.target.url
    other = "http" + url[5:] if url.startswith("https:") else "https" + url[4:]
    plan = driver.careful()
    plan = msgspec.structs.replace(plan, target=msgspec.structs.replace(plan.target, url=other))
    request = Request(method="GET", url=polling_url(plan, stamp=driver.stamp()), headers=(("Origin", driver.pages[0]),))
    await driver.ask(request, "other-scheme", verify=False, timeout=ASIDE)


async def close(driver: Driver) -> None:
    """Closes the sessions that are still open, with the close packet."""
    exchanges = driver.exchanges()
    ended = {_session_of(exchange) for exchange in exchanges if _took_over(exchange)}
    jobs = []
    for exchange in exchanges:
        session = opened_by(exchange)
        path = exchange.request.url.partition("?")[0].removeprefix(driver.plan.target.url)
        # What a redirect or another scheme led to is not ours to post to.
        if session is None or session.sid in ended or not path.startswith("/"):
            continue
        ended.add(session.sid)
        request = driver.simple(
            method="POST",
            origin=exchange.request.origin,
            sid=session.sid,
            body=engineio.encode_payload(["1"], session.protocol),
            protocol=session.protocol,
            path=path,
        )
        jobs.append(driver.ask(request, "close", verify=exchange.verified, timeout=ASIDE))
    await together(*jobs)


def _took_over(exchange: Exchange) -> bool:
    """This WebSocket took its session over: closing it closed the session."""
    frames = exchange.response.frames if exchange.response and exchange.purpose == "upgrade" else ()
    return any(frame.direction == "out" and frame.data == "5" for frame in frames)


def _session_of(exchange: Exchange) -> str:
    return exchange.request.url.partition("&sid=")[2]
