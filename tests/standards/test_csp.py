"""Content Security Policy: what a policy says, and which URLs it lets a page connect to.

``csp.json`` was measured on 2026-11-24 in Chromium 156.0.8078.79, Firefox 153.7.0esr and WebKitGTK 2.50.6: for a page
at ``http://host/`` and one at ``https://host/`` and each expression in ``connect-src``, which of twelve URLs raised no
``securitypolicyviolation``. ``{}`` stands for the page's host.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sio_doctor.browser.table import ENGINES
from sio_doctor.model import ContentPolicy, Document
from sio_doctor.standards import csp
from sio_doctor.standards.csp import Matching, parse_policies, violated
from sio_doctor.standards.url import parse

MEASURED = json.loads((Path(__file__).parent / "csp.json").read_text())
HOST = "shop.invalid"
PAGE = parse("https://shop.invalid/chat")
URLS = [
    f"{scheme}://{host}" for scheme in ("http", "https", "ws", "wss") for host in ("{}", "{}:3000", "sub.other.invalid")
]
#: Where the engine is left alone: a leading zero, which Firefox does not read, and WebKit on a port of any host.
EXOTIC = {("firefox", "http://{}:080"), ("webkit", "*:3000")}


def allowed(source: str, url: str, page: str = "https://shop.invalid/", matching: Matching | None = None) -> bool:
    policies = parse_policies(f"connect-src {source}")
    return not violated(policies, parse(url), parse(page), matching=matching)


@pytest.mark.parametrize("browser", MEASURED)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_each_engine_matches_as_measured(browser: str, scheme: str) -> None:
    for source, passed in MEASURED[browser][scheme].items():
        if (browser, source) in EXOTIC:
            continue
        said = [
            url
            for url in URLS
            if allowed(
                source.replace("{}", HOST),
                f"{url.replace('{}', HOST)}/socket.io/?EIO=4",
                f"{scheme}://{HOST}/",
                ENGINES[browser].csp,
            )
        ]
        assert said == passed.split(), source


@pytest.mark.parametrize(
    ("source", "url", "expected"),
    [
        ("*.example.com", "https://api.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("API.Example.com", "https://api.example.com/", True),
        ("https://api.example.com/socket.io/", "https://api.example.com/socket.io/?EIO=4", True),
        ("https://api.example.com/socket.io", "https://api.example.com/socket.io/?EIO=4", False),
        ("https://api.example.com/", "https://api.example.com/socket.io/", True),
        ("https://api.example.com:*", "https://api.example.com:8443/", True),
        ("https://api.example.com", "https://api.example.com:8443/", False),
        ("'nonce-abc'", "https://api.example.com/", False),
        ("https://[::1]:3000", "https://[::1]:3000/", False),
        ("", "https://shop.invalid/", False),
    ],
)
def test_source_expressions(source: str, url: str, expected: bool) -> None:
    assert allowed(source, url) is expected


def test_self_has_the_page_s_port() -> None:
    page = "http://localhost:5173/"
    assert allowed("'self'", "http://localhost:5173/socket.io/", page)
    assert allowed("'self'", "ws://localhost:5173/socket.io/", page)
    assert not allowed("'self'", "http://localhost:3000/socket.io/", page)
    assert not allowed("'self'", "http://127.0.0.1:5173/socket.io/", page)


def test_a_file_has_no_self() -> None:
    assert not allowed("'self'", "http://localhost:3000/", "file:///home/me/index.html")


def test_the_path_does_not_count_behind_a_redirect() -> None:
    policies = parse_policies("connect-src https://api.example.com/other/")
    url = parse("https://api.example.com/socket.io/")
    assert violated(policies, url, PAGE)
    assert not violated(policies, url, PAGE, redirected=True)


def test_a_header_has_several_policies_and_each_must_let_it_through() -> None:
    policies = parse_policies("connect-src *, default-src 'self'; img-src *,, script-src 'none'")
    assert len(policies) == 3
    [directive] = violated(policies, parse("https://api.example.com/"), PAGE)
    assert directive.text == "default-src 'self'"


def test_the_first_of_one_name_counts() -> None:
    [policy] = parse_policies(" CONNECT-SRC\t'none' ; connect-src *;; default-src *")
    assert policy.connecting is not None
    assert policy.connecting.text == "connect-src 'none'"


def test_default_src_stands_in_for_connect_src_alone() -> None:
    url = parse("https://api.example.com/")
    assert violated(parse_policies("default-src 'self'"), url, PAGE)
    assert not violated(parse_policies("default-src 'self'; connect-src *"), url, PAGE)
    assert not violated(parse_policies("script-src 'self'"), url, PAGE)


def test_what_is_no_policy_forbids_nothing() -> None:
    assert parse_policies("") == parse_policies(" ; ,") == ()
    assert not violated((), parse("https://api.example.com/"), PAGE)


def test_a_meta_element_has_no_sandbox_and_one_policy() -> None:
    [policy] = parse_policies("sandbox; report-uri /x; connect-src a, b", meta=True)
    assert [directive.name for directive in policy.directives] == ["connect-src"]
    assert not csp.makes_origin_opaque([policy])


def test_a_sandbox_takes_the_origin_away() -> None:
    assert csp.makes_origin_opaque(parse_policies("sandbox allow-scripts"))
    assert not csp.makes_origin_opaque(parse_policies("sandbox allow-scripts allow-same-origin"))


def test_what_is_only_reported_is_not_enforced() -> None:
    policies = (
        ContentPolicy(source="header", text="connect-src 'self'", enforced=False),
        ContentPolicy(source="meta", text="upgrade-insecure-requests; connect-src *"),
    )
    found = csp.enforced(Document(url="https://shop.invalid/", origin="https://shop.invalid", csp=policies))
    assert [policy.connecting.text for policy in found if policy.connecting] == ["connect-src *"]
    assert csp.upgrades_insecure_requests(found)
    assert csp.upgrades_insecure_requests(csp.permitting(found))
    assert not any(policy.connecting for policy in csp.permitting(found))


def test_both_sources_of_a_server() -> None:
    assert csp.listed("https://api.example.com:8443") == ("https://api.example.com:8443", "wss://api.example.com:8443")
    assert csp.listed("http://localhost:3000") == ("http://localhost:3000", "ws://localhost:3000")
