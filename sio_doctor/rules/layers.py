"""Two layers answer about CORS, or one of them takes the answer of the other away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sio_doctor.model import Exchange, HeaderCheck
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import is_python_refusal
from sio_doctor.rules.cors import (
    ALLOW_CREDENTIALS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    Blocked,
    blocked,
    disallows,
    is_python,
    lines,
    listing,
    needed,
    one_hit,
    proxied_away,
    status,
)
from sio_doctor.rules.session import is_unknown_session
from sio_doctor.rules.stranger import described, is_limited
from sio_doctor.rules.whose import doubled_by, stripped_by


@rule("SIO320", "duplicate-acao-proxy", "Two layers both add CORS headers", Rung.HANDSHAKE)
def duplicate_acao_proxy(case: Case) -> Iterable[Hit]:
    """The Socket.IO server and a proxy in front of it both add `Access-Control-Allow-Origin`, and browsers take one.

    nginx's `add_header`, Apache's `Header add` and `always set`, HAProxy's `add-header` and Caddy's `header +` add a
    line beside the one that is there. Two lines are refused even where both say the same.

    **How it is told.** The header is there on two lines (or as `X, X` on one, where the layers were folded together).
    On error answers and on preflights it may be single: nginx adds only to 200, 204 and redirects unless told `always`.
    Whose line is whose shows where it stands: nginx's, HAProxy's and that of Apache's `Header add` last, that of
    `Header always` and Caddy's first. Where the answer does not tell it, the message says so.

    **What it is not.** One line with different origins in it is one layer's list (`origin-comma-list`). In a Python
    application whose preflight is clean, the second layer is its own CORS middleware (`duplicate-acao-framework`).
    """
    found = [one for one in blocked(case, chosen=False) if _doubled(one) and not _by_framework(case, one)]
    if found:
        layer = "a proxy or web server in front"
        if case.server.layers:
            layer += f" (seen there: {listing(case.server.layers)})"
        exchange, name = _doubled(found[0]) or (found[0].decided, ALLOW_ORIGIN)
        yield _duplicate(
            case,
            found,
            f"One comes from the Socket.IO server, the other from {layer}. {doubled_by(case, exchange, name)} Only one "
            "of the two may add it.",
        )


@rule("SIO321", "duplicate-acao-framework", "A CORS middleware and python-socketio both add headers", Rung.HANDSHAKE)
def duplicate_acao_framework(case: Case) -> Iterable[Hit]:
    """The application's CORS middleware and python-socketio inside it both add `Access-Control-Allow-Origin`.

    That is `CORSMiddleware` of FastAPI or Starlette around a mounted `socketio.ASGIApp`, or sanic-cors. Either set
    `cors_allowed_origins=[]` on the Socket.IO server, which then adds nothing and checks nothing, or put
    `socketio.ASGIApp(sio, other_asgi_app=app)` outside the application.

    **How it is told.** The handshake of a python-socketio server has the header on two lines, while the preflight,
    which the middleware answers alone, has it on one.

    **What it is not.** A proxy that adds the header doubles it on preflights too (`duplicate-acao-proxy`).
    """
    found = [one for one in blocked(case, chosen=False) if _doubled(one) and _by_framework(case, one)]
    if found:
        exchange, name = _doubled(found[0]) or (found[0].decided, ALLOW_ORIGIN)
        spelt = tuple(dict.fromkeys(header for header in _names(exchange) if header.lower() == name.lower()))
        both = ""
        if len(spelt) > 1:
            both = f" They are spelt apart: {spelt[0]} is python-socketio's, {spelt[1]} the middleware's."
        yield _duplicate(
            case,
            found,
            "One comes from python-socketio, the other from the application's CORS middleware around it: the "
            f"preflight, which the middleware answers alone, is clean.{both}",
        )


def _duplicate(case: Case, found: list[Blocked], whose: str) -> Hit:
    exchange, name = _doubled(found[0]) or (found[0].decided, ALLOW_ORIGIN)
    values = lines(exchange, name)
    message = (
        f"The answers of {case.plan.target.url} carry {name} {_times(len(values))} ({', '.join(values)}), and browsers "
        f"refuse more than one value, even twice the same. {whose}"
    )
    wanted = found[0].page if name == ALLOW_ORIGIN else "true"
    headers = [check(exchange, name, f"{wanted}, once")]
    preflight = found[0].preflight
    if preflight is not None and preflight is not exchange and len(lines(preflight, name)) == 1:
        headers.append(check(preflight, name, wanted, ok=lines(preflight, name) == [wanted]))
    return one_hit(case, found, message, *headers, also=(preflight,))


def _names(exchange: Exchange) -> list[str]:
    """The names of its headers, as they are written."""
    return [name for name, _ in exchange.response.headers] if exchange.response is not None else []


def _times(count: int) -> str:
    return {1: "as a list", 2: "twice"}.get(count, f"{count} times")


def _doubled(one: Blocked) -> tuple[Exchange, str] | None:
    """The answer, and which of its headers two layers added; None where none is doubled."""
    for exchange in (one.decided, one.handshake):
        for name in (ALLOW_ORIGIN, ALLOW_CREDENTIALS):
            values = [part for value in lines(exchange, name) for part in re.split(r"\s*,\s*", value)]
            folded = len(values) > 1 and (len(set(values)) < len(values) or "*" in values)
            matters = name == ALLOW_ORIGIN or "allow-credentials" in one.codes()
            if matters and (len(lines(exchange, name)) > 1 or folded):
                return exchange, name
    return None


def _by_framework(case: Case, one: Blocked) -> bool:
    """The application answers preflights by itself, and only once: no proxy added a line to that."""
    if case.directly is not None and (behind := case.directly.handshake(one.page)) and lines(behind):
        return is_python(case) and len(lines(behind)) > 1
    preflight = one.preflight
    clean = len(lines(preflight)) == 1 and bool(lines(preflight, ALLOW_METHODS))
    return is_python(case) and (clean or disallows(preflight))


@rule("SIO322", "proxy-strips-acao", "A layer in front removes the CORS headers", Rung.HANDSHAKE)
def proxy_strips_acao(case: Case) -> Iterable[Hit]:
    """The server lets the page in, but something between takes `Access-Control-Allow-Origin` away.

    nginx's `proxy_hide_header`, header policies of a CDN, API gateways. A proxy that removes `Origin` from the request
    can look the same: the server then does not know that it was asked from another origin.

    **How it is told.** Only where the server cannot have answered so by itself: Node's CORS answered the preflight (its
    `Access-Control-Allow-Methods` is there), and not by a list, yet no origin is named; python-socketio or Socket.IO 2
    accepted an origin without naming it; or the header is still there where that layer does not touch it: on the
    WebSocket's 101 (Apache's `Header`), on the preflight.

    **What it is not.** Over a list the upstream's `Vary: Origin` stays, and where all answers lack the header nobody
    can tell this from `origin-not-in-list`.
    """
    found = [one for one in blocked(case) if proxied_away(case, one)]
    if not found:
        return
    first = found[0]
    layer = f" (seen there: {listing(case.server.layers)})" if case.server.layers else ""
    message = (
        f"Something in front of the Socket.IO server at {case.plan.target.url}{layer} removes {ALLOW_ORIGIN} from its "
        f"answers to {listing(one.page for one in found)}: the server itself has let this origin in, as what is left "
        "of its CORS headers shows."
    )
    shown = stripped_by(case, first.page)
    message += shown or " Or it takes Origin off the request, so that the server names nobody."
    headers = [needed(first.page, first.handshake)]
    if lines(first.preflight, ALLOW_METHODS) and first.preflight is not None:
        methods = lines(first.preflight, ALLOW_METHODS)[0]
        headers += [needed(first.page, first.preflight), check(first.preflight, ALLOW_METHODS, methods, ok=True)]
    yield one_hit(case, found, message, *headers, also=(first.preflight,))


@rule("SIO323", "error-response-without-cors", "An error answer is hidden for want of CORS headers", Rung.POST)
def error_response_without_cors(case: Case) -> Iterable[Hit]:
    """The handshake is fine, then a later answer is an error that has no CORS headers, so the browser shows CORS.

    A proxy, a size limit or a firewall answers in the server's stead, and its error pages know nothing of CORS. The
    finding is the error; the CORS message in the console is its mask.

    **How it is told.** The page may read the handshake; the POST of CONNECT or the poll behind it gets status 400 or
    above without `Access-Control-Allow-Origin`.

    **What it is not.** An unknown session is `no-sticky-sessions`. An error that the handshake itself gets belongs to
    the rules of the 2xx codes.
    """
    for page, exchange in _hidden(case):
        response = exchange.response
        if response is None or response.status < 400 or is_unknown_session(case, exchange):
            continue
        if is_limited(case, response) or is_python_refusal(case, exchange) or (response.status >= 500 and _fails(case)):
            continue  # `rate-limit`, `python-origin-not-accepted`, `gateway-5xx-no-cors`
        message = (
            f"The handshake with {case.plan.target.url} succeeds, but the {_step(exchange)} is answered "
            f"{described(response)}. That answer has no {ALLOW_ORIGIN}, so the browser reports a CORS error and hides "
            "the status: the error is what has to go."
        )
        yield _later(page, exchange, message, check(exchange, "status", "200"), needed(page, exchange))


@rule("SIO324", "cors-on-handshake-only", "Only the handshake has CORS headers", Rung.POST)
def cors_on_handshake_only(case: Case) -> Iterable[Hit]:
    """The handshake is readable, then a later answer that is no error has no CORS headers.

    A proxy that adds them to GET and forgets POST, code that adds them in `initial_headers`, which is asked for the
    first answer of a session alone (`headers` is asked for all).

    **How it is told.** The page may read the handshake; the answer to the POST of CONNECT, or to the poll, has status
    200 and no `Access-Control-Allow-Origin`.

    **What it is not.** A later answer that is an error has that error as its cause (`error-response-without-cors`).
    """
    for page, exchange in _hidden(case):
        if status(exchange) != 200:
            continue
        message = (
            f"The server at {case.plan.target.url} lets {page} read the handshake, but not the {_step(exchange)} "
            f"behind it: that answer has no {ALLOW_ORIGIN}, though it is no error. Each answer needs it, to POST too."
        )
        good = [needed(page, handshake, ok=True)] if (handshake := case.handshake(page)) else []
        yield _later(page, exchange, message, needed(page, exchange), *good)


def _fails(case: Case) -> bool:
    """Handshakes of the same run got a 5xx too."""
    return any(status(exchange) >= 500 for exchange in case.all("control", "foreign"))


def _hidden(case: Case) -> Iterator[tuple[str, Exchange]]:
    """For each page that may read the handshake: the first later answer without Access-Control-Allow-Origin."""
    for page in case.plan.origins:
        if page == case.plan.target.url or case.opened(case.handshake(page)) is None or case.blocked(page):
            continue
        later = case.all("connect", "poll", origin=page)
        hidden = next((exchange for exchange in later if exchange.response is not None and not lines(exchange)), None)
        if hidden is not None:
            yield page, hidden


def _step(exchange: Exchange) -> str:
    return "POST that carries CONNECT" if exchange.request.method == "POST" else "poll for the answer"


def _later(page: str, exchange: Exchange, message: str, *headers: HeaderCheck) -> Hit:
    rung = Rung.POST if exchange.request.method == "POST" else Rung.POLL
    return Hit(message=message, origins=(page,), headers=headers, exchanges=(exchange.id,), rung=rung)
