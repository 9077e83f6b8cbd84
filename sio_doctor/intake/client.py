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
    Wording("parse-error", "parse error", "connect_error: parse error"),
    Wording("parse-error", "server error", "connect_error: server error"),
    Wording("client-timeout", "timeout", "connect_error: timeout"),
    # Node's own, of a client that is none of a page or of a development server's proxy
    Wording("refused", "ECONNREFUSED", "Error: connect ECONNREFUSED 127.0.0.1:3000"),
    Wording("dns", "ENOTFOUND", "Error: getaddrinfo ENOTFOUND backend"),
    Wording("certificate-untrusted", "DEPTH_ZERO_SELF_SIGNED_CERT", "Error: DEPTH_ZERO_SELF_SIGNED_CERT"),
)
#: Words that other programs use too: they count only where they are all of the line but for who says it.
WHOLE = frozenset({"transport close", "transport error", "parse error", "server error", "timeout"})

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
        "two-servers",
        "server.handleUpgrade() was called more than once",
        "Error: server.handleUpgrade() was called more than once with the same socket",
    ),
)

FIELDS = (
    r"(?P<origin>\w[\w+.-]*://[^\s'\"]+|\bnull) is not an accepted origin",
    r"Invalid session (?P<value>[^\s\"]+)",
    r"\"?code\"?: ?4, ?\"?message\"?: ?[\"'](?P<value>.*?)[\"']",
)
