"""The demo held against the servers that it plays, answer by answer, and against the stock client."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest

from sio_doctor.demo.scenarios import OTHER_PAGE, SCENARIOS, Scenario
from sio_doctor.demo.server import serve
from sio_doctor.demo.wire import INDEX
from tests.demo.asking import (
    OPEN,
    PREFLIGHT,
    Got,
    asynchronous,
    request,
)
from tests.servers import NODE_MODULES, need, needs_nginx, needs_node, shared
from tests.servers.node import node
from tests.servers.process import reserved_port
from tests.servers.proxies import nginx
from tests.servers.python import python_server


def as_javascript(scenario: Scenario) -> str:
    """The options of socket.io 4 that make its server behave as the scenario's."""
    options: dict[str, object] = {"serveClient": False}
    if scenario.cors is not None:
        cors: dict[str, object] = {"origin": scenario.cors.origin, "credentials": scenario.cors.credentials}
        if scenario.cors.allowed_headers is not None:
            cors["allowedHeaders"] = scenario.cors.allowed_headers
        options["cors"] = cors
    return json.dumps(options)


@contextmanager
def played(scenario: Scenario) -> Iterator[str]:
    """The URL of the real servers that the scenario plays."""
    with ExitStack() as stack:
        if scenario.stack == "python-socketio":
            yield stack.enter_context(python_server("uvicorn"))
            return
        upstreams, block = [], "server_tokens off;"
        if scenario.stack == "files":
            folder = stack.enter_context(TemporaryDirectory())
            Path(folder).chmod(0o755)
            Path(folder, "index.html").write_text(INDEX)
            block += f"root {folder}; location / {{ try_files $uri /index.html; }}"
        elif scenario.stack == "down":
            upstreams = [f"http://127.0.0.1:{stack.enter_context(reserved_port())}"]
        else:
            upstreams = [shared(node, "4.8", as_javascript(scenario))]
        if scenario.proxy is None:
            yield upstreams[0]
            return
        adds = "".join(f"add_header {name} {value};" for name, value in scenario.proxy.adds)
        yield stack.enter_context(nginx(upstreams, adds, websocket=scenario.proxy.passes_upgrade, server=block))


#: Headers whose values are never alike.
VOLATILE = ("date", "last-modified", "etag")


def conversation(url: str, scenario: Scenario) -> list[Got]:
    """What a server answers to everything that a page, and a curious probe, may ask; what is never alike struck out."""
    answers = []

    def say(method: str, target: str, body: str | None = None, **headers: str) -> Got:
        answer = request(url, method, target, body, **headers)
        shown = tuple(
            (name, "…" if name.lower() in ("date", "last-modified", "etag") else value)
            for name, value in answer.headers
        )
        answers.append(answer._replace(headers=shown, body=re.sub(r'"sid":"[\w-]{20}"', '"sid":"…"', answer.body)))
        return answer

    page = {"Origin": scenario.origin}
    for headers in ({}, page, {"Origin": OTHER_PAGE}, {"Origin": "null"}, {"Connection": "close"}):
        say("GET", OPEN, **headers)
    for headers in (
        {},
        {**page, **PREFLIGHT},
        {"Origin": OTHER_PAGE, **PREFLIGHT},
        {"Origin": scenario.origin + "/", "Access-Control-Request-Method": "GET"},
    ):
        say("OPTIONS", OPEN, **headers)
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        say(method, OPEN, **page)
    for query in ("", "EIO=4&transport=foo", "EIO=3&transport=polling", "EIO=4&transport=websocket"):
        say("GET", f"/socket.io/?{query}", **page)
    for target in ("/nothing", "/socket.io/socket.io.js", "/socket.io/foo/?EIO=4&transport=polling"):
        say("GET", target, **page)
    page = page if answers[1].status == 200 else {}
    opened = say("GET", OPEN, **page)
    if not opened.body.startswith("0{"):
        return answers
    session = f"{OPEN}&sid={opened.sid}"
    say("OPTIONS", session, **page, **PREFLIGHT)
    say("PUT", session, **page)
    say("POST", session, "3", **page)
    for packet in ("40", "40/nope,"):
        say("POST", session, packet, **page)
        say("GET", session, **page)
    if scenario.stack == "socket.io":  # python-engineio leaves it unanswered
        say("POST", session, "4" * 1_000_001, **page)
    say("POST", session, "1", **page)
    if scenario.stack == "socket.io":  # python-engineio has another word for it, for a moment
        say("GET", session, **page)
    return answers


def needs(scenario: Scenario) -> list[pytest.MarkDecorator]:
    """What ``played`` starts."""
    return [needs_node] * (scenario.stack == "socket.io") + [needs_nginx] * (scenario.proxy is not None)


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(each, id=each.name, marks=needs(each))
        for each in SCENARIOS.values()
        if each.workers == 1  # which of two a connection meets is luck
    ],
)
def test_the_demo_answers_as_the_real_servers_do(scenario: Scenario) -> None:
    with played(scenario) as url:
        real = conversation(url, scenario)

    async def demo() -> list[Got]:
        async with await serve(scenario) as server:
            return await asyncio.to_thread(conversation, server.url, scenario)

    assert asyncio.run(demo()) == real


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
    return re.sub(rb'"sid":"[\w-]{20}"', b'"sid":"..."', re.sub(rb"Date: [^\r]*", b"Date: ...", answer))


@pytest.mark.parametrize(
    ("scenario", "query", "status"),
    [
        pytest.param(SCENARIOS[name], query, status, id=f"{name}-{query}", marks=needs(SCENARIOS[name]))
        for name, query, status in (
            ("healthy", "EIO=4&transport=websocket", 101),
            ("healthy", "EIO=3&transport=websocket", 101),
            ("healthy", "EIO=4&transport=polling", 101),
            ("healthy", "EIO=4&transport=foo", 400),
            ("healthy", "EIO=4&transport=websocket&sid=nobody", 400),
            ("python", "EIO=4&transport=websocket", 403),
            ("doubled-header", "EIO=4&transport=websocket", 101),
        )
    ],
)
def test_the_demo_opens_and_refuses_websockets_as_the_real_servers_do(
    scenario: Scenario, query: str, status: int
) -> None:
    with played(scenario) as url:
        real = handshake(url, query, scenario.origin)

    async def demo() -> bytes:
        async with await serve(scenario) as server:
            return await asyncio.to_thread(handshake, server.url, query, scenario.origin)

    assert real.startswith(b"HTTP/1.1 %d " % status)
    assert asyncio.run(demo()) == real


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
