"""From Evidence to what the browsers make of it, and to whom the server lets in. Pure."""

from __future__ import annotations

from sio_doctor.browser import client
from sio_doctor.browser.document import document_of
from sio_doctor.browser.fetch import Page
from sio_doctor.browser.replay import Memory, replay, verified
from sio_doctor.browser.session import page_of
from sio_doctor.browser.table import ENGINES
from sio_doctor.model import (
    FOREIGN,
    STAND_IN,
    Browser,
    Connection,
    Evidence,
    Exchange,
    Policy,
    PolicyKind,
    Response,
    Verdict,
)
from sio_doctor.standards import engineio


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
    attempt = replay(client.connect(engine, page, plan), memory)
    polling = replay(client.handshake(engine, page, plan), memory).verdict
    websocket = replay(client.direct(engine, page, plan), memory).verdict
    return Connection(
        origin=page.origin,
        browser=browser,
        connects=attempt.connects,
        reason=attempt.reason,
        transport=attempt.transport,
        error=attempt.error,
        polling=polling,
        websocket=websocket or Verdict(allowed=None, code="not-asked", reason="This was not asked."),
        upgraded=attempt.upgraded,
        console=attempt.console,
    )


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
