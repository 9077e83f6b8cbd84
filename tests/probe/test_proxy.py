"""Proxies of the environment: which one is taken, as curl takes it, and what is asked of it."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
import pytest

from sio_doctor.demo.scenarios import SCENARIOS
from sio_doctor.demo.server import serve
from sio_doctor.examine import examine, gather, report_on
from sio_doctor.model import Evidence, Exchange, Frame, Report
from sio_doctor.plan import make_plan
from sio_doctor.probe import aside, tls
from sio_doctor.probe.network import Network
from sio_doctor.probe.proxy import Proxy, is_exempt, proxy_for
from sio_doctor.render import render
from tests.probe.asking import PATIENT, SHORT, get, run
from tests.probe.authority import authority, server_context
from tests.servers import need, needs_curl, needs_openssl
from tests.servers.forward import forward
from tests.servers.raw import Peer, answer, answer_then_hang, keep_alive, nothing, raw

PROXY = "http://proxy.invalid:3128"
OTHER = "http://other.invalid:3128"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEALTHY = SCENARIOS["healthy"]


class Row(NamedTuple):
    """A URL in an environment, and the variable whose proxy (``PROXY``) it is asked through; empty: none."""

    url: str
    environ: Mapping[str, str]
    variable: str


def bypassed(url: str, no_proxy: str) -> Row:
    return Row(url, {"http_proxy": PROXY, "no_proxy": no_proxy}, "")


def proxied(url: str, no_proxy: str) -> Row:
    return Row(url, {"http_proxy": PROXY, "no_proxy": no_proxy}, "http_proxy")


#: What curl does as well.
LIKE_CURL = [
    Row("http://a.invalid/", {}, ""),
    Row("http://a.invalid/", {"http_proxy": PROXY}, "http_proxy"),
    Row("http://a.invalid:8080/x?y=1", {"http_proxy": PROXY}, "http_proxy"),
    Row("http://a.invalid/", {"http_proxy": PROXY.removeprefix("http://")}, "http_proxy"),
    Row("http://a.invalid/", {"http_proxy": f"{PROXY}/path?query"}, "http_proxy"),
    Row("http://a.invalid/", {"HTTP_PROXY": PROXY}, ""),
    Row("https://a.invalid/", {"http_proxy": PROXY}, ""),
    Row("http://a.invalid/", {"https_proxy": PROXY}, ""),
    Row("https://a.invalid/", {"https_proxy": PROXY}, "https_proxy"),
    Row("https://a.invalid:8443/", {"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
    Row("https://a.invalid/", {"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, "https_proxy"),
    Row("https://a.invalid/", {"https_proxy": "", "HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
    Row("http://a.invalid/", {"all_proxy": PROXY}, "all_proxy"),
    Row("https://a.invalid/", {"ALL_PROXY": PROXY}, "ALL_PROXY"),
    Row("http://a.invalid/", {"all_proxy": PROXY, "ALL_PROXY": OTHER}, "all_proxy"),
    Row("http://a.invalid/", {"http_proxy": PROXY, "all_proxy": OTHER}, "http_proxy"),
    Row("http://[2001:db8::1]/", {"http_proxy": PROXY}, "http_proxy"),
    bypassed("http://a.invalid/", "*"),
    proxied("http://a.invalid/", "b.invalid,*"),
    bypassed("http://a.invalid/", "a.invalid"),
    bypassed("http://b.a.invalid/", "a.invalid"),
    proxied("http://ba.invalid/", "a.invalid"),
    bypassed("http://a.invalid/", "A.Invalid"),
    bypassed("http://a.invalid./", "a.invalid"),
    bypassed("http://a.invalid/", "a.invalid."),
    bypassed("http://a.invalid:8080/", "a.invalid"),
    bypassed("http://a.invalid/", ".a.invalid"),
    bypassed("http://b.a.invalid/", ".a.invalid"),
    proxied("http://ba.invalid/", ".a.invalid"),
    proxied("http://b.a.invalid/", "*.a.invalid"),
    proxied("http://a.invalid/", "a.invalid:80"),
    proxied("http://a.invalid:8080/", "a.invalid:8080"),
    bypassed("http://a.invalid/", "b.invalid,a.invalid"),
    bypassed("http://a.invalid/", "b.invalid, a.invalid"),
    bypassed("http://a.invalid/", "b.invalid ,a.invalid"),
    bypassed("http://a.invalid/", "b.invalid,,a.invalid"),
    proxied("http://203.0.113.7/", "203.0.113.8,113.7,invalid"),
    Row("http://a.invalid/", {"http_proxy": PROXY, "NO_PROXY": "a.invalid"}, ""),
    Row("http://a.invalid/", {"http_proxy": PROXY, "NO_PROXY": "a.invalid", "no_proxy": "b.invalid"}, "http_proxy"),
    Row("http://a.invalid/", {"http_proxy": PROXY, "NO_PROXY": "a.invalid", "no_proxy": ""}, ""),
    Row("http://a.invalid/", {"all_proxy": PROXY, "no_proxy": "a.invalid"}, ""),
]
#: What curl does otherwise, does not do, or does since another version.
OUR_OWN = [
    Row("ws://a.invalid/", {"http_proxy": PROXY}, "http_proxy"),
    Row("wss://a.invalid/", {"http_proxy": OTHER, "https_proxy": PROXY}, "https_proxy"),
    Row("ws://a.invalid/", {"ALL_PROXY": PROXY}, "ALL_PROXY"),
    bypassed("http://a.invalid/", "b.invalid a.invalid"),
    bypassed("http://203.0.113.7/", "203.0.113.0/24"),
    bypassed("http://[2001:db8::1]/", "2001:db8::/32"),
    bypassed("http://[2001:db8::1]/", "2001:db8:0::1"),
    proxied("http://[2001:db9::1]/", "2001:db8::/32"),
    Row("http://localhost:3000/", {"http_proxy": PROXY}, ""),
    Row("http://localhost./", {"http_proxy": PROXY}, ""),
    Row("http://app.localhost/", {"http_proxy": PROXY}, ""),
    Row("http://127.0.0.1:3000/", {"http_proxy": PROXY}, ""),
    Row("https://127.8.9.1/", {"all_proxy": PROXY}, ""),
    Row("wss://[::1]:3000/", {"all_proxy": PROXY}, ""),
    Row("http://localhost.invalid/", {"http_proxy": PROXY}, "http_proxy"),
]


@pytest.mark.parametrize("row", LIKE_CURL + OUR_OWN, ids=str)
def test_which_proxy_is_taken(row: Row) -> None:
    proxy = proxy_for(row.url, row.environ)
    assert (proxy.variable if proxy else "") == row.variable
    assert proxy is None or (proxy.usable, proxy.url) == (True, PROXY)


def curl(url: str, environ: Mapping[str, str], port: int) -> None:
    """Let curl ask, with the proxy of the table on that port; that nobody answers is no matter."""
    own = {name: value.replace("proxy.invalid:3128", f"127.0.0.1:{port}") for name, value in environ.items()}
    command = [need("curl"), "-q", "-s", "-g", "--max-time", "5", url]
    subprocess.run(command, env=own, capture_output=True, check=False, timeout=20)


@needs_curl
@pytest.mark.parametrize("row", LIKE_CURL, ids=str)
def test_curl_takes_the_same(row: Row) -> None:
    with raw(answer(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) as proxy:
        curl(row.url, row.environ, proxy.port)
    assert bool(proxy.heard) == bool(row.variable), proxy.heard


NETWORKS = [
    ("127.1.2.3", True),
    ("127.1.2.0/24", True),
    ("127.1.3.0/24", False),
    ("127.1.2.0/30", True),
    ("127.1.2.4/30", False),
    ("127.1.2.3/32", True),
    ("127.1.2.3/33", False),
    ("127.1.2", False),
    ("2.3", False),
    ("localhost", False),
]


@pytest.mark.parametrize(("entry", "exempt"), NETWORKS)
def test_an_address_is_exempt_by_its_network(entry: str, exempt: bool) -> None:
    assert is_exempt("127.1.2.3", f"a.invalid,{entry}") == exempt


@needs_curl
@pytest.mark.parametrize(("entry", "exempt"), NETWORKS)
def test_curl_exempts_the_same(entry: str, exempt: bool) -> None:
    # curl does ask for loopback through a proxy, and so can show it without a network.
    with raw(answer(OK)) as proxy, raw(answer(OK), host="127.1.2.3") as server:
        curl(f"{server.url}/", {"http_proxy": PROXY, "no_proxy": f"a.invalid,{entry}"}, proxy.port)
    assert (len(server.heard), len(proxy.heard)) == ((1, 0) if exempt else (0, 1))


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy.invalid", "http://proxy.invalid:1080"),
        ("http://proxy.invalid/", "http://proxy.invalid:1080"),
        ("HTTP://Proxy.Invalid:80", "http://proxy.invalid:80"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
        ("http://me:secret-word@proxy.invalid:3128", PROXY),
    ],
)
def test_how_a_proxy_is_written(value: str, url: str) -> None:
    proxy = proxy_for("http://a.invalid/", {"http_proxy": value})
    assert proxy is not None
    assert (proxy.usable, proxy.url) == (True, url)
    assert proxy.note.startswith(f"Asked through the proxy {url} (of http_proxy).")
    assert "secret" not in f"{proxy!r}{proxy}{proxy.note}"


@pytest.mark.parametrize(
    ("userinfo", "pair"),
    [("me:secret", "me:secret"), ("u%40:p%3Aq", "u@:p:q"), ("me", "me:"), (":secret", ":secret"), ("m:s:t", "m:s:t")],
)
@needs_curl
def test_curl_sends_the_same_credentials(userinfo: str, pair: str) -> None:
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
    proxy = proxy_for("http://a.invalid/", {"http_proxy": f"http://{userinfo}@proxy.invalid:3128"})
    assert proxy is not None
    assert proxy.headers == (("Proxy-Authorization", basic),)
    with raw(answer(OK)) as server:
        curl("http://a.invalid/", {"http_proxy": f"http://{userinfo}@proxy.invalid:3128"}, server.port)
    assert f"\r\nProxy-Authorization: {basic}\r\n".encode() in server.heard[0]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks5://me:secret-word@proxy.invalid", "the scheme socks5"),
        ("https://proxy.invalid", "the scheme https"),
        ("http://me:secret-word@proxy.invalid:99999", "no proxy's URL"),
        ("://secret-word", "no proxy's URL"),
        ("me:secret-word://@proxy.invalid", "no proxy's URL"),
        ("http://pröxy.invalid", "no proxy's URL"),
        (" ", "no proxy's URL"),
    ],
)
def test_what_is_no_http_proxy_is_said_and_not_used(value: str, said: str) -> None:
    async def work(url: str) -> tuple[Exchange, tuple[str, ...]]:
        async with Network(timeout=SHORT, deadline=8, environ={"http_proxy": value}) as network:
            return await network.ask(get(url), purpose="root"), network.notes

    exchange, notes = run(work("http://a.invalid/"))
    assert exchange.failure is not None
    assert "proxy" not in exchange.failure.message
    assert len(notes) == 1
    assert said in notes[0]
    assert "not used" in notes[0] or "no proxy was used" in notes[0]
    assert "secret" not in notes[0]


# --- what is asked of it ---------------------------------------------------------------------------------------------


def ask(url: str, proxy: str, *, timeout: float = PATIENT, times: int = 1, verify: bool = True) -> list[Exchange]:
    """Ask so often through the proxy, over one connection if it lets us."""

    async def work() -> list[Exchange]:
        async with Network(timeout=timeout, deadline=8, environ={"all_proxy": proxy}) as network:
            return [await network.ask(get(url), purpose="root", verify=verify) for _ in range(times)]

    return run(work())


@needs_curl
def test_http_is_asked_in_absolute_form_as_curl_asks() -> None:
    url = "http://api.invalid:8080/socket.io/?EIO=4&x=|%7C"
    with raw(answer(OK)) as proxy:
        [exchange] = ask(url, proxy.at("http", "me:secret-word@127.0.0.1"))
        curl(url, {"http_proxy": PROXY.replace("//", "//me:secret-word@")}, proxy.port)
    ours, theirs = ([*head.decode().split("\r\n")] for head in proxy.heard)
    assert ours[0] == theirs[0] == f"GET {url} HTTP/1.1"
    for name in ("Host: ", "Proxy-Authorization: "):
        assert [line for line in ours if line.startswith(name)] == [line for line in theirs if line.startswith(name)]
    assert exchange.response is not None, exchange.failure
    assert exchange.response.body == "ok"
    assert not any(name == "Proxy-Authorization" for name, _ in exchange.request.headers)


@needs_curl
@pytest.mark.parametrize("url", ["https://api.invalid/", "https://api.invalid:8443/", "https://[2001:db8::1]/"])
def test_https_asks_for_a_tunnel_as_curl_does(url: str) -> None:
    with raw(answer(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")) as proxy:
        ask(url, proxy.at("http", "me:secret-word@127.0.0.1"))
        curl(url, {"https_proxy": PROXY.replace("//", "//me:secret-word@")}, proxy.port)
    ours, theirs = ([*head.decode().split("\r\n")] for head in proxy.heard)
    assert ours[0] == theirs[0]
    assert ours[0].startswith("CONNECT ")
    for name in ("Host: ", "Proxy-Authorization: "):
        assert [line for line in ours if line.startswith(name)] == [line for line in theirs if line.startswith(name)]


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's authority is the one that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority()))
    tls.context.cache_clear()
    yield
    tls.context.cache_clear()


@needs_openssl
@pytest.mark.usefixtures("_trusted")
def test_tls_in_a_tunnel_is_with_the_server() -> None:
    context = server_context(name="DNS:api.invalid")
    with raw(keep_alive(OK, OK), tls=context) as server, raw(forward({"api.invalid": server.port})) as proxy:
        both = ask("https://api.invalid/", proxy.url, times=2)
    assert [one.response.body if one.response else one.failure for one in both] == ["ok", "ok"]
    assert [one.verified for one in both] == [True, True]
    assert len(proxy.heard) == server.connections == 1
    assert server.heard[0].startswith(b"GET / HTTP/1.1\r\nHost: api.invalid\r\n")
    assert b"roxy" not in server.heard[0]


@needs_openssl
@pytest.mark.usefixtures("_trusted")
def test_a_certificate_of_another_name_is_the_server_s_fault() -> None:
    context = server_context(name="DNS:www.invalid")
    with raw(answer(OK), tls=context) as server, raw(forward({"api.invalid": server.port})) as proxy:
        [exchange] = ask("https://api.invalid/", proxy.url)
        [unverified] = ask("https://api.invalid/", proxy.url, verify=False)
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.failure.phase, exchange.failure.detail) == ("tls", "tls", "hostname")
    assert unverified.response is not None


def test_a_tunnel_that_leads_to_no_tls() -> None:
    def plain(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.hang()

    with raw(plain) as server, raw(forward({"api.invalid": server.port})) as proxy:
        [exchange] = ask("https://api.invalid/", proxy.url)
    assert exchange.failure is not None
    assert (exchange.failure.kind, exchange.failure.phase, exchange.failure.detail) == ("tls", "tls", "plain-http")
    assert "of api.invalid" in exchange.failure.message


def test_a_server_that_closes_the_tunnel() -> None:
    with raw(lambda peer: None) as server, raw(forward({"api.invalid": server.port})) as proxy:
        [exchange] = ask("https://api.invalid/", proxy.url)
    assert exchange.failure is not None
    assert (exchange.failure.kind in ("closed", "reset"), exchange.failure.phase) == (True, "tls")
    assert exchange.failure.message.startswith("api.invalid port 443 (through the proxy ")


@needs_openssl
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_goes_through_a_tunnel(scheme: str) -> None:
    script = answer_then_hang(b"HTTP/1.1 101 X\r\n\r\n", b"\x81\x02hi")
    context = server_context(name="DNS:api.invalid") if scheme == "wss" else None

    async def work(url: str) -> tuple[Exchange, object]:
        async with Network(timeout=PATIENT, deadline=8, environ={"all_proxy": url}) as network:
            conversation = await network.open_websocket(get(f"{scheme}://api.invalid/"), purpose="websocket")
            return conversation.exchange, await conversation.receive()

    with raw(script, tls=context) as server, raw(forward({"api.invalid": server.port})) as proxy:
        exchange, received = run(work(proxy.url))
    assert exchange.response is not None, exchange.failure
    assert received == Frame(direction="in", type="text", data="hi")
    assert proxy.heard[0].startswith(b"CONNECT api.invalid:%d HTTP/1.1\r\n" % (443 if scheme == "wss" else 80))
    assert server.heard[0].startswith(b"GET / HTTP/1.1\r\n")


# --- what is said of it ----------------------------------------------------------------------------------------------


async def _with_demo(
    url: str, monkeypatch: pytest.MonkeyPatch, *, credentials: str = "", given: str = ""
) -> tuple[Evidence, list[bytes]]:
    async with await serve(HEALTHY) as server:
        port = int(server.url.rpartition(":")[2])
        with raw(forward({"api.invalid": port}, credentials=credentials)) as proxy:
            monkeypatch.setenv("http_proxy", proxy.at("http", f"{given}127.0.0.1"))
            plan = make_plan(url.format(port=port), origins=[HEALTHY.origin], timeout=PATIENT, deadline=8)
            return await gather(plan), proxy.heard


def test_a_server_that_only_the_proxy_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence, heard = run(_with_demo("http://api.invalid", monkeypatch, credentials="me:s3cr3t", given="me:s3cr3t@"))
    report = report_on(evidence)
    assert report.ok
    assert {(one.connects, one.transport) for one in report.outcomes} == {(True, "websocket")}
    assert [note for note in report.notes if "Asked through the proxy http://127.0.0.1:" in note]
    assert "(of http_proxy)" in report.notes[0]
    assert {head.split(b" ")[0] for head in heard} == {b"GET", b"POST", b"OPTIONS", b"HEAD", b"CONNECT"}
    printed = msgspec.json.encode(evidence).decode() + render(report, "json") + render(report, "text")
    for secret in ("s3cr3t", base64.b64encode(b"me:s3cr3t").decode()):
        assert secret not in printed


def test_loopback_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence, heard = run(_with_demo("http://127.0.0.1:{port}", monkeypatch))
    assert heard == []
    report = report_on(evidence)
    assert report.ok
    assert not any("proxy" in note for note in report.notes)


def check(url: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> Report:
    """The report on a server of which the proxy brings nothing; it must not be blamed."""
    monkeypatch.setenv("all_proxy", proxy)
    report = asyncio.run(examine(make_plan(url, origins=["http://page.invalid"], timeout=1, deadline=6)))
    assert [finding.slug for finding in report.findings] == ["proxy-fails"]
    assert {outcome.connects for outcome in report.outcomes} == {None}
    assert not report.ok
    assert "secret" not in render(report, "json") + render(report, "text")
    assert all(one.failure is not None and one.failure.kind == "not-asked" for one in report.exchanges)
    return report


both_schemes = pytest.mark.parametrize("scheme", ["http", "https"])


@both_schemes
def test_a_dead_proxy(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing() as proxy:
        report = check(f"{scheme}://api.invalid", proxy.replace("//", "//me:secret-word@"), monkeypatch)
    assert f"The proxy {proxy} (of all_proxy) refuses connections" in report.findings[0].message
    assert len(report.exchanges) == 1
    assert report.findings[0].fixes[0].after.endswith("api.invalid")


@both_schemes
def test_a_proxy_whose_name_does_not_resolve(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    report = check(f"{scheme}://api.invalid", PROXY, monkeypatch)
    assert f"The name of the proxy {PROXY} (of all_proxy) does not resolve." in report.findings[0].message
    assert report.vantage.addresses == {"proxy.invalid": ()}


@both_schemes
@pytest.mark.parametrize(("given", "said"), [("", "wants a user name"), ("me:secret-wrong@", "does not accept")])
def test_a_proxy_that_wants_credentials(scheme: str, given: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(forward({}, credentials="me:secret-word")) as proxy:
        report = check(f"{scheme}://api.invalid", proxy.at("http", f"{given}127.0.0.1"), monkeypatch)
    assert said in report.findings[0].message
    assert len(proxy.heard) == 1


@pytest.mark.parametrize("status", [403, 502, 503])
def test_a_proxy_that_makes_no_tunnel(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(answer(b"HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\nno" % status)) as proxy:
        report = check("https://api.invalid", proxy.url, monkeypatch)
    assert f"makes no connection to api.invalid port 443: it answered {status}." in report.findings[0].message


@pytest.mark.parametrize("junk", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x16"], ids=["ssh", "tls"])
@both_schemes
def test_a_proxy_that_speaks_no_http(scheme: str, junk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(answer(junk)) as proxy:
        report = check(f"{scheme}://api.invalid", proxy.url, monkeypatch)
    assert f"The proxy {proxy.url} (of all_proxy) answered with" in report.findings[0].message


@both_schemes
def test_a_proxy_that_closes(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with raw(answer(b"")) as proxy:
        report = check(f"{scheme}://api.invalid", proxy.url, monkeypatch)
    assert f"The proxy {proxy.url} (of all_proxy) closed the connection" in report.findings[0].message


@both_schemes
def test_a_silent_proxy_is_not_waited_for_long(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "ASIDE", 0.2)
    started = time.monotonic()
    with raw(answer_then_hang(b"")) as proxy:
        report = check(f"{scheme}://api.invalid", proxy.url, monkeypatch)
    assert time.monotonic() - started < 8
    assert sum(exchange.seconds > 0.9 for exchange in report.exchanges) == 1
    assert f"The proxy {proxy.url} (of all_proxy) did not answer within 1 s." in report.findings[0].message


def test_silence_after_an_answer_is_the_server_s() -> None:
    def script(peer: Peer) -> None:
        peer.hear()
        peer.say(OK)
        peer.hear()
        peer.hang()

    with raw(script) as proxy:
        first, second = ask("http://api.invalid/", proxy.url, timeout=SHORT, times=2)
    assert first.response is not None
    assert second.failure is not None
    assert (second.failure.kind, second.failure.phase) == ("timeout", "head")
    assert second.failure.message.startswith(f"api.invalid port 80 (through the proxy {proxy.url} (of all_proxy))")


def test_a_connection_that_ends_after_an_answer_is_the_server_s() -> None:
    with raw(keep_alive(OK), answer(b"")) as proxy:
        first, second = ask("http://api.invalid/", proxy.url, times=2)
    assert first.response is not None
    assert second.failure is not None
    assert second.failure.kind == "closed"


def test_credentials_that_are_echoed_are_struck_out() -> None:
    basic = base64.b64encode(b"me:secret-word")

    def echo(peer: Peer) -> None:
        body = peer.hear() + b"me:secret-word"
        peer.say(b"HTTP/1.1 403 %s\r\nX-Seen: %s\r\nContent-Length: %d\r\n\r\n%s" % (basic, basic, len(body), body))

    with raw(echo) as proxy:
        [exchange] = ask("http://api.invalid/", proxy.at("http", "me:secret-word@127.0.0.1"))
    assert exchange.response is not None
    assert basic in proxy.heard[0]
    told = msgspec.json.encode(exchange).decode()
    assert "<proxy credentials>" in told
    assert "secret-word" not in told
    assert basic.decode() not in told


def test_short_credentials_are_not_found_in_words() -> None:
    proxy = Proxy("http_proxy", "http", "proxy.invalid", 3128, "a:b")
    assert proxy.strike(b"data:body Basic YTpi") == b"data:body <proxy credentials>"
