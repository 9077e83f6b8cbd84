"""Who answered the handshake where Engine.IO did not: each such answer has exactly one cause.

The rules of ``answer``, ``redirect`` and ``elsewhere`` only word what is told apart here, so one fault never shows
as two findings. A new look-alike is one more line in ``told_apart``, in the order in which one outranks the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from sio_doctor.model import Exchange, Response
from sio_doctor.rules import cdn
from sio_doctor.rules.base import Case, Hit, Rung, check
from sio_doctor.standards import engineio
from sio_doctor.standards import url as urls


class Stranger(NamedTuple):
    """An answer to the polling handshake that is neither an open packet nor a refusal in Engine.IO's own words."""

    exchange: Exchange
    response: Response
    pages: tuple[str, ...]
    """The pages that got this answer."""


def strangers(case: Case, cause: str) -> Iterator[Stranger]:
    """The answers that have this cause. None where the client opens a WebSocket at once, and that reaches Engine.IO."""
    if not case.polls and any(opened(exchange) for exchange in case.all("websocket")):
        return
    groups: dict[tuple[int, str | None, str], list[tuple[str, Exchange, Response]]] = {}
    for page in case.pages:
        exchange = case.handshake(page)
        response = exchange.response if exchange else None
        if exchange is None or response is None or case.opened(exchange) or case.refusal(exchange):
            continue
        key = response.status, response.get("content-type"), told_apart(case, exchange, response)
        groups.setdefault(key, []).append((page, exchange, response))
    for (_, _, told), members in groups.items():
        if told == cause:
            yield Stranger(members[0][1], members[0][2], tuple(page for page, _, _ in members))


def told_apart(case: Case, exchange: Exchange, response: Response) -> str:
    """The slug of the one cause of this answer, the strongest sign first; ``""`` where no sign is known."""
    status = response.status
    if two_programs(case):
        return "localhost-ipv6-mismatch"
    if target := redirection(exchange):
        if loops(case, exchange):
            return "redirect-loop"
        return redirected(urlsplit(exchange.request.url), urlsplit(target))
    if status == 400 and PLAIN_HTTP.search(response.text):
        return "tls-plain-mixup"
    if status == 400 and _CLIENT_CERTIFICATE.search(response.text):
        return "tls-client-certificate"
    if status in cdn.STATUSES and (response.get("cf-ray") or response.get("server") == "cloudflare"):
        return "tls-cdn-origin"
    if status == 429:
        return "rate-limit"
    if status in (413, 414, 431) or (status == 400 and "Request Header Or Cookie Too Large" in response.text):
        return "payload-limits"
    if status >= 500:
        return "gateway-5xx-no-cors"
    if status == 401 and response.get("www-authenticate") is None and response.text.startswith(('"', "[")):
        return "connect-middleware-error"  # python-socketio 4 runs its connect handler during the handshake
    if status in (401, 403, 407):
        return "basic-auth-or-401"
    if served_elsewhere(case) or drops_upgrade(case):
        return "path-mismatch"
    if status == 426 or (not 200 <= status < 300 and speaks_plain_websocket(case)):
        return "plain-websocket-server"
    if 200 <= status < 300 or (status == 404 and own_page(response)):
        return "html-instead-of-handshake"
    if status == 404 and (asked := missing_route(response)) is not None:
        same = asked == urlsplit(exchange.request.url).path
        return "app-listen-not-server-listen" if same and takes_no_upgrade(case) else "path-mismatch"
    if status in (404, 405, 410) or (status == 400 and not response.body):
        return "path-mismatch"
    return ""


def two_programs(case: Case) -> bool:
    """The addresses of ``localhost`` lead to two servers, and at least one of them is Socket.IO."""
    if all(outcome.address is None for outcome in case.outcomes):
        return False
    both = [*case.all("other-address"), case.first("handshake")]
    return any(case.opened(exchange) or case.refusal(exchange) for exchange in both)


# --- signs in one answer ---------------------------------------------------------------------------------------------

#: How nginx, Apache and Go's net/http word it when plain HTTP comes to their TLS port.
PLAIN_HTTP = re.compile(
    r"plain HTTP request was sent to HTTPS|speaking plain HTTP to an SSL|HTTP request to an HTTPS server"
)

#: How nginx words it where it has ssl_verify_client, and no certificate came, or one that it does not take.
_CLIENT_CERTIFICATE = re.compile(r"No required SSL certificate was sent|The SSL certificate error")

#: Express, NestJS and Fastify name the route that they do not have.
_MISSING_ROUTE = re.compile(r"Cannot GET (/[^\s<\"?]*)|Route GET:(/[^\s<\"?]*)[^\s<\"]* not found")

#: What the error pages of web servers have in them that no application writes.
_OWN_PAGE = re.compile(
    r"<center>(?:nginx|openresty)|was not found on this server|Error code explanation|DEPLOYMENT_NOT_FOUND"
)

_LOGIN = re.compile(
    r"(?:^|[/._-])(?:log-?in|log-?on|sign-?in|signin|oauth2?|sso|saml2?|auth|authorize|pf-signin|cloudflareaccess)(?:[/._?-]|$)",
    re.IGNORECASE,
)


def missing_route(response: Response) -> str | None:
    """The path in ``Cannot GET /socket.io/``, as the application behind all proxies saw it; None if none is named."""
    found = _MISSING_ROUTE.search(response.text)
    return (found[1] or found[2]) if found else None


def own_page(response: Response) -> bool:
    """A 404 that a web server wrote itself: no application was asked."""
    return bool(_OWN_PAGE.search(response.text)) or response.get("x-powered-by") == "Next.js"


def who(response: Response) -> str:
    """By which name the answer goes: its ``Server`` or ``X-Powered-By``; ``""`` where it has none."""
    return response.get("server") or response.get("x-powered-by") or ""


def described(response: Response) -> str:
    """The answer in a few words: ``404 Not Found, text/html, “Error”, from nginx/1.22.1``."""
    title = re.search(r"<title>\s*([^<]{1,60}?)\s*</title>", response.text, re.IGNORECASE)
    kind = (response.get("content-type") or "").partition(";")[0]
    text = title[1] if title else " ".join(re.sub(r"<[^>]*>", " ", response.text).split())[:60]
    if text.lower() == f"{response.status} {response.reason}".lower():
        text = ""  # it says no more than the status
    words = [
        f"{response.status} {response.reason}".strip(),
        kind,
        f"“{text}”" if text else "" if response.body else "empty",
    ]
    if name := who(response):
        words.append(f"from {name}")
    return ", ".join(word for word in words if word)


# --- redirects -------------------------------------------------------------------------------------------------------


def redirection(exchange: Exchange) -> str | None:
    """Where the answer redirects to, as a whole http(s) URL; None where it does not, or to where no browser goes."""
    response = exchange.response
    location = response.get("location") if response and response.status in (301, 302, 303, 307, 308) else None
    try:
        target = urls.parse(location, urls.parse(exchange.request.url)) if location else None
    except ValueError:
        return None
    return urls.serialize(target) if target and target.scheme in ("http", "https") else None


def loops(case: Case, exchange: Exchange) -> bool:
    """What the redirect led to leads back to where it began. https straight to itself has a cause of its own."""
    first = exchange.request.url.partition("?")[0]
    to_itself = (redirection(exchange) or "").partition("?")[0] == first
    if to_itself and first.startswith("https:"):
        return False
    return any((redirection(hop) or "").partition("?")[0] == first for hop in case.all("redirect"))


def redirected(asked: SplitResult, target: SplitResult) -> str:
    """The slug of a redirect from the one URL to the other."""
    if _LOGIN.search(f"{target.hostname}{target.path}") and not _LOGIN.search(f"{asked.hostname}{asked.path}"):
        return "redirect-to-login"
    if asked.hostname == target.hostname and (asked.scheme, target.scheme) == ("http", "https"):
        return "redirect-http-to-https"
    if asked.hostname == target.hostname and (asked.scheme, asked.port) == (target.scheme, target.port):
        if asked.path != target.path:
            return "path-mismatch"
        # The same URL again: a server behind TLS that takes every request for a plain one.
        return "redirect-http-to-https" if asked.scheme == "https" else ""
    return "redirect-www-apex"


# --- signs in the answers beside it ----------------------------------------------------------------------------------


def opened(exchange: Exchange) -> bool:
    """This WebSocket got an Engine.IO open packet."""
    frames = exchange.response.frames if exchange.response else ()
    return any(
        frame.direction == "in"
        and frame.type == "text"
        and frame.data[:1] == "0"
        and engineio.open_packet(frame.data[1:])
        for frame in frames
    )


def served_elsewhere(case: Case) -> Exchange | None:
    """The exchange in which Engine.IO answered at another path; None where it did at none."""
    for exchange in case.all("other-path"):
        if case.opened(exchange) or case.refusal(exchange):
            return exchange
    return None


def speaks_plain_websocket(case: Case) -> Exchange | None:
    """The WebSocket that was accepted and never got an open packet, where nothing else sounds like Engine.IO."""
    if case.is_engine:
        return None
    for exchange in case.all("websocket"):
        if exchange.response is not None and exchange.response.status == 101 and not opened(exchange):
            return exchange
    return None


def takes_no_upgrade(case: Case) -> Exchange | None:
    """The WebSocket that was answered like a plain GET: nobody listens for upgrades, or a proxy took it off."""
    for exchange in case.all("websocket"):
        if exchange.response is not None and exchange.response.status == 404:
            return exchange
    return None


def drops_upgrade(case: Case) -> Exchange | None:
    """The WebSocket that was closed without a byte after about a second, as Engine.IO of Node does on a foreign path.

    Its ``destroyUpgradeTimeout`` is 1000 ms. A proxy in front makes a 502 of it.
    """
    for exchange in case.all("websocket"):
        closed = exchange.failure is not None and exchange.failure.kind == "closed"
        proxied = exchange.response is not None and exchange.response.status == 502
        if (closed or proxied) and 0.7 <= exchange.seconds <= 3:
            return exchange
    return None


# --- what every hit needs --------------------------------------------------------------------------------------------


def concerned(case: Case, pages: tuple[str, ...]) -> tuple[str, ...]:
    """``Hit.origins`` for these pages: empty where they are all, or where no page was chosen."""
    return pages if case.plan.origins and pages != case.pages else ()


def met_at(case: Case, pages: tuple[str, ...], rung: Rung = Rung.HANDSHAKE) -> Rung:
    """Where these pages meet it: at the preflight, if a browser stops there already."""
    stages = {verdict.stage for page in pages for verdict in case.blocked(page).values()}
    return Rung.PREFLIGHT if "preflight" in stages else rung


def hit(
    case: Case,
    stranger: Stranger,
    message: str,
    *,
    header: str = "status",
    needed: str = "200, with an Engine.IO open packet",
    also: Exchange | None = None,
) -> Hit:
    """The hit about this answer; ``header`` is the one that shows it best, ``also`` the exchange that told it apart."""
    if reached := next((exchange for exchange in case.all("websocket") if opened(exchange)), None):
        message += " A WebSocket opened directly does reach Socket.IO."
        also = also or reached
    checks = [check(stranger.exchange, header, needed)]
    if header != "status":
        checks.insert(0, check(stranger.exchange, "status", "200"))
    return Hit(
        message,
        origins=concerned(case, stranger.pages),
        headers=tuple(checks),
        exchanges=(stranger.exchange.id, *((also.id,) if also else ())),
        rung=met_at(case, stranger.pages),
    )
