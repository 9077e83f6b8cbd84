"""Something else than Engine.IO answered the handshake: an error, a web page, a login, a limit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.signs import filter_of
from sio_doctor.rules.stranger import concerned, described, hit, is_limited, met_at, strangers, told_apart, who
from sio_doctor.standards.engineio import read_refusal

REASONS = {
    502: "the proxy in front got no usable answer from the Socket.IO server",
    503: "no server is available behind it, or a limit was reached",
    504: "the Socket.IO server behind the proxy did not answer in time",
    521: "the Socket.IO server refused the CDN's connection",
    525: "TLS between the CDN and the Socket.IO server failed",
    526: "the CDN does not trust the certificate of the Socket.IO server",
}


@rule("SIO201", "gateway-5xx-no-cors", "The server answers with an error of its own", Rung.HANDSHAKE)
def gateway_5xx(case: Case) -> Iterable[Hit]:
    """The handshake was answered with a 5xx status: the server is down, or the proxy in front cannot reach it.

    **What it means.** Error pages carry no CORS headers, so the console says that `Access-Control-Allow-Origin` is
    missing. That is only a symptom: no CORS setting brings a dead server back. 502, 503, 504 and 520 to 527 are written
    by a proxy, 500 usually by the application. Look whether the Socket.IO server runs, and whether the proxy passes to
    the port where it listens: its error log says what it met there.

    **How it is told.** The status of the handshake, before any header is looked at. Where other handshakes of the
    same run passed, it comes and goes: one of several servers, or a limit.

    **What it is not.** An error that Engine.IO words itself (`{"code":…}`), or one that comes after a good
    handshake (`error-response-without-cors`).
    """
    intermittent = "Other handshakes of this run passed, so it comes and goes: one of several servers, or a limit."
    found = list(strangers(case, "gateway-5xx-no-cors"))
    for stranger in found:
        reason = REASONS.get(stranger.response.status, "it failed while it answered; its log says why")
        message = f"The server fails: it answered the handshake with {described(stranger.response)}; {reason}."
        if any(case.opened(other) for other in case.all("handshake", "control", "foreign")):
            message += f" {intermittent}"
        elif stranger.response.get("access-control-allow-origin") is None:
            message += " Such an answer has no CORS headers, so the browser speaks of CORS; the error is the cause."
        yield hit(case, stranger, message)
    fails = partial(_fails, case)
    failed = [] if found or case.open is None else [*filter(fails, case.all("control", "foreign"))]
    if failed and failed[0].response is not None:
        message = f"The server fails now and then: one handshake got {described(failed[0].response)}. {intermittent}"
        # A page whose handshake passed may have met it in its next request.
        failed += filter(fails, case.all("connect", "poll"))
        yield Hit(
            message,
            headers=(check(failed[0], "status", "200"),),
            exchanges=tuple(exchange.id for exchange in failed),
            severity=None if any(exchange.purpose in ("connect", "poll") for exchange in failed) else "warning",
        )


def _fails(case: Case, exchange: Exchange) -> bool:
    """It got a 5xx that neither Engine.IO worded nor a filter or a host without processes."""
    response = exchange.response
    if response is None or response.status < 500 or read_refusal(response):
        return False
    return told_apart(case, exchange, response) == "gateway-5xx-no-cors"


@rule("SIO203", "html-instead-of-handshake", "A web page answers instead of Socket.IO", Rung.HANDSHAKE)
def html_instead_of_handshake(case: Case) -> Iterable[Hit]:
    """A web server answered the handshake with a page of its own, or with anything else that is no open packet.

    **What it means.** The request never came to a Socket.IO server. The port or the host is that of the web page, a
    static host or a single-page fallback takes every path, or the proxy in front has no rule that passes the
    handshake path on.

    **How it is told.** Status 2xx with a body that is no Engine.IO payload, or a 404 page that the web server wrote
    itself (nginx, Apache, Python's http.server, Next.js).

    **What it is not.** An *application* that does not know the path (`path-mismatch`,
    `app-listen-not-server-listen`). Where the web server is plainly the page's own, the port is missing or wrong
    (`port-missing-or-wrong`); a platform that cannot run Socket.IO is `serverless-host`.
    """
    for stranger in strangers(case, "html-instead-of-handshake"):
        target, response = case.plan.target, stranger.response
        page = "a web page" if "html" in (response.get("content-type") or "") else "something else"
        message = f"Not Socket.IO but {page} answered at {target.url}{target.path}: {described(response)}. "
        if (response.get("ngrok-error-code") or "ERR_NGROK_6024") != "ERR_NGROK_6024":
            message += f"ngrok answers itself ({response.get('ngrok-error-code')}): its tunnel is not running. "
        elif "ngrok" in response.text:
            message += "It is the notice that ngrok shows to a browser before it lets it through. "
        else:
            name = who(response).partition("/")[0] or "the web server"
            message += (
                f"Either the host or the port is another server's, or {name} does not pass {target.path} on to "
                "the Socket.IO server. "
            )
        message += "No CORS option cures it."
        yield hit(case, stranger, message, header="Content-Type", needed="text/plain, with an Engine.IO open packet")


@rule("SIO207", "basic-auth-or-401", "A login or a filter in front refuses the request", Rung.HANDSHAKE)
def basic_auth_or_401(case: Case) -> Iterable[Hit]:
    """Something in front of Socket.IO answered 401, 403 or 407: a password, an allow-list of addresses, a firewall.

    **What it means.** A browser shows no password prompt for a script's cross-origin request, and the refusal
    carries no CORS headers, so the console speaks of CORS. Take the handshake path out of the protection, OPTIONS
    included, and authenticate in Socket.IO (`auth`).

    **How it is told.** The status, and a body that Engine.IO would not write; `WWW-Authenticate` names the kind of
    login.

    **What it is not.** `allowrequest-403`, the application's own refusal (`{"code":4,…}`), and a redirect to a
    login page (`redirect-to-login`). A filter that stops programs and lets browsers pass, or that is known by its own
    page, is `waf-or-challenge`.
    """
    for stranger in strangers(case, "basic-auth-or-401"):
        response, path = stranger.response, case.plan.target.path
        scheme = (response.get("www-authenticate") or "").partition(" ")[0]
        message = f"Something in front of Socket.IO refuses the request: {described(response)}. "
        passes = next((other for other in case.all("control", "foreign") if case.opened(other)), None)
        if scheme or response.status != 403:
            kind = f"A login ({scheme})" if scheme else "A login"
            message += f"{kind} protects {path}; a page's script cannot answer it across origins."
        elif passes is not None:
            who = f"from {passes.request.origin}" if passes.request.origin else "without an Origin"
            message += f"It goes by the origin: the same request {who} passes."
        else:
            message += (
                "A filter decides that: a list of addresses, a firewall, a check of the Host header. A browser's "
                "User-Agent changes nothing."
                if case.first("other-agent")
                else "A filter decides that: a list of addresses, a firewall, a check of the Host header. It may let a "
                "browser pass where it stops a tool."
            )
        if scheme:
            yield hit(case, stranger, message, header="WWW-Authenticate", needed="absent")
        else:
            yield hit(case, stranger, message)


@rule("SIO210", "rate-limit", "Too many requests", Rung.HANDSHAKE)
def rate_limit(case: Case) -> Iterable[Hit]:
    """A limit on the number of requests answered 429.

    **What it means.** Polling makes many requests, and a client that cannot connect tries again and again: a limit
    meant for an API stops it. Its answer carries no CORS headers, so the console speaks of CORS. Raise the limit
    for the handshake path, or take that path out.

    **How it is told.** Status 429 to any request of the run; `Retry-After` says for how long. Or nginx's own 503 where
    other requests passed: `limit_req` answers that unless `limit_req_status 429` is set. The requests of this very run
    count towards the limit.

    **What it is not.** A 503 to every request (`gateway-5xx-no-cors`), or a limit put into Engine.IO with
    `io.engine.use`, which answers 400 `{"code":3,…}`.
    """
    limited = [
        other
        for other in case.evidence.exchanges
        if other.response is not None and is_limited(case, other.response) and not filter_of(other.response)
    ]
    limited.sort(key=lambda other: other.purpose != "handshake")
    if not limited or (response := limited[0].response) is None:
        return
    message = (
        f"The server limits how many requests it takes: {len(limited)} of the {len(case.evidence.exchanges)} "
        f"requests of this run got {described(response)}."
    )
    checks = [check(limited[0], "status", "200")]
    if wait := response.get("retry-after"):
        message += f" It asks to wait {wait} seconds." if wait.isdecimal() else f" It asks to wait until {wait}."
        checks.append(check(limited[0], "Retry-After", "absent"))
    message += " Socket.IO polls, and tries again when it fails, so it soon meets such a limit."
    pages = tuple(page for page in case.pages if any(other.request.origin == page for other in limited))
    yield Hit(
        message,
        origins=concerned(case, pages),
        headers=tuple(checks),
        exchanges=tuple(other.id for other in limited[:4]),
        severity=None if pages else "warning",
        rung=met_at(case, pages),
    )
