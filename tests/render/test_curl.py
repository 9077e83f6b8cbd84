"""A request as a curl line."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import threading

import pytest

from sio_doctor.model import HeaderList, NetworkOptions, Pinned, Request
from sio_doctor.render.curl import curl
from tests.servers import need, needs_curl, needs_ipv6
from tests.servers.raw import answer, raw

URL = "http://127.0.0.1:3000/socket.io/?EIO=4&transport=polling&t=sio1"
ORIGIN = ("Origin", "https://app.example.com")
FROM = "-H 'Origin: https://app.example.com'"
#: What the probe sends beside what matters.
OWN: HeaderList = (
    ("Host", "127.0.0.1:3000"),
    ("user-agent", "sio-doctor/0.1.0"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip"),
    ("Connection", "keep-alive"),
    ("Content-Length", "2"),
)


def request(method: str = "GET", url: str = URL, *headers: tuple[str, str], body: str | None = None) -> Request:
    return Request(method=method, url=url, headers=headers, body=body)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (request("GET", f"{URL}&sid=<sid 1>", ORIGIN), f"""curl -i '{URL}&sid='"$SID" {FROM}"""),
        (request("GET", URL, *OWN, ORIGIN), f"curl -i '{URL}' {FROM}"),
        (
            request("OPTIONS", URL, *OWN, ORIGIN, ("Access-Control-Request-Method", "GET")),
            f"curl -i '{URL}' -X OPTIONS {FROM} -H 'Access-Control-Request-Method: GET'",
        ),
        (
            request("POST", URL, *OWN, ORIGIN, ("Content-type", "text/plain;charset=UTF-8"), body="40"),
            f"curl -i '{URL}' {FROM} -H 'Content-type: text/plain;charset=UTF-8' --data-raw 40",
        ),
        (request("POST", URL, body='40{"a":1}'), f"curl -i '{URL}' -H Content-Type: --data-raw '40{{\"a\":1}}'"),
        (request("POST", URL), f"curl -i '{URL}' -X POST"),
        (request("HEAD", "http://h/socket.io/socket.io.js"), "curl -I http://h/socket.io/socket.io.js"),
        (request("GET", "http://[::1]:3000/"), "curl -i -g 'http://[::1]:3000/'"),
        (request("GET", "http://h/", ("X-Empty", "")), "curl -i http://h/ -H 'X-Empty;'"),
        (request("GET", "http://h/", ("X-A", "it's")), """curl -i http://h/ -H 'X-A: it'"'"'s'"""),
        (request("GET", "http://h/", ("X-A", "a\xe9'")), r"curl -i http://h/ -H $'X-A: a\xe9\x27'"),
        (
            request("POST", "http://h/", ("Content-Type", "x"), body="4\x1e4é"),
            r"curl -i http://h/ -H 'Content-Type: x' --data-raw $'4\x1e4\xc3\xa9'",
        ),
        (request("GET", "http://h/?sid=<sid 1>&a=b"), """curl -i 'http://h/?sid='"$SID"'&a=b'"""),
    ],
)
def test_the_line(asked: Request, line: str) -> None:
    assert curl(asked) == line


@pytest.mark.parametrize(
    ("network", "options"),
    [
        (NetworkOptions(family=4), "-4"),
        (NetworkOptions(family=6), "-6"),
        (
            NetworkOptions(resolve=(Pinned(host="*", port=443, addresses=("127.0.0.2", "::1")),)),
            "--resolve '*:443:127.0.0.2,[::1]'",
        ),
        (NetworkOptions(ca_file="my ca.pem"), "--cacert 'my ca.pem'"),
        (NetworkOptions(proxy="http://p:3128", no_proxy="*"), "-x http://p:3128 --noproxy '*'"),
        (NetworkOptions(proxy=""), "-x ''"),
    ],
)
def test_the_way_to_the_server_is_in_the_line(network: NetworkOptions, options: str) -> None:
    assert curl(request("GET", "http://h/"), network=network) == f"curl -i {options} http://h/"


def test_a_certificate_that_is_not_verified_needs_no_authority() -> None:
    line = curl(request("GET", "https://h/"), verified=False, network=NetworkOptions(ca_file="ca.pem"))
    assert line == "curl -i -k https://h/"


def test_cookies_are_given_as_cookies() -> None:
    assert curl(request("GET", "http://h/", ("Cookie", "a=b; c=d"))) == "curl -i http://h/ -b 'a=b; c=d'"
    assert curl(request("GET", "http://h/", ("Cookie", "a"))) == "curl -i http://h/ -H 'Cookie: a'"


@needs_curl
@pytest.mark.parametrize("address", ["127.0.0.2", pytest.param("::1", marks=needs_ipv6)])
def test_curl_goes_where_the_line_says(address: str) -> None:
    ok = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with raw(ok, host=address) as server:
        pinned = NetworkOptions(resolve=(Pinned(host="api.invalid", port=server.port, addresses=(address,)),))
        asked = request("GET", server.at("http", "api.invalid") + "/", ("Cookie", "a=b"))
        for line in (curl(asked, network=pinned), curl(asked, address=address)):
            command = [need("curl"), "-q", "-s", *shlex.split(line)[1:]]
            subprocess.run(command, check=True, capture_output=True, timeout=20)
    assert [b"\r\nCookie: a=b\r\n" in head for head in server.heard] == [True, True]


def test_a_struck_out_header_is_a_variable_of_the_shell() -> None:
    line = curl(request("GET", "http://h/", ("Authorization", "$AUTHORIZATION"), ("X-Api-Key", "$X_API_KEY")))
    assert line == 'curl -i http://h/ -H "Authorization: $AUTHORIZATION" -H "X-Api-Key: $X_API_KEY"'


@pytest.mark.parametrize("value", ["$HOME", "$(id)", "`id`", "$AUTHORIZATION$(id)", "${HOME}", "x $X_A"])
def test_nothing_else_is_expanded(value: str) -> None:
    asked = request("POST", f"http://h/{value}", ("X-A", value), ("Content-Type", value), body=value)
    bash = shutil.which("bash") or "sh"
    words = subprocess.run([bash, "-c", f"printf '%s\\0' {curl(asked)}"], capture_output=True, text=True, check=True)
    shown = words.stdout.split("\0")[:-1]
    assert f"http://h/{value}" in shown
    assert f"X-A: {value}" in shown
    assert shown[-1] == value


def test_without_verifying() -> None:
    assert curl(request("GET", "https://h/"), verified=False) == "curl -i -k https://h/"


def test_an_opening_handshake() -> None:
    asked = request(
        "GET",
        "wss://h/socket.io/?EIO=4&transport=websocket",
        ("Host", "h"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ORIGIN,
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Version", "13"),
    )
    assert curl(asked) == (
        "curl -i -N --http1.1 'https://h/socket.io/?EIO=4&transport=websocket' -H 'Connection: Upgrade' "
        "-H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' "
        + FROM
    )


def test_an_opening_handshake_is_complete_even_where_the_request_is_not() -> None:
    words = shlex.split(curl(request("GET", "ws://h:1/", ORIGIN)))
    assert words[:5] == ["curl", "-i", "-N", "--http1.1", "http://h:1/"]
    assert words[5::2] == ["-H"] * 5
    assert words[6::2][:3] == ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("bash")) and not os.environ.get("CI"), reason="needs curl and bash"
)
def test_curl_itself_sends_the_request_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/socket.io/?EIO=4&transport=polling&x={{a,b}}[1-2]"
        asked = request(
            "POST",
            url,
            *OWN,
            ORIGIN,
            ("X-Empty", ""),
            ("X-Latin", "\xe9"),
            ("Authorization", "$AUTHORIZATION"),
            body="4\x1e1'\né",
        )
        heard: list[bytes] = []
        server = threading.Thread(target=_answer, args=(listener, heard), daemon=True)
        server.start()
        environment = {"PATH": os.environ["PATH"], "AUTHORIZATION": "Bearer a b"}
        ran = subprocess.run(
            ["bash", "-c", f"{curl(asked)} -q --noproxy '*' --max-time 20"],
            capture_output=True,
            env=environment,
            check=True,
        )
        server.join(20)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /socket.io/?EIO=4&transport=polling&x={a,b}[1-2] HTTP/1.1\r\n")
    lines = head.split(b"\r\n")
    for line in (b"Origin: https://app.example.com", b"X-Empty:", b"X-Latin: \xe9", b"Authorization: Bearer a b"):
        assert line in lines
    assert not [line for line in lines if line.lower().startswith(b"content-type")]
    assert body == "4\x1e1'\né".encode()
    assert ran.stdout.startswith(b"HTTP/1.1 204 No Content\r\n")


def _answer(listener: socket.socket, heard: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(20)
        received = b""
        while not received.endswith("é".encode()):
            if not (piece := connection.recv(65536)):
                break
            received += piece
        heard.append(received)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
