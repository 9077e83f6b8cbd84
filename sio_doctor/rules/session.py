"""The handshake opened a session, and what follows in it does not find it, or is refused."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import lines, listing, status
from sio_doctor.rules.stranger import described


def is_unknown_session(case: Case, exchange: Exchange) -> bool:
    """Engine.IO says that it does not know the session: Node's code 1, python-engineio's "Invalid session"."""
    refusal = case.refusal(exchange)
    if refusal is None:
        return False
    return refusal.code == 1 if refusal.family == "node" else refusal.message.startswith("Invalid session")


@rule("SIO501", "no-sticky-sessions", "Requests of one session reach different processes", Rung.POST)
def no_sticky_sessions(case: Case) -> Iterable[Hit]:
    """Several processes answer, and each knows only the sessions that it opened itself.

    A load balancer without stickiness, Node's cluster module, PM2 in cluster mode, `gunicorn -w 2`, Kubernetes
    replicas. Connecting is luck then: browsers keep connections, so it may work for one person and not for the next. A
    Redis adapter alone does not help. A client that uses WebSocket alone needs no stickiness.

    **How it is told.** The session was opened a moment before, and requests in it, on fresh connections, get "Session
    ID unknown" (python: "Invalid session"), some of them or all.

    **What it is not.** Where *all* of them fail, it may also be a cached handshake, a server that restarts, or two
    Socket.IO servers on one path; the message says so.
    """
    if "polling" not in case.plan.client.transports or not case.polls or astray(case):
        return
    probes, follow_ups = _sound(case, list(case.all("sticky"))), list(case.all("connect", "poll", "upgrade"))
    lost = [exchange for exchange in (*probes, *follow_ups) if is_unknown_session(case, exchange)]
    lost = [exchange for exchange in lost if not _spoilt(case, exchange)]
    if not lost:
        return
    kept = [exchange for exchange in (*probes, *follow_ups) if status(exchange) in (101, 200)]
    missing = [exchange for exchange in probes if exchange in lost]
    counted = f"{len(missing)} of {len(probes)} requests on fresh connections" if missing else "a request"
    message = (
        f"{case.plan.target.url} loses sessions: of one that it had just opened, {counted} "
        f"got “{_words(case, lost[0])}”. "
    )
    if kept:
        message += (
            "Several processes answer there, and each knows its own sessions alone, so whether a page connects is "
            "luck: all requests of a session must reach the same process (sticky sessions)."
        )
    else:
        message += (
            "Not one request found its session. That is several processes without sticky sessions, or a handshake that "
            "comes out of a cache, or a server that restarts all the time."
        )
    if names := _cookies(case):
        message += (
            f" The handshake sets {listing(names)}: if stickiness goes by that cookie, a page of another site sends it "
            "back only with withCredentials: true, and if it is SameSite=None."
        )
    yield Hit(
        message=message,
        headers=tuple(check(exchange, "status", "200") for exchange in lost[:1]),
        exchanges=tuple(exchange.id for exchange in (*lost, *kept)),
    )


def _sound(case: Case, probes: list[Exchange]) -> list[Exchange]:
    """The posts on fresh connections; none where the server took one of them for an error, which ends the session."""
    ended = any(status(exchange) >= 400 and not is_unknown_session(case, exchange) for exchange in probes)
    return [] if ended else probes


def _spoilt(case: Case, exchange: Exchange) -> bool:
    """The session was over already: its poll was given up (Node ends it then), or it had moved to WebSocket."""
    session = _session(exchange)
    for other in case.all("poll", "upgrade"):
        if other.id < exchange.id and _session(other) == session:
            if other.purpose == "poll" and other.failure is not None:
                return True
            frames = other.response.frames if other.response else ()
            if any(frame.direction == "out" and frame.data == "5" for frame in frames):
                return True
    return False


def _session(exchange: Exchange) -> str:
    return exchange.request.url.partition("&sid=")[2]


def _words(case: Case, exchange: Exchange) -> str:
    refusal = case.refusal(exchange)
    return " ".join(refusal.message.split(" ")[:2]) if refusal and refusal.family == "python" else "Session ID unknown"


def _cookies(case: Case) -> list[str]:
    """The cookies that the handshake sets, but Engine.IO's own."""
    names = [
        line.partition("=")[0].strip() for exchange in case.all("handshake") for line in lines(exchange, "Set-Cookie")
    ]
    return list(dict.fromkeys(name for name in names if name != "io"))


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
    upgrades = [exchange for exchange in upgrades if not _spoilt(case, exchange)]
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

    Read-only caches, allowed methods of a CDN, API gateways, `limit_except GET`, size limits.

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
