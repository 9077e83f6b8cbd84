"""The handshake opened a session, and what follows in it does not find it, or is refused."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import lines, status
from sio_doctor.rules.stranger import described, hit, strangers
from sio_doctor.standards import engineio


def is_unknown_session(case: Case, exchange: Exchange) -> bool:
    """Engine.IO says that it does not know the session: Node's code 1, python-engineio's "Invalid session"."""
    refusal = case.refusal(exchange)
    return refusal is not None and refusal.unknown_session


def is_spoilt(case: Case, exchange: Exchange) -> bool:
    """The session was over already: its poll was given up (Node ends it then), or it had moved to WebSocket."""
    session = session_of(exchange)
    for other in case.all("poll", "upgrade"):
        if other.id < exchange.id and session_of(other) == session:
            if other.purpose == "poll" and other.failure is not None:
                return True
            frames = other.response.frames if other.response else ()
            if any(frame.direction == "out" and frame.data == "5" for frame in frames):
                return True
    return False


def session_of(exchange: Exchange) -> str:
    """The sid that the request carries, as the server gave it; empty where it carries none."""
    return engineio.session_of(exchange.request.url)


@rule("SIO503", "two-instances-one-server", "WebSockets meet another Socket.IO server than polling does", Rung.UPGRADE)
def two_instances_one_server(case: Case) -> Iterable[Hit]:
    """Polling is answered by one Socket.IO server and the upgrade by another, which does not know the session.

    Mostly `new Server(httpServer)` was called twice on one HTTP server: a module that is loaded twice, hot reloading, a
    status monitor that brings its own. Each sees every upgrade. Where both take a WebSocket, "handleUpgrade() was
    called more than once" is thrown, and ends the process. Or a proxy sends upgrades elsewhere.

    **How it is told.** Every request of the session finds it, on fresh connections too, and the upgrade alone gets
    "Session ID unknown". Or a WebSocket is accepted, then the connection breaks, and the port refuses connections.
    Where the upgrade has shown it, no WebSocket without a session is tried: it might end the server.

    **What it is not.** Where requests on fresh connections lose the session as well, there are several processes
    (`no-sticky-sessions`). A second server that is no Socket.IO is `ws-two-servers-conflict`.
    """
    shown, url = astray(case), case.plan.target.url
    if shown:
        message = (
            f"{url} answers polling with one Socket.IO server and the upgrade to WebSocket with another: every request "
            "by HTTP found its session, and the upgrade alone got “Session ID unknown”. Most likely new Server(...) is "
            "called twice on one HTTP server, where a page that begins with WebSocket can end the whole process; or a "
            "proxy sends upgrades elsewhere."
        )
    elif shown := ended_by(case):
        message = (
            f"The server at {url} ends when a WebSocket comes: it accepted one, the connection broke, and now the port "
            "refuses connections. Socket.IO does so where new Server(...) is called twice on one HTTP server: "
            "both take the same WebSocket. Its log has “handleUpgrade() was called more than once” then."
        )
    else:
        return
    yield Hit(
        message=message,
        exchanges=tuple(exchange.id for exchange in shown),
        severity="warning" if case.polls else None,
    )


def astray(case: Case) -> list[Exchange]:
    """The upgrades that Node does not know the session of, though every request by HTTP on fresh connections does."""
    upgrades = [exchange for exchange in case.all("upgrade") if is_unknown_session(case, exchange)]
    upgrades = [exchange for exchange in upgrades if not is_spoilt(case, exchange)]
    within = list(case.all("sticky", "connect", "poll"))
    alone = case.first("sticky") is not None and all(status(exchange) == 200 for exchange in within)
    return upgrades if alone else []


def ended_by(case: Case) -> list[Exchange]:
    """The WebSockets that broke after their 101, where nothing listened behind them any more."""
    gone = [one.id for one in case.evidence.exchanges if one.failure is not None and one.failure.kind == "refused"]
    ended = [(one, one.response.ended) for one in case.all("websocket") if one.response is not None]
    return [one for one, why in ended if why and why.kind in ("closed", "reset") and one.id < max(gone, default=0)]


@rule("SIO502", "method-or-size-filter", "The POST is refused on the way", Rung.POST)
def method_or_size_filter(case: Case) -> Iterable[Hit]:
    """Something in front lets GET through and refuses POST, so the session opens and nothing can be sent in it.

    Read-only caches, allowed methods of a CDN, API gateways, `limit_except GET`, size limits. A client that polls posts
    whatever it sends, CONNECT first. Let POST through on the handshake path, or let the client use WebSocket alone.

    **How it is told.** The handshake by GET is fine, and the POST of CONNECT gets an error that is not in Engine.IO's
    words and that the page may read.

    **What it is not.** Where that error has no CORS headers, a page of another origin sees a CORS error instead
    (`error-response-without-cors`).
    """
    for page in case.plan.origins:
        for exchange in case.all("connect", origin=page):
            response = exchange.response
            readable = page == case.plan.target.url or lines(exchange)
            if response is None or response.status < 400 or case.refusal(exchange) or not readable:
                continue
            if too_large(case, exchange) or overlaps(case, exchange):
                continue
            yield Hit(
                message=(
                    f"The handshake with {case.plan.target.url} succeeds, but the POST behind it is refused with "
                    f"{described(response)}. Something in front of the Socket.IO server lets GET through and not POST."
                ),
                origins=(page,),
                headers=(check(exchange, "status", "200"),),
                exchanges=(exchange.id,),
            )
            break


@rule("SIO507", "request-overlap", "Two requests of one session arrive at once", Rung.POLL)
def request_overlap(case: Case) -> Iterable[Hit]:
    """Something on the way sends a request of the session twice, or holds one back until the next comes.

    Node's Engine.IO takes one poll and one POST of a session at a time; a second one ends the session. Clients keep to
    that, so it is a proxy that repeats requests (nginx's `proxy_next_upstream`, retries of a service mesh), a service
    worker, or code in the page that polls by itself.

    **How it is told.** A poll or POST of a session that was known gets 400 (before Socket.IO 4.6: 500) with nothing in
    it, as Node answers then and else never.

    **What it is not.** An error with a body is somebody else's (`error-response-without-cors`), or says that the
    session is unknown (`no-sticky-sessions`).
    """
    found = [one for one in case.all("connect", "poll") if overlaps(case, one)]
    if not found:
        return
    step = "POST" if found[0].request.method == "POST" else "poll"
    yield Hit(
        message=(
            f"{case.plan.target.url} answered the {step} of a session with an empty {status(found[0])}: Engine.IO says "
            f"so where a second {step} of the same session comes while one is under way. One alone was sent, so "
            "something on the way sends requests twice: a proxy that tries again, mostly."
        ),
        origins=tuple(page for page in case.plan.origins if any(one.request.origin == page for one in found)),
        headers=(check(found[0], "status", "200"),),
        exchanges=tuple(one.id for one in found),
        rung=Rung.POST if step == "POST" else None,
    )


def overlaps(case: Case, exchange: Exchange) -> bool:
    """It got the empty error of Node's Engine.IO."""
    response = exchange.response
    node = case.server.stack == "socket.io"
    return node and response is not None and response.status in (400, 500) and not response.body


@rule("SIO508", "payload-limits", "A request is larger than the server takes", Rung.HANDSHAKE)
def payload_limits(case: Case) -> Iterable[Hit]:
    """A token in the query, cookies or an auth payload make the request larger than a limit on the way.

    Servers take 8 to 16 KB of URL and headers (nginx: `large_client_header_buffers`; Node: `--max-http-header-size`);
    and a body up to `maxHttpBufferSize` (1 MB), which the handshake announces as `maxPayload`.

    **How it is told.** The handshake gets 413, 414 or 431, or nginx's 400 "Request Header Or Cookie Too Large"; or the
    POST of CONNECT is larger than the handshake allows, and fails.

    **What it is not.** A POST of a few bytes that gets 413 meets a limit that is set too low
    (`method-or-size-filter`, `error-response-without-cors`). Messages that are too large later, nobody can see here:
    they close the connection (1009), or get 413.
    """
    for stranger in strangers(case, "payload-limits"):
        response = stranger.response
        size = len(stranger.exchange.request.url)
        message = (
            f"The handshake with {case.plan.target.url} is too large for the server: {described(response)}. Its URL "
            f"has {size} characters; what a page of yours sends along (cookies, a token in the query) counts too. A "
            "token belongs into auth, which goes in a body."
        )
        yield hit(case, stranger, message)
    for exchange in case.all("connect"):
        if too_large(case, exchange) and status(exchange) != 200:
            what = described(exchange.response) if exchange.response else "no answer"
            yield Hit(
                message=(
                    f"CONNECT has {len(exchange.request.body or '')} characters, mostly its auth payload, and the "
                    f"server at {case.plan.target.url} takes {case.open.max_payload if case.open else 0}: {what}."
                ),
                origins=tuple(page for page in case.plan.origins if page == exchange.request.origin),
                headers=(check(exchange, "status", "200"),),
                exchanges=(exchange.id,),
                rung=Rung.POST,
            )


def too_large(case: Case, exchange: Exchange) -> bool:
    """The body is larger than the handshake allows."""
    limit = case.open.max_payload if case.open else None
    return limit is not None and len((exchange.request.body or "").encode(errors="replace")) > limit
