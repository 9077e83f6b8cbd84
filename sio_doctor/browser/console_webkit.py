"""WebKit's console lines (WebKitGTK's, where that is not Safari's they are marked)."""

from __future__ import annotations

from msgspec.structs import replace

from sio_doctor.browser.network import as_utf_8
from sio_doctor.browser.preflight import missing_names
from sio_doctor.browser.request import Refusal
from sio_doctor.model import NoResponse, Response, get
from sio_doctor.standards.csp import Directive
from sio_doctor.standards.url import Url, is_potentially_trustworthy, origin_of, parse, serialize
from sio_doctor.standards.websocket import extension_fault

#: Request headers that WebKit knows by name (its HTTPHeaderNames.in): it lists them before others, spelled its own way.
_KNOWN = """
    Accept Accept-Charset Accept-Encoding Accept-Language Accept-Ranges Access-Control-Allow-Credentials
    Access-Control-Allow-Headers Access-Control-Allow-Methods Access-Control-Allow-Origin
    Access-Control-Expose-Headers Access-Control-Max-Age Age Authorization Cache-Control Content-Disposition
    Content-Encoding Content-Language Content-Location Content-Range Content-Security-Policy
    Content-Security-Policy-Report-Only Content-Type Default-Style ETag Expires If-Match If-Modified-Since
    If-None-Match If-Range If-Unmodified-Since Last-Event-ID Last-Modified Link Location Ping-From Ping-To Pragma
    Purpose Range Referrer-Policy Refresh Server Server-Timing Service-Worker SourceMap Timing-Allow-Origin
    Upgrade-Insecure-Requests User-Agent Vary X-Content-Type-Options X-DNS-Prefetch-Control X-Frame-Options
    X-SourceMap X-XSS-Protection Icy-MetaInt Icy-Metadata
"""
_NOT_CORS_SCHEME = "not allowed to follow a cross-origin CORS redirection with non CORS scheme"


def lines(refusal: Refusal) -> list[str]:
    """Everything that is printed for a refused XMLHttpRequest."""
    here, target = refusal.hop.url, refusal.target
    if refusal.stage == "url":
        here = replace(here, fragment=None)
        target = here
    cannot_load = f"XMLHttpRequest cannot load {_url(here)} due to access control checks."
    match refusal.code:
        case "bad-port":
            there = target or here
            return [f"Not allowed to use restricted network port {there.effective_port}: {_url(there)}"]
        case "mixed-content" if target is not None:
            blocked = blocked_content(refusal.fetch.page.url, target)
            more = ["Not allowed to request resource"] if refusal.stage == "url" else []
            return [blocked, *more, cannot_load]
        case "network-error" if refusal.stage == "response":
            return []
        case "redirect-scheme" if refusal.stage == "url" and _is_blob_of(refusal.fetch.page.origin, here):
            return []
        case "redirect-scheme" if refusal.stage == "url":
            return ["Cross origin requests are only supported for HTTP.", cannot_load]
        case "redirect-scheme" if refusal.location == "" or (target is None and not refusal.hop.cors):
            return []
        case "redirect-scheme" if target is not None and not refusal.hop.cors:
            return _from_own_origin(refusal, target, cannot_load)
    return [_text(refusal), cannot_load]


def _from_own_origin(refusal: Refusal, target: Url, cannot_load: str) -> list[str]:
    """A redirect of the page's own server to another scheme: the web process looks at it before CORS does."""
    page = refusal.fetch.page
    if _is_blob_of(page.origin, target):
        text = "Redirection to URL with a scheme that is not HTTP(S)"
        return [text, f"XMLHttpRequest cannot load {_url(target)} due to access control checks."]
    if target.scheme in ("file", "blob"):
        return [f"Not allowed to load local resource: {_url(target)}", cannot_load]
    if page.url.startswith("https:") and target.scheme not in ("data", "about", "ftp", "wss"):
        return [blocked_content(page.url, target), cannot_load]
    return [_text(refusal), cannot_load]


def _is_blob_of(origin: str, url: Url) -> bool:
    return url.scheme == "blob" and origin_of(url.path) == origin


def blocked_by_policy(url: Url, directives: tuple[Directive, ...], redirected: bool) -> list[str]:
    """Policies of the page forbid a connection."""
    shown = serialize(url, credentials=False, fragment=False)
    lines = []
    for directive in directives:
        where = "does not appear in the connect-src directive"
        if directive.name != "connect-src":
            where = f"appears in neither the connect-src directive nor the {directive.name} directive"
        lines.append(f"Refused to connect to {shown} because it {where} of the Content Security Policy.")
    if redirected:
        lines.append("Blocked by Content Security Policy.")
        lines.append(f"XMLHttpRequest cannot load {shown} due to access control checks.")
    return lines


def blocked_content(page_url: str, url: Url) -> str:
    """Mixed content. WebKit drops the end of the sentence for loopback."""
    trustworthy = is_potentially_trustworthy(url) and not url.host.endswith(".")
    tail = "" if trustworthy else " be served over HTTPS."
    return (
        f"[blocked] The page at {page_url} requested insecure content from {_url(url)}. "
        f"This content was blocked and must{tail}"
    )


def websocket_failed(url: Url, why: Response | NoResponse | str, fault: str) -> str:
    """Why an opening handshake failed."""
    if isinstance(why, str):
        return f"WebSocket port {url.effective_port} blocked"
    return f"WebSocket connection to '{_url(url)}' failed: {_handshake(url, why, fault)}"


def websocket_no_url(url: str, page_url: str) -> str:
    """What the constructor throws at."""
    try:
        target = parse(url, parse(page_url))
    except ValueError:
        return f"Invalid url for WebSocket {url}"
    scheme = {"http": "ws", "https": "wss"}.get(target.scheme, target.scheme)
    if scheme in ("ws", "wss"):
        return f"URL has fragment component {serialize(replace(target, scheme=scheme))}"
    return f"Wrong url scheme for WebSocket {serialize(target)}"


def websocket_masked(url: Url) -> str:
    """A server masked a frame."""
    return f"WebSocket connection to '{_url(url)}' failed: Received invalid WebSocket response from the server"


def _url(url: Url) -> str:
    return serialize(url, credentials=False)


def _handshake(url: Url, why: Response | NoResponse, fault: str) -> str:
    if isinstance(why, NoResponse):
        return _no_answer(url, why)
    match fault.partition("-")[0]:
        case "status":
            return "The server did not accept the WebSocket handshake."
        case "accept":
            return "Server returned incorrect “Sec-WebSocket-Accept” key"
        case "protocol":
            return "Server requested unsupported protocol"
        case "extension":
            return _extension(why)
    return "Server ignored WebSocket handshake"


def _extension(answer: Response) -> str:
    match extension_fault(answer, "lenient"):
        case ("duplicate", _):
            return "Server returned a duplicated parameter in “permessage-deflate” WebSocket extension header"
        case ("unexpected", name):
            return f"Invalid parameter '{name}' in permessage-deflate extension header"
        case ("invalid", name):
            return f"Invalid value of parameter '{name}' in permessage-deflate extension header"
    return "Server requested unsupported extension"


def _no_answer(url: Url, failure: NoResponse) -> str:
    match failure.kind:
        case "closed":
            return "Connection terminated unexpectedly"
        case "reset":
            return "Error receiving data: Connection reset by peer"
        case "not-http":
            return "Could not parse HTTP response"
        case "refused":
            return f"Could not connect to {url.host}: Connection refused"
        # Not measured: Safari's words.
        case "dns":
            return "A server with the specified hostname could not be found."
        case "tls":
            return "The certificate for this server is invalid."
    return "Could not connect to the server."


def _text(refusal: Refusal) -> str:
    match refusal.code:
        case "redirect-limit":
            return "Load cannot follow more than 20 redirections"
        case "redirect-scheme" if refusal.target is not None and refusal.target.scheme == "ftp":
            return "FTP URLs are disabled"
    if refusal.stage != "redirect":
        return _cause(refusal)
    to = refusal.location if refusal.target is None else _url(refusal.target)
    denied = f"Cross-origin redirection to {to} denied by Cross-Origin Resource Sharing policy: "
    if refusal.code == "redirect-userinfo" and refusal.target is not None:
        return f"{denied}redirection URL {serialize(refusal.target)} has credentials"
    return denied + (_NOT_CORS_SCHEME if refusal.code == "redirect-scheme" else _cause(refusal))


def _cause(refusal: Refusal) -> str:
    response = refusal.response
    if response is None:
        return _no_answer(refusal.hop.url, refusal.failure) if refusal.failure is not None else ""
    match refusal.code:
        case "allow-origin-wildcard":
            return "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."
        case "allow-credentials":
            return 'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".'
        case "preflight-status" | "preflight-redirect":
            return f"Preflight response is not successful. Status code: {response.status}"
        case "allow-methods-invalid":
            return _invalid(response, "Access-Control-Allow-Methods")
        case "allow-headers-invalid":
            return _invalid(response, "Access-Control-Allow-Headers")
        case "method-not-allowed":
            return f"Method {refusal.name} is not allowed by Access-Control-Allow-Methods."
        case "header-not-allowed":
            name = _first_missing(refusal, response)
            return f"Request header field {name} is not allowed by Access-Control-Allow-Headers."
    if "," in (get(response.headers, "access-control-allow-origin") or ""):
        return "Access-Control-Allow-Origin cannot contain more than one origin."
    return f"Origin {refusal.origin} is not allowed by Access-Control-Allow-Origin. Status code: {response.status}"


def _invalid(response: Response, name: str) -> str:
    return f"Header {name} has an invalid value: {as_utf_8(get(response.headers, name) or '')}"


def _first_missing(refusal: Refusal, response: Response) -> str:
    """The missing header that is named: known ones first, each group in the order in which they were set."""
    missing = missing_names(refusal.fetch, refusal.hop, response)
    in_order = [name for name, _ in refusal.fetch.headers if name.lower() in missing]
    spelling = {name.lower(): name for name in _KNOWN.split()}
    known = [spelling[name.lower()] for name in in_order if name.lower() in spelling]
    return (known or in_order)[0]
