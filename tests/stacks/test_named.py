"""``--stack``: whom the cures are for, whoever was recognised."""

from __future__ import annotations

import pytest

from sio_doctor.model import Server
from sio_doctor.plan import PlanError
from sio_doctor.plan import make_plan as plan_of
from sio_doctor.stacks import NAMES, fixes
from tests.rules.build import PAGE, make_plan

NODE = Server(stack="socket.io", version="4.8.4")
OLD = Server(stack="socket.io", version="2.3–2.5")
BEHIND = Server(stack="socket.io", version="4.8.4", layers=("nginx 1.22.1",))


def cures(slug: str, server: Server, *names: str, **fields: object) -> list[tuple[str, str]]:
    plan = make_plan(stacks=names, **fields)
    return [(fix.stack, fix.side) for fix in fixes(slug, plan, server, origins=plan.origins)]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_that_of_a_stack_that_has_cures(name: str) -> None:
    slug = "no-sticky-sessions" if isinstance(NAMES[name], str) or name == "socket.io-2" else "cors-not-configured"
    assert cures(slug, Server(), name)


@pytest.mark.parametrize(
    ("name", "stack"),
    [
        ("socket.io", "socket.io 4"),
        ("socket.io-4", "socket.io 4"),
        ("socket.io-3", "socket.io 3"),
        ("nestjs", "NestJS"),
        ("python-socketio", "python-socketio"),
        ("python-socketio-wsgi", "python-socketio"),
        ("flask-socketio", "Flask-SocketIO"),
        ("fastapi", "python-socketio"),
        ("django", "python-socketio"),
        ("aiohttp", "python-socketio"),
    ],
)
@pytest.mark.parametrize(
    "seen", [Server(), NODE, OLD, Server(stack="python-socketio", layers=("Werkzeug 3.1.9",))], ids=str
)
def test_a_named_server_stands_in_for_the_one_that_was_recognised(name: str, stack: str, seen: Server) -> None:
    assert cures("cors-not-configured", seen, name) == [(stack, "server")]


def test_version_2_is_named_by_its_own_name() -> None:
    assert cures("origin-not-in-list", NODE, "socket.io-2") == [("socket.io 2", "server")]
    assert cures("cors-not-configured", OLD, "socket.io-2") == []


def test_without_a_name_it_is_who_was_recognised() -> None:
    assert cures("cors-not-configured", NODE) == [("socket.io 4", "server")]
    assert len(cures("cors-not-configured", Server())) == 2


def test_of_two_named_servers_both_are_given_in_that_order() -> None:
    assert cures("cors-not-configured", NODE, "flask-socketio", "nestjs") == [
        ("Flask-SocketIO", "server"),
        ("NestJS", "server"),
    ]


def test_the_pages_cures_stay() -> None:
    assert ("socket.io-client", "page") in cures("client-too-old", NODE, "nestjs")
    assert cures("cors-not-configured", NODE, "nestjs", origins=("null",))[0] == ("socket.io-client", "page")


def test_a_named_proxy_counts_as_seen_and_the_server_stays() -> None:
    plan = make_plan(stacks=("nginx",))
    first = fixes("ws-proxy-no-upgrade", plan, NODE, origins=plan.origins)[0]
    assert first.stack == "nginx"
    assert not first.title.startswith("If")
    assert cures("ws-proxy-no-upgrade", NODE, "caddy") == [("Caddy", "proxy")]
    assert cures("no-sticky-sessions", NODE, "haproxy")[0] == ("HAProxy", "proxy")
    assert ("socket.io 4", "server") in cures("no-sticky-sessions", NODE, "haproxy")


def test_a_proxy_that_was_seen_stays_behind_a_named_server() -> None:
    found = cures("no-sticky-sessions", BEHIND, "flask-socketio")
    assert found == [("nginx", "proxy"), ("Flask-SocketIO", "server")]


def test_a_version_that_was_seen_is_kept_where_it_is_of_the_named_server() -> None:
    named = make_plan(stacks=("socket.io",))

    def slash(server: Server) -> str:
        [fix] = [fix for fix in fixes("trailing-slash-path", named, server, origins=()) if fix.side == "server"]
        return fix.after

    assert "addTrailingSlash: false" in slash(NODE)
    assert "addTrailingSlash: false" not in slash(Server(stack="socket.io", version="3.x–4.4"))
    assert "addTrailingSlash: false" in slash(OLD), "the newest is named, and version 2 is not that"
    assert cures("origin-not-in-list", OLD, "express") == [("socket.io 2", "server")]


def test_a_cause_that_the_named_server_cannot_have_gets_nothing_of_another() -> None:
    assert cures("python-no-websocket", Server(), "nestjs") == []


# --- the plan --------------------------------------------------------------------------------------------------------


def test_names_are_taken_repeated_in_a_list_and_in_any_case() -> None:
    plan = plan_of("https://api.example.com", origins=[PAGE], stacks=["NestJS, nginx", "nestjs", "caddy"])
    assert plan.stacks == ("nestjs", "nginx", "caddy")
    assert plan_of("https://api.example.com").stacks == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nest", "the nearest that it knows is nestjs"),
        ("flask", "the nearest that it knows is flask-socketio"),
        ("socketio", "the nearest that it knows is socket.io"),
        ("ngnix", "the nearest that it knows is nginx"),
        ("qqq", "it knows nginx, "),
        (",", "takes names"),
    ],
)
def test_an_unknown_name_is_one_sentence_with_the_nearest(name: str, words: str) -> None:
    with pytest.raises(PlanError) as error:
        plan_of("https://api.example.com", stacks=[name])
    assert words in str(error.value)
    assert "\n" not in str(error.value)
