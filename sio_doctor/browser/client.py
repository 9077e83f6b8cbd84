"""socket.io-client 2, 3 and 4 in a page: what it asks, in which order, and what the application hears.

Read in the npm packages (socket.io-client 2.5.0, 3.1.3 and 4.8.4). Generators: they yield steps and are sent what came
of each, so the probe drives them against the network and the judge over what was remembered.

They are sequential. A page polls while it posts, and probes the WebSocket meanwhile; here CONNECT is posted, then
polled for, then the upgrade is asked, which servers accept and which never has two polls at once on one session.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal, NamedTuple

from sio_doctor.browser.fetch import Fetched, Page
from sio_doctor.browser.session import NOT_ASKED, Close, Heard, Send, Session, Step
from sio_doctor.browser.table import Engine
from sio_doctor.model import Cookie, NoResponse, Plan, Response, Transport, Verdict
from sio_doctor.standards import engineio, socketio

#: How many polls or messages may pass before the answer to CONNECT: a ping, an event that came early.
PATIENCE = 3

#: The message of what the WebSocket constructor throws, which the client hands on. Measured on 2026-11-24.
_THROWN = {
    ("chromium", "mixed-content"): (
        "Failed to construct 'WebSocket': An insecure WebSocket connection may not be initiated from a page loaded "
        "over HTTPS."
    ),
    ("firefox", "mixed-content"): "The operation is insecure.",
    ("firefox", "csp"): "",
    ("webkit", "csp"): "The operation is insecure.",
}

V2_SERVER = (
    "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible "
    "(more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)"
)


class Attempt(NamedTuple):
    """What came of one attempt of the client to connect."""

    connects: bool | None
    reason: str | None = None
    """Why not, or what is not known; None where it connects."""
    transport: Transport | None = None
    error: str | None = None
    """The message of ``connect_error``; None where there is none."""
    upgraded: bool | None = None
    verdict: Verdict | None = None
    """What the browser made of the handshake of the transport that it came to."""
    sid: str | None = None
    """The polling session that it was tried in."""
    opening: bool = False
    """An error ended it before the session was open: where the client tries all transports, the next one's turn."""
    alive: bool = False
    """The Engine.IO session is open, whatever became of CONNECT."""
    waits: bool = False
    """The page waits for an answer that does not come, with the session open: ours is given up."""
    console: tuple[str, ...] = ()
    """What the browser prints while it goes on, in order."""
    cookies: tuple[Cookie, ...] = ()
    """What the server set meanwhile, and whether it goes back."""


def connect(engine: Engine, page: Page, plan: Plan) -> Generator[Step, Heard, Attempt]:
    """The client's first attempt, with the transports of the plan.

    A first transport that fails ends it, unless the client has ``tryAllTransports``: then it is dropped.
    """
    session = Session(engine, page, plan)
    attempt = yield from _begin(session)
    while attempt.opening and session.client.try_all_transports and len(session.transports) > 1:
        session.transports = session.transports[1:]
        attempt = yield from _begin(session)
    return attempt._replace(console=tuple(session.console), cookies=session.cookies.met())


def _begin(session: Session) -> Generator[Step, Heard, Attempt]:
    by_first = _by_websocket if session.transports[0] == "websocket" else _by_polling
    return (yield from by_first(session))


def direct(engine: Engine, page: Page, plan: Plan) -> Generator[Step, Heard, Attempt]:
    """May the page open a WebSocket of its own, whatever the plan's transports?

    Where the client itself may begin with one it goes on to CONNECT, as ``connect`` does; else the open packet tells.
    """
    join = plan.client.transports[0] == "websocket" or plan.client.try_all_transports
    return (yield from _by_websocket(Session(engine, page, plan), join=join))


def handshake(engine: Engine, page: Page, plan: Plan) -> Generator[Step, Heard, Fetched]:
    """The polling handshake alone."""
    return (yield from Session(engine, page, plan).request("handshake"))


def _by_polling(session: Session) -> Generator[Step, Heard, Attempt]:
    fetched = yield from session.request("handshake")
    verdict = fetched.verdict
    if failed := _failed(fetched, "the handshake", "xhr poll error"):
        return failed._replace(verdict=verdict, opening=failed.error == "xhr poll error")
    reason = "The answer to the handshake is no open packet that this client can read."
    try:
        packets = engineio.decode_payload(_response(fetched).bytes, session.client.protocol)
    except ValueError:
        return Attempt(False, reason, error="server error", verdict=verdict, opening=True)
    opened = engineio.open_packet(packets[0].data) if packets[0].type == "open" else None
    if opened is None:
        # It never polls again: other packets are no error to it, and what JSON.parse throws is nobody's.
        return Attempt(False, reason, error="timeout", verdict=verdict)
    if _response(fetched).truncated:
        return Attempt(False, "The answer to the handshake does not end.", error="timeout", verdict=verdict)
    attempt = yield from _join_by_polling(session, opened.sid, packets[1:])
    upgraded: bool | None = None
    settled = True
    if "websocket" in session.transports and "websocket" in opened.upgrades:
        if attempt.alive:
            upgraded = yield from _upgrade(session, opened.sid)
            settled = upgraded is not None
        elif attempt.waits:
            yield from _failing_upgrade(session, opened.sid)
    transport: Transport | None = None
    if attempt.connects and settled:  # where the upgrade was not asked, it is not known on which it would end
        transport = "websocket" if upgraded else "polling"
    return attempt._replace(verdict=verdict, transport=transport, upgraded=upgraded, sid=opened.sid)


def _join_by_polling(session: Session, sid: str, packets: list[engineio.Packet]) -> Generator[Step, Heard, Attempt]:
    client, namespace = session.client, session.plan.target.namespace
    # Client 2 waits for the server's own CONNECT of the root namespace, and asks for any other.
    if client.version > 2 or namespace != "/":
        packet = socketio.connect(namespace, client.auth if client.version > 2 else None)
        posted = yield from session.request("connect", sid, engineio.encode_payload([packet], client.protocol))
        if failed := _failed(posted, "CONNECT", "xhr post error"):
            return failed
    for _ in range(PATIENCE):
        for packet_ in packets:
            if packet_.type == "close":
                return Attempt(False, "The server closed the session instead of answering CONNECT.")
            if packet_.type == "message" and (attempt := _joined(session, packet_.data)):
                return attempt
        polled = yield from session.request("poll", sid)
        if failed := _failed(polled, "the poll", "xhr poll error"):
            return failed
        try:
            packets = engineio.decode_payload(_response(polled).bytes, client.protocol)
        except ValueError:
            return Attempt(False, "The answer to the poll is no Engine.IO payload.", error="server error")
    return Attempt(False, "The server never answered CONNECT.", alive=True)


def _joined(session: Session, message: str) -> Attempt | None:
    """What the message says about CONNECT; None where it is about something else."""
    try:
        packet = socketio.decode(message)
    except ValueError:
        # The client closes with "parse error", which only ``disconnect`` would say.
        return Attempt(False, "The server sent what is no Socket.IO packet.")
    if packet.namespace != session.plan.target.namespace:
        return None
    if packet.type == socketio.ERROR:
        said = socketio.error_message(packet)
        # Clients 3 and 4 read the message off an object; a bare value, which python-socketio sends, leaves it empty.
        heard = session.client.version == 2 or isinstance(socketio.json(packet.data), dict)
        return Attempt(False, f"The server refused CONNECT: {said}", error=said if heard else "", alive=True)
    if packet.type != socketio.CONNECT:
        return None
    data = socketio.json(packet.data)
    if session.client.version > 2 and not (isinstance(data, dict) and "sid" in data):
        return Attempt(False, "The server speaks the Socket.IO protocol of version 2.", error=V2_SERVER, alive=True)
    return Attempt(True, alive=True)


def _by_websocket(session: Session, *, join: bool = True) -> Generator[Step, Heard, Attempt]:
    verdict = yield from session.websocket("websocket")
    if not verdict.allowed:
        if verdict.found == "timeout":
            session.give_up()
            return Attempt(False, verdict.reason, error="timeout", verdict=verdict)
        allowed: Literal[False] | None = None if verdict.allowed is None else False
        error = _THROWN.get((session.engine.name, verdict.code), "websocket error") if allowed is False else None
        return Attempt(allowed, verdict.reason, error=error, verdict=verdict, opening=error is not None)
    attempt = yield from _open_by_websocket(session)
    if attempt is None:
        attempt = (yield from _join_by_websocket(session)) if join else Attempt(None, NOT_ASKED.message)
    yield Close()
    return attempt._replace(
        verdict=attempt.verdict or verdict, transport="websocket" if attempt.connects else None, alive=False
    )


def _open_by_websocket(session: Session) -> Generator[Step, Heard, Attempt | None]:
    """Why no Engine.IO session comes over the WebSocket; None where one does."""
    first = yield from session.message(at_once=True)
    if not isinstance(first, str):
        silent = _silent(first, "The WebSocket opened, but no open packet came over it")
        return silent._replace(opening=isinstance(first, Verdict))
    if not first.startswith("0") or engineio.open_packet(first[1:]) is None:
        reason = "The WebSocket opened, but what came over it is no Engine.IO open packet."
        return Attempt(False, reason, error="server error", opening=True)
    return None


def _join_by_websocket(session: Session) -> Generator[Step, Heard, Attempt]:
    client, namespace = session.client, session.plan.target.namespace
    if client.version > 2 or namespace != "/":
        yield Send(socketio.connect(namespace, client.auth if client.version > 2 else None))
    for _ in range(PATIENCE):
        message = yield from session.message()
        if not isinstance(message, str):
            return _silent(message, "The server never answered CONNECT")._replace(error=None)
        if message.startswith("4") and (attempt := _joined(session, message[1:])):
            return attempt
    return Attempt(False, "The server never answered CONNECT.")


def _upgrade(session: Session, sid: str) -> Generator[Step, Heard, bool | None]:
    """Whether the session moved from polling to WebSocket; a failure leaves the client on polling."""
    verdict = yield from session.websocket("upgrade", sid)
    if not verdict.allowed:
        return None if verdict.allowed is None else False
    yield Send("2probe")
    answer = yield from session.message(sid)
    if answer == "3probe":
        yield Send("5")
    yield Close()
    if isinstance(answer, NoResponse) and answer.kind == "not-asked":
        return None
    return answer == "3probe"


def _failing_upgrade(session: Session, sid: str) -> Generator[Step, Heard, None]:
    """What the page's upgrade prints beside a poll that hangs: the client tries both at once.

    It is asked without the session, as ``direct`` does: servers end one whose poll was given up, which no page does.
    """
    verdict = yield from session.websocket("websocket", judged_as=sid)
    printed = len(session.console)
    if verdict.allowed:
        yield from _join_by_websocket(session)
    del session.console[printed:]
    yield Close()


def _silent(heard: NoResponse | Verdict, what: str) -> Attempt:
    if isinstance(heard, Verdict):
        return Attempt(False, heard.reason, error="websocket error", verdict=heard)
    if heard.kind == "not-asked":
        return Attempt(None, heard.message)
    return Attempt(False, f"{what}: {heard.message}", error="timeout")


def _failed(fetched: Fetched, what: str, error: str) -> Attempt | None:
    """Why the client takes this answer for an error; None where it goes on. It takes status 200 alone."""
    verdict = fetched.verdict
    if verdict.allowed is None:
        return Attempt(None, verdict.reason)
    if not verdict.allowed or fetched.response is None:
        if verdict.found == "timeout":
            # Its own timer runs until the session is open; after that it waits, and the application hears nothing.
            waits = what != "the handshake"
            return Attempt(False, verdict.reason, error=None if waits else "timeout", waits=waits)
        return Attempt(False, verdict.reason, error=error)
    if fetched.response.status != 200:
        return Attempt(False, f"The server answered {what} with status {fetched.response.status}.", error=error)
    return None


def _response(fetched: Fetched) -> Response:
    assert fetched.response is not None  # _failed has seen to it
    return fetched.response
