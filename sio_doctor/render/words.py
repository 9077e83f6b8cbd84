"""The report's facts in words, for the formats that people read. Plain text, as hostile as what it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sio_doctor.model import (
    Connection,
    Difference,
    Direct,
    Document,
    Exchange,
    Finding,
    Handshake,
    Held,
    NoResponse,
    Policy,
    Report,
    Server,
    Verdict,
)

BROWSERS = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}
TRANSPORTS = {"polling": "polling", "websocket": "WebSocket"}

WHO = {
    "nobody": "no page of another origin: no origin gets an Access-Control-Allow-Origin header",
    "fixed": "pages of one origin, {allow_origin}: whoever asks gets this same value",
    "any": "every page, but none that sends credentials: any origin gets *",
    "reflect": "every page: whoever asks gets their own origin back",
    "list": "the pages on a list: some origins get their own back, others get no header",
    "refuses": "not the pages that were tried: an unknown origin is answered with an error",
    "unknown": "not known: nothing that was seen tells",
}
ANSWERS = {
    "simulated-preflight": "preflight",
    "connect": "CONNECT",
    "websocket": "WebSocket",
}
#: Characters of a policy or a changed header in the terminal; the whole is in the JSON report.
LONGEST = 200

BLOCKED = {
    "network-error": "no answer",
    "websocket-handshake": "refused",
    "websocket-frame": "broken off",
}


def listing(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *most, last = list(names) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def browsers(names: Iterable[str]) -> str:
    """The browsers' names as people know them: ``Chromium, Firefox and Safari``."""
    return listing(BROWSERS[name] for name in names)


def count(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration(milliseconds: int) -> str:
    """``25 s``, ``1.5 s``, ``300 ms``."""
    return f"{milliseconds} ms" if abs(milliseconds) < 1000 else f"{milliseconds / 1000:g} s"


def size(octets: int) -> str:
    """``1 MB``, ``64 kB``, ``1500 bytes``: decimal, and never rounded."""
    for unit, name in ((1_000_000, "MB"), (1_000, "kB")):
        if octets >= unit and octets % unit == 0:
            return f"{octets // unit} {name}"
    return count(octets, "byte")


def page(document: Document) -> str:
    """The page that was read, in one line: where it is, and what its policies say, as far as a line holds."""
    where = document.url.partition("?")[0]
    if document.reason is not None:
        return f"{where}, not read"
    policies = [
        f"{policy.text.strip()}{'' if policy.enforced else ' (reported only)'}"
        f"{' (in a meta element)' if policy.source == 'meta' else ''}"
        for policy in document.csp
    ]
    said = " and ".join(policies)
    return f"{where}, Content-Security-Policy: {_short(said)}" if policies else f"{where}, no Content-Security-Policy"


def handshake(packet: Handshake) -> str:
    """The open packet in one line."""
    framing = {"v4": "", "v3": "", "v3-binary": " in binary framing"}[packet.framing]
    upgrades = listing(TRANSPORTS.get(name, name) for name in packet.upgrades)
    offered = f"{upgrades} upgrade" if packet.upgrades else "no upgrade"
    parts = [
        f"Engine.IO {packet.protocol}{framing}",
        offered if packet.transport == "polling" else "by WebSocket alone",
    ]
    if packet.ping_interval is not None:
        parts.append(f"ping {duration(packet.ping_interval)}")
    if packet.ping_timeout is not None:
        parts.append(f"timeout {duration(packet.ping_timeout)}")
    if packet.max_payload is not None:
        parts.append(f"payload {size(packet.max_payload)}")
    return ", ".join(parts)


def held(connections: Iterable[Held]) -> str:
    """What became of what was kept open: ``WebSocket 60 s, still open · polling cut after 10 s``."""
    parts = []
    for one in connections:
        name, seconds = TRANSPORTS[one.transport], f"{one.seconds:g} s"
        pings = f" ({count(one.pings, 'ping')})"
        parts.append(f"{name} cut after {seconds}" if one.ended else f"{name} {seconds}, still open{pings}")
    return "; ".join(parts)


def _short(text: str) -> str:
    return f"{text[:LONGEST]} …" if len(text) > LONGEST else text


def direct(behind: Direct) -> str:
    """What the server behind the proxy does, in one line."""
    if not behind.reachable:
        return f"{behind.url}: no answer from here"
    if behind.findings:
        return f"{behind.url}: {listing(behind.findings)}"
    connects = all(outcome.connects for outcome in behind.outcomes)
    return f"{behind.url}: {'connects' if behind.outcomes and connects else 'nothing to find fault with'}"


def changes(differences: Iterable[Difference], arrow: str) -> list[str]:
    """A sentence for each change, with the answers in which it shows."""
    alike: dict[tuple[object, ...], list[Difference]] = {}
    for one in differences:
        alike.setdefault((one.header, one.change, one.directly, one.through), []).append(one)
    said = []
    for group in alike.values():
        first = group[0]
        before, after = (
            found(_short(", ".join(lines)) if lines else None, True) for lines in (first.directly, first.through)
        )
        answers = listing(ANSWERS.get(one.answer, one.answer) for one in group)
        said.append(f"{_short(first.header)} {first.change}: {before}{arrow}{after} (in the answer to {answers})")
    return said


def server(who: Server) -> str:
    """Who answers, in one line; empty where nothing is known."""
    known = who.stack != "unknown"
    name = " ".join(filter(None, (who.stack, who.version))) if known else ""
    if not who.layers:
        return name
    return f"{name or 'not recognised,'} behind {listing(who.layers)}"


def policy(who: Policy) -> str:
    """Whom the server lets in, in words."""
    return WHO[who.kind].replace("{allow_origin}", who.allow_origin or "not known")


def allowed(verdict: Verdict) -> str:
    """What a browser decides, in a word or two."""
    if verdict.allowed is None:
        return "not asked" if verdict.code == "not-asked" else "not known"
    return "allowed" if verdict.allowed else BLOCKED.get(verdict.code, "blocked")


def over(connection: Connection) -> str:
    """Over which transports it connects: ``polling, then WebSocket``."""
    if connection.transport == "websocket" and connection.upgraded:
        return "polling, then WebSocket"
    return TRANSPORTS.get(connection.transport or "", "")


def connects(connection: Connection) -> str:
    """What socket.io-client does: connects over a transport, or what its ``connect_error`` says."""
    if connection.connects is None:
        return "by luck" if connection.by_luck else "not known"
    if not connection.connects:
        return connection.error or "does not connect"
    if connection.transport is None:
        return "connects"
    alone = " alone" if connection.transport == "polling" and connection.upgraded is False else ""
    return f"over {TRANSPORTS[connection.transport]}{alone}"


def confirmed(connection: Connection) -> str:
    """What a real browser did, in one sentence; empty where none was asked."""
    did = connection.confirmed
    if did is None:
        return ""
    how = f"connects over {TRANSPORTS[did.transport or 'polling']}" if did.connects else "does not connect"
    where = f"on a page of {connection.origin}"
    if did.agrees is None:
        return f"{did.browser} {how} {where}; nothing was predicted."
    if did.agrees:
        return f"{did.browser} did the same {where}: it {how}."
    return f"{did.browser} did otherwise {where}: {'; '.join(did.differences)}."


def is_healthy(report: Report) -> bool:
    """Whether every chosen origin connects everywhere; where none was chosen, whether a session could be had."""
    return (
        report.ok and all(outcome.connects for outcome in report.outcomes) and bool(report.outcomes or report.handshake)
    )


def healthy(report: Report) -> list[str]:
    """A sentence for each way in which the pages connect; for a report that ``is_healthy``."""
    if not report.outcomes:
        return [f"{report.target.url} answers as a Socket.IO server."]
    asked = {outcome.browser: None for outcome in report.outcomes}
    ways: dict[tuple[str, str], list[str]] = {}
    for outcome in report.outcomes:
        ways.setdefault((outcome.origin, over(outcome)), []).append(outcome.browser)
    by_way: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (origin, way), names in ways.items():
        by_way.setdefault((way, tuple(names)), []).append(origin)
    sentences = []
    for (way, kept), origins in by_way.items():
        how = f" ({way})" if way else ""
        where = browsers(kept if len(by_way) > 1 else asked)
        sentences.append(f"{report.target.url} lets {listing(origins)} connect{how}, in {where}.")
    return sentences


def unexplained(report: Report) -> tuple[str, list[str]]:
    """For a report that is not healthy and names no cause: ``error`` or ``unknown``, and a sentence for each origin."""
    if not report.outcomes:
        return "unknown", [
            f"Nothing at {report.target.url} answered as a Socket.IO server does; the cause is not known."
        ]
    kind: dict[str, bool | None] = {}
    for outcome in report.outcomes:
        if not outcome.connects:
            kind[outcome.origin] = False if outcome.connects is False else kind.get(outcome.origin)
    sentences = [
        f"{origin} cannot connect to {report.target.url}, and no known cause fits what the server answered."
        if failed is False
        else f"Whether {origin} can connect to {report.target.url} is not known."
        for origin, failed in kind.items()
    ]
    return ("error" if False in kind.values() else "unknown"), sentences


def anonymous(connection: Connection) -> tuple[str, ...]:
    """The lines of its console without what makes those of two pages differ: the origin, and the request's ``t``."""
    # Firefox's "(null)" is no origin.
    own = re.compile(rf"(?<![\w(]){re.escape(connection.origin)}(?![\w)])|(?<=[?&]t=)[^&'’\s]*[^&'’\s.]")
    return tuple(own.sub("", line) for line in connection.console)


def of_pages(origins: tuple[str, ...]) -> str:
    """Whose console it is that is shown, and whose reads like it."""
    first, *others = origins
    if not others:
        return f"of a page of {first}"
    whose = listing(others) if len(others) <= 2 else f"{len(others)} other pages"
    return f"of a page of {first}; it reads alike for {whose}"


def following(findings: Iterable[Finding]) -> str:
    """What comes once the cause is mended, as a sentence."""
    return f"Once that is mended, {listing(f'{one.code} {one.slug}' for one in findings)} would fail next (see below)."


def behind(finding: Finding, findings: Iterable[Finding]) -> str:
    """What hides it so far, as a sentence."""
    first = [one.code for one in findings if one.slug in finding.behind]
    return f"The page comes to this once {listing(first)} {'is' if len(first) == 1 else 'are'} mended."


def exchange(exchange: Exchange) -> str:
    """What was asked and what came: ``GET http://… answered 200 OK``."""
    asked = f"{exchange.request.method} {exchange.request.url}"
    if exchange.response is None:
        return f"{asked}: {exchange.answer.message}" if isinstance(exchange.answer, NoResponse) else asked
    return f"{asked} answered {exchange.response.status} {exchange.response.reason}".rstrip()


def found(value: str | None, answered: bool) -> str:
    """What a header was, where it may have been nothing."""
    if value is None:
        return "(absent)" if answered else "(no answer)"
    return value or "(empty)"


def policy_facts(who: Policy) -> list[tuple[str, str]]:
    """What else the answers allow, a name and a value each; what was not seen is left out."""
    facts: list[tuple[str, str | None]] = [
        ("Credentials", {True: "allowed", False: "not allowed", None: None}[who.credentials]),
        ("Methods", ", ".join(who.methods)),
        ("Request headers", "whatever is asked for" if who.reflects_headers else ", ".join(who.allowed_headers)),
        ("Exposed headers", ", ".join(who.exposed_headers)),
        ("Preflight", None if who.preflight_status is None else f"answered {who.preflight_status}"),
        ("Remembered for", None if who.max_age is None else f"{who.max_age} s (Access-Control-Max-Age)"),
        ("Vary", ", ".join(who.vary)),
    ]
    return [(name, value) for name, value in facts if value]


def summary(report: Report, separator: str = " · ") -> str:
    """The last line: ``1 error, 0 warnings · 14 requests · 0.31 s``."""
    by_severity = [finding.severity for finding in report.findings]
    counts = [count(by_severity.count("error"), "error"), count(by_severity.count("warning"), "warning")]
    if "info" in by_severity:
        counts.append(f"{by_severity.count('info')} info")
    parts = (", ".join(counts), count(report.vantage.requests, "request"), f"{report.seconds:.2f} s")
    return separator.join(parts)
