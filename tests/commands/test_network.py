"""curl's network options as a person gives them: the real process, real sockets, and what the report says."""

from __future__ import annotations

import json
import shlex
import ssl
import subprocess
from typing import Any

import pytest

from tests.commands.test_check import HEALTHY, PAGE, run
from tests.probe.authority import authority, behind_intermediate, server_context
from tests.servers import need, needs_curl, needs_ipv6, needs_openssl
from tests.servers.certificates import self_signed
from tests.servers.forward import forward
from tests.servers.raw import Script, answer, full_backlog, nothing, raw

SSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
AIRTUNES = answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nServer: AirTunes/595.13.1\r\n\r\n")


def check(url: str, *options: str) -> dict[str, Any]:
    """The JSON report for ``PAGE``."""
    done = run("check", url, "--origin", PAGE, "--timeout", "2", "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def slugs(document: dict[str, Any]) -> list[str]:
    return [finding["slug"] for finding in document["findings"] if finding["severity"] != "info"]


def connects(document: dict[str, Any]) -> set[bool | None]:
    return {outcome["connects"] for outcome in document["outcomes"]}


def text(url: str, *options: str) -> str:
    """The report as it is read, each line on its own."""
    return run("check", url, "--origin", PAGE, "--timeout", "2", *options).stdout


def unwrapped(report: str) -> str:
    return " ".join(report.split())


# --- what a person asks for ------------------------------------------------------------------------------------------


def test_a_pinned_host_is_reached_and_said_to_be_pinned() -> None:
    with raw(HEALTHY, host="127.0.0.2") as server:
        pin = f"api.invalid:{server.port}:127.0.0.2"
        document = check(server.at("http", "api.invalid"), "--resolve", pin)
    assert connects(document) == {True}
    assert document["vantage"]["addresses"] == {"api.invalid": ["127.0.0.2"]}
    assert any("--resolve put api.invalid" in note for note in document["notes"])
    assert all(f"--resolve {pin}" in exchange["curl"] for exchange in document["exchanges"])


def test_a_proxy_that_is_named_is_used_and_its_password_is_not_shown() -> None:
    with raw(HEALTHY) as server, raw(forward({"api.invalid": server.port})) as proxy:
        url = proxy.at("http", "me:s3cr3t-word@127.0.0.1")
        done = run("check", f"http://api.invalid:{server.port}", "--origin", PAGE, "--json", "--proxy", url)
    document = json.loads(done.stdout)
    assert connects(document) == {True}
    assert any("(of --proxy)" in note for note in document["notes"])
    assert "s3cr3t-word" not in done.stdout
    assert any("-x 'http://<proxy credentials>@127.0.0.1" in exchange["curl"] for exchange in document["exchanges"])


def test_cookies_of_the_person_are_struck_out_and_named() -> None:
    with raw(HEALTHY) as server:
        done = run("check", server.url, "--origin", PAGE, "--json", "-b", "session=s3cr3t-word; pin=1234")
        heard = b"".join(server.heard)
    document = json.loads(done.stdout)
    assert b"Cookie: session=s3cr3t-word; pin=1234" in heard
    assert "s3cr3t" not in done.stdout
    assert "1234" not in done.stdout.replace(str(server.port), "")
    assert document["client"]["cookies"] == ["session", "pin"]
    assert any("-b 'session=<own cookie 1>; pin=<own cookie 2>'" in one["curl"] for one in document["exchanges"])
    assert any("no withCredentials" in note for note in document["notes"])


def test_the_cookie_goes_where_the_client_has_credentials() -> None:
    with raw(HEALTHY) as server:
        document = check(server.url, "-b", "session=s3cr3t-word", "--with-credentials")
    polls = [one for one in document["exchanges"] if one["purpose"] == "handshake"]
    assert polls
    assert all(["Cookie", "session=<own cookie 1>"] in one["request"]["headers"] for one in polls)


def test_query_and_auth_go_as_the_client_sends_them() -> None:
    with raw(HEALTHY) as server:
        run("check", server.url, "--origin", PAGE, "--query", "room=a b&c", "--auth", '{ "token": "t" }')
        heard = [head.decode() for head in server.heard]
    assert any(head.startswith("GET /socket.io/?room=a%20b%26c&EIO=4&transport=polling&t=") for head in heard)
    assert any(head.endswith('\r\n\r\n40{"token":"t"}') for head in heard)


@pytest.mark.parametrize("options", [["-4"], ["--cookie", "a=b"], ["--insecure"], ["--proxy", ""]])
def test_a_real_browser_is_not_asked_what_it_would_not_do(options: list[str]) -> None:
    done = run("check", "http://127.0.0.1:1", "--origin", PAGE, "--confirm", "chromium", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--confirm" in done.stderr


# --- addresses -------------------------------------------------------------------------------------------------------


@needs_ipv6
def test_another_program_on_the_other_address() -> None:
    with raw(HEALTHY) as server, raw(AIRTUNES, host="::1", port=server.port):
        url = server.at("http", "localhost")
        document, report = check(url), unwrapped(text(url))
    assert slugs(document) == ["localhost-ipv6-mismatch"]
    assert {(one["browser"], one["connects"], one["address"]) for one in document["outcomes"]} == {
        ("chromium", False, "::1"),
        ("webkit", False, "::1"),
        ("firefox", None, "127.0.0.1"),
    }
    assert "localhost is two programs: Socket.IO answers at 127.0.0.1, and at ::1 something else" in report


@needs_ipv6
@needs_curl
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_on_one_family_connects_and_that_is_said(host: str) -> None:
    with raw(HEALTHY, host=host) as server:
        document = check(server.at("http", "localhost"))
        [other] = [one for one in document["exchanges"] if one["purpose"] == "other-address"]
        line = [need("curl"), "-q", "-s", *shlex.split(other["curl"])[1:]]
        refused = subprocess.run(line, capture_output=True, check=False, timeout=20)
    assert (slugs(document), connects(document)) == ([], {True})
    assert next(one["slug"] for one in document["findings"]) == "localhost-ipv6-mismatch"
    assert refused.returncode == 7  # curl's "failed to connect": its line asks that address alone


def test_a_server_at_loopback_alone() -> None:
    with raw(HEALTHY) as server:
        document = check(server.at("http", "127.0.0.2"))
    assert slugs(document) == ["bound-to-loopback"]
    assert connects(document) == {False}


@pytest.mark.parametrize(("option", "other"), [("-6", "127.0.0.1"), ("-4", "[::1]")])
def test_no_address_of_the_only_family(option: str, other: str) -> None:
    document = check(f"http://{other}:3999", option)
    assert slugs(document) == ["dns-fails"]
    assert "no other may be used" in document["findings"][0]["message"]
    assert document["findings"][0]["fixes"] == []


# --- TLS -------------------------------------------------------------------------------------------------------------


def own_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed())
    return context


@needs_openssl
def test_a_ca_file_makes_the_browsers_trust_it() -> None:
    with raw(HEALTHY, tls=server_context()) as server:
        url = server.at("https", "localhost")
        trusted, untrusted = check(url, "--ca-file", str(authority())), check(url)
    assert (slugs(trusted), connects(trusted)) == ([], {True})
    assert all(f"--cacert {authority()}" in one["curl"] for one in trusted["exchanges"])
    assert any("alone" in note and str(authority()) in note for note in trusted["notes"])
    assert (slugs(untrusted), connects(untrusted)) == (["tls-untrusted"], {False})


@needs_openssl
@pytest.mark.parametrize(
    ("sent", "names_issuer", "words"),
    [
        ("alone", True, "its chain is incomplete: the intermediate certificate of its issuer, Own Intermediate"),
        ("alone", False, "Own Intermediate, which is not trusted here, and is sent alone"),
    ],
)
def test_a_chain_without_its_intermediate(sent: str, names_issuer: bool, words: str) -> None:
    with raw(HEALTHY, tls=behind_intermediate(send=sent, names_issuer=names_issuer)) as server:
        document = check(server.at("https", "localhost"), "--ca-file", str(authority()))
    assert slugs(document) == ["tls-untrusted"]
    assert words in document["findings"][0]["message"]


@needs_openssl
@pytest.mark.parametrize("sent", ["chain", "root"])
def test_a_whole_chain_of_an_authority_that_nobody_knows(sent: str) -> None:
    with raw(HEALTHY, tls=behind_intermediate(send=sent)) as server:
        document = check(server.at("https", "localhost"))
    assert slugs(document) == ["tls-untrusted"]
    assert "private" in document["findings"][0]["message"]
    assert "incomplete" not in document["findings"][0]["message"]


@needs_openssl
def test_a_certificate_is_let_pass() -> None:
    with raw(HEALTHY, tls=own_context()) as server:
        document = check(server.at("https", "localhost"), "-k")
    assert connects(document) == {True}
    assert next((one["slug"], one["severity"]) for one in document["findings"]) == ("tls-untrusted", "warning")
    assert document["ok"] is True
    assert any("--insecure" in note and "secrets included" in note for note in document["notes"])
    assert any(one["curl"].startswith("curl -i -k ") for one in document["exchanges"])


@needs_openssl
def test_a_good_certificate_is_verified_all_the_same() -> None:
    with raw(HEALTHY, tls=server_context()) as server:
        document = check(server.at("https", "localhost"), "-k", "--ca-file", str(authority()))
    assert (slugs(document), connects(document)) == ([], {True})
    assert not any("--insecure" in note for note in document["notes"])


@needs_openssl
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_the_client_is_wanted(version: ssl.TLSVersion) -> None:
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asking.load_cert_chain(*self_signed())
    asking.load_verify_locations(authority())
    asking.verify_mode, asking.minimum_version, asking.maximum_version = ssl.CERT_REQUIRED, version, version
    with raw(HEALTHY, tls=asking) as server:
        document = check(server.at("https", "localhost"), "--ca-file", str(self_signed().chain))
    first = document["findings"][0]
    if version is ssl.TLSVersion.TLSv1_3:
        assert slugs(document) == ["tls-client-certificate"]
    else:  # no alert of its own: both possibilities are named
        assert first["slug"] == "tls-untrusted"
        assert "wants a client's certificate" in first["message"]


@needs_openssl
def test_a_name_that_the_server_has_no_certificate_for() -> None:
    context = own_context()
    context.sni_callback = lambda connection, name, own: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with raw(HEALTHY, tls=context) as server:
        document = check(server.at("https", "localhost"))
    assert slugs(document) == ["tls-name-or-date"]
    assert "has no certificate for the name localhost" in document["findings"][0]["message"]


@needs_openssl
def test_a_certificate_for_another_name_says_which() -> None:
    with raw(HEALTHY, tls=server_context(name="DNS:www.example.com")) as server:
        document = check(server.at("https", "localhost"), "--ca-file", str(authority()))
    assert slugs(document) == ["tls-name-or-date"]
    assert "not for the name localhost, but for www.example.com" in document["findings"][0]["message"]


def test_https_where_a_server_waits_for_a_plain_request() -> None:
    with raw(HEALTHY) as server:
        document = check(server.at("https"), "--timeout", "0.5")
    assert slugs(document) == ["tls-plain-mixup"]
    assert "By http:// Socket.IO answers there" in document["findings"][0]["message"]


# --- dead, silent and strange ports ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "slug", "words"),
    [
        (lambda peer: peer.reset(), "connection-reset", "resets it without an answer"),
        (lambda peer: (peer.hear(), peer.reset()), "connection-reset", "resets it without an answer"),
        (lambda peer: None, "connection-reset", "it without an answer"),
        (lambda peer: peer.hear(), "connection-reset", "closes it without an answer"),
        (lambda peer: peer.hang(), "server-timeout", "accepts the connection and the request, and answers nothing"),
        (lambda peer: peer.say(SSH), "connection-reset", "is not HTTP (“SSH-2.0-OpenSSH_9.2p1 Debian-2”)"),
        (answer(b"\x00\x01\x02garbage\r\n"), "connection-reset", "is not HTTP"),
        (answer(b"-ERR wrong number of arguments\r\n"), "connection-reset", "it is another program's port"),
    ],
    ids=["RST", "RST to a request", "closes", "closes after a request", "silent", "SSH", "garbage", "Redis"],
)
def test_a_port_that_gives_no_answer(script: Script, slug: str, words: str) -> None:
    with raw(script) as server:
        document = check(server.url, "--timeout", "0.5")
    assert slugs(document) == [slug]
    assert words in document["findings"][0]["message"]
    assert connects(document) == {False}


def test_another_program_s_port_is_asked_three_times_at_most() -> None:
    with raw(lambda peer: peer.say(SSH)) as server:
        document = check(server.url)
        assert server.connections <= 3
    assert document["vantage"]["requests"] <= 3


def test_refused_and_silent_connections() -> None:
    with nothing() as url:
        assert slugs(check(url)) == ["server-refused"]
    with full_backlog() as url:
        document = check(url, "--timeout", "0.5")
    assert slugs(document) == ["server-timeout"]
    assert "no connection came about" in document["findings"][0]["message"]
