"""Chromium's lines (Chrome, Edge, Opera, ...), those of 2012 included.

Present wordings as measured (tests/truth) or in its cors_error_string.cc, net_error_list.h and
WebSocketHandshake sources; older ones as people have pasted them.
"""

from __future__ import annotations

from sio_doctor.intake.wording import Wording

_ACCESS = "Access to XMLHttpRequest at 'U' from origin 'O' has been blocked by CORS policy: "
_PREFLIGHT = _ACCESS + "Response to preflight request doesn't pass access control check: "
_OLD = "XMLHttpRequest cannot load U. "
_WEBSOCKET = "WebSocket connection to 'U' failed: "
_HANDSHAKE = _WEBSOCKET + "Error during WebSocket handshake: "
_CREDENTIALS = (
    "when the request's credentials mode is 'include'. The credentials mode of requests initiated by the "
    "XMLHttpRequest is controlled by the withCredentials attribute."
)

WORDINGS = (
    Wording(
        "allow-origin-missing",
        "No 'Access-Control-Allow-Origin' header is present on the requested resource",
        _ACCESS + "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
    ),
    Wording(
        "allow-origin-multiple",
        "'Access-Control-Allow-Origin' header contains multiple values '",
        _ACCESS + "The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed.",
    ),
    Wording(
        "allow-origin-invalid",
        "'Access-Control-Allow-Origin' header contains the invalid value '",
        _ACCESS + "The 'Access-Control-Allow-Origin' header contains the invalid value 'example.com'.",
    ),
    Wording(
        "allow-origin-mismatch",
        "' that is not equal to the supplied origin",
        _ACCESS + "The 'Access-Control-Allow-Origin' header has a value 'O2' that is not equal to the supplied origin.",
    ),
    Wording(
        "allow-origin-wildcard",
        "must not be the wildcard '*' when the request's credentials mode is 'include'",
        _ACCESS
        + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' "
        + _CREDENTIALS,
    ),
    Wording(
        "allow-origin-wildcard",
        "wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true",
        _OLD + "A wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is "
        "true. Origin 'O' is therefore not allowed access.",
    ),
    Wording(
        "allow-credentials",
        "'Access-Control-Allow-Credentials' header in the response is '",
        _ACCESS + "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be "
        "'true' " + _CREDENTIALS,
    ),
    Wording(
        "allow-credentials",
        "Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is '",
        _OLD + "Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is ''. It must be 'true' "
        "to allow credentials. Origin 'O' is therefore not allowed access.",
    ),
    Wording("preflight-status", "It does not have HTTP ok status", _PREFLIGHT + "It does not have HTTP ok status."),
    Wording(
        "preflight-status",
        "Response for preflight has invalid HTTP status code",
        _OLD + "Response for preflight has invalid HTTP status code 404",
    ),
    Wording("preflight-status", "Invalid HTTP status code", _OLD + "Invalid HTTP status code 405"),
    Wording(
        "preflight-redirect",
        "Redirect is not allowed for a preflight request",
        _PREFLIGHT + "Redirect is not allowed for a preflight request.",
    ),
    Wording(
        "preflight-redirect",
        "Response for preflight is invalid (redirect)",
        _OLD + "Response for preflight is invalid (redirect)",
    ),
    Wording(
        "preflight-redirect",
        "which is disallowed for cross-origin requests that require preflight",
        _OLD + "The request was redirected to 'U2', which is disallowed for cross-origin requests that require "
        "preflight.",
    ),
    Wording(
        "allow-methods-invalid",
        "Cannot parse Access-Control-Allow-Methods response header",
        _ACCESS + "Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
    ),
    Wording(
        "allow-headers-invalid",
        "Cannot parse Access-Control-Allow-Headers response header",
        _ACCESS + "Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
    ),
    Wording(
        "method-not-allowed",
        "is not allowed by Access-Control-Allow-Methods in preflight response",
        _ACCESS + "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
    ),
    Wording(
        "header-not-allowed",
        "is not allowed by Access-Control-Allow-Headers in preflight response",
        _ACCESS
        + "Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight response.",
    ),
    Wording(
        "redirect-userinfo",
        "contains a username and password, which is disallowed for cross-origin requests",
        _ACCESS + "Redirect location '' contains a username and password, which is disallowed for cross-origin "
        "requests.",
    ),
    Wording(
        "redirect-userinfo",
        "containing userinfo, which is disallowed for cross-origin requests",
        _OLD + "The request was redirected to a URL ('U2') containing userinfo, which is disallowed for cross-origin "
        "requests.",
    ),
    Wording(
        "redirect-scheme",
        "Cross origin requests are only supported for protocol schemes",
        _ACCESS + "Cross origin requests are only supported for protocol schemes: chrome, data, http, https.",
    ),
    Wording(
        "local-network",
        "Permission was denied for this request to access the",
        _ACCESS + "Permission was denied for this request to access the `loopback` address space.",
    ),
    Wording(
        "local-network",
        "request client is not a secure context and the resource is in more-private address space",
        _ACCESS + "The request client is not a secure context and the resource is in more-private address space "
        "`local`.",
    ),
    Wording(
        "local-network",
        "Request had a target IP address space of",
        _ACCESS + "Request had a target IP address space of `local` yet the resource is in address space `public`.",
    ),
    Wording(
        "mixed-content",
        "was loaded over HTTPS, but requested an insecure",
        "Mixed Content: The page at 'P' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'U'. "
        "This request has been blocked; the content must be served over HTTPS.",
    ),
    Wording(
        "mixed-content",
        "was loaded over HTTPS, but attempted to connect to the insecure WebSocket endpoint",
        "Mixed Content: The page at 'P' was loaded over HTTPS, but attempted to connect to the insecure WebSocket "
        "endpoint 'U'. This request has been blocked; this endpoint must be available over WSS.",
    ),
    Wording(
        "mixed-content",
        "An insecure WebSocket connection may not be initiated from a page loaded over HTTPS",
        "SecurityError: Failed to construct 'WebSocket': An insecure WebSocket connection may not be initiated from a "
        "page loaded over HTTPS.",
    ),
    Wording(
        "content-security-policy",
        "violates the following Content Security Policy directive",
        "Connecting to 'U' violates the following Content Security Policy directive: \"connect-src 'self'\". The "
        "action has been blocked.",
    ),
    Wording(
        "content-security-policy",
        "violates the following Content Security Policy directive",
        "Refused to connect to 'U' because it violates the following Content Security Policy directive: "
        "\"connect-src 'self'\".",
    ),
    Wording(
        "authorization-wildcard",
        "Authorization will not be covered by the wildcard symbol",
        "[Deprecation] Authorization will not be covered by the wildcard symbol (*) in CORS "
        "`Access-Control-Allow-Headers` handling.",
    ),
    # WebSocket, what is most exact first
    Wording("websocket-handshake", "Unexpected response code:", _HANDSHAKE + "Unexpected response code: 400"),
    Wording(
        "websocket-unauthorized",
        "HTTP Authentication failed; no valid credentials available",
        _WEBSOCKET + "HTTP Authentication failed; no valid credentials available",
    ),
    Wording("proxy", "Proxy authentication failed", _WEBSOCKET + "Proxy authentication failed"),
    Wording(
        "proxy",
        "Establishing a tunnel via proxy server failed",
        _WEBSOCKET + "Establishing a tunnel via proxy server failed.",
    ),
    Wording("websocket-answer", "' header is missing", _HANDSHAKE + "'Upgrade' header is missing"),
    Wording(
        "websocket-answer",
        "header value is not 'WebSocket'",
        _HANDSHAKE + "'Upgrade' header value is not 'WebSocket': h2c",
    ),
    Wording(
        "websocket-answer",
        "'Connection' header value must contain 'Upgrade'",
        _HANDSHAKE + "'Connection' header value must contain 'Upgrade'",
    ),
    Wording(
        "websocket-answer",
        "Incorrect 'Sec-WebSocket-Accept' header value",
        _HANDSHAKE + "Incorrect 'Sec-WebSocket-Accept' header value",
    ),
    Wording(
        "websocket-answer",
        "header must not appear more than once in a response",
        _HANDSHAKE + "'Upgrade' header must not appear more than once in a response",
    ),
    Wording(
        "websocket-answer",
        "Response must not include 'Sec-WebSocket-",
        _HANDSHAKE + "Response must not include 'Sec-WebSocket-Protocol' header if not present in request: chat",
    ),
    Wording(
        "websocket-answer",
        "Found an unsupported extension",
        _HANDSHAKE + "Found an unsupported extension 'x' in 'Sec-WebSocket-Extensions' header",
    ),
    Wording("not-http", "Invalid status line", _HANDSHAKE + "Invalid status line"),
    Wording(
        "websocket-closed",
        "Connection closed before receiving a handshake response",
        _WEBSOCKET + "Connection closed before receiving a handshake response",
    ),
    Wording("timeout", "WebSocket opening handshake timed out", _WEBSOCKET + "WebSocket opening handshake timed out"),
    Wording(
        "websocket-abandoned",
        "WebSocket is closed before the connection is established",
        _WEBSOCKET + "WebSocket is closed before the connection is established.",
    ),
    Wording(
        "websocket-abandoned",
        "WebSocket opening handshake was canceled",
        _WEBSOCKET + "WebSocket opening handshake was canceled",
    ),
    Wording("websocket-frame", "Invalid frame header", _WEBSOCKET + "Invalid frame header"),
    Wording(
        "websocket-frame",
        "One or more reserved bits are on",
        _WEBSOCKET + "One or more reserved bits are on: reserved1 = 1, reserved2 = 0, reserved3 = 0",
    ),
    Wording(
        "websocket-frame",
        "A server must not mask any frames",
        _WEBSOCKET + "A server must not mask any frames that it sends to the client.",
    ),
    Wording("websocket-frame", "Unrecognized frame opcode", _WEBSOCKET + "Unrecognized frame opcode: 7"),
    Wording(
        "websocket-frame",
        "Could not decode a text frame as UTF-8",
        _WEBSOCKET + "Could not decode a text frame as UTF-8.",
    ),
    Wording("failed", "net::ERR_", "GET U net::ERR_FAILED 200 (OK)"),
    # what its network panel has in place of a status
    Wording("cors", "CORS error", "CORS error"),
    Wording("mixed-content", "blocked:mixed-content", "(blocked:mixed-content)"),
    Wording("content-security-policy", "blocked:csp", "(blocked:csp)"),
    Wording("blocked-by-client", "blocked:other", "(blocked:other)"),
)

#: Frames whose text is none of those above, nor Safari's, which shares some of them.
FRAMES = (
    Wording("cors", "has been blocked by CORS policy", _ACCESS),
    Wording("websocket-handshake", "WebSocket connection to '", _WEBSOCKET),
    Wording(
        "bad-status",
        "the server responded with a status of",
        "Failed to load resource: the server responded with a status of 502 (Bad Gateway)",
    ),
)

#: What else such a line tells, by name; searched in all of it.
FIELDS = (
    r"Access to \S+ at '(?P<url>.*?)'(?: \(redirected from '(?P<redirected_from>.*?)'\))? "
    r"from origin '(?P<origin>.*?)' has been blocked",
    r"Redirect from '(?P<redirected_from>.*?)' to '(?P<url>.*?)' has been blocked",
    r"(?:API|XMLHttpRequest) cannot load (?P<url>\S+?)[.:]? ",
    r"Failed to load (?P<url>\w+://\S+?): ",
    r"rigin '(?P<origin>\S*?)' is therefore not allowed access",
    r"(?:HTTP status code|response code:|status code:|a status of) (?P<status>\d{3})\b",
    r"\b(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<url>https?://\S+) ",
    r"net::(?P<net_error>ERR_\w+)(?: (?P<status>\d{3})\b)?",
    r"WebSocket connection to '(?P<url>.*?)' failed",
    r"The page at '(?P<page>.*?)' was loaded over HTTPS.* endpoint '(?P<url>.*?)'",
    r"(?:Refused to connect|Connecting) to '(?P<url>.*?)' ",
    r"header has a value '(?P<value>.*?)' that is not equal",
    r"contains the invalid value '(?P<value>.*?)'\.(?: |$)",
    r"contains multiple values '(?P<value>.*?)', but only one",
    r"'Access-Control-Allow-Credentials' header (?:in the response )?is '(?P<value>.*?)'(?: which|\. It)",
    r"Request header field (?P<name>\S+) is not allowed",
    r"Method (?P<name>\S+) is not allowed",
    r"(?:access the|address space) [`'](?P<value>\w+)[`']",
    r"(?P<stage>preflight)",
)
