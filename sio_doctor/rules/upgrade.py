"""Polling works, and the WebSocket does not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from sio_doctor.model import Exchange, Response, Severity
from sio_doctor.rules import signs
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import is_python_refusal
from sio_doctor.rules.cors import is_python, listing, status
from sio_doctor.rules.protocol import takes_no_websocket
from sio_doctor.rules.reach import Place
from sio_doctor.rules.session import ended_by, is_unknown_session
from sio_doctor.rules.stranger import described, is_limited

Kind = Literal[
    "ws-proxy-no-upgrade",
    "python-no-websocket",
    "ws-two-servers-conflict",
    "ws-refused",
    "asgi-ws-403",
    "ws-platform-off",
    "ws-dev-proxy",
    "ws-frame-corruption",
]


class Failed(NamedTuple):
    """A WebSocket that came to nothing, of a page whose polling handshake Engine.IO answered."""

    page: str
    exchange: Exchange
    kind: Kind


@rule("SIO601", "ws-proxy-no-upgrade", "A proxy does not pass WebSocket upgrades on", Rung.UPGRADE)
def ws_proxy_no_upgrade(case: Case) -> Iterable[Hit]:
    """Something between takes the `Upgrade` off the request, so the server sees a plain GET instead of a WebSocket.

    nginx drops `Upgrade` and `Connection` unless told to pass them on, Apache needs `upgrade=websocket`, some platforms
    and development proxies need WebSocket switched on. A page stays on polling, which works, but slower.

    **How it is told.** The request for a WebSocket is answered in the way Engine.IO answers a plain GET: JSON, code 3
    "Bad request" (python: "Invalid websocket upgrade"). Where the page's origin is refused, Node's JSON still shows it,
    and python-socketio is asked by a WebSocket without an origin. Or something that is not Engine.IO answers it: 426,
    502, a page of HTML.

    **What it is not.** Where a platform is in front that has WebSockets switched off, it is `ws-platform-off`. When
    Engine.IO itself refuses a real upgrade, Node writes plain text, never JSON. Code 0 in JSON means that WebSocket
    is switched off on the server (`transport-disabled`).
    """
    for found in failures(case, "ws-proxy-no-upgrade"):
        exchange = found[0].exchange
        message = (
            f"WebSocket does not get through to the Socket.IO server at {case.plan.target.url}, though polling does: "
        )
        if case.refusal(exchange):
            message += (
                f"the upgrade is answered {answered(exchange)}, which is what Engine.IO says to a plain GET. "
                "Something in front takes the Upgrade and Connection headers off."
            )
        else:
            message += (
                f"the upgrade is answered {answered(exchange)}, and not by Engine.IO. Something in front does not pass "
                "upgrades on."
            )
        yield about(case, found, message)


@rule("SIO602", "python-no-websocket", "The Python server has no WebSocket support installed", Rung.UPGRADE)
def python_no_websocket(case: Case) -> Iterable[Hit]:
    """The Python server offers the upgrade to WebSocket, and then cannot do it: a library is missing.

    uvicorn needs `websockets` or `wsproto` (`pip install "uvicorn[standard]"`), gunicorn with gevent needs
    `gevent-websocket` and its worker class, Flask-SocketIO with threads needs `simple-websocket`.

    **How it is told.** The open packet of a python-socketio server lists `websocket` among its upgrades, and the
    WebSocket is answered 500, or "Unsupported upgrade request.".

    **What it is not.** A refused origin is 403 with uvicorn, and 400 elsewhere. A proxy that drops the upgrade makes
    python-socketio say "Invalid websocket upgrade" (`ws-proxy-no-upgrade`).
    """
    for found in failures(case, "python-no-websocket"):
        message = (
            f"The Python server at {case.plan.target.url} offers WebSocket, but answers the upgrade "
            f"{answered(found[0].exchange)}: it runs without a WebSocket library, or under a worker that cannot do it."
        )
        yield about(case, found, message)


@rule("SIO604", "ws-two-servers-conflict", "Another WebSocket server answers on the same path", Rung.UPGRADE)
def ws_two_servers_conflict(case: Case) -> Iterable[Hit]:
    """Two servers take the same upgrade: Socket.IO, and another WebSocket server on the same HTTP server.

    A `ws` server without a path of its own, a second Socket.IO server, a status monitor, hot reloading. Both write into
    the connection, and browsers report an invalid frame.

    **How it is told.** The upgrade gets 101, and what follows is a second HTTP answer in the WebSocket, or messages
    that are not Engine.IO's, while polling works. Or it gets 400 "Bad Request", the words of a `ws` server with a path
    of its own, which refuses every other one; Engine.IO writes "Bad request".

    **What it is not.** A client of another protocol version gets 101 and then "Unsupported protocol version"
    (`client-too-old`, `ws-only-version-mismatch`); there polling fails too. What hot reloading says comes from the
    server of development (`ws-dev-proxy`); bytes that are neither frames nor HTTP, from something that changes them on
    the way (`ws-frame-corruption`).
    """
    for found in failures(case, "ws-two-servers-conflict"):
        url, exchange = case.plan.target.url, found[0].exchange
        if status(exchange) == 101:
            words = first_words(exchange)
            message = f"The WebSocket to {url} is accepted, but what comes over it is not Engine.IO's: “{words}”."
        else:
            message = f"The WebSocket to {url} is answered {answered(exchange)}, and not by Engine.IO."
        yield about(case, found, f"{message} A second WebSocket server on the same port answers the same upgrade.")


@rule("SIO603", "ws-refused", "The WebSocket is refused", Rung.UPGRADE)
def ws_refused(case: Case) -> Iterable[Hit]:
    """Polling works, and the WebSocket fails in a way that has no better known name here.

    **What it means.** A page that polls first stays on polling, which works, but slower; a page that uses WebSocket
    alone does not connect. It may be an `allowRequest` that wants a header which a WebSocket cannot carry, a check of
    the origin by the web framework (Tornado has one), a device on the way, or a limit on connections. The server's log
    knows more, in Node its `connection_error` event.

    **How it is told.** The polling handshake is a good open packet that offers WebSocket, or the server has polling
    switched off; the WebSocket gets an error, no answer, or a 101 that browsers refuse.

    **What it is not.** Where Engine.IO answers in JSON, the upgrade was lost on the way (`ws-proxy-no-upgrade`). A bare
    403 of a Python server is `asgi-ws-403`. An unknown session is `no-sticky-sessions`. Some networks and virus
    scanners cut WebSockets for some people only; that cannot be seen from here.
    """
    for found in failures(case, "ws-refused"):
        exchange = found[0].exchange
        url = case.plan.target.url
        if exchange.response is None:
            reason = exchange.failure.message if exchange.failure else ""
            message = f"The WebSocket to {url} gets no answer, though polling works: {reason}"
        elif exchange.response.status == 101:
            verdicts = [one.websocket for one in case.outcomes_of(found[0].page) if one.websocket.allowed is False]
            message = f"The WebSocket to {url} is accepted, but not so that it can be used, though polling works: "
            ended = exchange.response.ended.message if exchange.response.ended else "it was closed at once."
            message += verdicts[0].reason if verdicts and verdicts[0].reason else ended
        else:
            refusal = case.refusal(exchange)
            words = f"{status(exchange)} “{refusal.message}”" if refusal else described(exchange.response)
            message = f"The server at {url} refuses the WebSocket with {words}, though polling works."
            if "Cross origin" in exchange.response.text:
                message += " Those are the words of Tornado, which checks the origin of WebSockets by itself."
        yield about(case, found, message)


def failures(case: Case, kind: Kind) -> Iterable[list[Failed]]:
    """The failed WebSockets of that kind, those alike together: one cause is one hit."""
    groups: dict[tuple[int, str], list[Failed]] = {}
    # A cache answers the upgrade like anything else.
    for page in () if case.cached else case.plan.origins or case.pages:
        exchange = _failed(case, page)
        if exchange is not None and _kind(case, exchange) == kind:
            key = status(exchange), exchange.failure.kind if exchange.failure else ""
            groups.setdefault(key, []).append(Failed(page, exchange, kind))
    return groups.values()


def _failed(case: Case, page: str) -> Exchange | None:
    """The WebSocket that this page's client wants and does not get; None where it does, or wants none."""
    handshake = case.handshake(page)
    opened = case.opened(handshake)
    offered = opened is not None and "websocket" in opened.upgrades
    refusal = case.refusal(handshake)
    if refusal is not None and refusal.code in (3, 4):  # an origin function, allowRequest, or Socket.IO 2's origins
        return _lost_though_refused(case, page)
    if handshake is not None and is_python_refusal(case, handshake):
        return _lost_for_everybody(case)
    no_polling = refusal is not None and (refusal.code == 0 or refusal.message.startswith("Invalid transport"))
    if "websocket" not in case.plan.client.transports or not (offered or (no_polling and not case.polls)):
        return None
    # Switched off is `transport-disabled`; and who may not post its CONNECT gets no WebSocket for the same reason.
    if takes_no_websocket(case) or any(is_python_refusal(case, one) for one in case.all("connect", origin=page)):
        return None
    exchange = case.first("upgrade", origin=page) if case.polls else None
    exchange = exchange or case.first("websocket", origin=page)
    if exchange is None or _works(exchange) or is_unknown_session(case, exchange) or exchange in ended_by(case):
        return None
    # A limit that plain requests meet too (`rate-limit`, `gateway-5xx-no-cors`) has nothing against WebSockets.
    same = any(status(other) == status(exchange) for other in case.all("control", "foreign"))
    if is_limited(case, exchange.response) or (status(exchange) >= 500 and same):
        return None
    return None if exchange.failure is not None and exchange.failure.kind == "not-asked" else exchange


def _lost_though_refused(case: Case, page: str) -> Exchange | None:
    """The WebSocket of a page that Node refuses, where the refusal is JSON: the Upgrade did not reach it either."""
    if "websocket" not in case.plan.client.transports:
        return None
    exchange = case.first("websocket", origin=page)
    refusal = case.refusal(exchange)
    return exchange if refusal is not None and refusal.form == "json" and refusal.code in (3, 4) else None


def _lost_for_everybody(case: Case) -> Exchange | None:
    """The WebSocket without an Origin, where python-socketio refuses the page's and lets nobody's in by polling."""
    exchange = case.first("websocket", origin=None)
    if exchange is None or _works(exchange) or is_python_refusal(case, exchange):
        return None
    return exchange if _kind(case, exchange) != "ws-refused" else None


def _works(exchange: Exchange) -> bool:
    """An Engine.IO server spoke over it, and it alone: the open packet, or the answer to the upgrade's probe."""
    frames = exchange.response.frames if exchange.response else ()
    heard = [frame for frame in frames if frame.direction == "in" and frame.type in ("text", "raw")]
    alone = all(frame.type == "text" and not frame.masked for frame in heard)
    return bool(heard) and alone and heard[0].data.startswith(("0{", "3probe"))


def _kind(case: Case, exchange: Exchange) -> Kind:
    if case.directly is not None and any(map(_works, case.directly.all("websocket", "upgrade"))):
        return "ws-proxy-no-upgrade"  # the server itself takes WebSockets
    response, refusal = exchange.response, case.refusal(exchange)
    if response is None:
        return "ws-dev-proxy" if _asks_its_own_server(case, exchange) else "ws-refused"
    if response.status == 101:
        return _kind_of_frames(exchange)
    lost = False
    if refusal is not None:
        lost = (refusal.family, refusal.form) == ("node", "json") and refusal.code in (3, 4)
        # python-engineio says the latter of a session that is asked by the other transport, without an Upgrade.
        lost = lost or refusal.message.startswith(("Invalid websocket upgrade", "Invalid transport"))
        if not lost:
            return "ws-refused"
    if platform(case, response):
        return "ws-platform-off"
    if lost:
        return "ws-proxy-no-upgrade"
    if _DEV_PROXY.search(response.text):
        return "ws-dev-proxy"
    if response.status == 400 and response.text == "Bad Request":
        return "ws-two-servers-conflict"  # the words of ws, for a path that is not its own
    if is_python(case) and (response.status == 500 or "Unsupported upgrade request" in response.text):
        return "python-no-websocket"
    if is_python(case) and response.status == 403 and not response.text.strip():
        return "asgi-ws-403"
    beside = response.status in (404, 405, 426, 501, 502, 503, 504) or response.status < 400
    # No Engine.IO refuses with a page, and of the hosts Tornado alone does, in words of its own.
    page = "html" in (response.get("content-type") or "") and "Cross origin" not in response.text
    return "ws-proxy-no-upgrade" if beside or (page and response.status in (401, 403)) else "ws-refused"


def _kind_of_frames(exchange: Exchange) -> Kind:
    """What it is that came behind a 101, and is not Engine.IO's."""
    frames = exchange.response.frames if exchange.response else ()
    words = first_words(exchange)
    if any(frame.masked for frame in frames) or (words and not words.startswith("HTTP/") and _is_raw(exchange)):
        return "ws-frame-corruption"
    if _HOT_RELOAD.match(words):
        return "ws-dev-proxy"
    return "ws-two-servers-conflict" if words else "ws-refused"


def _is_raw(exchange: Exchange) -> bool:
    return any(frame.type == "raw" for frame in exchange.response.frames) if exchange.response else False


#: What hot reloading says first: Vite, webpack-dev-server, Next.js.
_HOT_RELOAD = re.compile(
    r'\{"(?:type|action)":\s?"(?:connected|hot|liveReload|log-level|overlay|ok|sync|building|hash)"'
)
#: How http-proxy-middleware, Vite and create-react-app word that the server behind them is not there.
_DEV_PROXY = re.compile(
    r"Error occurred while trying to proxy|Proxy error: Could not proxy|http proxy error|ECONNREFUSED"
)


def _asks_its_own_server(case: Case, exchange: Exchange) -> bool:
    """The page is of the server's own origin, on this machine: a server of development, that passes the path on."""
    return exchange.request.origin == case.plan.target.url and Place(case).loopback


def platform(case: Case, response: Response) -> str:
    """The platform in front, of those where WebSockets are off unless switched on; ``""`` where it is none."""
    answers = [one.response for one in case.all("handshake", "control", "connect") if one.response] + [response]
    if any("ARRAffinity" in line for answer in answers for line in answer.get_all("set-cookie")):
        return "Azure App Service"
    if any((answer.get("server") or "").startswith("Microsoft-IIS") for answer in answers):
        return "IIS"
    if "WebSockets are disabled" in response.text or response.get("x-powered-by") == "iisnode":
        return "iisnode"
    host = urlsplit(case.plan.target.url).hostname or ""
    return next((name for answer in answers if (name := signs.platform_of(host, answer))), "")


def first_words(exchange: Exchange) -> str:
    """What came first over the WebSocket, where it is not Engine.IO's."""
    frames = exchange.response.frames if exchange.response else ()
    heard = [frame for frame in frames if frame.direction == "in" and frame.type in ("text", "binary", "raw")]
    heard.sort(key=lambda frame: frame.type != "raw")  # behind an open packet, what is no frame is the other server's
    return heard[0].data.split("\r\n")[0][:60] if heard else ""


def answered(exchange: Exchange) -> str:
    """What the WebSocket was answered, in a few words."""
    return described(exchange.response) if exchange.response else "not at all"


def about(case: Case, found: list[Failed], message: str) -> Hit:
    """The hit about these: polling goes on without them."""
    # Polling goes on; only a client that begins with WebSocket does not connect.
    severity: Severity | None = "warning" if case.polls else None
    pages = [one.page for one in found if one.page in case.plan.origins]
    if pages and len(case.plan.origins) > len(pages):
        message += f" This was seen for {listing(pages)}."
    return Hit(
        message=message,
        origins=tuple(pages),
        headers=(check(found[0].exchange, "status", "101"),),
        exchanges=tuple(one.exchange.id for one in found),
        severity=severity,
    )
