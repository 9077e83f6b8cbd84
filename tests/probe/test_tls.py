"""TLS: what verifies, what does not, and by which word it is called."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from sio_doctor.model import Frame, NoResponse
from sio_doctor.probe import tls
from tests.probe.asking import SHORT, ask, converse, failure, response
from tests.probe.authority import authority, server_context
from tests.servers import needs_openssl
from tests.servers.certificates import self_signed
from tests.servers.raw import Peer, answer, answer_then_hang, raw

pytestmark = needs_openssl

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The test's authority is the one that the system trusts, by SSL_CERT_FILE as with curl."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority()))
    tls.context.cache_clear()
    yield
    tls.context.cache_clear()


def self_signed_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed())
    return context


def trouble(context: ssl.SSLContext) -> NoResponse:
    """Ask a server with that certificate; the same answers when nothing is verified."""
    with raw(answer(OK), tls=context) as server:
        came = failure(server.at("https", "localhost"))
        unverified = ask(server.at("https", "localhost"), verify=False)
    assert unverified.response is not None
    assert (unverified.response.body, unverified.verified) == ("ok", False)
    assert (came.kind, came.phase) == ("tls", "tls")
    assert came.message.endswith(".")
    return came


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_of_a_trusted_authority() -> None:
    with raw(answer(OK), tls=server_context()) as server:
        exchange = ask(server.at("https", "localhost"))
    assert exchange.response is not None, exchange.failure
    assert (exchange.response.body, exchange.verified, exchange.address) == ("ok", True, "127.0.0.1")


@pytest.mark.usefixtures("_trusted")
def test_a_certificate_for_an_address() -> None:
    with raw(answer(OK), tls=server_context(name="IP:127.0.0.1")) as server:
        assert response(server.url).body == "ok"


@pytest.mark.usefixtures("_trusted")
def test_a_body_that_ends_with_the_connection() -> None:
    with raw(answer(b"HTTP/1.1 200 OK\r\n\r\nok"), tls=server_context()) as server:
        came = response(server.at("https", "localhost"))
    assert (came.body, came.truncated) == ("ok", False)


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    ("detail", "certificate"),
    [
        ("hostname", {"name": "DNS:other.example"}),
        ("hostname", {"name": "DNS:localhost.other.example"}),
        ("hostname", {"name": "", "common_name": "localhost"}),
        ("expired", {"start": "20200101000000Z", "end": "20210101000000Z"}),
        ("not-yet-valid", {"start": "20980101000000Z", "end": "20990101000000Z"}),
    ],
)
def test_a_certificate_of_a_trusted_authority_that_is_not_good_here(detail: str, certificate: dict[str, str]) -> None:
    assert trouble(server_context(**certificate)).detail == detail


def test_a_certificate_of_an_authority_that_nobody_knows() -> None:
    assert trouble(server_context()).detail == "unknown-issuer"


def test_a_self_signed_certificate() -> None:
    assert trouble(self_signed_context()).detail == "self-signed"


def test_plain_http_where_tls_was_asked() -> None:
    with raw(lambda peer: peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        came = failure(server.at("https"))
    assert (came.kind, came.phase, came.detail) == ("tls", "tls", "plain-http")


def test_no_version_in_common() -> None:
    context = self_signed_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")
    with raw(answer(OK), tls=context) as server:
        came = failure(server.at("https"))
    assert (came.kind, came.detail) == ("tls", "protocol")


def test_silence_during_the_handshake() -> None:
    with raw(lambda peer: peer.hang()) as server:
        came = failure(server.at("https"), timeout=SHORT)
    assert (came.kind, came.phase) == ("timeout", "tls")


def test_closed_and_reset_during_the_handshake() -> None:
    def close(peer: Peer) -> None:
        peer.socket.recv(65536)

    def reset(peer: Peer) -> None:
        peer.socket.recv(65536)
        peer.reset()

    with raw(close, reset) as server:
        came = [failure(server.at("https")) for _ in range(2)]
    assert [(one.kind, one.phase) for one in came] == [("closed", "tls"), ("reset", "tls")]


def test_plain_http_sent_to_a_tls_port() -> None:
    with raw(answer(OK), tls=self_signed_context()) as server:
        came = failure(server.at("http"))
    # OpenSSL's servers close, others send a TLS alert first; either way it is no HTTP answer.
    assert came.kind in ("closed", "reset", "not-http")


def test_a_tls_alert_is_named() -> None:
    with raw(answer(b"\x15\x03\x03\x00\x02\x02\x46")) as server:
        came = failure(server.url)
    assert came.kind == "not-http"
    assert came.detail.startswith("\x15\x03")
    assert "https" in came.message


def test_a_name_that_tls_cannot_have() -> None:
    with raw(answer(OK), tls=self_signed_context()) as server:
        came = failure(server.at("https", f"{'a' * 70}.localhost"))
    assert came.kind == "tls"


def test_a_websocket_over_tls() -> None:
    script = answer_then_hang(b"HTTP/1.1 101 X\r\n\r\n", b"\x81\x02hi")
    with raw(script, tls=self_signed_context()) as server:
        refused, _ = converse(server.at("wss"))
        exchange, received = converse(server.at("wss"), verify=False)
    assert refused.failure is not None
    assert refused.failure.detail == "self-signed"
    assert (received, exchange.verified) == ([Frame(direction="in", type="text", data="hi")], False)
