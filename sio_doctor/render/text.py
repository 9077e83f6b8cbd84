"""The report for a person in a terminal: the cause first, then what shows it, then the cure, then the proof."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from shlex import quote

from rich.console import Console
from rich.text import Text

from sio_doctor.model import Browser, Connection, Exchange, Finding, Fix, HeaderCheck, NetworkOptions, Report, Verdict
from sio_doctor.render import words
from sio_doctor.render.curl import curl, session
from sio_doctor.render.layout import BLANK, Block, Pen, console, fitted, grid, natural, show, total

STYLES = {"error": "red", "warning": "yellow", "info": "cyan", "ok": "green", "unknown": "yellow"}
MARKS = {"error": "✗", "warning": "!", "info": "i", "ok": "✓", "unknown": "?"}
ASCII_MARKS = {"error": "x", "warning": "!", "info": "i", "ok": "ok", "unknown": "?"}
#: What is said more often than this is in the JSON report.
MOST_REASONS = 6
#: The same of consoles: of so many pages that do not read alike.
MOST_PAGES = 3

Blocks = Iterator[Block]


def print_report(report: Report, to: Console, *, unicode: bool = True, fold: bool = False) -> None:
    """Prints the report. With ``fold`` even code and curl lines end at the console's edge."""
    show(to, _blocks(report, Pen(to.width, unicode)), fold=fold)


def render(report: Report, *, width: int = 80, color: bool = False, unicode: bool = True) -> str:
    """The report as text, ``width`` cells wide but for code and curl lines, which are as long as they must be."""
    stream = io.StringIO()
    print_report(report, console(stream, width=width, color=color), unicode=unicode)
    return stream.getvalue()


def _blocks(report: Report, pen: Pen) -> Blocks:
    by_id = {exchange.id: exchange for exchange in report.exchanges}
    cause = next((finding for finding in report.findings if finding.severity != "info"), None)
    yield from _headline(report, cause, pen)
    yield from _facts(report, pen)
    if not report.outcomes:
        yield from _policy(report, pen)
    elif cause or not report.ok or len({outcome.origin for outcome in report.outcomes}) > 1:
        yield from _outcomes(report, pen)
        yield from _console_lines(report, cause, pen)
    yield from _confirmed(report, pen)
    yield from _differences(report, pen)
    if cause:
        yield from _headers(cause.headers, by_id, pen)
        yield from _cures(cause.fixes, pen)
        yield from _next(cause, report.findings, pen)
        yield from _proof(cause, by_id, report.network, pen)
    for finding in report.findings:
        if finding is not cause:
            yield from [BLANK, *_finding(finding, pen)]
            if finding.behind:
                yield Block(pen(words.behind(finding, report.findings)), 2)
            if finding.severity == "info":  # worth a line, and not a screen
                yield from _named_cure(finding, pen)
                continue
            yield from _headers(finding.headers, by_id, pen)
            yield from _cures(finding.fixes, pen)
    if not report.outcomes:
        yield from _ask(report, pen)
    yield from _hints(report, pen)
    if report.notes:
        yield BLANK
        yield _pairs([[pen("Note", "dim"), pen(note, "dim")] for note in report.notes], 0, pen)
    yield from [BLANK, Block(pen(words.summary(report, " · " if pen.unicode else " | "), "dim"))]


def _mark(kind: str, pen: Pen) -> tuple[str, str]:
    return (MARKS if pen.unicode else ASCII_MARKS)[kind], STYLES[kind]


def _headline(report: Report, cause: Finding | None, pen: Pen) -> Blocks:
    if cause:
        yield from _finding(cause, pen)
        return
    kind, sentences = ("ok", words.healthy(report)) if words.is_healthy(report) else words.unexplained(report)
    mark, style = _mark(kind, pen)
    for sentence in sentences:
        yield Block(pen.join((mark, f"bold {style}"), (" ", ""), (sentence, style)))


def _finding(finding: Finding, pen: Pen) -> Blocks:
    mark, style = _mark(finding.severity, pen)
    name = (f" {finding.code} {finding.slug}: ", f"bold {style}")
    yield Block(pen.join((mark, f"bold {style}"), name, (finding.title, "bold")))
    for line in finding.message.split("\n"):
        yield Block(pen(line), 2)


def _facts(report: Report, pen: Pen) -> Blocks:
    facts = (
        ("Page", words.page(report.page) if report.page else ""),
        ("Server", words.server(report.server)),
        ("Handshake", words.handshake(report.handshake) if report.handshake else ""),
        ("Held", words.held(report.held)),
        ("Directly", words.direct(report.direct) if report.direct else ""),
    )
    if known := [[pen(name, "bold"), pen(value)] for name, value in facts if value]:
        yield from [BLANK, _pairs(known, 0, pen)]


def _pairs(rows: list[list[Text]], indent: int, pen: Pen) -> Block:
    """Names and what they stand for, in two columns."""
    return Block(grid(rows, widths=fitted(natural(rows), pen.width - indent, keep=(0,))), indent)


def _heading(text: str, pen: Pen) -> Blocks:
    yield from [BLANK, Block(pen(text, "bold"))]


# --- what the browsers do --------------------------------------------------------------------------------------------


def _outcomes(report: Report, pen: Pen) -> Blocks:
    yield from _heading("What the browser does", pen)
    asked = _asked(report.outcomes)
    rows = [[pen(group[0].origin), *_row(group, asked, pen)] for group in _groups(report.outcomes)]
    headings = [pen(name) for name in ("Origin", "Browser", "Polling", "WebSocket", "socket.io-client")]
    widths = natural([headings, *rows])
    if total(widths) <= pen.width - 2:
        yield Block(grid(rows, headings, widths=widths), 2)
    else:  # the origin gets a line of its own: an origin in pieces is hard to compare
        widths = fitted(widths[1:], pen.width - 4)
        for number, (origin, own) in enumerate(groupby(rows, key=lambda row: row[0])):
            yield Block(origin, 2, wide=True)
            yield Block(grid([row[1:] for row in own], () if number else headings[1:], widths=widths), 4)
    yield from _reasons(report.outcomes, asked, pen)


def _row(group: list[Connection], asked: list[Browser], pen: Pen) -> list[Text]:
    first = group[0]
    return [
        pen(_named([outcome.browser for outcome in group], asked) or "all"),
        _cell(first.polling.allowed, words.allowed(first.polling), pen),
        _cell(first.websocket.allowed, words.allowed(first.websocket), pen),
        _cell(first.connects, words.connects(first), pen),
    ]


def _groups(outcomes: Iterable[Connection]) -> list[list[Connection]]:
    """The outcomes that make one row: of one origin, alike in all that the row says."""
    rows: dict[tuple[str, ...], list[Connection]] = {}
    for outcome in outcomes:
        said = (words.allowed(outcome.polling), words.allowed(outcome.websocket), words.connects(outcome))
        rows.setdefault((outcome.origin, *said), []).append(outcome)
    return sorted(rows.values(), key=lambda group: [outcome.origin for outcome in outcomes].index(group[0].origin))


def _reasons(outcomes: Iterable[Connection], asked: list[Browser], pen: Pen) -> Blocks:
    """What keeps the pages out, or is not known, and in which browsers."""
    reasons: dict[tuple[str, str], list[Browser]] = {}
    for outcome in outcomes:
        said = [("polling", _reason(outcome.polling)), ("WebSocket", _reason(outcome.websocket))]
        if outcome.reason not in (outcome.polling.reason, outcome.websocket.reason):
            said.append(("socket.io-client", outcome.reason or ""))
        for key in said:
            if key[1] and outcome.browser not in reasons.setdefault(key, []):
                reasons[key].append(outcome.browser)
    for (what, reason), browsers in list(reasons.items())[:MOST_REASONS]:
        where = _named(browsers, asked)
        yield Block(pen(f"{where}, {what}: {reason}" if where else f"{what}: {reason}", "dim"), 2)
    if len(reasons) > MOST_REASONS:
        yield Block(pen(f"{len(reasons) - MOST_REASONS} more reasons are in the JSON report.", "dim"), 2)


def _reason(verdict: Verdict) -> str:
    if verdict.allowed or not verdict.reason:
        return ""
    return f"{verdict.reason} ({verdict.step})" if verdict.step else verdict.reason


def _asked(outcomes: Iterable[Connection]) -> list[Browser]:
    return list(dict.fromkeys(outcome.browser for outcome in outcomes))


def _named(browsers: list[Browser], asked: list[Browser]) -> str:
    """Their names; empty where they are all of several that were asked about."""
    return "" if len(asked) > 1 and set(browsers) == set(asked) else words.browsers(browsers)


def _cell(good: bool | None, text: str, pen: Pen) -> Text:
    mark, style = _mark({True: "ok", False: "error", None: "unknown"}[good], pen)
    return pen.join((mark, style), (f" {text}", ""))


def _console_lines(report: Report, cause: Finding | None, pen: Pen) -> Blocks:
    """What each browser prints; what reads alike is told once, of a page that the cause is about if there is one."""
    concerned = cause.origins if cause else ()
    printing = [outcome for outcome in report.outcomes if outcome.console]
    # Browser and lines without the page's origin -> the outcomes that print it.
    alike: dict[tuple[Browser, tuple[str, ...]], list[Connection]] = {}
    for outcome in sorted(printing, key=lambda outcome: outcome.origin not in concerned):
        alike.setdefault((outcome.browser, words.anonymous(outcome)), []).append(outcome)
    pages: dict[tuple[str, ...], dict[tuple[str, ...], list[Browser]]] = {}
    for outcomes in alike.values():
        page = pages.setdefault(tuple(outcome.origin for outcome in outcomes), {})
        page.setdefault(outcomes[0].console, []).append(outcomes[0].browser)
    if pages:
        yield from _heading("Console", pen)
    for origins, consoles in list(pages.items())[:MOST_PAGES]:
        if len({outcome.origin for outcome in report.outcomes}) > 1:
            yield Block(pen(words.of_pages(origins), "dim"), 2, wide=True)
        for lines, browsers in consoles.items():
            yield Block(pen(words.browsers(browsers)), 2)
            for line in lines:
                yield Block(pen(line, "dim"), 4, wide=True)
    if len(pages) > MOST_PAGES:
        yield Block(pen("What other pages print is in the JSON report.", "dim"), 2)


def _confirmed(report: Report, pen: Pen) -> Blocks:
    asked = [outcome for outcome in report.outcomes if outcome.confirmed is not None]
    if asked:
        yield from _heading("A real browser", pen)
    for outcome in asked:
        agrees = outcome.confirmed.agrees if outcome.confirmed else None
        yield Block(_cell(agrees, words.confirmed(outcome), pen), 2)


#: Changes of other headers are in the JSON report.
TOLD = ("status", "access-control-", "vary", "set-cookie", "location", "sec-websocket-")


def _differences(report: Report, pen: Pen) -> Blocks:
    """What the layer in between does to the answers."""
    told = [one for one in report.direct.differences if one.header.lower().startswith(TOLD)] if report.direct else []
    if not told:
        return
    yield from _heading("What the proxy changes", pen)
    for line in words.changes(told, " → " if pen.unicode else " -> "):
        yield Block(pen(line), 2)


# --- why, and what to do ---------------------------------------------------------------------------------------------


def _headers(checks: tuple[HeaderCheck, ...], by_id: dict[int, Exchange], pen: Pen) -> Blocks:
    if not checks:
        return
    yield from _heading("Header by header", pen)
    for number in dict.fromkeys(check.exchange for check in checks):
        exchange = by_id.get(number)
        if exchange:
            yield Block(pen(words.exchange(exchange), "dim"), 2, wide=True)
        answered = exchange is None or exchange.response is not None
        headings = [pen(name) for name in ("", "Header", "Needed", "Got")]
        rows = [
            [
                pen(*_mark("ok" if check.ok else "error", pen)),
                pen(check.header),
                pen(check.needed),
                pen(words.found(check.found, answered)),
            ]
            for check in checks
            if check.exchange == number
        ]
        # A header's name in one piece is what one searches for; its values may go on in the next line.
        widths = fitted(natural([headings, *rows]), pen.width - 2, keep=(0, 1))
        yield Block(grid(rows, headings, widths=widths), 2)


def _cures(fixes: tuple[Fix, ...], pen: Pen) -> Blocks:
    for fix in fixes:
        yield from [BLANK, Block(pen.join(("Cure: ", "bold green"), (fix.title, "bold")))]
        yield Block(pen(f"{fix.stack} ({fix.side}), {fix.where}", "dim"), 2)
        if fix.before is not None:
            yield Block(pen("instead of (or the like)", "dim"), 2)
            for line in pen.lines(fix.before.rstrip("\n"), "red"):
                yield Block(line, 4, verbatim=True)
            yield Block(pen("write", "dim"), 2)
        else:
            yield BLANK
        for line in pen.lines(fix.after.rstrip("\n"), "green" if fix.before is not None else ""):
            yield Block(line, 4, verbatim=True)


def _named_cure(finding: Finding, pen: Pen) -> Blocks:
    """Whose cure there is; its code is in the JSON report."""
    for fix in finding.fixes[:1]:
        yield Block(pen(f"Cure: {fix.title} ({fix.stack}; --json has it whole).", "dim"), 2)


def _next(cause: Finding, findings: Iterable[Finding], pen: Pen) -> Blocks:
    """What the page meets once the cause is mended."""
    if following := [finding for finding in findings if cause.slug in finding.behind]:
        yield from [BLANK, _pairs([[pen("Then", "bold"), pen(words.following(following))]], 0, pen)]


def _proof(finding: Finding, by_id: dict[int, Exchange], network: NetworkOptions, pen: Pen) -> Blocks:
    shown = [by_id[number] for number in finding.exchanges if number in by_id]
    if not shown:
        return
    best = next((exchange for exchange in shown if exchange.response is not None), shown[0])
    yield from _heading("Prove it", pen)
    for text in _lines(best, by_id.values(), network):
        for line in pen.lines(text):
            yield Block(line, 4, verbatim=True)


def _lines(proof: Exchange, exchanges: Iterable[Exchange], network: NetworkOptions) -> list[str]:
    """What to paste: the line of that exchange, and those before it that open its session and send CONNECT in it."""
    _, within, sid = proof.request.url.partition("&sid=")
    before: list[str] = []
    for exchange in exchanges if within else ():
        if exchange.response is not None and f'"sid":"{sid}"' in exchange.response.text and not before:
            before.append(session(exchange.request, verified=exchange.verified, network=network))
        if proof.purpose == "poll" and exchange.purpose == "connect" and exchange.request.url.endswith(f"&sid={sid}"):
            before.append(exchange.curl)
    return [*before, proof.curl or curl(proof.request, verified=proof.verified, network=network)]


def _hints(report: Report, pen: Pen) -> Blocks:
    """What cannot be seen from here: one short section, however many there are."""
    if report.hints:
        still = "If it still fails in the browser" if report.outcomes else "If the client is no browser"
        yield from _heading(still, pen)
        yield _pairs([[pen(hint.code, "dim"), pen(hint.message, "dim")] for hint in report.hints], 2, pen)


# --- no page in particular -------------------------------------------------------------------------------------------


def _policy(report: Report, pen: Pen) -> Blocks:
    if not report.handshake and report.policy.kind == "unknown":
        return
    yield from _heading("Who may connect", pen)
    yield Block(pen(words.policy(report.policy)), 2)
    if facts := [[pen(name, "dim"), pen(value)] for name, value in words.policy_facts(report.policy)]:
        yield _pairs(facts, 2, pen)
    yield Block(pen("This is about polling: CORS does not hold for a WebSocket.", "dim"), 2)


def _ask(report: Report, pen: Pen) -> Blocks:
    if not report.handshake:
        return
    yield from _heading("Ask about a page", pen)
    target = report.target
    options = f" --path {quote(target.path)}" if target.path != "/socket.io/" else ""
    options += f" --namespace {quote(target.namespace)}" if target.namespace != "/" else ""
    line = f"sio-doctor check {quote(target.url)}{options} --origin https://your.page"
    yield Block(pen(line), 4, verbatim=True)
