"""What ``check`` says of real servers that have another origin on their list than the page's, or none for Socket.IO.

Each row is one configuration as people write it, and the page that it was written for; beside it the same with the
mistake taken out, which must be clean.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from sio_doctor import examine_sync, gather, make_plan
from sio_doctor.model import Finding, Report
from sio_doctor.stacks.observed import observed
from sio_doctor.standards import engineio
from tests.causes import assert_caused, assert_healthy, check, found
from tests.servers import needs_node, shared
from tests.servers.node import Version, node
from tests.servers.python import Kind, python_server

LOCAL = "http://localhost:5173"
ADDRESS = "http://127.0.0.1:5173"
#: What a public page meets at a server of this machine beside the cause.
BESIDE = {"mixed-content", "local-network-access", "localhost-in-production"}


def caused(report: Report, slug: str) -> Finding:
    """That is the headline, an error, and beside it is only what comes of the server being on this machine."""
    first, *others = report.findings
    assert (first.slug, first.severity) == (slug, "error")
    assert {finding.slug for finding in others} <= BESIDE
    assert not report.ok
    assert not any("budget" in note for note in report.notes)
    return first


# --- near misses -----------------------------------------------------------------------------------------------------


class Near(NamedTuple):
    """An entry of a list, the page that it was meant for, and what is wrong with it."""

    entry: str
    page: str
    slug: str
    words: str


NEAR = [
    Near(f"{LOCAL}/", LOCAL, "origin-trailing-slash", f"has {LOCAL}/ on its list"),
    Near("localhost:5173", LOCAL, "origin-no-scheme", f"which is {LOCAL} without its scheme"),
    Near("https://localhost:5173", LOCAL, "origin-scheme", "only in the scheme, https instead of http."),
    Near("http://localhost:3000", LOCAL, "origin-port", "only in the port, 3000 instead of 5173."),
    Near("http://localhost:5174", LOCAL, "origin-port", "only in the port, 5174 instead of 5173."),
    Near("http://localhost", LOCAL, "origin-port", "only in the port, none instead of 5173."),
    Near(ADDRESS, LOCAL, "origin-localhost-vs-127", "127.0.0.1 and localhost are the same machine"),
    Near(LOCAL, ADDRESS, "origin-localhost-vs-127", "localhost and 127.0.0.1 are the same machine"),
    Near("http://0.0.0.0:5173", LOCAL, "origin-localhost-vs-127", "0.0.0.0 and localhost are the same machine"),
    Near("http://[::1]:5173", LOCAL, "origin-localhost-vs-127", "[::1] and localhost are the same machine"),
    Near(LOCAL, "http://192.168.1.7:5173", "origin-localhost-vs-127", "may be the same machine"),
    Near("http://app.test:80", "http://app.test", "origin-port", "80 instead of none: browsers leave it out"),
    Near("http://app.test", "http://app.test:8080", "origin-port", "none instead of 8080"),
    Near("http://www.app.test", "http://app.test", "origin-www-subdomain", "only in the www"),
    Near("http://app.test", "http://www.app.test", "origin-www-subdomain", "only in the www"),
    Near("http://app.test", "http://shop.app.test", "origin-www-subdomain", "only in the subdomain"),
    Near("http://App.test", "http://app.test", "origin-www-subdomain", "upper and lower case"),
    Near("http://*.app.test", "http://shop.app.test", "origin-www-subdomain", "for no pattern"),
]


@needs_node
@pytest.mark.parametrize("row", NEAR, ids=lambda row: f"{row.entry} for {row.page}")
def test_a_list_of_node(row: Near) -> None:
    report = check(shared(node, "4.8", f"{{cors: {{origin: ['https://other.test', '{row.entry}']}}}}"), page=row.page)
    finding = caused(report, row.slug)
    assert f"has CORS configured, but not for {row.page}" in finding.message
    assert row.words in finding.message
    assert row.page in finding.fixes[0].after
    assert any(one.ok and one.found == row.entry for one in finding.headers)


@needs_node
@pytest.mark.parametrize("row", NEAR[:3], ids=lambda row: row.slug)
@pytest.mark.parametrize(
    "written",
    [
        "(origin, done) => done(null, ['{entry}'].includes(origin))",  # refuses without a header, and without Vary
        "[/^{pattern}$/]",
    ],
)
def test_a_function_and_a_pattern_confess_alike(row: Near, written: str) -> None:
    pattern = row.entry.replace("/", "\\/").replace(".", "\\.")
    option = written.format(entry=row.entry, pattern=pattern)
    caused(check(shared(node, "4.8", f"{{cors: {{origin: {option}}}}}"), page=row.page), row.slug)


@needs_node
def test_version_3_confesses_as_well() -> None:
    url = shared(node, "3.1", "{cors: {origin: ['http://localhost:3000', 'http://localhost:8080']}}")
    finding = caused(check(url, page=LOCAL), "origin-port")
    assert "It does let http://localhost:3000 and http://localhost:8080 in" in finding.message
    assert_healthy(check(url, page="http://localhost:3000"))


@needs_node
def test_a_star_in_a_list() -> None:
    url = shared(node, "4.8", "{cors: {origin: ['*']}}")
    finding = caused(check(url, page=LOCAL), "origin-star-in-array")
    assert "Its list has the entry *: in a list that is an origin like any other" in finding.message
    assert_healthy(check(shared(node, "4.8", "{cors: {origin: '*'}}"), page=LOCAL))
    # In Python it is everybody.
    assert_healthy(check(shared(python_server, "uvicorn", "cors_allowed_origins=['*']"), page=LOCAL))


@needs_node
@pytest.mark.parametrize(
    ("option", "page", "slug"),
    [
        # A pattern for the end of the host takes the bare host too, which is no entry without a scheme.
        ("[/app\\.test$/]", "http://app.test:8080", "origin-port"),
        ("[/^http:\\/\\/localhost:3\\d+$/]", LOCAL, "origin-port"),
        ("[/\\.app\\.test$/]", "http://app.test", "origin-www-subdomain"),
        # Whoever lets anybody in but this page has no such list.
        (f"(origin, done) => done(null, origin !== '{LOCAL}')", LOCAL, "origin-not-in-list"),
        ("['https://other.test', 'capacitor://localhost']", LOCAL, "origin-not-in-list"),
    ],
)
def test_what_a_pattern_or_a_function_lets_in(option: str, page: str, slug: str) -> None:
    caused(check(shared(node, "4.8", f"{{cors: {{origin: {option}}}}}"), page=page), slug)


@needs_node
def test_a_list_that_has_nothing_of_the_page_says_that_it_was_tried() -> None:
    for entries in ("", "'https://other.test'"):
        finding = caused(
            check(shared(node, "4.8", f"{{cors: {{origin: [{entries}]}}}}"), page=LOCAL), "origin-not-in-list"
        )
        assert "None of the spellings of it that were tried is let in either." in finding.message
    quoted = check(shared(node, "4.8", "{cors: {origin: ['\"http://app.test\"']}}"), page="http://app.test")
    assert "the quotation marks are part of the value" in caused(quoted, "origin-not-in-list").message


@needs_node
def test_two_pages_have_a_cause_each() -> None:
    url = shared(node, "4.8", "{cors: {origin: ['http://www.app.test', 'http://localhost:3000']}}")
    report = examine_sync(make_plan(url, origins=["http://app.test", LOCAL]))
    told = {finding.slug: finding.origins for finding in report.findings if finding.slug not in BESIDE}
    assert told == {"origin-port": (LOCAL,), "origin-www-subdomain": ("http://app.test",)}


@needs_node
def test_a_client_that_never_polls_needs_no_list_of_node() -> None:
    report = check(
        shared(node, "4.8", "{cors: {origin: ['http://localhost:3000']}}"), page=LOCAL, transports=["websocket"]
    )
    assert_healthy(report)
    assert not [one for one in report.exchanges if one.purpose == "near-miss"]


@needs_node
def test_a_function_that_fails_for_whom_it_does_not_know_names_whom_it_knows() -> None:
    option = "(origin, done) => ['http://localhost:3000'].includes(origin) ? done(null, true) : done(new Error('no'))"
    finding = caused(check(shared(node, "4.8", f"{{cors: {{origin: {option}}}}}"), page=LOCAL), "origin-callback-error")
    assert "It does accept http://localhost:3000; they differ only in the port" in finding.message


@needs_node
def test_a_fixed_string_stays_what_it_is_and_says_how_it_differs() -> None:
    for value in ("http://localhost:3000", ADDRESS, "https://localhost:5173"):
        finding = caused(
            check(shared(node, "4.8", f"{{cors: {{origin: '{value}'}}}}"), page=LOCAL), "static-origin-mismatch"
        )
        assert value in finding.message
        assert "Mind that" in finding.message


# --- python-socketio, and Socket.IO 2: the request itself is refused -------------------------------------------------

IN_PYTHON: list[tuple[Kind, Near]] = [
    *(("uvicorn", row) for row in NEAR),
    *(("flask", row) for row in NEAR[:4]),
    ("aiohttp", NEAR[2]),
]


@pytest.mark.parametrize(("host", "row"), IN_PYTHON, ids=lambda one: one if isinstance(one, str) else one.entry)
def test_a_list_of_python(host: Kind, row: Near) -> None:
    url = shared(python_server, host, f"cors_allowed_origins=['https://other.test', '{row.entry}']")
    finding = caused(check(url, page=row.page), row.slug)
    assert f"The python-socketio server at {url} refuses {row.page} with status 400" in finding.message
    assert row.words in finding.message
    assert row.page in finding.fixes[0].after


@pytest.mark.parametrize("host", ["uvicorn", "flask"])
def test_python_without_a_list_is_no_near_miss(host: Kind) -> None:
    url = shared(python_server, host)
    # The page's host, and another port: by default the server accepts itself.
    page = url.rpartition(":")[0] + ":5173"
    finding = caused(check(url, page=page), "python-origin-not-accepted")
    assert f"it does let its own page in ({url}), as it does where that is not set" in finding.message
    assert "accepted" not in observed(asyncio.run(gather(make_plan(url, origins=[page]))))


def test_a_websocket_alone_meets_it_too() -> None:
    url = shared(python_server, "flask", f"cors_allowed_origins='{ADDRESS}'")
    finding = caused(check(url, page=LOCAL, transports=["websocket"]), "origin-localhost-vs-127")
    assert "It holds for WebSockets too." in finding.message


def test_the_middleware_of_fastapi_confesses_its_list() -> None:
    url = shared(
        python_server, "fastapi", "cors_allowed_origins=[]", middleware=f"allow_origins=['{LOCAL}/']", mount="/"
    )
    clients: list[dict[str, Any]] = [{}, {"headers": ["x-a: b"]}]
    for client in clients:
        finding = caused(check(url, page=LOCAL, **client), "origin-trailing-slash")
        assert "A CORS middleware around it keeps that list" in finding.message


def test_what_the_middleware_lets_in_says_nothing_of_the_server_behind_it() -> None:
    url = shared(python_server, "fastapi", "", middleware=f"allow_origins=['{LOCAL}/']", mount="/")
    finding = caused(check(url, page=LOCAL), "python-origin-not-accepted")
    assert "A CORS middleware around it lacks this page too" in finding.message
    assert "It does" not in finding.message


@needs_node
@pytest.mark.parametrize(
    ("version", "entry", "page", "slug"),
    [
        ("2.5", "http://localhost:3000", LOCAL, "origin-port"),
        ("2.5", "127.0.0.1:5173", LOCAL, "origin-localhost-vs-127"),
        ("2.5", "http://app.test:80", "https://app.test", "origin-scheme"),
        ("2.5", "http://app.test", "http://app.test", "v2-origins-needs-port"),
        ("2.5", "https://other.test:443", LOCAL, "v2-origins-needs-port"),
        # This one compares origins as they are.
        ("2.4", "http://localhost:3000", LOCAL, "origin-port"),
        ("2.4", "http://app.test:80", "http://app.test", "origin-port"),
        ("2.4", f"{LOCAL}/", LOCAL, "origin-trailing-slash"),
        ("2.4", "localhost:5173", LOCAL, "origin-no-scheme"),
        ("2.4", "https://other.test", LOCAL, "v2-origins-needs-port"),
        ("2.4", "*:*", LOCAL, "v240-closed-default"),
    ],
)
def test_the_origins_of_version_2(version: Version, entry: str, page: str, slug: str) -> None:
    report = check(shared(node, version, f"{{origins: ['{entry}']}}"), page=page, version=2)
    finding = caused(report, slug)
    assert re.search(r"with (status )?403", finding.message)
    assert ("In 2.4.0" in finding.message) is ((version, slug) == ("2.4", "v2-origins-needs-port"))
    # What a variant has opened is closed.
    near = [one for one in report.exchanges if one.purpose == "near-miss" and one.response]
    opened = [engineio.session_of(one.request.url) for one in report.exchanges if one.purpose == "close"]
    assert len(opened) >= sum(one.response is not None and one.response.status == 200 for one in near)


@needs_node
@pytest.mark.parametrize(("version", "entry"), [("2.5", "http://app.test:80"), ("2.4", "http://app.test")])
def test_a_list_of_version_2_that_has_the_page(version: Version, entry: str) -> None:
    report = check(shared(node, version, f"{{origins: ['{entry}']}}"), page="http://app.test", version=2)
    assert {finding.slug for finding in report.findings} <= BESIDE


@needs_node
def test_version_2_4_0_lets_nobody_in_unless_told_to() -> None:
    finding = caused(check(shared(node, "2.4"), page=LOCAL, version=2), "v240-closed-default")
    assert "is Socket.IO 2.4.0 and refuses http://localhost:5173 with 403" in finding.message
    # Client 4, which it is too old for as well, meets the refusal first.
    both = check(shared(node, "2.4"), page=LOCAL)
    assert [one.slug for one in both.findings] == ["v240-closed-default", "server-too-old"]
    assert_healthy(check(shared(node, "2.4", f"{{origins: ['{LOCAL}']}}"), page=LOCAL, version=2))
    assert_healthy(check(shared(node, "2.5"), page=LOCAL, version=2))


# --- pages that are on no website ------------------------------------------------------------------------------------


@needs_node
def test_a_page_that_was_opened_from_a_file() -> None:
    listed = shared(node, "4.8", "{cors: {origin: ['http://localhost:8080', 'file://']}}")
    finding = caused(check(listed, page="null"), "null-origin")
    assert "Its list has file://, which no browser sends. It does let http://localhost:8080 in" in finding.message
    assert_healthy(check(listed, page="http://localhost:8080"))
    assert_healthy(check(shared(node, "4.8", "{cors: {origin: '*'}}"), page="null"))
    finding = caused(check(shared(node, "2.5", "{origins: ['http://localhost:3000']}"), page="null"), "null-origin")
    assert "Socket.IO 2 lets it in by *:* alone" in finding.message
    python = shared(python_server, "flask", "cors_allowed_origins=['http://localhost:3000']")
    caused(check(python, page="null"), "null-origin")
    # Where nobody is let in, that is it.
    assert (
        "null is the origin of a page opened" in caused(check(shared(node), page="null"), "cors-not-configured").message
    )


@needs_node
@pytest.mark.parametrize(
    ("page", "entry", "words"),
    [
        (
            "capacitor://localhost",
            "https://localhost",
            "It does let https://localhost (that of Capacitor on Android) in.",
        ),
        (
            "https://localhost",
            "capacitor://localhost",
            "It does let capacitor://localhost (that of Capacitor on iOS) in.",
        ),
        ("ionic://localhost", "capacitor://localhost", "ionic://localhost is the origin of Ionic on iOS."),
        ("tauri://localhost", "http://tauri.localhost", "(that of Tauri on Windows and Android)"),
        ("chrome-extension://abcdefghijklmnop", "chrome-extension://*", "(where the * is no pattern)"),
        ("moz-extension://3c6e1b50", "https://other.test", "its id is another one on each machine"),
        ("vscode-webview://0a1b2c", "https://other.test", "Each view has another one"),
    ],
)
def test_a_page_in_an_app(page: str, entry: str, words: str) -> None:
    report = check(shared(node, "4.8", f"{{cors: {{origin: ['{entry}']}}}}"), page=page)
    finding = caused(report, "app-scheme-origin")
    assert words in finding.message
    assert page in finding.fixes[0].after


@needs_node
def test_an_apps_origin_with_a_slash_is_that() -> None:
    url = shared(node, "4.8", "{cors: {origin: ['capacitor://localhost/']}}")
    caused(check(url, page="capacitor://localhost"), "origin-trailing-slash")


# --- CORS beside Socket.IO, and in the page --------------------------------------------------------------------------


class Beside(NamedTuple):
    setup: str
    slug: str
    mode: Mapping[str, Any] = {}


@needs_node
@pytest.mark.parametrize(
    "row",
    [
        Beside("app.use(cors())", "express-cors-only"),
        Beside(f"app.use(cors({{origin: ['{LOCAL}'], credentials: true}}))", "express-cors-only"),
        Beside(f"app.disable('x-powered-by'); app.use(cors({{origin: '{LOCAL}'}}))", "express-cors-only"),
        Beside("app.use(cors({origin: ['https://other.test']}))", "cors-not-configured"),
        Beside("", "cors-not-configured"),
        Beside("app.enableCors()", "nest-enablecors-only", {"mode": "nest"}),
        Beside(f"app.enableCors({{origin: '{LOCAL}'}})", "nest-enablecors-only", {"mode": "nest"}),
        Beside(
            "app.enableCors(); app.getHttpAdapter().get('/', (request, response) => response.send('Hello World!'))",
            "nest-enablecors-only",
            {"mode": "nest"},
        ),
        Beside("", "cors-not-configured", {"mode": "nest"}),
    ],
    ids=lambda row: f"{row.setup}-{','.join(row.mode.values())}",
)
def test_cors_in_the_framework_alone(row: Beside) -> None:
    finding = caused(check(shared(node, "4.8", setup=row.setup, **row.mode), page=LOCAL), row.slug)
    assert LOCAL in finding.fixes[0].after
    if row.slug != "cors-not-configured":
        assert "Engine.IO answers its own path before that is asked" in finding.message


@needs_node
def test_cors_in_both_is_healthy_and_the_framework_is_not_asked() -> None:
    report = check(shared(node, "4.8", f"{{cors: {{origin: ['{LOCAL}']}}}}", setup="app.use(cors())"), page=LOCAL)
    assert_healthy(report)
    assert not [one for one in report.exchanges if one.purpose in ("root", "near-miss")]


@needs_node
def test_without_a_page_the_framework_is_named_too() -> None:
    report = examine_sync(make_plan(shared(node, "4.8", setup="app.use(cors())")))
    assert found(report) == [("express-cors-only", "warning")]


@needs_node
def test_what_version_2_called_it_is_not_looked_at() -> None:
    finding = caused(check(shared(node, "4.8", "{origins: '*:*'}"), page=LOCAL), "cors-not-configured")
    assert "so does `origins`, as version 2 called it" in finding.message


@needs_node
@pytest.mark.parametrize("cors", [f"['{LOCAL}']", f"'{LOCAL}'", "true"])
def test_a_list_in_the_wrong_place(cors: str) -> None:
    url = shared(node, "4.8", f"{{cors: {cors}}}")
    report = check(url, page="https://anybody.test", browsers=["chromium", "firefox"], transports=["polling"])
    assert report.policy.kind == "any"
    report = check(url, page=LOCAL)
    assert_healthy(report)
    assert [(one.slug, one.severity) for one in report.findings] == [("cors-option-shape", "info")]
    finding = caused(check(url, page=LOCAL, with_credentials=True), "wildcard-with-credentials")
    assert 'cors: ["https://…"] is no list' in finding.message


@needs_node
def test_a_header_of_the_answer_in_the_page() -> None:
    header: dict[str, Any] = {"headers": ["Access-Control-Allow-Origin: *"]}
    listed = shared(node, "4.8", f"{{cors: {{origin: '{LOCAL}', allowedHeaders: ['x-a']}}}}")
    assert_caused(check(listed, page=LOCAL, **header), "client-sets-response-header")
    assert_healthy(check(listed, page=LOCAL))
    # Socket.IO 2 answers no preflight, and without that header there is none.
    assert_caused(check(shared(node, "2.5"), page=LOCAL, version=2, **header), "client-sets-response-header")
    open_to_all = check(shared(node, "4.8", "{cors: {origin: '*'}}"), page=LOCAL, **header)
    assert found(open_to_all) == [("client-sets-response-header", "info")]
    assert open_to_all.ok
    none = check(shared(node, "4.8"), page=LOCAL, **header)
    assert found(none) == [("cors-not-configured", "error"), ("client-sets-response-header", "info")]
