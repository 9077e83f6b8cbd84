"""Client and server speak different protocol versions, or different transports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sio_doctor.model import Exchange, Handshake
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import refused_by_v2
from sio_doctor.rules.cors import is_python
from sio_doctor.rules.stranger import concerned, met_at, opened
from sio_doctor.standards.engineio import Refusal

FRAMINGS = {
    "v4": "0{…}, the framing of Engine.IO 4",
    "v3": "a length before the packet, the framing of Engine.IO 3",
    "v3-binary": "the binary framing of Engine.IO 3",
}


@rule("SIO211", "client-too-old", "The client is too old for the server", Rung.HANDSHAKE)
def client_too_old(case: Case) -> Iterable[Hit]:
    """The page has socket.io-client 2 (Engine.IO 3), and the server takes Engine.IO 4 alone.

    **What it means.** Servers since Socket.IO 3 refuse older clients unless `allowEIO3: true` is set. Look at the
    `EIO=` in the console's URL: the file that is *loaded* may be an older one than the one installed (a CDN script,
    a cached bundle).

    **How it is told.** `EIO=3` gets `{"code":5,"message":"Unsupported protocol version"}`, or python-socketio's
    words for it; or an answer in the framing of version 4 (socket.io 3.0). That `EIO=4` passes confirms it.

    **What it is not.** A server that is too old for the client (`server-too-old`). A client that begins with WebSocket
    is not told so, and sees a broken connection (`ws-only-version-mismatch`).
    """
    if case.plan.client.protocol == 3 and not broken_at_once(case):
        cure = "upgrade the client to version 4"
        yield from _mismatch(
            case, cure if is_python(case) else f"{cure}, or set allowEIO3: true on the server for a while"
        )


@rule("SIO212", "server-too-old", "The server is too old for the client", Rung.HANDSHAKE)
def server_too_old(case: Case) -> Iterable[Hit]:
    """The page has socket.io-client 3 or 4 (Engine.IO 4), and the server speaks Engine.IO 3 alone.

    **What it means.** Socket.IO 1 and 2, python-socketio 4, Flask-SocketIO 4 and netty-socketio before 2 cannot
    talk to newer clients. Upgrade the server, or take the client of its version.

    **How it is told.** `EIO=4` is answered in the framing of version 3 (`97:0{…}2:40`, or binary): Node's old
    servers do not look at `EIO`. python-engineio 3 refuses with words instead.

    **What it is not.** A client that is too old for the server (`client-too-old`).
    """
    if case.plan.client.protocol == 4:
        yield from _mismatch(case, "upgrade the server, or load socket.io-client 2 in the page")


def _mismatch(case: Case, cure: str) -> Iterator[Hit]:
    client = case.plan.client
    for exchange in case.all("handshake", "control", "foreign"):
        handshake, refusal = case.opened(exchange), case.refusal(exchange)
        if handshake is not None and handshake.protocol != client.protocol:
            said = f"answers EIO={client.protocol} in another version: {FRAMINGS[handshake.framing]}"
        elif refusal is not None and _is_version(refusal) and not loses_query(case):
            said = f"refuses EIO={client.protocol}: “{refusal.message}”"
        else:
            continue
        message = f"socket.io-client {client.version} speaks Engine.IO {client.protocol}, and the server {said}."
        other = _opened_in_other(case)
        if other is not None:
            message += f" It takes EIO={7 - client.protocol}."
        message += f" Nothing is wrong with CORS in that: {cure}."
        found = tuple(number.id for number in (exchange, other) if number is not None)
        headers = (check(exchange, "status", "200", ok=handshake is not None),)
        # Whom the server refuses already for its origin comes to that later.
        refused = exchange.purpose != "handshake" and all(refused_by_v2(case, page) for page in case.pages)
        rung = Rung.POST if refused else met_at(case, case.pages)
        # Nobody connects, whichever page it is: with no page chosen too.
        yield Hit(message, headers=headers, exchanges=found, severity="error", rung=rung)
        return


def broken_at_once(case: Case) -> Exchange | None:
    """The WebSocket with which the client begins, accepted and of no use, where polling says why: the version.

    Node since 4.1 writes its HTTP refusal into the WebSocket, and says nothing at all before.
    """
    if case.polls or not any(_is_version(r) for r in map(case.refusal, case.all("handshake", "control")) if r):
        return None
    for exchange in case.all("websocket"):
        heard = [frame for frame in exchange.response.frames if frame.direction == "in"] if exchange.response else []
        accepted = exchange.response is not None and exchange.response.status == 101
        if accepted and all(frame.type == "raw" and frame.data.startswith("HTTP/1.") for frame in heard):
            return exchange
    return None


def loses_query(case: Case) -> bool:
    """Both versions are refused as unsupported, or no transport is known, not even WebSocket's: the query is lost."""
    refusals = [case.refusal(case.first(purpose)) for purpose in ("handshake", "other-protocol")]
    if all(refusal is not None and _is_version(refusal) for refusal in refusals):
        return True
    unknown = any(_unknown_transport(case, exchange) for exchange in case.all("handshake"))
    return unknown and any(_unknown_transport(case, exchange) for exchange in case.all("websocket"))


def _is_version(refusal: Refusal) -> bool:
    return refusal.code == 5 or (refusal.family == "python" and "unsupported version" in refusal.message)


def _opened_in_other(case: Case) -> Exchange | None:
    return next((exchange for exchange in case.all("other-protocol") if case.opened(exchange)), None)


@rule("SIO213", "transport-disabled", "The server does not offer this transport", Rung.HANDSHAKE)
def transport_disabled(case: Case) -> Iterable[Hit]:
    """The client begins with a transport that the server does not take.

    **What it means.** `transports` differs on the two sides. The client does not go on to its next transport when
    the first one is refused (unless `tryAllTransports` is set, since 4.8; `--try-all-transports` says so here): make
    the lists agree.

    **How it is told.** Polling gets `{"code":0,"message":"Transport unknown"}` (python: `"Invalid transport"`)
    while a WebSocket passes; or the WebSocket is refused and the open packet offers no upgrade to it.

    **What it is not.** Where polling and WebSocket are both refused in these words, or both versions as unsupported,
    the query was lost on the way (`transport-unknown`). A proxy that cannot pass WebSockets on is
    `ws-proxy-no-upgrade`: there the open packet offers the upgrade. A server that takes WebSockets and offers no
    upgrade has upgrades switched off (`allow-upgrades-off`); one that takes none is only a hint to a client that
    polls. python-socketio offers the upgrade all the same, and answers it "Invalid transport"; under ASGI with a bare
    403, and a plain GET brings the words out.
    """
    sockets = list(case.all("websocket"))
    accepted = next((exchange for exchange in sockets if opened(exchange)), None)
    offered, disabled = offering(case), takes_no_websocket(case)
    if case.polls:
        yield from _polling_disabled(case, accepted)
        if offered and not offered[1].upgrades and not accepted and "websocket" in case.plan.client.transports:
            message = "The server offers no upgrade to WebSocket, so the client stays on polling."
            yield Hit(message, exchanges=(offered[0].id,), severity="info", rung=Rung.UPGRADE)
        elif disabled and "websocket" in case.plan.client.transports:
            message = (
                "The server offers the upgrade to WebSocket and then refuses it as “Invalid transport”: its transports "
                "are polling alone, so the client stays there, with an error in the console."
            )
            yield Hit(message, exchanges=(disabled.id,), severity="warning", rung=Rung.UPGRADE)
        return
    if accepted is None and sockets and offered and (disabled or "websocket" not in offered[1].upgrades):
        refused = sockets[0]
        told = "it answers “Invalid transport”" if disabled else "the open packet that polling gets names no upgrade"
        message = (
            f"The client begins with WebSocket, and the server does not take it: {told}. Take websocket into the "
            "server's transports, or let the client begin with polling."
        )
        yield Hit(message, headers=(check(refused, "status", "101"),), exchanges=(refused.id, offered[0].id))


def _polling_disabled(case: Case, accepted: Exchange | None) -> Iterator[Hit]:
    refused = [
        (page, exchange)
        for page in case.pages
        if (exchange := case.handshake(page)) and _unknown_transport(case, exchange)
    ]
    if not refused or loses_query(case):
        return
    first = refused[0][1]
    refusal = case.refusal(first)
    said = refusal.message if refusal else ""
    message = f"The client begins with polling, and the server does not know that transport: “{said}”. "
    if accepted is not None:
        message += (
            "A WebSocket passes: the server's transports are websocket alone. Add polling there, or give the client "
            'transports: ["websocket"].'
        )
        if case.plan.client.try_all_transports and "websocket" in case.plan.client.transports:
            message += " With tryAllTransports it goes on to WebSocket all the same, one failed request later."
    else:
        message += "Its transports do not name polling, or a proxy cuts the query off on the way."
    pages = tuple(page for page, _ in refused)
    found = (first.id, *((accepted.id,) if accepted else ()))
    headers = (check(first, "status", "200"),)
    yield Hit(message, concerned(case, pages), headers=headers, exchanges=found, rung=met_at(case, pages))


def takes_no_websocket(case: Case) -> Exchange | None:
    """The answer in which python-engineio says that WebSocket is none of its transports, though it offers it."""
    for exchange in case.all("websocket", "other-transport"):
        refusal = case.refusal(exchange)
        if refusal is not None and refusal.message == "Invalid transport" and case.open is not None:
            return exchange
    return None


def _unknown_transport(case: Case, exchange: Exchange | None) -> bool:
    refusal = case.refusal(exchange)
    return refusal is not None and (refusal.code == 0 or "Invalid transport" in refusal.message)


def offering(case: Case) -> tuple[Exchange, Handshake] | None:
    """The polling handshake that passed in the client's own protocol, and its open packet."""
    for exchange in case.all("handshake", "control"):
        handshake = case.opened(exchange)
        if handshake is not None and handshake.protocol == case.plan.client.protocol:
            return exchange, handshake
    return None
