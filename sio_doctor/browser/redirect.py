"""HTTP-redirect fetch: may the request go on to the next URL, and as what?

https://fetch.spec.whatwg.org/#concept-http-redirect-fetch
"""

from __future__ import annotations

from msgspec.structs import replace

from sio_doctor.browser.request import Fetch, Hop, Refusal, carries_origin, is_mixed_content
from sio_doctor.browser.table import RedirectCheck
from sio_doctor.model import Response, VerdictCode, get
from sio_doctor.standards import fetch as standard
from sio_doctor.standards.url import Url, origin_of, same_origin

LIMIT = 20
_BODY_HEADERS = frozenset({"content-encoding", "content-language", "content-location", "content-type"})


def http_redirect_fetch(fetch: Fetch, hop: Hop, response: Response, location: str, target: Url | None) -> Hop | Refusal:
    """The request at the next URL, or why it does not go there. Each engine checks in its own order."""
    for check in fetch.engine.redirect_checks:
        code = _check(check, fetch, hop, response, target)
        if code is not None and fetch.engine.enforces:
            return _refusal(code, fetch, hop, response, location, target)
    if target is None or target.scheme not in ("http", "https") or hop.redirects >= LIMIT:
        # Nobody can go there, not even who checks nothing.
        return Refusal(code="redirect-scheme", stage="redirect", fetch=fetch, hop=hop, response=response)
    return _next(fetch, hop, response, target)


def recheck(fetch: Fetch, hop: Hop, response: Response, location: str, target: Url | None) -> Refusal | None:
    """What an engine that looks at a redirect once more refuses, after the preflight for the next URL."""
    from_own = same_origin(fetch.page.origin, origin_of(fetch.first))
    if not fetch.engine.rechecks_redirects or not hop.cors or not from_own:
        return None
    code = standard.cors_check(hop.origin, True, response.headers)
    return None if code is None else _refusal(code, fetch, hop, response, location, target)


def _refusal(
    code: VerdictCode, fetch: Fetch, hop: Hop, response: Response, location: str, target: Url | None
) -> Refusal:
    return Refusal(
        code=code,
        stage="redirect",
        fetch=fetch,
        hop=hop,
        origin=hop.origin,
        response=response,
        location=location,
        target=target,
    )


def _check(check: RedirectCheck, fetch: Fetch, hop: Hop, response: Response, target: Url | None) -> VerdictCode | None:
    match check:
        case "cors":
            # HTTP fetch, 4.4 If request's response tainting is "cors" and a CORS check … returns failure, then return
            # a network error: the redirect itself must be readable.
            return standard.cors_check(hop.origin, fetch.credentials, response.headers) if hop.cors else None
        case "limit":
            # 6. If request's redirect count is 20, then return a network error.
            return "redirect-limit" if hop.redirects >= LIMIT else None
        case "location":
            # 4. If locationURL is failure, then return a network error.
            return "redirect-scheme" if target is None else None
        case "unloadable":
            blocked = target is not None and target.scheme in fetch.engine.unloadable_schemes
            return "redirect-scheme" if blocked else None
        case "scheme":
            # 5. If locationURL's scheme is not an HTTP(S) scheme, then return a network error.
            return "redirect-scheme" if target is not None and target.scheme not in ("http", "https") else None
        case "credentials":
            # 8. If request's mode is "cors", locationURL includes credentials, and request's origin is not same origin
            #    with locationURL's origin; 9. if request's response tainting is "cors" and locationURL includes
            #    credentials: then return a network error.
            if target is None or not target.has_credentials:
                return None
            return "redirect-userinfo" if hop.cors or not same_origin(hop.origin, origin_of(target)) else None
        case "mixed-content":
            blocked = target is not None and is_mixed_content(fetch.engine, fetch.page_url, target)
            return "mixed-content" if blocked else None


def _next(fetch: Fetch, hop: Hop, response: Response, target: Url) -> Hop:
    engine, here, there = fetch.engine, origin_of(hop.url), origin_of(target)
    # Serializing a request origin: `null` where the redirect-taint is not "same-origin", that is, once a URL of a
    # foreign origin has led to another origin. https://fetch.spec.whatwg.org/#serializing-a-request-origin
    tainted = here != there and not same_origin(hop.origin, here)
    origin = "null" if tainted else hop.origin
    cors = hop.cors or not same_origin(origin, there)
    headers, method, body = hop.headers, hop.method, hop.body
    dropped: set[str] = set()
    if engine.restores_headers and (cors or response.status in (307, 308)):
        has_lost = get(headers, "authorization") is None
        headers = tuple(pair for pair in fetch.headers if not has_lost or pair[0].lower() != "authorization")
    if engine.reapplies_headers:
        # Authorization is never back, nor is what send() added for the body: that is not the author's.
        for_good = {"authorization", "content-type"} if fetch.adds_content_type else {"authorization"}
        missing = for_good - {name.lower() for name, _ in headers}
        headers = tuple((name, value) for name, value in fetch.headers if name.lower() not in missing)
    # 11. If one of: status is 301 or 302 and request's method is `POST`; status is 303 and request's method is not
    #     `GET` or `HEAD`: then set method to `GET` and body to null, and remove every request-body-header.
    if _becomes_get(response, method):
        method, body = "GET", None
        dropped |= _BODY_HEADERS
    elif engine.delete_becomes_get and method == "DELETE" and here != there:
        method, body = "GET", None
    # 12. If request's current URL's origin is not same origin with locationURL's origin, then remove `Authorization`.
    if here != there:
        dropped |= {"authorization"}
    gone = dropped | (_BODY_HEADERS if engine.reapplies_headers and _becomes_get(response, fetch.method) else set())
    headers = tuple((name, value) for name, value in headers if name.lower() not in gone)
    return replace(
        hop,
        url=target,
        method=method,
        headers=headers,
        body=body,
        origin=origin,
        cors=cors,
        dropped=frozenset(dropped),
        redirects=hop.redirects + 1,
        keeps_origin=engine.keeps_origin and carries_origin(hop),
    )


def _becomes_get(response: Response, method: str) -> bool:
    return (response.status in (301, 302) and method == "POST") or (
        response.status == 303 and method not in ("GET", "HEAD")
    )
