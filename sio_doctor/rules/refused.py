"""Engine.IO refuses the handshake because of the origin, instead of leaving that to the browser."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import refusal_of, refused_by_python, refused_by_v2
from sio_doctor.rules.cors import ALLOW_ORIGIN, difference, disallows, is_bare, let_in, lines, listing, needed, status
from sio_doctor.rules.stranger import met_at


@rule("SIO307", "python-origin-not-accepted", "python-socketio refuses the origin", Rung.HANDSHAKE)
def python_origin_not_accepted(case: Case) -> Iterable[Hit]:
    """python-socketio (and Flask-SocketIO) answers 400 to every origin that `cors_allowed_origins` lacks.

    Unlike Node it refuses the request, over WebSocket too. By default it accepts the origin that it believes to be its
    own, made of the `Host` header and the scheme, so behind a proxy even its own page can be refused. A request
    without `Origin`, as curl sends it, passes.

    **How it is told.** The answer to the page's handshake, or to its POST, is 400 with "… is not an accepted origin.".
    Without a page to ask about: other origins get that, and the server's own does not.

    **What it is not.** Where a CORS middleware in front adds `Access-Control-Allow-Origin` to that refusal, the browser
    shows a plain 400 and no CORS error; the cause is the same. An unsupported protocol version has other words.
    """
    refused = [
        (page, exchange)
        for page in case.plan.origins
        if (exchange := refused_by_python(case, page)) and refusal_of(case, page) is None
    ]
    for own in (True, False):
        members = [(page, exchange) for page, exchange in refused if _is_own(case, page) is own]
        if not members:
            continue
        pages = tuple(page for page, _ in members)
        exchange = members[0][1]
        words = f"“{_words(exchange)}”"
        message = (
            f"The python-socketio server at {case.plan.target.url} refuses {listing(pages)} with status "
            f"{status(exchange)}: {words}"
        )
        if own:
            message += (
                " It is the server's own origin, so the server takes itself for another: it goes by the Host header "
                "and the scheme that reach it, and a proxy (or TLS in uvicorn itself) hides those unless Host and "
                "X-Forwarded-Proto are passed on."
            )
            if exchange.purpose == "connect":
                message += " A GET of the server's own page names no origin and passes; POST and WebSocket do name it."
        elif (named := re.match(r"“(\S+://\S+) is", words)) and named[1] not in pages:
            message += (
                f" The server was asked by {named[1]}, as it says: something in front puts that into Origin in the "
                "place of the page's."
            )
        elif not case.polls:
            message += " Its cors_allowed_origins lacks this origin, or is not set; it holds for WebSockets too."
        elif lines(exchange) == [pages[0]]:
            message += (
                " A CORS middleware in front does allow this page, so the browser shows a plain 400 and no CORS error; "
                "python-socketio checks the origin itself, by cors_allowed_origins."
            )
        else:
            message += (
                " Its cors_allowed_origins lacks this origin, or is not set. That answer has no "
                f"{ALLOW_ORIGIN}, so the browser reports a CORS error and hides the 400."
            )
        message += _accepted(case, pages[0])
        yield Hit(
            message=message,
            origins=pages,
            headers=(check(exchange, "status", "200"), needed(pages[0], exchange, ok=lines(exchange) == [pages[0]])),
            exchanges=tuple(exchange.id for _, exchange in members),
            rung=Rung.POST if exchange.purpose == "connect" else met_at(case, pages),
        )
    own_page = case.first("near-miss", origin=case.plan.target.url)
    stranger = refused_by_python(case, case.pages[0])
    if not case.plan.origins and stranger and lines(own_page):
        message = (
            f"The python-socketio server at {case.plan.target.url} lets its own page in and refuses every other that "
            f"was tried with status {status(stranger)}: its cors_allowed_origins is not set. That answer has no "
            f"{ALLOW_ORIGIN}, so a browser reports a CORS error and hides the status."
        )
        missing = check(stranger, ALLOW_ORIGIN, "the page's origin")
        yield Hit(message, headers=(check(stranger, "status", "200"), missing), exchanges=(stranger.id,))


def _accepted(case: Case, page: str) -> str:
    """What it accepts instead: by default its own pages, which is no entry of a list."""
    if disallows(case.preflight(page)):
        return " A CORS middleware around it lacks this page too, by a list of its own."
    others, host = list(let_in(case, page)), case.plan.target.url.partition("://")[2]
    own = [origin for origin in others if origin.partition("://")[2] == host]
    if own and not _is_own(case, page):
        return f" It does accept its own pages ({listing(own)}), as it does where cors_allowed_origins is not set."
    apart = {origin: difference(origin, page) for origin in others}
    return "".join(f" It does accept {origin}" + (f"; {why}." if why else ".") for origin, why in apart.items())


@rule("SIO308", "origin-callback-error", "The origin function fails instead of refusing", Rung.HANDSHAKE)
def origin_callback_error(case: Case) -> Iterable[Hit]:
    """The server's own `origin` function passes an error on, and Engine.IO answers 400 instead of the handshake.

    `callback(new Error("Not allowed by CORS"))` is what the examples of the cors package do. Since Socket.IO 4.6 that
    is 400 `{"code":3,"message":"Bad request"}` to the handshake, to its preflight, and to the WebSocket alike; the text
    of the error never leaves the server.

    **How it is told.** The handshake gets code 3 without CORS headers, and so does its preflight; another origin, or
    none, is let in.

    **What it is not.** A middleware of `io.engine.use()` that refuses lets preflights pass and keeps the CORS headers
    (`engine-middleware-error`).
    """
    pages = [page for page in _pages(case) if (exchange := case.handshake(page)) and _failed(case, page, exchange)]
    if not pages:
        return
    exchange = case.handshake(pages[0])
    assert exchange is not None
    passes = next((other for other in case.all("control", "foreign", "handshake") if case.opened(other)), None)
    message = (
        f"The server at {case.plan.target.url} answers {_whom(case, pages)} with 400 “Bad request” (code 3): the "
        "function that is its cors.origin fails for this origin instead of refusing it."
    )
    others = let_in(case, pages[0])
    if others:
        message += f" Whatever the function means, this page is not on its list.{_accepted(case, pages[0])}"
    elif passes is None:
        message += (
            " No origin that was tried passed, so the function, or a middleware before it, may fail for everybody; the "
            "server's log has the error."
        )
    else:
        who = f"from {passes.request.origin}" if passes.request.origin else "without an Origin"
        message += f" A request {who} passes. Whatever the function means, this page is not on its list."
    yield Hit(
        message=message,
        origins=tuple(page for page in pages if page in case.plan.origins),
        headers=(check(exchange, "status", "200"), needed(pages[0], exchange)),
        exchanges=(exchange.id, *([passes.id] if passes else ())),
        rung=met_at(case, tuple(pages)),
    )


def _failed(case: Case, page: str, exchange: Exchange) -> bool:
    refusal = case.refusal(exchange)
    if refusal is None or refusal.family != "node" or refusal.code != 3 or not is_bare(exchange):
        return False
    return exchange.request.origin == page and not 200 <= status(case.preflight(page)) < 300


@rule("SIO309", "v2-origins-needs-port", "The origins option of Socket.IO 2 does not match", Rung.HANDSHAKE)
def v2_origins_needs_port(case: Case) -> Iterable[Hit]:
    """Socket.IO 2 refuses the origin by its `origins` option, which wants the port even where it is the default one.

    It compares `host:port`, `host:*`, `*:port` and `scheme://host:port`, so `https://app.example.com` in the list never
    matches, while `https://app.example.com:443` does; `"*"` matches nothing, `"*:*"` everything. Version 2.4.0 alone
    compares the whole origin, as browsers send it, and takes `*:*` for one.

    **How it is told.** The handshake gets 403 `{"code":4,"message":"Forbidden"}` without CORS headers, from a server
    that is Socket.IO 2: its 400 to preflights has them for any origin. Version 1 says 400 `{"code":null}`.

    **What it is not.** In Socket.IO 3 and 4 code 4 is `allowRequest` (`allowrequest-403`); there `cors` never refuses
    a request. In Socket.IO 2 a refusal in other words than "Forbidden" is `allowRequest` too.
    """
    pages = [page for page in _pages(case) if refused_by_v2(case, page) and refusal_of(case, page) is None]
    if not pages or _is_closed(case):
        return
    whole = case.server.version == "2.4.0"
    exchange = case.handshake(pages[0])
    assert exchange is not None
    message = (
        f"The Socket.IO 2 server at {case.plan.target.url} refuses {_whom(case, pages)} with {status(exchange)}: its "
        "origins option does not match. "
    )
    if whole:
        message += "In 2.4.0, and in no other of version 2, it compares the whole origin, as browsers send it."
    else:
        message += "It compares with the port, also the default one"
        message += f": the page is {listing(map(_with_port, pages))} there." if case.plan.origins else "."
    yield Hit(
        message=f"{message} An allowRequest function that refuses would look the same.",
        origins=tuple(page for page in pages if page in case.plan.origins),
        headers=(check(exchange, "status", "200"), needed(pages[0], exchange)),
        exchanges=tuple(e.id for page in pages if (e := case.handshake(page))),
        rung=met_at(case, tuple(pages)),
    )


@rule("SIO330", "v240-closed-default", "Socket.IO 2.4.0 lets no other origin in", Rung.HANDSHAKE)
def v240_closed_default(case: Case) -> Iterable[Hit]:
    """Socket.IO 2.4.0 refuses every page of another origin unless `origins` lets it in; 2.4.1 took that back.

    Update to 2.5.1, the last of version 2 (or to version 4), or list the page's origin as browsers send it. `*:*` helps
    in every other 2.x; 2.4.0 takes it for an origin.

    **How it is told.** The client file that the server has is of 2.4.0; whatever `Origin` was tried got 403
    `{"code":4,"message":"Forbidden"}`, and what has none is let in, as it is where `origins` is not set. Or it lets in
    an `Origin` that is `*:*`.

    **What it is not.** In any other version, or where some origin is let in, or not even a request without one, it is
    the server's own `origins` (`v2-origins-needs-port`).
    """
    pages = [page for page in _pages(case) if refused_by_v2(case, page) and refusal_of(case, page) is None]
    if not pages or not _is_closed(case):
        return
    exchange = case.handshake(pages[0])
    assert exchange is not None
    yield Hit(
        message=(
            f"The server at {case.plan.target.url} is Socket.IO 2.4.0 and refuses {_whom(case, pages)} with "
            f"{status(exchange)}: that version lets no other origin in unless its origins option "
            + (
                "does, and takes *:* there for an origin, not for everybody."
                if _confessed(case, "*:*")
                else "does. 2.4.1 took that back, so 2.5.1 lets everybody in again."
            )
        ),
        origins=tuple(page for page in pages if page in case.plan.origins),
        headers=(check(exchange, "status", "200"), needed(pages[0], exchange)),
        exchanges=tuple(e.id for page in pages if (e := case.handshake(page))),
        rung=met_at(case, tuple(pages)),
    )


def _is_closed(case: Case) -> bool:
    """It is 2.4.0 without a list, so whoever has no origin is let in; or with a pattern that it does not know."""
    asked = list(case.all("handshake", "foreign", "near-miss"))
    named = any(case.opened(one) for one in asked if one.request.origin)
    empty = any(case.opened(one) for one in case.all("control", "handshake") if not one.request.origin)
    return case.server.version == "2.4.0" and (_confessed(case, "*:*") or (empty and not named))


def _confessed(case: Case, entry: str) -> bool:
    return any(case.opened(one) for one in case.all("near-miss", origin=entry))


def _with_port(page: str) -> str:
    return page if re.search(r":\d+$", page) else page + (":443" if page.startswith("https:") else ":80")


def _pages(case: Case) -> tuple[str, ...]:
    """The chosen pages; where none was chosen and nobody got a session, the stand-in has to do."""
    return case.plan.origins if case.open else case.pages


def _whom(case: Case, pages: list[str]) -> str:
    return listing(pages) if case.plan.origins else "every origin that was tried"


def _words(exchange: Exchange) -> str:
    return exchange.response.text.strip().strip('"') if exchange.response else ""


def _is_own(case: Case, page: str) -> bool:
    return page == case.plan.target.url
