"""From a line of the console back to what it says: ``read_console``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sio_doctor.intake import chromium, client, firefox, webkit
from sio_doctor.intake.net_errors import NET_ERRORS
from sio_doctor.intake.pasted import whole_lines
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
            # A server's log has a path alone.
            return "websocket" if self.url.startswith("ws") or "transport=websocket" in self.url else "polling"
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
    _Table("server", client.SERVER, client.FIELDS),
    _Table("webkit", webkit.WORDINGS, webkit.FIELDS),
    _Table("client", client.CLIENT, client.FIELDS),
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
#: Servers' logs of what was asked: ``"GET /socket.io/?EIO=4&… HTTP/1.1" 400 Bad Request``, morgan's without quotes.
_LOGGED = re.compile(
    r"\b(?P<method>GET|POST|OPTIONS) (?P<url>/\S*[?&](?:EIO|transport)=[^\s\"]*)(?: HTTP/[\d.]+\"?)? "
    r"(?P<status>[345]\d\d)\b"
)
#: express's answer to what it has no route for, which is a 404.
_NO_ROUTE = re.compile(r"\bCannot (?P<method>GET|POST|OPTIONS) (?P<url>/\S*)")
#: Of an error that socket.io-client's user has printed whole.
_DESCRIPTION = re.compile(r"^\W*description: (?P<status>[1-5]\d\d)\b")
#: uvicorn's: ``127.0.0.1:5 - "WebSocket /socket.io/?EIO=4&…" 403``.
_UVICORN = re.compile(r'"WebSocket (?P<url>/\S*)" (?:\[?rejected\]? ?)?(?P<status>[1-5]\d\d)\b')
#: A URL of Engine.IO's that stands anywhere in a line; and one without a scheme, as Chromium's console has it for the
#: place of a line: ``localhost:3000/socket.io/?EIO=4&transport=polling&t=x:1 Failed to load resource: …``.
_ANY_URL = re.compile(r"(?:https?|wss?)://[^\s'\"<>]+[?&](?:EIO|transport)=[^\s'\"<>]*")
_PLACED_URL = re.compile(
    r"(?:^|\s)(?P<url>(?:https?://)?[\w-][\w.-]*(?::\d+)?/\S*[?&](?:EIO|transport)=\S*?):\d+(?=\s)"
)
#: Who says it, before what socket.io-client says.
_SAYS = re.compile(
    r"^.*(?:connect_error|connect error|disconnect(?:ed)?|error|TransportError|reason|due to|message)\W+",
    re.IGNORECASE,
)
_AROUND = " .,'\"()[]{}"
#: A call stack below an error, and the place in a script before one.
_STACK = re.compile(
    r"(?:at |@ ?|\(anonymous\)|\.{3}|Promise\.|async |setTimeout)|.* @ \S+:\d+$|\W*$|\S+:\d+(?::\d+)?$"
    r"|(?:description|context|type): "
)


def read_console(text: str) -> tuple[ConsoleLine | Unread, ...]:
    """What each line of ``text`` says, in order. Blank lines and call stacks are left out; a line that was broken where
    a window ended is put together again. At most ``MOST_LINES`` lines of ``LONGEST`` characters are looked at.
    """
    return tuple(_read(whole_lines(text, LONGEST, MOST_LINES, _vague)))


def _read(lines: Iterable[str]) -> Iterator[ConsoleLine | Unread]:
    for line in lines:
        if read := _line(line):
            yield read
        elif not _STACK.match(line):
            yield Unread(text=line, nearest=_nearest(line))


def _vague(line: str) -> bool:
    """It is a frame without its reason; half a reason can look like one in another language."""
    read = _line(line)
    return (
        read is None
        or read.localized
        or read.code == "cors"
        or (read.code == "websocket-handshake" and line.endswith("failed:"))
    )


def _line(line: str) -> ConsoleLine | None:
    """What that line says; None where it is not recognised."""
    plain = line.translate(_PLAIN)
    single = plain.translate(_SINGLE)
    read = _of_tables(line, plain, single)
    if '"' in plain and (read is None or read.code == "cors"):  # somebody's tool has turned the quotes
        read = _of_tables(line, single, single) or read
    if read is not None:
        return read
    if found := _REQUEST.search(plain):
        return _told(line, "chromium", "bad-status", found.groupdict())
    if found := _UVICORN.search(plain):
        return _told(line, "server", "websocket-handshake", {"status": found["status"]})
    if found := _LOGGED.search(plain):
        code: Code = "websocket-handshake" if "transport=websocket" in found["url"] else "bad-status"
        return _told(line, "server", code, found.groupdict())
    if found := _NO_ROUTE.search(plain):
        return _told(line, "server", "bad-status", {**found.groupdict(), "status": "404"})
    if found := _DESCRIPTION.search(plain):
        return _told(line, "client", "bad-status", found.groupdict())
    if localized := firefox.localized(single):
        return _told(line, "firefox", *localized, localized=True)
    return None


def _of_tables(line: str, plain: str, single: str) -> ConsoleLine | None:
    for table in _TABLES:
        # Firefox has typographic single quotes, which people's tools turn into either.
        text = single if table.source == "firefox" else plain
        wording = _known(table, text.lower())
        if wording is not None:
            return _told(line, table.source, wording.code, _fields(table.fields, text))
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
    for name in ("url", "redirected_from"):
        if value := found.get(name):  # broken where a window ended
            found[name] = re.sub(r"\s+", "", value)
    if "url" not in found and (url := _any_url(text)):
        found["url"] = url
    return found


def _any_url(text: str) -> str | None:
    if placed := _PLACED_URL.search(text):
        url = placed["url"]
        if "://" in url:
            return url
        # It goes without saying which: with a port of its own it is a server that is being written.
        host = url.partition("/")[0]
        return f"{'http' if ':' in host or host == 'localhost' else 'https'}://{url}"
    anywhere = _ANY_URL.search(text)
    return anywhere[0].rstrip(".,;:)") if anywhere else None


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
