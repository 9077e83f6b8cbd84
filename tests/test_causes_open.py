"""What ``check`` says of real servers that let in more pages than were meant, and of those that do not.

The page itself connects in every row, nobody fails by it, and the report still reads as healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import Report
from sio_doctor.render.text import render
from tests.causes import TOO_OPEN, check, command, found
from tests.servers import needs_nginx, needs_node, shared
from tests.servers.node import node
from tests.servers.proxies import nginx
from tests.servers.python import python_server

#: A name that others can have likenesses of, unlike localhost. Firefox lets such a page ask this machine, and says
#: nothing more.
APP = "http://app.example.com"
FIREFOX: dict[str, Any] = {"page": APP, "browsers": ["firefox"]}


def opened(report: Report) -> list[tuple[str, str]]:
    """What is too open, and how grave that is; the page connects all the same, and nothing else is amiss.

    (That the page is of the web and the server on this machine is said besides, for other browsers.)
    """
    assert report.ok
    assert {severity for _, severity in found(report)} <= {"info"}
    assert {one.connects for one in report.outcomes} <= {True}
    return [(one.slug, one.severity) for one in report.findings if one.code in TOO_OPEN]


class Open(NamedTuple):
    """A server, and what is too open about it; most servers on Node let a WebSocket of any page in."""

    server: Callable[[], str]
    told: list[tuple[str, str]]
    client: Mapping[str, Any] = {}


def on_node(options: str, version: Any = "4.8") -> Callable[[], str]:
    return lambda: shared(node, version, options)


def on_python(options: str, **more: Any) -> Callable[[], str]:
    return lambda: shared(python_server, more.pop("kind", "uvicorn"), options, **more)


ANY, NULL = ("any-origin-with-credentials", "warning"), ("null-origin-allowed", "info")
SHAPE = ("cors-option-shape", "info")
WIDE, SOCKET = ("origin-match-too-wide", "warning"), ("websocket-open-to-any-page", "info")
OPEN = {
    # public servers: quiet
    "*": Open(on_node("{cors: {origin: '*'}}"), [SHAPE]),
    "whoever asks, without credentials": Open(on_node("{cors: {origin: true}}"), []),
    "python, without credentials": Open(on_python("cors_allowed_origins='*', cors_credentials=False"), []),
    # everybody, with credentials
    "whoever asks": Open(on_node("{cors: {origin: true, credentials: true}}"), [ANY]),
    "socket.io 2 by itself": Open(on_node("{}", "2.5"), [ANY], {"version": 2}),
    "python, *": Open(on_python("cors_allowed_origins='*'"), [ANY]),
    # lists, and what is no list
    "a list": Open(on_node(f"{{cors: {{origin: ['{APP}']}}}}"), [SOCKET]),
    "a list and allowRequest": Open(
        on_node(
            f"{{cors: {{origin: ['{APP}']}}, allowRequest: (request, callback) => "
            f"callback(null, [undefined, '{APP}'].includes(request.headers.origin))}}"
        ),
        [],
    ),
    "python, a list": Open(on_python(f"cors_allowed_origins=['{APP}']"), []),
    "null too": Open(on_node(f"{{cors: {{origin: ['{APP}', 'null']}}}}"), [NULL, SOCKET]),
    "null too, with credentials": Open(
        on_node(f"{{cors: {{origin: ['{APP}', 'null'], credentials: true}}}}"),
        [("null-origin-allowed", "warning"), SOCKET],
    ),
    "python, null too": Open(
        on_python(f"cors_allowed_origins=['{APP}', 'null']"), [("null-origin-allowed", "warning")]
    ),
    "the end of it": Open(on_node("{cors: {origin: /example\\.com$/}}"), [WIDE, SOCKET]),
    "the end of it, with its dot": Open(on_node("{cors: {origin: /\\.example\\.com$/}}"), [SOCKET]),
    "the beginning of it": Open(on_node("{cors: {origin: /^http:\\/\\/app\\.example\\.com/}}"), [WIDE, SOCKET]),
    "a dot that is any letter": Open(on_node("{cors: {origin: /^http:\\/\\/app.example.com$/}}"), [WIDE, SOCKET]),
    "anchored at both ends": Open(on_node("{cors: {origin: /^http:\\/\\/app\\.example\\.com$/}}"), [SOCKET]),
    "a function that looks for a part": Open(
        on_node("{cors: {origin: (o, done) => done(null, !!o && o.includes('app.example.com'))}}"), [WIDE, SOCKET]
    ),
    "python, a function that looks at the end": Open(
        on_python("cors_allowed_origins=lambda origin, environ=None: (origin or '').endswith('example.com')"), [WIDE]
    ),
    "FastAPI's middleware with a pattern that is anchored": Open(
        on_python(
            "cors_allowed_origins=[]", kind="fastapi", middleware="allow_origin_regex=r'http://.*\\.example\\.com'"
        ),
        [SOCKET],
    ),
}  # fmt: skip


@needs_node
@pytest.mark.parametrize("name", OPEN)
def test_what_is_too_open(name: str) -> None:
    row = OPEN[name]
    report = check(row.server(), **FIREFOX, **row.client)
    assert sorted(opened(report)) == sorted(row.told)
    assert report.vantage.requests <= 40


@needs_node
def test_which_likeness_is_let_in_is_named() -> None:
    begins = check(OPEN["the beginning of it"].server(), **FIREFOX)
    [wide] = [one for one in begins.findings if one.slug == "origin-match-too-wide"]
    assert "http://app.example.com.evil.example" in wide.message
    assert "compares the beginning" in wide.message
    ends = check(OPEN["the end of it"].server(), page="http://example.com", browsers=["firefox"])
    [wide] = [one for one in ends.findings if one.slug == "origin-match-too-wide"]
    assert "http://evilexample.com" in wide.message
    assert "compares the end" in wide.message
    whole = check(OPEN["a function that looks for a part"].server(), **FIREFOX)
    [wide] = [one for one in whole.findings if one.slug == "origin-match-too-wide"]
    assert len(wide.exchanges) == 1
    assert "cors: {" in wide.fixes[0].after


@needs_node
def test_the_servers_own_page_may_be_the_only_one_and_a_websocket_is_open_to_all() -> None:
    url = shared(node, "4.8", "{}")
    assert opened(check(url, page=url)) == [SOCKET]
    python = shared(python_server, "uvicorn")
    assert opened(check(python, page=python)) == []


@needs_node
def test_nobody_fails_by_it_and_it_reads_as_healthy() -> None:
    url = shared(node, "4.8", "{cors: {origin: ['http://localhost:8080']}}")
    status, report = command(url)
    assert (status, report["ok"]) == (0, True)
    assert [finding["slug"] for finding in report["findings"]] == ["websocket-open-to-any-page"]
    text = render(check(url))
    assert text.startswith("✓ ")
    assert "✗" not in text


@needs_node
def test_where_a_page_fails_that_alone_is_said() -> None:
    report = check(shared(node, "2.5", "{}"))
    assert [finding.slug for finding in report.findings] == ["server-too-old"]


@needs_node
@needs_nginx
def test_a_layer_that_names_whoever_asks_in_preflights_alone_says_nothing() -> None:
    reflecting = (
        "if ($request_method = OPTIONS) { add_header Access-Control-Allow-Origin $http_origin; "
        "add_header Access-Control-Allow-Headers x-sio-doctor; return 204; }"
    )
    with nginx([shared(node, "4.8", f"{{cors: {{origin: ['{APP}']}}}}")], reflecting) as url:
        assert opened(check(url, **FIREFOX)) == [SOCKET]


@needs_nginx
def test_a_cache_in_front_of_a_server_that_does_not_vary() -> None:
    upstream = shared(python_server, "uvicorn", f"cors_allowed_origins=['{APP}']")
    with nginx([upstream], "add_header X-Cache MISS;") as url:
        report = check(url, **FIREFOX)
        assert opened(report) == [("vary-origin-missing", "warning")]
        assert "X-Cache: MISS" in report.findings[0].message
        assert "proxy_cache off;" in report.findings[0].fixes[0].after
    with nginx([upstream], "add_header X-Cache MISS; add_header Vary Origin;") as url:
        assert opened(check(url, **FIREFOX)) == []
    with nginx([upstream], "add_header X-Cache MISS; add_header Cache-Control no-store;") as url:
        assert opened(check(url, **FIREFOX)) == []
    with nginx([upstream], "add_header CF-Cache-Status DYNAMIC;") as url:
        assert opened(check(url, **FIREFOX)) == []
    with nginx([upstream]) as url:
        assert opened(check(url, **FIREFOX)) == []


@needs_node
def test_without_a_page_only_what_the_foreign_origin_shows_is_said() -> None:
    url = shared(node, "4.8", "{cors: {origin: true, credentials: true}}")
    report = examine_sync(make_plan(url))
    assert opened(report) == [ANY]
    assert opened(examine_sync(make_plan(shared(node, "4.8", "{cors: {origin: '*'}}")))) == []
