"""CORS-preflight fetch: when it is needed, what it asks, and how each engine judges the answer.

https://fetch.spec.whatwg.org/#cors-preflight-fetch
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

from msgspec.structs import replace

from sio_doctor.browser.network import ask
from sio_doctor.browser.request import Fetch, Hop, Passed, Refusal, location_of, resolve, url_request
from sio_doctor.browser.table import Engine, PreflightCheck
from sio_doctor.model import Answer, HeaderList, NoResponse, Request, Response, VerdictCode
from sio_doctor.standards import fetch as standard
from sio_doctor.standards import url as urls

#: Client hints that Chromium safelists, with what makes a value well-formed (its cors.cc).
_HINTS = {
    "save-data": re.compile("(?i)on"),
    "device-memory": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "dpr": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "downlink": re.compile(r"[0-9]+(\.[0-9]+)?"),
    "rtt": re.compile("[0-9]+"),
    "width": re.compile("[0-9]+"),
    "viewport-width": re.compile("[0-9]+"),
    "ect": re.compile("slow-2g|2g|3g|4g"),
}
_LENIENT_RANGE = re.compile(r"(?i:bytes)=\+?([0-9]+)-\+?([0-9]*)")


def unsafe_names(fetch: Fetch, hop: Hop) -> list[str]:
    """The CORS-unsafe request-header names of the request at that URL."""
    names = standard.cors_unsafe_request_header_names(_author_headers(fetch, hop), _safelist(fetch.engine))
    return [name for name in names if name not in hop.dropped] if fetch.engine.preflight_remembers_headers else names


def _author_headers(fetch: Fetch, hop: Hop) -> HeaderList:
    engine = fetch.engine
    original = engine.preflight_lists_original_headers or engine.preflight_remembers_headers
    return fetch.headers if original else hop.headers


def _safelist(engine: Engine) -> Callable[[str, str], bool]:
    def safelisted(name: str, value: str) -> bool:
        if engine.safelists_ascii_alone and not value.isascii():
            return False
        if engine.safelists_client_hints and (hint := _HINTS.get(name.lower())):
            return hint.fullmatch(value) is not None
        if engine.lenient_ranges and name.lower() == "range":
            return _is_lenient_range(value)
        return standard.is_cors_safelisted_request_header(name, value)

    return safelisted


def _is_lenient_range(value: str) -> bool:
    bounds = _LENIENT_RANGE.fullmatch(value)
    if bounds is None or len(value) > 128:
        return False
    start, end = int(bounds[1]), int(bounds[2] or 2**64 - 1)
    return start <= end < 2**64


def is_needed(fetch: Fetch, hop: Hop) -> bool:
    """Does a preflight go first? https://fetch.spec.whatwg.org/#concept-main-fetch, step 12"""
    if not hop.cors:
        return False
    if hop.preflighted and fetch.engine.preflight_is_sticky:
        return True
    if fetch.engine.preflight_remembers_headers:
        hop = replace(hop, dropped=frozenset())
    return not standard.is_cors_safelisted_method(hop.method) or bool(unsafe_names(fetch, hop))


def is_cached(fetch: Fetch, hop: Hop) -> bool:
    """Has a preflight for the URL passed before? https://fetch.spec.whatwg.org/#concept-cache"""
    names = frozenset(unsafe_names(fetch, hop))
    return any(
        passed.url == hop.url
        and (passed.method == hop.method or standard.is_cors_safelisted_method(hop.method))
        and names <= passed.names
        for passed in hop.passed
    )


def cors_preflight_fetch(fetch: Fetch, hop: Hop) -> Generator[Request, Answer, Refusal | Passed]:
    """Asks, and judges: why the request may not go, or what the answer allows."""
    # 1. Let preflight be a new request whose method is `OPTIONS` …, origin is request's origin, … mode is "cors".
    origin = fetch.page.origin if fetch.engine.preflight_has_page_origin else hop.origin
    # 2. Append (`Accept`, `*/*`). 3. Append (`Access-Control-Request-Method`, request's method).
    headers: HeaderList = (
        ("Accept", "*/*"),
        ("Origin", origin),
        ("Access-Control-Request-Method", hop.method),
    )
    # 4. Let headers be the CORS-unsafe request-header names with request's header list.
    # 5. If headers is not empty, then combine them with `,` (no blank) as `Access-Control-Request-Headers`.
    if names := unsafe_names(fetch, hop):
        headers = (*headers, ("Access-Control-Request-Headers", ",".join(names)))
    # 6. Let response be the result of running HTTP-network-or-cache fetch: no credentials go with a preflight.
    request = url_request(fetch, hop, "OPTIONS", headers, body=None, credentials=False)
    answer = yield from ask(fetch.engine, hop.url, request)
    if isinstance(answer, NoResponse):
        code: VerdictCode = "not-asked" if answer.kind == "not-asked" else "network-error"
        return Refusal(code=code, stage="preflight", fetch=fetch, hop=hop, origin=origin, failure=answer)
    # 7. If a CORS check for request and response returns success and response's status is an ok status, then …
    #    (in the engine's own order)
    for check in fetch.engine.preflight_checks:
        failed = _CHECKS[check](fetch, hop, answer, origin)
        if failed is not None:
            code, name = failed
            location = location_of(fetch.engine, answer) or ""
            return Refusal(
                code=code,
                stage="preflight",
                fetch=fetch,
                hop=hop,
                origin=origin,
                response=answer,
                name=name,
                location=location,
                target=resolve(fetch.engine, location, hop) if location else None,
            )
    allowed, _ = standard.extract_list(answer.headers, "access-control-allow-headers")
    return Passed(
        url=hop.url,
        method=hop.method,
        names=frozenset(names),
        by_wildcard="authorization" in names and "authorization" not in [name.lower() for name in allowed],
        # 7.9 If max-age is failure or null, then set it to 5 (seconds).
        is_cached=not re.fullmatch("-[0-9]+|0+", answer.get("access-control-max-age") or ""),
    )


_Failed = tuple[VerdictCode, str] | None


def _redirect(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    return ("preflight-redirect", "") if location_of(fetch.engine, response) is not None else None


def _cors(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    # A redirect has led back to the page's own server, which the preflight with the page's origin is not foreign to.
    if fetch.engine.preflight_has_page_origin and urls.same_origin(origin, urls.origin_of(hop.url)):
        return None
    # The credentials mode is the real request's, though the preflight carries no credentials.
    failure = standard.cors_check(origin, fetch.credentials, response.headers)
    return None if failure is None else (failure, "")


def _status(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    if 200 <= response.status <= 299:
        return None
    return ("preflight-redirect" if location_of(fetch.engine, response) is not None else "preflight-status"), ""


def _methods(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    # 7.1 and 7.3 If methods is failure, return a network error: one member that is no token spoils the whole list.
    _, bad = standard.extract_list(response.headers, "access-control-allow-methods")
    return None if bad is None else ("allow-methods-invalid", bad)


def _headers(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    # 7.2 and 7.3
    _, bad = standard.extract_list(response.headers, "access-control-allow-headers")
    return None if bad is None else ("allow-headers-invalid", bad)


def _method(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    # 7.5 If request's method is not in methods, is not a CORS-safelisted method, and request's credentials mode is
    #     "include" or methods does not contain `*`, then return a network error.
    methods, _ = standard.extract_list(response.headers, "access-control-allow-methods")
    if hop.method in methods or standard.is_cors_safelisted_method(hop.method):
        return None
    return None if "*" in methods and not fetch.credentials else ("method-not-allowed", hop.method)


def _header(fetch: Fetch, hop: Hop, response: Response, origin: str) -> _Failed:
    missing = missing_names(fetch, hop, response)
    return ("header-not-allowed", missing[0]) if missing else None


def missing_names(fetch: Fetch, hop: Hop, response: Response) -> list[str]:
    """The unsafe names that the preflight does not allow, lower case, in byte order."""
    members, _ = standard.extract_list(response.headers, "access-control-allow-headers")
    allowed = {name.lower() for name in members}
    # 7.6 If one of request's header list's names is a CORS non-wildcard request-header name and is not in headerNames,
    #     then return a network error. 7.7 The same for every unsafe name, unless headerNames contains `*`.
    if "*" in allowed and not fetch.credentials:
        covered = fetch.engine.wildcard_covers_authorization
        return [
            name for name in unsafe_names(fetch, hop) if name == "authorization" and name not in allowed and not covered
        ]
    return [name for name in unsafe_names(fetch, hop) if name not in allowed]


_CHECKS: dict[PreflightCheck, Callable[[Fetch, Hop, Response, str], _Failed]] = {
    "redirect": _redirect,
    "cors": _cors,
    "status": _status,
    "methods": _methods,
    "headers": _headers,
    "method": _method,
    "header": _header,
}
