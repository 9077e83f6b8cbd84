"""The page is let in, but not with the credentials that it sends along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sio_doctor.model import Cookie
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import (
    ALLOW_CREDENTIALS,
    ALLOW_ORIGIN,
    OPTION_SHAPE,
    Blocked,
    answers_star,
    blocked,
    let_in,
    lines,
    listing,
    needed,
    one_hit,
    varies,
)
from sio_doctor.rules.stickiness import sticky_cookies, unsent_lines
from sio_doctor.standards.url import is_potentially_trustworthy

#: Names of cookies that hold a login or keep a client on one server.
_MATTERS = re.compile(
    r"sess|sid$|^io$|auth|token|jwt|^AWSALB|affinity|^SERVERID|^GAESA|INGRESSCOOKIE|^route$|sticky|backend|^lb",
    re.IGNORECASE,
)
_NO_MATTER = re.compile(r"csrf|xsrf", re.IGNORECASE)


@rule("SIO401", "wildcard-with-credentials", "The wildcard does not cover credentials", Rung.HANDSHAKE)
def wildcard_with_credentials(case: Case) -> Iterable[Hit]:
    """The page sends credentials (`withCredentials: true`), and the server answers `Access-Control-Allow-Origin: *`.

    With credentials browsers want the page's own origin there.

    **How it is told.** The header is exactly `*` and the client's credentials mode is `include`. A server that also
    says `Access-Control-Allow-Credentials: true`, as `cors: { origin: "*", credentials: true }` makes it, changes
    nothing.

    **What it is not.** Where the header names the page, but `Access-Control-Allow-Credentials` is not `true`, it is
    `acac-missing`. socket.io-client 2 sends credentials without being told so (`v2-client-always-credentialed`).
    """
    if case.plan.client.version != 2:
        yield from _wildcard(case, "the client is set to withCredentials: true")


@rule(
    "SIO410", "v2-client-always-credentialed", "Client 2 sends credentials, and * does not cover them", Rung.HANDSHAKE
)
def v2_client_always_credentialed(case: Case) -> Iterable[Hit]:
    """The page has socket.io-client 2, which sends credentials unasked, and the answer is a `*`.

    engine.io-client before 4 sets `withCredentials` unless it is told `withCredentials: false`, so the page that nobody
    gave credentials to has them. Servers of version 2 name the page's origin; what says `*` to it is a newer server, or
    a proxy. Let it name the origin and `Access-Control-Allow-Credentials: true`, or set `withCredentials: false`.

    **How it is told.** `Access-Control-Allow-Origin` is exactly `*`, and the client is of version 2 (`EIO=3`).

    **What it is not.** Later clients send credentials only when told so (`wildcard-with-credentials`). A server that
    does not take `EIO=3` at all is too new for the client, and that comes first (`client-too-old`).
    """
    if case.plan.client.version == 2:
        why = (
            "socket.io-client 2 always sends credentials unless withCredentials is false, though nobody has asked for "
            "them"
        )
        yield from _wildcard(case, why)


def _wildcard(case: Case, why: str) -> Iterable[Hit]:
    found = [one for one in blocked(case) if _told_of(one, "allow-origin-wildcard") or _next(case, one) == {"*"}]
    if not found:
        return
    beside = found[0].at_preflight and lines(found[0].handshake) not in ([], ["*"])
    message = (
        f"The server at {case.plan.target.url} answers {'the preflight ' if beside else ''}with {ALLOW_ORIGIN}: *, "
        f"which browsers refuse where credentials are sent, and {why}. The header has to name "
        f"{listing(one.page for one in found)}."
    )
    if beside:
        message += " On the handshake it does, so a layer in front seems to answer the preflight by itself."
    elif answers_star(case):
        message += f" {OPTION_SHAPE}"
    yield one_hit(case, found, message, *(needed(one.page, one.decided) for one in found))


@rule("SIO402", "acac-missing", "The server does not allow credentials", Rung.HANDSHAKE)
def acac_missing(case: Case) -> Iterable[Hit]:
    """The page sends credentials, and the server lets its origin in, but not with credentials.

    **What it means.** `withCredentials: true` makes the browser send cookies, and hand the answer to the page only
    where the server allows just that: `credentials: true` beside a named `origin` in `cors`. python-socketio allows it
    unless `cors_credentials=False` is set, a proxy that sets the headers has to add this one too. A page that needs no
    cookies can leave `withCredentials` out.

    **How it is told.** `Access-Control-Allow-Origin` is the page's origin, and `Access-Control-Allow-Credentials` is
    missing or is not exactly `true` (`True` and `1` do not count).

    **What it is not.** With `Access-Control-Allow-Origin: *` it is `wildcard-with-credentials` (with client 2
    `v2-client-always-credentialed`). `true, true` comes from two layers (`duplicate-acao-proxy`).
    """
    found = [
        one
        for one in blocked(case)
        if (_told_of(one, "allow-credentials") and "," not in (",".join(lines(one.decided, ALLOW_CREDENTIALS))))
        or (_next(case, one) - {"*"} and not lines(one.handshake, ALLOW_CREDENTIALS))
        or _unlisted(case, one)
    ]
    if not found:
        return
    first = found[0]
    value = lines(first.decided, ALLOW_CREDENTIALS)
    why = f"it is “{value[0]}”, not “true”" if value else "it is missing"
    named = lines(first.decided) == [first.page]
    message = (
        f"The server at {case.plan.target.url} lets {listing(one.page for one in found)} in, but not with credentials, "
        if named
        else f"The server at {case.plan.target.url} allows no page credentials, "
    )
    message += f"which this client sends: it needs {ALLOW_CREDENTIALS}: true, and {why}."
    headers = [check(first.decided, ALLOW_CREDENTIALS, "true")]
    headers += [needed(first.page, first.decided, ok=True)] if named else []
    yield one_hit(case, found, message, *headers)


def _told_of(one: Blocked, code: str) -> bool:
    """By that check the page was refused, and not in a protocol that the client does not speak: version 2 sends
    credentials unless told not to, and its successor only when told so."""
    return code in one.codes() and one.handshake.purpose != "other-protocol"


def _next(case: Case, one: Blocked) -> set[str]:
    """The origins that the handshake names, where the page is refused before anybody looks at credentials."""
    if not case.plan.client.with_credentials or one.handshake.purpose == "other-protocol":
        return set()
    first = one.codes() & {"allow-origin-wildcard", "allow-credentials"}
    return set() if first else {part.strip() for value in lines(one.handshake) for part in value.split(",")}


def _unlisted(case: Case, one: Blocked) -> bool:
    """The page is on no list, and who is on it gets no credentials either: Node says so in the same breath."""
    if not case.plan.client.with_credentials or one.handshake.purpose == "other-protocol" or lines(one.handshake):
        return False
    if others := let_in(case, one.page):
        return not any(lines(other, ALLOW_CREDENTIALS) for other in others.values())
    node = case.server.stack == "socket.io" and not (case.server.version or "").startswith("2")
    return node and varies(one.handshake) and not lines(one.handshake, ALLOW_CREDENTIALS)


@rule("SIO409", "cookie-samesite", "The page's browser does not send the server's cookie back", Rung.POST)
def cookie_samesite(case: Case) -> Iterable[Hit]:
    """The client sends credentials, and the server sets a session cookie that does not come back from this page.

    Between two sites (registrable domains, as example.com; in Chromium with their schemes) cookies need
    `SameSite=None; Secure`, and so https. Without SameSite they count as Lax in Chromium, Firefox sends them, Safari
    sends no cookie of another site at all. Between app.example.com and api.example.com every cookie goes.

    **How it is told.** The handshake sets a cookie whose name is that of a session, a login or a load balancer, and
    what was measured in each browser says that it is not kept or not sent. `info`, not a warning, where Safari alone
    does not, for nothing on the server can change that.

    **What it is not.** Where requests are lost for want of it, it is `sticky-cookie-not-sent`. Without credentials no
    cookie goes to another origin at all, which is what most pages want. The cookie `io` of Socket.IO 2 is not told of:
    nobody reads it.
    """
    if not case.plan.client.with_credentials or not case.polls:
        return
    known = sticky_cookies(case)
    found = {
        outcome: [cookie for cookie in outcome.cookies if not cookie.sent and cookie.name not in known]
        for outcome in case.outcomes
        if outcome.polling.allowed
    }
    found = {outcome: kept for outcome, cookies in found.items() if (kept := [*filter(_told(case), cookies)])}
    if not found:
        return
    names = dict.fromkeys(cookie.name for cookies in found.values() for cookie in cookies)
    # Safari's own refusals: of all cookies of other sites, and of Secure ones by http on this very machine.
    local = is_potentially_trustworthy(case.plan.target.url)
    own = {"third-party", "secure"} if local else {"third-party"}
    safari = all(cookie.code in own for cookies in found.values() for cookie in cookies)
    handshakes = [one for outcome in found if (one := case.handshake(outcome.origin))]
    yield Hit(
        message=(
            f"The handshake with {case.plan.target.url} sets {listing(names)}, and the client sends credentials, but "
            f"not this: {unsent_lines(case, found, names)}"
        ),
        origins=tuple(dict.fromkeys(outcome.origin for outcome in found if outcome.origin in case.plan.origins)),
        browsers=tuple(dict.fromkeys(outcome.browser for outcome in found)),
        headers=tuple(check(one, "Set-Cookie", "SameSite=None; Secure") for one in handshakes[:1]),
        exchanges=tuple(dict.fromkeys(one.id for one in handshakes)),
        severity="info" if safari else "warning",
    )


def _told(case: Case) -> Callable[[Cookie], bool]:
    """Which of the cookies matter: Engine.IO's own does where somebody has asked for it, which version 2 does not."""
    own = case.open is not None and case.open.framing == "v4"

    def matters(cookie: Cookie) -> bool:
        if cookie.name == "io" and not own:
            return False
        return bool(_MATTERS.search(cookie.name)) and not _NO_MATTER.search(cookie.name)

    return matters
