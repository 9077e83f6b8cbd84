"""Firefox's console lines."""

from __future__ import annotations

import re

from msgspec.structs import replace

from sio_doctor.browser.network import ALLOW_ORIGIN
from sio_doctor.browser.request import Hop, Refusal
from sio_doctor.model import Response, get
from sio_doctor.standards.csp import Directive
from sio_doctor.standards.fetch import cors_check
from sio_doctor.standards.url import Url, origin_of, same_origin, serialize

_REASONS = {
    "allow-origin-missing": "CORS header ‘Access-Control-Allow-Origin’ missing",
    "allow-origin-mismatch": "CORS header ‘Access-Control-Allow-Origin’ does not match ‘{allow_origin}’",
    "allow-origin-wildcard": "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’",
    "several-lines": "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed",
    "allow-credentials": "expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’",
    "preflight-redirect": "CORS request external redirect not allowed",
    "preflight-status": "CORS preflight response did not succeed",
    "allow-methods-invalid": "invalid token ‘{name}’ in CORS header ‘Access-Control-Allow-Methods’",
    "allow-headers-invalid": "invalid token ‘{name}’ in CORS header ‘Access-Control-Allow-Headers’",
    "method-not-allowed": "Did not find method in CORS header ‘Access-Control-Allow-Methods’",
    "header-not-allowed": (
        "header ‘{name}’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response"
    ),
}


def lines(refusal: Refusal) -> list[str]:
    """Everything that is printed for a refused XMLHttpRequest."""
    hop, response = refusal.hop, refusal.response
    if refusal.code == "bad-port" and refusal.stage == "url":
        return []
    if refusal.code == "mixed-content" and refusal.target is not None:
        blocked = f"Blocked loading mixed active content “{_url(refusal.target)}”"
        return [blocked] if refusal.stage == "url" else [blocked, *_did_not_succeed(hop)]
    if refusal.code == "redirect-scheme" and refusal.stage == "url":
        return _not_http(refusal)
    if refusal.code in ("redirect-userinfo", "bad-port"):
        # By then it has become cross-origin, whatever it was before.
        return _did_not_succeed(replace(hop, cors=True))
    if refusal.code == "redirect-scheme" and refusal.target is not None and _is_loadable(refusal, refusal.target):
        return [_frame(_url(refusal.target), "CORS request not http"), *_did_not_succeed(hop)]
    if response is None or refusal.code.startswith("redirect-"):
        # A failed preflight is told twice: for itself, where it is cross-origin, and for the request that it was for.
        twice = refusal.stage == "preflight" and not same_origin(refusal.origin, origin_of(hop.url))
        return _did_not_succeed(hop) * (2 if twice else 1)
    cause = [_blocked(hop, _reason(refusal.code, response), response, refusal.name)]
    if refusal.stage == "response":
        return cause
    if refusal.stage == "preflight" and refusal.location:
        # The redirect that is not followed is judged once more.
        if refusal.code == "preflight-redirect":
            return [*cause, _judged_again(refusal, response), *_did_not_succeed(hop)]
        return cause + _did_not_succeed(hop) * 2
    return cause + _did_not_succeed(hop)


def blocked_by_policy(url: Url, directive: Directive) -> str:
    """The page's policy forbids a connection. Gecko writes the directive anew, as it has read it."""
    sources = [_source(source) for source in directive.sources] or ["'none'"]
    return (
        f"Content-Security-Policy: The page’s settings blocked the loading of a resource (connect-src) at {_url(url)} "
        f"because it violates the following directive: “{directive.name} {' '.join(sources)}”"
    )


def _source(source: str) -> str:
    """Lower case, but for a path, a nonce and a hash."""
    if re.match(r"'(nonce|sha\d+)-", source, re.IGNORECASE):
        return source
    scheme, mark, rest = source.rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host}".lower() + slash + path


def authorization_warning(hop: Hop) -> str:
    """Authorization was covered by ``*`` alone."""
    return (
        "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at "
        f"{_url(hop.url)} soon. (Reason: When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is "
        "not covered. To include the `Authorization` header, it must be explicitly listed in CORS header "
        "`Access-Control-Allow-Headers`)."
    )


def websocket_failed(url: Url) -> str:
    """An opening handshake failed, for whatever reason."""
    return f"Firefox can’t establish a connection to the server at {serialize(url, credentials=False)}."


def _not_http(refusal: Refusal) -> list[str]:
    """A URL that was no http(s) one from the start."""
    url, page = refusal.hop.url, refusal.fetch.page
    if url.scheme in ("ws", "wss") or (url.scheme == "blob" and url.path.startswith(page.origin + "/")):
        return []
    if url.scheme == "blob":
        return [f"Security Error: Content at {page.url} may not load data from {_url(url)}."]
    if url.scheme != "javascript" and url.scheme in refusal.fetch.engine.unloadable_schemes:
        return [f"Security Error: Content at {page.url} may not load or link to {_url(url)}."]
    return [_frame(_url(url), "CORS request not http")]


def _is_loadable(refusal: Refusal, target: Url) -> bool:
    return target.scheme not in refusal.fetch.engine.unloadable_schemes


def _url(url: Url) -> str:
    return serialize(url)


def _reason(code: str, response: Response) -> str:
    if code.startswith("allow-origin"):
        # Gecko counts the lines under the name as it writes it, though any spelling is a header.
        if sum(name == ALLOW_ORIGIN for name, _ in response.headers) > 1:
            return "several-lines"
        if code in ("allow-origin-multiple", "allow-origin-invalid"):
            return "allow-origin-mismatch"
    return code


def _judged_again(refusal: Refusal, response: Response) -> str:
    """With a redirect to another origin the request's own has become opaque, and the answer is checked against that."""
    hop, fetch = refusal.hop, refusal.fetch
    if refusal.target is not None and origin_of(refusal.target) != origin_of(hop.url):
        failure = cors_check("null", fetch.credentials, response.headers)
        if failure is not None:
            return _blocked(hop, _reason(failure, response), response)
    return _blocked(hop, "preflight-status", response)


def _blocked(hop: Hop, reason: str, response: Response, name: str = "") -> str:
    text = _REASONS[reason].format(
        allow_origin=_in_utf_8(get(response.headers, ALLOW_ORIGIN) or ""), name=_in_utf_8(name)
    )
    tail = f" Status code: {response.status}." if reason in ("allow-origin-missing", "preflight-status") else ""
    url = f"‘{_url(hop.url)}’" if reason == "allow-origin-wildcard" else _url(hop.url)
    return _frame(url, text) + tail


def _in_utf_8(value: str) -> str:
    """Gecko reads what a header says as UTF-8."""
    return value.encode("latin-1", errors="replace").decode(errors="replace")


def _frame(url: str, reason: str) -> str:
    return (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
        f"{url}. (Reason: {reason})."
    )


def _did_not_succeed(hop: Hop) -> list[str]:
    """The line for every network failure of a cross-origin request; a same-origin one prints none."""
    return [_frame(_url(hop.url), "CORS request did not succeed") + " Status code: (null)."] if hop.cors else []
