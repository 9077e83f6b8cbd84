"""``sio-doctor explain`` as a person runs it, and as a program does."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import msgspec
import pytest
import typer

from sio_doctor import cli
from sio_doctor.commands import check
from sio_doctor.explain import Explanation, explain
from sio_doctor.model import Plan
from sio_doctor.rules import RULES

COMMAND = [sys.executable, "-m", "sio_doctor", "explain"]
PAGE = "http://localhost:5173"
URL = "http://localhost:3000/socket.io/?EIO=4&transport=polling&t=x"
BLOCKED = f"Access to XMLHttpRequest at '{URL}' from origin '{PAGE}' has been blocked by CORS policy: "
MISSING = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource."


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a pipe."""
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env | environment,
    )


def codes(output: str) -> list[str]:
    """The rules that it names, in order."""
    return [line.split()[0] for line in output.splitlines() if line.startswith("  SIO")]


def test_a_line_is_explained_with_its_causes_and_the_check_to_run() -> None:
    done = run(MISSING)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Chrome or Edge: the answer has no Access-Control-Allow-Origin header\n")
    assert "It does not mean that CORS is what is wrong." in done.stdout
    assert codes(done.stdout)[0] == "SIO301"
    assert f"    sio-doctor check http://localhost:3000 --origin {PAGE}\n" in done.stdout


def test_it_reads_a_pipe_and_a_dash() -> None:
    expected = run(MISSING).stdout
    assert run(stdin=f"{MISSING}\n").stdout == expected
    assert run("-", stdin=f"\n{MISSING}\n\n").stdout == expected


def test_the_status_of_the_second_line_changes_the_cause() -> None:
    done = run(stdin=f"{MISSING}\nGET {URL} net::ERR_FAILED 502 (Bad Gateway)\n")
    assert "The answer's status was 502." in " ".join(done.stdout.split())
    assert codes(done.stdout) == ["SIO201"]


def test_what_only_follows_another_line_is_not_explained_again() -> None:
    safari = (
        f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200\n"
        f"XMLHttpRequest cannot load {URL} due to access control checks.\n"
        f"Failed to load resource: Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200\n"
        "connect_error: xhr poll error\n"
    )
    (reading,) = explain([safari]).readings
    assert (reading.line.code, reading.line.url) == ("allow-origin-refused", URL)
    frame = f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {URL}. "
    failed = f"{frame}(Reason: CORS request did not succeed). Status code: (null).\n"
    (reading,) = explain(
        [f"{frame}(Reason: CORS preflight response did not succeed). Status code: 404.\n{failed}"]
    ).readings
    assert reading.line.code == "preflight-status"
    assert [reading.line.code for reading in explain([failed * 3]).readings] == ["network-error"]


def test_a_client_that_tries_again_is_told_once() -> None:
    again = [MISSING.replace("t=x", f"t={number}") for number in range(5)]
    assert len(explain(["\n".join(again)]).readings) == 1


def test_lines_about_different_things_are_all_told() -> None:
    abandoned = (
        "WebSocket connection to 'ws://localhost:3000/socket.io/?EIO=4&transport=websocket' failed: WebSocket is "
    )
    done = run(MISSING, f"{abandoned}closed before the connection is established.")
    assert done.stdout.index("has no Access-Control-Allow-Origin") < done.stdout.index("the page closed the WebSocket")
    assert "StrictMode" in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        f"Connecting to '{URL}' violates the following Content Security Policy directive: \"connect-src 'self'\". The "
        "action has been blocked.",
        f"Content-Security-Policy: The page’s settings blocked the loading of a resource (connect-src) at {URL} "
        "because it violates the following directive: “connect-src 'self'”",
        f"Refused to connect to {URL} because it appears in neither the connect-src directive nor the default-src "
        "directive of the Content Security Policy.",
    ],
)
def test_a_policy_of_the_page_is_named_and_how_to_have_it_read(line: str) -> None:
    done = run(line)
    assert codes(done.stdout) == ["SIO850"]
    assert "add --page with the page's URL" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", ["SIO301", "sio301", "cors-not-configured"])
def test_a_rule_is_explained_by_its_code_and_its_slug(name: str) -> None:
    done = run(name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("SIO301 cors-not-configured: ")
    for part in ("How it is told.", "What it is not.", "Cure: ", "new Server(", "docs/rules/cors-not-configured.md"):
        assert part in done.stdout
    assert "**" not in done.stdout


def test_every_rule_can_be_explained() -> None:
    said = explain(list(RULES))
    assert said.known
    assert [rule.slug for rule in said.rules] == list(RULES)
    assert {rule.slug for rule in said.rules if not rule.fixes} == {
        "cause-unknown",
        "closed-by-server",
        "tls-cdn-origin",
    }


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("cors-not-configurd", "cors-not-configured"),
        ("SI0301", "SIO301"),
        ("WebSocket conection to 'ws://h' failed: Invalid frame haeder", "Invalid frame header"),
    ],
)
def test_what_is_not_known_is_said_with_the_nearest(given: str, nearest: str) -> None:
    done = run(given)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Not recognised\n")
    assert given in done.stdout
    assert nearest in " ".join(done.stdout.partition("The nearest that is known: ")[2].split())


def test_a_line_without_any_likeness_gets_no_cause() -> None:
    done = run("TypeError: Cannot read properties of undefined (reading 'map')")
    assert done.returncode == 1
    assert "SIO" not in done.stdout
    assert "nearest" not in done.stdout


def test_an_unknown_line_among_known_ones_is_named_and_no_failure() -> None:
    done = run(stdin=f"frobnicate the quux\n{MISSING}\n")
    assert done.returncode == 0
    assert done.stdout.index("Find out which") < done.stdout.index("frobnicate the quux")
    assert run(MISSING, "frobnicate the quux").returncode == 1


@pytest.mark.parametrize("given", [(), ("",), ("-",), ("  \n",)])
def test_nothing_to_explain_is_a_wrong_command(given: tuple[str, ...]) -> None:
    done = run(*given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sio-doctor: ")
    assert done.stderr.count("\n") == 1


def test_the_json_is_what_the_types_say() -> None:
    done = run("--json", MISSING, "SIO301")
    said = msgspec.json.decode(done.stdout, type=Explanation)
    assert said == explain([MISSING, "SIO301"])
    plain = json.loads(done.stdout)
    assert plain["command"] == f"sio-doctor check http://localhost:3000 --origin {PAGE}"
    assert plain["readings"][0]["line"]["code"] == "allow-origin-missing"
    assert plain["rules"][0]["document"] == "docs/rules/cors-not-configured.md"
    assert run("--json", "xhr poll error").stdout.count('"command": null') == 1
    assert run("--json", "frobnicate").returncode == 1


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_hostile_text_does_nothing_to_a_terminal(form: tuple[str, ...]) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e\x9b31m"
    line = (
        f"Access to XMLHttpRequest at 'http://h/{hostile}?EIO=4' from origin '{PAGE}' has been blocked by CORS policy: "
    )
    for text in (line + hostile, f"{hostile} frobnicate", f"{line}\n{hostile} quux"):
        shown = run(*form, stdin=text).stdout
        assert shown
        assert not set(shown) & set("\x1b\x07\u202e\x9b")


def test_it_fits_a_terminal_and_keeps_what_is_to_be_pasted_whole() -> None:
    for width in (60, 80, 100):
        for line in run(MISSING, COLUMNS=str(width)).stdout.splitlines():
            assert len(line) <= width or "sio-doctor check" in line
            assert line == line.rstrip()


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[1m" in run(MISSING, FORCE_COLOR="1").stdout
    assert "\x1b" not in run(MISSING).stdout
    assert "\x1b" not in run(MISSING, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert run(MISSING, PYTHONIOENCODING="ascii").stdout.isascii()


def test_it_starts_without_a_terminal_library_and_without_a_network() -> None:
    code = f"import sys; from sio_doctor import cli; cli.run(['explain', {MISSING!r}, 'SIO301']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in roots
    assert not roots & {"rich", "httpx", "httpcore", "asyncio", "ssl", "socket", "pydantic"}


@pytest.mark.parametrize(
    "headline",
    [
        "✗ SIO302 origin-not-in-list: The origin is not on the server's list",
        "x SIO302 origin-not-in-list: The origin is not on the server's list",
        "SIO302 origin-not-in-list: anything",
    ],
)
def test_the_first_line_of_a_finding_is_the_name_of_its_rule(headline: str) -> None:
    assert [rule.code for rule in explain([headline]).rules] == ["SIO302"]


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("origin-schema", "origin-scheme"),  # a name that is much like it
        ("gateway-down", "gateway-5xx-no-cors"),  # one with a word of it
        ("SIO999", None),  # a code that looks alike has nothing to do with it
        ("zebra", None),
    ],
)
def test_the_nearest_rule_is_one_that_has_to_do_with_it(given: str, nearest: str | None) -> None:
    explanation = explain([given])
    assert not explanation.known
    assert [unread.nearest for unread in explanation.unread] == [nearest]


@pytest.mark.parametrize("given", ["((((", "''", "at foo (x.js:1)", "\x00", "…"])
def test_what_says_nothing_is_said_to_be_not_recognised(given: str) -> None:
    done = run(stdin=given)
    assert done.returncode == 1
    assert done.stdout.startswith("Not recognised\n")


HOSTILE = "$(touch x)`id`\";rm${IFS}-rf~;it's|&x"


@pytest.mark.parametrize(
    "line",
    [
        MISSING.replace(PAGE, f"{PAGE}$(id)"),
        MISSING.replace("t=x", f"q={HOSTILE}"),
        MISSING.replace("t=x", "q=%0a%1b[2J&-x=1&=2&token=a%20b&name=%E2%80%AE"),
        MISSING.replace("/socket.io/", "/-rf/`id`/"),
        MISSING.replace("localhost:3000", "$(id).example"),
        MISSING.replace("localhost:3000", "[::1]:3000"),
        MISSING.replace(PAGE, "null"),
        MISSING.replace(PAGE, "--help"),
        MISSING.replace("EIO=4", "EIO=3"),
        f"{BLOCKED}Request header field x-`id` is not allowed by Access-Control-Allow-Headers in preflight response.",
        "WebSocket connection to 'wss://h.example/ws/?EIO=4&transport=websocket' failed: ",
    ],
)
def test_the_command_is_what_a_shell_makes_of_it_and_what_check_takes(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = explain([line]).command
    assert command is not None
    assert command.isprintable()
    taken = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, text=True, check=True)
    arguments = taken.stdout.split("\0")[:-1]
    assert arguments == shlex.split(command)
    plans: list[Plan] = []

    def examine(plan: Plan, confirm: str | None = None) -> None:
        plans.append(plan)
        raise typer.Exit(0)

    monkeypatch.setattr(check, "examine", examine)
    cli.run(arguments[1:])
    assert capsys.readouterr().err == ""
    assert len(plans) == 1
