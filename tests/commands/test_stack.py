"""``check --stack`` as a person runs it."""

from __future__ import annotations

import json

import pytest

from tests.commands.test_check import NO_CORS, checked, run


def fixes(*arguments: str) -> list[dict[str, str]]:
    report = json.loads(checked(NO_CORS, "--json", *arguments).stdout)
    assert report["server"]["stack"] == "socket.io" or report["server"]["stack"] == "unknown"
    [finding] = [one for one in report["findings"] if one["slug"] == "cors-not-configured"]
    return list(finding["fixes"])


@pytest.mark.parametrize(
    "arguments", [["--stack", "nestjs", "--stack", "flask-socketio"], ["--stack", "NestJS,flask-socketio"]]
)
def test_the_cures_are_for_those_that_are_named(arguments: list[str]) -> None:
    nest, flask = fixes(*arguments)
    assert (nest["stack"], nest["language"]) == ("NestJS", "ts")
    assert nest["after"].startswith("@WebSocketGateway({")
    assert (flask["stack"], flask["language"]) == ("Flask-SocketIO", "python")


def test_without_it_they_are_for_who_is_there() -> None:
    assert [fix["stack"] for fix in fixes()] == ["socket.io 4", "python-socketio"]


def test_the_text_has_them_too() -> None:
    text = checked(NO_CORS, "--stack", "nestjs").stdout
    assert "@WebSocketGateway" in text
    assert "new Server(" not in text


def test_an_unknown_name_is_a_wrong_command() -> None:
    result = run("check", "http://127.0.0.1:9", "--stack", "ngnix")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--stack knows no 'ngnix'; the nearest that it knows is nginx." in " ".join(result.stderr.split())


def test_the_help_has_it_where_the_report_is() -> None:
    text = run("check", "--help", env={"COLUMNS": "120", "PATH": ""}).stdout
    report = text[text.index("The report") :]
    assert "--stack" in report[: report.index("╰")]
