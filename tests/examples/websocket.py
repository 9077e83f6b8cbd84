"""WebSocket, SIO6xx."""

from __future__ import annotations

from sio_doctor.model import Evidence, Frame, Held, NoResponse
from tests.examples.base import ALLOWED, CONNECTED, DEV_APP, SPOKEN, allow, python_open, seen
from tests.rules.build import exchange, failed, node_error, node_open, node_ws_error, response, switching

ENDED = NoResponse(kind="closed", phase="frame", message="It closed the connection while a frame was awaited.")
SAID = NoResponse(kind="closed", phase="frame", message="A close frame came.", detail="close")
#: What Engine.IO writes into a WebSocket that another server has accepted.
RAW = Frame(direction="in", type="raw", data="HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def _upgrading(answer: object) -> Evidence:
    """A page that connects by polling, then asks for a WebSocket."""
    return seen(*CONNECTED, exchange("upgrade", answer))  # type: ignore[arg-type]


def _held(ended: NoResponse, code: int | None = None) -> Evidence:
    held = Held(transport="websocket", seconds=60.2, quiet=60.2, pings=2, ended=ended, close_code=code, exchange=5)
    hold = exchange("hold", switching(), url="wss://api.example.com/socket.io/")
    return seen(*CONNECTED, exchange("upgrade", switching("3probe", sent=("2probe", "5"))), hold, held=(held,))


EXAMPLES: dict[str, Evidence] = {
    "ws-proxy-no-upgrade": _upgrading(node_error(3, ALLOWED)),
    "python-no-websocket": seen(
        exchange("handshake", python_open(ALLOWED)),
        *CONNECTED[1:],
        exchange(
            "upgrade", response(400, ("server", "uvicorn"), body="Unsupported upgrade request.", reason="Bad Request")
        ),
    ),
    "ws-refused": _upgrading(node_ws_error("Forbidden")),
    "ws-two-servers-conflict": _upgrading(switching(RAW)),
    "ws-idle-timeout": _held(ENDED),
    "closed-by-server": _held(SAID, 1000),
    "allow-upgrades-off": seen(exchange("handshake", node_open(ALLOWED, upgrades=())), *CONNECTED[1:], SPOKEN),
    "ws-platform-off": _upgrading(response(503, ("Server", "Microsoft-IIS/10.0"), reason="WebSockets are disabled")),
    "ws-dev-proxy": seen(
        exchange("handshake", node_open(), origin=None),
        exchange("connect", response(200, allow(DEV_APP), body="ok"), origin=DEV_APP),
        exchange("poll", response(200, body='40{"sid":"x"}'), origin=None),
        exchange("upgrade", failed("closed", phase="head", message="It was closed."), origin=DEV_APP),
        plan={"url": DEV_APP, "origins": (DEV_APP,)},
    ),
    "ws-frame-corruption": _upgrading(
        switching(Frame(direction="in", type="raw", data="\xc1\x05\xaa\x56\x4a\x4d\x4e"))
    ),
}
