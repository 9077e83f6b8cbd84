"""What was kept open and cut: by something between, or by the server."""

from __future__ import annotations

import pytest

from sio_doctor.model import Evidence, Finding, Held, NoResponse, Response
from tests.rules.build import PAGE, SID, evidence, exchange, findings, html, node_error, node_open, switching

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
OPEN = exchange("handshake", node_open(ALLOWED))
ENDED = NoResponse(kind="closed", phase="frame", message="It closed the connection while a frame was awaited.")
SAID = NoResponse(kind="closed", phase="frame", message="A close frame came.", detail="close")


def told(gathered: Evidence) -> dict[str, Finding]:
    return {slug: one for slug, one in findings(gathered).items() if slug in ("ws-idle-timeout", "closed-by-server")}


def websocket(
    ended: NoResponse | None, *, seconds: float = 60.2, quiet: float = 60.2, code: int | None = None
) -> Evidence:
    held = Held(transport="websocket", seconds=seconds, quiet=quiet, pings=2, ended=ended, close_code=code, exchange=2)
    return evidence({}, [OPEN, exchange("hold", switching(), url="wss://api.example.com/socket.io/")], held=(held,))


@pytest.mark.parametrize(
    ("quiet", "whose"), [(60.2, "nginx's proxy_read_timeout"), (55.1, "Heroku"), (100, "Cloudflare")]
)
def test_a_cut_without_a_word_is_somebody_between(quiet: float, whose: str) -> None:
    found = findings(websocket(ENDED, seconds=quiet + 25, quiet=quiet))["ws-idle-timeout"]
    assert found.severity == "warning"
    assert f"Nothing had come over it for {quiet:g} s" in found.message
    assert whose in found.message


def test_a_time_that_nobody_is_known_for_has_no_name() -> None:
    assert "That is the time of" not in findings(websocket(ENDED, quiet=17))["ws-idle-timeout"].message


def test_what_is_still_open_is_no_finding() -> None:
    assert told(websocket(None)) == {}


def test_a_close_frame_is_the_servers_own() -> None:
    found = told(websocket(SAID, code=1000))
    assert list(found) == ["closed-by-server"]
    assert found["closed-by-server"].severity == "info"
    assert "(code 1000)" in found["closed-by-server"].message


def test_a_hung_connection_is_not_told_as_cut() -> None:
    silent = NoResponse(kind="timeout", phase="frame", message="No ping came for 45 s; the client gives up then.")
    assert "the server hangs" in findings(websocket(silent))["ws-idle-timeout"].message


@pytest.mark.parametrize(
    ("answer", "slug"),
    [(html(504, "<h1>504 Gateway Time-out</h1>"), "ws-idle-timeout"), (node_error(1, ALLOWED), "closed-by-server")],
)
def test_a_poll_is_cut_by_a_proxy_or_has_lost_its_session(answer: Response, slug: str) -> None:
    ended = NoResponse(kind="closed", phase="head", message="The poll was answered with an error.")
    held = Held(transport="polling", seconds=10, quiet=10, pings=0, ended=ended, exchange=2)
    asked = [OPEN, exchange("hold", answer, sid=SID)]
    assert list(told(evidence({}, asked, held=(held,)))) == [slug]
