"""Reports by hand, one for each thing that a renderer must be able to say."""

from __future__ import annotations

from typing import Any

import msgspec

from sio_doctor.model import (
    Browser,
    Connection,
    Exchange,
    Finding,
    Fix,
    Handshake,
    HeaderCheck,
    NoResponse,
    Policy,
    Report,
    Request,
    Response,
    Server,
    Target,
    Transport,
    Vantage,
    Verdict,
)
from sio_doctor.render.curl import curl

SERVER = "http://api.example.com:3000"
PAGE = "https://app.example.com"
POLL = f"{SERVER}/socket.io/?EIO=4&transport=polling&t=sio1"
BROWSERS: tuple[Browser, ...] = ("chromium", "firefox", "webkit")
OPEN = Handshake(
    protocol=4,
    framing="v4",
    sid="<sid 1>",
    upgrades=("websocket",),
    ping_interval=25000,
    ping_timeout=20000,
    max_payload=1000000,
)
CLIENT: dict[str, Any] = {
    "version": 4,
    "protocol": 4,
    "transports": ["polling", "websocket"],
    "with_credentials": False,
    "extra_headers": [],
}
ALLOWED = Verdict(allowed=True)
CONSOLES: dict[Browser, tuple[str, ...]] = {
    "chromium": (
        f"Access to XMLHttpRequest at '{POLL}' from origin '{PAGE}' has been blocked by CORS policy: "
        "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "Failed to load resource: net::ERR_FAILED",
    ),
    "firefox": (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
        f"{POLL}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 200.",
    ),
    "webkit": (
        f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200",
        f"XMLHttpRequest cannot load {POLL} due to access control checks.",
    ),
}


def report(**fields: Any) -> Report:
    """A report of a server that lets ``PAGE`` in, with those fields instead."""
    base = Report(
        tool={"name": "sio-doctor", "version": "0.1.0"},
        started="2026-11-23T20:00:00Z",
        seconds=0.314,
        vantage=Vantage(host="laptop", addresses={"api.example.com": ("192.0.2.7",)}, requests=14),
        target=Target(url=SERVER),
        client=CLIENT,
        ok=True,
        handshake=OPEN,
        policy=Policy(kind="reflect", credentials=False),
        server=Server(
            stack="socket.io", version="4.8.4", layers=("nginx 1.22.1",), evidence=("keys of the open packet",)
        ),
        outcomes=connected(PAGE),
        findings=(),
        exchanges=(handshake(1, PAGE, ("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin")),),
    )
    return msgspec.structs.replace(base, **fields)


def connected(origin: str, transport: Transport = "websocket") -> tuple[Connection, ...]:
    """That origin connects in each browser."""
    return tuple(
        Connection(
            origin=origin,
            browser=browser,
            connects=True,
            transport=transport,
            polling=ALLOWED,
            websocket=ALLOWED,
            upgraded=transport == "websocket",
        )
        for browser in BROWSERS
    )


def handshake(number: int, origin: str, *headers: tuple[str, str], status: int = 200, reason: str = "OK") -> Exchange:
    """The polling handshake of that origin, answered with those headers."""
    request = Request(
        method="GET",
        url=POLL,
        headers=(("Host", "api.example.com:3000"), ("Accept", "*/*"), ("Origin", origin), ("User-Agent", "sio-doctor")),
    )
    response = Response(
        status=status,
        reason=reason,
        headers=(("Content-Type", "text/plain; charset=UTF-8"), *headers),
        body='0{"sid":"<sid 1>"}',
    )
    return Exchange(
        id=number, purpose="handshake", request=request, response=response, seconds=0.01, curl=curl(request)
    )


def blocked(origin: str, browser: Browser, **fields: Any) -> Connection:
    """That origin's page cannot read the handshake, for want of Access-Control-Allow-Origin."""
    polling = Verdict(
        allowed=False,
        code="allow-origin-missing",
        reason="The answer has no Access-Control-Allow-Origin header.",
        step="Fetch, CORS check, step 3",
        header="access-control-allow-origin",
        needed=origin,
        console=CONSOLES[browser],
    )
    base = Connection(
        origin=origin,
        browser=browser,
        connects=False,
        reason=polling.reason,
        error="xhr poll error",
        polling=polling,
        websocket=ALLOWED,
        console=polling.console,
    )
    return msgspec.structs.replace(base, **fields)


NO_CORS = Finding(
    code="SIO301",
    slug="cors-not-configured",
    severity="error",
    title="The server has no cors option",
    message=f"The server at {SERVER} answers the handshake of {PAGE}, but without an Access-Control-Allow-Origin "
    "header, so no page of another origin may read the answer. Since Socket.IO 3 that header is only sent when "
    "the cors option is set.",
    origins=(PAGE,),
    browsers=BROWSERS,
    headers=(HeaderCheck(header="Access-Control-Allow-Origin", needed=PAGE, found=None, exchange=1),),
    exchanges=(1,),
    fixes=(
        Fix(
            stack="socket.io 4",
            side="server",
            title="Let the page in",
            where="where the Server is made",
            language="js",
            before="const io = new Server(httpServer);\nio.listen(3000);",
            after=f'const io = new Server(httpServer, {{\n  cors: {{\n    origin: ["{PAGE}"],\n  }},\n}});\n'
            "io.listen(3000);",
        ),
        Fix(
            stack="nginx",
            side="proxy",
            title="Or serve page and Socket.IO from one origin",
            where="in the server block that serves the page",
            language="nginx",
            after="location /socket.io/ {\n    proxy_pass http://api.example.com:3000;\n    proxy_http_version 1.1;\n"
            '    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection "upgrade";\n}\n',
        ),
    ),
)
NO_STICKINESS = Finding(
    code="SIO501",
    slug="no-sticky-sessions",
    severity="warning",
    title="Sessions are lost between two workers",
    message="3 of 6 requests of one session were answered with 400 Session ID unknown: they reached another process.",
    exchanges=(1,),
    fixes=(
        Fix(
            stack="nginx",
            side="proxy",
            title="Send each client to the same worker",
            where="in the upstream block",
            language="nginx",
            after="ip_hash;",
        ),
    ),
)

no_cors = report(
    ok=False,
    policy=Policy(kind="nobody"),
    outcomes=tuple(blocked(PAGE, browser) for browser in BROWSERS),
    findings=(NO_CORS, NO_STICKINESS),
    exchanges=(handshake(1, PAGE),),
    notes=("The path of the URL, /chat, was taken for a namespace, as socket.io-client does.",),
)

healthy = report()

two_pages = report(
    outcomes=(*connected(PAGE), *connected("https://admin.example.com", "polling")),
    findings=(msgspec.structs.replace(NO_STICKINESS, severity="info", fixes=()),),
)

_LONG = "https://preview-1234-a-very-long-branch-name-of-a-pull-request.apps.staging.example.com:8443"
differing = report(
    ok=False,
    outcomes=(
        *connected(PAGE),
        blocked(_LONG, "chromium"),
        blocked(_LONG, "firefox", connects=None, error=None, reason="The POST was not asked: the budget was spent."),
        msgspec.structs.replace(connected(_LONG, "polling")[2], upgraded=False),
    ),
    findings=(
        msgspec.structs.replace(
            NO_CORS,
            slug="doubled-acao",
            code="SIO310",
            title="Two layers send Access-Control-Allow-Origin",
            origins=(_LONG,),
            browsers=("chromium",),
            headers=(
                HeaderCheck(header="status", needed="200 to 299", found="204 No Content", exchange=1, ok=True),
                HeaderCheck(header="Access-Control-Allow-Origin", needed=_LONG, found=f"{_LONG}, *", exchange=1),
                HeaderCheck(header="Access-Control-Allow-Credentials", needed="true", found="", exchange=1),
            ),
            fixes=NO_CORS.fixes[1:],
        ),
    ),
    exchanges=(handshake(1, _LONG, ("Access-Control-Allow-Origin", _LONG), ("Access-Control-Allow-Origin", "*")),),
)

no_origin = report(
    outcomes=(),
    policy=Policy(
        kind="list",
        credentials=True,
        methods=("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"),
        reflects_headers=True,
        exposed_headers=("x-request-id",),
        max_age=600,
        preflight_status=204,
        vary=("Origin", "Access-Control-Request-Headers"),
    ),
)

no_origin_no_cors = report(
    outcomes=(),
    policy=Policy(kind="nobody", preflight_status=400),
    target=Target(url=SERVER, path="/my io/", namespace="/chat"),
    findings=(msgspec.structs.replace(NO_CORS, severity="warning", fixes=NO_CORS.fixes[:1]),),
    exchanges=(handshake(1, PAGE),),
)

_NOBODY = NoResponse(kind="refused", message="192.0.2.7 refused the connection to port 3000.", phase="connect")
_FAILED = Verdict(
    allowed=False,
    code="network-error",
    reason="192.0.2.7 refused the connection to port 3000.",
    console=("Failed to load resource: net::ERR_CONNECTION_REFUSED",),
)
refused = report(
    ok=False,
    handshake=None,
    policy=Policy(),
    server=Server(),
    outcomes=(
        Connection(
            origin=PAGE,
            browser="chromium",
            connects=False,
            reason=_FAILED.reason,
            error="xhr poll error",
            polling=_FAILED,
            websocket=Verdict(allowed=None, code="not-asked", reason="Nothing listens there, so it was not asked."),
            console=_FAILED.console,
        ),
    ),
    findings=(
        Finding(
            code="SIO102",
            slug="server-refused",
            severity="error",
            title="Nothing listens there",
            message="192.0.2.7 refused the connection to port 3000: the host is up, but no server listens there.",
            origins=(PAGE,),
            browsers=("chromium",),
            headers=(HeaderCheck(header="status", needed="200", found=None, exchange=1),),
            exchanges=(1,),
        ),
    ),
    exchanges=(
        Exchange(
            id=1,
            purpose="handshake",
            request=Request(method="GET", url=POLL, headers=(("Origin", PAGE),)),
            failure=_NOBODY,
        ),
    ),
)

unexplained = report(
    ok=False,
    outcomes=tuple(blocked(PAGE, browser) for browser in BROWSERS),
    exchanges=(handshake(1, PAGE),),
)

unknown = report(
    ok=False,
    outcomes=tuple(
        Connection(
            origin=PAGE,
            browser=browser,
            connects=None,
            reason="The POST was not asked: the deadline had passed.",
            polling=ALLOWED,
            websocket=Verdict(allowed=None, code="not-asked", reason="It was not asked: the deadline had passed."),
        )
        for browser in BROWSERS
    ),
    notes=("The deadline of 30 s passed after 3 requests.",),
)

#: Clears the screen, retitles the terminal, turns the reading direction, hides, breaks lines, and speaks rich's markup.
EVIL = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\r\u202e\u2066\u200b\u2028\u2029\ufeff\ue000\U000e0041\x00"
    "[red]x[/red] :bomb: [link=http://evil.invalid]l[/link]"
)


def poison(value: Any) -> Any:
    """``value`` (of ``msgspec.to_builtins``) with ``EVIL`` at the end of each string that is no enumeration."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, dict):
        return {key: item if key in _WORDS else poison(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [poison(item) for item in value]
    return value


_WORDS = frozenset(
    [
        "browser",
        "browsers",
        "severity",
        "side",
        "code",
        "kind",
        "framing",
        "transport",
        "transports",
        "phase",
        "purpose",
        "body_encoding",
        "stage",
    ]
)
hostile = msgspec.convert(poison(msgspec.to_builtins(no_cors)), Report)
hostile_no_origin = msgspec.convert(poison(msgspec.to_builtins(no_origin)), Report)

SAMPLES: dict[str, Report] = {
    "no_cors": no_cors,
    "healthy": healthy,
    "two_pages": two_pages,
    "differing": differing,
    "no_origin": no_origin,
    "no_origin_no_cors": no_origin_no_cors,
    "refused": refused,
    "unexplained": unexplained,
    "unknown": unknown,
    "hostile": hostile,
    "hostile_no_origin": hostile_no_origin,
}
