"""Chromium's console lines."""

from __future__ import annotations

import re

from sio_doctor.browser.network import Unread
from sio_doctor.browser.request import Refusal
from sio_doctor.model import NoResponse, Response, get
from sio_doctor.standards.csp import Directive
from sio_doctor.standards.url import Url, serialize
from sio_doctor.standards.websocket import extension_fault, values

_CREDENTIALS_TAIL = (
    "when the request's credentials mode is 'include'. The credentials mode of requests initiated by the "
    "XMLHttpRequest is controlled by the withCredentials attribute."
)
_TEXTS = {
    "allow-origin-missing": "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    "allow-origin-mismatch": (
        "The 'Access-Control-Allow-Origin' header has a value '{allow_origin}' that is not equal to the "
        "supplied origin."
    ),
    "allow-origin-invalid": "The 'Access-Control-Allow-Origin' header contains the invalid value '{allow_origin}'.",
    "allow-origin-multiple": (
        "The 'Access-Control-Allow-Origin' header contains multiple values '{allow_origin}', but only one is allowed."
    ),
    "allow-origin-wildcard": (
        "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' "
        + _CREDENTIALS_TAIL
    ),
    "allow-credentials": (
        "The value of the 'Access-Control-Allow-Credentials' header in the response is '{allow_credentials}' which "
        "must be 'true' " + _CREDENTIALS_TAIL
    ),
    "preflight-redirect": "Redirect is not allowed for a preflight request.",
    "preflight-status": "It does not have HTTP ok status.",
    "allow-methods-invalid": "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
    "allow-headers-invalid": "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
    "method-not-allowed": "Method {name} is not allowed by Access-Control-Allow-Methods in preflight response.",
    "header-not-allowed": (
        "Request header field {name} is not allowed by Access-Control-Allow-Headers in preflight response."
    ),
    "redirect-userinfo": (
        "Redirect location '' contains a username and password, which is disallowed for cross-origin requests."
    ),
    "redirect-scheme": (
        "Cross origin requests are only supported for protocol schemes: chrome, "
        "chrome-experimental-site-token-provider, chrome-extension, chrome-untrusted, data, http, https, isolated-app."
    ),
}
_ABOUT_THE_PREFLIGHT = "Response to preflight request doesn't pass access control check: "
_NO_PREFIX = ("allow-methods-invalid", "allow-headers-invalid", "method-not-allowed", "header-not-allowed")
#: Schemes that Chromium follows no redirect to, whoever asks; others are the CORS check's to refuse.
_LOCAL_SCHEMES = ("chrome-error", "view-source")
_UNSAFE_SCHEMES = (
    "about",
    "blob",
    "chrome",
    "chrome-extension",
    "chrome-untrusted",
    "data",
    "devtools",
    "file",
    "filesystem",
)
_TLS = {
    "self-signed": "ERR_CERT_AUTHORITY_INVALID",
    "unknown-issuer": "ERR_CERT_AUTHORITY_INVALID",
    "expired": "ERR_CERT_DATE_INVALID",
    "not-yet-valid": "ERR_CERT_DATE_INVALID",
    "hostname": "ERR_CERT_COMMON_NAME_INVALID",
    "plain-http": "ERR_SSL_PROTOCOL_ERROR",
    "protocol": "ERR_SSL_VERSION_OR_CIPHER_MISMATCH",
}
_NET_ERRORS = {
    "dns": "ERR_NAME_NOT_RESOLVED",
    "refused": "ERR_CONNECTION_REFUSED",
    "unreachable": "ERR_ADDRESS_UNREACHABLE",
    "reset": "ERR_CONNECTION_RESET",
    "closed": "ERR_EMPTY_RESPONSE",
    "not-http": "ERR_INVALID_HTTP_RESPONSE",
}


def lines(refusal: Refusal) -> list[str]:
    """Everything that is printed for a refused XMLHttpRequest."""
    match refusal.code:
        case "mixed-content" if refusal.target is not None:
            target = _url(refusal.target, fragment=refusal.stage == "redirect")
            return [
                f"Mixed Content: The page at '{refusal.fetch.page.url}' was loaded over HTTPS, but requested an "
                f"insecure XMLHttpRequest endpoint '{target}'. This request has been blocked; the content must be "
                "served over HTTPS."
            ]
        case "bad-port":
            return _failed("ERR_UNSAFE_PORT")
        case "redirect-limit":
            return _failed("ERR_TOO_MANY_REDIRECTS")
        case "redirect-scheme" if refusal.stage == "url":
            return _not_http(refusal, refusal.hop.url)
        case "redirect-scheme" if refusal.target is not None:
            return _to_a_scheme(refusal, refusal.target)
        case "redirect-scheme":
            return _failed("ERR_INVALID_REDIRECT")
    if refusal.failure is not None:
        return _failed(net_error(refusal.failure))
    return [_access(refusal), *_failed("ERR_FAILED")]


def _to_a_scheme(refusal: Refusal, url: Url) -> list[str]:
    """A redirect to what is no http(s) URL."""
    if url.scheme in _UNSAFE_SCHEMES:
        return _failed("ERR_UNSAFE_REDIRECT")
    if url.scheme == "isolated-app":
        return _failed("ERR_UNKNOWN_URL_SCHEME")
    if url.scheme in _LOCAL_SCHEMES:
        return [f"Not allowed to load local resource: {_url(url)}"]
    return [_access(refusal), *_failed("ERR_FAILED")]


def _not_http(refusal: Refusal, url: Url) -> list[str]:
    """A URL that was no http(s) one from the start."""
    if url.scheme == "ftp":
        return []
    if url.scheme == "blob":
        own = url.path.startswith(refusal.fetch.page.origin + "/")
        return _failed("ERR_FILE_NOT_FOUND") if own else [f"Not allowed to load local resource: {_url(url)}"]
    if url.scheme in ("file", *_LOCAL_SCHEMES):
        return [f"Not allowed to load local resource: {_url(url)}"]
    return [_access(refusal), *_failed("ERR_FAILED")]


def blocked_by_policy(url: Url, directive: Directive) -> str:
    """The page's policy forbids a connection. Older versions begin it with "Refused to connect to"."""
    fallback = ""
    if directive.name != "connect-src":
        fallback = f" Note that 'connect-src' was not explicitly set, so '{directive.name}' is used as a fallback."
    return (
        f"Connecting to '{_url(url)}' violates the following Content Security Policy directive: "
        f'"{directive.text}".{fallback} The action has been blocked.'
    )


def bad_status(response: Response) -> list[str]:
    """What a readable answer of 400 or more prints."""
    if response.status < 400:
        return []
    return [f"Failed to load resource: the server responded with a status of {response.status} ({response.reason})"]


def net_error(failure: NoResponse) -> str:
    """Chromium's name for why no answer came, without ``net::``."""
    if isinstance(failure, Unread):
        return failure.net_error
    if failure.kind == "tls":
        return _TLS.get(failure.detail, "ERR_SSL_PROTOCOL_ERROR")
    return _NET_ERRORS.get(failure.kind, "ERR_FAILED")


def mixed_content_warning(page_url: str, url: Url) -> str:
    """What is printed when an https page asks a private address by http, or opens a WebSocket there."""
    what, advice = "requested an insecure XMLHttpRequest", "This content should also be served over HTTPS."
    if url.scheme == "ws":
        what = "attempted to connect to the insecure WebSocket"
        advice = "This endpoint should be available via WSS. Insecure access is deprecated."
    return f"Mixed Content: The page at '{page_url}' was loaded over HTTPS, but {what} endpoint '{_url(url)}'. {advice}"


def websocket_mixed_content(page_url: str, url: Url) -> str:
    """What the constructor prints before it throws."""
    return (
        f"Mixed Content: The page at '{page_url}' was loaded over HTTPS, but attempted to connect to the insecure "
        f"WebSocket endpoint '{_url(url)}'. This request has been blocked; this endpoint must be available over WSS."
    )


def websocket_failed(url: Url, why: Response | NoResponse | str, fault: str) -> str:
    """Why an opening handshake failed."""
    text = _websocket_text(why, fault, default_port=url.port is None)
    return f"WebSocket connection to '{_url(url, credentials=False)}' failed: {text}"


def websocket_given_up(url: Url) -> str:
    """A page closes it before the handshake has been answered, as the client does when its time is up."""
    reason = "WebSocket is closed before the connection is established."
    return f"WebSocket connection to '{_url(url, credentials=False)}' failed: {reason}"


def websocket_frame(url: Url, masked: bool) -> str:
    """Why a connection that was open failed."""
    text = "A server must not mask any frames that it sends to the client." if masked else "Invalid frame header"
    return f"WebSocket connection to '{_url(url, credentials=False)}' failed: {text}"


def _websocket_text(why: Response | NoResponse | str, fault: str, *, default_port: bool) -> str:
    handshake = "Error during WebSocket handshake: "
    if isinstance(why, str):
        return "Error in connection establishment: net::ERR_UNSAFE_PORT"
    if isinstance(why, Unread) and net_error(why) == "ERR_UNEXPECTED_PROXY_AUTH":
        return f"Error in connection establishment: net::{net_error(why)}"
    if isinstance(why, NoResponse):
        match why.kind:
            case "closed":
                return "Connection closed before receiving a handshake response"
            case "reset":
                return handshake + "net::ERR_CONNECTION_RESET"
            case "not-http" if default_port:  # only there it may be HTTP/0.9, and is then read on
                return handshake + "Invalid status line"
            case "not-http":
                return handshake + "net::ERR_INVALID_HTTP_RESPONSE"
        return f"Error in connection establishment: net::{net_error(why)}"
    match fault:
        case "status" if why.status == 401:
            return "HTTP Authentication failed; no valid credentials available"
        case "status":
            return f"{handshake}Unexpected response code: {why.status}"
        case "upgrade-missing" | "connection-missing" | "accept-missing":
            return f"{handshake}'{_header(fault)}' header is missing"
        case "upgrade-multiple" | "accept-multiple":
            return f"{handshake}'{_header(fault)}' header must not appear more than once in a response"
        case "upgrade-wrong" | "accept-wrong" if len(values(why, _header(fault))) > 1:
            return f"{handshake}'{_header(fault)}' header must not appear more than once in a response"
        case "upgrade-wrong":
            return _in_utf_8(f"{handshake}'Upgrade' header value is not 'WebSocket': {why.get('upgrade')}")
        case "connection-wrong":
            return f"{handshake}'Connection' header value must contain 'Upgrade'"
        case "accept-wrong":
            return f"{handshake}Incorrect 'Sec-WebSocket-Accept' header value"
        case "protocol":
            chosen = values(why, "sec-websocket-protocol")[0]
            unasked = "Response must not include 'Sec-WebSocket-Protocol' header if not present in request"
            return _in_utf_8(f"{handshake}{unasked}: {chosen}")
    return _in_utf_8(handshake + _extension_text(why))


def _extension_text(answer: Response) -> str:
    fault = extension_fault(answer)
    kind, where = fault if fault is not None else ("unasked", "")
    deflate = "Error in permessage-deflate: "
    return {
        "unreadable": f"'Sec-WebSocket-Extensions' header value is rejected by the parser: {where}",
        "unasked": f"Found an unsupported extension '{where}' in 'Sec-WebSocket-Extensions' header",
        "twice": "Received duplicate permessage-deflate response",
        "unexpected": f"{deflate}Received an unexpected permessage-deflate extension parameter",
        "duplicate": f"{deflate}Received duplicate permessage-deflate extension parameter {where}",
        "invalid": f"{deflate}Received invalid {where} parameter",
        "no-value": f"{deflate}{where} must have value",
    }[kind]


def _in_utf_8(text: str) -> str:
    """Nothing at all where a header's bytes in it are no UTF-8."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return ""


def _header(fault: str) -> str:
    return {"upgrade": "Upgrade", "connection": "Connection", "accept": "Sec-WebSocket-Accept"}[fault.partition("-")[0]]


def _failed(error: str) -> list[str]:
    return [f"Failed to load resource: net::{error}"]


def _url(url: Url, *, credentials: bool = True, fragment: bool = True) -> str:
    return serialize(url, credentials=credentials, fragment=fragment)


def printable(value: str) -> str:
    r"""A header's value as the console has it: whatever is not printable ASCII as ``\uXXXX``."""
    return re.sub(r"[^ -~]", lambda found: f"\\u{ord(found[0]):04X}", value)


def _access(refusal: Refusal) -> str:
    fetch, hop, here = refusal.fetch, refusal.hop, refusal.hop.url
    redirected = hop.redirects > 0
    if refusal.code == "redirect-scheme" and refusal.stage == "redirect" and refusal.target is not None:
        here, redirected = refusal.target, True
    headers = refusal.response.headers if refusal.response is not None else ()
    text = _TEXTS[refusal.code].format(
        allow_origin=printable(get(headers, "access-control-allow-origin") or ""),
        allow_credentials=printable(get(headers, "access-control-allow-credentials") or ""),
        name=refusal.name,
    )
    if refusal.stage == "preflight" and refusal.code not in _NO_PREFIX:
        text = _ABOUT_THE_PREFLIGHT + text
    first = f" (redirected from '{_url(fetch.first)}')" if redirected else ""
    return (
        f"Access to XMLHttpRequest at '{_url(here)}'{first} from origin '{fetch.page.origin}' has been blocked by CORS "
        f"policy: {text}"
    )
