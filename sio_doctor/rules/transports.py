"""Transports, versions and parsers: what both sides have to agree on before the application is heard."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import status
from sio_doctor.rules.protocol import broken_at_once, loses_query, offering
from sio_doctor.rules.stranger import concerned, met_at, opened


@rule("SIO250", "transport-unknown", "The query does not reach the server", Rung.HANDSHAKE)
def transport_unknown(case: Case) -> Iterable[Hit]:
    """An Engine.IO server is there, and sees no `?EIO=…&transport=…`: something on the way cuts the query off.

    **What it means.** The good news is that the server is reached. `proxy_pass http://app:3000$uri;` (nginx), a rewrite
    without its query, or a cache that ignores it takes it away; with nginx, let `proxy_pass` end behind the port.

    **How it is told.** Whatever is asked is refused as `{"code":0,"message":"Transport unknown"}`, by WebSocket too;
    or both versions of the protocol are refused as unsupported.

    **What it is not.** Polling that is refused so while a WebSocket passes: the server does not take polling
    (`transport-disabled`). The same words in a tab of the browser mean nothing: an address that was typed has no query.
    """
    if not loses_query(case):
        return
    refused = [(page, one) for page in case.pages if (one := case.handshake(page)) and case.refusal(one)]
    if not refused:
        return
    first = refused[0][1]
    refusal = case.refusal(first)
    message = (
        "The query does not reach the server as it was sent: whatever it says, the answer is "
        f"“{refusal.message if refusal else ''}”. A proxy cuts off ?EIO=…&transport=…, or rewrites it."
    )
    pages = tuple(page for page, _ in refused)
    others = [one.id for one in case.all("websocket", "other-protocol") if case.refusal(one)][:1]
    headers = (check(first, "status", "200"),)
    yield Hit(message, concerned(case, pages), headers=headers, exchanges=(first.id, *others), rung=met_at(case, pages))


@rule("SIO251", "ws-only-version-mismatch", "A WebSocket of another protocol version", Rung.HANDSHAKE)
def ws_only_version_mismatch(case: Case) -> Iterable[Hit]:
    """The page's client is too old for the server, begins with WebSocket, and is told so in no way that it can read.

    **What it means.** socket.io-client 2 asks with `EIO=3`. The server accepts the WebSocket first and refuses the
    version afterwards: since 4.1 as HTTP, written into the open WebSocket (the browser says `Invalid frame header`, or
    speaks of reserved bits); before, it says nothing for ever. Upgrade the client, or set `allowEIO3: true`.

    **How it is told.** 101, and then `HTTP/1.1 400 Bad Request` as raw bytes, or silence; the same version asked by
    polling is refused as unsupported.

    **What it is not.** A second WebSocket server on the same path writes into it too (`ws-two-servers-conflict`); there
    polling in this version is fine. A client that polls first is told (`client-too-old`). A client that is too *new*
    connects, and says itself that the server is one of 2.x (`server-too-old`).
    """
    socket = broken_at_once(case)
    if socket is None or socket.response is None:
        return
    client = case.plan.client
    said = next((frame.data for frame in socket.response.frames if frame.type == "raw"), "")
    then = (
        f"then “{said.splitlines()[0][:40]}” came over it, which is no frame" if said else "then nothing came over it"
    )
    polled = next(one for one in case.all("handshake", "control") if case.refusal(one))
    refusal = case.refusal(polled)
    yield Hit(
        f"socket.io-client {client.version} speaks Engine.IO {client.protocol}, and the server does not: the WebSocket "
        f"was accepted, {then}. Asked by polling, it says “{refusal.message if refusal else ''}”. Upgrade the client "
        "to version 4, or set allowEIO3: true on the server for a while.",
        headers=(check(polled, "status", "200"),),
        exchanges=(socket.id, polled.id),
        severity="error",
    )


@rule("SIO640", "allow-upgrades-off", "The server has upgrades switched off", Rung.UPGRADE)
def allow_upgrades_off(case: Case) -> Iterable[Hit]:
    """The client polls first and stays there, although the server takes WebSockets: `allowUpgrades: false`.

    **What it means.** The page works, and each message is a request of its own, which is slower. Where that is not
    meant, take `allowUpgrades: false` out of the server's options; where it is, nothing is wrong.

    **How it is told.** The open packet names no upgrade, and a WebSocket of its own is accepted all the same.

    **What it is not.** A server that takes no WebSockets at all (`transport-disabled`), or a proxy that loses the
    upgrade, which the open packet offers (`ws-proxy-no-upgrade`).
    """
    offered = offering(case)
    accepted = next((exchange for exchange in case.all("websocket") if opened(exchange)), None)
    if not case.polls or "websocket" not in case.plan.client.transports or offered is None or accepted is None:
        return
    if not offered[1].upgrades:
        yield Hit(
            "The server offers no upgrade, although it takes WebSockets: the client stays on polling. On Node that is "
            "allowUpgrades: false.",
            exchanges=(offered[0].id, accepted.id),
            severity="info",
        )


@rule("SIO741", "parser-mismatch", "The server reads packets of another parser", Rung.CONNECT)
def parser_mismatch(case: Case) -> Iterable[Hit]:
    """The transport works, and the server ends the session as soon as CONNECT comes: it cannot read it.

    **What it means.** `parser` (socket.io-msgpack-parser, or one's own) is set on one side and not on the other. Both
    need the same; Engine.IO below them does not notice.

    **How it is told.** The handshake is good, and what follows CONNECT is the end of the session: a close packet, or a
    closed WebSocket, with no word about why. Or the answer to CONNECT is binary.

    **What it is not.** A refusal is a packet with a message (`connect-middleware-error`, `invalid-namespace`). Silence
    is `no-connect-reply`. Code that closes the connection itself (`socket.conn.close()`) looks the same.
    """
    found = {page: one for page in case.plan.origins if (one := _unread(case, page))}
    if not found:
        return
    yield Hit(
        f"The server at {case.plan.target.url} opens the session and ends it when CONNECT comes, without a word: it "
        "cannot read the packet. Mostly its parser is another one (socket.io-msgpack-parser), which the client needs "
        "as well. The transport and CORS are fine.",
        origins=tuple(found),
        exchanges=tuple(dict.fromkeys(one.id for one in found.values())),
    )


def _unread(case: Case, page: str) -> Exchange | None:
    """The answer to this page's CONNECT that ends the session, or is binary."""
    taken = next((one for one in case.all("connect", origin=page) if status(one) == 200), None)
    if case.polls:
        poll = case.first("poll", origin=page)
        text = poll.response.text if poll is not None and poll.response is not None else ""
        ended = set(text.split("\x1e")) <= {"1", "6"} and "1" in text
        return poll if taken is not None and status(poll) == 200 and (ended or text.startswith("b")) else None
    for exchange in case.all("websocket", origin=page):
        frames = exchange.response.frames if opened(exchange) and exchange.response is not None else ()
        numbers = [number for number, one in enumerate(frames) if one.direction == "out" and one.data.startswith("40")]
        behind = [one for one in frames[numbers[0] :] if one.direction == "in"] if numbers else []
        if behind and (behind[0].type == "binary" or (behind[0].type == "close" and behind[0].code in (None, 1000))):
            return exchange
    return None


#: netty-socketio makes its session ids with java.util.UUID.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@rule("SIO252", "netty-specifics", "What is particular to netty-socketio", Rung.HANDSHAKE)
def netty_specifics(case: Case) -> Iterable[Hit]:
    """The server is netty-socketio (Java), which words nothing and has CORS options of its own.

    **What it means.** It listens on a port of its own, so `@CrossOrigin` and Spring's CORS settings never reach it.
    Without `setOrigin` every page is let in, with credentials; `setOrigin("*")` adds
    `Access-Control-Allow-Credentials: true`, and is refused with credentials nevertheless; a list with commas is sent
    as it is. Headers of the page need `setAllowHeaders`. Another path is `setContext`.

    **How it is told.** The session id is a UUID, or whatever path is asked for, every answer is 400 without a word, as
    netty-socketio says that a path is not its own. Said only where a page does not connect.

    **What it is not.** A cause: what is wrong stands before it. Node's and Python's servers word their refusals.
    """
    failing = [outcome for outcome in case.outcomes if outcome.connects is False]
    if not failing:
        return
    asked = [one for one in case.all("handshake", "control", "other-path") if one.response is not None]
    bare = [one for one in asked if status(one) == 400 and one.response and not one.response.body]
    if case.open is not None and _UUID.fullmatch(case.open.sid):
        seen = "its session ids are UUIDs"
    elif len(bare) > 2 and len(bare) == len(asked):
        seen = "every path is answered 400 without a word"
    else:
        return
    yield Hit(
        f"This seems to be netty-socketio ({seen}). Spring's CORS settings do not reach it: setOrigin (leave it out "
        "to let every page in), setAllowHeaders for headers of the page, setContext for the path, on the port of its "
        "own.",
        exchanges=tuple(one.id for one in asked[:1]),
        severity="info",
    )
