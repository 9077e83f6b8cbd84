"""python-engineio refuses the handshake because of the origin: its own check, whatever headers others add."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from sio_doctor.model import Exchange, get
from sio_doctor.rules.base import Case, Hit, Rung, alias, check, rule
from sio_doctor.rules.confession import beside, is_python_refusal, refusal_of, refused_by_python
from sio_doctor.rules.cors import (
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    disallows,
    let_in,
    lines,
    listing,
    needed,
    proxies_of,
    status,
)
from sio_doctor.rules.refused import accepted
from sio_doctor.rules.stranger import met_at

Why = Literal["python-origin-not-accepted", "python-behind-tls-proxy", "flask-cors-only", "fastapi-middleware-only"]

alias(
    "python-kwarg-typo",
    "python-origin-not-accepted",
    "Keywords that python-socketio does not know (cors_allow_origins) are ignored without a word, so a misspelt one is "
    "none: that cannot be told from outside, and the message of the finding says it.",
)

_MISSPELT = (
    "If your code does set it, look at the spelling: other keywords (cors_allow_origins, say) are ignored without a "
    "word."
)
#: What python-engineio allows in its own answer to a preflight.
_METHODS = "OPTIONS, GET, POST"


@rule("SIO307", "python-origin-not-accepted", "python-socketio refuses the origin", Rung.HANDSHAKE)
def python_origin_not_accepted(case: Case) -> Iterable[Hit]:
    """python-socketio (and Flask-SocketIO) answers 400 to every origin that `cors_allowed_origins` lacks.

    Unlike Node it refuses the request, over WebSocket too. By default it accepts the origin that it believes to be its
    own alone. A request without `Origin`, as curl sends it, passes. Unknown keywords are ignored without a word, so a
    misspelt one (`cors_allow_origins`) looks like none.

    **How it is told.** The answer to the page's handshake, or to its POST, is 400 with "… is not an accepted origin.".
    Without a page to ask about: other origins get that, and the server's own does not.

    **What it is not.** Where the server refuses its own page, it takes itself for another (`python-behind-tls-proxy`).
    Where a CORS middleware around it lets the page in, that is why nothing looks wrong (`fastapi-middleware-only`,
    `flask-cors-only`). An unsupported protocol version has other words (`python-version-mismatch`).
    """
    members = _refused(case, "python-origin-not-accepted")
    for own in (True, False):
        group = [(page, exchange) for page, exchange in members if _is_own(case, page) is own]
        if not group:
            continue
        pages, exchange = tuple(page for page, _ in group), group[0][1]
        message = _refuses(case, pages, exchange)
        if own:
            message += (
                " It is the server's own origin, and it is refused with X-Forwarded-Proto and X-Forwarded-Host as "
                "well: cors_allowed_origins is set, and the server's own origin has to be in it like any other."
            )
            if proxies_of(case):
                message += f" (Unless {listing(proxies_of(case))} puts others in the place of those headers.)"
        elif named := _replaced(exchange, pages):
            message += (
                f" The server was asked by {named}, as it says: something in front puts that into Origin in the "
                "place of the page's."
            )
        else:
            message += _what_it_lacks(case)
            if not case.polls:
                message += " It holds for WebSockets too."
            elif _allows(exchange, pages[0]):
                message += (
                    " Something in front does allow this page, so the browser shows a plain 400 and no CORS error."
                )
            else:
                message += (
                    f" That answer has no {ALLOW_ORIGIN}, so the browser reports a CORS error and hides the "
                    f"{status(exchange)}."
                )
        message += _accepted(case, pages[0])
        root = None if own else _root(case, pages[0])
        if root is not None:
            message += (
                f" Other routes of that server do allow the page (/ has {ALLOW_ORIGIN}: {', '.join(lines(root))}): "
                "what adds that never sees Socket.IO's requests."
            )
        yield _hit(case, message, group)
    stranger, own_page = refused_by_python(case, case.pages[0]), _own_accepted(case)
    if not case.plan.origins and stranger and own_page:
        message = (
            f"The python-socketio server at {case.plan.target.url} lets its own page in and refuses every other that "
            f"was tried with status {status(stranger)}: its cors_allowed_origins is not set, or names that page alone. "
            f"{_MISSPELT} That answer has no {ALLOW_ORIGIN}, so a browser reports a CORS error and hides the status."
        )
        missing = check(stranger, ALLOW_ORIGIN, "the page's origin")
        yield Hit(message, headers=(check(stranger, "status", "200"), missing), exchanges=(stranger.id,))


@rule("SIO326", "python-behind-tls-proxy", "The Python server takes its own origin for another's", Rung.HANDSHAKE)
def python_behind_tls_proxy(case: Case) -> Iterable[Hit]:
    """The server's own page is refused, because what reaches python-socketio names another scheme or host.

    Without `cors_allowed_origins` it lets in the origin that it makes of the scheme and the `Host` header that reach
    it, or of `X-Forwarded-Proto` and `X-Forwarded-Host`. A proxy that speaks TLS and does not say so, nginx without
    `proxy_set_header Host $http_host` (`$host` drops the port), and TLS in uvicorn itself, where the scheme counts as
    http, make it another one than the browser's.

    **How it is told.** The handshake or the POST of a page of the server's own origin gets "… is not an accepted
    origin.". Asked once more with `X-Forwarded-Proto` (and `X-Forwarded-Host`), or with the other scheme in `Origin`,
    it is let in: that says what is hidden.

    **What it is not.** Where none of these helps, the list is set and lacks the server's own origin, which it does not
    hold by itself (`python-origin-not-accepted`).
    """
    members = _refused(case, "python-behind-tls-proxy")
    if not members:
        return
    own, exchange = case.plan.target.url, members[0][1]
    message = (
        _refuses(case, (own,), exchange) + " It is the server's own origin, so the server takes itself for another"
    )
    accepted = _accepted_own(case)
    proof = accepted.get("X-Forwarded-Proto") or accepted.get("scheme")
    scheme = own.partition(":")[0]
    if "X-Forwarded-Proto" in accepted:
        message += (
            f": with X-Forwarded-Proto: {scheme} it lets this page in. The proxy in front (or uvicorn itself, where it "
            f"speaks TLS) does not tell it that browsers came by {scheme}."
        )
    elif "scheme" in accepted:
        message += (
            f": it lets {accepted['scheme'].request.origin} in. It is not told that browsers came by {scheme}: a proxy "
            "has to pass X-Forwarded-Proto on, and TLS in uvicorn itself counts as http."
        )
    elif "X-Forwarded-Host" in accepted:
        proof = accepted["X-Forwarded-Host"]
        message += (
            f": with X-Forwarded-Host: {own.partition('://')[2]} it lets this page in. The proxy in front does not "
            "pass the Host header on as the browser sent it (in nginx: proxy_set_header Host $http_host)."
        )
    else:
        message += (
            ": it goes by the Host header and the scheme that reach it, and a proxy (or TLS in uvicorn itself) hides "
            "those unless Host and X-Forwarded-Proto are passed on."
        )
    if exchange.purpose == "connect":
        message += " A GET of the server's own page names no origin and passes; POST and WebSocket do name it."
    yield _hit(case, message, members, *([proof] if proof else []))


@rule("SIO328", "flask-cors-only", "Flask-CORS lets the page in, and Flask-SocketIO does not", Rung.HANDSHAKE)
def flask_cors_only(case: Case) -> Iterable[Hit]:
    """`CORS(app)` of Flask-CORS covers the routes of Flask, and Socket.IO is none of them.

    Flask-SocketIO answers its path before Flask does, and checks the origin itself: give it the list too,
    `SocketIO(app, cors_allowed_origins=[…])`.

    **How it is told.** The handshake gets 400 "Not an accepted origin.", while `/` of the same server, asked from the
    same page, has `Access-Control-Allow-Origin` for it.

    **What it is not.** Without that header on `/`, nothing says that Flask-CORS is there
    (`python-origin-not-accepted`). FastAPI's middleware adds its header to the refusal (`fastapi-middleware-only`).
    """
    members = _refused(case, "flask-cors-only")
    if not members:
        return
    pages, exchange = tuple(page for page, _ in members), members[0][1]
    root = _root(case, pages[0])
    assert root is not None
    message = (
        f"{_refuses(case, pages, exchange)} Other routes of that server do allow it: / has {ALLOW_ORIGIN}: "
        f"{', '.join(lines(root))}, as Flask-CORS adds it. That does not reach Socket.IO, which goes by "
        "cors_allowed_origins alone."
    )
    yield _hit(case, message, members, root)


@rule(
    "SIO329", "fastapi-middleware-only", "The middleware lets the page in, and python-socketio does not", Rung.HANDSHAKE
)
def fastapi_middleware_only(case: Case) -> Iterable[Hit]:
    """`CORSMiddleware` of FastAPI or Starlette lets the page in, and python-socketio inside it refuses the origin.

    The preflight is fine and the refusal has `Access-Control-Allow-Origin`, so the console shows a plain 400 and
    nothing of CORS, and WebSockets get a bare 403. With the middleware around it the Socket.IO server is to check
    nothing: `cors_allowed_origins=[]`. (A list there would double the headers.)

    **How it is told.** 400 "… is not an accepted origin." with `Access-Control-Allow-Origin` for the page, and a
    preflight that is answered well, as the middleware answers it: python-socketio itself would refuse that as well.

    **What it is not.** A proxy that adds the header to everything does not answer preflights in the server's place
    (`python-origin-not-accepted`). Both letting the page in is `duplicate-acao-framework`.
    """
    members = _refused(case, "fastapi-middleware-only")
    if not members:
        return
    pages, exchange = tuple(page for page, _ in members), members[0][1]
    preflight = case.preflight(pages[0])
    assert preflight is not None
    message = (
        f"{_refuses(case, pages, exchange)} The CORS middleware around it does let this page in: the preflight is "
        "fine, and even the refusal is readable, so the browser shows a plain 400 and no CORS error. python-socketio "
        "checks the origin itself, by cors_allowed_origins."
    )
    yield _hit(case, message, members, preflight)


def _accepted(case: Case, page: str) -> str:
    """What it accepts instead: by default its own pages, which is no entry of a list, and is said once."""
    if disallows(case.preflight(page)):
        return " A CORS middleware around it lacks this page too, by a list of its own."
    own_host = case.plan.target.url.partition("://")[2]
    own = [origin for origin in let_in(case, page) if origin.partition("://")[2] == own_host]
    if not own or _is_own(case, page):
        return accepted(case, page)
    if _own_accepted(case):
        return ""
    return f" It does accept its own pages ({listing(own)}), as it does where cors_allowed_origins is not set."


def _refuses(case: Case, pages: tuple[str, ...], exchange: Exchange) -> str:
    return (
        f"The python-socketio server at {case.plan.target.url} refuses {listing(pages)} with status "
        f"{status(exchange)}: “{_words(exchange)}”"
    )


def _hit(case: Case, message: str, members: list[tuple[str, Exchange]], *also: Exchange) -> Hit:
    pages, exchange = tuple(page for page, _ in members), members[0][1]
    ok = _allows(exchange, pages[0])
    good = [needed(pages[0], one, ok=True) for one in also if _allows(one, pages[0])]
    return Hit(
        message=message,
        origins=pages,
        headers=(check(exchange, "status", "200"), needed(pages[0], exchange, ok=ok), *good),
        exchanges=tuple(dict.fromkeys([*(one.id for _, one in members), *(one.id for one in also)])),
        rung=Rung.POST if exchange.purpose == "connect" else met_at(case, pages),
    )


def _refused(case: Case, why: Why) -> list[tuple[str, Exchange]]:
    """The chosen pages that python-engineio refuses for that cause: each has one."""
    return [
        (page, one)
        for page in case.plan.origins
        if (one := refused_by_python(case, page)) and refusal_of(case, page) is None and _why(case, page, one) == why
    ]


def _why(case: Case, page: str, exchange: Exchange) -> Why:
    if _is_own(case, page):
        asked = any(is_python_refusal(case, one) for one in case.all("own-origin"))
        return "python-behind-tls-proxy" if _accepted_own(case) or not asked else "python-origin-not-accepted"
    if _replaced(exchange, (page,)):
        return "python-origin-not-accepted"
    preflight = case.preflight(page)
    own = lines(preflight, ALLOW_METHODS) == [_METHODS]
    if _allows(exchange, page) and 200 <= status(preflight) < 300 and _allows(preflight, page) and not own:
        return "fastapi-middleware-only"
    # Only Flask-SocketIO and other WSGI applications say so little.
    wsgi = _words(exchange) == "Not an accepted origin."
    return "flask-cors-only" if wsgi and _root(case, page) else "python-origin-not-accepted"


def _root(case: Case, page: str) -> Exchange | None:
    """The answer of another route, where that lets the page in and the handshake's refusal has no such header."""
    return None if lines(case.handshake(page)) else beside(case, page)


def _allows(exchange: Exchange | None, page: str) -> bool:
    return lines(exchange) in ([page], ["*"])


def _accepted_own(case: Case) -> dict[str, Exchange]:
    """What it takes for the server's own page to be let in: a header that a proxy adds, or the other ``scheme``."""
    found: dict[str, Exchange] = {}
    for one in _let_in(case):
        headers = one.request.headers
        if one.request.origin != case.plan.target.url:
            found.setdefault("scheme", one)
        elif get(headers, "x-forwarded-host"):
            found.setdefault("X-Forwarded-Host", one)
        elif get(headers, "x-forwarded-proto"):
            found.setdefault("X-Forwarded-Proto", one)
    return found


def _let_in(case: Case) -> Iterator[Exchange]:
    """The preflights about the server's own origin that were answered well, and not by something else."""
    for one in case.all("own-origin"):
        if 200 <= status(one) < 300 and lines(one) == [one.request.origin] and lines(one, ALLOW_METHODS) == [_METHODS]:
            yield one


def _own_accepted(case: Case) -> bool:
    """The server's own page is let in as it is, as it is where nothing is set."""
    own = case.plan.target.url
    asked = [*case.evidence.all("near-miss", origin=own), *case.evidence.all("own-origin", origin=own)]
    plain = (one for one in asked if not get(one.request.headers, "x-forwarded-proto"))
    return any(200 <= status(one) < 300 and bool(lines(one)) for one in plain)


def _what_it_lacks(case: Case) -> str:
    if not _own_accepted(case):
        return " Its cors_allowed_origins lacks this origin, or is not set."
    return (
        " Its cors_allowed_origins is not set, or lacks this origin: it does let its own page in "
        f"({case.plan.target.url}), as it does where that is not set. {_MISSPELT}"
    )


def _replaced(exchange: Exchange, pages: tuple[str, ...]) -> str | None:
    """The origin that the refusal speaks of, where it is not the page's."""
    named = re.match(r"(\S+://\S+) is", _words(exchange))
    return named[1] if named and named[1] not in pages else None


def _words(exchange: Exchange) -> str:
    return exchange.response.text.strip().strip('"') if exchange.response else ""


def _is_own(case: Case, page: str) -> bool:
    return page == case.plan.target.url
