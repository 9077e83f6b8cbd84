"""Which causes a line can hide, the likeliest first: by how often people have them, and by what else the line tells.

Slugs are the rules' (``sio_doctor/rules``). What no rule can see, because it never reaches a server, is a sentence.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sio_doctor.intake.console import ConsoleLine
from sio_doctor.intake.wording import Code
from sio_doctor.standards.url import BAD_PORTS

#: More would be a list of everything.
MOST = 6

Slugs = tuple[str, ...]

_REDIRECTS: Slugs = ("redirect-http-to-https", "redirect-www-apex", "redirect-to-login", "redirect-loop")
_GATEWAY: Slugs = ("gateway-5xx-no-cors",)

#: What answers so to a poll without CORS headers, by its status; 0: it is not known.
_POLLING: dict[int, Slugs] = {
    0: (
        "cors-not-configured", "origin-not-in-list", "html-instead-of-handshake", "gateway-5xx-no-cors",
        "python-origin-not-accepted", "path-mismatch",
    ),
    2: (
        "cors-not-configured", "express-cors-only", "origin-not-in-list", "html-instead-of-handshake",
        "proxy-strips-acao",
    ),
    3: _REDIRECTS,
    4: ("error-response-without-cors", "basic-auth-or-401"),
    5: _GATEWAY,
    400: ("python-origin-not-accepted", "client-too-old", "origin-callback-error", "engine-middleware-error"),
    401: ("basic-auth-or-401", "tunnel-or-preview-auth"),
    403: (
        "basic-auth-or-401", "v2-origins-needs-port", "allowrequest-403", "ws-allowrequest-origin", "waf-or-challenge",
        "serverless-host",
    ),
    404: (
        "path-mismatch", "app-listen-not-server-listen", "html-instead-of-handshake", "serverless-host",
        "asgi-mount-path", "proxy-strips-path",
    ),
    405: ("method-or-size-filter", "html-instead-of-handshake", "serverless-host"),
    407: ("basic-auth-or-401",),
    413: ("method-or-size-filter",),
    426: ("plain-websocket-server",),
    429: ("rate-limit",),
}  # fmt: skip
#: The same of socket.io-client 2: its own servers let everybody in, and to later ones it is too old.
_POLLING_2: dict[int, Slugs] = {
    0: (
        "client-too-old", "html-instead-of-handshake", "v2-origins-needs-port", "gateway-5xx-no-cors",
        "cors-not-configured", "path-mismatch",
    ),
    400: ("client-too-old", "python-origin-not-accepted", "engine-middleware-error"),
    403: ("v2-origins-needs-port", "v240-closed-default", "basic-auth-or-401", "allowrequest-403"),
}  # fmt: skip
#: To a poll of a session that was opened before.
_SESSION: dict[int, Slugs] = {
    2: ("cors-on-handshake-only",),
    400: ("no-sticky-sessions", "error-response-without-cors"),
}
#: To a preflight.
_PREFLIGHT: dict[int, Slugs] = {
    0: (
        "cors-not-configured", "preflight-unhandled-v2", "preflight-blocked-upstream", "origin-not-in-list",
        "python-origin-not-accepted", "path-mismatch",
    ),
    2: ("origin-not-in-list", "preflight-empty-2xx", "html-instead-of-handshake"),
    3: ("preflight-redirect", *_REDIRECTS),
    4: ("preflight-blocked-upstream",),
    5: _GATEWAY,
    400: ("cors-not-configured", "preflight-unhandled-v2", "python-origin-not-accepted"),
    401: ("preflight-blocked-upstream", "tunnel-or-preview-auth"),
    404: ("path-mismatch", "app-listen-not-server-listen", "html-instead-of-handshake", "serverless-host"),
    429: ("rate-limit",),
}  # fmt: skip
#: To a WebSocket.
_WEBSOCKET: dict[int, Slugs] = {
    0: (
        "ws-proxy-no-upgrade", "python-origin-not-accepted", "server-refused", "html-instead-of-handshake",
        "path-mismatch", "tls-untrusted",
    ),
    2: ("html-instead-of-handshake", "ws-proxy-no-upgrade"),
    3: _REDIRECTS,
    4: ("ws-proxy-no-upgrade", "basic-auth-or-401", "ws-refused"),
    5: ("gateway-5xx-no-cors", "ws-proxy-no-upgrade"),
    400: (
        "ws-proxy-no-upgrade", "no-sticky-sessions", "python-origin-not-accepted", "allowrequest-403",
        "transport-disabled",
    ),
    401: ("basic-auth-or-401", "tunnel-or-preview-auth"),
    403: ("python-origin-not-accepted", "path-mismatch", "basic-auth-or-401", "ws-platform-off"),
    404: ("path-mismatch", "app-listen-not-server-listen", "html-instead-of-handshake", "serverless-host"),
    429: ("rate-limit",),
    500: ("python-no-websocket", "gateway-5xx-no-cors", "ws-proxy-no-upgrade", "asgi-mount-path"),
    503: ("gateway-5xx-no-cors", "ws-platform-off", "ws-proxy-no-upgrade"),
}  # fmt: skip

#: To the upgrade of a session that polling has opened: the server is there, and its path is right.
_UPGRADE: dict[int, Slugs] = {
    0: (
        "ws-proxy-no-upgrade", "no-sticky-sessions", "ws-two-servers-conflict", "python-no-websocket", "ws-dev-proxy",
        "ws-refused",
    ),
    400: ("ws-proxy-no-upgrade", "no-sticky-sessions", "transport-disabled", "ws-refused"),
    403: ("basic-auth-or-401", "no-sticky-sessions", "ws-refused"),
    404: ("ws-proxy-no-upgrade", "ws-refused"),
    503: ("ws-platform-off", "gateway-5xx-no-cors", "ws-proxy-no-upgrade"),
}  # fmt: skip

#: Lines whose causes do not depend on what else they tell.
_FIXED: dict[Code, Slugs] = {
    "allow-origin-wildcard": ("wildcard-with-credentials",),
    "allow-credentials": ("acac-missing",),
    "preflight-redirect": ("preflight-redirect", *_REDIRECTS),
    "allow-methods-invalid": ("preflight-malformed",),
    "allow-headers-invalid": ("preflight-malformed",),
    "header-not-allowed": ("preflight-header-not-allowed",),
    "redirect-userinfo": ("redirect-www-apex",),
    "redirect-limit": ("redirect-to-login", "redirect-http-to-https", "redirect-www-apex"),
    "mixed-content": ("mixed-content",),
    "content-security-policy": ("csp-connect-src",),
    "bad-port": ("unsafe-port",),
    "local-network": ("local-network-access",),
    "dns": ("dns-fails",),
    "refused": ("server-refused",),
    "timeout": ("server-timeout", "wrong-path-hangs", "plain-websocket-server"),
    "blocked-by-client": ("blocked-by-extension",),
    "websocket-abandoned": ("closed-before-established",),
    "certificate-untrusted": ("tls-untrusted",),
    "certificate-name-or-date": ("tls-name-or-date",),
    "tls": ("tls-plain-mixup", "tls-untrusted"),
    "connection-lost": ("connection-reset", "tls-plain-mixup"),
    "not-http": ("tls-plain-mixup", "connection-reset"),
    "websocket-unauthorized": ("basic-auth-or-401",),
    "websocket-answer": ("ws-proxy-no-upgrade", "ws-refused"),
    "websocket-closed": ("path-mismatch", "wrong-path-hangs", "connection-reset", "ws-two-servers-conflict"),
    "websocket-frame": ("ws-two-servers-conflict", "ws-only-version-mismatch", "ws-frame-corruption"),
    "websocket-error": (
        "ws-proxy-no-upgrade", "server-refused", "python-origin-not-accepted", "path-mismatch", "transport-disabled",
    ),
    "xhr-poll-error": (
        "cors-not-configured", "server-refused", "origin-not-in-list", "html-instead-of-handshake", "client-too-old",
        "gateway-5xx-no-cors",
    ),
    "xhr-post-error": (
        "no-sticky-sessions", "method-or-size-filter", "cors-on-handshake-only", "error-response-without-cors",
    ),
    "client-timeout": ("server-timeout", "wrong-path-hangs", "plain-websocket-server", "no-connect-reply"),
    "parse-error": ("html-instead-of-handshake", "server-too-old"),
    "server-too-old": ("server-too-old",),
    "client-too-old": ("client-too-old",),
    "origin-not-accepted": ("python-origin-not-accepted",),
    "session-unknown": ("no-sticky-sessions", "two-instances-one-server"),
    "transport-unknown": ("transport-disabled", "transport-unknown"),
    "bad-handshake-method": ("cors-not-configured", "preflight-unhandled-v2"),
    "bad-request": ("ws-proxy-no-upgrade", "origin-callback-error", "engine-middleware-error"),
    "forbidden": ("allowrequest-403", "ws-allowrequest-origin", "v2-origins-needs-port", "v240-closed-default"),
    "invalid-namespace": ("invalid-namespace", "path-vs-namespace"),
    "connection-rejected": ("connect-middleware-error",),
    "python-no-websocket": ("python-no-websocket",),
    "gateway": ("gateway-5xx-no-cors", "server-refused"),
    "two-servers": ("ws-two-servers-conflict",),
}  # fmt: skip

_UNSEEN: dict[Code, str] = {
    "method-not-allowed": "Another request of the page, not Socket.IO's.",
    "content-security-policy": "The connect-src of the page's Content-Security-Policy lacks the server.",
    "local-network": "The page is public and the server is not: serve both from the same network, or the page over "
    "https, and allow it when the browser asks.",
    "cors-disabled": "A setting of this browser: content.cors.disable in about:config.",
    "redirect-scheme": "The page was opened as a file, or the server redirects to another scheme.",
    "network-error": "An extension of the browser, its Local Network Access, or a proxy that it goes through.",
    "offline": "The network of the browser's machine.",
    "proxy": "The proxy that the browser goes through.",
    "aborted": "The page was left or loaded again.",
    "websocket-interrupted": "The page was left or loaded again.",
    "websocket-url": "The address that the page's script hands to io() or to WebSocket.",
    "disconnected": "A proxy cuts what is quiet for longer than its timeout: it must be above the server's "
    "pingInterval and pingTimeout together (45 s unless set).",
    "unsafe-header": "extraHeaders of the client name a header that belongs to the browser.",
}

_LOGIN = re.compile(r"log-?in|sign-?in|auth|sso|cloudflareaccess", re.IGNORECASE)


def causes(line: ConsoleLine) -> Slugs:
    """The slugs of the rules that may be behind that line, at most ``MOST``; none where only ``unseen`` is."""
    found = _FIXED.get(line.code)
    if found is None or (line.code == "xhr-poll-error" and line.status):
        found = _by_code(line)
    if line.query("EIO") == "3" and "preflight-unhandled-v2" in found:
        found = ("preflight-unhandled-v2", *found)
    if line.redirected_from and found:
        found = (*_redirects(line), *found)
    if line.status == 403 and _port(line) in (5000, 7000):
        found = ("macos-port-5000", *found)
    if line.code == "header-not-allowed" and (line.name or "").lower().startswith("access-control-allow-"):
        found = ("client-sets-response-header",)
    found = _of_page(line, found)
    if line.code in _UNREACHED and _on_each_visitors_machine(line):
        found = ("localhost-in-production", *found)
    return tuple(dict.fromkeys(found))[:MOST]


def unseen(line: ConsoleLine) -> tuple[str, ...]:
    """What may be behind it and never reaches a server, a sentence each."""
    found = [_UNSEEN[line.code]] if line.code in _UNSEEN else []
    if line.origin == "null":
        found.append("The page's origin is null: it was opened as a file, or lives in a sandboxed frame. Serve it.")
    if line.code == "allow-origin-mismatch":
        found.append("A cache gives this page the answer that was meant for another one.")
    return tuple(found)


def _of_page(line: ConsoleLine, found: Slugs) -> Slugs:
    """With what such a page mostly misses on a list, where a list can be the cause: in the place of its origin's
    absence, where it has none that a list would name, or behind it, where the answer was a good one."""
    if "origin-not-in-list" not in found and line.code != "origin-not-accepted":
        return found
    origin = line.origin or ""
    if origin == "null" or (origin and not origin.startswith("http")):
        slug = "null-origin" if origin == "null" else "app-scheme-origin"
        return tuple(slug if one == "origin-not-in-list" else one for one in found)
    near: Slugs = ("origin-trailing-slash", "origin-scheme")
    if _LOCAL.match(origin):
        near = ("origin-port", "origin-localhost-vs-127")
    if line.code == "origin-not-accepted":
        return (*found, *near)
    at = found.index("origin-not-in-list") + 1
    return (*found[:at], *near, *found[at:]) if line.status and 200 <= line.status < 300 else found


#: Lines that say that nobody answered.
_UNREACHED = ("refused", "network-error", "failed", "timeout")
_LOCAL = re.compile(r"(?:https?|wss?)://(?:localhost|[\w.-]+\.localhost|127\.[\d.]+|\[::1\])(?::\d+)?(?:/|$)")


def _on_each_visitors_machine(line: ConsoleLine) -> bool:
    """A web page of another place asks localhost."""
    page = line.origin or ""
    return bool(_LOCAL.match(line.url or "")) and page.startswith("http") and not _LOCAL.match(page)


def _by_code(line: ConsoleLine) -> Slugs:
    match line.code:
        case "allow-origin-missing" | "allow-origin-refused" | "cors" | "failed" | "bad-status":
            return _by_status(line)
        case "preflight-status" | "websocket-handshake" | "xhr-poll-error":
            return _by_status(line)
        case "access-control-checks":
            return (*_POLLING[0][:4], "server-refused", "mixed-content")
        case "allow-origin-mismatch":
            return _of_mismatch(line.value or "", line.origin)
        case "allow-origin-invalid":
            bare = "://" not in (line.value or "://")
            return ("origin-no-scheme", "static-origin-mismatch") if bare else ("static-origin-mismatch",)
        case "allow-origin-multiple":
            return _of_several(line.value)
        case "network-error":
            return _of_no_answer(line)
    return ()


def _by_status(line: ConsoleLine) -> Slugs:
    status = line.status or 0
    if line.stage:
        table = _PREFLIGHT
    elif line.transport == "websocket":
        table = _WEBSOCKET | (_UPGRADE if line.query("sid") is not None else {})
    elif line.query("sid") is not None:
        table = _POLLING | _SESSION
    else:
        table = _POLLING | (_POLLING_2 if line.query("EIO") == "3" else {})
    found = table.get(status) or table.get(status // 100) or table[0]
    # A WebSocket that is not an upgrade has no session that another process could have opened.
    opens = line.transport == "websocket" and line.query("EIO") is not None and line.query("sid") is None
    return tuple(slug for slug in found if slug != "no-sticky-sessions") if opens else found


def _redirects(line: ConsoleLine) -> Slugs:
    """What the redirect is, by where it led."""
    try:
        first, last = urlsplit(line.redirected_from or ""), urlsplit(line.url or "")
        hosts = first.hostname == last.hostname
    except ValueError:
        return ()
    if _LOGIN.search(last.netloc + last.path):
        return ("redirect-to-login",)
    return ("redirect-http-to-https",) if hosts and first.scheme != last.scheme else ("redirect-www-apex",)


def _of_mismatch(value: str, origin: str | None) -> Slugs:
    if "," in value:
        return _of_several(value)
    if value and "://" not in value and value != "null":
        return ("origin-no-scheme", "static-origin-mismatch")
    if re.search(r"://[^/]*/", value) and (origin is None or value.startswith(origin)):
        return ("origin-trailing-slash", "static-origin-mismatch")
    return ("static-origin-mismatch",)


def _of_several(value: str | None) -> Slugs:
    layers: Slugs = ("duplicate-acao-proxy", "duplicate-acao-framework")
    values = [one.strip() for one in (value or "").split(",")]
    # Whoever configures a list names each origin once, and no * beside them.
    if value is None or len(set(values)) < len(values) or "*" in values:
        return (*layers, "origin-comma-list")
    return ("origin-comma-list", *layers)


def _of_no_answer(line: ConsoleLine) -> Slugs:
    if _port(line) in BAD_PORTS:
        return ("unsafe-port",)
    if (line.url or "").startswith(("https:", "wss:")):
        return ("tls-untrusted", "server-refused", "dns-fails", "server-timeout", "tls-plain-mixup")
    return ("server-refused", "mixed-content", "dns-fails", "server-timeout")


def _port(line: ConsoleLine) -> int | None:
    try:
        return urlsplit(line.url or "").port
    except ValueError:
        return None
