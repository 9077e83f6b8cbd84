"""Safari's lines, and WebKitGTK's where they are others (tests/truth)."""

from __future__ import annotations

from sio_doctor.intake.wording import Wording

_TLS = "A TLS error caused the secure connection to fail"
_OFFLINE = "The Internet connection appears to be offline"
_WEBSOCKET = "WebSocket connection to 'U' failed: "

WORDINGS = (
    Wording(
        "allow-origin-refused",
        "is not allowed by Access-Control-Allow-Origin",
        "Origin O is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    Wording(
        "allow-origin-multiple",
        "Access-Control-Allow-Origin cannot contain more than one origin",
        "Access-Control-Allow-Origin cannot contain more than one origin.",
    ),
    Wording(
        "allow-origin-wildcard",
        "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true",
        "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.",
    ),
    Wording(
        "allow-credentials",
        'Credentials flag is true, but Access-Control-Allow-Credentials is not "true"',
        'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".',
    ),
    Wording(
        "preflight-status",
        "Preflight response is not successful",
        "Preflight response is not successful. Status code: 404",
    ),
    Wording(
        "allow-methods-invalid",
        "Header Access-Control-Allow-Methods has an invalid value",
        "Header Access-Control-Allow-Methods has an invalid value: PUT;DELETE",
    ),
    Wording(
        "allow-headers-invalid",
        "Header Access-Control-Allow-Headers has an invalid value",
        "Header Access-Control-Allow-Headers has an invalid value: x-a x-b",
    ),
    Wording(
        "method-not-allowed",
        "is not allowed by Access-Control-Allow-Methods",
        "Method PUT is not allowed by Access-Control-Allow-Methods.",
    ),
    Wording(
        "header-not-allowed",
        "is not allowed by Access-Control-Allow-Headers",
        "Request header field Authorization is not allowed by Access-Control-Allow-Headers.",
    ),
    Wording(
        "redirect-userinfo",
        "Cross-Origin Resource Sharing policy: redirection URL",
        "Cross-origin redirection to U denied by Cross-Origin Resource Sharing policy: redirection URL U has "
        "credentials",
    ),
    Wording(
        "redirect-scheme",
        "not allowed to follow a cross-origin CORS redirection with non CORS scheme",
        "Cross-origin redirection to U denied by Cross-Origin Resource Sharing policy: not allowed to follow a "
        "cross-origin CORS redirection with non CORS scheme",
    ),
    Wording(
        "redirect-scheme",
        "Cross origin requests are only supported for HTTP.",
        "Cross origin requests are only supported for HTTP.",
    ),
    Wording(
        "redirect-scheme",
        "Redirection to URL with a scheme that is not HTTP(S)",
        "Redirection to URL with a scheme that is not HTTP(S)",
    ),
    Wording("redirect-scheme", "FTP URLs are disabled", "FTP URLs are disabled"),
    Wording(
        "redirect-limit",
        "Load cannot follow more than 20 redirections",
        "Load cannot follow more than 20 redirections",
    ),
    Wording(
        "mixed-content",
        "requested insecure content from",
        "[blocked] The page at P requested insecure content from U. This content was blocked and must be served over "
        "HTTPS.",
    ),
    Wording(
        "mixed-content",
        "was not allowed to run insecure content from",
        "[blocked] The page at P was not allowed to run insecure content from U.",
    ),
    Wording(
        "mixed-content",
        "was blocked from connecting insecurely to",
        "The page at P was blocked from connecting insecurely to U either because the protocol is insecure or the page "
        "is embedded from an insecure page.",
    ),
    Wording(
        "bad-port",
        "Not allowed to use restricted network port",
        "Not allowed to use restricted network port 6667: U",
    ),
    Wording("bad-port", "WebSocket port ", "WebSocket port 6667 blocked"),
    Wording(
        "content-security-policy",
        "does not appear in the connect-src directive of the Content Security Policy",
        "Refused to connect to U because it does not appear in the connect-src directive of the Content Security "
        "Policy.",
    ),
    Wording(
        "content-security-policy",
        "appears in neither the connect-src directive nor the default-src directive of the Content Security Policy",
        "Refused to connect to U because it appears in neither the connect-src directive nor the default-src directive "
        "of the Content Security Policy.",
    ),
    Wording("unsafe-header", "Refused to set unsafe header", 'Refused to set unsafe header "Cookie"'),
    Wording(
        "websocket-handshake",
        "The server did not accept the WebSocket handshake",
        _WEBSOCKET + "The server did not accept the WebSocket handshake.",
    ),
    Wording(
        "websocket-handshake",
        "There was a bad response from the server",
        _WEBSOCKET + "There was a bad response from the server.",
    ),
    Wording(
        "websocket-answer", "Server ignored WebSocket handshake", _WEBSOCKET + "Server ignored WebSocket handshake"
    ),
    Wording(
        "websocket-answer",
        "Server returned incorrect",
        _WEBSOCKET + 'Server returned incorrect "Sec-WebSocket-Accept" key',
    ),
    Wording(
        "websocket-answer",
        "in permessage-deflate extension header",
        _WEBSOCKET + "Invalid parameter 'foo' in permessage-deflate extension header",
    ),
    Wording(
        "websocket-answer",
        "Server returned a duplicated parameter",
        _WEBSOCKET + 'Server returned a duplicated parameter in "permessage-deflate" WebSocket extension header',
    ),
    Wording("websocket-url", "URL has fragment component", "URL has fragment component U"),
    Wording("websocket-url", "Wrong url scheme for WebSocket", "Wrong url scheme for WebSocket foo:x"),
    Wording("websocket-url", "Invalid url for WebSocket", "Invalid url for WebSocket https://["),
    Wording("websocket-answer", "Server requested unsupported", _WEBSOCKET + "Server requested unsupported protocol"),
    Wording(
        "websocket-frame",
        "Received invalid WebSocket response from the server",
        _WEBSOCKET + "Received invalid WebSocket response from the server",
    ),
    Wording("websocket-closed", "Connection terminated unexpectedly", "Connection terminated unexpectedly"),
    Wording("connection-lost", "Connection reset by peer", "Error receiving data: Connection reset by peer"),
    Wording("connection-lost", "The network connection was lost", "The network connection was lost."),
    Wording("not-http", "Could not parse HTTP response", "Could not parse HTTP response"),
    Wording("refused", "Could not connect to the server", "Could not connect to the server."),
    Wording(
        "refused",
        "The operation couldn't be completed. Connection refused",
        _WEBSOCKET + "The operation couldn't be completed. Connection refused",
    ),
    Wording(
        "websocket-handshake",
        "The operation couldn't be completed",
        _WEBSOCKET + "The operation couldn't be completed. Socket is not connected",
    ),
    Wording("refused", ": Connection refused", "Could not connect to localhost: Connection refused"),
    Wording(
        "dns",
        "A server with the specified hostname could not be found",
        "A server with the specified hostname could not be found.",
    ),
    Wording("dns", "Name or service not known", "Error resolving 'api.example.com': Name or service not known"),
    Wording(
        "certificate-untrusted",
        "The certificate for this server is invalid",
        "The certificate for this server is invalid.",
    ),
    Wording(
        "tls", "A TLS error caused the secure connection to fail", "A TLS error caused the secure connection to fail."
    ),
    Wording("timeout", "The request timed out", "The request timed out."),
    Wording(
        "offline", "The Internet connection appears to be offline", "The Internet connection appears to be offline."
    ),
    Wording(
        "access-control-checks",
        "due to access control checks",
        "XMLHttpRequest cannot load U due to access control checks.",
    ),
    Wording("access-control-checks", "Not allowed to request resource", "Not allowed to request resource"),
)

FRAMES = (
    Wording(
        "cors",
        "denied by Cross-Origin Resource Sharing policy",
        "Cross-origin redirection to U denied by Cross-Origin Resource Sharing policy: ",
    ),
)

FIELDS = (
    r"Origin (?P<origin>\S+) is not allowed by Access-Control-Allow-Origin",
    r"Status code: (?P<status>\d{3})\b",
    r"Cross-origin redirection to (?P<url>\S+) denied",
    r"cannot load (?P<url>\S+?)\.? ",
    r"The page at (?P<page>\S+) (?:requested|was not allowed|was blocked).* (?:from|to) (?P<url>\w+://\S+?)\.?(?: |$)",
    r"restricted network port \d+: (?P<url>\S+)",
    r"WebSocket connection to '(?P<url>.*?)' failed",
    r"Refused to connect to (?P<url>\S+) because",
    r'Refused to set unsafe header "(?P<name>.*?)"',
    r"has an invalid value: (?P<value>.*)$",
    r"Request header field (?P<name>\S+) is not allowed",
    r"Method (?P<name>\S+) is not allowed",
    r"(?P<stage>Preflight)",
)
