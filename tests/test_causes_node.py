"""What ``check`` says of real servers on Node: the first finding is the cause, and the server without it has none.

Each row is one mistake: the server that has it, what the page's client is set to, and the slug that must come first;
and beside it the same server put right, which must be clean. Expected values are what the server's documentation, or
the browsers' own behaviour, say; nothing is taken from what the program once printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest

from sio_doctor import examine_sync, make_plan
from sio_doctor.model import PolicyKind, Report, Severity, Transport
from tests.causes import TOO_OPEN
from tests.servers import needs_node, needs_openssl, raw, shared
from tests.servers.certificates import self_signed
from tests.servers.node import Version, node, node_cluster

PAGE = "http://localhost:8080"
HEADER = ["my-custom-header: abcd"]
#: What the page "Handling CORS" gives its client.
DOCUMENTED: dict[str, Any] = {"with_credentials": True, "headers": HEADER}

Start = Callable[[], str]
"""Starts the server, or finds it running, and returns its base URL."""

MODERN: tuple[Version, ...] = ("3.1", "4.8")


def check(url: str, *, page: str = PAGE, timeout: float = 2.0, **client: Any) -> Report:
    return examine_sync(make_plan(url, origins=[page], timeout=timeout, **client))


def slugs(report: Report, *severities: Severity) -> list[str]:
    told = [finding for finding in report.findings if finding.code not in TOO_OPEN]
    return [finding.slug for finding in told if not severities or finding.severity in severities]


def assert_healthy(report: Report, transport: Transport = "websocket") -> None:
    assert slugs(report) == []
    assert report.ok
    assert {(outcome.connects, outcome.transport) for outcome in report.outcomes} == {(True, transport)}


#: Causes of which the client says nothing: it waits, or its session just ends.
SILENT = ("no-connect-reply", "parser-mismatch")


def assert_caused(report: Report, slug: str, *beside: str, fix: str | None = PAGE) -> None:
    """No page connects; that is the cause, beside it only what is true as well; the cure has the page's origin."""
    assert slugs(report) == [slug, *beside]
    assert report.findings[0].severity == "error"
    assert not report.ok
    assert {outcome.connects for outcome in report.outcomes} == {False}
    # A CONNECT that nobody answers is waited for without end: connect_error is never fired.
    assert {outcome.error is None for outcome in report.outcomes} == {slug in SILENT}
    cures = report.findings[0].fixes
    if fix is not None:
        assert cures
        assert any(fix in cure.after for cure in cures), [cure.after for cure in cures]


# --- every option of Socket.IO's page "Handling CORS" ----------------------------------------------------------------


class Cors(NamedTuple):
    """A ``cors`` option, whom it lets in, and what becomes of the page whose client is set up so."""

    options: str
    policy: PolicyKind
    headline: str | None = None
    client: Mapping[str, Any] = {}
    fix: str | None = PAGE


LIST = f"['http://other.test', '{PAGE}']"
CORS = [
    # origin: as string
    Cors("{cors: {origin: '*'}}", "any"),
    Cors(f"{{cors: {{origin: '{PAGE}'}}}}", "fixed"),
    Cors("{cors: {origin: 'https://other.test'}}", "fixed", "static-origin-mismatch"),
    Cors("{cors: {origin: 'http://127.0.0.1:8080'}}", "fixed", "static-origin-mismatch"),
    Cors("{cors: {origin: 'http://localhost'}}", "fixed", "static-origin-mismatch"),
    Cors("{cors: {origin: 'https://localhost:8080'}}", "fixed", "static-origin-mismatch"),
    Cors(f"{{cors: {{origin: '{PAGE}/'}}}}", "fixed", "origin-trailing-slash"),
    Cors("{cors: {origin: 'localhost:8080'}}", "fixed", "origin-no-scheme"),
    Cors(f"{{cors: {{origin: '{PAGE},https://other.test'}}}}", "fixed", "origin-comma-list"),
    Cors(f"{{cors: {{origin: '\"{PAGE}\"'}}}}", "fixed", "static-origin-mismatch"),
    # as list, RegExp, function, boolean
    Cors(f"{{cors: {{origin: {LIST}}}}}", "list"),
    Cors("{cors: {origin: ['http://other.test']}}", "list", "origin-not-in-list"),
    Cors(f"{{cors: {{origin: ['{PAGE}/']}}}}", "list", "origin-trailing-slash"),
    Cors("{cors: {origin: ['http://127.0.0.1:8080']}}", "list", "origin-localhost-vs-127"),
    Cors("{cors: {origin: ['*']}}", "list", "origin-star-in-array"),
    Cors("{cors: {origin: /localhost:[0-9]+$/}}", "list"),
    Cors("{cors: {origin: [/\\.test$/]}}", "list", "origin-not-in-list"),
    Cors(f"{{cors: {{origin: (origin, done) => done(null, origin === '{PAGE}')}}}}", "list"),
    Cors("{cors: {origin: (origin, done) => done(null, false)}}", "nobody", "cors-not-configured"),
    Cors("{cors: {origin: true}}", "reflect"),
    Cors("{cors: {origin: false}}", "nobody", "cors-not-configured"),
    Cors("{}", "nobody", "cors-not-configured"),
    Cors("{}", "nobody", "cors-not-configured", DOCUMENTED),
    # What 2.x called it is not looked at any more.
    Cors(f"{{origins: '{PAGE}'}}", "nobody", "cors-not-configured"),
    # credentials
    Cors(f"{{cors: {{origin: {LIST}, credentials: true}}}}", "list", None, DOCUMENTED),
    Cors("{cors: {origin: true, credentials: true}}", "reflect", None, DOCUMENTED),
    Cors(f"{{cors: {{origin: {LIST}}}}}", "list", "acac-missing", DOCUMENTED),
    Cors(f"{{cors: {{origin: '{PAGE}'}}}}", "fixed", "acac-missing", {"with_credentials": True}),
    Cors("{cors: {origin: '*'}}", "any", "wildcard-with-credentials", {"with_credentials": True}),
    Cors("{cors: {origin: '*', credentials: true}}", "any", "wildcard-with-credentials", DOCUMENTED),
    # the preflight's options; methods never matter to GET and POST
    Cors(f"{{cors: {{origin: '{PAGE}', methods: ['PUT']}}}}", "fixed", None, {"headers": HEADER}),
    Cors(
        f"{{cors: {{origin: '{PAGE}', credentials: true, allowedHeaders: ['my-custom-header']}}}}",
        "fixed",
        None,
        DOCUMENTED,
    ),
    Cors(
        f"{{cors: {{origin: '{PAGE}', credentials: true, allowedHeaders: ['x-other']}}}}",
        "fixed",
        "preflight-header-not-allowed",
        DOCUMENTED,
        "my-custom-header",
    ),
    Cors(f"{{cors: {{origin: '{PAGE}', allowedHeaders: ['x-other']}}}}", "fixed"),
    Cors(f"{{cors: {{origin: '{PAGE}', allowedHeaders: '*'}}}}", "fixed", None, {"headers": HEADER}),
    Cors(
        f"{{cors: {{origin: '{PAGE}', credentials: true, allowedHeaders: '*'}}}}",
        "fixed",
        "acah-star-limits",
        DOCUMENTED,
        "my-custom-header",
    ),
    Cors(f"{{cors: {{origin: '{PAGE}', exposedHeaders: ['x-id'], maxAge: 600}}}}", "fixed", None, {"headers": HEADER}),
    Cors(f"{{cors: {{origin: '{PAGE}', optionsSuccessStatus: 200}}}}", "fixed", None, {"headers": HEADER}),
    Cors(f"{{cors: {{origin: '{PAGE}', preflightContinue: true}}}}", "fixed"),
    Cors(
        f"{{cors: {{origin: '{PAGE}', preflightContinue: true}}}}",
        "fixed",
        "preflight-unhandled-v2",
        {"headers": HEADER},
    ),
]


@needs_node
@pytest.mark.parametrize("version", MODERN)
@pytest.mark.parametrize("row", CORS, ids=lambda row: f"{row.options}-{','.join(row.client)}")
def test_a_cors_option(version: Version, row: Cors) -> None:
    report = check(shared(node, version, row.options), **row.client)
    assert report.policy.kind == row.policy
    assert report.server.stack == "socket.io"
    assert report.server.version == {"3.1": "3.1.2", "4.8": "4.8.4"}[version]
    assert report.handshake is not None
    assert (report.handshake.protocol, report.handshake.framing) == (4, "v4")
    assert report.handshake.upgrades == ("websocket",)
    if row.headline is None:
        assert_healthy(report)
    else:
        assert_caused(report, row.headline, fix=row.fix)


@needs_node
def test_what_the_preflight_said_is_in_the_policy() -> None:
    options = (
        f"{{origin: '{PAGE}', methods: ['GET', 'POST'], allowedHeaders: ['my-custom-header'], credentials: true, "
        "exposedHeaders: ['x-id'], maxAge: 600}"
    )
    policy = check(shared(node, "4.8", f"{{cors: {options}}}"), **DOCUMENTED).policy
    assert (policy.allow_origin, policy.credentials, policy.preflight_status) == (PAGE, True, 204)
    assert (policy.methods, policy.allowed_headers) == (("GET", "POST"), ("my-custom-header",))
    assert (policy.exposed_headers, policy.max_age, policy.vary) == (("x-id",), 600, ("Origin",))


@needs_node
def test_a_function_that_throws_is_told_from_one_that_refuses() -> None:
    options = f"{{cors: {{origin: (origin, done) => done(origin === '{PAGE}' ? new Error('not you') : null, true)}}}}"
    assert_caused(check(shared(node, "4.8", options)), "origin-callback-error", fix=None)
    # Until 4.5 the error is swallowed, and looks like a refusal.
    report = check(shared(node, "3.1", options))
    assert_caused(report, "origin-not-in-list")
    assert "a function or a pattern of its own refuses this one" in report.findings[0].message


@needs_node
def test_each_page_has_its_own_outcome_and_one_cause_is_one_finding() -> None:
    url = shared(node, "4.8", f"{{cors: {{origin: ['{PAGE}']}}}}")
    others = ["http://one.test", "http://two.test"]
    report = examine_sync(make_plan(url, origins=[PAGE, *others]))
    assert slugs(report) == ["origin-not-in-list"]
    assert report.findings[0].origins == tuple(others)
    assert {outcome.origin: outcome.connects for outcome in report.outcomes} == {
        PAGE: True,
        "http://one.test": False,
        "http://two.test": False,
    }
    assert all(other in report.findings[0].fixes[0].after for other in others)


@needs_node
@pytest.mark.parametrize(
    ("options", "policy", "found"),
    [("{cors: {origin: '*'}}", "any", []), ("{}", "nobody", ["cors-not-configured"])],
)
def test_without_a_page_it_says_whom_the_server_lets_in(options: str, policy: str, found: list[str]) -> None:
    report = examine_sync(make_plan(shared(node, "4.8", options)))
    assert (report.policy.kind, report.outcomes, report.ok) == (policy, (), True)
    assert slugs(report, "warning") == slugs(report) == found


@needs_node
@pytest.mark.parametrize(
    ("page", "slug"),
    [
        ("null", "null-origin"),
        ("capacitor://localhost", "app-scheme-origin"),
        ("chrome-extension://abcdefghijklmnop", "app-scheme-origin"),
    ],
)
def test_pages_that_are_no_web_pages(page: str, slug: str) -> None:
    assert_healthy(check(shared(node, "4.8", f"{{cors: {{origin: ['{page}']}}}}"), page=page))
    assert_caused(
        check(shared(node, "4.8", f"{{cors: {{origin: ['{PAGE}']}}}}"), page=page),
        slug,
        # Nobody should let null in: the cure is to serve the page.
        fix="http://localhost:8000" if page == "null" else page,
    )


@needs_node
def test_a_page_of_the_servers_own_origin_needs_no_cors() -> None:
    url = shared(node, "4.8")
    assert_healthy(check(url, page=url))


@needs_node
def test_cors_does_not_hold_for_a_client_that_begins_with_websocket() -> None:
    assert_healthy(check(shared(node, "4.8"), transports=["websocket"]))


# --- everything else that is set up wrong ----------------------------------------------------------------------------


class Mistake(NamedTuple):
    """A server that has it, the client, the cause; and the same with the mistake taken out."""

    server: Start
    headline: str
    healthy: Start
    client: Mapping[str, Any] = {}
    healthy_client: Mapping[str, Any] = {}
    """What of the client is otherwise where it is right."""
    fix: str | None = None
    """What the cure must have in it; None where there is nothing to paste that depends on the person."""


def on(version: Version = "4.8", options: str = "", **more: Any) -> Start:
    """Socket.IO that lets the page in, with more options."""
    cors = f"cors: {{origin: '{PAGE}', credentials: true}}" if version != "2.5" else ""
    parts = ", ".join(part for part in (cors, options) if part)
    return partial(shared, node, version, f"{{{parts}}}", **more)


def in_front(script: str, *, options: str | None = None) -> Start:
    """``script`` runs before Socket.IO sees a request, with ``request``, ``response`` and ``pass()`` in scope."""
    setup = (
        "const [...listeners] = server.listeners('request'); server.removeAllListeners('request');"
        "server.on('request', (request, response) => {"
        "  const pass = () => listeners.forEach((listener) => listener.call(server, request, response));"
        f" {script} }});"
    )
    return on(setup=setup) if options is None else partial(shared, node, "4.8", options, setup=setup)


def other_scheme(start: Start, scheme: str) -> Start:
    return lambda: scheme + start().partition(":")[1] + start().partition(":")[2]


def below(start: Start, path: str) -> Start:
    return lambda: start() + path


def secure() -> str:
    return shared(node, "4.8", f"{{cors: {{origin: '{PAGE}'}}}}", tls=self_signed())


#: Clean for a client with no options; rows that only take the mistake away point here.
HEALTHY = on()
V2 = {"version": 2}
REFUSES_PAGES = "allowRequest: (request, done) => done(null, request.headers.origin === undefined)"
WANTS_TOKEN = "io.use((socket, next) => next(socket.handshake.auth.token === 's3cret' ? undefined : new Error('no')))"
AWAY = "http://away.invalid"
#: What Vite puts into every page.
VITE = '<!doctype html><script type="module" src="/@vite/client"></script>'
#: A second Socket.IO server on the same HTTP server, at another path.
AT_CHAT = f"new (require('socket.io-4').Server)(server, {{path: '/chat/', cors: {{origin: '{PAGE}'}}}})"
#: A parser that reads bytes alone, as socket.io-msgpack-parser does.
BINARY = (
    "parser: (() => { const {EventEmitter} = require('events');"
    " class Encoder { encode(packet) { return [Buffer.from(JSON.stringify(packet))]; } }"
    " class Decoder extends EventEmitter { destroy() {} add(chunk) { if (typeof chunk === 'string')"
    " throw new Error('invalid format'); this.emit('decoded', JSON.parse(chunk.toString())); } }"
    " return {Encoder, Decoder, protocol: 5}; })()"
)

MISTAKES = {
    # versions
    "client 4 on server 2.5": Mistake(on("2.5"), "server-too-old", on("2.5"), {}, V2),
    "client 3 on server 2.5": Mistake(on("2.5"), "server-too-old", on("2.5"), {"version": 3}, V2),
    "client 4, WebSocket alone, on server 2.5": Mistake(
        on("2.5"), "server-too-old", on("2.5"), {"transports": ["websocket"]}, V2
    ),
    "client 2 on server 3.1": Mistake(on("3.1"), "client-too-old", on("3.1", "allowEIO3: true"), V2, fix="allowEIO3"),
    "client 2 on server 4.8": Mistake(on(), "client-too-old", on(options="allowEIO3: true"), V2, fix="allowEIO3"),
    "client 2, WebSocket alone, on server 4.8": Mistake(
        on(), "ws-only-version-mismatch", on(options="allowEIO3: true"), {"version": 2, "transports": ["websocket"]}
    ),
    "client 2, WebSocket alone, on server 3.1": Mistake(
        on("3.1"),
        "ws-only-version-mismatch",
        on("3.1", "allowEIO3: true"),
        {"version": 2, "transports": ["websocket"]},
        fix="allowEIO3",
    ),
    "EIO=3 in the pasted URL": Mistake(
        below(on(), "/socket.io/?EIO=3&transport=polling&t=PuQ3abc"),
        "client-too-old",
        below(on(), "/socket.io/?EIO=4&transport=polling&t=PuQ3abc&sid=gone"),
    ),
    # Socket.IO 2
    "2.5 with origins of another page": Mistake(
        on("2.5", "origins: 'http://other.test:80'"),
        "v2-origins-needs-port",
        on("2.5", f"origins: '{PAGE}'"),
        V2,
        fix="localhost:8080",
    ),
    "2.5 and a header of the page": Mistake(
        on("2.5"), "preflight-unhandled-v2", on("2.5"), {**V2, "headers": HEADER}, {"headers": []}
    ),
    "2.5 and an unknown namespace": Mistake(
        on("2.5"), "invalid-namespace", on("2.5", setup="io.of('/chat')"), {**V2, "namespace": "/chat"}, fix="/chat"
    ),
    # the application refuses
    "allowRequest that refuses every page": Mistake(
        on(options=REFUSES_PAGES), "ws-allowrequest-origin", HEALTHY, fix=PAGE
    ),
    "allowRequest, and no cors": Mistake(
        partial(shared, node, "4.8", f"{{{REFUSES_PAGES}}}"), "ws-allowrequest-origin", HEALTHY, fix=PAGE
    ),
    "allowRequest, to WebSocket alone": Mistake(
        on(options=REFUSES_PAGES), "ws-allowrequest-origin", HEALTHY, {"transports": ["websocket"]}, fix=PAGE
    ),
    "allowRequest that refuses everybody": Mistake(
        on(options="allowRequest: (request, done) => done('no token', false)"), "allowrequest-403", HEALTHY
    ),
    "a middleware that refuses": Mistake(
        on(setup="io.use((socket, next) => next(new Error('not authorized')))"), "connect-middleware-error", on()
    ),
    "a middleware that wants a token": Mistake(
        on(setup=WANTS_TOKEN), "connect-middleware-error", on(setup=WANTS_TOKEN), {}, {"auth": '{"token": "s3cret"}'}
    ),
    "a middleware that never calls next": Mistake(on(setup="io.use(() => {})"), "no-connect-reply", HEALTHY),
    "engine.use that refuses": Mistake(
        on(setup="io.engine.use((request, response, next) => next(new Error('no')))"), "engine-middleware-error", on()
    ),
    "a namespace that nobody declared": Mistake(
        on(), "invalid-namespace", on(setup="io.of('/chat')"), {"namespace": "/chat"}, fix="/chat"
    ),
    "a path in the URL, which is a namespace": Mistake(
        below(on(), "/chat"), "invalid-namespace", below(on(setup="io.of('/chat')"), "/chat"), fix="/chat"
    ),
    "Engine.IO without Socket.IO": Mistake(
        partial(shared, node, "4.8", f"{{cors: {{origin: '{PAGE}'}}}}", mode="engine-only"), "no-connect-reply", on()
    ),
    "another parser on the server": Mistake(on(options=BINARY), "parser-mismatch", HEALTHY, fix="parser"),
    "another parser on the server, to WebSocket alone": Mistake(
        on(options=BINARY), "parser-mismatch", HEALTHY, {"transports": ["websocket"]}, fix="parser"
    ),
    # the path
    "another path on the server": Mistake(
        on(options="path: '/live/'"), "path-mismatch", on(options="path: '/live/'"), {}, {"path": "/live"}
    ),
    "another path, and nothing beside Socket.IO": Mistake(
        on(options="path: '/live/'", mode="bare"), "wrong-path-hangs", on(mode="bare"), {"timeout": 1.5}
    ),
    "another path in the client": Mistake(
        on(), "path-mismatch", HEALTHY, {"path": "/live"}, {"path": "/socket.io"}, fix="io("
    ),
    "the path written into the URL": Mistake(
        below(on(options="path: '/live/'"), "/live"),
        "path-vs-namespace",
        on(options="path: '/live/'"),
        {},
        {"path": "/live"},
        fix="/live/",
    ),
    "the path written into the URL, and nothing beside Socket.IO": Mistake(
        below(on(options="path: '/live/'", mode="bare"), "/live"),
        "path-vs-namespace",
        on(options="path: '/live/'", mode="bare"),
        {"timeout": 1.5},
        {"path": "/live"},
        fix="/live/",
    ),
    "a path that is read as a namespace, beside another server": Mistake(
        below(on(setup=AT_CHAT), "/chat"), "path-vs-namespace", on(setup=AT_CHAT), {}, {"path": "/chat"}, fix="/chat/"
    ),
    "no slash at the end": Mistake(
        below(on(), "/socket.io?EIO=4&transport=polling"), "trailing-slash-path", HEALTHY, fix="addTrailingSlash"
    ),
    "no slash at the end, and nothing beside Socket.IO": Mistake(
        below(on(mode="bare"), "/socket.io?EIO=4&transport=polling"),
        "trailing-slash-path",
        below(on(options="addTrailingSlash: false", mode="bare"), "/socket.io?EIO=4&transport=polling"),
        {"timeout": 1.5},
    ),
    # not attached, or not Socket.IO
    "app.listen": Mistake(on(mode="app-listen"), "app-listen-not-server-listen", HEALTHY, fix="httpServer.listen"),
    "an express app without Socket.IO": Mistake(
        partial(shared, node, mode="plain", setup="app.use(cors())"), "app-listen-not-server-listen", on()
    ),
    "the address of the page's own server": Mistake(
        partial(shared, node, mode="plain", setup=f"app.use((q, r) => r.send('{VITE}'))"),
        "port-missing-or-wrong",
        HEALTHY,
        fix=":3000",
    ),
    "a single-page application": Mistake(partial(shared, node, mode="spa"), "html-instead-of-handshake", HEALTHY),
    "a plain WebSocket server": Mistake(partial(shared, node, mode="ws-only"), "plain-websocket-server", HEALTHY),
    "a plain WebSocket server, to WebSocket alone": Mistake(
        partial(shared, node, mode="ws-only"), "plain-websocket-server", HEALTHY, {"transports": ["websocket"]}
    ),
    # transports
    "a server of WebSocket alone": Mistake(
        on(options="transports: ['websocket']"),
        "transport-disabled",
        on(options="transports: ['websocket']"),
        {},
        {"transports": ["websocket"]},
        fix="websocket",
    ),
    "a server of polling alone, to WebSocket alone": Mistake(
        on(options="transports: ['polling']"),
        "transport-disabled",
        HEALTHY,
        {"transports": ["websocket"]},
        fix="polling",
    ),
    # what is in front
    "http redirected to https": Mistake(
        in_front("response.writeHead(301, {Location: 'https://' + request.headers.host + request.url}).end();"),
        "redirect-http-to-https",
        HEALTHY,
        fix="https://127.0.0.1",
    ),
    "the apex redirected to www": Mistake(
        in_front(f"response.writeHead(308, {{Location: '{AWAY}' + request.url}}).end();"),
        "redirect-www-apex",
        HEALTHY,
        fix=AWAY,
    ),
    "a redirect to the path without its slash": Mistake(
        in_front("response.writeHead(301, {Location: request.url.replace('.io/', '.io')}).end();"),
        "trailing-slash-path",
        HEALTHY,
    ),
    "a redirect to a login": Mistake(
        in_front("response.writeHead(302, {Location: '/login'}).end();"), "redirect-to-login", on()
    ),
    "503": Mistake(in_front("response.writeHead(503).end('Service Unavailable');"), "gateway-5xx-no-cors", HEALTHY),
    "an application that fails": Mistake(
        partial(shared, node, mode="plain", setup="app.use((q, r, next) => next(new Error('x')))"),
        "gateway-5xx-no-cors",
        HEALTHY,
    ),
    "401 from a login": Mistake(
        in_front("response.writeHead(401, {'WWW-Authenticate': 'Basic realm=x'}).end();"), "basic-auth-or-401", on()
    ),
    "401 from an API's middleware": Mistake(
        in_front("response.writeHead(401, {'Content-Type': 'application/json'}).end('{\"error\":\"no\"}');"),
        "basic-auth-or-401",
        HEALTHY,
    ),
    "403": Mistake(in_front("response.writeHead(403).end('Forbidden');"), "basic-auth-or-401", HEALTHY),
    "a filter's challenge": Mistake(
        in_front("response.writeHead(403, {'cf-mitigated': 'challenge'}).end('<title>Just a moment...</title>');"),
        "waf-or-challenge",
        HEALTHY,
        fix="starts_with(",
    ),
    "a function that crashed": Mistake(
        in_front(
            "response.writeHead(500, {Server: 'Vercel', 'x-vercel-id': 'fra1::a',"
            " 'x-vercel-error': 'FUNCTION_INVOCATION_FAILED'}).end('A server error has occurred');"
        ),
        "serverless-host",
        HEALTHY,
        fix="your-socket-server",
    ),
    "a sign-in of a tunnel": Mistake(
        in_front("response.writeHead(302, {Location: 'https://github.dev/pf-signin?id=a&port=3000'}).end();"),
        "tunnel-or-preview-auth",
        HEALTHY,
        fix="public",
    ),
    "429": Mistake(in_front("response.writeHead(429, {'Retry-After': '60'}).end();"), "rate-limit", HEALTHY),
    "OPTIONS refused in front": Mistake(
        in_front("if (request.method === 'OPTIONS') response.writeHead(405).end(); else pass();"),
        "preflight-blocked-upstream",
        HEALTHY,
        {"headers": HEADER},
    ),
    "OPTIONS answered in front, without CORS": Mistake(
        in_front("if (request.method === 'OPTIONS') response.writeHead(204).end(); else pass();"),
        "preflight-empty-2xx",
        HEALTHY,
        {"headers": HEADER},
    ),
    "OPTIONS redirected in front": Mistake(
        in_front("if (request.method === 'OPTIONS') response.writeHead(307, {Location: '/x'}).end(); else pass();"),
        "preflight-redirect",
        HEALTHY,
        {"headers": HEADER},
    ),
    "the header doubled in front": Mistake(
        in_front(
            "const writeHead = response.writeHead; response.writeHead = (...head) => {"
            " response.appendHeader('Access-Control-Allow-Origin', '*'); return writeHead.apply(response, head); };"
            " pass();"
        ),
        "duplicate-acao-proxy",
        HEALTHY,
    ),
    "a POST that is refused in front": Mistake(
        in_front("if (request.method === 'POST') response.writeHead(413).end(); else pass();"),
        "error-response-without-cors",
        HEALTHY,
    ),
    "an answer that nobody knows": Mistake(in_front("response.writeHead(418).end();"), "cause-unknown", HEALTHY),
    # http and https
    "http to a port that speaks TLS": Mistake(
        other_scheme(secure, "http"), "tls-plain-mixup", HEALTHY, fix="https://127.0.0.1"
    ),
    "https to a port that speaks plain HTTP": Mistake(
        other_scheme(on(), "https"), "tls-plain-mixup", HEALTHY, fix="http://127.0.0.1"
    ),
    "wss to a port that speaks plain HTTP": Mistake(
        other_scheme(on(), "wss"), "tls-plain-mixup", other_scheme(on(), "ws"), fix="http://127.0.0.1"
    ),
    "a self-signed certificate": Mistake(secure, "tls-untrusted", HEALTHY),
}


@needs_node
@needs_openssl
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_the_first_finding_is_the_cause(mistake: Mistake) -> None:
    assert_caused(check(mistake.server(), **mistake.client), mistake.headline, fix=mistake.fix)


@needs_node
@pytest.mark.parametrize("name", [name for name, row in MISTAKES.items() if row.healthy is not HEALTHY or row.client])
def test_put_right_it_is_clean(name: str) -> None:
    mistake = MISTAKES[name]
    assert_healthy(check(mistake.healthy(), **{**mistake.client, **mistake.healthy_client}))


@needs_node
def test_a_cluster_without_stickiness_connects_by_luck() -> None:
    """Whether this very page got through is luck too, and is not told of; the cause is the same."""
    report = check(shared(node_cluster, 3, options=f"{{cors: {{origin: '{PAGE}'}}}}"))
    assert slugs(report) == ["no-sticky-sessions"]
    assert {(outcome.connects, outcome.by_luck) for outcome in report.outcomes} == {(None, True)}
    assert report.findings[0].severity == "warning"
    assert not report.ok
    assert "got “Session ID unknown”" in report.findings[0].message
    assert report.findings[0].fixes


@needs_node
def test_websocket_alone_needs_no_stickiness() -> None:
    url = shared(node_cluster, 3, options=f"{{cors: {{origin: '{PAGE}'}}}}")
    assert_healthy(check(url, transports=["websocket"]))


@needs_node
def test_a_refusal_in_front_that_goes_by_the_origin_says_so() -> None:
    refuse = "if (request.headers.origin) response.writeHead(403).end('Invalid origin'); else pass();"
    report = check(in_front(refuse)())
    assert_caused(report, "basic-auth-or-401", fix=None)
    assert "It goes by the origin: the same request without an Origin passes." in report.findings[0].message


@needs_node
def test_the_cure_of_allow_request_lets_the_page_read_the_answer_too() -> None:
    """It stands in the place of the whole call, whose cors option it must not lose."""
    for server in (shared(node, "4.8", f"{{{REFUSES_PAGES}}}"), on(options=REFUSES_PAGES)()):
        assert f'cors: {{\n    origin: ["{PAGE}"]' in check(server).findings[0].fixes[0].after


@needs_node
def test_a_wildcard_that_only_the_preflight_has_is_said_to_be_there() -> None:
    answer = (
        "if (request.method === 'OPTIONS') response.writeHead(204, {'Access-Control-Allow-Origin': '*',"
        " 'Access-Control-Allow-Headers': 'my-custom-header'}).end(); else pass();"
    )
    report = check(in_front(answer)(), **DOCUMENTED)
    assert_caused(report, "wildcard-with-credentials", fix=None)
    assert "a layer in front seems to answer the preflight by itself" in report.findings[0].message


# --- two at once -----------------------------------------------------------------------------------------------------


@needs_node
@needs_openssl
@pytest.mark.parametrize(
    ("server", "client", "found"),
    [
        pytest.param(
            partial(shared, node, "4.8", setup=WANTS_TOKEN),
            {},
            ["cors-not-configured", "connect-middleware-error"],
            id="no cors, and a middleware",
        ),
        pytest.param(
            lambda: shared(node, "4.8", tls=self_signed()),
            {},
            ["tls-untrusted", "cors-not-configured"],
            id="self-signed, and no cors",
        ),
        pytest.param(
            partial(shared, node, "4.8"),
            {"namespace": "/chat", **DOCUMENTED},
            ["cors-not-configured", "invalid-namespace"],
            id="no cors, and no such namespace",
        ),
        pytest.param(
            partial(shared, node, "4.8"),
            V2,
            ["client-too-old", "cors-not-configured"],
            id="client 2 on server 4.8, and no cors",
        ),
        pytest.param(
            partial(shared, node, "4.8", "{cors: {origin: '*', allowedHeaders: ['x-other']}}"),
            DOCUMENTED,
            ["wildcard-with-credentials", "preflight-header-not-allowed"],
            id="the wildcard with credentials, and a header that is not listed",
        ),
    ],
)
def test_what_the_page_meets_first_comes_first(server: Start, client: dict[str, Any], found: list[str]) -> None:
    report = check(server(), **client)
    assert_caused(report, *found, fix=None)


@needs_node
def test_a_second_fault_is_told_when_the_first_hides_it() -> None:
    """The client sends credentials and a header, and the server allows neither: the preflight's origin comes first."""
    report = check(
        shared(node, "4.8", "{cors: {origin: 'https://other.test', allowedHeaders: ['x-other']}}"), **DOCUMENTED
    )
    assert slugs(report)[0] == "static-origin-mismatch"


# --- it connects, and yet ---------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize(
    ("server", "slug", "severity"),
    [
        (on(options="transports: ['polling']"), "transport-disabled", "info"),
        (on(options="allowUpgrades: false"), "allow-upgrades-off", "info"),
        (on(setup="server.removeAllListeners('upgrade')"), "ws-proxy-no-upgrade", "warning"),
        (
            on(setup="new (require('ws').WebSocketServer)({server, path: '/other'})"),
            "ws-two-servers-conflict",
            "warning",
        ),
    ],
)
def test_polling_works_and_the_websocket_does_not(server: Start, slug: str, severity: Severity) -> None:
    report = check(server())
    assert slugs(report) == [slug]
    assert slugs(report, severity) == [slug]
    assert report.ok
    assert {(outcome.connects, outcome.transport) for outcome in report.outcomes} == {(True, "polling")}


TWO_INSTANCES = "new (require('socket.io-4').Server)(server, {cors: {origin: '*'}})"


@needs_node
def test_a_second_instance_on_the_same_server_is_told_and_the_server_lives_on() -> None:
    with node(options="{cors: {origin: '*'}}", setup=TWO_INSTANCES) as url:
        for _ in range(2):
            report = check(url)
            assert slugs(report, "error", "warning") == ["two-instances-one-server"]
            assert {(outcome.connects, outcome.transport) for outcome in report.outcomes} == {(True, "polling")}


@needs_node
def test_a_second_instance_that_a_client_by_websocket_ends() -> None:
    with node(options="{cors: {origin: '*'}}", setup=TWO_INSTANCES) as url:
        report = check(url, transports=["websocket"])
    assert slugs(report) == ["two-instances-one-server"]
    assert {outcome.connects for outcome in report.outcomes} == {False}


@needs_node
def test_to_websocket_alone_a_lost_upgrade_is_an_error() -> None:
    report = check(on(setup="server.removeAllListeners('upgrade')")(), transports=["websocket"])
    assert_caused(report, "ws-proxy-no-upgrade", fix=None)


@needs_node
def test_a_server_that_lets_the_page_in_has_no_findings() -> None:
    assert_healthy(check(HEALTHY()))


@needs_node
@pytest.mark.parametrize(
    "options", ["addTrailingSlash: false", "serveClient: false", "maxHttpBufferSize: 1e8, pingInterval: 5000"]
)
def test_options_that_change_nothing_are_not_complained_about(options: str) -> None:
    assert_healthy(check(on(options=options)()))


@needs_node
def test_headers_of_the_engine_that_let_the_page_in() -> None:
    everywhere = "io.engine.on('headers', (headers) => { headers['Access-Control-Allow-Origin'] = '*'; })"
    assert_healthy(check(shared(node, "4.8", setup=everywhere)))
    once = everywhere.replace("'headers'", "'initial_headers'")
    assert_caused(check(shared(node, "4.8", setup=once)), "cors-on-handshake-only", fix=None)


# --- not reached -----------------------------------------------------------------------------------------------------


@contextmanager
def silent() -> Iterator[str]:
    """A port that takes the request and never answers."""
    with raw.raw(raw.answer_then_hang(b"")) as server:
        yield server.url


@contextmanager
def at(url: str) -> Iterator[str]:
    yield url


@pytest.mark.parametrize(
    ("server", "slug", "error"),
    [
        (raw.nothing, "server-refused", "xhr poll error"),
        (raw.full_backlog, "server-timeout", "timeout"),
        (silent, "server-timeout", "timeout"),
        (partial(at, "http://api.example.invalid"), "dns-fails", "xhr poll error"),
        (partial(at, "wss://api.example.invalid"), "dns-fails", "xhr poll error"),
    ],
    ids=["refused", "no answer to SYN", "no answer to GET", "no such name", "no such name, wss"],
)
def test_a_server_that_is_not_there(server: Callable[[], Any], slug: str, error: str) -> None:
    with server() as url:
        report = check(url, timeout=1.0)
    assert_caused(report, slug, fix=None)
    assert report.handshake is None
    assert {outcome.error for outcome in report.outcomes} == {error}


def test_a_firewall_is_blamed_only_where_no_connection_comes_about() -> None:
    with raw.full_backlog() as url:
        assert "ufw allow" in check(url, timeout=1.0).findings[0].fixes[0].after
    with silent() as url:
        assert "ufw allow" not in check(url, timeout=1.0).findings[0].fixes[0].after


def test_a_secure_page_may_not_ask_an_insecure_server() -> None:
    report = check("http://api.example.invalid", page="https://app.example.com")
    assert slugs(report)[0] == "mixed-content"
    assert {outcome.polling.code for outcome in report.outcomes} == {"mixed-content"}


@needs_node
def test_on_loopback_only_safari_minds_a_secure_page() -> None:
    page = "https://app.example.com"
    report = check(shared(node, "4.8", f"{{cors: {{origin: '{page}'}}}}"), page=page)
    told = [(one.slug, one.severity) for one in report.findings if one.code not in TOO_OPEN]
    beside = [("local-network-access", "info"), ("localhost-in-production", "info")]
    assert told == [("mixed-content", "warning"), *beside]
    assert {outcome.browser: outcome.connects for outcome in report.outcomes} == {
        "chromium": True,
        "firefox": True,
        "webkit": False,
    }


# --- as a person runs it ---------------------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sio_doctor", "check", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )


@needs_node
def test_the_first_line_is_the_cause_and_the_cure_can_be_pasted() -> None:
    done = run(shared(node, "4.8"), "--origin", f"{PAGE}/index.html")
    assert done.returncode == 1
    assert done.stdout.startswith("✗ SIO301 cors-not-configured: CORS is not configured\n")
    assert f'origin: ["{PAGE}"]' in done.stdout
    assert "curl -i " in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if "curl" not in line)


@needs_node
def test_a_healthy_server_is_short_and_its_status_is_0() -> None:
    arguments = [on()(), "--origin", PAGE, "--with-credentials", "-H", HEADER[0]]
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("✓ ")
    assert len(done.stdout.splitlines()) < 22
    report = json.loads(run(*arguments, "--json").stdout)
    told = [(finding["slug"], finding["severity"]) for finding in report["findings"]]
    assert (report["ok"], told) == (True, [("websocket-open-to-any-page", "info")])
    assert {outcome["transport"] for outcome in report["outcomes"]} == {"websocket"}


@needs_node
def test_the_status_says_what_the_report_says() -> None:
    closed = shared(node, "4.8")
    assert run(closed).returncode == 0
    assert run(closed, "--fail-on", "warning").returncode == 1
    assert run(closed, "--origin", PAGE, "--fail-on", "never").returncode == 0
    with raw.nothing() as url:
        assert run(url).returncode == 1
