"""The session, SIO5xx."""

from __future__ import annotations

from sio_doctor.model import Evidence, Response
from tests.examples.base import ALLOWED, CONNECTED, CREDENTIALS, NGINX, OK, OPEN, VARY, seen
from tests.rules.build import (
    Asked,
    exchange,
    html,
    node_error,
    node_open,
    node_ws_error,
    open_data,
    python_error,
    response,
)

UNKNOWN = node_error(1, ALLOWED)
LOST = python_error("Invalid session AAAAAAAAAAAAAAAAAAAA", ALLOWED)
AUTH = '{"token":"' + "x" * 200 + '"}'
BALANCED = node_open(ALLOWED, CREDENTIALS, ("Set-Cookie", "SERVERID=s1; Path=/"))


def _sticky(*answers: Response, cookies: str = "", sid: str = "A" * 20) -> list[Asked]:
    headers = (("Cookie", cookies),) if cookies else ()
    return [exchange("sticky", answer, origin=None, sid=sid, headers=headers) for answer in answers]


EXAMPLES: dict[str, Evidence] = {
    "no-sticky-sessions": seen(OPEN, exchange("connect", UNKNOWN), *_sticky(OK, UNKNOWN, OK, UNKNOWN)),
    "method-or-size-filter": seen(
        OPEN, exchange("connect", html(405, "<h1>405</h1>", NGINX, ALLOWED, reason="Method Not Allowed"))
    ),
    "two-instances-one-server": seen(
        *CONNECTED, *_sticky(OK, OK, OK), exchange("upgrade", node_ws_error("Session ID unknown"))
    ),
    "sticky-cookie-not-sent": seen(
        exchange("handshake", BALANCED),
        exchange("connect", UNKNOWN),
        *_sticky(*[OK, UNKNOWN] * 4),
        *_sticky(*[OK] * 8, cookies="SERVERID=s1"),
    ),
    "gunicorn-workers": seen(OPEN, exchange("connect", LOST), *_sticky(OK, LOST, OK, LOST)),
    "restart-or-sleep": seen(
        *CONNECTED,
        *_sticky(OK, OK, *[UNKNOWN] * 10),
        *_sticky(*[OK] * 4, sid="B" * 20),
        plan={"transports": ("polling",)},
    ),
    "request-overlap": seen(
        OPEN, exchange("connect", OK), exchange("poll", response(400, ALLOWED, reason="Bad Request"))
    ),
    "payload-limits": seen(
        exchange("handshake", response(200, ALLOWED, VARY, body=open_data().replace("1000000", "100"))),
        exchange("connect", response(413, ALLOWED, VARY, reason="Payload Too Large"), body=f"40{AUTH}"),
        plan={"auth": AUTH},
    ),
}
