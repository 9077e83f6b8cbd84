"""A request of a page on its way: what it is at each URL, and why it was refused."""

from __future__ import annotations

import re
from typing import Literal

from msgspec.structs import replace

from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.network import as_utf_8, on_the_wire
from sio_doctor.browser.table import Engine
from sio_doctor.model import HeaderList, Model, NoResponse, Request, Response, VerdictCode
from sio_doctor.standards import csp, mixed_content
from sio_doctor.standards import url as urls
from sio_doctor.standards.url import Url


class Page(Model, frozen=True, kw_only=True):
    """The page that asks."""

    url: str
    origin: str
    """As it is serialised; ``null`` for an opaque one."""
    policies: tuple[csp.Policy, ...] = ()
    """Its Content-Security-Policies, as far as they are enforced."""


class XMLHttpRequest(Model, frozen=True, kw_only=True):
    """What the script hands to ``open``, ``setRequestHeader`` and ``send``."""

    method: str
    url: str
    headers: HeaderList = ()
    """As given to setRequestHeader, in order."""
    body: str | None = None
    with_credentials: bool = False
    cookies: Jar | None = None
    """What may go with the request, and keeps what comes with its answers; None: no cookies at all."""


class Fetch(Model, frozen=True, kw_only=True):
    """What stays the same from the first URL to the last."""

    engine: Engine
    page: Page
    page_url: Url
    first: Url
    method: str
    """The one that the author asked with."""
    credentials: bool
    """The credentials mode is ``include``."""
    headers: HeaderList
    """The author's headers, as they are before any redirect."""
    cookies: Jar | None
    adds_content_type: bool
    """The Content-Type is not the author's, but that of a string body."""


class Passed(Model, frozen=True, kw_only=True):
    """A preflight that was answered well."""

    url: Url
    method: str
    names: frozenset[str]
    """The headers that it allows, lower case: those that were asked for."""
    by_wildcard: bool
    """Authorization is covered by ``*`` alone."""
    is_cached: bool
    """It counts for a while, so a redirect back to the URL needs no other."""


class Hop(Model, frozen=True, kw_only=True):
    """The request at one URL."""

    url: Url
    method: str
    headers: HeaderList
    """The author's, as far as redirects have left them."""
    body: str | None
    origin: str
    """The request's origin, serialised: ``null`` once a redirect has tainted it."""
    cors: bool
    """The response tainting is ``cors``: the answer must pass the CORS check."""
    preflighted: bool = False
    """There was a preflight, for this URL or an earlier one."""
    dropped: frozenset[str] = frozenset()
    """The headers that the redirect to this URL has dropped, lower case."""
    passed: tuple[Passed, ...] = ()
    """The preflights so far."""
    redirects: int = 0
    keeps_origin: bool = False
    """It carries an Origin, since it did before a redirect."""


Stage = Literal["url", "preflight", "redirect", "response"]


class Refusal(Model, frozen=True, kw_only=True):
    """Why an engine refuses, with all that its console says about it."""

    code: VerdictCode
    stage: Stage
    fetch: Fetch
    hop: Hop
    origin: str = ""
    """The origin that the answer was checked for."""
    response: Response | None = None
    """The answer that was judged."""
    failure: NoResponse | None = None
    """Why there was none."""
    name: str = ""
    """The method or the header that is not allowed; the member of a list that is no token."""
    location: str = ""
    """Where a redirect leads, as it was written."""
    target: Url | None = None
    """The same, resolved; None where that is no URL."""
    directives: tuple[csp.Directive, ...] = ()
    """The directives of the page's policies that forbid it."""


def upgraded(engine: Engine, page: Page, url: Url) -> Url:
    """The URL that is asked instead: by https or wss, where the page's policy says ``upgrade-insecure-requests``.

    Main fetch, 5. https://w3c.github.io/webappsec-upgrade-insecure-requests/#upgrade-request
    """
    secure = {"http": "https", "ws": "wss"}.get(url.scheme)
    if secure is None or not csp.upgrades_insecure_requests(page.policies):
        return url
    exempt = engine.upgrade_exempts if secure == "https" else engine.websocket_upgrade_exempts
    named = {"loopback-target": url.host, "loopback-page": urls.parse(page.url).host, "nothing": ""}[exempt]
    return url if urls.is_loopback_host(named) else replace(url, scheme=secure)


def forbidding(engine: Engine, page: Page, url: Url, *, redirected: bool = False) -> tuple[csp.Directive, ...]:
    """The directives of the page's policies that forbid to connect to that URL."""
    if not page.policies:
        return ()
    return csp.violated(page.policies, url, urls.parse(page.url), redirected=redirected, matching=engine.csp)


def is_mixed_content(engine: Engine, page: Url, url: Url) -> bool:
    """The engine blocks a request for that URL, from that page, as mixed content."""
    return mixed_content.should_be_blocked(
        page,
        url,
        loopback_is_trustworthy=not engine.loopback_is_mixed_content,
        private_is_exempt=not engine.private_is_mixed_content,
    )


def carries_origin(hop: Hop) -> bool:
    """Append a request `Origin` header: always where tainting is "cors", else for all methods but GET and HEAD."""
    return hop.cors or hop.method not in ("GET", "HEAD") or hop.keeps_origin


def url_request(
    fetch: Fetch, hop: Hop, method: str, headers: HeaderList, *, body: str | None, credentials: bool
) -> Request:
    """The request for that URL as it goes on the wire."""
    url = on_the_wire(fetch.engine, hop.url)
    return Request(method=method, url=url, headers=headers, body=body, credentials=credentials)


def resolve(engine: Engine, location: str, hop: Hop) -> Url | None:
    """The location URL, with the fragment of the URL it came from; None where it is no URL.

    https://fetch.spec.whatwg.org/#concept-response-location-url
    """
    if engine.reads_utf_8_as_latin_1:
        location = as_utf_8(location)
    else:
        # Bytes that are not ASCII go on as they came, percent-encoded, whether they are UTF-8 or not.
        location = re.sub("[^\x00-\x7f]", lambda found: f"%{ord(found[0]):02X}", location)
    try:
        url = urls.parse(location, hop.url)
    except ValueError:
        return None
    return replace(url, fragment=hop.url.fragment) if url.fragment is None else url


def location_of(engine: Engine, response: Response) -> str | None:
    """The Location of a redirect that the engine would follow; None where the answer is no redirect to it."""
    location = response.get("location")
    if response.status not in engine.redirect_statuses or location is None:
        return None
    if engine.several_locations_fail:
        location = response.get_all("location")[0]  # the others say the same
    return None if location == "" and engine.empty_location == "ignored" else location
