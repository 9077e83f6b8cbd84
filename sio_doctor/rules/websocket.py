"""Why the WebSocket fails though polling works, where it can be said whose doing it is."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.upgrade import about, answered, failures, first_words, platform


@rule("SIO641", "ws-platform-off", "The platform has WebSockets switched off", Rung.UPGRADE)
def ws_platform_off(case: Case) -> Iterable[Hit]:
    """Polling passes the platform, and the upgrade to WebSocket does not: it has to be switched on there, or never can.

    **What it means.** Azure App Service: Configuration, General settings, Web sockets: On (and ARR affinity On). IIS:
    install the WebSocket Protocol; for iisnode, which does it itself, `<webSocket enabled="false"/>` in web.config.
    Hosts of functions and static files cannot do it at all.

    **How it is told.** The upgrade is refused (400, 403, 500, 503 or a page), polling is fine, and the answers are from
    `Microsoft-IIS`, set an `ARRAffinity` cookie, or have a platform's header.

    **What it is not.** A proxy of one's own that drops the upgrade (`ws-proxy-no-upgrade`).
    """
    for found in failures(case, "ws-platform-off"):
        answer = found[0].exchange.response
        name = platform(case, answer) if answer else ""
        message = (
            f"WebSocket does not get through to {case.plan.target.url}, though polling does: the upgrade is answered "
            f"{answered(found[0].exchange)}. In front is {name}, where WebSockets have to be switched on, if it can do "
            "them at all."
        )
        yield about(case, found, message)


@rule("SIO642", "ws-dev-proxy", "The development server does not pass WebSockets on", Rung.UPGRADE)
def ws_dev_proxy(case: Case) -> Iterable[Hit]:
    """The page comes from a development server that passes polling on to Socket.IO, and not WebSockets.

    **What it means.** Vite and webpack take WebSockets for their own hot reloading. Their proxies pass others on when
    told so: `server.proxy["/socket.io"] = { target, ws: true }` in Vite; `createProxyMiddleware("/socket.io", {
    target, ws: true })` in `setupProxy.js` of Create React App, whose `"proxy"` in package.json does not. Rewrites of
    Next.js do not either: name the server's own address there.

    **How it is told.** On the page's own origin, on this machine, polling works and the WebSocket gets no answer. Or
    what comes over it is hot reloading's; or it is answered with the proxy's own words ("Error occurred while trying to
    proxy").

    **What it is not.** A proxy that answers the upgrade like a plain GET (`ws-proxy-no-upgrade`), or another server
    that is asked directly (`ws-refused`).
    """
    for found in failures(case, "ws-dev-proxy"):
        exchange, words = found[0].exchange, first_words(found[0].exchange)
        got = "gets no answer" if exchange.response is None else f"is answered {answered(exchange)}"
        got = f"meets hot reloading (“{words}”)" if words else got
        message = (
            f"Polling at {case.plan.target.url} reaches Socket.IO, and a WebSocket {got}: the development server that "
            "the page comes from passes plain requests on, and no WebSockets. Its proxy needs ws: true for "
            f"{case.plan.target.path}."
        )
        yield about(case, found, message)


@rule("SIO643", "ws-frame-corruption", "What comes over the WebSocket is changed on the way", Rung.UPGRADE)
def ws_frame_corruption(case: Case) -> Iterable[Hit]:
    """The WebSocket opens, and then bytes come that are no frames, or frames that no server may send.

    **What it means.** A device or a program between compresses, masks or rewrites what passes; or two libraries of
    different versions write into one connection. Browsers speak of an invalid frame header or of reserved bits. TLS
    (`wss://`) keeps others from reading and changing it.

    **How it is told.** Behind a good 101 comes a frame with reserved bits, a masked one, or bytes that are no frame,
    and no HTTP either.

    **What it is not.** HTTP inside the WebSocket comes from a second server (`ws-two-servers-conflict`), or is the
    refusal of another version (`ws-only-version-mismatch`).
    """
    for found in failures(case, "ws-frame-corruption"):
        words = first_words(found[0].exchange)
        seen = f" (“{words[:30]}”)" if words else ""
        message = (
            f"The WebSocket to {case.plan.target.url} is accepted, but what comes over it is no frame that a server "
            f"may send{seen}, so browsers break it off. Something on the way changes it, or two servers write into it. "
            "By wss:// nothing in between can."
        )
        yield about(case, found, message)


@rule("SIO605", "asgi-ws-403", "The ASGI server refuses the WebSocket with a bare 403", Rung.UPGRADE)
def asgi_ws_403(case: Case) -> Iterable[Hit]:
    """uvicorn, hypercorn and daphne answer 403 without a word, whatever the application had against the WebSocket.

    **What it means.** An application closes a WebSocket before it accepts it, and ASGI has one answer for that. The
    origin, the session, the version, another route or middleware that takes WebSockets and closes them: the log of the
    application, with `engineio_logger=True`, says which.

    **How it is told.** Polling works, and the WebSocket gets 403 with an empty body from a Python server. The same was
    asked by polling and as a plain GET, and neither was refused.

    **What it is not.** Where polling or the plain GET says why, that is the finding (`python-origin-not-accepted`,
    `python-version-mismatch`, `transport-disabled`, `gunicorn-workers`). 500 is a missing library
    (`python-no-websocket`). Tornado says that it is the origin (`ws-refused`).
    """
    for found in failures(case, "asgi-ws-403"):
        message = (
            f"The Python server at {case.plan.target.url} refuses the WebSocket with a bare 403, though polling works "
            "with the same origin and version. ASGI servers answer so whatever the reason is: something before or in "
            "the application closes the WebSocket, a middleware or another route, say. The application's log has it."
        )
        yield about(case, found, message)
