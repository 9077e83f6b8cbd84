"""The page sends headers of its own, so browsers ask by OPTIONS first, and that answer stops them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sio_doctor.model import get
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import (
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    Blocked,
    blocked,
    disallows,
    lines,
    listing,
    needed,
    one_hit,
    status,
)
from sio_doctor.rules.response_header import is_response_header, missing_of, stopped_by_response_headers
from sio_doctor.rules.stranger import described


def _preflighted(case: Case) -> Iterator[Blocked]:
    """The pages that a preflight stops, which they need for some header that is theirs to send."""
    return (
        one
        for one in blocked(case)
        if one.at_preflight and one.preflight is not None and not stopped_by_response_headers(case, one)
    )


def _extra(case: Case) -> str:
    """The names of the page's own headers, which are why there is a preflight at all."""
    return listing(name for name, _ in case.plan.client.extra_headers) if case.plan.client.extra_headers else "a header"


@rule("SIO403", "preflight-header-not-allowed", "A header of the page is not allowed", Rung.PREFLIGHT)
def preflight_header_not_allowed(case: Case) -> Iterable[Hit]:
    """The page sends a header of its own, and the answer to the preflight does not list it.

    Node allows whatever is asked for unless `cors.allowedHeaders` is set; python-socketio always does. `*` covers every
    name, but where credentials are sent it is only a name like any other.

    **How it is told.** The preflight has a good status, and its `Access-Control-Allow-Headers` lacks a header of the
    page. Where the origin or the credentials are refused too, this comes second.

    **What it is not.** Where the preflight has no CORS headers at all, a layer in front answers it
    (`preflight-empty-2xx`). `Access-Control-Allow-Methods` never matters: Socket.IO uses GET and POST alone.
    """
    found = [one for one in _preflighted(case) if "header-not-allowed" in one.codes() or _is_refused_header(one)]
    found = found or [one for one in _preflighted(case) if _is_refused_next(case, one)]
    if not found:
        return
    first = found[0]
    preflight = first.preflight or first.handshake
    missing = missing_of(first)
    said = lines(preflight, ALLOW_HEADERS)
    lets_in = not _is_refused_next(case, first)
    listed = f"its {ALLOW_HEADERS} lists {', '.join(said)}" if said else f"it has no {ALLOW_HEADERS}"
    message = (
        f"The server at {case.plan.target.url} does not allow the header {listing(missing)} that the page sends: the "
        f"preflight is answered well{' otherwise' if lets_in else ''}, but {listed}."
    )
    if not lets_in:
        message += " That comes up once the page is let in."
    if "*" in ",".join(said):
        message += " Where credentials are sent, the * there covers nothing."
    headers = [check(preflight, ALLOW_HEADERS, ", ".join(missing)), needed(first.page, preflight, ok=lets_in)]
    yield one_hit(case, found, message, *headers)


def _is_refused_header(one: Blocked) -> bool:
    return disallows(one.preflight, "headers") and not disallows(one.preflight, "origin")


def _is_refused_next(case: Case, one: Blocked) -> bool:
    """Its origin or credentials are refused, and behind that a header would be: the list is there, and lacks it.

    Where credentials are sent, the * there covers nothing, but who puts that right mostly drops the *.
    """
    listed = lines(one.preflight, ALLOW_HEADERS)
    decided = one.codes() & {"header-not-allowed", "allow-headers-invalid", "allow-methods-invalid"}
    if not 200 <= status(one.preflight) < 300 or not listed or "*" in listed or decided:
        return False
    assert one.preflight is not None
    asked = (get(one.preflight.request.headers, "access-control-request-headers") or "").split(",")
    allowed = {name.strip().lower() for name in ",".join(listed).split(",")}
    own = {name.lower() for name, _ in case.plan.client.extra_headers}
    return any(
        (name := header.strip().lower()) in own and name not in allowed and not is_response_header(name)
        for header in asked
    )


@rule("SIO404", "preflight-blocked-upstream", "Something in front refuses the preflight", Rung.PREFLIGHT)
def preflight_blocked_upstream(case: Case) -> Iterable[Hit]:
    """A proxy, a firewall or a gateway refuses OPTIONS, which browsers send without credentials before the handshake.

    nginx's `limit_except` and `auth_basic`, IIS request filtering, API gateways, a static file server. Let OPTIONS
    through to the Socket.IO server, and without a login: a browser never sends a password or a cookie with it.

    **How it is told.** The preflight gets an error that is not in Engine.IO's words, or no answer, while the handshake
    by GET succeeds.

    **What it is not.** 400 "Bad handshake method" is Engine.IO itself (`preflight-unhandled-v2`, or
    `cors-not-configured` where the handshake has no CORS headers either). An error for GET too is no matter of CORS.
    """
    found = [one for one in _preflighted(case) if _refused_upstream(case, one)]
    if not found:
        return
    first = found[0]
    preflight = first.preflight
    assert preflight is not None
    what = f"with {described(preflight.response)}" if preflight.response else "with no answer at all"
    message = (
        f"The preflight never reaches the Socket.IO server at {case.plan.target.url}: OPTIONS is met {what}, while GET "
        f"gets a handshake. The page sends {_extra(case)}, so browsers ask by OPTIONS first, always without cookies "
        "and passwords."
    )
    if status(preflight) == 401:
        message += " A layer that asks for a password has to let OPTIONS pass without one."
    yield one_hit(case, found, message, check(preflight, "status", "200 to 299"), needed(first.page, preflight))


def _refused_upstream(case: Case, one: Blocked) -> bool:
    response = one.preflight.response if one.preflight else None
    if response is None:
        return not _speaks_3(case, one)
    return response.status >= 400 and case.refusal(one.preflight) is None and not disallows(one.preflight)


@rule("SIO405", "preflight-unhandled-v2", "Engine.IO does not answer preflights", Rung.PREFLIGHT)
def preflight_unhandled_v2(case: Case) -> Iterable[Hit]:
    """The page sends a header of its own, and the Engine.IO server takes the preflight for a bad handshake.

    Socket.IO 2 answers no preflight unless `handlePreflightRequest` does; one that never ends the response leaves the
    browser waiting. In Socket.IO 3 and 4 it is `cors.preflightContinue: true`, or headers that are added beside the
    `cors` option: by `io.engine.on("headers")`, or by a proxy that adds them to 200 alone.

    **How it is told.** The handshake has `Access-Control-Allow-Origin`; its preflight gets Engine.IO's own 400 "Bad
    handshake method".

    **What it is not.** Without CORS headers on the handshake either, it is `cors-not-configured`.
    """
    found = [one for one in _preflighted(case) if lines(one.handshake) and _unhandled(case, one)]
    if not found:
        return
    first = found[0]
    preflight = first.preflight
    assert preflight is not None
    message = (
        f"The Engine.IO server at {case.plan.target.url} does not answer preflights, and the page's {_extra(case)} "
        "makes browsers send one: "
    )
    if preflight.response is None:
        message += "no answer came, as where handlePreflightRequest does not end the response."
    elif lines(preflight):
        message += (
            f"OPTIONS gets 400 “Bad handshake method”, though with {ALLOW_ORIGIN}. Socket.IO 2 does so without "
            "handlePreflightRequest, later versions with cors.preflightContinue."
        )
    else:
        message += (
            f"OPTIONS gets 400 “Bad handshake method” without {ALLOW_ORIGIN}. What adds that header to the handshake, "
            "a proxy or code beside the cors option, does not add it there."
        )
    headers = [check(preflight, "status", "200 to 299"), needed(first.page, preflight, ok=bool(lines(preflight)))]
    yield one_hit(case, found, message, *headers)


def _unhandled(case: Case, one: Blocked) -> bool:
    if one.preflight is not None and one.preflight.response is None:
        return _speaks_3(case, one)
    refusal = case.refusal(one.preflight)
    return refusal is not None and (refusal.code == 2 or refusal.message == "Method Not Found")


def _speaks_3(case: Case, one: Blocked) -> bool:
    """The server is Socket.IO 2 or older, so ``handlePreflightRequest`` answers preflights, or nobody does."""
    opened = case.opened(one.handshake)
    return opened is not None and opened.protocol == 3


@rule("SIO406", "preflight-empty-2xx", "The preflight is answered without CORS headers", Rung.PREFLIGHT)
def preflight_empty_2xx(case: Case) -> Iterable[Hit]:
    """Something answers OPTIONS with success, but without the CORS headers that browsers look for in it.

    Mostly nginx's `if ($request_method = OPTIONS) { return 204; }`: an `add_header` inside the `if` replaces those
    outside of it.

    **How it is told.** The preflight has a status of 200 to 299 and no `Access-Control-Allow-Origin`, while the
    handshake has it.

    **What it is not.** Where the handshake lacks it too, the origin is not let in at all.
    """
    found = [
        one
        for one in _preflighted(case)
        if 200 <= status(one.preflight) < 300 and not lines(one.preflight) and lines(one.handshake)
    ]
    if not found:
        return
    first = found[0]
    preflight = first.preflight
    assert preflight is not None
    message = (
        f"The preflight to {case.plan.target.url} is answered {status(preflight)} without {ALLOW_ORIGIN}, although the "
        f"handshake has it. The page sends {_extra(case)}, so browsers look at the preflight first; a layer in front "
        "seems to answer it by itself."
    )
    headers = [needed(first.page, preflight), needed(first.page, first.handshake, ok=True)]
    yield one_hit(case, found, message, *headers)


@rule("SIO407", "preflight-redirect", "The preflight is redirected", Rung.PREFLIGHT)
def preflight_redirect(case: Case) -> Iterable[Hit]:
    """OPTIONS is answered with a redirect, which browsers do not follow for a preflight.

    **What it means.** A page that sends a header of its own has the browser ask first, by OPTIONS and without cookies.
    Whoever comes without a login, by http, or without the `www.` is sent elsewhere, and there the browser gives up. Let
    OPTIONS pass, ask the final address at once, or send the token in `auth`, which needs no preflight.

    **How it is told.** The preflight gets a status of 300 to 399, while the handshake by GET is answered at the same
    URL.

    **What it is not.** Where GET is redirected as well, the finding is where to (`redirect-http-to-https` and others).
    """
    found = [one for one in _preflighted(case) if 300 <= status(one.preflight) < 400]
    if not found:
        return
    preflight = found[0].preflight
    assert preflight is not None
    target = "".join(lines(preflight, "Location")[:1]) or "nowhere"
    message = (
        f"The preflight to {case.plan.target.url} is redirected ({status(preflight)} to {target}), and browsers follow "
        f"no redirect there. GET is answered at once; only OPTIONS, which the page's {_extra(case)} makes browsers "
        "send, is sent elsewhere."
    )
    yield one_hit(case, found, message, check(preflight, "status", "200 to 299"))


@rule("SIO408", "preflight-malformed", "The preflight's answer cannot be parsed", Rung.PREFLIGHT)
def preflight_malformed(case: Case) -> Iterable[Hit]:
    """A list in the answer to the preflight has something in it that is no token, so browsers refuse all of it.

    Typical are blanks or semicolons between the names, or a whole header (`Access-Control-Allow-Origin: …`) as an
    entry of `allowedHeaders`.

    **How it is told.** `Access-Control-Allow-Headers` or `Access-Control-Allow-Methods` is there, and one of its items
    is no token of HTTP.

    **What it is not.** A list that can be read and lacks a header is `preflight-header-not-allowed`.
    """
    for code, name in (("allow-headers-invalid", ALLOW_HEADERS), ("allow-methods-invalid", ALLOW_METHODS)):
        found = [one for one in _preflighted(case) if code in one.codes()]
        if not found:
            continue
        preflight = found[0].preflight
        assert preflight is not None
        message = (
            f"The server at {case.plan.target.url} answers the preflight with {name}: "
            f"{', '.join(lines(preflight, name))}, which is no list of names separated by commas, so browsers refuse "
            "it as a whole."
        )
        yield one_hit(case, found, message, check(preflight, name, "names separated by commas"))
