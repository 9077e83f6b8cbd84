"""From Evidence to what the browsers make of it, and to whom the server lets in. Pure."""

from __future__ import annotations

from functools import partial
from itertools import takewhile

from sio_doctor.browser import client
from sio_doctor.browser.document import document_of
from sio_doctor.browser.replay import Memory, replay, replays, unreachable, verified
from sio_doctor.browser.request import Page
from sio_doctor.browser.session import page_of
from sio_doctor.browser.table import ENGINES, Engine
from sio_doctor.model import (
    FOREIGN,
    STAND_IN,
    Browser,
    Connection,
    Evidence,
    Exchange,
    Plan,
    Policy,
    PolicyKind,
    Response,
    Verdict,
)
from sio_doctor.standards import engineio
from sio_doctor.standards import url as urls
from sio_doctor.standards.cookies import names_sent

LUCK = "Whether it connects is luck: requests of its session may reach a process that does not know it."


def judge(evidence: Evidence, *, permitted: bool = False) -> tuple[Connection, ...]:
    """What becomes of socket.io-client in each browser on each chosen page (on the stand-in where none was chosen).

    ``permitted``: as if the page's Content-Security-Policy let it connect, so that one sees what would fail next.
    """
    memory, document = verified(evidence), document_of(evidence.plan, evidence.exchanges)
    return tuple(
        _connection(evidence, memory, page_of(origin, document, permitted=permitted), browser)
        for origin in evidence.plan.origins or (STAND_IN,)
        for browser in evidence.plan.browsers
    )


def _connection(evidence: Evidence, memory: Memory, page: Page, browser: Browser) -> Connection:
    engine, plan = ENGINES[browser], evidence.plan
    address, memory = _at_its_address(evidence, engine, memory)
    attempt = _attempt(engine, page, plan, memory)
    by_luck = _is_luck(evidence, attempt)
    if by_luck and not _goes_astray(evidence, attempt):
        attempt = attempt._replace(connects=None, reason=LUCK, transport=None, error=None)
    polling = replay(client.handshake(engine, page, plan), memory).verdict
    websocket = replay(client.direct(engine, page, plan), memory).verdict
    return Connection(
        origin=page.origin,
        browser=browser,
        connects=attempt.connects,
        reason=attempt.reason,
        by_luck=by_luck,
        transport=attempt.transport,
        error=attempt.error,
        polling=polling,
        websocket=websocket or Verdict(allowed=None, code="not-asked", reason="This was not asked."),
        upgraded=attempt.upgraded,
        console=attempt.console,
        cookies=attempt.cookies,
        address=address,
    )


def _attempt(engine: Engine, page: Page, plan: Plan, memory: Memory) -> client.Attempt:
    """What became of the client's attempt; of several with the same cookies, the last."""
    attempts = replays(partial(client.connect, engine, page, plan), memory)
    if not attempts:
        return client.Attempt(None, "No session was had in which this browser's cookies could be sent.")
    return next((attempt for attempt in reversed(attempts) if attempt.connects is not None), attempts[0])


def _is_luck(evidence: Evidence, attempt: client.Attempt) -> bool:
    """Whether the attempt got through depended on which process its requests reached.

    Heartbeats on fresh connections tell it, with the cookies that this browser sends of those that the handshake sets;
    and the attempt's own requests, up to the first that had no answer: giving a poll up ends the session.
    """
    posts = _heartbeats(evidence, {cookie.name for cookie in attempt.cookies if cookie.sent})
    own = [one for one in evidence.all("connect", "poll") if attempt.sid is not None and _sid(one) == attempt.sid]
    own = list(takewhile(lambda one: one.response is not None, own))
    lost = any(map(_is_lost, own))
    if attempt.sid is None or not (attempt.connects or lost):
        return False
    answers = [*posts, *own]
    return any(map(_is_lost, answers)) and any(one.response and one.response.status == 200 for one in answers)


def _goes_astray(evidence: Evidence, attempt: client.Attempt) -> bool:
    """CONNECT was lost on the very connection that the handshake came over: every request goes to the next process in
    turn, and a page's first ones always do.
    """
    posted = next(
        (one for one in evidence.all("connect") if attempt.sid is not None and _sid(one) == attempt.sid), None
    )
    kept = all(
        "close" not in (one.response.get("connection") or "").lower()
        for one in evidence.all("handshake")
        if one.response
    )
    return posted is not None and _is_lost(posted) and kept


def _heartbeats(evidence: Evidence, cookies: set[str]) -> list[Exchange]:
    """Those of the session that was asked last, with those cookies; none where the server took one for an error."""
    asked = list(evidence.all("sticky"))
    known = frozenset().union(*(names_sent(one.request.headers) for one in asked))
    posts = [
        one for one in asked if _sid(one) == _sid(asked[-1]) and names_sent(one.request.headers) == cookies & known
    ]
    errors = (one for one in posts if one.response is None or one.response.status >= 400)
    return posts if all(map(_is_lost, errors)) else []


def _sid(exchange: Exchange) -> str:
    return engineio.session_of(exchange.request.url)


def _is_lost(exchange: Exchange) -> bool:
    return engineio.is_unknown_session(exchange.response)


def _at_its_address(evidence: Evidence, engine: Engine, memory: Memory) -> tuple[str | None, Memory]:
    """Which address of ``localhost`` this browser asks, where they answer otherwise, and what it meets there.

    At the address that was not met first, the handshake alone was asked; what follows is not known.
    """
    met = evidence.first("handshake")
    others = [other for other in evidence.all("other-address") if not unreachable(other)]
    if met is None or met.address is None or not urls.is_loopback_host(urls.parse(evidence.plan.target.url).host):
        return None, memory
    if all(_manner(other) == _manner(met) for other in others):
        return None, memory
    for other in others:
        if other.address and (":" in other.address) == (engine.localhost_first == 6):
            return other.address, Memory([other])
    return met.address, memory


def _manner(exchange: Exchange) -> tuple[object, ...]:
    """In what the answers of two servers differ, as far as it matters to a page."""
    answer = exchange.answer
    if not isinstance(answer, Response):
        return (answer.kind,)
    if not _is_engine(answer):
        return ("a stranger",)
    return (answer.status, answer.get("access-control-allow-origin"))


def policy(evidence: Evidence) -> Policy:
    """Whom the server lets in, read off its answers to no origin, a foreign one, and the pages'."""
    pages = evidence.plan.origins or (STAND_IN,)
    # A page of the server's own origin tells nothing about others.
    own = [page for page in pages if page not in (evidence.plan.target.url, "null")]
    answers = {
        origin: exchange.response
        for origin in (None, FOREIGN, *own)
        if (exchange := _handshake(evidence, origin)) and exchange.response
    }
    if not any(map(_is_engine, answers.values())):
        return Policy()
    preflight = next((e.response for e in evidence.all("preflight", "simulated-preflight") if e.response), None)
    shown = next((answer for origin in (*own, FOREIGN, None) if (answer := answers.get(origin))), None)
    return Policy(
        kind=_kind(answers, preflight),
        allow_origin=shown.get("access-control-allow-origin") if shown else None,
        credentials=shown.get("access-control-allow-credentials") == "true" if shown else None,
        methods=_tokens(preflight, "access-control-allow-methods"),
        allowed_headers=_tokens(preflight, "access-control-allow-headers"),
        reflects_headers=_reflects_headers(evidence),
        exposed_headers=_tokens(shown, "access-control-expose-headers"),
        max_age=_integer(preflight, "access-control-max-age"),
        preflight_status=preflight.status if preflight else None,
        vary=_tokens(shown, "vary"),
    )


def _handshake(evidence: Evidence, origin: str | None) -> Exchange | None:
    if origin is None:
        return evidence.first("control")
    return evidence.first("handshake", "foreign", origin=origin)


def _is_engine(answer: Response) -> bool:
    return engineio.read_open(answer) is not None or engineio.read_refusal(answer) is not None


def _kind(answers: dict[str | None, Response], preflight: Response | None) -> PolicyKind:
    allowed = {origin: answer.get("access-control-allow-origin") for origin, answer in answers.items()}
    foreign = answers.get(FOREIGN)
    if foreign is None:
        return "unknown"
    others = [value for origin, value in allowed.items() if origin not in (None, FOREIGN)]
    if foreign.status >= 400 and any(answer.status < 400 for origin, answer in answers.items() if origin != FOREIGN):
        return "refuses"
    if allowed[FOREIGN] == "*":
        return "any"
    if allowed[FOREIGN] == FOREIGN:
        return "reflect"
    if allowed[FOREIGN] is not None:
        return "fixed"
    if any(value is not None for value in others):
        return "list"
    if any(value is not None for value in allowed.values()):
        return "unknown"
    varies = "origin" in [name.lower() for name in _tokens(foreign, "vary")]
    answered = preflight is not None and preflight.status < 300 and preflight.get("access-control-allow-methods")
    return "list" if varies or answered else "nobody"


def _reflects_headers(evidence: Evidence) -> bool | None:
    """Nobody lists the header of the simulated preflight: a server that allows it allows whatever is asked for."""
    simulated = evidence.first("simulated-preflight")
    if simulated is None or simulated.response is None:
        return None
    return "x-sio-doctor" in _tokens(simulated.response, "access-control-allow-headers")


def _tokens(answer: Response | None, name: str) -> tuple[str, ...]:
    value = answer.get(name) if answer else None
    return tuple(token for part in (value or "").split(",") if (token := part.strip(" \t")))


def _integer(answer: Response | None, name: str) -> int | None:
    value = answer.get(name) if answer else None
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) < 10 else None
