"""A session is lost between its requests: to another process, for want of a cookie, or because the server restarted."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Connection, Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.cors import ALLOW_CREDENTIALS, ALLOW_ORIGIN, is_python, lines, listing, proxies_of, status
from sio_doctor.rules.page import NAMES
from sio_doctor.rules.session import astray, ended_by, is_spoilt, is_unknown_session, session_of
from sio_doctor.rules.stranger import ended
from sio_doctor.standards.cookies import names_sent

#: So many answers on fresh connections, all good, say that a cookie is what keeps a session together.
ENOUGH = 8
#: So many, one after the other, say that a session is gone for good, or that a later one is not.
GONE = 4


def heartbeats(case: Case, cookies: frozenset[str] = frozenset(), *, session: str = "") -> list[Exchange]:
    """The posts on fresh connections with those cookies, in that session (else the first that was asked so).

    None where the server took one of them for an error, which ends the session.
    """
    found = [one for one in case.all("sticky") if cookie_names(one) == cookies]
    found = [one for one in found if session_of(one) == (session or session_of(found[0]))]
    ended = any(status(one) >= 400 and not is_unknown_session(case, one) for one in found)
    return [] if ended else found


def cookie_names(exchange: Exchange) -> frozenset[str]:
    """The names of the cookies that were sent."""
    return names_sent(exchange.request.headers)


def sticky_cookies(case: Case) -> frozenset[str]:
    """The cookies with which a session is known to everybody, and without which it is not; empty where none are."""
    lost = any(is_unknown_session(case, one) for one in heartbeats(case))
    every = max((cookie_names(one) for one in case.all("sticky")), key=len, default=frozenset())
    kept = heartbeats(case, every) if lost and every else []
    return every if len(kept) >= ENOUGH and all(status(one) == 200 for one in kept) else frozenset()


def restarted(case: Case) -> bool:
    """The first session was lost and never known again, and one that was opened after it lives."""
    sessions = list(dict.fromkeys(session_of(one) for one in case.all("sticky")))
    if len(sessions) < 2:
        return False
    first = [one for one in case.all("sticky") if session_of(one) == sessions[0]]
    last = heartbeats(case, session=sessions[-1])
    ended = any(status(one) >= 400 and not is_unknown_session(case, one) for one in first)
    gone = not ended and all(is_unknown_session(case, one) for one in first[-GONE:])
    return gone and len(last) >= GONE and all(status(one) == 200 for one in last)


def _losing(case: Case) -> Hit | None:
    """Requests of one session reach processes that do not know it, and no other cause here explains it."""
    if "polling" not in case.plan.client.transports or not case.polls or astray(case):
        return None
    if case.cached or restarted(case) or sticky_cookies(case):
        return None
    probes, follow_ups = heartbeats(case), list(case.all("connect", "poll", "upgrade"))
    lost = [one for one in (*probes, *follow_ups) if is_unknown_session(case, one) and not is_spoilt(case, one)]
    if not lost:
        return None
    kept = [one for one in (*probes, *follow_ups) if status(one) in (101, 200)]
    missing = [one for one in probes if one in lost]
    counted = f"{len(missing)} of {len(probes)} requests on fresh connections" if missing else "a request"
    message = (
        f"{case.plan.target.url} loses sessions: of one that it had just opened, {counted} "
        f"got “{_words(case, lost[0])}”. "
    )
    if kept:
        message += (
            "Several processes answer there, and each knows its own sessions alone, so whether a page connects is "
            "luck: all requests of a session must reach the same process (sticky sessions)."
        )
        if not missing and probes:
            message += (
                f" All {len(probes)} requests on fresh connections found their session, so they are sent on by what "
                "is asked, but over connections that are kept they are not."
            )
    else:
        message += (
            "Not one request found its session. That is several processes without sticky sessions, or a handshake that "
            "comes out of a cache, or a server that restarts all the time."
        )
    if names := _set_cookies(case):
        with_them = [one for one in case.all("sticky") if cookie_names(one)]
        if with_them:
            message += f" The cookies that the handshake sets ({listing(names)}) do not help: it is lost with them too."
        else:
            message += (
                f" The handshake sets {listing(names)}: if stickiness goes by that cookie, a page of another site "
                "sends it back only with withCredentials: true, and if it is SameSite=None."
            )
    return Hit(
        message=message,
        headers=tuple(check(one, "status", "200") for one in lost[:1]),
        exchanges=tuple(one.id for one in (*lost, *kept)),
    )


def _by_workers(case: Case) -> bool:
    """Python answers, and no proxy was seen that could share out connections."""
    return is_python(case) and not proxies_of(case)


@rule("SIO501", "no-sticky-sessions", "Requests of one session reach different processes", Rung.POST)
def no_sticky_sessions(case: Case) -> Iterable[Hit]:
    """Several processes answer, and each knows only the sessions that it opened itself.

    A load balancer without stickiness, Node's cluster module, PM2 in cluster mode, Kubernetes replicas. Connecting is
    luck then: browsers keep connections, so it may work for one person and not for the next. A Redis adapter alone does
    not help. A client that uses WebSocket alone needs no stickiness. Let the balancer keep a visitor at one process, by
    a cookie or by the address, or run one process alone.

    **How it is told.** The session was opened a moment before, and requests in it, on fresh connections, get "Session
    ID unknown" (python: "Invalid session"), some of them or all; a later session fares no better, and the cookies that
    the handshake set do not help. Whether this run's own client got through does not matter: the outcome says luck.

    **What it is not.** Python with no proxy in front has several workers (`gunicorn-workers`). Where the handshake's
    cookies keep the session together, it is `sticky-cookie-not-sent`; where a session is gone for good and the next one
    lives, `restart-or-sleep`. Where *all* fail, nobody can tell many processes from a server that restarts all the
    time; the message says so.
    """
    hit = None if _by_workers(case) else _losing(case)
    return [hit] if hit else []


@rule("SIO505", "gunicorn-workers", "Several Python workers, each with its own sessions", Rung.POST)
def gunicorn_workers(case: Case) -> Iterable[Hit]:
    """The Python server runs in several worker processes, and each knows only the sessions that it opened itself.

    `gunicorn -w 2`, `uvicorn --workers 2`, `WEB_CONCURRENCY`, which Heroku sets unasked. gunicorn hands connections out
    at random, so it can work for a while; a message queue does not help. One worker with many threads does, or several
    servers with one worker each behind a proxy that is sticky.

    **How it is told.** As `no-sticky-sessions`, in python-engineio's words ("Invalid session"), and no proxy was seen
    in front.

    **What it is not.** With nginx or another proxy in front it may be that which shares out requests
    (`no-sticky-sessions`). A run in which all requests reach one worker shows nothing.
    """
    hit = _losing(case) if _by_workers(case) else None
    return [hit] if hit else []


@rule("SIO504", "sticky-cookie-not-sent", "Stickiness goes by a cookie that the page does not send", Rung.POST)
def sticky_cookie_not_sent(case: Case) -> Iterable[Hit]:
    """A load balancer keeps a session together by a cookie, and the page's browser does not send that cookie back.

    `AWSALB`, `SERVERID` (HAProxy), `INGRESSCOOKIE`, `GAESA`, `ARRAffinity`. Between two origins browsers keep and send
    cookies only with `withCredentials: true`; between two sites only those with `SameSite=None; Secure` as well; and
    Safari none at all, so that there one site for both, or WebSocket alone, is the only way.

    **How it is told.** Of requests on fresh connections some lose the session; with the cookies that the handshake set,
    eight of eight find it; and a browser does not send these from this page.

    **What it is not.** Where they are lost with the cookies too, nothing is sticky (`no-sticky-sessions`). A page that
    does send the cookie has no such trouble, and is not told of it.
    """
    names = sticky_cookies(case)
    if not names or not case.polls:
        return
    found = [one for one in case.outcomes if not one.connects and one.polling.allowed and _unsent(one, names)]
    if not found:
        return
    posts = heartbeats(case)
    lost = [one for one in posts if is_unknown_session(case, one)]
    message = (
        f"{case.plan.target.url} keeps a session together by a cookie ({listing(sorted(names))}): {len(lost)} of "
        f"{len(posts)} requests without it lost the session, and none with it. {unsent_lines(case, found, names)} So "
        "whether the page connects is luck."
    )
    if not case.plan.client.with_credentials and any(one.origin != case.plan.target.url for one in found):
        message += " The client needs withCredentials: true."
        handshake = case.handshake(found[0].origin)
        if lines(handshake, ALLOW_CREDENTIALS) != ["true"] or lines(handshake) != [found[0].origin]:
            message += f" Then {ALLOW_CREDENTIALS}: true is needed too, and {ALLOW_ORIGIN} has to name the page."
    yield Hit(
        message=message,
        origins=tuple(dict.fromkeys(one.origin for one in found if one.origin in case.plan.origins)),
        browsers=tuple(dict.fromkeys(one.browser for one in found)),
        headers=tuple(check(one, "status", "200") for one in lost[:1]),
        exchanges=tuple(one.id for one in (*lost, *heartbeats(case, names))),
    )


@rule("SIO506", "restart-or-sleep", "The server forgot its sessions while it was asked", Rung.POST)
def restart_or_sleep(case: Case) -> Iterable[Hit]:
    """Sessions live in the memory of the process: when it restarts, or its host puts it to sleep, they are gone.

    A deployment, a crash that a supervisor makes good, a development server that watches its files, a free plan that
    sleeps. A page loses its session, gets "Session ID unknown" once, and its client opens a new one.

    **How it is told.** A session that had just been opened was lost, with every request from then on, and a session
    that was opened after it lives. What became of the page is then judged by a new attempt. Or a session was opened,
    and connections to the same server are refused after it.

    **What it is not.** Where sessions are lost now and then and found again, several processes answer
    (`no-sticky-sessions`).
    """
    # What a WebSocket ends has two servers on one port (`two-instances-one-server`).
    if (refused := ended(case)) and not ended_by(case):
        yield Hit(
            f"The server at {case.plan.target.url} ended while it was asked: it opened a session, and then nothing "
            "listens there any more. A process that ends at what a client sends has an error that nobody catches, and "
            "its log says where. (Or somebody stopped it just then: run this again.)",
            exchanges=(refused.id,),
        )
    if not restarted(case):
        return
    lost = [one for one in case.all("sticky", "connect", "poll") if is_unknown_session(case, one)]
    yield Hit(
        message=(
            f"{case.plan.target.url} forgot its sessions while it was asked: one that it had just opened was not known "
            f"any more ({len(lost)} requests got “{_words(case, lost[0])}”), and one that was opened after it is. It "
            "restarted meanwhile, or its host replaced or woke it. Run this again: if it comes back, see in the "
            "server's log why it restarts."
        ),
        headers=tuple(check(one, "status", "200") for one in lost[:1]),
        exchanges=tuple(one.id for one in lost),
        severity=None if any(one.connects is False for one in case.outcomes) else "warning",
    )


def _unsent(outcome: Connection, names: frozenset[str]) -> list[str]:
    """Those of the cookies that the browser does not send back."""
    sent = {cookie.name for cookie in outcome.cookies if cookie.sent}
    return sorted(names - sent)


def unsent_lines(case: Case, outcomes: Iterable[Connection], names: Iterable[str]) -> str:
    """Which browsers do not send which of those cookies back, and why: a sentence or two for each reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        for cookie in outcome.cookies:
            if cookie.name in names and not cookie.sent:
                who = reasons.setdefault((cookie.name, cookie.reason or ""), [])
                who.append(NAMES[outcome.browser])
    said = []
    for (name, reason), browsers in reasons.items():
        verb = "do" if len(set(browsers)) > 1 else "does"
        said.append(f"{listing(dict.fromkeys(browsers))} {verb} not send {name} back. {reason}")
    return " ".join(said)


def _words(case: Case, exchange: Exchange) -> str:
    refusal = case.refusal(exchange)
    return " ".join(refusal.message.split(" ")[:2]) if refusal and refusal.family == "python" else "Session ID unknown"


def _set_cookies(case: Case) -> list[str]:
    """The cookies that the handshake sets, but Engine.IO's own."""
    names = [
        line.partition("=")[0].strip()
        for exchange in case.all("handshake", "control")
        for line in lines(exchange, "Set-Cookie")
    ]
    return list(dict.fromkeys(name for name in names if name != "io"))
