"""Where each engine leaves the standards: one field for each deviation, one ``if`` beside the numbered step.

Measured on 2026-11-23 in Chromium 156.0.8078.79, Firefox 153.7.0esr and WebKitGTK 2.50.6 (tests/truth) unless the field
says otherwise.
"""

from __future__ import annotations

from typing import Literal

from sio_doctor.model import Model
from sio_doctor.standards import url as urls
from sio_doctor.standards.fetch import REDIRECT_STATUSES

PreflightCheck = Literal["redirect", "cors", "status", "methods", "headers", "method", "header"]
RedirectCheck = Literal["ftp", "limit", "location", "scheme", "credentials", "cors", "mixed-content"]


class Engine(Model, frozen=True, kw_only=True):
    """One browser engine, or a client that checks nothing. The defaults are the standards' ways."""

    name: Literal["chromium", "firefox", "webkit", "unchecked"]

    enforces: bool = True
    """False: asks as browsers do, and takes whatever answer comes. No browser; Node.js's XMLHttpRequest."""

    # XMLHttpRequest

    refused_headers: frozenset[str] = frozenset()
    """Names that setRequestHeader drops beyond the standard's. Chromium: user-agent; the others send it."""

    header_charset: Literal["latin-1", "utf-8"] = "latin-1"
    """How header values go on the wire. WebKitGTK sends UTF-8."""

    safelists_client_hints: bool = False
    """Save-Data, DPR, Width … set by script need no preflight when well-formed. Chromium (its cors.cc lists them)."""

    lenient_ranges: bool = False
    """``Range`` is safelisted with the unit in any case and a plus before a number, but not beyond 64 bits. WebKit."""

    # Before the network

    loopback_is_mixed_content: bool = False
    """``http://localhost`` and ``http://127.0.0.1`` are mixed content on https pages. WebKit, its bug 171934."""

    private_is_mixed_content: bool = True
    """So are private addresses and ``.local`` names by http. Not in Chromium, since 142 (WebSocket: 147): it warns, and
    Local Network Access asks the person instead. Measured in 156 on 2026-11-23, after the corpus, which has none."""

    bad_ports: frozenset[int] = urls.BAD_PORTS
    """Chromium opens 4190 and 6679."""

    # CORS-preflight fetch

    preflight_checks: tuple[PreflightCheck, ...] = (
        "redirect",
        "cors",
        "status",
        "methods",
        "headers",
        "method",
        "header",
    )
    """In which order a preflight's answer is judged: the first that fails is what the console tells. The verdict does
    not depend on it."""

    preflight_is_sticky: bool = False
    """A request that was preflighted once is preflighted after every redirect, needed or not. Firefox and WebKit."""

    preflight_has_page_origin: bool = False
    """A preflight carries, and is checked against, the page's origin, even where the request's has become ``null``.
    Firefox."""

    preflight_lists_original_headers: bool = False
    """After a redirect a preflight lists the headers that the author set, even those that the redirect has dropped
    (Authorization, Content-Type). WebKit."""

    wildcard_covers_authorization: bool = True
    """``Access-Control-Allow-Headers: *`` allows Authorization: all three engines, against the standard."""

    # CORS check

    counts_canonical_names: bool = False
    """Only lines spelled ``Access-Control-Allow-Origin`` exactly count as several. Firefox's console alone."""

    # HTTP-redirect fetch

    redirect_checks: tuple[RedirectCheck, ...] = ("limit", "location", "cors", "credentials", "scheme", "mixed-content")
    """In which order a redirect is judged."""

    redirect_statuses: frozenset[int] = REDIRECT_STATUSES
    """What is a redirect where there is a Location. WebKitGTK: every 3xx but four (its NetworkDataTaskSoup.cpp)."""

    empty_location: Literal["ignored", "followed", "fails"] = "followed"
    """A redirect status with an empty Location. Chromium reads the answer itself; Firefox goes round to its limit, as
    the standard says; WebKitGTK gives up without a line."""

    reads_utf_8_as_latin_1: bool = False
    """What is not ASCII in a Location is encoded twice. WebKitGTK; its console shows such headers so, too."""

    delete_becomes_get: bool = False
    """A DELETE that is redirected to another origin becomes a GET, whatever the status, and keeps its Content-Type.
    WebKitGTK (libsoup)."""

    restores_headers: bool = False
    """Headers that one redirect dropped are back after the next, but for Authorization; where all is of the page's own
    origin, after a 307 or 308 alone. WebKitGTK."""

    keeps_origin: bool = False
    """A GET that a redirect has made of another method keeps its Origin, though it is for the page's own origin.
    WebKitGTK."""

    rechecks_redirects: bool = False
    """Where the first URL was of the page's own origin, the redirect of a foreign answer is checked once more, after
    the preflight for the next URL and as if the request had credentials. WebKit (its SubresourceLoader.cpp)."""

    # On the wire

    http_0_9: Literal["never", "default-port", "always"] = "never"
    """Bytes that are no HTTP are the body of an HTTP/0.9 answer: status 200, no headers. Chromium on the scheme's
    default port, Firefox on any."""

    normalizes_escapes: bool = False
    """On the wire ``%7e`` is ``~`` and ``%c3`` is ``%C3``: what need not be escaped is not. WebKitGTK (GLib)."""

    refuses_nul: bool = False
    """A NUL in a header of the answer makes it no HTTP. WebKitGTK (libsoup's soup-headers.c)."""

    repeats_misdirected: bool = False
    """A request that is answered 421 is sent once more. WebKitGTK 2.50.6 (libsoup)."""

    # WebSocket

    handshake_checks: tuple[str, ...] = ("status", "upgrade", "connection", "accept", "extension", "protocol")
    """In which order the parts of the answer to an opening handshake are judged. Chromium looks at the key before
    Connection (its websocket_basic_handshake_stream.cc); WebKitGTK (libsoup) looks at the key last."""

    ignored_handshake_faults: frozenset[str] = frozenset()
    """What is wrong with an opening handshake and does not matter. Firefox: two Upgrade lines, an unasked protocol."""

    last_accept_counts: bool = False
    """Of several Sec-WebSocket-Accept lines the last is looked at alone. WebKitGTK (libsoup)."""

    checks_deflate: bool = False
    """The parameters of permessage-deflate are looked at. Measured in WebKitGTK (libsoup) alone."""

    refuses_websocket_fragment: bool = False
    """A URL with a fragment makes the constructor throw, as the standard had it until 2023. WebKit 2.50.6."""

    ports_before_mixed_content: bool = False
    """Of a WebSocket's URL the port is looked at first. WebKit."""

    accepts_masked_frames: bool = False
    """A masked frame from a server is read. Firefox."""


CHROMIUM = Engine(
    name="chromium",
    refused_headers=frozenset({"user-agent"}),
    safelists_client_hints=True,
    private_is_mixed_content=False,
    bad_ports=urls.BAD_PORTS - {4190, 6679},
    empty_location="ignored",
    http_0_9="default-port",
    handshake_checks=("status", "upgrade", "accept", "connection", "protocol", "extension"),
)

FIREFOX = Engine(
    name="firefox",
    preflight_checks=("cors", "redirect", "status", "methods", "method", "headers", "header"),
    preflight_is_sticky=True,
    preflight_has_page_origin=True,
    counts_canonical_names=True,
    redirect_checks=("limit", "location", "mixed-content", "cors", "credentials", "scheme"),
    http_0_9="always",
    ignored_handshake_faults=frozenset({"upgrade-multiple", "protocol"}),
    accepts_masked_frames=True,
)

WEBKIT = Engine(
    name="webkit",
    header_charset="utf-8",
    lenient_ranges=True,
    loopback_is_mixed_content=True,
    preflight_checks=("status", "cors", "methods", "headers", "method", "header"),
    preflight_is_sticky=True,
    preflight_lists_original_headers=True,
    redirect_checks=("ftp", "cors", "location", "scheme", "credentials", "limit", "mixed-content"),
    redirect_statuses=frozenset(range(300, 400)) - {300, 304, 305, 306},
    empty_location="fails",
    reads_utf_8_as_latin_1=True,
    delete_becomes_get=True,
    restores_headers=True,
    keeps_origin=True,
    rechecks_redirects=True,
    normalizes_escapes=True,
    refuses_nul=True,
    repeats_misdirected=True,
    handshake_checks=("status", "upgrade", "connection", "protocol", "extension", "accept"),
    last_accept_counts=True,
    checks_deflate=True,
    refuses_websocket_fragment=True,
    ports_before_mixed_content=True,
)

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (CHROMIUM, FIREFOX, WEBKIT)}

#: Asks exactly what Chromium would ask, refuses nothing.
UNCHECKED = Engine(
    name="unchecked",
    enforces=False,
    refused_headers=CHROMIUM.refused_headers,
    safelists_client_hints=CHROMIUM.safelists_client_hints,
    empty_location=CHROMIUM.empty_location,
)
