"""The demo's servers on the wire: each scenario's mistake, and that they speak as the real ones do."""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import re
import socket
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, ParamSpec
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sio_doctor.demo import engine
from sio_doctor.demo.scenarios import DEFAULT, OTHER_PAGE, PAGE, SCENARIOS, Scenario, arguments
from sio_doctor.demo.server import Server, serve
from sio_doctor.model import HeaderList, get, get_all
from tests.servers import NODE_MODULES, need, needs_node, shared
from tests.servers.node import node

P = ParamSpec("P")
OPEN = "/socket.io/?EIO=4&transport=polling"
PREFLIGHT = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "my-custom-header"}


def asynchronous(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The test, run in a loop of its own, with a bound."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 30))

    return run


class Got(NamedTuple):
    """An answer, its header lines in wire order."""

    status: int
    reason: str
    headers: HeaderList
    body: str

    def header(self, name: str) -> str | None:
        return get(self.headers, name)

    @property
    def code(self) -> int:
        return int(json.loads(self.body)["code"])

    @property
    def sid(self) -> str:
        assert self.body.startswith("0{"), self.body
        return str(json.loads(self.body[1:])["sid"])


def request(url: str, method: str, target: str, body: str | None = None, **headers: str) -> Got:
    """One request on a connection of its own. ``origin="…"`` becomes ``Origin: …``."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Got(response.status, response.reason, tuple(response.getheaders()), response.read().decode())
    finally:
        connection.close()


async def ask(server: Server, method: str, target: str, body: str | None = None, **headers: str) -> Got:
    """``request`` of the demo, which runs in this thread's loop."""
    return await asyncio.to_thread(request, server.url, method, target, body, **headers)


async def page_asks(server: Server, method: str = "GET", target: str = OPEN, body: str | None = None) -> Got:
    """A request of the scenario's page; OPTIONS is a preflight."""
    extra = PREFLIGHT if method == "OPTIONS" else {}
    return await ask(server, method, target, body, Origin=server.scenario.origin, **extra)


def websocket(server: Server, query: str = "EIO=4&transport=websocket", **options: Any) -> connect:
    """A WebSocket of the scenario's page."""
    url = f"{server.url.replace('http', 'ws', 1)}/socket.io/?{query}"
    return connect(url, additional_headers={"Origin": server.scenario.origin}, compression=None, **options)


async def refusal(server: Server, query: str = "EIO=4&transport=websocket") -> Got:
    """The answer that is no 101."""
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(server, query):
            pass
    answer = refused.value.response
    return Got(answer.status_code, answer.reason_phrase, tuple(answer.headers.raw_items()), answer.body.decode())


async def hear(ws: ClientConnection) -> str:
    """The next message, which has to come at once."""
    message = await asyncio.wait_for(ws.recv(), 10)
    assert isinstance(message, str)
    return message


def polled(server: Server) -> bool:
    """A poll waits for an answer."""
    return any(session.polled for worker in server._workers for session in worker.sessions.values())


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until the condition holds; ``asynchronous`` is the bound."""
    while not condition():
        await asyncio.sleep(0)


# --- the scenarios ---------------------------------------------------------------------------------------------------


def test_the_default_is_the_most_common_mistake() -> None:
    assert SCENARIOS[DEFAULT].slug == "cors-not-configured"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_is_one_line_of_text(scenario: Scenario) -> None:
    assert scenario.title
    assert "\n" not in scenario.title
    assert len(f"{scenario.name:20} {scenario.title}") < 100


def test_the_check_has_the_options_that_show_the_mistake() -> None:
    url = "http://127.0.0.1:3001"
    assert arguments(SCENARIOS["no-cors"], url) == ["check", url, "--origin", PAGE]
    assert arguments(SCENARIOS["wildcard-credentials"], url)[4:] == ["--with-credentials"]
    assert arguments(SCENARIOS["missing-header"], url)[4:] == ["-H", "my-custom-header: abcd"]


@asynchronous
async def test_no_cors_has_no_cors_header_and_refuses_preflights() -> None:
    async with await serve(SCENARIOS["no-cors"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        async with websocket(server) as ws:
            assert (await hear(ws)).startswith("0{")
    assert (opened.status, opened.header("access-control-allow-origin"), opened.header("vary")) == (200, None, None)
    assert (preflight.status, preflight.code) == (400, 2)


@asynchronous
async def test_wrong_origin_lets_another_page_in() -> None:
    async with await serve(SCENARIOS["wrong-origin"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        other = await ask(server, "GET", OPEN, Origin=OTHER_PAGE)
    assert (opened.status, opened.header("access-control-allow-origin"), opened.header("vary")) == (200, None, "Origin")
    assert (preflight.status, preflight.header("access-control-allow-origin")) == (204, None)
    assert preflight.header("access-control-allow-headers") == "my-custom-header"
    assert other.header("access-control-allow-origin") == OTHER_PAGE


@asynchronous
async def test_static_origin_is_sent_to_everybody() -> None:
    async with await serve(SCENARIOS["static-origin"]) as server:
        for headers in ({}, {"Origin": PAGE}, {"Origin": "null"}):
            opened = await ask(server, "GET", OPEN, **headers)
            assert opened.header("access-control-allow-origin") == OTHER_PAGE


@asynchronous
async def test_trailing_slash_lets_in_an_origin_that_no_browser_sends() -> None:
    async with await serve(SCENARIOS["trailing-slash"]) as server:
        opened = await page_asks(server)
        written = await ask(server, "OPTIONS", OPEN, Origin=PAGE + "/", **PREFLIGHT)
    assert (opened.header("access-control-allow-origin"), opened.header("vary")) == (None, "Origin")
    assert written.header("access-control-allow-origin") == PAGE + "/"


@asynchronous
async def test_wildcard_credentials_sends_both() -> None:
    scenario = SCENARIOS["wildcard-credentials"]
    async with await serve(scenario) as server:
        opened = await page_asks(server)
    assert scenario.client.with_credentials
    assert opened.header("access-control-allow-origin") == "*"
    assert opened.header("access-control-allow-credentials") == "true"


@asynchronous
async def test_doubled_header_is_there_twice_where_it_succeeds_and_once_where_it_does_not() -> None:
    async with await serve(SCENARIOS["doubled-header"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        unknown = await page_asks(server, target=OPEN + "&sid=nobody")
        async with websocket(server) as ws:
            assert ws.response is not None
            assert ws.response.headers.get_all("Access-Control-Allow-Origin") == [PAGE]
    for answer in (opened, preflight):
        assert get_all(answer.headers, "access-control-allow-origin") == [PAGE, "*"]
        assert answer.headers[0] == ("Server", "nginx")
    assert get_all(unknown.headers, "access-control-allow-origin") == [PAGE]


@asynchronous
async def test_missing_header_allows_another_one() -> None:
    scenario = SCENARIOS["missing-header"]
    async with await serve(scenario) as server:
        preflight = await page_asks(server, "OPTIONS")
    assert preflight.status == 204
    assert preflight.header("access-control-allow-origin") == PAGE
    allowed = (preflight.header("access-control-allow-headers") or "").split(",")
    assert allowed
    assert not {name for name, _ in scenario.client.extra_headers} & set(allowed)


@asynchronous
async def test_no_sticky_sessions_knows_a_session_on_every_second_connection() -> None:
    async with await serve(SCENARIOS["no-sticky-sessions"]) as server:
        sid = (await page_asks(server)).sid
        answers = [await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6") for _ in range(6)]
    assert [answer.status for answer in answers] == [400, 200] * 3
    assert {answer.code for answer in answers if answer.status == 400} == {1}


@asynchronous
async def test_no_upgrade_polls_and_answers_a_websocket_as_if_it_were_a_poll() -> None:
    async with await serve(SCENARIOS["no-upgrade"]) as server:
        sid = (await page_asks(server)).sid
        direct, upgrade = await refusal(server), await refusal(server, f"EIO=4&transport=websocket&sid={sid}")
        assert (await page_asks(server, "POST", f"{OPEN}&sid={sid}", "40")).body == "ok"
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body.startswith('40{"sid":"')
    for answer in (direct, upgrade):
        assert (answer.status, answer.code, answer.header("content-type")) == (400, 3, "application/json")
        assert answer.header("server") == "nginx"


@asynchronous
async def test_spa_answers_every_path_with_one_page_and_posts_with_405() -> None:
    async with await serve(SCENARIOS["spa"]) as server:
        opened, root, posted = (
            await page_asks(server),
            await page_asks(server, target="/"),
            await page_asks(server, "POST"),
        )
        upgrade = await refusal(server)
    assert (opened.status, opened.header("content-type")) == (200, "text/html")
    assert opened.body == root.body == upgrade.body
    assert "<html>" in opened.body
    assert (posted.status, posted.reason) == (405, "Not Allowed")


@asynchronous
async def test_gateway_answers_502_without_cors_headers() -> None:
    async with await serve(SCENARIOS["gateway"]) as server:
        for answer in (await page_asks(server), await page_asks(server, "OPTIONS"), await refusal(server)):
            assert (answer.status, answer.header("access-control-allow-origin")) == (502, None)
            assert "502 Bad Gateway" in answer.body


@asynchronous
async def test_python_refuses_a_foreign_page_and_no_one_else() -> None:
    async with await serve(SCENARIOS["python"]) as server:
        foreign, preflight, upgrade = await page_asks(server), await page_asks(server, "OPTIONS"), await refusal(server)
        curl, own = await ask(server, "GET", OPEN), await ask(server, "GET", OPEN, Origin=server.url)
        sid = own.sid
        assert (await ask(server, "POST", f"{OPEN}&sid={sid}", "40/nope,")).body == "OK"
        assert (await ask(server, "GET", f"{OPEN}&sid={sid}")).body == '44/nope,"Unable to connect"'
        stranger = await ask(server, "POST", f"{OPEN}&sid=nobody", "40")
    for answer in (foreign, preflight):
        assert (answer.status, json.loads(answer.body)) == (400, f"{PAGE} is not an accepted origin.")
        assert answer.header("access-control-allow-origin") is None
    assert preflight.header("access-control-allow-headers") == "my-custom-header"
    assert (upgrade.status, upgrade.body) == (403, "")
    assert (curl.status, curl.header("server")) == (200, "uvicorn")
    assert list(json.loads(curl.body[1:])) == ["sid", "upgrades", "pingTimeout", "pingInterval", "maxPayload"]
    assert own.header("access-control-allow-origin") == server.url
    assert json.loads(stranger.body) == "Invalid session nobody"


@asynchronous
async def test_healthy_allows_the_page_and_its_headers_and_cookies() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        for answer in (await page_asks(server), await page_asks(server, "OPTIONS")):
            assert answer.header("access-control-allow-origin") == PAGE
            assert answer.header("access-control-allow-credentials") == "true"


# --- Engine.IO -------------------------------------------------------------------------------------------------------


@asynchronous
async def test_polling_connects_to_the_main_namespace_alone_and_closes() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        opened = await page_asks(server)
        fields = json.loads(opened.body[1:])
        session = f"{OPEN}&sid={opened.sid}"
        assert (await page_asks(server, "POST", session, '40{"token":"x"}\x1e40/nope,')).body == "ok"
        packets = (await page_asks(server, target=session)).body.split("\x1e")
        await page_asks(server, "POST", session, "1")
        gone = await page_asks(server, target=session)
    assert fields | {"sid": ""} == {
        "sid": "",
        "upgrades": ["websocket"],
        "pingInterval": 25000,
        "pingTimeout": 20000,
        "maxPayload": 1000000,
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{16}AAAA", opened.sid)
    assert re.fullmatch(r'40\{"sid":"[A-Za-z0-9_-]{20}"\}', packets[0])
    assert packets[1:] == ['44/nope,{"message":"Invalid namespace"}']
    assert (gone.status, gone.code) == (400, 1)


@asynchronous
async def test_a_poll_waits_for_what_there_is_to_send() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        poll = asyncio.create_task(page_asks(server, target=session))
        await until(lambda: polled(server))
        assert not poll.done()
        await page_asks(server, "POST", session, "40")
        assert (await poll).body.startswith("40{")


@asynchronous
async def test_two_polls_at_once_end_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        answers = await asyncio.gather(page_asks(server, target=session), page_asks(server, target=session))
        assert sorted((answer.status, answer.body) for answer in answers) == [(200, "1"), (400, "")]
        assert (await page_asks(server, target=session)).code == 1


@asynchronous
async def test_a_poll_that_is_given_up_ends_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        host, port = server.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {OPEN}&sid={sid} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        await until(lambda: polled(server))
        writer.close()
        await writer.wait_closed()
        await until(lambda: not polled(server))
        assert (await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6")).code == 1


@asynchronous
async def test_packets_that_are_none_end_the_session() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        assert (await page_asks(server, "POST", session, "hello")).body == "ok"
        assert (await page_asks(server, target=session)).code == 1


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/socket.io/", 0),
        ("GET", "/socket.io/?EIO=4&transport=foo", 0),
        ("GET", "/socket.io/socket.io.js", 0),
        ("GET", OPEN + "&sid=nobody", 1),
        ("POST", OPEN, 2),
        ("DELETE", OPEN, 2),
        ("GET", "/socket.io/?EIO=4&transport=websocket", 3),
        ("GET", "/socket.io/?EIO=3&transport=polling", 5),
        ("GET", "/socket.io/?transport=polling", 5),
    ],
)
@asynchronous
async def test_a_wrong_request_is_refused_in_engine_io_s_words_with_cors_headers(
    method: str, target: str, code: int
) -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        answer = await page_asks(server, method, target)
    assert (answer.status, answer.code) == (400, code)
    assert answer.header("access-control-allow-origin") == PAGE


@asynchronous
async def test_a_body_above_the_limit_is_refused() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        assert (await page_asks(server, "POST", session, "4" * 1_000_001)).status == 413
        assert (await page_asks(server, "POST", session, "6" + "x" * 999_999)).body == "ok"


@asynchronous
async def test_what_is_no_http_is_answered_with_400_and_hung_up_on() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        writer.write(b"hello\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()
        await writer.wait_closed()


@asynchronous
async def test_requests_share_a_connection_and_may_come_in_one_go() -> None:
    async with await serve(SCENARIOS["gateway"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        one = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n40\r\n0\r\n\r\n"
        writer.write(one + b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert answers.count(b"HTTP/1.1 502 Bad Gateway\r\n") == 2
    assert answers.count(b"</html>") == 1


@asynchronous
async def test_a_websocket_opens_a_session_of_its_own() -> None:
    async with await serve(SCENARIOS["healthy"]) as server, websocket(server) as ws:
        assert json.loads((await hear(ws))[1:])["upgrades"] == []
        await ws.send("40")
        assert (await hear(ws)).startswith('40{"sid":"')
        await ws.send("40/nope,")
        assert await hear(ws) == '44/nope,{"message":"Invalid namespace"}'
        await ws.send("1")
        with pytest.raises(ConnectionClosed) as closed:
            await hear(ws)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1005  # there was none


@asynchronous
async def test_a_websocket_takes_a_polling_session_over() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        poll = asyncio.create_task(page_asks(server, target=f"{OPEN}&sid={sid}"))
        await until(lambda: polled(server))
        async with websocket(server, f"EIO=4&transport=websocket&sid={sid}") as ws:
            await ws.send("2probe")
            assert await hear(ws) == "3probe"
            assert (await poll).body == "6"
            # The client had begun another poll before it heard of that: it must not wait for a ping.
            assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body == "6"
            await ws.send("5")
            await ws.send("40")
            assert (await hear(ws)).startswith("40{")
            assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).code == 3
        await until(lambda: not any(worker.sessions for worker in server._workers))
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).code == 1


@asynchronous
async def test_a_websocket_that_only_probes_leaves_the_session_to_polling() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        sid = (await page_asks(server)).sid
        async with websocket(server, f"EIO=4&transport=websocket&sid={sid}") as ws:
            await ws.send("2nope")
            with pytest.raises(ConnectionClosed):
                await hear(ws)
        await page_asks(server, "POST", f"{OPEN}&sid={sid}", "40")
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body.startswith("40{")


@asynchronous
async def test_a_client_that_answers_no_ping_is_dropped() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "PING_INTERVAL", 0.05)
        patch.setattr(engine, "PING_TIMEOUT", 0.2)
        async with await serve(SCENARIOS["healthy"]) as server, websocket(server) as ws:
            await hear(ws)
            for _ in range(3):
                assert await hear(ws) == "2"
                await ws.send("3")
            assert await hear(ws) == "2"
            with pytest.raises(ConnectionClosed):
                await hear(ws)


@asynchronous
async def test_the_oldest_session_makes_room() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MAX_SESSIONS", 2)
        async with await serve(SCENARIOS["healthy"]) as server:
            sids = [(await page_asks(server)).sid for _ in range(3)]
            answers = [await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6") for sid in sids]
    assert [answer.status for answer in answers] == [400, 200, 200]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
@asynchronous
async def test_nothing_but_loopback_is_served_on(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        await serve(SCENARIOS["healthy"], host)


@asynchronous
async def test_the_end_ends_every_connection() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        session = f"{OPEN}&sid={(await page_asks(server)).sid}"
        poll = asyncio.create_task(page_asks(server, target=session))
        await until(lambda: polled(server))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        await poll
    with pytest.raises(ConnectionRefusedError):
        await page_asks(server)


# --- the real thing --------------------------------------------------------------------------------------------------


def as_javascript(scenario: Scenario) -> str:
    """The options of socket.io 4 that make its server behave as the scenario's."""
    options: dict[str, object] = {"serveClient": False}
    if scenario.cors is not None:
        options["cors"] = {"origin": scenario.cors.origin, "credentials": scenario.cors.credentials}
        if scenario.cors.allowed_headers is not None:
            options["cors"] |= {"allowedHeaders": scenario.cors.allowed_headers}  # type: ignore[operator]  # it is a dict
    return json.dumps(options)


def conversation(url: str, origin: str) -> list[Got]:
    """What a server answers to everything that a page, and a curious probe, may ask; what is never alike struck out."""
    answers = []

    def say(method: str, target: str, body: str | None = None, **headers: str) -> Got:
        answer = request(url, method, target, body, **headers)
        shown = tuple((name, value) for name, value in answer.headers if name != "Date")
        answers.append(answer._replace(headers=shown, body=re.sub(r'"sid":"[\w-]{20}"', '"sid":"…"', answer.body)))
        return answer

    for headers in ({}, {"Origin": origin}, {"Origin": OTHER_PAGE}, {"Origin": "null"}, {"Connection": "close"}):
        say("GET", OPEN, **headers)
    for headers in (
        {},
        {"Origin": origin, **PREFLIGHT},
        {"Origin": OTHER_PAGE, **PREFLIGHT},
        {"Origin": origin + "/", "Access-Control-Request-Method": "GET"},
    ):
        say("OPTIONS", OPEN, **headers)
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        say(method, OPEN, Origin=origin)
    for query in ("", "EIO=4&transport=foo", "EIO=3&transport=polling", "EIO=4&transport=websocket"):
        say("GET", f"/socket.io/?{query}", Origin=origin)
    for target in ("/nothing", "/socket.io/socket.io.js", "/socket.io/foo/?EIO=4&transport=polling"):
        say("GET", target, Origin=origin)
    session = f"{OPEN}&sid={say('GET', OPEN, Origin=origin).sid}"
    say("OPTIONS", session, Origin=origin, **PREFLIGHT)
    say("PUT", session, Origin=origin)
    say("POST", session, "6", Origin=origin)
    for packet in ("40", "40/nope,"):
        say("POST", session, packet, Origin=origin)
        say("GET", session, Origin=origin)
    say("POST", session, "4" * 1_000_001, Origin=origin)
    say("POST", session, "1", Origin=origin)
    say("GET", session, Origin=origin)
    return answers


#: The scenarios in which nothing stands in front of one socket.io server.
PLAIN = [each for each in SCENARIOS.values() if each.stack == "socket.io" and each.workers == 1 and not each.proxy]


@needs_node
@pytest.mark.parametrize("scenario", PLAIN, ids=[each.name for each in PLAIN])
def test_the_demo_answers_as_socket_io_does(scenario: Scenario) -> None:
    real = conversation(shared(node, "4.8", as_javascript(scenario)), scenario.origin)

    async def played() -> list[Got]:
        async with await serve(scenario) as server:
            return await asyncio.to_thread(conversation, server.url, scenario.origin)

    assert asyncio.run(played()) == real


def handshake(url: str, query: str, origin: str) -> bytes:
    """What comes after a WebSocket is asked for, up to the open packet, a close frame or the end; sids struck out."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(
            f"GET /socket.io/?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {origin}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith((b"}", b"\x88\x00")) and (data := connection.recv(65536)):
            answer += data
    return re.sub(rb'"sid":"[\w-]{20}"', b'"sid":"..."', answer)


@needs_node
@pytest.mark.parametrize(
    ("query", "begins"),
    [
        ("EIO=4&transport=websocket", b"HTTP/1.1 101 "),
        ("EIO=3&transport=websocket", b"HTTP/1.1 101 "),
        ("EIO=4&transport=polling", b"HTTP/1.1 101 "),
        ("EIO=4&transport=foo", b"HTTP/1.1 400 "),
        ("EIO=4&transport=websocket&sid=nobody", b"HTTP/1.1 400 "),
    ],
)
def test_the_demo_opens_and_refuses_websockets_as_socket_io_does(query: str, begins: bytes) -> None:
    scenario = SCENARIOS["healthy"]
    real = handshake(shared(node, "4.8", as_javascript(scenario)), query, scenario.origin)

    async def played() -> bytes:
        async with await serve(scenario) as server:
            return await asyncio.to_thread(handshake, server.url, query, scenario.origin)

    assert real.startswith(begins)
    assert asyncio.run(played()) == real


CLIENT = """
const { io } = require("socket.io-client-4");
const socket = io(process.argv[1], { transports: JSON.parse(process.argv[2]), reconnection: false });
const end = (line) => { console.log(line); socket.close(); };
socket.on("connect_error", (error) => end(`error ${error.message}`));
socket.on("connect", () => {
  const { engine } = socket.io;
  if (process.argv[3] === engine.transport.name) end(`connected ${engine.transport.name}`);
  else engine.once("upgrade", () => end(`connected ${engine.transport.name}`));
});
"""


@needs_node
@pytest.mark.parametrize(
    ("name", "transports", "ends_on"),
    [
        ("healthy", ["polling", "websocket"], "websocket"),
        ("healthy", ["websocket"], "websocket"),
        ("healthy", ["polling"], "polling"),
        ("doubled-header", ["polling", "websocket"], "websocket"),
        ("no-upgrade", ["polling", "websocket"], "polling"),
    ],
)
@asynchronous
async def test_the_stock_client_connects(name: str, transports: list[str], ends_on: str) -> None:
    async with await serve(SCENARIOS[name]) as server:
        client = await asyncio.create_subprocess_exec(
            *(need("node"), "-e", CLIENT, server.url, json.dumps(transports), ends_on),
            cwd=NODE_MODULES.parent,
            stdout=subprocess.PIPE,
        )
        said, _ = await client.communicate()
    assert said.decode().split() == ["connected", ends_on]
