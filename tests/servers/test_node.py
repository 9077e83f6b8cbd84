"""Every option of Socket.IO's page "Handling CORS", as it is on the wire."""

from __future__ import annotations

import re

import pytest

from tests.servers import needs_node, shared
from tests.servers.node import Mode, Version, node, node_cluster
from tests.servers.wire import FOREIGN, PAGE, Reply, ask, handshake, polling, preflight, websocket_status

pytestmark = needs_node

MODERN: list[Version] = ["3.1", "4.8"]
DEFAULT_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"
BAD_METHOD = '{"code":2,"message":"Bad handshake method"}'

modern = pytest.mark.parametrize("version", MODERN)


def cors(version: Version, options: str) -> str:
    return shared(node, version, f"{{cors: {options}}}")


def answers(url: str) -> list[str | None]:
    """Access-Control-Allow-Origin of the handshake without an origin, of the page, of a foreign one, of ``null``."""
    replies = [handshake(url, origin) for origin in (None, PAGE, FOREIGN, "null")]
    assert [reply.status for reply in replies] == [200] * 4
    assert all(reply.body.startswith('0{"sid":"') for reply in replies)
    return [reply.origin for reply in replies]


# --- origin ----------------------------------------------------------------------------------------------------------


@modern
@pytest.mark.parametrize("options", ["{}", "{cors: {origin: false}}", "{cors: {origin: ''}}", f"{{origins: '{PAGE}'}}"])
def test_without_cors_nobody_gets_a_header(version: Version, options: str) -> None:
    url = shared(node, version, options)
    assert answers(url) == [None] * 4
    reply = preflight(url)
    assert (reply.status, reply.body, reply.origin) == (400, BAD_METHOD, None)


@modern
@pytest.mark.parametrize("options", ["{}", "true", "{origin: '*'}"])
def test_star_lets_anybody_in(version: Version, options: str) -> None:
    url = cors(version, options)
    assert answers(url) == ["*"] * 4
    assert (preflight(url).status, preflight(url).origin) == (204, "*")


@modern
@pytest.mark.parametrize("origin", [PAGE, PAGE + "/", "localhost:3000", f"{PAGE},{FOREIGN}"])
def test_a_string_is_sent_to_everybody_as_it_is(version: Version, origin: str) -> None:
    url = cors(version, f"{{origin: '{origin}'}}")
    assert answers(url) == [origin] * 4
    assert handshake(url).one("Vary") == "Origin"
    assert preflight(url).origin == origin


@modern
def test_true_reflects_whoever_asks(version: Version) -> None:
    url = cors(version, "{origin: true}")
    assert answers(url) == [None, PAGE, FOREIGN, "null"]
    assert handshake(url).one("Vary") == "Origin"


@modern
@pytest.mark.parametrize("origin", [f"['{PAGE}', 'http://other.test']", "/localhost:3000$/", "[/localhost:[0-9]+$/]"])
def test_a_list_or_a_regexp_lets_in_what_matches(version: Version, origin: str) -> None:
    url = cors(version, f"{{origin: {origin}}}")
    assert answers(url) == [None, PAGE, None, None]
    assert handshake(url, FOREIGN).one("Vary") == "Origin"
    refused = preflight(url, FOREIGN)
    assert (refused.status, refused.origin) == (204, None)
    assert refused.one("Access-Control-Allow-Methods") == DEFAULT_METHODS


@modern
@pytest.mark.parametrize("origin", ["['*']", "[]", f"['{PAGE}/']"])
def test_a_list_that_matches_nothing(version: Version, origin: str) -> None:
    assert answers(cors(version, f"{{origin: {origin}}}")) == [None] * 4


@modern
def test_a_function_that_refuses_leaves_the_preflight_to_the_engine(version: Version) -> None:
    url = cors(version, f"{{origin: (origin, callback) => callback(null, origin === '{PAGE}')}}")
    assert answers(url) == [None, PAGE, None, None]
    assert handshake(url, FOREIGN).one("Vary") is None
    assert (preflight(url).status, preflight(url).origin) == (204, PAGE)
    assert (preflight(url, FOREIGN).status, preflight(url, FOREIGN).body) == (400, BAD_METHOD)


def test_a_function_that_throws_is_a_bad_request_in_4_8() -> None:
    url = cors("4.8", "{origin: (origin, callback) => callback(new Error('not you'))}")
    reply = handshake(url)
    assert (reply.status, reply.body, reply.origin) == (400, '{"code":3,"message":"Bad request"}', None)
    assert websocket_status(url) == 400


# --- the other options -----------------------------------------------------------------------------------------------


@modern
def test_credentials(version: Version) -> None:
    url = cors(version, f"{{origin: ['{PAGE}'], credentials: true}}")
    for reply in (handshake(url), handshake(url, FOREIGN), preflight(url)):
        assert reply.one("Access-Control-Allow-Credentials") == "true"
    assert handshake(cors(version, f"{{origin: '{PAGE}'}}")).one("Access-Control-Allow-Credentials") is None


@modern
def test_credentials_with_star_are_sent_though_no_browser_takes_them(version: Version) -> None:
    reply = handshake(cors(version, "{origin: '*', credentials: true}"))
    assert (reply.origin, reply.one("Access-Control-Allow-Credentials")) == ("*", "true")


@modern
@pytest.mark.parametrize(
    ("option", "header", "value"),
    [
        ("methods: ['GET', 'POST']", "Access-Control-Allow-Methods", "GET,POST"),
        ("methods: 'PUT'", "Access-Control-Allow-Methods", "PUT"),
        ("credentials: true", "Access-Control-Allow-Methods", DEFAULT_METHODS),
        ("allowedHeaders: ['x-one', 'x-two']", "Access-Control-Allow-Headers", "x-one,x-two"),
        ("allowedHeaders: '*'", "Access-Control-Allow-Headers", "*"),
        ("allowedHeaders: []", "Access-Control-Allow-Headers", None),
        ("credentials: true", "Access-Control-Allow-Headers", "my-custom-header"),
        ("maxAge: 600", "Access-Control-Max-Age", "600"),
        ("credentials: true", "Access-Control-Max-Age", None),
        ("exposedHeaders: ['x-id', 'x-more']", "Access-Control-Expose-Headers", "x-id,x-more"),
    ],
)
def test_what_the_preflight_answers(version: Version, option: str, header: str, value: str | None) -> None:
    reply = preflight(cors(version, f"{{origin: '{PAGE}', {option}}}"))
    assert (reply.status, reply.origin, reply.one(header)) == (204, PAGE, value)


@modern
def test_the_preflight_varies_with_the_headers_that_were_asked_for(version: Version) -> None:
    url = cors(version, f"{{origin: '{PAGE}'}}")
    assert preflight(url).one("Vary") == "Origin, Access-Control-Request-Headers"
    assert preflight(url, headers=None).one("Access-Control-Allow-Headers") is None


@modern
def test_exposed_headers_are_on_every_answer(version: Version) -> None:
    url = cors(version, f"{{origin: '{PAGE}', exposedHeaders: ['x-id']}}")
    unknown = ask(url, polling(sid="nobody"), headers={"Origin": PAGE})
    assert unknown.status == 400
    for reply in (handshake(url), unknown):
        assert reply.one("Access-Control-Expose-Headers") == "x-id"


@modern
def test_preflight_continue_lets_the_engine_refuse_it_with_all_headers(version: Version) -> None:
    reply = preflight(cors(version, f"{{origin: '{PAGE}', preflightContinue: true}}"))
    assert (reply.status, reply.body, reply.origin) == (400, BAD_METHOD, PAGE)
    assert reply.one("Access-Control-Allow-Headers") == "my-custom-header"


@modern
def test_options_success_status(version: Version) -> None:
    reply = preflight(cors(version, f"{{origin: '{PAGE}', optionsSuccessStatus: 200}}"))
    assert (reply.status, reply.body, reply.origin) == (200, "", PAGE)


@modern
def test_allow_request_that_refuses_every_request_with_an_origin(version: Version) -> None:
    allow = "(request, callback) => callback(null, request.headers.origin === undefined)"
    url = shared(node, version, f"{{cors: {{origin: '{PAGE}'}}, allowRequest: {allow}}}")
    assert handshake(url, None).status == 200
    refused = handshake(url)
    assert (refused.status, refused.origin) == (403, PAGE)
    assert refused.body == '{"code":4,"message":"Forbidden"}'
    assert preflight(url).status == 204
    assert (websocket_status(url, None), websocket_status(url)) == (101, 400)


@modern
def test_errors_carry_the_cors_headers(version: Version) -> None:
    reply = ask(cors(version, f"{{origin: '{PAGE}'}}"), polling(sid="nobody"), headers={"Origin": PAGE})
    assert (reply.status, reply.body, reply.origin) == (400, '{"code":1,"message":"Session ID unknown"}', PAGE)


@modern
def test_cors_does_not_guard_the_websocket(version: Version) -> None:
    url = cors(version, f"{{origin: ['{PAGE}']}}")
    assert (websocket_status(url), websocket_status(url, FOREIGN)) == (101, 101)


# --- 2.5 -------------------------------------------------------------------------------------------------------------


def test_version_2_reflects_everybody_with_credentials() -> None:
    url = shared(node, "2.5")
    replies = [handshake(url, origin, eio=3) for origin in (None, PAGE, FOREIGN, "null")]
    assert [reply.origin for reply in replies] == ["*", PAGE, FOREIGN, "null"]
    assert replies[1].one("Access-Control-Allow-Credentials") == "true"
    assert re.match(r'97:0\{"sid":"[\w-]{20}",', replies[1].body)
    assert (replies[1].one("Set-Cookie") or "").startswith("io=")


def test_version_2_ignores_cors_and_fails_every_preflight() -> None:
    url = shared(node, "2.5", f"{{cors: {{origin: '{PAGE}'}}}}")
    assert handshake(url, FOREIGN, eio=3).origin == FOREIGN
    reply = preflight(url, eio=3)
    assert (reply.status, reply.body, reply.origin) == (400, BAD_METHOD, PAGE)
    assert reply.one("Access-Control-Allow-Headers") is None


@pytest.mark.parametrize("origins", [f"'{PAGE}'", f"['{PAGE}']"])
def test_version_2_refuses_others_without_a_header(origins: str) -> None:
    url = shared(node, "2.5", f"{{origins: {origins}}}")
    assert handshake(url, eio=3).status == 200
    for origin in (FOREIGN, None):
        reply = handshake(url, origin, eio=3)
        assert (reply.status, reply.origin, reply.body) == (403, None, '{"code":4,"message":"Forbidden"}')
    assert (websocket_status(url, eio=3), websocket_status(url, FOREIGN, eio=3)) == (101, 400)


def test_version_2_answers_protocol_4_in_the_framing_of_3() -> None:
    assert handshake(shared(node, "2.5"), eio=4).body.startswith("97:0{")


@modern
def test_versions_3_and_4_refuse_protocol_3(version: Version) -> None:
    reply = handshake(shared(node, version), eio=3)
    assert (reply.status, reply.body) == (400, '{"code":5,"message":"Unsupported protocol version"}')


# --- set-ups that are mistaken ---------------------------------------------------------------------------------------


def test_express_cors_does_not_reach_socket_io() -> None:
    url = shared(node, "4.8", setup="app.use(cors())")
    assert ask(url, "/", headers={"Origin": PAGE}).origin == "*"
    assert handshake(url).origin is None
    assert preflight(url).status == 400


def test_express_cors_and_the_option_do_not_double() -> None:
    assert handshake(shared(node, "4.8", f"{{cors: {{origin: '{PAGE}'}}}}", setup="app.use(cors())")).origin == PAGE


@pytest.mark.parametrize(
    ("mode", "status", "body"),
    [
        ("app-listen", 404, "Cannot GET /socket.io/"),
        ("plain", 404, "Cannot GET /socket.io/"),
        ("spa", 200, "<!doctype html>"),
        ("ws-only", 426, "Upgrade Required"),
        ("engine-only", 200, '0{"sid":'),
        ("bare", 200, '0{"sid":'),
    ],
)
def test_what_each_mode_answers(mode: Mode, status: int, body: str) -> None:
    reply = handshake(shared(node, mode=mode))
    assert reply.status == status
    assert body in reply.body


def test_a_cluster_without_stickiness_forgets_every_other_request() -> None:
    url = shared(node_cluster, 2)

    def sid() -> str:
        found = re.search(r'"sid":"([^"]+)"', handshake(url).body)
        assert found is not None
        return found[1]

    def post(session: str) -> Reply:
        return ask(url, polling(sid=session), method="POST", body="3", headers={"Content-Type": "text/plain"})

    session = sid()
    replies = [post(session) for _ in range(4)]
    assert sorted(reply.status for reply in replies) == [200, 200, 400, 400]
    assert {reply.body for reply in replies} == {"ok", '{"code":1,"message":"Session ID unknown"}'}
