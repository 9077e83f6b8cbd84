"""Engine.IO refuses the handshake because of the origin, instead of leaving that to the browser: on Node.

What python-engineio refuses is in ``refused_python``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import is_bare, lines, listing, needed, status
from sio_doctor.rules.stranger import met_at


def is_python_refusal(case: Case, exchange: Exchange) -> bool:
    """That answer is python-engineio's to an origin that it does not accept."""
    refusal = case.refusal(exchange)
    return refusal is not None and refusal.is_of_origin


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
    if passes is None:
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
    matches, while `https://app.example.com:443` does; `"*"` matches nothing, `"*:*"` everything. Version 2.4.0 refuses
    every origin unless told otherwise.

    **How it is told.** The handshake gets 403 `{"code":4,"message":"Forbidden"}` without CORS headers, from a server
    that is Socket.IO 2: its 400 to preflights has them for any origin. Version 1 says 400 `{"code":null}`.

    **What it is not.** In Socket.IO 3 and 4 code 4 is `allowRequest` (`allowrequest-403`); there `cors` never refuses
    a request. In Socket.IO 2 a refusal in other words than "Forbidden" is `allowRequest` too.
    """
    pages = [page for page in _pages(case) if _refused_by_v2(case, page)]
    if not pages:
        return
    exchange = case.handshake(pages[0])
    assert exchange is not None
    message = (
        f"The Socket.IO 2 server at {case.plan.target.url} refuses {_whom(case, pages)} with {status(exchange)}: its "
        "origins option does not match. It compares with the port, also the default one"
    )
    message += f": the page is {listing(map(_with_port, pages))} there." if case.plan.origins else "."
    yield Hit(
        message=f"{message} An allowRequest function that refuses would look the same.",
        origins=tuple(page for page in pages if page in case.plan.origins),
        headers=(check(exchange, "status", "200"), needed(pages[0], exchange)),
        exchanges=tuple(e.id for page in pages if (e := case.handshake(page))),
        rung=met_at(case, tuple(pages)),
    )


def is_v2_refusal(case: Case, exchange: Exchange) -> bool:
    """That refusal of the handshake is what the ``origins`` option of Socket.IO 2 answers."""
    refusal = case.refusal(exchange)
    if refusal is not None and refusal.family == "node" and refusal.code is None:
        return True  # version 1 has no code for it
    if refusal is None or (refusal.code, refusal.message) != (4, "Forbidden") or lines(exchange):
        return False
    preflights = [e for e in case.all("preflight", "simulated-preflight") if (r := case.refusal(e)) and r.code == 2]
    return any(map(lines, preflights)) or (case.server.version or "").startswith("2")


def _refused_by_v2(case: Case, page: str) -> bool:
    exchange = case.handshake(page)
    return exchange is not None and exchange.request.origin == page and is_v2_refusal(case, exchange)


def _with_port(page: str) -> str:
    return page if re.search(r":\d+$", page) else page + (":443" if page.startswith("https:") else ":80")


def _pages(case: Case) -> tuple[str, ...]:
    """The chosen pages; where none was chosen and nobody got a session, the stand-in has to do."""
    return case.plan.origins if case.open else case.pages


def _whom(case: Case, pages: list[str]) -> str:
    return listing(pages) if case.plan.origins else "every origin that was tried"
