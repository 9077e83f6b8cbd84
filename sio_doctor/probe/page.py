"""The page from which the client connects (``--page``): read before anything else, since its origin is asked about."""

from __future__ import annotations

import time
from typing import NamedTuple, get_args

from msgspec.structs import replace

from sio_doctor.browser.document import document_of
from sio_doctor.browser.request import upgraded
from sio_doctor.browser.session import page_of
from sio_doctor.browser.table import UNCHECKED
from sio_doctor.model import ClientVersion, Document, Exchange, NoResponse, Plan, Request, Response
from sio_doctor.probe import limits
from sio_doctor.probe.network import Network
from sio_doctor.standards import url as urls
from sio_doctor.standards.fetch import REDIRECT_STATUSES

#: Certificate failures after which the server can still be talked to.
UNTRUSTED = ("self-signed", "unknown-issuer", "expired", "not-yet-valid", "hostname", "other")
#: As browsers: https://fetch.spec.whatwg.org/#concept-http-redirect-fetch
REDIRECTS = 20
_HEADERS = (
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Upgrade-Insecure-Requests", "1"),
)


class Visit(NamedTuple):
    """What came of it."""

    plan: Plan
    """With the page's real origin."""
    document: Document | None = None
    exchanges: tuple[Exchange, ...] = ()
    notes: tuple[str, ...] = ()


async def visited(network: Network, plan: Plan) -> Visit:
    """Reads the plan's page, if it has one: within its timeout, redirects and all."""
    if plan.page is None:
        return Visit(plan)
    exchanges: tuple[Exchange, ...]
    if (path := urls.file_path(plan.page)) is not None:
        exchanges = (_read(path, plan.page, network.number()),)
    else:
        exchanges = tuple(await _fetch(network, plan.page, time.monotonic() + plan.timeout))
    document = document_of(plan, exchanges)
    assert document is not None  # the plan has a page
    notes = []
    assumed = urls.origin_of(plan.page)
    if document.reason:
        notes.append(
            f"The page {plan.page} could not be read: {document.reason} Its Content-Security-Policy is not known, and "
            f"its origin is taken to be {document.origin}."
        )
    if any(not exchange.verified and exchange.response for exchange in exchanges):
        notes.append("The certificate of the page was refused; it was read without verifying it.")
    if document.origin != assumed:
        notes.append(f"The origin of the page {plan.page} is {document.origin}: {_why(document)}.")
    # Version 1 asks as 2 does.
    version = max(int(document.client.partition(".")[0]), 2) if document.client else plan.client.version
    if version != plan.client.version and version in get_args(ClientVersion):
        notes.append(
            f"The page loads socket.io-client {document.client}, and version {plan.client.version} was asked about: "
            f"--client {version} asks as that one does."
        )
    origins = dict.fromkeys(document.origin if origin == assumed else origin for origin in plan.origins)
    plan = replace(plan, origins=tuple(origins))
    target = _upgraded(plan.target.url, document)
    if target != plan.target.url and len(origins) == 1:
        notes.append(
            f"The page's Content-Security-Policy says upgrade-insecure-requests: browsers ask {target}, though its "
            f"code says {plan.target.url}, so that is what was asked."
        )
        plan = replace(plan, target=replace(plan.target, url=target))
    return Visit(plan, document, exchanges, tuple(notes))


def _upgraded(url: str, document: Document) -> str:
    """The server's URL as the client that checks nothing, and with it most browsers, will ask it."""
    return urls.origin_of(upgraded(UNCHECKED, page_of(document.origin, document), urls.parse(url)))


def _why(document: Document) -> str:
    if document.origin == "null":
        return "the sandbox of its Content-Security-Policy takes it away"
    return f"it is redirected to {document.url.partition('?')[0]}"


def _read(path: str, url: str, number: int) -> Exchange:
    """A file, as if a server had answered with it."""
    exchange = Exchange(id=number, purpose="page", request=Request(method="GET", url=url))
    try:
        with open(path, "rb") as file:
            content = file.read(limits.BODY + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        return replace(exchange, failure=NoResponse(kind="not-asked", message=f"The file cannot be read: {reason}."))
    text = content[: limits.BODY].decode(errors="replace")
    return replace(exchange, response=Response(status=200, body=text, truncated=len(content) > limits.BODY))


async def _fetch(network: Network, url: str, until: float) -> list[Exchange]:
    """The page and what it redirects to, one request a hop; a circle ends it."""
    hops: list[Exchange] = []
    verify, seen = True, {url}
    while len(hops) <= REDIRECTS and (left := until - time.monotonic()) > 0:
        request = Request(method="GET", url=url, headers=_HEADERS)
        exchange = await network.ask(request, purpose="page", verify=verify, timeout=left)
        hops.append(exchange)
        failure = exchange.failure
        # An address with a query may hold a secret, which goes to nobody who may be somebody else.
        if failure is not None and failure.kind == "tls" and failure.detail in UNTRUSTED and verify and "?" not in url:
            verify = False
            continue
        following = _location(exchange)
        if following is None or following in seen:
            break
        seen.add(following)
        url = following
    return hops


def _location(exchange: Exchange) -> str | None:
    """Where it is redirected to by http(s); None where it is not."""
    response = exchange.response
    location = response.get("location") if response is not None else None
    if response is None or location is None or response.status not in REDIRECT_STATUSES:
        return None
    try:
        target = urls.parse(location, urls.parse(exchange.request.url))
    except ValueError:
        return None
    if target.scheme not in ("http", "https"):
        return None
    return urls.serialize(target, credentials=False, fragment=False)
