"""Who answers: held against recordings of real servers whose version is known, and against look-alikes."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from sio_doctor.model import FOREIGN, Evidence, Response
from sio_doctor.stacks import fixes, identify
from sio_doctor.stacks.observed import observed
from tests.rules.build import (
    PAGE,
    evidence,
    exchange,
    failed,
    html,
    node_error,
    node_open,
    preflight_ok,
    response,
    switching,
)


class Recording(msgspec.Struct):
    """A line of recordings.jsonl: what it was, and what it answered."""

    recorded: str
    client: int
    stack: str
    version: str | None
    layers: tuple[str, ...]
    claimed: str | None
    evidence: Evidence


FILE = Path(__file__).parent / "recordings.jsonl"
RECORDINGS = [msgspec.json.decode(line, type=Recording) for line in FILE.read_bytes().splitlines()]


def names(recording: Recording) -> str:
    return f"{recording.recorded} client {recording.client}"


@pytest.mark.parametrize("recording", RECORDINGS, ids=names)
def test_a_recorded_server_is_recognised(recording: Recording) -> None:
    server = identify(recording.evidence)
    assert (server.stack, server.version) == (recording.stack, recording.claimed)
    assert server.layers == recording.layers
    assert bool(server.evidence) == (server.stack != "unknown" or bool(server.layers))


@pytest.mark.parametrize("recording", [one for one in RECORDINGS if one.version], ids=names)
def test_the_claimed_version_is_never_wrong(recording: Recording) -> None:
    assert recording.version
    assert recording.claimed
    assert covers(recording.claimed, recording.version)


@pytest.mark.parametrize("recording", RECORDINGS, ids=names)
def test_the_session_id_tells_nothing(recording: Recording) -> None:
    """It is struck out of reports, and these replay alike."""
    text = msgspec.json.encode(recording.evidence).decode()
    for sid in set(re.findall(r'\\"sid\\":\\"([\w-]+)', text)):
        text = text.replace(sid, "x" * len(sid))
    assert identify(msgspec.json.decode(text, type=Evidence)) == identify(recording.evidence)


def covers(claim: str, version: str) -> bool:
    """The range (``4.7+``, ``2.x``, ``3.0.x``, ``3.1–4.4``) has that release in it."""
    if re.fullmatch(r"\d+\.\d+\.\d+", claim):
        return claim == version
    release = tuple(map(int, version.split(".")[:2]))
    first, last = claim.removesuffix("+"), claim
    if "–" in claim:
        first, last = claim.split("–")
    low, high = bounds(first)[0], (99, 99) if claim.endswith("+") else bounds(last)[1]
    return low <= release <= high


def bounds(part: str) -> tuple[tuple[int, int], tuple[int, int]]:
    major, minor = part.split(".")[:2]
    return ((int(major), 0), (int(major), 99)) if minor == "x" else ((int(major), int(minor)), (int(major), int(minor)))


# --- look-alikes -----------------------------------------------------------------------------------------------------


def test_the_cors_package_alone_is_no_socketio() -> None:
    """An Express app with cors() answers preflights in the very same words."""
    seen = evidence(
        {}, [exchange("handshake", html(404, "Cannot GET")), exchange("simulated-preflight", preflight_ok())]
    )
    assert identify(seen).stack == "unknown"


def test_an_open_packet_without_a_mark_of_node_stays_unknown() -> None:
    """Servers in other languages write the keys in Node's order too."""
    plain = node_open()
    bare = structs.replace(plain, headers=(("content-type", "text/plain"),))
    assert identify(evidence({}, [exchange("handshake", bare)])).stack == "unknown"
    assert identify(evidence({}, [exchange("handshake", plain)])).stack == "socket.io"


def test_two_servers_behind_one_address_stay_unknown() -> None:
    refusal = response(400, ("Content-Type", "text/plain"), body='"Invalid session abc"')
    seen = evidence({}, [exchange("handshake", node_error(1)), exchange("poll", refusal)])
    assert identify(seen).stack == "unknown"


def test_an_engineio_that_never_answers_connect_is_not_called_socketio() -> None:
    silence = failed("timeout", phase="head")
    asked = [
        exchange("handshake", node_open()),
        exchange("connect", response(200, body="ok")),
        exchange("poll", silence),
    ]
    assert identify(evidence({}, asked)).stack == "engine.io"


def test_the_client_file_tells_socketio_even_where_connect_is_never_answered() -> None:
    file = response(200, ("Content-Type", "application/javascript"), ("ETag", '"4.8.4"'))
    silence = failed("timeout", phase="head")
    server = identify(
        evidence({}, [exchange("handshake", node_open()), exchange("client-file", file), exchange("poll", silence)])
    )
    assert (server.stack, server.version) == ("socket.io", "4.8.4")


@pytest.mark.parametrize(
    "answer",
    [
        response(200, ("Content-Type", "application/javascript"), ("ETag", 'W/"5b-dOhxb0IgpMbx9lnPZ0TfQNgKbxI"')),
        response(200, ("Content-Type", "text/html"), ("ETag", '"4.8.4"')),
        response(404, ("Content-Type", "application/javascript"), ("ETag", '"4.8.4"')),
    ],
)
def test_an_etag_that_is_no_version_of_the_client_file_claims_nothing(answer: Response) -> None:
    assert identify(evidence({}, [exchange("client-file", answer)])).version is None


def test_a_login_page_behind_a_redirect_is_not_the_server() -> None:
    login = html(200, "<html>Sign in", ("Server", "nginx/1.25.0"))
    moved = response(302, ("Location", "https://login.example.com/"))
    seen = evidence(
        {}, [exchange("handshake", moved), exchange("redirect", login, url="https://login.example.com/socket.io/")]
    )
    assert identify(seen).layers == ()


def test_a_server_header_cannot_put_controls_into_the_report() -> None:
    hostile = html(404, "", ("Server", "evil\x1b[2J/1.0\u202e"))
    server = identify(evidence({}, [exchange("handshake", hostile)]))
    assert server.layers
    assert all(text.isprintable() for text in (*server.layers, *server.evidence))


def test_a_websocket_tells_it_too() -> None:
    seen = evidence(
        {"transports": ("websocket",)},
        [
            exchange("handshake", node_error(0)),
            exchange(
                "websocket", switching('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}', "40")
            ),
        ],
    )
    server = identify(seen)
    assert (server.stack, server.version) == ("socket.io", "2.5.x")


# --- what cures can point at -----------------------------------------------------------------------------------------


def test_what_was_observed() -> None:
    slash = PAGE + "/"
    seen = evidence(
        {},
        [
            exchange("handshake", node_open(("Access-Control-Allow-Origin", slash))),
            exchange("near-miss", preflight_ok(("Access-Control-Allow-Origin", slash)), origin=slash),
            exchange("other-path", node_open(), url="/ws/socket.io/"),
        ],
    )
    known = {"polls": "yes", "allow-origin": slash, "accepted": slash, "path": "/ws/socket.io/"}
    assert observed(seen) == known


def test_who_is_let_in_now_stays_let_in() -> None:
    other, scheme = "https://other.example", PAGE.replace("https:", "http:")
    seen = evidence(
        {"origins": (other, PAGE)},
        [
            exchange("handshake", node_open(("Access-Control-Allow-Origin", other)), origin=other),
            exchange("handshake", node_open(), origin=PAGE),
            exchange("near-miss", preflight_ok(("Access-Control-Allow-Origin", scheme)), origin=scheme),
            exchange("near-miss", preflight_ok(("Access-Control-Allow-Origin", f"{PAGE}:443")), origin=f"{PAGE}:443"),
        ],
    )
    assert observed(seen)["let-in"].split() == [other, scheme]
    cures = fixes("origin-not-in-list", seen.plan, identify(seen), origins=(PAGE,), details=observed(seen))
    assert all(f'"{one}"' in cures[0].after for one in (other, scheme, PAGE))


def test_where_everybody_is_let_in_nobody_is_listed() -> None:
    seen = evidence(
        {},
        [
            exchange("handshake", node_open(("Access-Control-Allow-Origin", PAGE))),
            exchange("foreign", node_open(("Access-Control-Allow-Origin", FOREIGN))),
        ],
    )
    assert "let-in" not in observed(seen)


def test_a_variant_that_gets_a_fixed_header_was_not_accepted() -> None:
    fixed = preflight_ok(("Access-Control-Allow-Origin", FOREIGN))
    assert observed(evidence({}, [exchange("near-miss", fixed, origin=PAGE + "/")])) == {}


def test_where_a_redirect_leads_is_written_whole() -> None:
    moved = response(301, ("Location", "/elsewhere/?EIO=4"))
    assert observed(evidence({}, [exchange("handshake", moved)]))["location"].endswith("/elsewhere/?EIO=4")
    broken = response(301, ("Location", "http://[::1"))
    assert observed(evidence({}, [exchange("handshake", broken)])) == {"location": ""}


TOKEN = {"extra_headers": (("X-Token", "1"),)}


def test_headers_that_are_listed_now_stay_listed_though_everybody_is_let_in() -> None:
    seen = evidence(
        TOKEN,
        [
            exchange("foreign", node_open(("Access-Control-Allow-Origin", FOREIGN))),
            exchange("preflight", preflight_ok(("Access-Control-Allow-Headers", "Authorization, X-Trace"))),
        ],
    )
    assert observed(seen) == {"allow-headers": "Authorization X-Trace"}
    cures = fixes("preflight-header-not-allowed", seen.plan, identify(seen), origins=(PAGE,), details=observed(seen))
    assert all(f'"{one}"' in cures[0].after for one in ("Authorization", "X-Trace", "X-Token"))


@pytest.mark.parametrize(("listed", "kept"), [("x-token, x-other", 0), (", ".join(f"x-{n}" for n in range(5000)), 20)])
def test_an_echo_is_no_list_and_a_list_is_not_taken_over_without_end(listed: str, kept: int) -> None:
    seen = evidence(TOKEN, [exchange("preflight", preflight_ok(("Access-Control-Allow-Headers", listed)))])
    assert len(observed(seen).get("allow-headers", "").split()) == kept
