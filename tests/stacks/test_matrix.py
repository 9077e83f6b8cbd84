"""For every cause and every server that can have it there is a cure; the pairs that have none are listed, with why."""

from __future__ import annotations

import pytest

from sio_doctor.model import Fix, Server
from sio_doctor.rules import RULES
from sio_doctor.stacks import (
    GUESSES,
    LIKELIER,
    NAMES,
    SERVERS,
    SLUGS,
    express,
    fastapi,
    fixes,
    flask,
    nest,
    python,
    socketio,
    socketio2,
    wsgi,
)
from sio_doctor.stacks.base import Stack
from tests.rules.build import make_plan

#: Cures that wait for their rules: these are announced, and come.
ANNOUNCED = frozenset(
    {
        "origin-star-in-array", "origin-scheme", "origin-port", "origin-www-subdomain", "origin-localhost-vs-127",
        "null-origin", "app-scheme-origin", "express-cors-only", "nest-enablecors-only", "v2-options-on-v3",
        "v240-closed-default", "cors-option-shape", "client-sets-response-header", "v2-client-always-credentialed",
        "acah-star-limits", "preflight-not-sticky", "method-not-allowed", "python-behind-tls-proxy",
        "python-kwarg-typo", "flask-cors-only", "fastapi-middleware-only", "asgi-ws-403", "python-version-mismatch",
        "any-origin-with-credentials", "null-origin-allowed", "origin-match-too-wide", "websocket-open-to-any-page",
        "vary-origin-missing",
    }
)  # fmt: skip

#: Where the cure is the page's, the network's or a proxy's, whoever the server is.
NOT_THE_SERVERS = frozenset(
    {
        "acao-cached-for-other-origin", "basic-auth-or-401", "blocked-by-extension", "client-sets-response-header",
        "closed-before-established", "cors-seen-in-node-client", "csp-connect-src", "csp-upgrade-insecure",
        "dns-fails", "duplicate-acao-proxy", "extraheaders-ignored-ws", "gateway-5xx-no-cors", "hsts-upgrade",
        "html-instead-of-handshake", "local-network-access", "localhost-in-production", "localhost-ipv6-mismatch",
        "method-or-size-filter", "mixed-content", "option-typos", "path-vs-namespace", "port-missing-or-wrong",
        "preflight-blocked-upstream", "preflight-empty-2xx", "preflight-redirect", "proxy-fails",
        "proxy-strips-path", "redirect-http-to-https", "redirect-loop", "redirect-to-login", "redirect-www-apex",
        "request-overlap", "restart-or-sleep", "rn-android-cleartext", "server-timeout", "serverless-host",
        "service-worker-or-cache", "tls-client-certificate", "tls-cdn-origin", "tls-name-or-date",
        "tls-plain-mixup", "tls-untrusted", "transport-unknown", "tunnel-or-preview-auth", "waf-or-challenge",
        "ws-dev-proxy", "ws-middlebox", "ws-platform-off", "ws-proxy-no-upgrade",
    }
)  # fmt: skip

NODE, NODE_2, NEST = "socket.io 3 and 4", "socket.io 2", "NestJS"
ASGI, WSGI, FLASK = "python-socketio, ASGI", "python-socketio, WSGI", "Flask-SocketIO"
STACKS_OF: dict[str, tuple[Stack, ...]] = {
    NODE: (socketio, express),
    NODE_2: (socketio2, express),
    NEST: (nest, express),
    ASGI: (python, fastapi),
    WSGI: (wsgi,),
    FLASK: (flask,),
}
PYTHON, ON_NODE, EVERY = (ASGI, WSGI, FLASK), (NODE, NODE_2, NEST), tuple(STACKS_OF)

#: Cause: the servers that cannot have it, and why.
CANNOT: dict[str, tuple[tuple[str, ...], str]] = {
    # Python alone.
    **dict.fromkeys(
        (
            "python-origin-not-accepted",
            "python-behind-tls-proxy",
            "python-kwarg-typo",
            "python-no-websocket",
            "python-version-mismatch",
            "gunicorn-workers",
            "duplicate-acao-framework",
            "flask-cors-only",
        ),
        (ON_NODE, "it is a matter of python-socketio or its hosts"),
    ),
    **dict.fromkeys(
        ("asgi-mount-path", "asgi-ws-403", "fastapi-middleware-only"),
        ((*ON_NODE, WSGI, FLASK), "ASGI alone has mounted apps, and WebSockets that are refused without a body"),
    ),
    # Node alone.
    **dict.fromkeys(
        (
            "origin-star-in-array",
            "origin-callback-error",
            "allowrequest-403",
            "ws-allowrequest-origin",
            "engine-middleware-error",
            "cors-on-handshake-only",
            "preflight-malformed",
            "preflight-unhandled-v2",
            "allow-upgrades-off",
            "ws-two-servers-conflict",
            "two-instances-one-server",
            "parser-mismatch",
            "trailing-slash-path",
            "app-listen-not-server-listen",
            "express-cors-only",
            "v2-options-on-v3",
            "cors-option-shape",
            "nest-enablecors-only",
            "v2-origins-needs-port",
            "v240-closed-default",
            "wrong-path-hangs",
            "ws-frame-corruption",
            "preflight-not-sticky",
            "plain-websocket-server",
            "client-too-old",
            "ws-only-version-mismatch",
            "sticky-cookie-not-sent",
            "rate-limit",
        ),
        (PYTHON, "it is an option, a default or a habit of Node's; or python-socketio has no option against it"),
    ),
    # python-engineio sends the page's own origin, with credentials, and allows whatever header is asked for.
    **dict.fromkeys(
        (
            "wildcard-with-credentials",
            "v2-client-always-credentialed",
            "acah-star-limits",
            "method-not-allowed",
            "preflight-header-not-allowed",
        ),
        ((WSGI, FLASK), "python-engineio answers no wildcard, and allows what is asked for"),
    ),
}
#: The same for one of the servers on Node.
CANNOT_ON_NODE: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        (
            (slug, NODE_2)
            for slug in (
                "cors-not-configured", "express-cors-only", "cors-option-shape", "v2-options-on-v3",
                "static-origin-mismatch", "origin-comma-list", "origin-star-in-array", "origin-callback-error",
                "wildcard-with-credentials", "v2-client-always-credentialed", "acac-missing", "null-origin-allowed",
                "cors-on-handshake-only", "preflight-malformed", "proxy-strips-acao", "error-response-without-cors",
                "engine-middleware-error", "method-not-allowed",
            )
        ),
        "version 2 has no cors option, and lets in every page, with its cookies, or refuses it with 403",
    ),
    **dict.fromkeys(
        (
            (slug, NODE_2)
            for slug in (
                "client-too-old", "ws-only-version-mismatch", "parser-mismatch", "trailing-slash-path",
                "plain-websocket-server", "sticky-cookie-not-sent",
            )
        ),
        "the page's own cure is the one",
    ),
    **dict.fromkeys(
        ((slug, one) for slug in ("v2-origins-needs-port", "v240-closed-default") for one in (NODE, NEST)),
        "the origins option is of version 2",
    ),
    **dict.fromkeys(
        ((slug, one) for slug in ("preflight-not-sticky",) for one in (NODE, NEST)),
        "since version 3 a preflight is answered before the session is looked up",
    ),
    **dict.fromkeys(
        ((slug, one) for slug in ("nest-enablecors-only",) for one in (NODE, NODE_2)), "there is no app.enableCors()"
    ),
    ("express-cors-only", NEST): "there it is nest-enablecors-only",
}  # fmt: skip


def can(slug: str, server: str) -> bool:
    """That server can have that cause, and a cure of its own."""
    excluded = CANNOT.get(slug, ((), ""))[0]
    return slug not in NOT_THE_SERVERS and server not in excluded and (slug, server) not in CANNOT_ON_NODE


#: netty-socketio is a server of its own, in Java.
ALSO_WITHOUT = frozenset({"netty-specifics"})
CAUSES = sorted(SLUGS - NOT_THE_SERVERS - ALSO_WITHOUT)


@pytest.mark.parametrize("slug", CAUSES)
def test_each_server_that_can_have_it_has_a_cure_and_no_other(slug: str) -> None:
    has = {server for server in EVERY if any(slug in stack.FIXES for stack in STACKS_OF[server])}
    assert has == {server for server in EVERY if can(slug, server)}


def test_the_lists_of_exceptions_name_causes_there_are() -> None:
    named = {*CANNOT, *(slug for slug, _ in CANNOT_ON_NODE), *NOT_THE_SERVERS, *ALSO_WITHOUT}
    assert named <= SLUGS | RULED, sorted(named - SLUGS - RULED)


RULED = frozenset(RULES)


def test_no_cure_is_for_a_cause_that_nobody_knows() -> None:
    assert SLUGS <= RULED | ANNOUNCED, sorted(SLUGS - RULED - ANNOUNCED)


def test_each_cause_that_is_an_error_of_a_server_or_a_page_has_a_cure() -> None:
    assert ANNOUNCED <= SLUGS, sorted(ANNOUNCED - SLUGS)
    without = {slug for slug in RULED if slug not in SLUGS}
    assert without == {"cause-unknown", "closed-by-server", "tls-cdn-origin"}


# --- when nobody knows who answers -----------------------------------------------------------------------------------

PLAN = make_plan(with_credentials=True, extra_headers=(("authorization", "x"),), namespace="/chat")
#: Version 3 is what 4 is, and not guessed beside it.
SERVER_STACKS = {"socket.io 2", "socket.io 4", "NestJS", "Express", "FastAPI", "Flask-SocketIO", "python-socketio"}


@pytest.mark.parametrize("slug", CAUSES)
def test_the_two_likeliest_servers_are_guessed_and_said_to_be_guesses(slug: str) -> None:
    found = [fix for fix in fixes(slug, PLAN, Server(), origins=PLAN.origins) if fix.stack in SERVER_STACKS]
    able = {fix.stack for name in NAMES for fix in _by_name(slug, name) if fix.stack in SERVER_STACKS}
    assert len(found) == min(GUESSES, len(able))
    assert len({fix.stack for fix in found}) == len(found)
    for fix in found:
        assert fix.title.startswith("If "), fix
        assert fix.stack in able


def _by_name(slug: str, name: str) -> tuple[Fix, ...]:
    plan = make_plan(with_credentials=True, extra_headers=(("authorization", "x"),), namespace="/chat", stacks=(name,))
    return fixes(slug, plan, Server(), origins=plan.origins)


@pytest.mark.parametrize(
    ("slug", "stacks"),
    [
        ("cors-not-configured", ["socket.io 4", "python-socketio"]),
        ("python-origin-not-accepted", ["python-socketio", "Flask-SocketIO"]),
        ("wildcard-with-credentials", ["socket.io 4", "NestJS"]),
        ("origin-callback-error", ["socket.io 4", "NestJS"]),
        ("app-listen-not-server-listen", ["Express", "NestJS"]),
        ("preflight-unhandled-v2", ["socket.io 2", "socket.io 4"]),
        ("v2-origins-needs-port", ["socket.io 2"]),
        ("fastapi-middleware-only", ["FastAPI", "python-socketio"]),
        ("flask-cors-only", ["Flask-SocketIO", "python-socketio"]),
    ],
)
def test_the_guesses_are_sensible(slug: str, stacks: list[str]) -> None:
    plan = make_plan()
    found = fixes(slug, plan, Server(), origins=plan.origins)
    assert [fix.stack for fix in found if fix.side == "server"] == stacks


def test_what_is_likelier_is_a_server() -> None:
    assert {stack for stacks in LIKELIER.values() for stack in stacks} <= {*SERVERS, wsgi}
