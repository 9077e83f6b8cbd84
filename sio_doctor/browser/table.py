"""Where each engine leaves the standards: one field for each deviation, one ``if`` beside the numbered step.

Measured on 2026-11-23 in Chromium 156.0.8078.79, Firefox 153.7.0esr and WebKitGTK 2.50.6 (tests/truth) unless the field
says otherwise.
"""

from __future__ import annotations

from typing import Literal

from sio_doctor.model import Model
from sio_doctor.standards import url as urls
from sio_doctor.standards.csp import Matching
from sio_doctor.standards.fetch import REDIRECT_STATUSES
from sio_doctor.standards.websocket import ExtensionReading

PreflightCheck = Literal["redirect", "cors", "status", "methods", "headers", "method", "header"]
RedirectCheck = Literal["limit", "location", "unloadable", "scheme", "credentials", "cors", "mixed-content"]


class Engine(Model, frozen=True, kw_only=True):
    """One browser engine, or a client that checks nothing. The defaults are the standards' ways."""

    name: Literal["chromium", "firefox", "webkit", "unchecked"]

    enforces: bool = True
    """False: asks as browsers do, and takes whatever answer comes. No browser; Node.js's XMLHttpRequest."""

    # XMLHttpRequest

    refused_headers: frozenset[str] = frozenset()
    """Names that setRequestHeader drops beyond the standard's. Chromium: user-agent; the others send it."""

    rewrites_every_charset: bool = False
    """Of a Content-Type that names several charsets, every one becomes UTF-8. Chromium."""

    header_charset: Literal["latin-1", "utf-8"] = "latin-1"
    """How header values go on the wire. WebKitGTK sends UTF-8."""

    safelists_ascii_alone: bool = False
    """A safelisted header whose value is not ASCII needs a preflight. Firefox (its IsCorsUnsafeRequestHeaderValue takes
    such bytes for negative)."""

    safelists_client_hints: bool = False
    """Save-Data, DPR, Width … set by script need no preflight when well-formed. Chromium (its cors.cc lists them)."""

    lenient_ranges: bool = False
    """``Range`` is safelisted with the unit in any case and a plus before a number, but not beyond 64 bits. WebKit."""

    # Before the network

    csp: Matching = Matching()
    """How source expressions of a Content-Security-Policy match. Measured on 2026-11-24, with 936 pairs of expression
    and URL in each. All look at a WebSocket's own URL, where the standard has it fetched by an http(s) one."""

    upgrade_exempts: Literal["loopback-target", "nothing"] = "nothing"
    """What ``upgrade-insecure-requests`` leaves as it is. Measured on 2026-11-24, as is the next."""

    websocket_upgrade_exempts: Literal["loopback-target", "loopback-page", "nothing"] = "nothing"
    """The same for WebSockets. Firefox: whatever a page on loopback opens (its WebSocket.cpp)."""

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
    """A preflight carries, and is checked against, the page's origin, even where the request's has become ``null``; at
    the page's own server it passes the CORS check unseen. Firefox."""

    preflight_remembers_headers: bool = False
    """Whether a preflight is needed, and what it lists, goes by the headers that the author set, less what the redirect
    to this very URL drops. Firefox (its LoadInfo keeps the list)."""

    preflight_lists_original_headers: bool = False
    """After a redirect a preflight lists the headers that the author set, even those that the redirect has dropped
    (Authorization, Content-Type). WebKit."""

    wildcard_covers_authorization: bool = True
    """``Access-Control-Allow-Headers: *`` allows Authorization: all three engines, against the standard."""

    # CORS check

    drops_empty_lines: bool = False
    """Of several lines of one header, the empty ones do not count; but they do where several are spelled
    ``Access-Control-Allow-Origin`` exactly. Firefox."""

    # HTTP-redirect fetch

    redirect_checks: tuple[RedirectCheck, ...] = ("limit", "location", "cors", "credentials", "scheme", "mixed-content")
    """In which order a redirect is judged."""

    unloadable_schemes: frozenset[str] = frozenset()
    """Schemes that no page may load from, so that a redirect there is refused before CORS is looked at. Firefox (its
    nsScriptSecurityManager's CheckLoadURIWithPrincipal, by protocol flags); WebKit: ftp alone."""

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

    reapplies_headers: bool = False
    """Content-Type is dropped by those redirects alone that would make a GET of the first method; the next has it back.
    Firefox (XMLHttpRequestMainThread sets the author's headers anew after every redirect)."""

    restores_headers: bool = False
    """Headers that one redirect dropped are back after the next, but for Authorization; where all is of the page's own
    origin, after a 307 or 308 alone. WebKitGTK."""

    keeps_origin: bool = False
    """A GET that a redirect has made of another method keeps its Origin, though it is for the page's own origin.
    WebKitGTK."""

    rechecks_redirects: bool = False
    """Where the first URL was of the page's own origin, the redirect of a foreign answer is checked once more, after
    the preflight for the next URL and as if the request had credentials. WebKit (its SubresourceLoader.cpp)."""

    # Cookies (tests/truth/cookies.json)

    lax_by_default: bool = True
    """A cookie without SameSite counts as Lax. Not in Firefox; WebKit takes no third-party cookie anyway."""

    sites_have_schemes: bool = True
    """An http page is of another site than the https server of the same name. In Chromium alone."""

    none_needs_secure: bool = True
    """A cookie with SameSite=None and without Secure is refused. Not in WebKit."""

    third_party_cookies: Literal["sent", "partitioned", "blocked"] = "sent"
    """Cookies of a server of another site than the page's: as SameSite says, only ``Partitioned`` ones, or none at all.
    Chrome's default is "sent", Debian's Chromium and a private window have "partitioned". Firefox keeps them apart for
    each page's site, which one page does not notice. WebKit blocks them all."""

    loopback_takes_secure_cookies: bool = True
    """``http://localhost``, names under it and 127.0.0.1 set and get Secure cookies. Chromium and Firefox, measured
    beside the corpus in the same versions; WebKit does not (its bug 218980), not measured."""

    # Where to

    localhost_first: Literal[4, 6] = 6
    """The family of loopback that is asked where both accept. All three resolve ``localhost`` themselves, to both, and
    fall back on the other one where one refuses. Measured on 2026-11-24; Firefox asks 127.0.0.1."""

    # On the wire

    normalizes_escapes: bool = False
    """``%7e`` is ``~`` and ``%c3`` is ``%C3``: what need not be escaped is not. WebKitGTK (GLib)."""

    http_0_9: Literal["never", "default-port", "always"] = "never"
    """Bytes that are no HTTP are the body of an HTTP/0.9 answer: status 200, no headers; not where it answers a PUT.
    Chromium on the scheme's default port, Firefox on any."""

    closing_answers_put: bool = False
    """A connection that is closed without a byte is an empty answer to a PUT. Firefox."""

    nul_fails: Literal["nowhere", "in values", "anywhere"] = "nowhere"
    """Where a NUL in a header spoils the whole answer. Firefox passes over a line that has one in its name.
    WebKitGTK: libsoup's soup-headers.c."""

    several_locations_fail: bool = False
    """Two different Location lines spoil the whole answer, whatever its status. Chromium and Firefox."""

    refuses_407: bool = False
    """A server that is no proxy may not answer 407. Chromium."""

    repeats_421: bool = False
    """A request that is answered 421 is sent once more. All three; in WebKitGTK 2.50.6 it is libsoup."""

    # WebSocket

    handshake_checks: tuple[str, ...] = ("status", "upgrade", "connection", "accept", "extension", "protocol")
    """In which order the parts of the answer to an opening handshake are judged. Chromium looks at the key before
    Connection (its websocket_basic_handshake_stream.cc); WebKitGTK (libsoup) looks at the key last."""

    handshake_separators: str = ","
    """What separates the members of Upgrade and Connection. Firefox: blanks too."""

    extensions: ExtensionReading = "strict"
    """How Sec-WebSocket-Extensions is read. Firefox: as one extension, whole, which does not count where it is empty.
    WebKitGTK (libsoup): what is empty does not count, permessage-deflate may come twice, a window may be ``+08`` or,
    the client's, missing."""

    ignored_handshake_faults: frozenset[str] = frozenset()
    """What is wrong with an opening handshake and does not matter. Firefox: two Upgrade lines, an unasked protocol."""

    last_accept_counts: bool = False
    """Of several Sec-WebSocket-Accept lines the last is looked at alone. WebKitGTK (libsoup)."""

    ports_before_mixed_content: bool = False
    """Of a WebSocket's URL the port is looked at first. WebKit."""

    accepts_masked_frames: bool = False
    """A masked frame from a server is read. Firefox."""


CHROMIUM = Engine(
    name="chromium",
    refused_headers=frozenset({"user-agent"}),
    rewrites_every_charset=True,
    safelists_client_hints=True,
    csp=Matching(websockets_cover_http=False, upgrades_default_ports_alone=True),
    upgrade_exempts="loopback-target",
    websocket_upgrade_exempts="loopback-target",
    private_is_mixed_content=False,
    bad_ports=urls.BAD_PORTS - {4190, 6679},
    empty_location="ignored",
    http_0_9="default-port",
    nul_fails="anywhere",
    several_locations_fail=True,
    refuses_407=True,
    repeats_421=True,
    handshake_checks=("status", "upgrade", "accept", "connection", "protocol", "extension"),
)

FIREFOX = Engine(
    name="firefox",
    safelists_ascii_alone=True,
    localhost_first=4,
    lax_by_default=False,
    sites_have_schemes=False,
    csp=Matching(websockets_cover_http=False),
    upgrade_exempts="loopback-target",
    websocket_upgrade_exempts="loopback-page",
    preflight_checks=("cors", "redirect", "status", "methods", "method", "headers", "header"),
    preflight_is_sticky=True,
    preflight_has_page_origin=True,
    preflight_remembers_headers=True,
    reapplies_headers=True,
    drops_empty_lines=True,
    redirect_checks=("limit", "location", "unloadable", "mixed-content", "cors", "scheme", "credentials"),
    unloadable_schemes=frozenset(
        {"chrome", "data", "file", "jar", "javascript", "moz-extension", "moz-icon", "resource", "view-source"}
        | {"ws", "wss"}
    ),
    http_0_9="always",
    closing_answers_put=True,
    nul_fails="in values",
    several_locations_fail=True,
    repeats_421=True,
    handshake_separators=", \t",
    extensions="one",
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
    redirect_checks=("unloadable", "cors", "location", "scheme", "credentials", "limit", "mixed-content"),
    unloadable_schemes=frozenset({"ftp"}),
    redirect_statuses=frozenset(range(300, 400)) - {300, 304, 305, 306},
    empty_location="fails",
    reads_utf_8_as_latin_1=True,
    delete_becomes_get=True,
    restores_headers=True,
    keeps_origin=True,
    rechecks_redirects=True,
    lax_by_default=False,
    sites_have_schemes=False,
    none_needs_secure=False,
    third_party_cookies="blocked",
    loopback_takes_secure_cookies=False,
    normalizes_escapes=True,
    nul_fails="anywhere",
    repeats_421=True,
    handshake_checks=("status", "upgrade", "connection", "protocol", "extension", "accept"),
    extensions="lenient",
    last_accept_counts=True,
    ports_before_mixed_content=True,
)

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (CHROMIUM, FIREFOX, WEBKIT)}

#: Asks exactly what Chromium would ask, refuses nothing.
UNCHECKED = Engine(
    name="unchecked",
    enforces=False,
    refused_headers=CHROMIUM.refused_headers,
    safelists_client_hints=CHROMIUM.safelists_client_hints,
    upgrade_exempts=CHROMIUM.upgrade_exempts,
    websocket_upgrade_exempts=CHROMIUM.websocket_upgrade_exempts,
    empty_location=CHROMIUM.empty_location,
)
