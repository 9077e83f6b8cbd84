"""What a server that refuses a page confesses of its own configuration, by letting a variant of the origin in.

Node's list leaves the refusal to the browser; python-socketio and Socket.IO 2 refuse the request. Which entry they have
in the page's place is told alike, so it is told here, once for the rules of ``origin``, ``refused`` and ``entry``.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from sio_doctor.model import FOREIGN, Exchange
from sio_doctor.rules.base import Case
from sio_doctor.rules.cors import (
    LOCAL_NAMES,
    Blocked,
    disallows,
    let_in,
    lines,
    origin_parts,
    proxied_away,
    stripped,
    varies,
)
from sio_doctor.standards.site import is_ip_address, same_site

#: The schemes of pages that live on the web; every other one is an application's.
WEB = ("http", "https")


class Entry(NamedTuple):
    """What the server let in, in the place of a page that it refuses."""

    slug: str
    """Of the rule about what is wrong with it; empty where that is nothing that one could name."""
    origin: str
    exchange: Exchange


#: The nearest first: of several entries that were let in, the one that was meant for the page.
_ORDER = (
    "origin-star-in-array", "origin-trailing-slash", "origin-no-scheme", "origin-scheme", "origin-www-subdomain",
    "origin-localhost-vs-127", "origin-port",
)  # fmt: skip


def entries(case: Case, page: str) -> list[Entry]:
    """What was let in instead of that page, the nearest first; none where anybody is, for then it is no list."""
    others = let_in(case, page)
    if FOREIGN in others:
        return []
    found = [Entry(misspelt(origin, page), origin, exchange) for origin, exchange in others.items()]
    # A pattern for the end of an origin takes the bare host too, and says more of the page by what else it takes.
    bare = any(one.slug in ("origin-scheme", "origin-port") for one in found)
    found = [one._replace(slug="") if one.slug == "origin-no-scheme" and bare else one for one in found]
    return sorted(found, key=lambda one: _ORDER.index(one.slug) if one.slug in _ORDER else len(_ORDER))


def near(case: Case, page: str, *, own: bool = True) -> list[Entry]:
    """The entries that are that page's origin, badly written, all of the nearest kind; none where there are none.

    Without ``own``, what has the server's own host and port does not count: python-socketio takes that for itself.
    """
    host = case.plan.target.url.partition("://")[2]
    found = [one for one in entries(case, page) if own or one.origin.partition("://")[2] != host]
    # A page that was asked about as well is another page, unless it is the same by another address.
    found = [one for one in found if one.origin not in case.plan.origins or not _is_sibling(one.origin, page)]
    return [one for one in found if one.slug and one.slug == found[0].slug]


def _is_sibling(origin: str, page: str) -> bool:
    hosts = [origin_parts(one)[1].removeprefix("www.") for one in (origin, page)]
    return misspelt(origin, page) == "origin-www-subdomain" and hosts[0] != hosts[1]


def misspelt(entry: str, page: str) -> str:
    """The slug of how that entry misses the page's origin; ``""`` where the two are two pages."""
    scheme, _, host = page.partition("://")
    if entry == "*":
        return "origin-star-in-array"
    if entry == f"{page}/":
        return "origin-trailing-slash"
    if entry == host:
        return "origin-no-scheme"
    ours, theirs = origin_parts(page), origin_parts(entry)
    if scheme not in WEB or theirs[0] not in WEB or page == entry:
        return ""
    differing = [name for name, a, b in zip(("scheme", "host", "port"), ours, theirs, strict=True) if a != b]
    if differing == ["scheme"]:
        return "origin-scheme"
    if differing == ["port"]:
        return "origin-port"
    if differing != ["host"]:
        return ""
    if all(host in LOCAL_NAMES or is_ip_address(host) for host in (ours[1], theirs[1])):
        return "origin-localhost-vs-127"
    return "origin-www-subdomain" if same_site(ours[1], theirs[1].lower().removeprefix("*.")) else ""


# --- why nothing is named, where Engine.IO leaves the refusal to the browser -----------------------------------------


def silent(case: Case, one: Blocked) -> str:
    """The slug of why the handshake names no origin; ``""`` where it names one, or where a layer took that away."""
    if not (one.at_preflight and disallows(one.preflight, "origin")):
        if lines(one.handshake) or stripped(case, one.page):
            return ""
        listed = varies(one.handshake) or let_in(case, one.page) or disallows(one.preflight, "origin")
        if not listed:
            return "" if proxied_away(case, one) else _unconfigured(case, one)
    found = near(case, one.page)
    slug = found[0].slug if found else ""
    if slug not in _LITERAL and one.page == "null":
        return "null-origin"
    if slug not in _LITERAL and is_app(case, one.page):
        return "app-scheme-origin"
    return slug or "origin-not-in-list"


#: What nobody has on a list but by mistake, whatever page it was meant for.
_LITERAL = ("origin-star-in-array", "origin-trailing-slash", "origin-no-scheme")


def _unconfigured(case: Case, one: Blocked) -> str:
    """No CORS at all; but maybe in the framework beside it, whose middleware never sees Engine.IO's path."""
    if beside(case, one.page) is None or "socketio" in case.server.stack or lines(one.preflight):
        return "cors-not-configured"
    return "nest-enablecors-only" if "NestJS" in case.server.layers else "express-cors-only"


def beside(case: Case, page: str) -> Exchange | None:
    """The answer of another route of the same server that lets that page in; None where none does."""
    return next((one for one in case.all("root") if lines(one) in ([page], ["*"])), None)


#: What is let in beside the web's own schemes shows that such a page is an application's.
_APPS = ("capacitor://localhost", "ionic://localhost", "tauri://localhost")


def is_app(case: Case, page: str) -> bool:
    """It is the page of an application: its scheme says so, or it has the name that Capacitor and Tauri give it, and
    another application is let in."""
    parts = urlsplit(page)
    if parts.scheme not in WEB:
        return page != "null"
    if parts.netloc == "tauri.localhost":
        return True
    return parts.netloc == "localhost" and any(one.origin in _APPS for one in entries(case, page))


# --- refusals of the request itself ----------------------------------------------------------------------------------


def refused_by_python(case: Case, page: str) -> Exchange | None:
    """The first answer to that page in which its origin is refused: to the handshake, or to the POST behind it."""
    tried = (case.handshake(page), *case.all("connect", origin=page))
    return next((one for one in tried if one and one.request.origin == page and is_python_refusal(case, one)), None)


def is_python_refusal(case: Case, exchange: Exchange) -> bool:
    """That answer is python-engineio's to an origin that it does not accept."""
    refusal = case.refusal(exchange)
    return refusal is not None and refusal.is_of_origin


def is_v2_refusal(case: Case, exchange: Exchange) -> bool:
    """That refusal of the handshake is what the ``origins`` option of Socket.IO 2 answers."""
    refusal = case.refusal(exchange)
    if refusal is not None and refusal.family == "node" and refusal.code is None:
        return True  # version 1 has no code for it
    if refusal is None or (refusal.code, refusal.message) != (4, "Forbidden") or lines(exchange):
        return False
    preflights = [e for e in case.all("preflight", "simulated-preflight") if (r := case.refusal(e)) and r.code == 2]
    return any(map(lines, preflights)) or (case.server.version or "").startswith("2")


def refused_by_v2(case: Case, page: str) -> Exchange | None:
    """The handshake of that page, where the ``origins`` option of Socket.IO 2 refuses it."""
    exchange = case.handshake(page)
    if exchange is None or exchange.request.origin != page or not is_v2_refusal(case, exchange):
        return None
    return exchange


def walled(case: Case, page: str) -> bool:
    """A CORS middleware around it answers preflights, by a list of its own: what they say is not the server's."""
    return bool(lines(case.preflight(page))) or disallows(case.preflight(page))


def refusal_of(case: Case, page: str) -> tuple[str, Exchange] | None:
    """The slug of the more telling rule about a page whose very request is refused, and that answer; None where there
    is none: what refuses it, or why, has a rule of its own."""
    if exchange := refused_by_v2(case, page):
        if page == "null":
            return "null-origin", exchange
        found = near(case, page)
    elif (exchange := refused_by_python(case, page)) and page != case.plan.target.url and not walled(case, page):
        found = near(case, page, own=False)
        if page == "null" and any(one.origin.startswith("http") for one in entries(case, page)):
            return "null-origin", exchange
    else:
        return None
    return (found[0].slug, exchange) if found else None
