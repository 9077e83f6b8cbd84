"""What curl's options change on the wire: addresses, families, proxies, trust, and the cookies of a browser's jar."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from sio_doctor.model import Evidence, Exchange, NetworkOptions, Pinned
from sio_doctor.plan import make_plan
from sio_doctor.probe.gather import gather
from sio_doctor.probe.network import Network
from tests.probe.asking import PATIENT, get, run
from tests.probe.authority import authority, behind_intermediate, server_context
from tests.servers import needs_ipv6, needs_openssl
from tests.servers.certificates import self_signed
from tests.servers.hostile import engine, open_body
from tests.servers.raw import Raw, answer, nothing, raw

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PAGE = "http://localhost:8080"
HEALTHY = engine(open_body(upgrades=()))


def ask(url: str, *, environ: Mapping[str, str] | None = None, **options: Any) -> tuple[Exchange, Network]:
    async def work() -> tuple[Exchange, Network]:
        network = Network(timeout=PATIENT, deadline=8, environ=environ or {}, options=NetworkOptions(**options))
        async with network:
            return await network.ask(get(url), purpose="root"), network

    return run(work())


def pin(host: str, port: int, *addresses: str) -> Pinned:
    return Pinned(host=host, port=port, addresses=addresses)


def gathered(url: str, **options: Any) -> Evidence:
    return asyncio.run(gather(make_plan(url, **{"origins": [PAGE], "timeout": 2, **options})))


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["api.invalid", "*"])
def test_a_pinned_address_takes_the_place_of_dns(host: str) -> None:
    with raw(answer(OK), host="127.0.0.2") as server:
        exchange, network = ask(server.at("http", "api.invalid"), resolve=(pin(host, server.port, "127.0.0.2"),))
    assert exchange.response is not None, exchange.failure
    assert exchange.address == "127.0.0.2"
    assert network.addresses == {"api.invalid": ("127.0.0.2",)}
    assert "DNS was not asked" in " ".join(network.notes)
    assert server.heard[0].startswith(f"GET / HTTP/1.1\r\nHost: api.invalid:{server.port}\r\n".encode())


def test_a_pin_for_one_port_holds_for_no_other() -> None:
    with raw(answer(OK)) as server:
        exchange, network = ask(server.at("http", "api.invalid"), resolve=(pin("api.invalid", 1, "127.0.0.1"),))
    assert exchange.failure is not None
    assert exchange.failure.kind == "dns"
    assert "nothing was asked there" in " ".join(network.notes)


def test_the_host_itself_comes_before_any_host() -> None:
    with raw(answer(OK), host="127.0.0.2") as server:
        pins = pin("*", server.port, "127.0.0.3"), pin("api.invalid", server.port, "127.0.0.2")
        exchange, _ = ask(server.at("http", "api.invalid"), resolve=pins)
    assert exchange.address == "127.0.0.2"


@needs_ipv6
@pytest.mark.parametrize(("family", "address"), [(4, "127.0.0.1"), (6, "::1")])
def test_only_one_family_is_used(family: int, address: str) -> None:
    with raw(answer(OK)) as server, raw(answer(OK), host="::1", port=server.port):
        exchange, network = ask(server.at("http", "localhost"), family=family)
    assert exchange.address == address
    assert network.addresses == {"localhost": (address,)}


@pytest.mark.parametrize(
    ("host", "family", "said"),
    [
        ("127.0.0.1", 6, "127.0.0.1 is no IPv6 address, and no other may be used."),
        ("[::1]", 4, "::1 is no IPv4 address, and no other may be used."),
        ("api.invalid", 6, "api.invalid stands for 127.0.0.2, and has no IPv6 address, and no other may be used."),
    ],
)
def test_no_address_of_that_family(host: str, family: int, said: str) -> None:
    exchange, _ = ask(f"http://{host}:9/", family=family, resolve=(pin("api.invalid", 9, "127.0.0.2"),))
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.failure.detail) == ("dns", "family")
    assert exchange.failure.message == said


# --- proxies ---------------------------------------------------------------------------------------------------------


def test_a_proxy_that_is_named_is_asked_even_for_loopback() -> None:
    with raw(answer(OK)) as proxy, nothing() as url:
        exchange, network = ask(f"{url}/", proxy=proxy.url, environ={"http_proxy": "http://other.invalid"})
    assert exchange.response is not None, exchange.failure
    assert proxy.heard[0].startswith(f"GET {url}/ HTTP/1.1".encode())
    assert "(of --proxy)" in network.notes[0]


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        ({"proxy": ""}, {"all_proxy": "http://127.0.0.1:1"}),
        ({"no_proxy": "*"}, {"all_proxy": "http://127.0.0.1:1"}),
        ({"no_proxy": "b.invalid,api.invalid"}, {"all_proxy": "http://127.0.0.1:1"}),
        ({"proxy": "http://127.0.0.1:1", "no_proxy": "invalid"}, {}),
        ({"proxy": "http://127.0.0.1:1"}, {"no_proxy": "api.invalid"}),
    ],
)
def test_no_proxy_is_asked(options: dict[str, str], environ: dict[str, str]) -> None:
    with raw(answer(OK)) as server:
        url = server.at("http", "api.invalid")
        exchange, _ = ask(url, environ=environ, resolve=(pin("api.invalid", server.port, "127.0.0.1"),), **options)
    assert exchange.response is not None, exchange.failure


def test_an_empty_list_of_exceptions_replaces_the_environment_s() -> None:
    with raw(answer(OK)) as proxy:
        environ = {"http_proxy": proxy.url, "no_proxy": "api.invalid"}
        exchange, _ = ask("http://api.invalid/", environ=environ, no_proxy="")
    assert exchange.response is not None, exchange.failure


# --- trust -----------------------------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("kind", ["one that it signed", "one below an intermediate"])
def test_a_ca_file_is_trusted(kind: str) -> None:
    context = server_context() if kind == "one that it signed" else behind_intermediate()
    with raw(answer(OK), tls=context) as server:
        exchange, _ = ask(server.at("https", "localhost"), ca_file=str(authority()))
    assert exchange.response is not None, exchange.failure
    assert exchange.verified


@needs_openssl
def test_a_ca_file_replaces_the_trust_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    other = tmp_path / "other.pem"
    with raw(answer(OK), tls=server_context()) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority()))
        other.write_bytes(self_signed().chain.read_bytes())
        exchange, _ = ask(server.at("https", "localhost"), ca_file=str(other))
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.failure.detail) == ("tls", "unknown-issuer")


@needs_openssl
def test_a_ca_file_that_openssl_cannot_read_says_nothing_about_the_server(tmp_path: Any) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    with raw(answer(OK), tls=server_context()) as server:
        exchange, _ = ask(server.at("https", "localhost"), ca_file=str(odd))
    assert exchange.failure is not None
    assert exchange.failure.kind == "not-asked"
    assert str(odd) in exchange.failure.message


# --- cookies ---------------------------------------------------------------------------------------------------------


def cookies_of(server: Raw) -> dict[bool, set[bytes]]:
    """The Cookie headers of the WebSocket handshakes (True) and of everything else that had the page's origin."""
    found: dict[bool, set[bytes]] = {True: set(), False: set()}
    for head in server.heard:
        lines = head.split(b"\r\n")
        cookie = next((line[8:] for line in lines if line.lower().startswith(b"cookie: ")), b"")
        found[b"transport=websocket" in lines[0]].add(cookie)
    return found


def test_cookies_go_with_credentials_and_websockets() -> None:
    with raw(HEALTHY) as server:
        gathered(server.url, cookies=["session=s3cr3t; theme=dark"], with_credentials=True)
        sent = cookies_of(server)
    assert sent[True] == {b"session=s3cr3t; theme=dark"}
    assert b"session=s3cr3t; theme=dark" in sent[False]


def test_without_credentials_cookies_go_with_websockets_alone() -> None:
    with raw(HEALTHY) as server:
        gathered(server.url, cookies=["session=s3cr3t"])
        sent = cookies_of(server)
    assert sent == {True: {b"session=s3cr3t"}, False: {b""}}


def test_a_page_of_the_server_s_own_origin_sends_them_always() -> None:
    with raw(HEALTHY) as server:
        gathered(server.url, origins=[server.url], cookies=["session=s3cr3t"])
        sent = cookies_of(server)
    assert sent[True] == {b"session=s3cr3t"}
    assert b"session=s3cr3t" in sent[False]


# --- certificates that are let pass ----------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("insecure", [False, True])
def test_secrets_go_past_a_refused_certificate_only_where_it_is_let_pass(insecure: bool) -> None:
    with raw(HEALTHY, tls=server_context()) as server:
        gathered(
            server.at("https", "localhost"),
            insecure=insecure,
            headers=["X-Key: s3cr3t-1"],
            query=["token=s3cr3t-2"],
            auth='{"token": "s3cr3t-3"}',
            cookies=["session=s3cr3t-4"],
            with_credentials=True,
        )
        heard = b"".join(server.heard)
    for number in range(1, 5):
        assert (f"s3cr3t-{number}".encode() in heard) == insecure
