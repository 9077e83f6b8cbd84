"""The check that a line leads to: it can be pasted into a shell, and asks what the line is about."""

from __future__ import annotations

import shlex

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from sio_doctor import cli
from sio_doctor.commands import check
from sio_doctor.explain import explain
from sio_doctor.model import Plan

PAGE = "http://localhost:5173"
ACCESS = "Access to XMLHttpRequest at '{}' from origin 'http://localhost:5173' has been blocked by CORS policy: {}"
MISSING = "No 'Access-Control-Allow-Origin' header is present on the requested resource."


def planned(command: str) -> Plan:
    """What the command asks, by the command line itself."""
    plans: list[Plan] = []

    def examine(plan: Plan, *confirm: object) -> None:
        plans.append(plan)
        raise typer.Exit(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "examine", examine)
        assert cli.run(shlex.split(command)[1:]) == 0, command
    return plans[0]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            ACCESS.format("http://localhost:3000/socket.io/?EIO=4&transport=polling&t=x", MISSING),
            "sio-doctor check http://localhost:3000 --origin http://localhost:5173",
        ),
        (
            ACCESS.format("http://localhost:3000/socket.io/?EIO=3&transport=polling&t=x&sid=abc", MISSING),
            "sio-doctor check http://localhost:3000 --origin http://localhost:5173 --client 2",
        ),
        (
            ACCESS.format("https://h/ws/socket.io/?token=a%20b&EIO=4&transport=polling", MISSING),
            "sio-doctor check https://h --origin http://localhost:5173 --path /ws/socket.io/ --query 'token=a b'",
        ),
        (
            ACCESS.replace("' from", "' (redirected from 'http://h.example/socket.io/?EIO=4') from").format(
                "https://h.example/socket.io/?EIO=4", MISSING
            ),
            "sio-doctor check http://h.example --origin http://localhost:5173",
        ),
        (
            ACCESS.format(
                "http://h.example/socket.io/?EIO=4&transport=polling",
                "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' "
                "when the request's credentials mode is 'include'.",
            ),
            "sio-doctor check http://h.example --origin http://localhost:5173 --with-credentials",
        ),
        (
            ACCESS.format(
                "http://h.example/socket.io/?EIO=4&transport=polling",
                "Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight "
                "response.",
            ),
            "sio-doctor check http://h.example --origin http://localhost:5173 -H 'authorization: value'",
        ),
        (
            "WebSocket connection to 'wss://h.example/socket.io/?EIO=4&transport=websocket' failed:",
            "sio-doctor check https://h.example --transports websocket",
        ),
        (
            "WebSocket connection to 'ws://h.example:8080/socket.io/?EIO=4&transport=websocket&sid=a' failed:",
            "sio-doctor check http://h.example:8080",
        ),
        (
            "Mixed Content: The page at 'https://app.example/x?y' was loaded over HTTPS, but requested an insecure "
            "XMLHttpRequest endpoint 'http://h.example/socket.io/?EIO=4&transport=polling'. This request has been "
            "blocked; the content must be served over HTTPS.",
            "sio-doctor check http://h.example --origin https://app.example",
        ),
        (
            "Origin null is not allowed by Access-Control-Allow-Origin. Status code: 200\n"
            "XMLHttpRequest cannot load http://h.example/socket.io/?EIO=4&transport=polling due to access control "
            "checks.",
            "sio-doctor check http://h.example --origin null",
        ),
    ],
)
def test_the_command_asks_what_the_line_is_about(text: str, command: str) -> None:
    assert explain([text]).command == command
    assert planned(command).target.url in command


def test_the_plan_is_what_the_page_did() -> None:
    url = "http://h.example:81/a/socket.io/?room=x%26y&EIO=3&transport=polling&t=N"
    text = ACCESS.format(
        url, "Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response."
    )
    plan = planned(explain([text]).command or "")
    assert (plan.target.url, plan.target.path, plan.target.query) == (
        "http://h.example:81",
        "/a/socket.io/",
        (("room", "x&y"),),
    )
    assert (plan.origins, plan.client.version) == ((PAGE,), 2)
    assert plan.client.extra_headers == (("x-a", "value"),)


def test_a_preflight_means_a_header_that_the_line_does_not_name() -> None:
    refused = "Response to preflight request doesn't pass access control check: It does not have HTTP ok status."
    said = explain([ACCESS.format("http://h.example/socket.io/?EIO=4", refused)])
    assert planned(said.command or "").client.extra_headers == (("your-header", "value"),)
    assert any("your-header" in note for note in said.notes)


def test_another_request_of_the_page_is_not_taken_for_socket_io() -> None:
    said = explain([ACCESS.format("http://h.example/api/users", MISSING)])
    assert said.command == f"sio-doctor check http://h.example --origin {PAGE}"
    assert any("another request" in note for note in said.notes)


def test_no_command_without_a_server() -> None:
    assert explain(["xhr poll error"]).command is None
    assert (
        explain([ACCESS.format("file:///C:/index.html", "Cross origin requests are only supported for HTTP.")]).command
        is None
    )


def test_nothing_of_the_line_reaches_the_shell() -> None:
    url = "http://h.example/$(reboot)/`id`;x/socket.io/?a=$(reboot)&b=';id;'&EIO=4"
    command = explain([ACCESS.format(url, MISSING)]).command
    assert command is not None
    plan = planned(command)
    assert shlex.join(shlex.split(command)) == command
    assert ("a", "$(reboot)") in plan.target.query


PIECES = st.sampled_from(
    [
        "Access to XMLHttpRequest at '", "' from origin '", "' has been blocked by CORS policy: ", MISSING, "http://h",
        "http://h/socket.io/?EIO=3&a=%0a&transport=websocket", "://", "\n", "wss://[::1]:99/x%00y?EIO=4&=b", "'",
        "null",
        "Request header field ", " is not allowed by Access-Control-Allow-Headers in preflight response", "é\x1b[31m",
        "file:///x", "-H", "(redirected from '", "GET ", " 400 (", "CORS", "'Access-Control-Allow-Origin'", "a:b",
    ]
)  # fmt: skip


@settings(deadline=None)  # other work on the machine is no fault of the text
@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
def test_whatever_is_given_the_command_is_a_right_one(text: str) -> None:
    said = explain([text])
    if said.command is not None:
        planned(said.command)
