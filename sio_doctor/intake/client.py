"""What socket.io-client says (``connect_error``, ``disconnect``), and what servers answer and log.

Read in the npm packages and in python-engineio; servers' answers as measured.
"""

from __future__ import annotations

from sio_doctor.intake.wording import Wording

CLIENT = (
    Wording("xhr-poll-error", "xhr poll error", "connect_error: xhr poll error"),
    Wording("xhr-post-error", "xhr post error", "connect_error: xhr post error"),
    Wording("websocket-error", "websocket error", "connect_error: websocket error"),
    Wording(
        "server-too-old",
        "trying to reach a Socket.IO server in v2.x with a v3.x client",
        "It seems you are trying to reach a Socket.IO server in v2.x with a v3.x client, but they are not compatible "
        "(more information here: https://socket.io/docs/v3/migrating-from-2-x-to-3-0/)",
    ),
    Wording("invalid-namespace", "Invalid namespace", "connect_error: Invalid namespace"),
    Wording("disconnected", "transport close", "disconnect: transport close"),
    Wording("disconnected", "transport error", "disconnect: transport error"),
    Wording("disconnected", "ping timeout", "disconnect: ping timeout"),
    Wording("disconnected", "io server disconnect", "disconnect: io server disconnect"),
    Wording("disconnected", "io client disconnect", "disconnect: io client disconnect"),
    Wording("disconnected", "forced close", "disconnect: forced close"),
    Wording("parse-error", "parse error", "connect_error: parse error"),
    Wording("parse-error", "server error", "connect_error: server error"),
    Wording("client-timeout", "timeout", "connect_error: timeout"),
    # Node's own, of a client that is none of a page or of a development server's proxy
    Wording("refused", "ECONNREFUSED", "Error: connect ECONNREFUSED 127.0.0.1:3000"),
    Wording("dns", "ENOTFOUND", "Error: getaddrinfo ENOTFOUND backend"),
    Wording("dns", "EAI_AGAIN", "Error: getaddrinfo EAI_AGAIN backend"),
    Wording("timeout", "ETIMEDOUT", "Error: connect ETIMEDOUT 192.0.2.1:443"),
    Wording("connection-lost", "ECONNRESET", "Error: read ECONNRESET"),
    Wording("connection-lost", "socket hang up", "Error: socket hang up"),
    Wording("certificate-untrusted", "DEPTH_ZERO_SELF_SIGNED_CERT", "Error: DEPTH_ZERO_SELF_SIGNED_CERT"),
    Wording("certificate-untrusted", "self signed certificate", "Error: self signed certificate"),
    Wording("certificate-untrusted", "self-signed certificate", "Error: self-signed certificate"),
    Wording("certificate-untrusted", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "Error: UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
    Wording(
        "certificate-untrusted",
        "unable to verify the first certificate",
        "Error: unable to verify the first certificate",
    ),
    Wording("certificate-name-or-date", "certificate has expired", "Error: certificate has expired"),
    Wording("certificate-name-or-date", "CERT_HAS_EXPIRED", "Error: CERT_HAS_EXPIRED"),
    Wording(
        "certificate-name-or-date",
        "does not match certificate's altnames",
        "Error: Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames",
    ),
    Wording("websocket-handshake", "Unexpected server response: ", "Error: Unexpected server response: 400"),
)
#: Words that other programs use too: they count only where they are all of the line but for who says it.
WHOLE = frozenset(
    {"transport close", "transport error", "forced close", "cors error", "parse error", "server error", "timeout"}
)

SERVER = (
    Wording("origin-not-accepted", "is not an accepted origin", "http://localhost:5173 is not an accepted origin."),
    Wording("origin-not-accepted", "Not an accepted origin", '"Not an accepted origin."'),
    Wording("session-unknown", "Session ID unknown", '{"code":1,"message":"Session ID unknown"}'),
    Wording("session-unknown", "Invalid session", '"Invalid session 3tMx9sFpAAAA"'),
    Wording("client-too-old", "Unsupported protocol version", '{"code":5,"message":"Unsupported protocol version"}'),
    Wording(
        "client-too-old",
        "unsupported version of the Socket.IO or Engine.IO protocols",
        "The client is using an unsupported version of the Socket.IO or Engine.IO protocols",
    ),
    Wording("transport-unknown", "Transport unknown", '{"code":0,"message":"Transport unknown"}'),
    Wording("transport-unknown", "Invalid transport", '"Invalid transport"'),
    Wording("bad-handshake-method", "Bad handshake method", '{"code":2,"message":"Bad handshake method"}'),
    Wording("bad-request", '"message":"Bad request"', '{"code":3,"message":"Bad request"}'),
    Wording("bad-request", "message: 'Bad request'", "{ code: 3, message: 'Bad request' }"),
    Wording("bad-request", "TRANSPORT_MISMATCH", "connection_error: code 3, name TRANSPORT_MISMATCH"),
    Wording("bad-request", "Invalid websocket upgrade", '"Invalid websocket upgrade"'),
    Wording("forbidden", '"code":4,"message":"', '{"code":4,"message":"Forbidden"}'),
    Wording("forbidden", "code: 4, message: '", "{ code: 4, message: 'Forbidden' }"),
    Wording("connection-rejected", "Connection rejected by server", '{"message":"Connection rejected by server"}'),
    Wording("python-no-websocket", "Unsupported upgrade request", "WARNING:  Unsupported upgrade request."),
    Wording(
        "python-no-websocket",
        "No supported WebSocket library detected",
        "WARNING:  No supported WebSocket library detected. Please use \"pip install 'uvicorn[standard]'\"",
    ),
    Wording(
        "python-no-websocket",
        "WebSocket transport not available",
        "WebSocket transport not available. Install simple-websocket for improved performance.",
    ),
    # uvicorn's
    Wording("websocket-handshake", "connection rejected (", "INFO:     connection rejected (403 Forbidden)"),
    Wording("websocket-handshake", "connection failed (", "INFO:     connection failed (403 Forbidden)"),
    # nginx's error log, and proxies of development servers
    Wording(
        "gateway",
        "while connecting to upstream",
        "connect() failed (111: Connection refused) while connecting to upstream",
    ),
    Wording(
        "gateway",
        "while reading response header from upstream",
        "upstream prematurely closed connection while reading response header from upstream",
    ),
    Wording("gateway", "no live upstreams", "no live upstreams while connecting to upstream"),
    Wording("gateway", "http proxy error", "[vite] http proxy error: /socket.io/?EIO=4&transport=polling&t=x"),
    Wording("gateway", "ws proxy error", "[vite] ws proxy error:"),
    Wording("gateway", "Could not proxy request", "Proxy error: Could not proxy request /socket.io/ from a to U."),
    Wording("gateway", "Error occurred while proxying", "[HPM] Error occurred while proxying request a to U"),
    Wording(
        "gateway", "Error occurred while trying to proxy", "[HPM] Error occurred while trying to proxy: a/socket.io/"
    ),
    Wording(
        "two-servers",
        "server.handleUpgrade() was called more than once",
        "Error: server.handleUpgrade() was called more than once with the same socket",
    ),
)

FIELDS = (
    r"(?P<origin>\w[\w+.-]*://[^\s'\"]+|\bnull) is not an accepted origin",
    r"Unexpected server response: (?P<status>\d{3})\b",
    r"connection (?:rejected|failed) \((?P<status>\d{3}) ",
    r"description: (?P<status>[1-5]\d\d)\b",
    r"Invalid session (?P<value>[^\s\"]+)",
    r"\"?code\"?: ?4, ?\"?message\"?: ?[\"'](?P<value>.*?)[\"']",
)
