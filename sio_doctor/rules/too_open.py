"""The page is let in, and so are pages that nobody meant: warnings and infos, which keep nobody out."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import FOREIGN, Exchange
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import (
    ALLOW_CREDENTIALS,
    ALLOW_ORIGIN,
    OPTION_SHAPE,
    answers_star,
    is_python,
    lines,
    listing,
    status,
    varies,
)

_CACHES = ("Age", "X-Cache", "CF-Cache-Status", "X-Proxy-Cache", "X-Cache-Status", "X-Varnish")
#: What CF-Cache-Status says of what is not kept.
_PASSED_ON = ("dynamic", "bypass", "none")


@rule("SIO340", "any-origin-with-credentials", "Every page is let in, with credentials", Rung.BESIDE)
def any_origin_with_credentials(case: Case) -> Iterable[Hit]:
    """Whatever origin asks is named in the answer, and credentials are allowed: any page may act as the visitor.

    Browsers refuse `*` with credentials to keep people from this; a server that copies the request's `Origin` gets
    round it. Any site that a visitor opens can then connect with the visitor's cookies and read what comes. It matters
    where the server knows people by cookies (or by their network); a token that the page hands over as `auth` is not
    sent by other pages. That is `origin: true` with `credentials: true`, Socket.IO 2 unless told otherwise,
    `cors_allowed_origins="*"` in python-socketio, `$http_origin` in nginx.

    **How it is told.** An origin that nobody lists (`sio-doctor.invalid`) gets the open packet, itself in
    `Access-Control-Allow-Origin`, and `Access-Control-Allow-Credentials: true`.

    **What it is not.** `*`, or everybody reflected without credentials, is a public server, which may be meant
    (`cors-option-shape`).
    """
    foreign = case.first("foreign")
    if foreign is None or not _connects(case) or case.opened(foreign) is None or not _names(foreign, FOREIGN):
        return
    if lines(foreign, ALLOW_CREDENTIALS) != ["true"]:
        return
    message = (
        f"{case.plan.target.url} lets every page in, with credentials: it answers {FOREIGN}, which nobody lists, "
        f"with {ALLOW_ORIGIN}: {FOREIGN} and {ALLOW_CREDENTIALS}: true. Any site that a visitor opens may connect with "
        "the visitor's cookies."
    )
    if is_python(case):
        message += ' That is cors_allowed_origins="*": list the pages instead.'
    # No header check: browsers got what they need, and that is the matter.
    yield Hit(message, exchanges=(foreign.id,), severity="warning")


@rule("SIO341", "null-origin-allowed", "The origin null is let in", Rung.BESIDE)
def null_origin_allowed(case: Case) -> Iterable[Hit]:
    """The server lists `null`, and that is the origin of any page that wants it.

    A file, and every page in a sandboxed frame (`<iframe sandbox="allow-scripts">`), has the origin `null`, so
    whoever lists it to let a file in lets in every site that uses such a frame. `warning` where it may send credentials
    too. Serve the page from http://localhost while developing, and an app from a scheme of its own.

    **How it is told.** A preflight or the handshake with `Origin: null` gets `Access-Control-Allow-Origin: null`, and a
    foreign origin is not let in.

    **What it is not.** Where everybody is let in, `null` is one of many (`any-origin-with-credentials`, or a public
    server). A page that has the origin `null` and is kept out is `null-origin`.
    """
    if not _connects(case) or _is_public(case):
        return
    tried = list(case.all("look-alike"))
    if all(_names(one, one.request.origin or "") for one in tried):
        tried = []  # a layer that names whoever asks in preflights says nothing about the server behind it
    asked = [one for one in (*case.all("handshake"), *tried) if one.request.origin == "null"]
    let_in = next((one for one in asked if _names(one, "null")), None)
    if let_in is None:
        return
    credentials = lines(let_in, ALLOW_CREDENTIALS) == ["true"]
    message = (
        f"{case.plan.target.url} lets the origin null in{', with credentials' if credentials else ''}. Every page in a "
        "sandboxed frame has it, whatever site it is from, so this lets in whoever wants to."
    )
    yield Hit(message, exchanges=(let_in.id,), severity="warning" if credentials else "info")


@rule("SIO342", "origin-match-too-wide", "Origins that only look like the page's are let in", Rung.BESIDE)
def origin_match_too_wide(case: Case) -> Iterable[Hit]:
    """The server compares a part of the origin, so that strangers can have one that fits.

    `origin.endsWith("example.com")` and `/example\\.com$/` let `https://evilexample.com` in, `startsWith` and
    `includes` `https://example.com.evil.example`, and a bare dot in a pattern stands for any letter. Anybody can
    register such a name. Compare whole origins; in a pattern, anchor both ends and escape the dots.

    **How it is told.** Preflights with origins made of the page's own: one that begins with it, one that ends in its
    domain. The server names it in `Access-Control-Allow-Origin`, and does not name every origin it is asked by.

    **What it is not.** A server that names whoever asks is not too wide but open (`any-origin-with-credentials` where
    it allows credentials). Other pages of the same domain are the server's to choose: they are not tried.
    """
    tried = list(case.all("look-alike"))
    found = [one for one in tried if one.request.origin != "null" and _names(one, one.request.origin or "")]
    if not found or not _connects(case) or _is_public(case):
        return
    # A layer that names whoever asks in preflights alone says nothing about the server behind it.
    if all(_names(one, one.request.origin or "") for one in tried):
        return
    named = [one.request.origin or "" for one in found]
    credentials = lines(found[0], ALLOW_CREDENTIALS) == ["true"]
    message = (
        f"{case.plan.target.url} lets {listing(named)} in{', with credentials' if credentials else ''}, which only "
        f"look{'s' if len(named) == 1 else ''} like a page of yours: anybody can have such a name. "
        f"{_how(named, len(tried) - 1)}"
    )
    yield Hit(message, exchanges=tuple(one.id for one in found), severity="warning")


def _how(named: list[str], tried: int) -> str:
    """What it compares, where both likenesses were tried."""
    if tried < 2:
        return "It compares a part of the origin; let it compare whole origins."
    begins = any(".evil.example" in origin for origin in named)
    ends = any(".evil.example" not in origin for origin in named)
    if begins and ends:
        return "It looks for a part of the origin anywhere in it; let it compare whole origins."
    if begins:
        return "It compares the beginning of the origin alone; let it compare whole origins."
    return (
        "It compares the end of the origin alone, or takes a dot in its pattern for any letter; let it compare whole "
        "origins, or anchor the pattern (^ and $) and escape the dots."
    )


@rule("SIO331", "cors-option-shape", "Everybody is let in, meant or not", Rung.BESIDE)
def cors_option_shape(case: Case) -> Iterable[Hit]:
    """The server lets every page in; so does a list that stands in `cors` itself, and not in its `origin`.

    **What it means.** `cors: ["https://app.example.com"]`, `cors: "https://app.example.com"` and `cors: true` have no
    `origin`, so Node's cors takes its default, `*`. It works until the client sends credentials
    (`wildcard-with-credentials`). It is `cors: { origin: ["https://app.example.com"] }`.

    **How it is told.** Socket.IO 3 or 4 answers `*` to anybody, and the page connects. Whether `origin: "*"` was meant
    cannot be seen from outside: an `info`.

    **What it is not.** A server that names the origin that asks, whoever it is, was told so (`origin: true`).
    """
    foreign = case.first("foreign")
    if case.plan.origins and foreign is not None and answers_star(case) and _connects(case):
        message = f"Any page may read what this server answers: its Access-Control-Allow-Origin is *. {OPTION_SHAPE}"
        yield Hit(message, exchanges=(foreign.id,), severity="info")


@rule("SIO344", "websocket-open-to-any-page", "Any page may open a WebSocket", Rung.BESIDE)
def websocket_open_to_any_page(case: Case) -> Iterable[Hit]:
    """Polling is kept to the pages that are listed, and a WebSocket is not: CORS does not cover it.

    Browsers send a WebSocket's cookies and `Origin` and let every page read it; only the server can refuse. Socket.IO
    on Node does so in `allowRequest`, and in nothing else: `cors` is not asked. It matters where the server knows
    people by cookies; a token that the page hands over as `auth` is not sent by other pages. python-socketio refuses by
    itself.

    **How it is told.** A foreign origin is not let in by polling, and a WebSocket with that origin gets the open
    packet.

    **What it is not.** Where polling is open to everybody as well, it is a public server. An `info`: it is how Node's
    Socket.IO is, and mostly no harm.
    """
    foreign = case.first("foreign")
    socket = next((one for one in case.all("foreign-websocket") if _speaks(one)), None)
    if socket is None or foreign is None or not _connects(case) or _is_public(case):
        return
    message = (
        f"A WebSocket from {FOREIGN} was let in: CORS covers polling alone. Where cookies say who somebody is, check "
        f"the origin in {'the connect handler' if is_python(case) else 'allowRequest'}."
    )
    yield Hit(message, exchanges=(socket.id, foreign.id), severity="info")


def _speaks(socket: Exchange) -> bool:
    frames = socket.response.frames if socket.response is not None and socket.response.status == 101 else ()
    return any(frame.direction == "in" and frame.type == "text" and frame.data.startswith("0{") for frame in frames)


@rule("SIO345", "vary-origin-missing", "A cache is not told that answers differ by origin", Rung.BESIDE)
def vary_origin_missing(case: Case) -> Iterable[Hit]:
    """The answer names the origin that asked, a cache is in front, and `Vary: Origin` is missing.

    A cache may then give one page's answer to the next, whose browser refuses it: `acao-cached-for-other-origin`,
    sooner or later. python-socketio never sends `Vary`, Node does wherever it names an origin. Let nothing be cached
    below the path of Socket.IO; or add the header.

    **How it is told.** Two origins get different `Access-Control-Allow-Origin` headers, the answer has no `Vary` with
    `Origin` or `*` and no `Cache-Control: no-store` or `private`, and a cache names itself (`Age`, `X-Cache`,
    `CF-Cache-Status`, `X-Varnish`).

    **What it is not.** Without a cache in front nothing is said: it does no harm there. Where the cache has mixed
    answers up already, it is `acao-cached-for-other-origin`.
    """
    if not _connects(case):
        return
    foreign = case.first("foreign")
    for page in case.plan.origins:
        handshake = case.handshake(page)
        if handshake is None or handshake.response is None or not _names(handshake, page):
            continue
        kept = (handshake.response.get("cache-control") or "").lower()
        told = varies(handshake) or varies(handshake, "*") or "no-store" in kept or "private" in kept
        if told or foreign is None or lines(foreign) == lines(handshake) or not (marks := _marks(handshake)):
            continue
        message = (
            f"{case.plan.target.url} names the origin that asks in {ALLOW_ORIGIN}, and has no Vary: Origin beside it, "
            f"though a cache is in front ({listing(marks)}). It may give {page} the answer that was made for another "
            "page."
        )
        yield Hit(message, origins=(page,), exchanges=(handshake.id,), severity="warning")
        return


def _connects(case: Case) -> bool:
    """A page connects, so that nothing graver is to be said; what a cache answered is not the server's."""
    return not case.cached and any(outcome.connects for outcome in case.outcomes)


def _is_public(case: Case) -> bool:
    """Everybody may read what polling is answered; or it was not asked."""
    foreign = case.first("foreign")
    return foreign is None or lines(foreign) in ([FOREIGN], ["*"])


def _marks(exchange: Exchange) -> list[str]:
    """What a cache says of itself in the answer."""
    found = [(name, value) for name in _CACHES for value in lines(exchange, name)[:1]]
    return [f"{name}: {value}" for name, value in found if value.lower() not in _PASSED_ON]


def _names(exchange: Exchange, origin: str) -> bool:
    """It is answered well, and names that origin alone."""
    return 200 <= status(exchange) < 300 and lines(exchange) == [origin]
