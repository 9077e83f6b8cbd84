"""What the rules about CORS have in common: the pages that may not read the handshake, and the headers that say so.

These rules speak only where Engine.IO answered the handshake with an open packet: whatever else came back is another
family's finding, and its missing CORS headers are a symptom.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from sio_doctor.model import Browser, Exchange, HeaderCheck, Verdict
from sio_doctor.rules.base import Case, Hit, Rung, check
from sio_doctor.standards.site import is_ip_address, same_site

ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
ALLOW_HEADERS = "Access-Control-Allow-Headers"
ALLOW_METHODS = "Access-Control-Allow-Methods"


class Blocked(NamedTuple):
    """A page that begins by polling and may not read the handshake, although Engine.IO answered it."""

    page: str
    handshake: Exchange
    preflight: Exchange | None
    """The preflight that was answered, sent by a browser or simulated."""
    verdicts: dict[Browser, Verdict]
    """The browsers that refuse, and why; never empty."""

    @property
    def at_preflight(self) -> bool:
        """It was refused before the handshake was sent."""
        return any(verdict.stage == "preflight" for verdict in self.verdicts.values())

    @property
    def decided(self) -> Exchange:
        """The exchange whose answer was judged: the preflight, or the handshake itself."""
        return self.preflight if self.at_preflight and self.preflight is not None else self.handshake

    def codes(self) -> set[str]:
        """By which checks it was refused."""
        return {verdict.code for verdict in self.verdicts.values()}


def blocked(case: Case, *, chosen: bool = True) -> Iterator[Blocked]:
    """The pages that may not read their handshake; without ``chosen``, the stand-in's too where no page was chosen."""
    if not case.polls or case.cached:
        return  # a client that begins with WebSocket never reads a polling answer; a cache's is not the server's
    for page in case.plan.origins if chosen else case.pages:
        if page == case.plan.target.url:
            continue  # the server's own page needs no header
        handshake, verdicts = _opened(case, page), case.blocked(page)
        if handshake is not None and verdicts:
            # What a redirect led to was asked without a preflight.
            preflight = None if handshake.purpose == "redirect" else case.preflight(page)
            yield Blocked(page, handshake, preflight, verdicts)


def _opened(case: Case, page: str) -> Exchange | None:
    """The handshake of that page which Engine.IO opened: its own, or else what it would meet next.

    That is the one in the server's protocol, where the client's is another; or what a redirect leads to, where that
    shows by itself that its server lets nobody in: it was asked with another origin than the page's.
    """
    handshake = case.handshake(page)
    if case.opened(handshake):
        return handshake
    other = case.first("other-protocol", origin=page)
    if case.opened(other):
        return other
    target = "".join(lines(handshake, "Location")[:1])
    led = (one for one in case.all("redirect") if one.request.url == target and case.opened(one))
    silent = (one for one in led if not lines(one) and not varies(one))
    return next((one for one in silent if not one.request.url.startswith(f"{page}/")), None)


def one_hit(
    case: Case, found: Sequence[Blocked], message: str, *headers: HeaderCheck, also: Iterable[Exchange | None] = ()
) -> Hit:
    """One hit about all those pages: one cause is one finding, however many pages meet it."""
    exchanges = [one.decided.id for one in found] + [one.handshake.id for one in found]
    exchanges += [exchange.id for exchange in also if exchange is not None]
    return Hit(
        message=message,
        origins=tuple(one.page for one in found if one.page in case.plan.origins),
        browsers=tuple(browser for browser in case.plan.browsers if any(browser in one.verdicts for one in found)),
        headers=headers,
        exchanges=tuple(dict.fromkeys(exchanges)),
        # A preflight that something in front refused says nothing about what its server lets in.
        rung=Rung.PREFLIGHT if any(one.at_preflight and not refused_upstream(case, one) for one in found) else None,
    )


def refused_upstream(case: Case, one: Blocked) -> bool:
    """The preflight got an error or a redirect that is not Engine.IO's, nor its own middleware's."""
    refused = status(one.preflight) >= 300 and not disallows(one.preflight)
    return refused and case.refusal(one.preflight) is None


def lines(exchange: Exchange | None, name: str = ALLOW_ORIGIN) -> list[str]:
    """The value of each line of that header in the answer; empty where there is none, or no answer."""
    return exchange.response.get_all(name) if exchange is not None and exchange.response is not None else []


def status(exchange: Exchange | None) -> int:
    """The status of the answer; 0 where none came."""
    return exchange.response.status if exchange is not None and exchange.response is not None else 0


def varies(exchange: Exchange | None, name: str = "Origin") -> bool:
    """Its ``Vary`` lists that header: the server chose the answer by it."""
    listed = ",".join(lines(exchange, "Vary")).lower().split(",")
    return name.lower() in (item.strip() for item in listed)


def is_bare(exchange: Exchange | None) -> bool:
    """The answer has no header of CORS at all."""
    return (
        exchange is not None
        and exchange.response is not None
        and not any(name.lower().startswith("access-control-") for name, _ in exchange.response.headers)
    )


def disallows(preflight: Exchange | None, what: str = "") -> bool:
    """Starlette's CORSMiddleware (FastAPI's) refuses the preflight, because of its ``origin`` or its ``headers``."""
    text = preflight.response.text if preflight is not None and preflight.response is not None else ""
    return text.startswith("Disallowed CORS") and what in text


def let_in(case: Case, page: str) -> dict[str, Exchange]:
    """The other origins that were named in the answer to them, so that this page's is missing from a list.

    What preflights say counts only where the page's own names nobody: a layer that answers them all proves nothing.
    """
    asked = list(case.all("handshake", "foreign"))
    asked += (one for one in case.all("near-miss") if one.request.method == "GET")
    if not lines(case.preflight(page)):
        asked += case.all("near-miss", "preflight", "simulated-preflight")
    found: dict[str, Exchange] = {}
    for exchange in asked:
        origin = exchange.request.origin
        if origin not in (None, page) and lines(exchange) == [origin]:
            found.setdefault(origin or "", exchange)
    return found


def is_python(case: Case) -> bool:
    """python-engineio answers: the words of its refusals, or what it was recognised by."""
    return "socketio" in case.server.stack or any(
        refusal is not None and refusal.family == "python" for refusal in map(case.refusal, case.evidence.exchanges)
    )


#: What is said where Node's cors lets everybody in, which is what it does without a word where it finds no ``origin``.
OPTION_SHAPE = (
    'If your code names origins, they stand in the wrong place: cors: ["https://…"] is no list, it has to be '
    'cors: { origin: ["https://…"] }.'
)


def answers_star(case: Case) -> bool:
    """Socket.IO 3 or 4 answers ``*`` to anybody."""
    modern = case.server.stack == "socket.io" and not (case.server.version or "").startswith(("1.", "2."))
    return modern and lines(case.first("foreign")) == ["*"]


def proxies_of(case: Case) -> list[str]:
    """The proxies that were recognised in front."""
    names = ("nginx", "OpenResty", "haproxy", "Apache", "Caddy")
    return [layer for layer in case.server.layers if layer.startswith(names)]


def listing(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def needed(page: str, exchange: Exchange, *, ok: bool = False) -> HeaderCheck:
    """Its Access-Control-Allow-Origin beside the page's origin."""
    return check(exchange, ALLOW_ORIGIN, page, ok=ok)


#: The names of this very machine, each an origin of its own.
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def difference(value: str, page: str) -> str:
    """In what alone two origins differ, as half a sentence; empty where it is more than one thing."""
    if value.lower() == page.lower():
        return "they differ only in upper and lower case, which browsers do not forgive"
    if value.rstrip("/") == page:
        return "they differ only in the slash at the end"
    if value.strip("\"'") == page:
        return "the quotation marks are part of the value, mostly taken over from an environment file"
    if "*" in value:
        return "browsers and servers compare origins as they are, and take a * in one for no pattern"
    ours, theirs = origin_parts(page), origin_parts(value)
    names = ("scheme", "host", "port")
    differing = [name for name, a, b in zip(names, ours, theirs, strict=True) if a != b]
    if differing == ["scheme"]:
        return f"they differ only in the scheme, {theirs[0]} instead of {ours[0]}"
    if differing == ["port"]:
        apart = f"they differ only in the port, {theirs[2] or 'none'} instead of {ours[2] or 'none'}"
        usual = not ours[2] and theirs[2] == _DEFAULT_PORTS.get(ours[0])
        return f"{apart}: browsers leave it out where it is the scheme's own" if usual else apart
    if differing == ["host"]:
        hosts = {ours[1].removeprefix("www."), theirs[1].removeprefix("www.")}
        if len(hosts) == 1:
            return "they differ only in the www"
        if hosts <= LOCAL_NAMES:
            return f"{theirs[1]} and {ours[1]} are the same machine but not the same origin"
        if hosts & LOCAL_NAMES and all(host in LOCAL_NAMES or is_ip_address(host) for host in hosts):
            return f"{theirs[1]} and {ours[1]} may be the same machine, but are not the same origin"
        if same_site(ours[1], theirs[1]):
            return "they differ only in the subdomain"
    return ""


def origin_parts(origin: str) -> tuple[str, str, str]:
    """Its scheme, host and port, as they are written; what is no URL is all scheme."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return origin, "", ""
    host, bracket, port = parts.netloc.partition("]")
    host, _, port = (host + bracket, "", port.lstrip(":")) if bracket else parts.netloc.partition(":")
    return parts.scheme, host, port


def besides(case: Case) -> str:
    """What the page's client needs of CORS besides its origin, and would miss next, as a sentence; mostly empty."""
    client = case.plan.client
    wants = [f"the header {name} in the answer to its preflight" for name, _ in client.extra_headers]
    wants += ["credentials"] if client.with_credentials else []
    return (
        f" What configures it has to allow {listing(wants)} too: the client sends it, and would fail there next."
        if wants
        else ""
    )


#: What Node's cors package allows unless told otherwise: no proxy's own rule lists them so.
_NODE_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE"


def stripped(case: Case, page: str) -> bool:
    """Other answers show that the server names an origin for that page, and the handshake does not.

    Those are what it says asked directly; the 101 of the page's WebSocket, which not every proxy touches; and the
    preflight, where Node's cors has looked at the handshake's origin as well (``Vary`` says so) and judges it alike.
    """
    handshake, preflight = case.handshake(page), case.preflight(page)
    behind = case.directly.handshake(page) if case.directly is not None else None
    if lines(handshake) or case.opened(handshake) is None:
        return False
    if lines(behind) or any(survives(one, page) for one in case.all("websocket", "upgrade", origin=page)):
        return True
    alike = varies(handshake) and lines(preflight, ALLOW_METHODS) == [_NODE_METHODS]
    return alike and 200 <= status(preflight) < 300 and lines(preflight) == [page]


def survives(exchange: Exchange, page: str) -> bool:
    """The 101 of that page's WebSocket names it: the server let it in."""
    return status(exchange) == 101 and lines(exchange) in ([page], ["*"])


def proxied_away(case: Case, one: Blocked) -> bool:
    """A handshake without Access-Control-Allow-Origin that its server cannot have sent so: a layer took it away."""
    if stripped(case, one.page):
        return True
    if lines(one.handshake) or varies(one.handshake) or case.directly is not None:
        return False
    if case.server.stack == "socket.io" and (case.server.version or "").startswith("2"):
        return True  # it names the origin in every answer that it gives at all
    if is_python(case):
        # Without credentials it adds nothing where it checks nothing; with them it has let this origin in.
        return lines(one.handshake, ALLOW_CREDENTIALS) == ["true"] and one.page != case.plan.target.url
    # Node's cors answered the preflight, and not by a list, for that varies by Origin: it allows everybody.
    answered = 200 <= status(one.preflight) < 300 and lines(one.preflight, ALLOW_METHODS) == [_NODE_METHODS]
    return answered and not varies(one.preflight)
