"""A public page asks a server in a private network, or on the person's own machine."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from sio_doctor.model import Browser
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.reach import Place
from sio_doctor.standards.local_network import AddressSpace, address_space

#: Since which version each asks, for requests and for WebSockets. From the release notes; Safari does not ask.
ASKS: dict[Browser, str] = {
    "chromium": "Chrome asks since version 142, for WebSockets since 147",
    "firefox": "Firefox asks since version 153, for WebSockets since 154",
}


#: Names that stand for nothing on the internet, as names without a dot do. RFC 6761, 6762 and 8375; .internal, .lan.
OWN_NETWORK = (".local", ".test", ".internal", ".home.arpa", ".lan", ".invalid")


@rule("SIO803", "local-network-access", "Browsers may ask before a public page reaches this server", Rung.PAGE)
def local_network_access(case: Case) -> Iterable[Hit]:
    """The server's address is private or loopback; a page from a public address reaches it only with permission.

    **What it means.** Local Network Access: Chrome and Firefox ask the person before a public page may talk to their
    own machine or network. Where they refuse, or nobody answers, the request fails as a network error. A public page
    over http that is no secure context is refused by Chrome without asking. Safari does not ask. Serving the page from
    the same network, or the server from a public address, ends it; no response header does.

    **How it is told.** From the addresses alone: the server's as it resolved here, and the page's where its origin has
    one. A page with a name may come from anywhere, so then it is said as information.

    **What it is not.** CORS, although Chrome's line begins like it ("Permission was denied for this request to access
    the `loopback` address space"). A page on `localhost` or in the same network is never asked about.
    """
    place = Place(case)
    space = _server_space(place)
    if space in (None, "public"):
        return
    where = "this very machine (loopback)" if space == "loopback" else "a private network"
    for page in case.plan.origins:
        known = _page_space(page)
        if known in ("loopback", "local", None) or page == case.plan.target.url:
            continue
        asking = [words for browser, words in ASKS.items() if browser in case.plan.browsers]
        if not asking:
            continue
        condition = "" if known == "public" else "If it is loaded from a public address, "
        verb = "Browsers" if known == "public" else "browsers"
        message = f"{place.at} is in {where}, and {page} is a page of another place. "
        message += f"{condition}{verb} ask the person for permission first: {'; '.join(asking)}."
        if page.startswith("http://"):
            message += " Over http, Chrome refuses such a page without asking."
        browsers = tuple(browser for browser in ASKS if browser in case.plan.browsers)
        yield Hit(message, (page,), browsers, severity="warning" if known == "public" else "info")


def in_own_network(page: str) -> bool:
    """The page comes from this machine or network, or is no web page: nobody else opens it."""
    return _page_space(page) in ("loopback", "local", None)


def _server_space(place: Place) -> AddressSpace | None:
    """Where all of its addresses lie; None where they are not known, or lie in several spaces."""
    if place.loopback:
        return "loopback"
    spaces = {_space(address) for address in place.addresses or (place.host,)}
    return spaces.pop() if len(spaces) == 1 else None


def _page_space(origin: str) -> AddressSpace | str | None:
    """Where the page comes from: a space, ``named`` where only its name is known; None for what is no web page."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        return None
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    if ("." not in host and ":" not in host) or host.endswith(OWN_NETWORK):
        return "local"
    return _space(host) or "named"


def _space(host: str) -> AddressSpace | None:
    try:
        ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return address_space(host.strip("[]"))
