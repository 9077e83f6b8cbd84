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
from sio_doctor.rules import cdn, signs
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
    status, asked = response.status, urlsplit(exchange.request.url)
    if two_programs(case):
        return "localhost-ipv6-mismatch"
    target = redirection(exchange)
    if target and loops(case, exchange):
        return "redirect-loop"
    if signs.locked_tunnel(asked, response, target or "") and (not target or _LOGIN.search(target)):
        return "tunnel-or-preview-auth"
    if target:
        return redirected(asked, urlsplit(target))
    if status == 400 and PLAIN_HTTP.search(response.text):
        return "tls-plain-mixup"
    if status == 400 and _CLIENT_CERTIFICATE.search(response.text):
        return "tls-client-certificate"
    if status in cdn.STATUSES and (response.get("cf-ray") or response.get("server") == "cloudflare"):
        return "tls-cdn-origin"
    if signs.filter_of(response):
        return "waf-or-challenge"
    if signs.serverless(asked.hostname or "", response):
        return "serverless-host"
    if is_limited(case, response):
        return "rate-limit"
    if status in (413, 414, 431) or (status == 400 and "Request Header Or Cookie Too Large" in response.text):
        return "payload-limits"
    if status >= 500:
        return "gateway-5xx-no-cors"
    if status == 401 and response.get("www-authenticate") is None and response.text.startswith(('"', "[")):
        return "connect-middleware-error"  # python-socketio 4 runs its connect handler during the handshake
    if status in (401, 403, 407):
        return "macos-port-5000" if signs.airplay(response) else "basic-auth-or-401"
    if cause := misplaced(case, exchange):
        return cause
    if status == 426 or (not 200 <= status < 300 and speaks_plain_websocket(case)):
        return "plain-websocket-server"
    if 200 <= status < 300 or (status == 404 and own_page(response)):
        return "port-missing-or-wrong" if wrong_port(case, exchange, response) else "html-instead-of-handshake"
    if status == 404 and missing_route(response) is not None:
        return "app-listen-not-server-listen" if takes_no_upgrade(case) else "path-mismatch"
    if status in (404, 405, 410) or (status == 400 and not response.body):
        return "path-mismatch"
    return ""


#: nginx's own page. Where it cannot reach its upstream it says 502 or 504; this is what ``limit_req`` answers.
_LIMITED = re.compile(r"<center><h1>503 Service Temporarily Unavailable</h1></center>\s*<hr><center>(nginx|openresty)")


def is_limited(case: Case, response: Response | None) -> bool:
    """A limit on the number of requests: 429, or nginx's own 503 where other requests of the run passed."""
    if response is None:
        return False
    return response.status == 429 or (
        response.status == 503 and case.is_engine and _LIMITED.search(response.text) is not None
    )


def two_programs(case: Case) -> bool:
    """The addresses of ``localhost`` lead to two servers, and at least one of them is Socket.IO."""
    if all(outcome.address is None for outcome in case.outcomes) or ended(case):
        return False
    both = [*case.all("other-address"), case.first("handshake")]
    return any(case.opened(exchange) or case.refusal(exchange) for exchange in both)


def ended(case: Case) -> Exchange | None:
    """The request that shows that the server ended while it was asked: it had opened a session, and refuses now."""
    opened = min((one.id for one in case.all("handshake", "control", "foreign") if case.opened(one)), default=None)
    for one in case.evidence.exchanges if opened is not None else ():
        failure = one.failure
        aside = one.purpose in ("other-address", "redirect", "other-scheme", "close") or one.id < (opened or 0)
        if not aside and failure is not None and (failure.kind, failure.phase) == ("refused", "connect"):
            return one
    return None


def misplaced(case: Case, exchange: Exchange) -> str:
    """The slug of what shows that Socket.IO is at another path than that of this handshake; ``""`` where nothing does.

    The handshake may have had an answer or, on a Node server without a request handler, none.
    """
    asked, response = urlsplit(exchange.request.url).path, exchange.response
    if found := served_elsewhere(case):
        path = urlsplit(found.request.url).path
        if _without_slashes(path) == _without_slashes(asked):
            return "trailing-slash-path"
        if is_namespace(case, path):
            return "path-vs-namespace"
        return "path-mismatch" if response else "wrong-path-hangs"
    if response is not None and stripped(case, exchange, response):
        return "proxy-strips-path"
    if response is not None and mounted(case, exchange):
        return "asgi-mount-path"
    if drops_upgrade(case):
        return "path-mismatch" if response else "wrong-path-hangs"
    return ""


def _without_slashes(path: str) -> str:
    return re.sub(r"/+", "/", f"/{path}/")


def is_namespace(case: Case, path: str) -> bool:
    """That path is what stood behind the host in the URL that was given, and was read as a namespace."""
    namespace = case.plan.target.namespace.strip("/")
    return case.plan.namespace_from_path and path.strip("/") in (namespace, f"{namespace}/socket.io")


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
    r"<center>(?:nginx|openresty)|was not found on this server|Error code explanation|DEPLOYMENT_NOT_FOUND|ERR_NGROK_"
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
            same = _without_slashes(asked.path) == _without_slashes(target.path)
            return "trailing-slash-path" if same else "path-mismatch"
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


def stripped(case: Case, exchange: Exchange, response: Response) -> str | None:
    """The path that came to the application, where it is another one than was asked for; None where nothing says so.

    Its 404 names it, here or below; or what it answers is its page of ``/``, which is not what every path gets.
    """
    asked, route = urlsplit(exchange.request.url).path, missing_route(response)
    if route is not None and route != asked:
        return route
    for below in case.all("other-path"):
        path, route = urlsplit(below.request.url).path, missing_route(below.response) if below.response else None
        if route is not None and route != path and path.startswith(asked):
            return "/"
    root = case.first("root")
    others = [other.response for other in case.all("other-path") if other.response is not None]
    same = root is not None and root.response is not None and root.response.text == response.text != ""
    if response.status == 200 and same and others and all(other.status == 404 for other in others):
        return "/"
    return None


def mounted(case: Case, exchange: Exchange) -> Exchange | None:
    """The answer of an ASGI app of python-socketio, which does not know the path, below an application that does.

    python-socketio says ``Not Found`` as plain text there; FastAPI and Starlette around it say it in other words.
    """
    others = [one for one in case.all("other-path", "root") if one.response is not None]
    own = [one for one in (exchange, *others) if _is_asgi_404(one)]
    around = [one for one in (exchange, *others) if one.response and not _is_asgi_404(one)]
    # Alone on its server it says so to every path; and /socket.io/ is where it is by default.
    told = [one for one in own if urlsplit(one.request.url).path != "/socket.io/"]
    return told[0] if told and around else None


def _is_asgi_404(exchange: Exchange) -> bool:
    """python-socketio's ``not_found``: its bare ``text/plain`` tells it from Starlette's, which has a charset."""
    response = exchange.response
    if response is None or response.status != 404 or response.text != "Not Found":
        return False
    return response.get("content-type") == "text/plain"


def wrong_port(case: Case, exchange: Exchange, response: Response) -> bool:
    """It is the server of the page itself that answers: that of a bundler, or on this machine without another port."""
    target = urlsplit(case.plan.target.url)
    local = urls.is_loopback_host(urls.parse(case.plan.target.url).host)
    own = case.plan.target.url in case.plan.origins and exchange.request.origin in (None, case.plan.target.url)
    return signs.development(response) or (local and (own or target.port is None))


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
