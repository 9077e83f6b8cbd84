"""The server answers as Engine.IO, but not so that this page may read it: its origin is not let in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from sio_doctor.model import FOREIGN, Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import silent
from sio_doctor.rules.cors import (
    ALLOW_ORIGIN,
    Blocked,
    besides,
    blocked,
    difference,
    disallows,
    is_python,
    let_in,
    lines,
    listing,
    needed,
    one_hit,
    proxies_of,
    varies,
)
from sio_doctor.rules.entry import misentered

#: Of what is let in instead, so many are named.
MOST = 3

# --- no Access-Control-Allow-Origin at all ---------------------------------------------------------------------------


@rule("SIO301", "cors-not-configured", "CORS is not configured", Rung.HANDSHAKE)
def cors_not_configured(case: Case) -> Iterable[Hit]:
    """The server lets no page of another origin read its answers: its CORS is off.

    Since Socket.IO 3 it is off unless `new Server(..., { cors: ... })` switches it on. CORS middleware of Express,
    Koa, Fastify or Nest does not help: Engine.IO answers its own path before they are asked.

    **How it is told.** The handshake is a good open packet without `Access-Control-Allow-Origin`, without
    `Vary: Origin`, and no other origin that was tried got the header. Engine.IO answers a preflight with 400 "Bad
    handshake method".

    **What it is not.** A list that lacks this origin (`origin-not-in-list`) answers with `Vary: Origin`, and its
    preflight with 204. Alike on the wire are `origin: false`, an environment variable that is not set, a function that
    refuses every origin that was tried, and `cors_allowed_origins=[]` in python-socketio.
    """
    found = [one for one in blocked(case, chosen=False) if silent(case, one) == "cors-not-configured"]
    if not found:
        return
    first = found[0]
    whom = listing(one.page for one in found) if case.plan.origins else "any other origin"
    url = case.plan.target.url
    if first.handshake.purpose == "redirect":
        parts = urlsplit(first.handshake.request.url)
        url = f"{parts.scheme}://{parts.netloc}, to which the redirect leads,"
    message = (
        f"The server at {url} does not let {whom} read its answers: CORS is not configured, so the "
        f"handshake comes without {ALLOW_ORIGIN}."
    )
    if is_python(case):
        message += (
            " python-socketio does so where cors_allowed_origins=[] leaves the headers to a CORS middleware, and none "
            "adds them."
        )
    elif lines(first.preflight):
        message += (
            " A layer in front answers preflights with that header, but adds it to nothing else; the handshake is what "
            "the page reads."
        )
    else:
        message += (
            " Socket.IO 3 and 4 send it only where the cors option is set. An unset environment variable "
            "(`origin: undefined`) or `origin: false` looks the same from outside, and so does `origins`, as version 2 "
            "called it."
        )
    if values := [value for exchange in case.all("root") for value in lines(exchange)]:
        message += f" On `/` the header is there, as {values[0]}: what adds it never sees this path."
    if any(one.page == "null" for one in found):
        message += " null is the origin of a page opened from a file, or in a sandboxed frame."
    message += besides(case)
    headers = [needed(first.page, first.handshake)]
    if first.at_preflight and first.preflight is not None:
        headers += [check(first.preflight, "status", "200 to 299"), needed(first.page, first.preflight)]
    yield one_hit(case, found, message, *headers, also=(first.preflight,))


@rule("SIO302", "origin-not-in-list", "The origin is not on the server's list", Rung.HANDSHAKE)
def origin_not_in_list(case: Case) -> Iterable[Hit]:
    """CORS is configured, but for other origins than this page's.

    Origins are compared as strings: scheme, host and port must all be the same, with nothing behind them.

    **How it is told.** The handshake is a good open packet without `Access-Control-Allow-Origin`, but the server chose
    the answer by the origin: it sends `Vary: Origin`, or another origin that was tried got the header, or the
    preflight was refused as "Disallowed CORS origin".

    **What it is not.** Without any CORS at all (`cors-not-configured`) there is no `Vary: Origin`. python-socketio
    refuses with status 400 (`python-origin-not-accepted`). Where a variant of the origin is let in, that is the cause
    (`origin-scheme`, `origin-port`, `origin-trailing-slash` and others).
    """
    found = [one for one in blocked(case) if silent(case, one) == "origin-not-in-list"]
    if not found:
        return
    first = found[0]
    pages = [one.page for one in found]
    message = (
        f"The server at {case.plan.target.url} has CORS configured, but not for {listing(pages)}: "
        f"the answer has no {ALLOW_ORIGIN}."
    )
    others = {} if disallows(first.preflight, "origin") else let_in(case, first.page)
    if disallows(first.preflight, "origin"):
        message += " A CORS middleware around it keeps that list: its words are “Disallowed CORS origin”."
    elif FOREIGN in others:
        message += " It lets in origins that it cannot know, so a function or a pattern of its own refuses this one."
    else:
        message += "".join(f" {_let_in(origin, first.page)}" for origin in [*others][:MOST])
    if not others and next(case.all("near-miss"), None) is not None:
        message += " None of the spellings of it that were tried is let in either."
    if not (others or disallows(first.preflight, "origin")) and (proxies := proxies_of(case)):
        message += f" Or it is on the list, and {listing(proxies)} takes the header away: that looks the same."
    if any(page in ("http://localhost", "https://localhost") for page in pages):
        message += " An app made with Capacitor has such an origin on Android."
    headers = [
        needed(first.page, first.handshake, ok=bool(lines(first.handshake))),
        check(first.handshake, "Vary", "Origin", ok=varies(first.handshake)),
    ]
    if first.at_preflight and first.preflight is not None:
        headers.append(needed(first.page, first.preflight))
    yield one_hit(case, found, message, *headers, also=(first.preflight, *others.values()))


def _let_in(origin: str, page: str) -> str:
    apart = difference(origin, page)
    return f"It does let {origin} in" + (f"; {apart}." if apart else ".")


# --- one Access-Control-Allow-Origin, and it is another's ------------------------------------------------------------


@rule("SIO303", "static-origin-mismatch", "The server always names another origin", Rung.HANDSHAKE)
def static_origin_mismatch(case: Case) -> Iterable[Hit]:
    """The server answers with an `Access-Control-Allow-Origin` that is not this page's origin.

    In Socket.IO `cors: { origin: "https://a.example" }` is never compared with the request: that text is sent to
    everybody. A web server in front that sets a fixed header does the same. For more than one page give it an
    array, a pattern or a function: those are compared.

    **How it is told.** The header is there once, is an origin, and is not the page's, byte for byte. Where the answers
    to no origin and to a foreign one name the same, it is fixed.

    **What it is not.** A list answers a page that it lacks without the header (`origin-not-in-list`). The page's own
    origin with a slash behind it is `origin-trailing-slash`.
    """

    def message(page: str, value: str) -> str:
        url = case.plan.target.url
        if not value:
            return f"The server at {url} answers {page} with an empty {ALLOW_ORIGIN}, which lets nobody in."
        if "*" in value:
            return (
                f"The server at {url} answers {page} with {ALLOW_ORIGIN}: {value}, but browsers know no patterns: the "
                "value must be the page's origin itself."
            )
        said = f"The server at {url} lets {value} in, not {page}: its {ALLOW_ORIGIN} names that origin"
        said += " whoever asks." if _fixed(case, value) else "."
        apart = difference(value, page)
        return said + (f" Mind that {apart}." if apart else "")

    yield from _misnamed(case, "static-origin-mismatch", message)


@rule("SIO304", "origin-comma-list", "Several origins in one header", Rung.HANDSHAKE)
def origin_comma_list(case: Case) -> Iterable[Hit]:
    """The server sends a whole list as `Access-Control-Allow-Origin`, where browsers take one origin.

    Mostly an environment variable such as `CORS_ORIGIN=https://a.example,https://b.example` that is given to the server
    as one string. An array is what makes the server answer with the one that asks:
    `process.env.CORS_ORIGIN.split(",")`.

    **How it is told.** One header line whose value has several origins in it, separated by commas or blanks.

    **What it is not.** The header on two lines, or the same value twice, comes from two layers that each add it
    (`duplicate-acao-proxy`).
    """
    yield from _misnamed(
        case,
        "origin-comma-list",
        lambda page, value: (
            f"The server at {case.plan.target.url} answers with a list, {ALLOW_ORIGIN}: {value}, but browsers accept "
            "exactly one origin there, so nobody is let in. A list has to be an array in the server's options, so that "
            "it answers with the one that asks."
        ),
        chosen=False,
    )


@rule("SIO305", "origin-no-scheme", "The configured origin has no scheme", Rung.HANDSHAKE)
def origin_no_scheme(case: Case) -> Iterable[Hit]:
    """The server names a bare host as `Access-Control-Allow-Origin`: an origin begins with its scheme.

    **What it means.** Browsers send an origin with its scheme, so neither `app.example.com` nor `localhost:3000` ever
    equals one. As a string of `cors.origin` such text is sent as it is, and browsers refuse it; as an entry of a list
    it matches no page. Write the scheme before it.

    **How it is told.** The header is there once, and its value has no `://` in it, as `app.example.com` or
    `localhost:3000`. In a list such an entry matches no page; a preflight whose `Origin` is that very text is let in.

    **What it is not.** With a scheme, but another than the page's, it is `static-origin-mismatch`.
    """
    yield from misentered(case, "origin-no-scheme")
    yield from _misnamed(
        case,
        "origin-no-scheme",
        lambda page, value: (
            f"The server at {case.plan.target.url} answers with {ALLOW_ORIGIN}: {value}, which is no origin because "
            "the scheme is missing, so nobody is let in."
        ),
        chosen=False,
    )


@rule("SIO306", "origin-trailing-slash", "The configured origin has something behind it", Rung.HANDSHAKE)
def origin_trailing_slash(case: Case) -> Iterable[Hit]:
    """The server names the page's origin with a slash or a path behind it, and browsers compare byte for byte.

    **What it means.** What was configured is a URL, as the address bar shows it: `https://app.example.com/`, or one
    with a path. An origin ends behind its host, or behind its port where that is not the scheme's own. Take off what
    follows. python-socketio refuses a page over such an entry, with status 400.

    **How it is told.** The header is there once; its value begins with the page's origin and goes on with a slash. In a
    list such an entry matches no page; a preflight whose `Origin` has the slash is let in.

    **What it is not.** A list that lacks this origin in any spelling is `origin-not-in-list`.
    """
    yield from misentered(case, "origin-trailing-slash")
    yield from _misnamed(
        case,
        "origin-trailing-slash",
        lambda page, value: (
            f"The server at {case.plan.target.url} answers with {ALLOW_ORIGIN}: {value}, but the page's origin is "
            f"{page}, with nothing behind it; browsers compare the two byte for byte."
        ),
    )


def _misnamed(case: Case, slug: str, message: Callable[[str, str], str], *, chosen: bool = True) -> Iterable[Hit]:
    """One hit for each value of that kind that pages were answered with; ``chosen`` as in ``blocked``."""
    values: dict[str, list[tuple[Blocked, Exchange]]] = {}
    for one in blocked(case, chosen=chosen):
        for exchange in dict.fromkeys((one.decided.id, one.handshake.id)):
            answer = one.decided if exchange == one.decided.id else one.handshake
            if (value := _single(answer)) is not None and _kind(value, one.page) == slug:
                values.setdefault(value, []).append((one, answer))
                break
    for value, members in values.items():
        headers = [needed(one.page, answer) for one, answer in members]
        found = [one for one, _ in members]
        yield one_hit(
            case,
            found,
            message(listing(one.page for one in found), value),
            *headers,
            also=case.all("control", "foreign"),
        )


def _single(exchange: Exchange) -> str | None:
    """The one Access-Control-Allow-Origin of the answer; None where it has none, or several."""
    values = lines(exchange)
    return values[0] if len(values) == 1 else None


def _kind(value: str, page: str) -> str:
    """The slug of what is wrong with it; ``""`` where nothing is, or where it is another rule's."""
    parts = [part for part in re.split(r"[\s,]+", value) if part]
    if value in (page, "*"):
        return ""
    if len(parts) > 1:
        # The same twice, or a list with the wildcard in it: two layers, folded into one line on the way.
        return "origin-comma-list" if len(set(parts)) == len(parts) and "*" not in parts else ""
    if value.startswith(f"{page}/"):
        return "origin-trailing-slash"
    return "origin-no-scheme" if value and "://" not in value and value != "null" else "static-origin-mismatch"


def _fixed(case: Case, value: str) -> bool:
    """Nobody in particular got the same value."""
    return any(lines(exchange) == [value] for exchange in case.all("control", "foreign"))
