"""The ``check`` that asks the server what a line of the console is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from sio_doctor.intake.console import ConsoleLine
from sio_doctor.standards import url as urls

#: What engine.io-client puts into the query itself; the rest is the application's.
_PROTOCOL_KEYS = frozenset({"EIO", "transport", "t", "sid", "b64", "j"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: Stands for the name of a header that the line does not have.
_SOME_HEADER = "your-header"


class Command(NamedTuple):
    """What to run, and what one should know about it."""

    arguments: tuple[str, ...]
    """As the shell takes them apart, ``sio-doctor`` first; empty where no line has a URL."""
    notes: tuple[str, ...] = ()


def check_command(lines: Sequence[ConsoleLine]) -> Command:
    """The ``check`` for what those lines are about: the first of them that names a server, with what they tell of the
    page, the client's version, its transports, credentials and headers.
    """
    asked = next(((line, url) for line in lines if (url := _url(line.redirected_from or line.url))), None)
    if asked is None:
        return Command(())
    line, url = asked
    same = [other for other in lines if _same_server(other, url)]
    notes: list[str] = []
    page = next((origin for other in same if (origin := _origin(other))), None)
    arguments = ["sio-doctor", "check", _server(url)]
    arguments += ["--origin", page] if page else []
    arguments += _options(line, url, notes)
    arguments += _client(same, line.query("EIO") == "3", notes)
    if any(other.code == "content-security-policy" for other in same):
        notes.append("The policy is the page's own: add --page with the page's URL, and the check reads it there.")
    elif page is None:
        notes.append("The line does not name the page: add --origin with the page's address.")
    return Command(tuple(arguments), tuple(dict.fromkeys(notes)))


def _url(text: str | None) -> urls.Url | None:
    try:
        url = urls.parse(text or "")
    except ValueError:
        return None
    return url if url.host and url.scheme in ("http", "https", "ws", "wss") else None


def _server(url: urls.Url) -> str:
    scheme = {"ws": "http", "wss": "https"}.get(url.scheme, url.scheme)
    return urls.origin_of(urls.Url(scheme=scheme, host=url.host, port=url.port))


def _same_server(line: ConsoleLine, url: urls.Url) -> bool:
    """The line is about that server, or names none."""
    other = _url(line.redirected_from or line.url)
    return other is None or _server(other) == _server(url)


def _origin(line: ConsoleLine) -> str | None:
    """The page's origin, as far as the line has it."""
    if line.origin == "null":
        return "null"
    origin = urls.origin_of(line.origin or line.page or "")
    return None if origin == "null" else origin


def _options(line: ConsoleLine, url: urls.Url, notes: list[str]) -> list[str]:
    """What the URL tells: the path, the application's query, the version and a transport that is alone."""
    pairs = parse_qsl(url.query or "", keep_blank_values=True)
    keys = {key for key, _ in pairs}
    if url.path.startswith("/socket.io/1/"):
        notes.append("The page has socket.io-client 0.9, which speaks a protocol of its own: no server takes it today.")
        return []
    if not keys & {"EIO", "transport"}:
        if url.path not in ("", "/"):
            notes.append(
                "The URL is none of Socket.IO's (it has no EIO and no transport): the line is about another request. "
                "The check asks for the server's /socket.io/."
            )
        return []
    options = [] if url.path.rstrip("/") == "/socket.io" or "://" in url.path else ["--path", url.path]
    for key, value in pairs:
        if key in _PROTOCOL_KEYS:
            continue
        if key and f"{key}{value}".isprintable():
            options += ["--query", f"{key}={value}"]
        else:
            notes.append("A parameter of the URL that has no name or that nobody can type is left out.")
    if line.query("EIO") == "3":
        options += ["--client", "2"]
    if "sid" not in keys and ("transport", "websocket") in pairs:
        options += ["--transports", "websocket"]
    return options


def _client(lines: Iterable[ConsoleLine], version_2: bool, notes: list[str]) -> list[str]:
    """What the lines tell of the client's credentials and headers."""
    lines = list(lines)
    codes = {line.code for line in lines}
    # socket.io-client 2 sends credentials unless told not to.
    options = ["--with-credentials"] if codes & {"allow-origin-wildcard", "allow-credentials"} and not version_2 else []
    names = [line.name for line in lines if line.code == "header-not-allowed" and _TOKEN.fullmatch(line.name or "")]
    if not names and any(line.stage and line.code != "method-not-allowed" for line in lines):
        names = [_SOME_HEADER]
        notes.append(
            f"A preflight means that the page adds a header, and the line does not say which: put its name (one of the "
            f"client's extraHeaders) for {_SOME_HEADER}."
        )
    elif names:
        notes.append("The header's value does not matter for the preflight; put its own to get further than that.")
    for name in dict.fromkeys(names):
        options += ["-H", f"{name}: value"]
    return options
