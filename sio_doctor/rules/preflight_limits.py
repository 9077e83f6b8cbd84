"""What a preflight's answer allows by `*` and by methods, and where a preflight of a session ends up."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange, get
from sio_doctor.rules.base import Case, Hit, Rung, alias, check, rule
from sio_doctor.rules.cors import ALLOW_HEADERS, ALLOW_METHODS, Blocked, blocked, lines, listing, one_hit, status
from sio_doctor.rules.session import is_unknown_session, session_of
from sio_doctor.rules.stickiness import heartbeats, sticky_cookies

alias(
    "preflight-no-cors-v3",
    "cors-not-configured",
    "Socket.IO 3 and 4 without a cors option answer the handshake without its headers, and the preflight 400 “Bad "
    "handshake method”: one option is missing, not one for preflights.",
)


@rule("SIO411", "acah-star-limits", "The * of Access-Control-Allow-Headers does not cover it", Rung.PREFLIGHT)
def acah_star_limits(case: Case) -> Iterable[Hit]:
    """The preflight allows headers by `*`, and what the page sends is more than that covers.

    Where credentials are sent, `*` is the name of a header like any other and covers none (an error). It never covers
    `Authorization`, as the Fetch standard has it: browsers let that pass still, and Chromium and Firefox warn that they
    will not (a warning). List the names; or send the token as `auth`, for which no browser asks.

    **How it is told.** `Access-Control-Allow-Headers` has a `*`. With credentials the page is refused because of it.
    Without, the page sends `Authorization`, and the list does not name it.

    **What it is not.** A list without a `*` that lacks the header is `preflight-header-not-allowed`. `*` in
    `Access-Control-Allow-Origin` has a limit of its own (`wildcard-with-credentials`).
    """
    found = [one for one in blocked(case) if "header-not-allowed" in one.codes() and has_star(one.preflight)]
    if found:
        yield _refused(case, found)
        return
    for page in case.plan.origins:
        preflight = case.first("preflight", origin=page)
        names = [name.strip().lower() for name in ",".join(lines(preflight, ALLOW_HEADERS)).split(",")]
        if preflight is None or case.plan.client.with_credentials or not 200 <= status(preflight) < 300:
            continue
        if "authorization" in _asked(preflight) and "*" in names and "authorization" not in names:
            message = (
                f"The server at {case.plan.target.url} allows Authorization by a * in {ALLOW_HEADERS}. Browsers let "
                "that pass still, but the standard does not, and Chromium and Firefox say in the console that they "
                "will stop: name Authorization there."
            )
            yield Hit(
                message,
                origins=(page,),
                headers=(check(preflight, ALLOW_HEADERS, "authorization"),),
                exchanges=(preflight.id,),
                severity="warning",
            )
            return


def _refused(case: Case, found: list[Blocked]) -> Hit:
    preflight = found[0].preflight
    assert preflight is not None
    names = [name for name in _asked(preflight) if name not in _listed(preflight)]
    message = (
        f"The server at {case.plan.target.url} answers the preflight with {ALLOW_HEADERS}: "
        f"{', '.join(lines(preflight, ALLOW_HEADERS))}, and the page sends {listing(names)} and credentials. Where "
        "credentials are sent, a * there covers nothing: it has to name the headers."
    )
    return one_hit(case, found, message, check(preflight, ALLOW_HEADERS, ", ".join(names)))


def has_star(preflight: Exchange | None) -> bool:
    """Its ``Access-Control-Allow-Headers`` has a ``*``."""
    return preflight is not None and "*" in _listed(preflight)


def _listed(preflight: Exchange) -> set[str]:
    return {name.strip().lower() for name in ",".join(lines(preflight, ALLOW_HEADERS)).split(",")}


def _asked(preflight: Exchange) -> list[str]:
    asked = (get(preflight.request.headers, "access-control-request-headers") or "").split(",")
    return [name.strip().lower() for name in asked if name.strip()]


@rule("SIO412", "preflight-not-sticky", "The preflight of a session goes to another process", Rung.POST)
def preflight_not_sticky(case: Case) -> Iterable[Hit]:
    """A load balancer keeps sessions together by a cookie, a preflight has no cookies, and Socket.IO 2 looks for its
    session all the same.

    Browsers ask by OPTIONS before each request with a header of the page's own, and before each message with binary
    data that goes by polling (`application/octet-stream`). That OPTIONS reaches any process, and one that does not know
    the session answers 400 “Session ID unknown”. Since version 3 preflights are answered before anybody looks for a
    session. Let it be answered in front, by `handlePreflightRequest`, or go by the address instead of a cookie.

    **How it is told.** A preflight with a session id gets “Session ID unknown” while requests with the session's cookie
    find it. `info` where no preflight was needed: the session holds by a cookie, and Engine.IO 3 answers OPTIONS
    itself.

    **What it is not.** Where requests with the cookie are lost too, nothing is sticky (`no-sticky-sessions`); where the
    page does not send the cookie, it is `sticky-cookie-not-sent`.
    """
    cookies = sticky_cookies(case)
    lost = [one for one in case.all("preflight") if session_of(one) and is_unknown_session(case, one)]
    kept = cookies or not any(is_unknown_session(case, one) for one in heartbeats(case))
    url = case.plan.target.url
    if lost and kept and any(status(one) == 200 for one in case.all("connect", "sticky")):
        by = f" by a cookie ({listing(sorted(cookies))})" if cookies else ""
        message = (
            f"{url} keeps a session together{by}, but not its preflights, which carry no cookies: OPTIONS got “Session "
            "ID unknown” from a process that does not know it."
        )
        pages = tuple(dict.fromkeys(one.request.origin for one in lost if one.request.origin))
        yield Hit(
            message, origins=pages, headers=(check(lost[0], "status", "200"),), exchanges=tuple(one.id for one in lost)
        )
        return
    if not (cookies and case.plan.client.version == 2 and _answers_itself(case)):
        return
    connecting = [one.origin for one in case.outcomes if one.connects]
    if not connecting or any(one.connects is False for one in case.outcomes):
        return
    message = (
        f"{url} keeps a session together by a cookie ({listing(sorted(cookies))}), and preflights carry none. "
        "Socket.IO 2 looks for the session of a preflight too, so a message with binary data that goes by polling can "
        "be refused (“Session ID unknown”): browsers ask first whether it may be sent. Text, and WebSockets, are not "
        "concerned."
    )
    posts = [one.id for one in case.all("sticky") if is_unknown_session(case, one)]
    yield Hit(message, origins=tuple(dict.fromkeys(connecting)), exchanges=tuple(posts[:1]), severity="info")


def _answers_itself(case: Case) -> bool:
    """Engine.IO 3 on Node answers preflights, and not ``handlePreflightRequest`` or something in front."""
    refusals = [case.refusal(one) for one in case.all("preflight", "simulated-preflight")]
    old = case.open is not None and case.open.protocol == 3
    return old and any(one is not None and (one.family, one.code) == ("node", 2) for one in refusals)


@rule("SIO413", "method-not-allowed", "Access-Control-Allow-Methods keeps nobody out here", Rung.PREFLIGHT)
def method_not_allowed(case: Case) -> Iterable[Hit]:
    """The preflight's list of methods lacks GET or POST, and that is not why the page fails: `info`, never more.

    Browsers never look for GET, HEAD and POST in `Access-Control-Allow-Methods`, and Socket.IO uses GET and POST alone.
    So `methods: ["GET"]` breaks nothing, and adding methods mends nothing.

    **How it is told.** A page does not connect, and a preflight that was answered well lists methods, GET or POST not
    among them.

    **What it is not.** The cause: that is the finding beside it. A console that speaks of a method that is not allowed
    speaks of another request, PUT or DELETE. A server that answers POST with 405 is `method-or-size-filter`.
    """
    for page in case.plan.origins:
        preflight = case.preflight(page)
        named = ",".join(lines(preflight, ALLOW_METHODS)).upper()
        methods = {name.strip() for name in named.split(",")}
        fails = any(outcome.connects is False for outcome in case.outcomes_of(page))
        if preflight is None or not named or not fails or not 200 <= status(preflight) < 300:
            continue
        missing = [name for name in ("GET", "POST") if name not in methods]
        if not missing or "*" in methods:
            continue
        message = (
            f"The preflight's {ALLOW_METHODS} at {case.plan.target.url} ({', '.join(lines(preflight, ALLOW_METHODS))}) "
            f"lacks {listing(missing)}, and that is not why it fails: browsers need no leave for GET and POST, which "
            "is all that Socket.IO uses."
        )
        yield Hit(message, origins=(page,), exchanges=(preflight.id,), severity="info")
        return
