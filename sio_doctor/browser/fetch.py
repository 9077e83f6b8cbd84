"""A page's XMLHttpRequest, as each browser makes it: main fetch and HTTP fetch as a generator.

It yields every request that the browser would send (preflight, request, each redirect), is sent what came of it, and
returns the verdict. The probe drives it against the network, the judge over what was remembered, a test over a script.

https://fetch.spec.whatwg.org/#concept-main-fetch · https://xhr.spec.whatwg.org/
"""

from __future__ import annotations

import re
from collections.abc import Generator

from msgspec.structs import replace

from sio_doctor.browser import console
from sio_doctor.browser.network import ask
from sio_doctor.browser.preflight import cors_preflight_fetch, is_cached, is_needed
from sio_doctor.browser.redirect import LIMIT, http_redirect_fetch, recheck
from sio_doctor.browser.request import (
    Fetch,
    Hop,
    Page,
    Passed,
    Refusal,
    Stage,
    XMLHttpRequest,
    carries_origin,
    forbidding,
    is_mixed_content,
    location_of,
    resolve,
    upgraded,
    url_request,
)
from sio_doctor.browser.table import Engine
from sio_doctor.browser.verdict import verdict_of
from sio_doctor.model import (
    Answer,
    HeaderList,
    Model,
    NoResponse,
    Request,
    Response,
    Verdict,
    VerdictCode,
    get,
)
from sio_doctor.standards import fetch as standard
from sio_doctor.standards import url as urls

_CHARSET = re.compile(r"(?i)(;[ \t]*charset=[ \t]*)[^ \t;]+")

__all__ = ["Fetched", "Page", "XMLHttpRequest", "xml_http_request"]


class Fetched(Model, frozen=True, kw_only=True):
    """What came of it."""

    verdict: Verdict
    response: Response | None
    """What the page can read; None where it is blocked. For a client that checks nothing: whatever came last."""


def xml_http_request(engine: Engine, page: Page, call: XMLHttpRequest) -> Generator[Request, Answer, Fetched]:
    """Plays the call in that engine on that page; ValueError where the page's or the call's URL is none.

    Yields requests with the headers that Fetch sets (Origin, Access-Control-Request-*, the author's, Accept, Cookie);
    Host, User-Agent and the like are the network's business.
    """
    fetch, hop, lines = _open(engine, page, call)
    if isinstance(hop, Refusal):
        return _refused(hop, lines)
    # Scheme fetch: `data` is there without asking anybody; what is no HTTP(S) scheme is a network error.
    if hop.url.scheme == "data":
        return Fetched(verdict=Verdict(allowed=True, console=tuple(lines)), response=Response(status=200))
    if hop.url.scheme not in ("http", "https"):
        return _refused(Refusal(code="redirect-scheme", stage="url", fetch=fetch, hop=hop, target=hop.url), lines)
    # Main fetch, 7. If should block bad port, mixed content, Content Security Policy … returns blocked, set response to
    # a network error. All engines look at the policy first.
    if engine.enforces and (directives := forbidding(engine, page, hop.url)):
        return _refused(Refusal(code="csp", stage="url", fetch=fetch, hop=hop, directives=directives), lines)
    if (code := _blocked_before(fetch, hop)) and engine.enforces:
        return _refused(Refusal(code=code, stage="url", fetch=fetch, hop=hop, target=hop.url), lines)
    late: Refusal | None = None
    for _ in range(LIMIT + 1):
        lines += console.mixed_content_warning(engine, page.url, hop.url)
        # HTTP fetch, 4.1 If makeCORSPreflight is true … run CORS-preflight fetch.
        if is_needed(fetch, hop) and not is_cached(fetch, hop):
            judged = yield from cors_preflight_fetch(fetch, hop)
            if isinstance(judged, Refusal) and engine.enforces:
                return _refused(judged, lines)
            if isinstance(judged, Passed):
                lines += console.authorization_warning(engine, hop) if judged.by_wildcard else []
                hop = replace(hop, passed=(*hop.passed, judged) if judged.is_cached else hop.passed)
            hop = replace(hop, preflighted=True)
        if late is not None:
            return _refused(late, lines)
        # HTTP fetch, 4.3 Set response to the result of running HTTP-network-or-cache fetch.
        answer = yield from ask(engine, hop.url, _request(fetch, hop))
        if fetch.cookies is not None and isinstance(answer, Response):
            # Whatever becomes of the answer: the network keeps its cookies before any check.
            fetch.cookies.store(hop.url, answer, credentials=_includes_credentials(fetch, hop))
        if isinstance(answer, NoResponse):
            code = "not-asked" if answer.kind == "not-asked" else "network-error"
            return _refused(_refusal(code, "response", fetch, hop, failure=answer), lines)
        # HTTP fetch, 6. If response's status is a redirect status … HTTP-redirect fetch.
        location = location_of(engine, answer)
        if location is None:
            return _read(fetch, hop, answer, lines)
        if location == "" and engine.empty_location == "fails":
            return _refused(_refusal("redirect-scheme", "redirect", fetch, hop, response=answer), lines)
        target = resolve(engine, location, hop)
        target = None if target is None else upgraded(engine, page, target)
        onward = http_redirect_fetch(fetch, hop, answer, location, target)
        if isinstance(onward, Refusal):
            if not engine.enforces:
                return Fetched(verdict=Verdict(allowed=True), response=answer)
            return _refused(onward, lines)
        if engine.enforces and (directives := forbidding(engine, page, onward.url, redirected=True)):
            refused = Refusal(code="csp", stage="redirect", fetch=fetch, hop=onward, directives=directives)
            return _refused(refused, lines)
        if (code := _bad_port(fetch, onward)) and engine.enforces:
            refused = Refusal(code=code, stage="redirect", fetch=fetch, hop=hop, target=onward.url)
            return _refused(refused, lines)
        late = recheck(fetch, hop, answer, location, target)
        hop = onward
    raise AssertionError("unreachable: http_redirect_fetch holds the limit")


def _open(engine: Engine, page: Page, call: XMLHttpRequest) -> tuple[Fetch, Hop | Refusal, list[str]]:
    """``open``, ``setRequestHeader`` and ``send``: the request, or what one of them throws; and what they print."""
    lines: list[str] = []
    headers: HeaderList = ()
    thrown: VerdictCode | None = None
    name = ""
    # open(), 2.-4.: a method that is no token, or a forbidden one, throws.
    if not standard.is_token(call.method) or standard.is_forbidden_method(call.method):
        thrown, name = "method-not-allowed", call.method
    method = standard.normalize_method(call.method)
    for key, given in call.headers if thrown is None else ():
        value = standard.normalize_value(given)
        # setRequestHeader(), 4. If name is not a header name or value is not a header value, then throw.
        if not standard.is_token(key) or not standard.is_header_value(value):
            thrown, name = "bad-header", key
            break
        # 5. If (name, value) is a forbidden request-header, then return.
        if standard.is_forbidden_request_header(key, value) or key.lower() in engine.refused_headers:
            lines += console.refused_header(engine, key)
        else:
            # 6. Combine (name, value) in author request headers.
            headers = standard.combine(headers, key, value)
    body = None if method in ("GET", "HEAD") else call.body
    adds_content_type = body is not None and get(headers, "content-type") is None
    if body is not None:
        headers = _with_content_type(engine, headers)
    if engine.header_charset == "utf-8":
        headers = tuple((key, value.encode().decode("latin-1")) for key, value in headers)
    # open(), 5. Let parsedURL be the result of encoding-parsing a URL given url, relative to the document.
    page_url = urls.parse(page.url)
    url = upgraded(engine, page, urls.parse(call.url, page_url))
    fetch = Fetch(
        engine=engine,
        page=page,
        page_url=page_url,
        first=url,
        method=method,
        credentials=call.with_credentials,
        headers=headers,
        adds_content_type=adds_content_type,
        cookies=call.cookies,
    )
    hop = Hop(
        url=url,
        method=method,
        headers=headers,
        body=body,
        origin=page.origin,
        cors=not urls.same_origin(page.origin, urls.origin_of(url)),
    )
    if thrown is not None:
        return fetch, Refusal(code=thrown, stage="url", fetch=fetch, hop=hop, name=name), lines
    return fetch, hop, lines


def _with_content_type(engine: Engine, headers: HeaderList) -> HeaderList:
    given = get(headers, "content-type")
    if given is None:
        return (*headers, ("Content-Type", standard.content_type_of_text(None)))
    several = engine.rewrites_every_charset and len(_CHARSET.findall(given)) > 1
    sent = _CHARSET.sub(r"\1UTF-8", given) if several else standard.content_type_of_text(given)
    return tuple((key, sent if key.lower() == "content-type" else value) for key, value in headers)


def _blocked_before(fetch: Fetch, hop: Hop) -> VerdictCode | None:
    if is_mixed_content(fetch.engine, fetch.page_url, hop.url):
        return "mixed-content"
    return _bad_port(fetch, hop)


def _bad_port(fetch: Fetch, hop: Hop) -> VerdictCode | None:
    """https://fetch.spec.whatwg.org/#block-bad-port"""
    return "bad-port" if hop.url.effective_port in fetch.engine.bad_ports else None


def _request(fetch: Fetch, hop: Hop) -> Request:
    """The request itself, without what the network adds."""
    headers = hop.headers
    if get(headers, "accept") is None:
        headers = (*headers, ("Accept", "*/*"))
    if carries_origin(hop):
        headers = (*headers, ("Origin", hop.origin))
    if fetch.cookies is not None and _includes_credentials(fetch, hop) and (sent := fetch.cookies.header(hop.url)):
        headers = (*headers, ("Cookie", sent))
    return url_request(fetch, hop, hop.method, headers, body=hop.body, credentials=fetch.credentials)


def _includes_credentials(fetch: Fetch, hop: Hop) -> bool:
    """https://fetch.spec.whatwg.org/#http-network-or-cache-fetch, step 8.3"""
    # The mode is "include", or it is "same-origin" and the tainting is "basic".
    return fetch.credentials or not hop.cors


def _read(fetch: Fetch, hop: Hop, response: Response, lines: list[str]) -> Fetched:
    """HTTP fetch, 4.4 If tainting is "cors" and a CORS check returns failure, then return a network error."""
    if hop.cors and fetch.engine.enforces:
        failure = standard.cors_check(hop.origin, fetch.credentials, response.headers)
        if failure is not None:
            return _refused(_refusal(failure, "response", fetch, hop, response=response), lines)
    lines += console.bad_status(fetch.engine, response)
    return Fetched(verdict=Verdict(allowed=True, console=tuple(lines)), response=response)


def _refusal(
    code: VerdictCode,
    stage: Stage,
    fetch: Fetch,
    hop: Hop,
    *,
    response: Response | None = None,
    failure: NoResponse | None = None,
) -> Refusal:
    return Refusal(code=code, stage=stage, fetch=fetch, hop=hop, origin=hop.origin, response=response, failure=failure)


def _refused(refusal: Refusal, lines: list[str]) -> Fetched:
    lines += console.lines(refusal)
    return Fetched(verdict=verdict_of(refusal, tuple(lines)), response=None)
