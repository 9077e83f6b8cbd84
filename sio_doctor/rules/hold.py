"""What was kept open was cut (``--hold``)."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Held
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import listing
from sio_doctor.rules.session import is_unknown_session

#: Seconds of silence after which well-known layers cut, as they are set unless somebody changed it.
KNOWN = {
    30: "the backend timeout of Google Cloud's load balancers",
    55: "Heroku's router",
    60: "nginx's proxy_read_timeout and the idle timeout of AWS's load balancers",
    100: "Cloudflare",
}
#: How far from that a measured time may be.
NEAR = 1.5


@rule("SIO620", "ws-idle-timeout", "A connection that is kept open is cut", Rung.UPGRADE)
def ws_idle_timeout(case: Case) -> Iterable[Hit]:
    """Something between ends a WebSocket or a poll that has been quiet for a while, and the client has to begin anew.

    Socket.IO is quiet between two pings (`pingInterval`, 25 s unless changed). A proxy that waits less cuts every
    connection: nginx's `proxy_read_timeout` (60 s unless changed), HAProxy's `timeout tunnel`, Apache's `ProxyTimeout`,
    the idle timeouts of load balancers (AWS 60 s, Google Cloud 30 s in all, Heroku 55 s, Cloudflare 100 s). Let it wait
    longer than `pingInterval` + `pingTimeout`, or let the server ping more often.

    **How it is told.** With `--hold SECONDS`: a WebSocket that ends without a close frame was cut by something between,
    or the server's process ended. A poll that gets an error of a proxy (504), or no answer at all, was cut there too.

    **What it is not.** A server that ends a connection says so, with a close frame or packet (`closed-by-server`). A
    poll that is answered by a ping, and asked again, is long-polling as it should be.
    """
    for held in case.evidence.held:
        if held.ended is None or _by_server(case, held):
            continue
        message = _message(case, held)
        if held.ended.kind == "timeout":
            message += "Something between keeps the connection and no longer passes anything on, or the server hangs."
        else:
            message += _between(case, held)
        yield Hit(message=message, exchanges=(held.exchange,), severity="warning")


@rule("SIO621", "closed-by-server", "The server ended a connection that was kept open", Rung.UPGRADE)
def closed_by_server(case: Case) -> Iterable[Hit]:
    """The server, or the application in it, ended a session that had been quiet: nothing between lost patience.

    An application that disconnects whoever does not log in, a deployment, or Engine.IO itself (`connectTimeout`, 45 s,
    where CONNECT was refused).

    **How it is told.** With `--hold SECONDS`: a close frame or a close packet came, or the next poll got "Session ID
    unknown".

    **What it is not.** A connection that ends without a word was cut on the way (`ws-idle-timeout`).
    """
    for held in case.evidence.held:
        if held.ended is not None and _by_server(case, held):
            code = f" (code {held.close_code})" if held.close_code is not None else ""
            yield Hit(
                message=f"{_message(case, held)}So the server{code} or its application ended it, nothing in front.",
                exchanges=(held.exchange,),
                severity="info",
            )


def _by_server(case: Case, held: Held) -> bool:
    if held.ended is not None and held.ended.detail == "close":
        return True
    return any(one.id == held.exchange and is_unknown_session(case, one) for one in case.all("hold"))


def _message(case: Case, held: Held) -> str:
    what = {"polling": "A poll", "websocket": "A WebSocket"}[held.transport]
    ended = held.ended.message if held.ended is not None else ""
    return f"{what} to {case.plan.target.url} was cut after {held.seconds:g} s: {ended} "


def _between(case: Case, held: Held) -> str:
    opened = case.open
    interval = (opened.ping_interval if opened else None) or 25_000
    layers = f" (seen there: {listing(case.server.layers)})" if case.server.layers else ""
    if held.quiet < 1:
        return (
            f"It had not been quiet: something had come {held.quiet:g} s before. So no patience ran out; something in "
            f"front{layers} ended it, or the server's process."
        )
    message = (
        f"Nothing had come over it for {held.quiet:g} s, so something in front{layers} ends what is quiet so long. "
    )
    known = [name for seconds, name in KNOWN.items() if abs(held.quiet - seconds) <= NEAR]
    if known:
        message += f"That is the time of {listing(known)}. "
    if held.quiet * 1000 < interval:
        message += f"The server pings every {interval / 1000:g} s, which is too late for it: every connection ends so."
    else:
        message += f"The server pings every {interval / 1000:g} s."
    return message
