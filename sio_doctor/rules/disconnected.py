"""The application lets the client in, and out again."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.connect import messages
from sio_doctor.standards import socketio


@rule("SIO706", "disconnected-at-once", "The application disconnects the client at once", Rung.CONNECT)
def disconnected_at_once(case: Case) -> Iterable[Hit]:
    """The server answers CONNECT well, and what follows is its DISCONNECT, or the end of the session.

    The page hears `connect`, and then `disconnect` with the reason "io server disconnect" (or "transport close"), after
    which the client does not try again by itself. The connection handler calls `socket.disconnect()`, for want of a
    token or a user; with python-socketio, `sio.disconnect(sid)`, or a connect handler that refuses where
    `always_connect` is on.

    **How it is told.** In the same poll, or behind it over the WebSocket, the packet `41` (or the close packet `1`)
    follows `40`. Whether the client has gone over to WebSocket by then is luck, so the transport may be either.

    **What it is not.** A refusal by a middleware is CONNECT_ERROR instead of CONNECT (`connect-middleware-error`).
    """
    found = [
        (page, exchange)
        for page in case.pages
        for exchange in case.all("handshake", "poll", "upgrade", "websocket", origin=page)
        if _lets_out(case, exchange)
    ]
    if not found:
        return
    said = next((words for _, exchange in found if (words := _words(case, exchange))), "")
    yield Hit(
        message=(
            f"The server at {case.plan.target.url} lets the client in and disconnects it at once: `connect` fires, and "
            "then `disconnect`. CORS and transport are fine; the application's connection handler calls "
            "socket.disconnect(), as for a token that it misses"
            + (f", and says “{said}”" if said else "")
            + ". Whether the client is on polling or on WebSocket by then is luck."
        ),
        origins=tuple(dict.fromkeys(page for page, _ in found if page in case.plan.origins)),
        exchanges=tuple(dict.fromkeys(exchange.id for _, exchange in found)),
        severity="warning",
    )


def _lets_out(case: Case, exchange: Exchange) -> bool:
    """Behind CONNECT, or over a WebSocket that took the session over, comes the end."""
    joined = exchange.purpose == "upgrade"
    for text in messages(case, exchange):
        if _is(text, socketio.CONNECT, case):
            joined = True
        elif joined and (text == "1" or _is(text, socketio.DISCONNECT, case)):
            return True
    return False


def _words(case: Case, exchange: Exchange) -> str:
    """What python-socketio says with it."""
    for text in messages(case, exchange):
        if _is(text, socketio.DISCONNECT, case):
            said = socketio.error_message(socketio.decode(text[1:]))
            return said if said.isprintable() else ""
    return ""


def _is(text: str, kind: str, case: Case) -> bool:
    return text.startswith(f"4{kind}") and socketio.decode(text[1:]).namespace == case.plan.target.namespace
