"""The Fetch standard's pure parts, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sio_doctor.model import HeaderList
from sio_doctor.standards.fetch import (
    combine,
    content_type_of_text,
    cors_check,
    cors_unsafe_request_header_names,
    extract_list,
    is_cors_safelisted_request_header,
    is_forbidden_method,
    is_forbidden_request_header,
    is_header_value,
    is_token,
    normalize_method,
)

ORIGIN = "https://app.example.com"
UNSAFE = {*range(0x20), 0x7F, *b'"():<>?@[\\]{}'} - {0x09}
LANGUAGE = {*b"0123456789 *,-.;=", *range(0x41, 0x5B), *range(0x61, 0x7B)}


@pytest.mark.parametrize("byte", range(256))
def test_the_bytes_of_safelisted_values(byte: int) -> None:
    value = f"a{chr(byte)}b"
    assert is_cors_safelisted_request_header("Accept", value) is (byte not in UNSAFE)
    assert is_cors_safelisted_request_header("Accept-Language", value) is (byte in LANGUAGE)
    assert is_cors_safelisted_request_header("CONTENT-LANGUAGE", value) is (byte in LANGUAGE)
    assert is_cors_safelisted_request_header("content-type", f"text/plain;x={value}") is (byte not in UNSAFE)


@pytest.mark.parametrize("name", ["Accept", "Accept-Language", "Content-Language"])
def test_128_bytes_are_safe_and_129_are_not(name: str) -> None:
    assert is_cors_safelisted_request_header(name, "a" * 128)
    assert not is_cors_safelisted_request_header(name, "a" * 129)


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("text/plain", True),
        ("TEXT/PLAIN;CHARSET=x", True),
        ("text/plain;", True),
        ("text/plain ;charset=UTF-8", True),
        ("multipart/form-data; boundary=x", True),
        ("application/x-www-form-urlencoded", True),
        ('text/plain; charset="utf-8"', False),
        ("application/json", False),
        ("application/json, text/plain;charset=UTF-8", False),
        ("text/plain, x", False),
        ("text/html", False),
        ("text", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_content_types_that_need_no_preflight(value: str, safe: bool) -> None:
    assert is_cors_safelisted_request_header("Content-Type", value) is safe


@pytest.mark.parametrize(
    ("value", "safe"),
    [
        ("bytes=0-", True),
        ("bytes=5-10", True),
        ("bytes=10-10", True),
        ("bytes=10-5", False),
        ("bytes=-5", False),
        ("bytes=0-1,3-4", False),
        ("bytes= 0-1", False),
        ("items=0-1", False),
        ("bytes=a-b", False),
    ],
)
def test_ranges_that_need_no_preflight(value: str, safe: bool) -> None:
    assert is_cors_safelisted_request_header("Range", value) is safe


def test_unsafe_names_are_lower_case_sorted_and_named_once() -> None:
    headers = (("X-B", "1"), ("Authorization", "x"), ("x-a", "1"), ("X-b", "2"), ("Accept", "*/*"))
    assert cors_unsafe_request_header_names(headers) == ["authorization", "x-a", "x-b"]


def test_more_than_1024_safelisted_bytes_make_all_of_them_unsafe() -> None:
    headers = [(f"Accept{'-Language' * (at % 2)}", "a" * 128) for at in range(8)]
    assert cors_unsafe_request_header_names(headers) == []
    assert cors_unsafe_request_header_names([*headers, ("Content-Language", "a")]) == [
        "accept",
        "accept-language",
        "content-language",
    ]


@pytest.mark.parametrize(
    ("lines", "credentials", "failure"),
    [
        ([ORIGIN], False, None),
        (["*"], False, None),
        ([f"\t {ORIGIN} "], False, None),
        ([], False, "allow-origin-missing"),
        (["*"], True, "allow-origin-wildcard"),
        ([ORIGIN + "/"], False, "allow-origin-mismatch"),
        ([ORIGIN.upper()], False, "allow-origin-mismatch"),
        ([ORIGIN + ":443"], False, "allow-origin-mismatch"),
        (["https://*.example.com"], False, "allow-origin-mismatch"),
        (["null"], False, "allow-origin-mismatch"),
        ([ORIGIN, ORIGIN], False, "allow-origin-multiple"),
        (["*", "*"], False, "allow-origin-multiple"),
        ([f"{ORIGIN},https://x"], False, "allow-origin-multiple"),
        ([f"{ORIGIN} https://x"], False, "allow-origin-multiple"),
        ([""], False, "allow-origin-invalid"),
        (["app.example.com"], False, "allow-origin-invalid"),
        (["undefined"], False, "allow-origin-invalid"),
        ([ORIGIN + "\xe9"], False, "allow-origin-invalid"),
        ([ORIGIN + "\x01"], False, "allow-origin-mismatch"),
    ],
)
def test_the_cors_check_of_an_origin(lines: list[str], credentials: bool, failure: str | None) -> None:
    headers = tuple(("access-Control-Allow-Origin", line) for line in lines)
    assert cors_check(ORIGIN, credentials, headers) == failure


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        (["true"], True),
        ([" true\t"], True),
        (["True"], False),
        (["TRUE"], False),
        (["1"], False),
        ([], False),
        (["true", "true"], False),
        (['"true"'], False),
        ([""], False),
    ],
)
def test_credentials_are_allowed_by_true_alone(lines: list[str], passes: bool) -> None:
    headers: HeaderList = (("Access-Control-Allow-Origin", ORIGIN),)
    headers += tuple(("Access-Control-Allow-Credentials", line) for line in lines)
    assert cors_check(ORIGIN, True, headers) == (None if passes else "allow-credentials")
    assert cors_check(ORIGIN, False, headers) is None


def test_null_is_an_origin_like_any_other() -> None:
    headers = (("Access-Control-Allow-Origin", "null"), ("Access-Control-Allow-Credentials", "true"))
    assert cors_check("null", True, headers) is None
    assert cors_check("null", False, (("Access-Control-Allow-Origin", "Null"),)) == "allow-origin-invalid"


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=40))
def test_nothing_but_the_origin_itself_passes_with_credentials(value: str) -> None:
    headers = (("Access-Control-Allow-Origin", value), ("Access-Control-Allow-Credentials", "true"))
    assert (cors_check(ORIGIN, True, headers) is None) == (value.strip(" \t") == ORIGIN)


@pytest.mark.parametrize(
    ("value", "members", "bad"),
    [
        ("PUT, ,DELETE,", ["PUT", "DELETE"], None),
        ("", [], None),
        ("x-a x-b", ["x-a x-b"], "x-a x-b"),
        ("x-a, Content-Type; Authorization", ["x-a", "Content-Type; Authorization"], "Content-Type; Authorization"),
        ('"PUT"', ['"PUT"'], '"PUT"'),
    ],
)
def test_a_list_of_tokens(value: str, members: list[str], bad: str | None) -> None:
    assert extract_list((("X-List", value),), "x-list") == (members, bad)


def test_the_lines_of_a_list_are_joined() -> None:
    assert extract_list((("A", "x"), ("a", ""), ("A", "y")), "a") == (["x", "y"], None)
    assert extract_list((), "a") == ([], None)


@pytest.mark.parametrize(
    ("given", "sent"),
    [("get", "GET"), ("Put", "PUT"), ("delete", "DELETE"), ("patch", "patch"), ("PATCH", "PATCH"), ("x", "x")],
)
def test_six_methods_are_upper_cased(given: str, sent: str) -> None:
    assert normalize_method(given) == sent


def test_methods_that_open_refuses() -> None:
    assert all(is_forbidden_method(method) for method in ("TRACE", "track", "Connect"))
    assert not is_forbidden_method("OPTIONS")
    assert is_token("PATCH")
    assert not is_token("GE T")
    assert not is_token("")


@pytest.mark.parametrize(
    ("name", "value", "forbidden"),
    [
        ("Cookie", "a=b", True),
        ("ORIGIN", "x", True),
        ("Sec-Fetch-Site", "x", True),
        ("proxy-anything", "x", True),
        ("X-HTTP-Method-Override", "GET, trace", True),
        ("X-HTTP-Method-Override", "POST", False),
        ("User-Agent", "x", False),
        ("Authorization", "x", False),
        ("Secret", "x", False),
    ],
)
def test_headers_that_scripts_may_not_set(name: str, value: str, forbidden: bool) -> None:
    assert is_forbidden_request_header(name, value) is forbidden


def test_a_header_that_is_set_twice_is_combined() -> None:
    headers = combine(combine((("X-A", "1"),), "Accept", "application/json"), "accept", "*/*")
    assert headers == (("X-A", "1"), ("Accept", "application/json, */*"))


def test_header_values_are_latin_1_without_line_ends() -> None:
    assert is_header_value("café")
    assert not is_header_value("a\nb")
    assert not is_header_value("a\0b")
    assert not is_header_value("€")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "text/plain;charset=UTF-8"),
        ("application/json", "application/json"),
        ("text/plain;charset=utf-8", "text/plain;charset=utf-8"),
        ("TEXT/PLAIN;CHARSET=x", "text/plain;charset=UTF-8"),
        ('text/x; a="b c"; charset=latin1', 'text/x;a="b c";charset=UTF-8'),
        ("no type", "no type"),
    ],
)
def test_the_content_type_of_a_text(given: str | None, sent: str) -> None:
    assert content_type_of_text(given) == sent
