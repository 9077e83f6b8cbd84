"""From a line of the console back to what it says: ``read_console``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sio_doctor.intake import chromium, client, firefox, webkit
from sio_doctor.intake.net_errors import NET_ERRORS
from sio_doctor.intake.wording import Code, Source, Wording
from sio_doctor.model import Model

#: Longer lines are read as far as this, in characters; of more lines only the first ones.
LONGEST, MOST_LINES = 2_000, 100
#: How alike an unknown line must be to a known one to be called near, how much of it is compared, and with how many.
NEAR, COMPARED, CANDIDATES = 0.6, 300, 8


class ConsoleLine(Model, frozen=True, kw_only=True):
    """What one line says. What it does not say is None."""

    text: str
    """The line, as it was given."""
    source: Source
    """Whose line it is. Some lines are the same in Chromium and Safari: then Chromium's."""
    code: Code
    stage: Literal["preflight"] | None = None
    url: str | None = None
    """What was asked for, as far as the line names it: with a redirect, where it ended."""
    redirected_from: str | None = None
    """What was asked for first."""
    origin: str | None = None
    """The page's, serialised; of a line that names the page's URL, its origin is not taken here."""
    page: str | None = None
    """The page's URL."""
    method: str | None = None
    status: int | None = None
    name: str | None = None
    """The request header, or the method, that was refused."""
    value: str | None = None
    """The value that the response header had."""
    net_error: str | None = None
    """Chromium's name for why no answer came, without ``net::``."""
    localized: bool = False
    """It is in another language than English, and was read by its URL, header names and status."""

    @property
    def transport(self) -> Literal["polling", "websocket"]:
        """What it was about, by its URL or else by what it says."""
        if self.url is not None:
            return "websocket" if self.url.startswith("ws") else "polling"
        return "websocket" if self.code.startswith("websocket") else "polling"

    def query(self, name: str) -> str | None:
        """That parameter of the URL that was asked for first; None where it has none."""
        try:
            return parse_qs(urlsplit(self.redirected_from or self.url or "").query).get(name, [None])[0]
        except ValueError:
            return None


class Unread(Model, frozen=True, kw_only=True):
    """A line that is not recognised."""

    text: str
    nearest: str | None = None
    """The known line that is most like it, if any is; ``U`` stands for a URL, ``O`` for an origin."""


class _Table(NamedTuple):
    source: Source
    wordings: tuple[Wording, ...]
    fields: tuple[str, ...]


#: In the order of asking: what is most exact first, frames without a known text last.
_TABLES = (
    _Table("chromium", chromium.WORDINGS, chromium.FIELDS),
    _Table("firefox", firefox.WORDINGS, firefox.FIELDS),
    _Table("webkit", webkit.WORDINGS, webkit.FIELDS),
    _Table("server", client.SERVER, client.FIELDS),
    _Table("client", client.CLIENT, ()),
    _Table("webkit", webkit.FRAMES, webkit.FIELDS),
    _Table("firefox", firefox.FRAMES, firefox.FIELDS),
    _Table("chromium", chromium.FRAMES, chromium.FIELDS),
)

_PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "\xa0": " ", "\u202f": " "}
)
_SINGLE = str.maketrans({'"': "'"})
#: Of Chromium's and Firefox's request lines: ``GET http://… 502 (Bad Gateway)``, ``GET http://… [HTTP/1.1 502 …``.
_REQUEST = re.compile(
    r"(?:\b|XHR)(?P<method>GET|POST|OPTIONS) ?(?P<url>https?://\S+)\s+(?:\[?HTTP/[\d.]+ )?(?P<status>[1-5]\d\d)\b"
)
#: uvicorn's: ``127.0.0.1:5 - "WebSocket /socket.io/?EIO=4&…" 403``.
_UVICORN = re.compile(r'"WebSocket (?P<url>/\S*)" (?:\[?rejected\]? ?)?(?P<status>[1-5]\d\d)\b')
#: Who says it, before what socket.io-client says.
_SAYS = re.compile(
    r"^.*(?:connect_error|connect error|disconnect(?:ed)?|error|TransportError|reason|due to|message)\W+",
    re.IGNORECASE,
)
_AROUND = " .,'\"()[]{}"
#: A call stack below an error, and the place in a script before one.
_STACK = re.compile(r"(?:at |@ ?|\(anonymous\)|\.{3}|Promise\.|async |setTimeout)|.* @ \S+:\d+$|\W*$|\S+:\d+(?::\d+)?$")
_PLACE = re.compile(
    r"^(?:\S{1,200}\.(?:m?js|ts|html|vue|jsx|tsx)\S{0,50}?(?::\d+){1,2}|\(index\)(?::\d+)?|\[[A-Z]+\]) +"
)
#: Lines that go on in the next one when they were copied out of a window with an edge.
_GOES_ON = re.compile(
    r"^(?:Access to |Cross-Origin Request |WebSocket connection to |Mixed Content: |XMLHttpRequest cannot load )"
)
_BEGINS = re.compile(
    _GOES_ON.pattern + r"|^(?:Failed to load|Firefox can|Origin |connect_error|(?:XHR)?(?:GET|POST|OPTIONS) ?http)"
)


def read_console(text: str) -> tuple[ConsoleLine | Unread, ...]:
    """What each line of ``text`` says, in order. Blank lines and call stacks are left out; a line that was broken where
    a window ended is put together again. At most ``MOST_LINES`` lines of ``LONGEST`` characters are looked at.
    """
    return tuple(_read(_joined([line.strip()[:LONGEST] for line in text.splitlines()[:MOST_LINES]])))


def _read(lines: Iterable[str]) -> Iterator[ConsoleLine | Unread]:
    for line in lines:
        if read := _line(line):
            yield read
        elif not _STACK.match(line):
            yield Unread(text=line, nearest=_nearest(line))


def _joined(lines: list[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        line = _PLACE.sub("", lines[at])
        took = 1
        if _GOES_ON.match(line) and _vague(line):
            for more in range(2, 6):
                if any(_BEGINS.match(_PLACE.sub("", rest)) for rest in lines[at + 1 : at + more]):
                    break
                whole = " ".join([line, *lines[at + 1 : at + more]])
                if not _vague(whole):
                    line, took = whole, more
                    break
        yield line
        at += took


def _vague(line: str) -> bool:
    """It is a frame without its reason."""
    read = _line(line)
    return read is None or read.code == "cors" or (read.code == "websocket-handshake" and line.endswith("failed:"))


def _line(line: str) -> ConsoleLine | None:
    """What that line says; None where it is not recognised."""
    plain = line.translate(_PLAIN)
    single = plain.translate(_SINGLE)
    for table in _TABLES:
        # Firefox has typographic single quotes, which people's tools turn into either.
        text = single if table.source == "firefox" else plain
        wording = _known(table, text.lower())
        if wording is not None:
            return _told(line, table.source, wording.code, _fields(table.fields, text))
    if found := _REQUEST.search(plain):
        return _told(line, "chromium", "bad-status", found.groupdict())
    if found := _UVICORN.search(plain):
        return _told(line, "server", "websocket-handshake", {"status": found["status"]})
    if read := firefox.localized(single):
        return _told(line, "firefox", *read, localized=True)
    return None


def _known(table: _Table, text: str) -> Wording | None:
    for wording in table.wordings:
        phrase = wording.phrase.lower()
        if phrase in client.WHOLE:
            if _SAYS.sub("", text.strip(_AROUND)) == phrase:
                return wording
        elif phrase in text:
            return wording
    return None


def _fields(patterns: Iterable[str], text: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for pattern in patterns:
        if match := re.search(pattern, text):
            found = {name: value for name, value in match.groupdict().items() if value is not None} | found
    return found


def _told(
    line: str, source: Source, code: Code, fields: dict[str, str | None] | dict[str, str], *, localized: bool = False
) -> ConsoleLine:
    net_error = fields.get("net_error")
    if code == "failed" and net_error:
        code = NET_ERRORS.get(net_error, "network-error")
    status = int(fields["status"] or 0) if fields.get("status") else None
    if code == "preflight-status" and status is not None and 300 <= status < 400:
        code = "preflight-redirect"
    # Until 2017 Chromium had WebKit's words for some, in a frame of its own.
    if source == "webkit" and "cannot load" in line and code != "access-control-checks":
        source = "chromium"
    return ConsoleLine(
        text=line,
        source=source,
        code=code,
        stage="preflight" if fields.get("stage") or fields.get("method") == "OPTIONS" or code in _PREFLIGHT else None,
        url=fields.get("url"),
        redirected_from=fields.get("redirected_from"),
        origin=fields.get("origin"),
        page=fields.get("page"),
        method=fields.get("method"),
        status=status,
        name=fields.get("name"),
        value=fields.get("value"),
        net_error=net_error,
        localized=localized,
    )


_PREFLIGHT = frozenset(
    {
        "preflight-status", "preflight-redirect", "allow-methods-invalid", "allow-headers-invalid",
        "method-not-allowed", "header-not-allowed",
    }
)  # fmt: skip


def _nearest(line: str) -> str | None:
    """The known line that is most like it, if any is. Those with the most words in common are compared in full."""
    asked = _bare(line)
    words = set(asked.split())
    examples = {wording.example: _bare(wording.example) for table in _TABLES for wording in table.wordings}
    likely = sorted(examples.items(), key=lambda item: len(words & set(item[1].split())), reverse=True)[:CANDIDATES]
    matcher = SequenceMatcher(b=asked, autojunk=False)
    best, nearest = NEAR, None
    for example, bare in likely:
        matcher.set_seq1(bare)
        if (ratio := matcher.ratio()) > best:
            best, nearest = ratio, example
    return nearest


def _bare(line: str) -> str:
    """The line without what varies: quotes, URLs, case."""
    text = re.sub(r"\w+://[^\s'\"]+", "u", line.translate(_PLAIN).translate(_SINGLE).lower())
    return text[:COMPARED]
