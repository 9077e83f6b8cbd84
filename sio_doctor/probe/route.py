"""The way to a server: straight, to the proxy that fetches from it, or through a tunnel that the proxy makes."""

from __future__ import annotations

from sio_doctor.model import Request, get
from sio_doctor.probe.attempt import Attempt, Place, Unanswered
from sio_doctor.probe.backend import Resolver, Stream, connect, secure
from sio_doctor.probe.http import encode, exchange_heads, turned_away
from sio_doctor.probe.proxy import Proxy


async def reach(attempt: Attempt, resolver: Resolver) -> Stream:
    """A stream on which the request of ``attempt`` can be sent. Raises ``Unanswered``.

    WebSockets and https go through a tunnel; http goes to the proxy itself.
    """
    attempt.doubted = attempt.proxy
    stream = await connect(attempt, resolver)
    if attempt.proxy is not None and attempt.tunnels:
        await _tunnel(attempt, attempt.proxy, stream)
        attempt.doubted = None
        if attempt.place.secure:
            await secure(attempt, stream)
    return stream


async def _tunnel(attempt: Attempt, proxy: Proxy, stream: Stream) -> None:
    # https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
    place = attempt.place
    authority = f"{f'[{place.host}]' if ':' in place.host else place.host}:{place.port}"
    agent = get(attempt.request.headers, "user-agent")
    headers = (("Host", authority), *((("User-Agent", agent),) if agent else ()), *proxy.headers)
    asking = Request(method="CONNECT", url=f"http://{authority}", headers=headers)
    # An attempt of its own: its head is not the server's answer.
    asked = Attempt(Place.of(asking.url), asking, stream=stream, proxy=proxy, doubted=proxy)
    try:
        head = await exchange_heads(asked, stream, *encode(authority, asking))
    except Unanswered as outcome:
        raise attempt.unanswered(outcome.failure.kind, outcome.failure.message) from None
    if not 200 <= head.status < 300:
        raise turned_away(attempt, proxy, head)
