"""``sio-doctor rules`` as a person runs it at a terminal and in a pipe, and as a program does."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios

import pytest

from sio_doctor.catalog import entries
from sio_doctor.rules import ALIASES, RULES

COMMAND = [sys.executable, "-m", "sio_doctor", "rules"]
UNSET = ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
CODES = sorted(rule.code for rule in RULES.values())
SGR = re.compile(r"\x1b\[[0-9;]*m")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a pipe."""
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False, env=env | environment
    )


def at_terminal(*arguments: str, columns: int = 80, **environment: str) -> str:
    """What a terminal of that width gets."""
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    mine, its = pty.openpty()
    try:
        termios.tcsetwinsize(its, (24, columns))
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=its, stdout=its, stderr=its, env=env | {"TERM": "xterm"} | environment
        )
        os.close(its)
        shown = b""
        while True:
            try:
                piece = os.read(mine, 65536)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not piece:
                break
            shown += piece
        process.wait(timeout=60)
    finally:
        os.close(mine)
    return shown.decode().replace("\r\n", "\n")


def listed(output: str) -> list[str]:
    """The codes that it lists, in order."""
    return re.findall(r"(?m)^ *(SIO\d{3}) ", SGR.sub("", output))


# --- at a terminal ---------------------------------------------------------------------------------------------------


def test_all_causes_are_listed_in_the_order_of_a_connections_life() -> None:
    shown = at_terminal()
    assert listed(shown) == CODES
    plain = SGR.sub("", shown)
    heads = [line for line in plain.splitlines() if line and not line.startswith(" ")]
    assert heads[:3] == ["Not known", "Reaching the server", "The handshake"]
    assert "  SIO301 cors-not-configured" in plain
    assert re.search(r"SIO842 blocked-by-extension +An extension of the browser may block +it \(hint\)", _joined(plain))


def _joined(text: str) -> str:
    return re.sub(r"\n +(?! *SIO)", " ", text)


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_nothing_is_wider_than_the_terminal(columns: int) -> None:
    for line in SGR.sub("", at_terminal(columns=columns)).splitlines():
        assert len(line) <= columns
        assert line == line.rstrip()


def test_the_last_line_says_where_there_is_more() -> None:
    shown = SGR.sub("", at_terminal("trailing-slash-path"))
    last = " ".join(shown.rpartition("\n\n")[2].split())
    assert last == "1 cause. `sio-doctor explain trailing-slash-path` says how one is told and how it is mended."
    assert f"{len(CODES)} causes. `sio-doctor explain " in SGR.sub("", at_terminal())


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[1mSIO301\x1b[0m" in at_terminal()
    assert "\x1b" not in at_terminal(NO_COLOR="1")
    assert "\x1b" not in at_terminal(TERM="dumb")
    assert "\x1b" not in run().stdout
    assert "\x1b[1mSIO301\x1b[0m" in run(FORCE_COLOR="1").stdout


# --- in a pipe -------------------------------------------------------------------------------------------------------


def test_in_a_pipe_each_cause_is_one_plain_line() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == CODES
    assert [line.split()[1] for line in lines] == [one.slug for one in entries()]
    assert "SIO321 duplicate-acao-framework       A CORS middleware and python-socketio both add headers" in lines
    assert not set(done.stdout) & set("│─┃━╭╮╰╯|")
    assert run(COLUMNS="40").stdout == done.stdout
    assert run(PYTHONIOENCODING="ascii").stdout.isascii()


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f"{sys.executable} -m sio_doctor rules --json | head -1"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[\n", "")


# --- a part of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "some", "others"),
    [
        (["origin"], ["SIO301", "SIO302", "SIO320", "SIO740"], ["SIO101", "SIO501"]),  # the family's name too
        (["ORIGIN"], ["SIO302"], ["SIO101"]),
        (["SIO3"], ["SIO301", "SIO325"], ["SIO401", "SIO203"]),
        (["sio301"], ["SIO301"], ["SIO302"]),
        (["does not resolve"], ["SIO101"], ["SIO102"]),  # words of a title
        (["origin", "list"], ["SIO302", "SIO304"], ["SIO306"]),  # every word, in whatever order
        (["redirect-slash"], ["SIO245"], ["SIO202"]),  # another name
    ],
)
def test_words_choose_causes(words: list[str], some: list[str], others: list[str]) -> None:
    done = run(*words)
    assert (done.returncode, done.stderr) == (0, "")
    found = listed(done.stdout)
    assert set(some) <= set(found)
    assert not set(others) & set(found)
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["orign"], "did you mean 'origin'?"),
        (["cors-not-configurd"], "did you mean 'cors-not-configured'?"),
        (["SI0301"], "did you mean 'SIO301'?"),
        (["SIO999"], "`sio-doctor rules` lists them all."),
        (["zzzzz"], "`sio-doctor rules` lists them all."),
    ],
)
def test_where_none_is_meant_one_sentence_says_so(words: list[str], advice: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"sio-doctor: no cause has {words[0]!r} in its code, name, title or family; {advice}\n"
    done = run("--json", *words)
    assert (done.returncode, done.stdout) == (1, "[]\n")
    assert done.stderr.count("\n") == 1


def test_hostile_words_do_nothing_to_a_terminal() -> None:
    shown = run("\x1b]0;owned\x07\u202e").stderr
    assert shown.startswith("sio-doctor: no cause has ")
    assert not set(shown) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("arguments", [("",), ("--format", "yaml"), ("--all",)])
def test_a_wrong_command_is_one_sentence(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sio-doctor: ")
    assert done.stderr.count("\n") == 1


# --- for programs ----------------------------------------------------------------------------------------------------


def test_the_json_is_an_array_with_all_that_a_rule_says() -> None:
    done = run("--json")
    assert done.returncode == 0
    assert run("--format", "json").stdout == done.stdout
    said = json.loads(done.stdout)
    assert [one["code"] for one in said] == CODES
    for one in said:
        assert set(one) == {
            "code", "slug", "title", "family", "summary", "means", "how_told", "what_not", "hint", "aliases",
            "document",
        }  # fmt: skip
        assert RULES[one["slug"]].hint is one["hint"]
        assert one["summary"]
        assert one["how_told"]
        assert one["what_not"]
        assert "**" not in one["means"] + one["how_told"] + one["what_not"]
    slash = next(one for one in said if one["slug"] == "trailing-slash-path")
    assert slash["aliases"] == [name for name, other in ALIASES.items() if other.target == "trailing-slash-path"]
    assert slash["document"] == "docs/rules/trailing-slash-path.md"
    (one,) = json.loads(run("--json", "SIO301").stdout)
    assert (one["slug"], one["family"]) == ("cors-not-configured", "The origin")
    assert one["means"].startswith("Since Socket.IO 3 it is off")


def test_the_help_has_examples() -> None:
    done = run("--help")
    assert done.returncode == 0
    for example in ("sio-doctor rules origin\n", "sio-doctor rules SIO3\n", "sio-doctor rules --json\n"):
        assert example in re.sub(r" +\n", "\n", done.stdout)


def test_it_starts_without_a_terminal_library_and_without_a_network() -> None:
    for arguments in (["rules"], ["rules", "--json"]):
        code = f"import sys; from sio_doctor import cli; cli.run({arguments!r}); print(); print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        names = set(done.stdout.splitlines()[-1].split())
        roots = {name.partition(".")[0] for name in names}
        assert "typer" in roots
        assert not roots & {"rich", "httpx", "httpcore", "asyncio", "ssl", "socket", "pydantic"}
        assert not {name for name in names if name.startswith(("sio_doctor.stacks", "sio_doctor.probe"))}
