"""How a line is known: by a phrase of its own. The tables of ``chromium``, ``firefox``, ... are made of these."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: Who wrote the line.
Source = Literal["chromium", "firefox", "webkit", "client", "server"]

#: What the line says. Where it is a verdict of CORS or on a URL, it is the report's own code (``model.VerdictCode``).
Code = Literal[
    "allow-origin-missing",
    "allow-origin-refused",  # Safari's: missing or another one, it does not say which
    "allow-origin-mismatch",
    "allow-origin-multiple",
    "allow-origin-invalid",
    "allow-origin-wildcard",
    "allow-credentials",
    "preflight-status",
    "preflight-redirect",
    "allow-methods-invalid",
    "allow-headers-invalid",
    "method-not-allowed",
    "header-not-allowed",
    "redirect-userinfo",
    "redirect-scheme",
    "redirect-limit",
    "cors",  # blocked, and the line does not say why
    "access-control-checks",  # Safari's last line for whatever failed
    "mixed-content",
    "bad-port",
    "local-network",
    "content-security-policy",
    "cors-disabled",
    "unsafe-header",
    "authorization-wildcard",
    # no answer came
    "network-error",  # and the line does not say why
    "dns",
    "refused",
    "timeout",
    "certificate-untrusted",
    "certificate-name-or-date",
    "tls",
    "connection-lost",
    "not-http",
    "offline",
    "proxy",
    "blocked-by-client",
    "aborted",
    "failed",  # Chromium's last line for what it has explained in another one
    "bad-status",
    # WebSocket
    "websocket-handshake",
    "websocket-unauthorized",
    "websocket-answer",  # a 101 that is none
    "websocket-closed",  # closed without an answer
    "websocket-frame",
    "websocket-abandoned",  # by the page itself
    "websocket-interrupted",
    "websocket-url",  # the constructor throws
    # what socket.io-client and servers say
    "xhr-poll-error",
    "xhr-post-error",
    "websocket-error",
    "client-timeout",
    "parse-error",
    "disconnected",
    "server-too-old",
    "client-too-old",
    "origin-not-accepted",
    "session-unknown",
    "transport-unknown",
    "bad-handshake-method",
    "bad-request",
    "forbidden",
    "invalid-namespace",
    "connection-rejected",
    "python-no-websocket",
    "gateway",  # a proxy cannot reach the server behind it
    "two-servers",
]


class Wording(NamedTuple):
    """A line that some source writes."""

    code: Code
    phrase: str
    """What it is known by: a part of the line, in plain quotes and any case."""
    example: str
    """The line as it is written, in plain quotes."""


class Meaning(NamedTuple):
    """Of one kind of line."""

    title: str
    means: str
    not_means: str
