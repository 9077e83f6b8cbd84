"""``sio-doctor check`` as a person and as CI run it: the real process, its streams, its status."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from sio_doctor import __version__
from sio_doctor.model import Report
from tests.servers.hostile import always, engine, http, open_body
from tests.servers.raw import Peer, Script, answer, answer_then_hang, nothing, raw
from tests.servers.site import page, site

PROGRAM = [sys.executable, "-m", "sio_doctor"]
PAGE = "http://localhost:8080"
HEALTHY = engine(open_body(upgrades=()))
HANGING = answer_then_hang()
#: What the tests' own terminal must not decide.
CLEAN = {
    name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
}


def policy(**headers: str) -> Script:
    """An Engine.IO server; ``own``, ``foreign`` and ``none``: what it allows each, ``{}`` is the origin that asks."""

    def script(peer: Peer) -> None:
        while request := peer.hear():
            head = request.partition(b"\r\n\r\n")[0].decode()
            asking = next((line[8:] for line in head.split("\r\n") if line.lower().startswith("origin: ")), None)
            kind = "none" if asking is None else "foreign" if "invalid" in asking else "own"
            allowed = headers.get(kind)
            if allowed == "403":
                peer.say(http(b'{"code":4,"message":"Forbidden"}', status=b"403 Forbidden").replace(b"Access-", b"X-"))
                continue
            line = f"Access-Control-Allow-Origin: {allowed.format(asking)}\r\n" if allowed else ""
            body = b"ok" if request.startswith(b"POST") else open_body(upgrades=())
            peer.say(f"HTTP/1.1 200 OK\r\n{line}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return script


#: socket.io without a cors option.
NO_CORS = policy()


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The program, to its end."""
    options = {"capture_output": True, "text": True, "timeout": 60, "check": False, "env": CLEAN, **options}
    return subprocess.run([*PROGRAM, *arguments], **options)


def checked(script: Script, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """``check`` of that server for ``PAGE``."""
    with raw(script) as server:
        return run("check", server.url, "--origin", PAGE, *arguments, **options)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "ftp://h.invalid"], ["ftp", "http"]),
        (["check", "mailto:a@h.invalid"], ["scheme"]),
        (["check", "https://"], ["host"]),
        (["check", ""], ["empty"]),
        (["check", "http://h.invalid:99999"], ["99999"]),
        (["check", "http://h.invalid:abc"], ["port"]),
        (["check", "h.invalid", "--origin", "shop.example.com"], ["https://shop.example.com"]),
        (["check", "h.invalid", "--origin", "localhost:5173"], ["http://localhost:5173"]),
        (["check", "h.invalid", "--origin", "https://"], ["host"]),
        (["check", "h.invalid", "-H", "no colon"], ["no colon", "name: value"]),
        (["check", "h.invalid", "-H", "a: b\r\nc: d"], ["'a'"]),
        (["check", "h.invalid", "--auth", "{s3cret"], ["--auth", "JSON"]),
        (["check", "h.invalid", "--auth", "[1]"], ["--auth", "object"]),
        (["check", "h.invalid", "--format", "yaml"], ["--format", "markdown or prometheus", "yaml"]),
        (["check", "h.invalid", "--fail-on", "doom"], ["--fail-on", "error", "warning", "never"]),
        (["check", "h.invalid", "--browser", "opera"], ["--browser", "chromium", "firefox", "webkit"]),
        (["check", "h.invalid", "--client", "5"], ["--client", "2, 3 or 4"]),
        (["check", "h.invalid", "--client", "x"], ["--client", "'x'"]),
        (["check", "h.invalid", "--transports", "pigeon"], ["--transports", "polling", "websocket"]),
        (["check", "h.invalid", "--timeout", "nan"], ["--timeout"]),
        (["check", "h.invalid", "--deadline", "0"], ["--deadline"]),
        (["check", "h.invalid", "--resolve", "h.invalid:443"], ["--resolve", "HOST:PORT:ADDRESS"]),
        (["check", "h.invalid", "--ca-file", "no-such.pem"], ["--ca-file", "no-such.pem", "no such file"]),
        (["check", "h.invalid", "--proxy", "socks5://s3cret@p.invalid"], ["--proxy", "socks5"]),
        (["check", "h.invalid", "-4", "-6"], ["--ipv4", "--ipv6", "exclude"]),
        (["check", "h.invalid", "-b", "s3cret"], ["--cookie", "name=value"]),
        (["check", "h.invalid", "--max-requests", "0"], ["--max-requests"]),
        (["check", "h.invalid", "--max-requests", "x"], ["--max-requests", "'x'"]),
        (["check", "h.invalid", "--page", "file:///no/such/page.html"], ["/no/such/page.html", "No such file"]),
        (["check", "h.invalid", "--page", "shop.example.com"], ["--page", "https://shop.example.com"]),
        (["check", "h.invalid", "--nonsense"], ["--nonsense", "check --help"]),
        (["check", "h.invalid", "--origin"], ["--origin"]),
        (["check", "a.invalid", "b.invalid"], ["b.invalid"]),
        (["check"], ["URL", "check --help"]),
        (["chekc"], ["'chekc'", "'check'"]),
        (["--nonsense"], ["--nonsense", "--help"]),
        (["check", "http://h\x1b[31m.invalid"], [r"\x1b"]),
        (["check", os.fsdecode(b"http://h\xff.invalid")], ["host"]),
        (["check", "h.invalid", "--query", os.fsdecode(b"a=\xff\xfe")], ["UTF-8", "udcff"]),
        (["check", "h.invalid", "--path", os.fsdecode(b"/\xff/")], ["UTF-8"]),
        (["check", "h.invalid", "--namespace", os.fsdecode(b"/\xff")], ["UTF-8"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence_on_standard_error(arguments: list[str], words: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = done.stderr.removesuffix("\n")
    assert sentence.startswith("sio-doctor: ")
    assert sentence.isprintable()
    assert sentence.endswith((".", "?"))
    assert ". " not in sentence
    assert not [word for word in words if word not in sentence]
    assert "s3cret" not in sentence


def test_without_a_command_the_help_stands_where_no_report_would() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "check" in done.stderr


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(option: str) -> None:
    done = run(option)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"sio-doctor {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["check", "--help"], ["demo", "--help"]])
def test_the_help_is_on_standard_output(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: sio-doctor" in done.stdout


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "arguments", "status"),
    [
        (HEALTHY, [], 0),
        (NO_CORS, [], 1),
        (NO_CORS, ["--fail-on", "never"], 0),
        (NO_CORS, ["--json"], 1),
        (NO_CORS, ["--fail-on", "never", "--json"], 0),
    ],
)
def test_the_status_is_the_same_for_every_format(script: Script, arguments: list[str], status: int) -> None:
    assert checked(script, *arguments).returncode == status


def test_warnings_fail_only_where_they_are_asked_to() -> None:
    lonely = engine()  # it offers an upgrade, and refuses it
    assert checked(lonely).returncode == 0
    assert checked(lonely, "--fail-on", "warning").returncode == 1


def test_an_unreachable_server_is_a_finding() -> None:
    with nothing() as url:
        done = run("check", url, "--origin", PAGE)
    assert (done.returncode, done.stderr) == (1, "")
    assert " server-refused: " in done.stdout.partition("\n")[0]


# --- the report ------------------------------------------------------------------------------------------------------


def test_the_json_is_the_contract() -> None:
    done = checked(NO_CORS, "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, msgspec.json.schema(Report))
    assert document["ok"] is False
    assert [finding["slug"] for finding in document["findings"]][:1] == ["cors-not-configured"]
    assert {outcome["browser"] for outcome in document["outcomes"]} == {"chromium", "firefox", "webkit"}
    again = msgspec.json.encode(msgspec.json.decode(done.stdout, type=Report))
    assert json.loads(again) == document


def test_a_file_gets_the_report_and_standard_output_nothing(tmp_path: Path) -> None:
    for format in ("text", "json"):
        file = tmp_path / format
        done = checked(NO_CORS, "--output", str(file), "--format", format, env={**CLEAN, "FORCE_COLOR": "1"})
        assert (done.returncode, done.stdout) == (1, "")
        assert "cors-not-configured" in file.read_text()
        assert "\x1b" not in file.read_text()


@pytest.mark.parametrize("file", ["", "no/such/folder/report", ".", "/dev/full"])
def test_a_file_that_cannot_be_written_loses_no_report(file: str, tmp_path: Path) -> None:
    if file.startswith("/dev") and not Path(file).exists():
        pytest.skip(f"there is no {file} here")
    done = checked(NO_CORS, "--json", "--output", file, cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["ok"] is False
    assert done.stderr.startswith(f"sio-doctor: {file!r} cannot be written (")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_standard_output_that_is_full_is_said() -> None:
    with open("/dev/full", "w") as full:
        done = checked(HEALTHY, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (
        2,
        "sio-doctor: standard output cannot be written (No space left on device).\n",
    )


def test_a_reader_that_has_gone_is_left_in_peace() -> None:
    with raw(NO_CORS) as server:
        command = [*PROGRAM, "check", server.url, "--origin", PAGE, "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=CLEAN) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            errors = process.stderr.read()
    assert (process.returncode, errors) == (1, b"")


def test_closed_streams_do_no_harm() -> None:
    with raw(HEALTHY) as server:
        command = f'exec "$0" -m sio_doctor check {server.url} --origin {PAGE} >&- 2>&- <&-'
        done = subprocess.run(["/bin/sh", "-c", command, sys.executable], check=False, timeout=60, env=CLEAN)
    assert done.returncode == 0


# --- what a terminal gets --------------------------------------------------------------------------------------------


def on_a_terminal(script: Script, *arguments: str, **environment: str) -> str:
    """What ``check`` writes to a terminal of 100 columns, on both streams."""
    with raw(script) as server:
        main, child = pty.openpty()
        command = [*PROGRAM, "check", server.url, "--origin", PAGE, *arguments]
        environment = {**CLEAN, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
        with subprocess.Popen(command, stdout=child, stderr=child, stdin=child, env=environment):
            os.close(child)
            output = b"".join(iter(lambda: read(main), b""))
        os.close(main)
    return output.decode()


def read(terminal: int) -> bytes:
    """What comes next; b"" when the other side has gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_terminal_has_colours_unless_it_does_not_want_them() -> None:
    assert "\x1b[" in on_a_terminal(NO_CORS)
    assert "\x1b" not in on_a_terminal(NO_CORS, TERM="dumb")
    assert "\x1b" not in on_a_terminal(NO_CORS, NO_COLOR="1")


def test_a_pipe_has_none_unless_it_wants_them() -> None:
    assert "\x1b" not in checked(NO_CORS).stdout
    assert "\x1b[" in checked(NO_CORS, env={**CLEAN, "FORCE_COLOR": "1"}).stdout
    assert "\x1b" not in checked(NO_CORS, env={**CLEAN, "FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_prose_keeps_to_the_columns(columns: int) -> None:
    lines = checked(NO_CORS, env={**CLEAN, "COLUMNS": str(columns)}).stdout.splitlines()
    assert max(len(line) for line in lines[:4]) <= columns


def test_a_stream_that_is_ascii_gets_ascii() -> None:
    done = checked(NO_CORS, env={**CLEAN, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stdout.startswith("x SIO301")
    assert json.loads(checked(NO_CORS, "--json", env={**CLEAN, "LC_ALL": "C", "PYTHONUTF8": "0"}).stdout)


def test_a_silent_server_shows_progress_on_standard_error_alone() -> None:
    done = checked(HANGING, "--timeout", "2", "--json")
    assert json.loads(done.stdout)["ok"] is False
    lines = done.stderr.splitlines()
    assert lines
    assert all(line.startswith("sio-doctor: waiting, ") for line in lines)
    assert "?" not in done.stderr
    assert "\r\x1b[2Kwaiting, " in on_a_terminal(HANGING, "--timeout", "2")


@contextmanager
def running(script: Script) -> Iterator[subprocess.Popen[str]]:
    """``check`` of a server that has been asked and does not answer."""
    with raw(script) as server:
        command = [*PROGRAM, "check", server.url, "--origin", PAGE, "--timeout", "30"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=CLEAN, process_group=0
        ) as process:
            assert process.stderr is not None
            process.stderr.readline()  # it waits
            yield process
            process.kill()


def test_an_interrupted_check_ends_at_once_and_leaves_nothing() -> None:
    with running(HANGING) as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=10)
        assert (process.returncode, output, errors) == (130, "", "")
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


# --- without --origin ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind", "words", "status"),
    [
        (policy(), "nobody", "does not let any other origin", 0),
        (
            policy(own="https://a.example", foreign="https://a.example", none="https://a.example"),
            "fixed",
            "a.example",
            0,
        ),
        (policy(own="*", foreign="*", none="*"), "any", "", 0),
        (policy(own="{}", foreign="{}"), "reflect", "", 0),
        (policy(own="{}"), "list", "", 0),
        (policy(own="{}", foreign="403"), "refuses", "", 0),
        (always(http(b"<html>")), "unknown", "", 1),
        (answer(b""), "unknown", "", 1),
    ],
    ids=["nobody", "fixed", "any", "reflect", "list", "refuses", "page", "closed"],
)
def test_without_a_page_it_says_whom_the_server_lets_in(script: Script, kind: str, words: str, status: int) -> None:
    with raw(script) as server:
        as_json, as_text = run("check", server.url, "--json"), run("check", server.url)
    document = json.loads(as_json.stdout)
    assert (document["policy"]["kind"], document["outcomes"]) == (kind, [])
    assert (as_json.returncode, as_text.returncode) == (status, status)
    if status == 0:
        assert [line for line in as_text.stdout.splitlines() if line.startswith("Handshake ")]
        assert "--origin" in as_text.stdout
    assert words in " ".join(as_text.stdout.split())


# --- with --page -----------------------------------------------------------------------------------------------------


def test_the_page_is_read_and_its_policy_is_the_headline() -> None:
    policy_of_page = "Content-Security-Policy: default-src 'self'"
    with raw(site({"/chat": page(b"", policy_of_page)})) as home, raw(HEALTHY) as server:
        as_text = run("check", server.url, "--page", f"{home.url}/chat?token=s3cret-token")
        as_json = run("check", server.url, "--page", f"{home.url}/chat", "--json")
    assert (as_text.returncode, as_json.returncode) == (1, 1)
    text = " ".join(as_text.stdout.split())
    assert text.startswith("✗ SIO850 csp-connect-src")
    assert f"Page {home.url}/chat, Content-Security-Policy: default-src 'self'" in text
    assert f"Content-Security-Policy: default-src 'self'; connect-src 'self' {server.url} ws" in text
    assert "s3cret" not in as_text.stdout
    document = json.loads(as_json.stdout)
    assert document["page"] == {
        "url": f"{home.url}/chat",
        "origin": home.url,
        "status": 200,
        "reason": None,
        "csp": [{"source": "header", "text": "default-src 'self'", "enforced": True}],
        "client": None,
    }
    assert {outcome["polling"]["step"] for outcome in document["outcomes"]} == {"CSP3, default-src pre-request check"}
