"""What a person sees. The snapshots are written anew with SIO_DOCTOR_SNAPSHOTS=write, and then read by eye."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from sio_doctor.model import (
    Browser,
    Connection,
    ContentPolicy,
    Difference,
    Document,
    Exchange,
    Fix,
    Policy,
    PolicyKind,
    Purpose,
    Report,
    Request,
    Response,
)
from sio_doctor.render import render, words
from sio_doctor.render.curl import curl
from sio_doctor.render.escape import shows
from tests.render import samples
from tests.render.samples import NO_CORS, PAGE, SAMPLES

SNAPSHOTS = Path(__file__).parent / "snapshots"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def text(report: Report, width: int = 80, *, color: bool = False, unicode: bool = True) -> str:
    return render(report, "text", width=width, color=color, unicode=unicode)


def wrapped(output: str) -> list[str]:
    """The lines that may not be longer than the page is wide: all but code and what one pastes in a shell."""
    verbatim = re.compile(r" {4}(curl |sio-doctor | |const |io\.listen|location|ip_hash|\})")
    return [line for line in output.splitlines() if not verbatim.match(line)]


def letters(output: str) -> list[str]:
    """All that is printed but blanks, sorted; an origin on a line of its own needs no heading."""
    return sorted(re.sub(r"^  Origin |\s", "", output, flags=re.MULTILINE))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [80, 160])
def test_snapshot(name: str, width: int) -> None:
    file = SNAPSHOTS / f"{name}.{width}.txt"
    printed = text(SAMPLES[name], width)
    if os.environ.get("SIO_DOCTOR_SNAPSHOTS") == "write":
        file.write_text(printed, encoding="utf-8")
    assert printed == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("width", [20, 40, 79, 80, 100, 160, 300])
def test_it_stays_within_the_width_and_loses_nothing(name: str, width: int) -> None:
    printed = text(SAMPLES[name], width)
    if not name.startswith("hostile"):
        assert max(map(cell_len, wrapped(printed))) <= width
    assert not [line for line in printed.splitlines() if line != line.rstrip(" ")]
    assert "…" not in printed
    # Folded or not, the same characters are printed, blanks aside.
    if len({outcome.origin for outcome in SAMPLES[name].outcomes}) < 2:
        assert letters(printed) == letters(text(SAMPLES[name], 300))


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("unicode", [True, False])
def test_whatever_a_server_says_the_terminal_only_shows_it(name: str, color: bool, unicode: bool) -> None:
    printed = text(SAMPLES[name], color=color, unicode=unicode)
    assert bool(ANSI.search(printed)) == color
    left = ANSI.sub("", printed).replace("\n", "")
    assert not [char for char in left if not shows(char)]
    assert left.isascii() or unicode


def test_markup_is_text() -> None:
    printed = text(samples.hostile, 300, color=True)
    assert "[red]x[/red] :bomb: [link=http://evil.invalid]l[/link]" in ANSI.sub("", printed)
    assert "\x1b]8;" not in printed


def test_colour_changes_nothing_but_colour() -> None:
    assert ANSI.sub("", text(samples.no_cors, color=True)) == text(samples.no_cors)


def test_the_cause_is_the_first_line() -> None:
    first = text(samples.no_cors).splitlines()[0]
    assert first == "✗ SIO301 cors-not-configured: The server has no cors option"
    assert text(samples.no_cors, unicode=False).splitlines()[0] == first.replace("✗", "x")
    assert text(samples.no_cors, color=True).startswith("\x1b[1;31m✗")


def test_the_cause_is_the_first_that_is_more_than_worth_knowing() -> None:
    info = msgspec.structs.replace(samples.NO_STICKINESS, severity="info")
    printed = text(samples.report(ok=False, outcomes=samples.no_cors.outcomes, findings=(info, NO_CORS)))
    assert printed.startswith("✗ SIO301")
    assert "\ni SIO501 no-sticky-sessions" in printed
    assert printed.endswith("\n1 error, 0 warnings, 1 info · 14 requests · 0.31 s\n")


def test_what_is_worth_knowing_names_its_cure_and_prints_no_code() -> None:
    info = msgspec.structs.replace(samples.NO_STICKINESS, severity="info", fixes=NO_CORS.fixes[:1])
    printed = text(samples.report(findings=(info,)), width=200)
    fix = NO_CORS.fixes[0]
    assert f"\n  Cure: {fix.title} ({fix.stack}; --json has it whole).\n" in printed
    assert fix.after.splitlines()[-1] not in printed


def test_what_fails_next_is_said_under_the_cure_and_beside_each() -> None:
    following = msgspec.structs.replace(samples.NO_STICKINESS, severity="error", behind=("cors-not-configured",))
    printed = text(samples.report(ok=False, outcomes=samples.no_cors.outcomes, findings=(NO_CORS, following)))
    assert printed.index("\nThen  Once that is mended, SIO501 no-sticky-sessions would fail next") < printed.index(
        "Prove it"
    )
    assert "\n  The page comes to this once SIO301 is mended.\n" in printed
    assert "Then" not in text(samples.no_cors)


def test_all_well_is_said_in_one_sentence() -> None:
    printed = text(samples.healthy, 160)
    assert printed.splitlines() == [
        f"✓ http://api.example.com:3000 lets {PAGE} connect (polling, then WebSocket), in",
        "Chromium, Firefox and Safari.",
        "",
        "Server     socket.io 4.8.4 behind nginx 1.22.1",
        "Handshake  Engine.IO 4, WebSocket upgrade, ping 25 s, timeout 20 s, payload 1 MB",
        "",
        "0 errors, 0 warnings · 14 requests · 0.31 s",
    ]
    assert text(samples.healthy, unicode=False).startswith("ok http://")
    assert text(samples.healthy, color=True).startswith("\x1b[1;32m✓")


def test_a_warning_leads_where_nothing_worse_is() -> None:
    printed = text(samples.report(findings=(samples.NO_STICKINESS,)), color=True)
    assert printed.startswith("\x1b[1;33m!")
    assert "✓ over WebSocket" in ANSI.sub("", printed)


def test_browsers_that_agree_share_a_row_and_others_do_not() -> None:
    assert f"  {PAGE}  all      ✗ blocked  ✓ allowed  ✗ xhr poll error\n" in text(samples.no_cors)
    rows = [
        line.split(maxsplit=1) for line in text(samples.differing).splitlines() if line[:4] == "    " and "✓" in line
    ]
    assert rows == [
        ["all", "✓ allowed  ✓ allowed  ✓ over WebSocket"],
        ["Chromium", "✗ blocked  ✓ allowed  ✗ xhr poll error"],
        ["Firefox", "✗ blocked  ✓ allowed  ? not known"],
        ["Safari", "✓ allowed  ✓ allowed  ✓ over polling alone"],
    ]


def test_the_console_lines_are_the_browsers_own() -> None:
    printed = text(samples.no_cors, 300)
    for browser, lines in (("Chromium", "chromium"), ("Firefox", "firefox"), ("Safari", "webkit")):
        console = samples.CONSOLES[lines]  # type: ignore[index]  # a browser's name
        assert f"  {browser}\n" + "".join(f"    {line}\n" for line in console) in printed


def consoles(*outcomes: Connection, cause: tuple[str, ...] = ()) -> list[str]:
    """The lines under Console."""
    finding = msgspec.structs.replace(samples.NO_CORS, origins=cause or (samples.PAGE,))
    report = msgspec.structs.replace(samples.no_cors, outcomes=outcomes, findings=(finding,))
    return text(report, 300).partition("\nConsole\n")[2].partition("\n\n")[0].splitlines()


def printing(origin: str, browser: Browser, *lines: str) -> Connection:
    return samples.blocked(origin, browser, console=lines)


def test_pages_whose_lines_read_alike_are_told_once_and_the_others_too() -> None:
    a, b, c = "http://a.test", "http://b.test", "https://c.test"

    def missing(origin: str, stamp: int) -> str:
        return f"Access to 'http://s/?t={stamp}&x=1' from origin '{origin}' …"

    mixed = f"Mixed Content: The page at '{c}/' …"
    assert consoles(
        printing(c, "chromium", mixed),
        printing(a, "chromium", missing(a, 1)),
        printing(b, "chromium", missing(b, 2)),
        cause=(a, b),
    ) == [
        f"  of a page of {a}; it reads alike for {b}",
        "  Chromium",
        f"    {missing(a, 1)}",
        f"  of a page of {c}",
        "  Chromium",
        f"    {mixed}",
    ]


def test_only_the_browser_whose_lines_differ_is_told_of_another_page() -> None:
    a, b = "http://a.test", "https://b.test"
    said = consoles(
        *(
            printing(page, browser, f"{browser} blocks '{page}'")
            for page in (a, b)
            for browser in ("chromium", "firefox")
        ),
        printing(a, "webkit", "(null)"),
        printing(b, "webkit", f"mixed content on {b}/"),
        cause=(a, b),
    )
    assert said == [
        f"  of a page of {a}; it reads alike for {b}",
        "  Chromium",
        f"    chromium blocks '{a}'",
        "  Firefox",
        f"    firefox blocks '{a}'",
        f"  of a page of {a}",
        "  Safari",
        "    (null)",
        f"  of a page of {b}",
        "  Safari",
        f"    mixed content on {b}/",
    ]


def test_a_page_that_prints_alone_is_named_where_several_were_asked() -> None:
    said = consoles(printing("http://a.test", "firefox"), printing("http://b.test", "firefox", "no"))
    assert said == ["  of a page of http://b.test", "  Firefox", "    no"]


def test_browsers_that_print_the_same_are_told_once() -> None:
    page = "http://a.test"
    said = consoles(printing(page, "chromium", "x"), printing(page, "firefox", "y"), printing(page, "webkit", "x"))
    assert said == ["  Chromium and Safari", "    x", "  Firefox", "    y"]


def test_many_pages_are_not_all_told() -> None:
    alike = [printing(f"http://{number}.test", "firefox", f"at 'http://{number}.test'") for number in range(9)]
    assert consoles(*alike)[0] == "  of a page of http://0.test; it reads alike for 8 other pages"
    differing = [printing(f"http://{number}.test", "firefox", "x" * (number + 1)) for number in range(9)]
    said = consoles(*differing)
    assert len([line for line in said if line.startswith("  of a page of")]) == 3
    assert said[-1] == "  What other pages print is in the JSON report."


def test_the_lines_are_those_of_the_attempt_not_of_what_it_did_not_come_to() -> None:
    post = "Access to … (the POST)"
    websocket = msgspec.structs.replace(samples.ALLOWED, allowed=False, console=("WebSocket …",))
    outcome = samples.blocked(
        samples.PAGE, "chromium", polling=samples.ALLOWED, websocket=websocket, console=(post,), error="xhr post error"
    )
    assert consoles(outcome) == ["  Chromium", f"    {post}"]


def test_not_known_reads_neither_as_healthy_nor_as_blocked() -> None:
    printed = text(samples.unknown)
    assert printed.startswith(f"? Whether {PAGE} can connect to http://api.example.com:3000 is\nnot known.\n")
    assert "✗" not in printed
    assert "? not known" in printed


def test_blocked_without_a_known_cause_says_so() -> None:
    assert text(samples.unexplained, 160).startswith(
        f"✗ {PAGE} cannot connect to http://api.example.com:3000, and no known"
    )


def test_nothing_known_is_not_healthy() -> None:
    nothing = samples.report(outcomes=(), handshake=None, policy=Policy())
    assert text(nothing).startswith("? Nothing at http://api.example.com:3000 answered as a Socket.IO server does;")
    kept_out = samples.report(outcomes=samples.no_cors.outcomes)
    assert text(kept_out).startswith(f"✗ {PAGE} cannot connect")


def test_a_header_that_is_absent_and_one_that_is_empty() -> None:
    lines = text(samples.differing, 200).splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("  ✗  Access-Control-Allow-Credentials")] == [
        "(empty)"
    ]
    assert "  ✗  Access-Control-Allow-Origin  https://app.example.com  (absent)\n" in text(samples.no_cors)
    assert "  ✗  status  200     (no answer)\n" in text(samples.refused)


def test_code_is_printed_as_it_is_pasted() -> None:
    long = f'const origins = ["{"https://a.example.com, " * 20}"];'
    fix = Fix(
        stack="s", side="server", title="t", where="w", language="js", after=f"a {{\n\tb[0] = :x:;\n\n}}\n{long}\n"
    )
    finding = msgspec.structs.replace(NO_CORS, fixes=(fix,))
    printed = text(samples.report(ok=False, findings=(finding,)), 40)
    assert f"\n\n    a {{\n        b[0] = :x:;\n\n    }}\n    {long}\n\nProve it\n" in printed


def test_what_is_to_be_pasted_has_nothing_before_it_but_blanks() -> None:
    assert (
        "\n  instead of (or the like)\n    const io = new Server(httpServer);\n    io.listen(3000);\n  write\n"
        "    const io = new Server(httpServer, {\n      cors: {\n"
        '        origin: ["https://app.example.com"],\n      },\n    });\n    io.listen(3000);\n'
    ) in text(samples.no_cors, 40)


def test_the_proof_is_one_line_to_paste() -> None:
    printed = text(samples.no_cors, 40)
    assert f"\nProve it\n    {samples.no_cors.exchanges[0].curl}\n" in printed


def test_the_proof_within_a_session_opens_one_first() -> None:
    url = "http://api.example.com:3000/socket.io/?EIO=4&transport=polling"
    asked: dict[Purpose, Request] = {
        "handshake": Request(method="GET", url=url),
        "connect": Request(method="POST", url=f"{url}&sid=<sid 1>", body="40/nope,"),
        "poll": Request(method="GET", url=f"{url}&sid=<sid 1>"),
    }
    packet = Response(status=200, body='0{"sid":"<sid 1>","upgrades":[]}')
    exchanges = tuple(
        Exchange(id=number, purpose=purpose, request=request, response=packet, curl=curl(request))
        for number, (purpose, request) in enumerate(asked.items(), 1)
    )
    finding = msgspec.structs.replace(NO_CORS, exchanges=(3,))
    printed = text(samples.report(ok=False, findings=(finding,), exchanges=exchanges))
    assert printed.split("Prove it\n")[1].split("\n\n")[0].split("\n") == [
        f"""    SID=$(curl -s '{url}' | sed -n 's/.*"sid":"\\([^"]*\\)".*/\\1/p')""",
        f"""    curl -i '{url}&sid='"$SID" -H Content-Type: --data-raw 40/nope,""",
        f"""    curl -i '{url}&sid='"$SID\"""",
    ]


def test_the_proof_is_an_exchange_that_was_answered_where_there_is_one() -> None:
    failed = samples.refused.exchanges[0]
    answered = msgspec.structs.replace(samples.handshake(2, PAGE), curl="curl -i answered")
    finding = msgspec.structs.replace(NO_CORS, exchanges=(1, 2, 99))
    printed = text(samples.report(ok=False, findings=(finding,), exchanges=(failed, answered)))
    assert "Prove it\n    curl -i answered\n" in printed
    assert "Prove it\n    curl -i 'http://api.example.com:3000/" in text(samples.refused)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nobody", "no page of another origin"),
        ("fixed", "pages of one origin, https://only.example"),
        ("any", "any origin gets *"),
        ("reflect", "whoever asks gets their own origin back"),
        ("list", "the pages on a list"),
        ("refuses", "answered with an error"),
        ("unknown", "not known"),
    ],
)
def test_who_may_connect(kind: PolicyKind, said: str) -> None:
    printed = text(samples.report(outcomes=(), policy=Policy(kind=kind, allow_origin="https://only.example")))
    assert said in " ".join(printed.split("Who may connect\n")[1].split())
    assert "    sio-doctor check http://api.example.com:3000 --origin https://your.page\n" in printed


def test_an_open_packet_over_a_websocket_is_not_said_to_offer_no_upgrade() -> None:
    packet = msgspec.structs.replace(samples.OPEN, transport="websocket", upgrades=())
    assert "Handshake  Engine.IO 4, by WebSocket alone, ping 25 s" in text(samples.report(handshake=packet))


def test_the_policy_in_words() -> None:
    facts = dict(re.findall(r"^  (\w+(?: \w+)?) {2,}(.*)$", text(samples.no_origin), re.MULTILINE))
    assert facts == {
        "Credentials": "allowed",
        "Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
        "Request headers": "whatever is asked for",
        "Exposed headers": "x-request-id",
        "Preflight": "answered 204",
        "Remembered for": "600 s (Access-Control-Max-Age)",
        "Vary": "Origin, Access-Control-Request-Headers",
    }


def test_what_was_not_reached_is_not_described() -> None:
    printed = text(msgspec.structs.replace(samples.refused, outcomes=()))
    assert "Who may connect" not in printed
    assert "Handshake" not in printed
    assert "Server  " not in printed


def test_an_unheard_of_format_is_refused() -> None:
    with pytest.raises(KeyError):
        render(samples.healthy, "yaml")


def test_the_page_is_one_line_and_a_long_policy_is_cut() -> None:
    policy = ContentPolicy(source="meta", text="default-src " + "https://cdn.example.com " * 50)
    document = Document(url="https://app.example.com/?token=x", origin="https://app.example.com", csp=(policy,))
    said = words.page(document)
    assert said.startswith("https://app.example.com/, Content-Security-Policy: default-src https://cdn.example.com ")
    assert said.endswith(" …")
    assert len(said) < 300
    assert (
        words.page(msgspec.structs.replace(document, csp=())) == "https://app.example.com/, no Content-Security-Policy"
    )
    assert words.page(msgspec.structs.replace(document, reason="It was answered with status 404.")).endswith(
        ", not read"
    )


def test_a_changed_header_is_told_in_a_few_lines_however_long_it_is() -> None:
    changed = Difference(
        answer="handshake",
        header="Access-Control-" + "x" * 5000,
        change="added",
        directly=(),
        through=("y" * 60_000,),
        exchange=1,
    )
    [line] = words.changes([changed], " -> ")
    assert len(line) < 3 * words.LONGEST
    assert "… added: (absent) -> yyy" in line
