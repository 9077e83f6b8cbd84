"""Versions and transports that do not fit together."""

from __future__ import annotations

from tests.rules.build import (
    PAGE,
    Asked,
    evidence,
    exchange,
    findings,
    node_error,
    node_open,
    node_v2_open,
    node_ws_error,
    open_data,
    python_error,
    response,
    switching,
)

ALLOWED = ("Access-Control-Allow-Origin", PAGE)
V2 = (("Access-Control-Allow-Credentials", "true"), ALLOWED)
UNSUPPORTED = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
OLD = {"version": 2, "transports": ("polling",)}


def test_a_version_2_client_on_a_version_4_server() -> None:
    asked = [
        exchange("handshake", node_error(5, ALLOWED)),
        exchange("control", node_error(5)),
        exchange("other-protocol", node_open(ALLOWED)),
    ]
    found = findings(evidence(OLD, asked))
    assert list(found) == ["client-too-old"]
    assert found["client-too-old"].severity == "error"
    assert "It takes EIO=4" in found["client-too-old"].message


def test_without_cors_headers_it_is_still_the_version() -> None:
    found = findings(evidence(OLD, [exchange("handshake", node_error(5)), exchange("control", node_error(5))]))
    assert next(iter(found)) == "client-too-old"


def test_the_version_comes_before_cors_that_is_off_in_both() -> None:
    asked = [exchange("handshake", node_error(5)), exchange("other-protocol", node_open(), origin=PAGE)]
    assert list(findings(evidence(OLD, asked))) == ["client-too-old", "cors-not-configured"]


def test_a_wildcard_is_fine_for_a_client_that_is_new_enough() -> None:
    anyone = ("Access-Control-Allow-Origin", "*")
    asked = [exchange("handshake", node_error(5, anyone)), exchange("other-protocol", node_open(anyone), origin=PAGE)]
    assert list(findings(evidence({**OLD, "with_credentials": True}, asked))) == ["client-too-old"]


def test_a_version_2_client_on_a_python_5_server() -> None:
    refusal = python_error(UNSUPPORTED, ALLOWED)
    found = findings(evidence(OLD, [exchange("handshake", refusal)]))
    assert list(found) == ["python-version-mismatch"]
    assert "client 2 wants python-socketio 4 (python-engineio 3, Flask-SocketIO 4)" in (
        found["python-version-mismatch"].message
    )
    assert "allowEIO3" not in found["python-version-mismatch"].message


def test_a_server_in_python_that_loses_the_query_refuses_both_versions() -> None:
    refusal = python_error(UNSUPPORTED, ALLOWED)
    asked = [exchange("handshake", refusal), exchange("other-protocol", refusal)]
    assert list(findings(evidence({}, asked))) == ["transport-unknown"]


def test_socket_io_3_0_answers_old_clients_in_the_new_framing() -> None:
    assert next(iter(findings(evidence(OLD, [exchange("handshake", node_open(ALLOWED))])))) == "client-too-old"


def test_a_version_4_client_on_a_version_2_server() -> None:
    asked = [exchange("handshake", node_v2_open(*V2)), exchange("control", node_v2_open())]
    found = findings(evidence({"transports": ("polling",)}, asked))
    assert list(found) == ["server-too-old"]
    assert "EIO=4" in found["server-too-old"].message


def test_with_no_page_chosen_it_is_an_error_too() -> None:
    asked = [exchange("handshake", node_v2_open(*V2)), exchange("other-protocol", node_v2_open())]
    found = findings(evidence({"origins": (), "transports": ("polling",)}, asked))
    assert found["server-too-old"].severity == "error"


def test_a_version_4_client_on_a_python_4_server() -> None:
    refusal = python_error(UNSUPPORTED, ALLOWED)
    assert list(findings(evidence({"transports": ("polling",)}, [exchange("handshake", refusal)]))) == [
        "python-version-mismatch"
    ]


def test_versions_that_fit_are_no_finding() -> None:
    asked = [exchange("handshake", node_v2_open(*V2))]
    assert not {"client-too-old", "server-too-old"} & set(findings(evidence(OLD, asked)))


def polling_off(socket: Asked) -> list[Asked]:
    return [exchange("handshake", node_error(0, ALLOWED)), exchange("control", node_error(0)), socket]


def test_a_server_without_polling() -> None:
    socket = exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",)))
    found = findings(evidence({}, polling_off(socket)))
    assert list(found) == ["transport-disabled"]
    assert 'transports: ["websocket"]' in found["transport-disabled"].message
    assert "transport-disabled" not in findings(evidence({"transports": ("websocket",)}, polling_off(socket)))


def test_who_tries_all_transports_loses_a_request_only() -> None:
    socket = exchange("websocket", switching(open_data(upgrades=()), '40{"sid":"x"}', sent=("40",)))
    found = findings(evidence({"try_all_transports": True}, polling_off(socket)))
    assert {slug: finding.severity for slug, finding in found.items()} == {"transport-disabled": "warning"}
    assert "goes on to WebSocket" in found["transport-disabled"].message


def test_a_lost_query_looks_alike_and_is_told_apart() -> None:
    found = findings(evidence({}, polling_off(exchange("websocket", node_ws_error("Transport unknown")))))
    assert list(found) == ["transport-unknown"]
    assert "query" in found["transport-unknown"].message


def test_a_query_that_lost_its_version_is_no_old_server() -> None:
    asked = [exchange("handshake", node_error(5)), exchange("control", node_error(5))]
    asked.append(exchange("other-protocol", node_error(5)))
    found = findings(evidence({}, asked))
    assert list(found) == ["transport-unknown"]
    assert "query" in found["transport-unknown"].message


def test_a_server_without_websocket() -> None:
    asked = [
        exchange("websocket", node_error(0, ALLOWED)),
        exchange("handshake", node_open(ALLOWED, upgrades=())),
        exchange("control", node_open(upgrades=())),
    ]
    found = findings(evidence({"transports": ("websocket",)}, asked))
    assert next(iter(found)) == "transport-disabled"
    assert found["transport-disabled"].severity == "error"


def test_a_refused_websocket_that_was_offered_is_another_s_finding() -> None:
    asked = [exchange("websocket", node_error(3, ALLOWED)), exchange("handshake", node_open(ALLOWED))]
    assert "transport-disabled" not in findings(evidence({"transports": ("websocket",)}, asked))


def test_no_upgrade_offered_to_a_client_that_polls_is_a_hint() -> None:
    asked = [
        exchange("handshake", node_open(ALLOWED, upgrades=())),
        exchange("connect", response(200, ALLOWED, body="ok")),
        exchange("poll", response(200, ALLOWED, body='40{"sid":"x"}')),
        exchange("websocket", node_error(0, ALLOWED)),
    ]
    found = findings(evidence({}, asked))
    assert {slug: finding.severity for slug, finding in found.items()} == {"transport-disabled": "info"}
