"""The application refuses because of what the page is, or of what the page cannot send."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.connect import by_function, replies
from sio_doctor.rules.cors import listing
from sio_doctor.standards import socketio


@rule("SIO740", "ws-allowrequest-origin", "allowRequest refuses this page's origin", Rung.HANDSHAKE)
def ws_allowrequest_origin(case: Case) -> Iterable[Hit]:
    """The server's own `allowRequest` function looks at the origin, and does not let this one in.

    **What it means.** `cors` keeps no WebSocket out; `allowRequest` does, and the documentation shows how to compare
    the origin in it. It holds for polling and WebSocket alike, so no other transport helps: let the function accept
    the page's origin.

    **How it is told.** The page's handshake gets code 4, 403 `{"code":4,"message":…}`, its WebSocket 400 with the same
    words; the same request from another origin, or without one, passes.

    **What it is not.** Where nobody passes, the function wants something else (`allowrequest-403`). In Socket.IO 2 the
    `origins` option refuses so (`v2-origins-needs-port`).
    """
    for refused in by_function(case):
        if refused.passes is not None:
            origin = refused.passes.request.origin
            who = f"from {origin}" if origin else "without an Origin"
            yield refused.hit(case, f"A request {who} passes, so the function looks at the origin.")


@rule("SIO841", "extraheaders-ignored-ws", "extraHeaders do not go with a WebSocket", Rung.PAGE)
def extraheaders_ignored_ws(case: Case) -> Iterable[Hit]:
    """The client begins with WebSocket and is given `extraHeaders`, which a browser cannot send there.

    **What it means.** `new WebSocket()` takes no headers. In Node.js they are sent, so it works in a test and not in
    the page: a token in `Authorization` never arrives, and the server refuses. Send it in `auth`, or begin with
    polling.

    **How it is told.** From the client's options. An error where the application refuses the connection, and nothing
    else keeps the page out; else it is only worth knowing.

    **What it is not.** With polling first the headers are sent, after a preflight (`preflight-header-not-allowed`).
    """
    names = [name for name, _ in case.plan.client.extra_headers]
    if case.polls or not names:
        return
    refused = [reply.page for reply in replies(case) if reply.packet and reply.packet.type == socketio.ERROR]
    refused += [page for one in by_function(case) if one.passes is None for page in one.pages]
    message = (
        f"The client begins with WebSocket, where a browser sends no headers of the page: {listing(names)} "
        f"{'does' if len(names) == 1 else 'do'} not reach the server. "
    )
    if refused:
        yield Hit(message + "The application refuses, most likely for want of it. Send it in auth.", tuple(refused))
    else:
        yield Hit(message + "Send in auth what the server needs.", severity="info")
