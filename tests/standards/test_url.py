"""URLs and origins as browsers have them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sio_doctor.standards.url import (
    BAD_PORTS,
    is_potentially_trustworthy,
    origin_of,
    parse,
    same_origin,
    serialize,
)


@pytest.mark.parametrize(
    ("given", "serialized"),
    [
        ("https://API.Example.com:443/Socket.IO/", "https://api.example.com/Socket.IO/"),
        ("http://h:8080", "http://h:8080/"),
        ("http://h:080/", "http://h/"),
        ("  https://h/\n", "https://h/"),
        ("https:h/x", "https://h/x"),
        ("https:\\\\h\\x", "https://h/x"),
        ("http:///h/x", "http://h/x"),
        ("https://h/a/./b/../c", "https://h/a/c"),
        ("https://h/a/%2e%2E/c/.", "https://h/c/"),
        ("https://h/é 'x'?q='é'#f g", "https://h/%C3%A9%20'x'?q=%27%C3%A9%27#f%20g"),
        ("https://h?x", "https://h/?x"),
        ("https://u:p@h/", "https://u:p@h/"),
        ("https://u s@h/", "https://u%20s@h/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://B%C3%BCcher.example/", "https://xn--bcher-kva.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("http://[0:0::1]:3000/", "http://[::1]:3000/"),
        ("http://127.1/", "http://127.0.0.1/"),
        ("http://0x7f000001/", "http://127.0.0.1/"),
        ("http://0300.168.0.1/", "http://192.168.0.1/"),
        ("https://*.example.com", "https://*.example.com/"),
        ("localhost:3000", "localhost:3000"),
        ("mailto:a@b", "mailto:a@b"),
        ("xyz://u:p@h/x", "xyz://u:p@h/x"),
        ("data:text/plain,x", "data:text/plain,x"),
        ("file:///etc/hosts", "file:///etc/hosts"),
    ],
)
def test_a_url_is_normalised(given: str, serialized: str) -> None:
    assert serialize(parse(given)) == serialized


@pytest.mark.parametrize(
    "given",
    [
        "",
        "example.com",
        "//example.com",
        "/x",
        "-",
        "https://",
        "https://h:65536/",
        "https://h:x/",
        "http://[::1",
        "https://a b/",
        "https://a%2Fb/",
        "https://a<b/",
        "http://256.1.1.1/",
        "http://1.2.3.4.5/",
        "http://[::g]/",
        "https://\ufffd/",
    ],
)
def test_what_is_no_url_is_refused_in_one_sentence(given: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+ is no URL[^\n]*\.$"):
        parse(given)


@pytest.mark.parametrize(
    ("reference", "resolved"),
    [
        ("", "https://h:3000/a/b?q"),
        ("#f", "https://h:3000/a/b?q#f"),
        ("?x=1", "https://h:3000/a/b?x=1"),
        ("c", "https://h:3000/a/c"),
        ("../c/", "https://h:3000/c/"),
        ("/moved?t=1", "https://h:3000/moved?t=1"),
        ("//other/x", "https://other/x"),
        ("https:c", "https://h:3000/a/c"),
        ("https:/c", "https://h:3000/c"),
        ("https:\\\\other\\x", "https://other/x"),
        ("https:///other/x", "https://other/x"),
        ("//other/x?\\", "https://other/x?\\"),
        ("http:c", "http://c/"),
        ("https://other", "https://other/"),
    ],
)
def test_a_location_is_resolved(reference: str, resolved: str) -> None:
    assert serialize(parse(reference, parse("https://h:3000/a/b?q"))) == resolved


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://App.example.com:443/page?x#y", "https://app.example.com"),
        ("http://u:p@localhost:3000/", "http://localhost:3000"),
        ("wss://h:443/", "wss://h"),
        ("http://[::1]:80/", "http://[::1]"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("tauri://localhost/index.html", "tauri://localhost"),
        ("chrome-extension://abcdef/page.html", "chrome-extension://abcdef"),
        ("file:///index.html", "null"),
        ("data:text/html,x", "null"),
        ("about:blank", "null"),
        ("blob:https://h/1", "null"),
        ("not a url", "null"),
    ],
)
def test_an_origin_is_serialised(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_an_opaque_origin_is_the_same_as_none() -> None:
    assert same_origin("https://h", "https://h")
    assert not same_origin("https://h", "https://h:3000")
    assert not same_origin("null", "null")


@pytest.mark.parametrize(
    ("url", "trustworthy"),
    [
        ("https://h/", True),
        ("wss://h/", True),
        ("http://localhost:3000/", True),
        ("http://a.localhost/", True),
        ("http://127.8.8.8/", True),
        ("ws://[::1]/", True),
        ("file:///x", True),
        ("http://h/", False),
        ("http://192.168.0.1/", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
    ],
)
def test_loopback_is_trustworthy_without_tls(url: str, trustworthy: bool) -> None:
    assert is_potentially_trustworthy(url) is trustworthy


def test_the_bad_ports_are_the_standards() -> None:
    assert {6000, 6666, 10080, 2049, 4190} <= BAD_PORTS
    assert not BAD_PORTS & {80, 443, 3000, 5000, 8000, 8080, 8443}
    assert len(BAD_PORTS) == 83


def test_a_printed_url_can_hide_its_user_and_fragment() -> None:
    url = parse("https://u:p@h/x#f")
    assert serialize(url, credentials=False, fragment=False) == "https://h/x"


@settings(deadline=None)
@given(st.text(st.sampled_from("htpsw:/\\?#@[]%.-_ \t012aé€x*;"), max_size=30) | st.text(max_size=20))
@example("https://h:" + "9" * 5000)
@example("https://0x" + "f" * 5000)
def test_a_serialised_url_parses_to_itself(text: str) -> None:
    try:
        once = serialize(parse(text, parse("https://h/a/b?q")))
    except ValueError:
        return
    assert serialize(parse(once)) == once
