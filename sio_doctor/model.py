"""Every type that rooms share, frozen, in the order that the data flows. Read this file first.

    Plan -> Request/Response -> Exchange -> Evidence -> Verdict -> Connection -> Server, Finding, Fix -> Report

A ``Plan`` is what the person asked, made exact. ``probe`` turns it into ``Evidence``: the exchanges, as they were.
Whatever follows is pure: ``judge`` plays each browser over the evidence, ``rules`` name causes, ``stacks`` write cures,
``render`` prints.

The structs read and write the JSON of the report (``msgspec.json``), so a field's name is its name in the contract.
Headers are pairs in wire order, names as they were written, values latin-1: the Fetch standard's header list.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

Browser = Literal["chromium", "firefox", "webkit"]
Transport = Literal["polling", "websocket"]
ClientVersion = Literal[2, 3, 4]
Severity = Literal["error", "warning", "info"]

#: Name and value pairs in wire order, duplicates kept, latin-1.
HeaderList = tuple[tuple[str, str], ...]


def get(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The values of all ``name`` headers, trimmed of SP and HTAB, joined with ``", "``; None where there is none.

    https://fetch.spec.whatwg.org/#concept-header-list-get
    """
    values = get_all(headers, name)
    return ", ".join(values) if values else None


def get_all(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """The value of each ``name`` header line, trimmed of SP and HTAB, in wire order."""
    wanted = name.lower()
    return [value.strip(" \t") for key, value in headers if key.lower() == wanted]


class Model(msgspec.Struct, frozen=True):
    """What all the types here are: frozen, compared by value, written to JSON by field name."""


# --- what the person asked -------------------------------------------------------------------------------------------


class Target(Model, frozen=True, kw_only=True):
    """The server: where it is and what is asked of it."""

    url: str
    """``http(s)://host[:port]``, host lower case and punycode, default port left out, nothing behind it."""
    path: str = "/socket.io/"
    """The handshake path, as it goes on the wire."""
    namespace: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    """What the application adds to the query; never EIO, transport, sid or t."""


class Client(Model, frozen=True, kw_only=True):
    """socket.io-client, as the page uses it."""

    version: ClientVersion = 4
    transports: tuple[Transport, ...] = ("polling", "websocket")
    try_all_transports: bool = False
    """``tryAllTransports``, since 4.8: where the first one fails, the next one is tried."""
    with_credentials: bool = False
    extra_headers: HeaderList = ()
    auth: str | None = None
    """The auth payload of the CONNECT packet, as JSON text."""
    cookies: tuple[tuple[str, str], ...] = ()
    """What the browser's jar has for the server before anything is asked: name and value."""

    @property
    def protocol(self) -> Literal[3, 4]:
        """The Engine.IO protocol that this client speaks (``EIO=``)."""
        return 3 if self.version == 2 else 4


class Pinned(Model, frozen=True, kw_only=True):
    """Addresses that are used for a host and port instead of what DNS says."""

    host: str
    """Lower case, no brackets; ``*`` for every host."""
    port: int
    addresses: tuple[str, ...]


class NetworkOptions(Model, frozen=True, kw_only=True):
    """How the server is reached, where the person says so: what curl's options of these names say."""

    resolve: tuple[Pinned, ...] = ()
    ca_file: str | None = None
    """The PEM file whose certificates are trusted, and no others; None: the system's trust store."""
    insecure: bool = False
    """A certificate that is refused is gone past, as by a click on the browser's warning. Secrets are sent then."""
    proxy: str | None = None
    """``http://…``; empty: no proxy at all; None: what the environment says."""
    no_proxy: str | None = None
    """The hosts that are asked directly; None: what the environment says."""
    family: Literal[4, 6] | None = None
    """The only family of addresses that is used; None: both."""
    max_requests: int | None = None
    """Where the budget of requests is lowered to; None: it is not."""


#: Whose page is asked about where the person named none. Reserved for documentation, so no server lists it by chance.
STAND_IN = "https://app.example.com"
#: An origin that nobody lists: what it is let do, anybody is.
FOREIGN = "https://sio-doctor.invalid"


class Plan(Model, frozen=True, kw_only=True):
    """What the person asked, made exact. Everything that the run depends on is in here."""

    target: Target
    origins: tuple[str, ...] = ()
    """As browsers serialise them; ``null`` for an opaque one. Empty: whom does the server let in?"""
    page: str | None = None
    """The URL of the page, ``http(s)`` or ``file``, where it is to be read; its origin is the first of ``origins``."""
    client: Client = Client()
    network: NetworkOptions = NetworkOptions()
    browsers: tuple[Browser, ...] = ("chromium", "firefox", "webkit")
    timeout: float = 10.0
    """Seconds for each answer."""
    deadline: float = 30.0
    """Seconds for the whole run."""
    direct: Target | None = None
    """The same server without the proxy in front of it: it is asked too, and the answers are compared."""
    hold: float = 0.0
    """Seconds for which a WebSocket and a poll are kept open; they come on top of the deadline."""
    nonce: str = "sio"
    """What the ``t`` of this run's polling URLs begins with."""
    namespace_from_path: bool = False
    """The URL had a path that is no handshake path, so, as socket.io-client does, it was taken for a namespace."""
    notes: tuple[str, ...] = ()
    """What was cut, completed or assumed, one sentence each."""
    stacks: tuple[str, ...] = ()
    """Whom the cures are for (``--stack``), whoever was recognised: ``nestjs``, ``nginx``, …"""


# --- what was sent and what came back --------------------------------------------------------------------------------


class Request(Model, frozen=True, kw_only=True):
    """A request on the wire. ``ws``/``wss`` URLs are WebSocket opening handshakes."""

    method: str
    url: str
    headers: HeaderList = ()
    body: str | None = None
    credentials: bool = False
    """The credentials mode is ``include`` (cookies may go with it)."""

    @property
    def origin(self) -> str | None:
        """The value of its Origin header; None where it has none."""
        return get(self.headers, "origin")


FrameType = Literal["text", "binary", "close", "ping", "pong", "raw"]


class Frame(Model, frozen=True, kw_only=True):
    """A WebSocket message or control frame, or ``raw`` bytes that are no frame (latin-1)."""

    direction: Literal["in", "out"]
    type: FrameType
    data: str
    """Text; base64 for ``binary``; the reason for ``close``; latin-1 for ``raw``."""
    code: int | None = None
    """The status code of a ``close``; None where it had none."""
    masked: bool = False
    """A server masked it, which no server may."""


class Response(Model, frozen=True, kw_only=True):
    """An answer, as it came: any status, duplicates kept, body as far as the bounds let it be read."""

    status: int
    reason: str = ""
    headers: HeaderList = ()
    body: str = ""
    body_encoding: Literal["text", "base64"] = "text"
    truncated: bool = False
    http_version: str = "HTTP/1.1"
    malformed: str | None = None
    """Why a strict parser refuses the head although browsers read it; None where it is well-formed."""
    frames: tuple[Frame, ...] = ()
    """What followed a 101, in order."""
    ended: NoResponse | None = None
    """Why nothing came after the last of the frames, where something was waited for."""

    @property
    def bytes(self) -> bytes:
        """The body, with its content codings undone."""
        return base64.b64decode(self.body) if self.body_encoding == "base64" else self.body.encode()

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 become U+FFFD."""
        return self.body if self.body_encoding == "text" else self.bytes.decode(errors="replace")

    def get(self, name: str) -> str | None:
        """The header's value as Fetch's ``get`` has it: lines joined with ``", "``."""
        return get(self.headers, name)

    def get_all(self, name: str) -> list[str]:
        """The value of each line of that header."""
        return get_all(self.headers, name)


NoResponseKind = Literal["dns", "refused", "unreachable", "timeout", "tls", "reset", "closed", "not-http", "not-asked"]
Phase = Literal["resolve", "connect", "tls", "head", "body", "frame", "none"]


class NoResponse(Model, frozen=True, kw_only=True):
    """No answer came, and why."""

    kind: NoResponseKind
    message: str
    """One sentence for a person."""
    phase: Phase = "none"
    """What was under way: a ``timeout`` in ``connect`` is a firewall, one in ``head`` a silent server."""
    detail: str = ""
    """For ``tls``: ``self-signed``, ``unknown-issuer``, ``expired``, ``not-yet-valid``, ``hostname``, ``plain-http``,
    ``protocol``, ``client-certificate``, ``unrecognized-name``, ``handshake`` (it fails otherwise) or ``other`` (the
    certificate does not verify otherwise). For ``dns``: ``family`` where there are addresses, and none of the only
    family that may be used. For ``not-http``: the first bytes that came (latin-1). For ``not-asked``: ``proxy`` where a
    proxy failed, so that nothing is known about the server. For ``closed``: ``close`` where the other side said so, by
    a close frame or packet."""


Answer = Response | NoResponse

Purpose = Literal[
    "page",  # GET of the page from which the client connects, and of what it redirects to
    "control",  # GET handshake without Origin
    "foreign",  # GET handshake with an origin that nobody lists
    "handshake",  # GET handshake of a chosen (or stand-in) origin
    "preflight",  # a preflight that a browser would send
    "simulated-preflight",  # one that no browser would send here: its answer is evidence
    "connect",  # POST: CONNECT packet
    "poll",  # GET with sid
    "websocket",  # WebSocket opened first
    "upgrade",  # WebSocket with the sid of a polling session
    "redirect",  # what a redirect led to
    "sticky",  # POST of a heartbeat on a fresh connection
    "other-protocol",  # the handshake in the other Engine.IO protocol
    "other-path",  # the handshake at another usual path
    "other-address",  # the handshake at one address of the host, or (refused there) at this machine's loopback
    "other-scheme",  # the handshake by http for https, or the other way round
    "other-transport",  # the handshake by a transport that the client does not use
    "other-agent",  # the handshake under another User-Agent than the rest: this tool's, or a browser's
    "root",  # GET of / with the origin: who lives here, has it CORS headers
    "nowhere",  # GET of a path that nobody serves: whose 404 is it
    "client-file",  # HEAD socket.io.js: its ETag is the version
    "near-miss",  # a preflight (in Socket.IO 2 a handshake) with a variant of the origin
    "own-origin",  # a preflight with the server's own origin, as a proxy may forward it
    "look-alike",  # a preflight with null, or with an origin made to look like the page's: who else is let in
    "foreign-websocket",  # a WebSocket with an origin that nobody lists
    "close",  # POST: close packet
    "hold",  # what is kept open (--hold)
]


class Exchange(Model, frozen=True, kw_only=True):
    """One request and what came of it: ``response`` or ``failure``, never both, never neither."""

    id: int
    """Counts from 1, in the order of asking."""
    purpose: Purpose
    request: Request
    response: Response | None = None
    failure: NoResponse | None = None
    seconds: float = 0.0
    address: str | None = None
    """The address that was connected to; where one alone was asked, that one."""
    verified: bool = True
    """False: the certificate was not verified, because verified asking had failed."""
    curl: str = ""

    @property
    def answer(self) -> Answer:
        """The response, or why there is none."""
        if self.response is not None:
            return self.response
        return self.failure or NoResponse(kind="not-asked", message="This was not asked.")


class Held(Model, frozen=True, kw_only=True):
    """What became of a connection that was kept open."""

    transport: Transport
    seconds: float
    """For how long it was open."""
    quiet: float
    """Seconds since something had come over it, when it ended."""
    pings: int
    """How many pings came (in Engine.IO 3: were answered)."""
    ended: NoResponse | None = None
    """Why it ended; None where it was still open when it had been held long enough."""
    close_code: int | None = None
    """The code of the close frame that ended it (1005 for one without a code); None where none came."""
    exchange: int
    """The exchange that shows it."""


class Certificate(Model, frozen=True, kw_only=True):
    """A server's certificate as it was sent; nothing in it was verified."""

    names: tuple[str, ...] = ()
    """The host names and addresses that it is for (subjectAltName)."""
    issuer: str = ""
    """The common name of who signed it, or its organisation."""
    not_before: str = ""
    not_after: str = ""
    """UTC, RFC 3339, ending in Z."""
    sent: int = 1
    """How many certificates were sent, this one included."""
    top_issuer: str = ""
    """Who signed the last of them."""
    ends_in_root: bool = False
    """The last of them is signed by itself."""
    names_issuer: bool = False
    """It says where the certificate of its issuer can be had, as those of public authorities do."""


class Vantage(Model, frozen=True, kw_only=True):
    """From where it was looked."""

    host: str
    addresses: dict[str, tuple[str, ...]] = {}
    """What each host name resolved to here."""
    requests: int = 0


class Evidence(Model, frozen=True, kw_only=True):
    """Everything that was gathered. It replays with no network, is the bug report, and is the test fixture."""

    schema_version: Literal[1] = 1
    plan: Plan
    exchanges: tuple[Exchange, ...] = ()
    vantage: Vantage = Vantage(host="")
    started: str = ""
    """UTC, RFC 3339, ending in Z."""
    seconds: float = 0.0
    held: tuple[Held, ...] = ()
    """What became of what was kept open (``Plan.hold``)."""
    direct: Evidence | None = None
    """What the server behind the proxy answered (``Plan.direct``)."""
    notes: tuple[str, ...] = ()
    """What could not be asked, and why: the deadline, the budget."""
    certificate: Certificate | None = None
    """The server's, where it was not verified."""

    def all(self, *purposes: Purpose, origin: str | None = "") -> Iterator[Exchange]:
        """The exchanges of those purposes, in order; with ``origin``, those that carried it (None: no Origin)."""
        for exchange in self.exchanges:
            if exchange.purpose in purposes and (origin == "" or exchange.request.origin == origin):
                yield exchange

    def first(self, *purposes: Purpose, origin: str | None = "") -> Exchange | None:
        """The first of ``all``; None where there is none."""
        return next(self.all(*purposes, origin=origin), None)


class ContentPolicy(Model, frozen=True, kw_only=True):
    """One Content-Security-Policy of a page."""

    source: Literal["header", "meta"]
    text: str
    """As the page has it."""
    enforced: bool = True
    """False: it is only reported (``Content-Security-Policy-Report-Only``)."""


class Document(Model, frozen=True, kw_only=True):
    """The page from which the client connects, as it was read (``--page``)."""

    url: str
    """Where redirects led; as given where it could not be read."""
    origin: str
    """As browsers serialise it; ``null`` for a file, and where a policy's ``sandbox`` makes it so."""
    status: int | None = None
    reason: str | None = None
    """Why it could not be read, so that its policies are not known; None where it was."""
    csp: tuple[ContentPolicy, ...] = ()
    client: str | None = None
    """The version of socket.io-client that it loads, as far as the URL of a script says it."""


# --- what a browser makes of it --------------------------------------------------------------------------------------

#: Which check decided. The first group are the CORS check's, the second the preflight's, the third all other refusals.
VerdictCode = Literal[
    "ok",
    "allow-origin-missing",
    "allow-origin-mismatch",
    "allow-origin-multiple",
    "allow-origin-invalid",
    "allow-origin-wildcard",  # * with credentials
    "allow-credentials",  # not exactly "true"
    "preflight-status",
    "preflight-redirect",
    "allow-methods-invalid",
    "allow-headers-invalid",
    "method-not-allowed",
    "header-not-allowed",
    "redirect-userinfo",
    "redirect-scheme",
    "redirect-limit",
    "csp",  # a Content-Security-Policy of the page
    "mixed-content",
    "bad-port",
    "bad-header",  # setRequestHeader throws
    "network-error",  # a NoResponse
    "websocket-handshake",  # no 101, or not a good one
    "websocket-frame",  # what followed the 101 broke the connection
    "not-asked",
]


class Verdict(Model, frozen=True, kw_only=True):
    """What one browser decides about one request: allowed, blocked, or (None) not known."""

    allowed: bool | None
    code: VerdictCode = "ok"
    reason: str | None = None
    """One sentence; None where it is allowed."""
    step: str | None = None
    """The standard's step that decided, as ``Fetch, CORS check, step 3``."""
    stage: Literal["url", "preflight", "redirect", "response"] = "response"
    """What was judged when it was decided."""
    header: str | None = None
    """The response header that decided."""
    needed: str | None = None
    """What that header (or status) had to be."""
    found: str | None = None
    """What it was; None where it was absent."""
    console: tuple[str, ...] = ()
    """The lines that the browser's console gets, word for word."""


#: Why a browser does not send a cookie back.
CookieCode = Literal[
    "no-credentials",  # the request that got it had none
    "malformed",  # the line is ignored
    "domain",  # not the server's to set
    "path",  # not that of the Socket.IO requests
    "secure",  # Secure, over http
    "none-without-secure",
    "prefix",  # __Host-, __Secure-
    "partitioned-without-secure",
    "same-site",  # Lax or Strict, across sites
    "third-party",  # across sites, and the browser takes none
]


class Cookie(Model, frozen=True, kw_only=True):
    """A cookie that the server set on the page's first transport, and whether the browser sends it back."""

    name: str
    sent: bool
    code: CookieCode | None = None
    """Why not; None where it is sent."""
    reason: str | None = None
    """The same as a sentence."""


class Confirmed(Model, frozen=True, kw_only=True):
    """What a real browser on this machine did, on a page of that origin, beside what was predicted."""

    browser: str
    """Its name and version: ``Chromium 156.0.8078.79``."""
    connects: bool
    transport: Transport | None = None
    """The one that it ended on."""
    error: str | None = None
    """What ``connect_error`` would say."""
    polling: bool
    """The page could read the polling handshake."""
    websocket: bool
    """The page could open a WebSocket of its own."""
    console: tuple[str, ...] = ()
    """What its console got, in order."""
    agrees: bool | None
    """It did what was predicted; None where nothing was."""
    differences: tuple[str, ...] = ()
    """How it did otherwise, one sentence each."""


class Connection(Model, frozen=True, kw_only=True):
    """socket.io-client in one browser on a page of one origin: does it fire ``connect``?"""

    origin: str
    browser: Browser
    connects: bool | None
    reason: str | None = None
    """Why not, or what is not known; None where it connects."""
    by_luck: bool = False
    """Some requests of a session reach a process that does not know it: ``connects`` is None then, whatever became of
    this one attempt."""
    transport: Transport | None = None
    """The one that it ends on."""
    error: str | None = None
    """What ``connect_error`` says."""
    polling: Verdict
    """May the page read the polling handshake?"""
    websocket: Verdict
    """May the page open a WebSocket of its own?"""
    upgraded: bool | None = None
    """The upgrade from polling to WebSocket went through; None where none was tried."""
    console: tuple[str, ...] = ()
    """What the browser's console gets while the client tries, in order."""
    cookies: tuple[Cookie, ...] = ()
    """What the server set meanwhile, in order, and whether it goes back."""
    address: str | None = None
    """The address that this browser asks, where those of ``localhost`` answer otherwise; None where it is all one."""
    confirmed: Confirmed | None = None
    """What a real browser did (``--confirm``); None where none was asked."""


# --- what it means ---------------------------------------------------------------------------------------------------


Framing = Literal["v4", "v3", "v3-binary"]


class Handshake(Model, frozen=True, kw_only=True):
    """The open packet."""

    protocol: Literal[3, 4]
    framing: Framing
    """``0{…}``, ``96:0{…}2:40``, or the binary framing of Engine.IO 3."""
    transport: Transport = "polling"
    """By which it came. Over a WebSocket there is nothing to upgrade to."""
    sid: str
    upgrades: tuple[str, ...] = ()
    ping_interval: int | None = None
    ping_timeout: int | None = None
    max_payload: int | None = None


PolicyKind = Literal["nobody", "fixed", "any", "reflect", "list", "refuses", "unknown"]


class Policy(Model, frozen=True, kw_only=True):
    """Whom the server lets in, read off what it answered to several origins."""

    kind: PolicyKind = "unknown"
    """nobody: no origin gets a header; fixed: always the same one; any: ``*``; reflect: whoever asks; list: some, not
    others; refuses: the foreign origin is answered with an error."""
    allow_origin: str | None = None
    credentials: bool | None = None
    methods: tuple[str, ...] = ()
    allowed_headers: tuple[str, ...] = ()
    reflects_headers: bool | None = None
    """Whatever header is asked for is allowed; None where it was not asked."""
    exposed_headers: tuple[str, ...] = ()
    max_age: int | None = None
    preflight_status: int | None = None
    vary: tuple[str, ...] = ()


class Server(Model, frozen=True, kw_only=True):
    """Who answers, as far as what was seen tells."""

    stack: str = "unknown"
    """``socket.io``, ``python-socketio``, ``flask-socketio``, ``engine.io``, … or ``unknown``."""
    version: str | None = None
    """As exact as it is known, for a person: ``4.8.4``, ``4.7+``, ``2.3–2.4``, ``2.x``; None where it is not."""
    since: str | None = None
    """The oldest release that answers like this: ``4.7.0``; None where that is not known."""
    until: str | None = None
    """The newest one, itself included: ``4.6.2``; None for the newest there is, and where it is not known. It is the
    last of its minor version that was measured or published. Where both are alike, the release is known exactly."""
    layers: tuple[str, ...] = ()
    """What stands in front or around: ``nginx 1.22.1``."""
    evidence: tuple[str, ...] = ()
    """By what it was known, one phrase each."""


class HeaderCheck(Model, frozen=True, kw_only=True):
    """One header (or the status) of an answer: what the browser needed and what it got."""

    header: str
    needed: str
    found: str | None
    exchange: int
    ok: bool = False


class Fix(Model, frozen=True, kw_only=True):
    """What to change, where, ready to paste."""

    stack: str
    side: Literal["server", "proxy", "page"]
    title: str
    where: str
    language: str
    before: str | None = None
    after: str


class Finding(Model, frozen=True, kw_only=True):
    """One cause, however many origins and browsers it hits."""

    code: str
    slug: str
    severity: Severity
    title: str
    message: str
    origins: tuple[str, ...] = ()
    browsers: tuple[Browser, ...] = ()
    headers: tuple[HeaderCheck, ...] = ()
    exchanges: tuple[int, ...] = ()
    behind: tuple[str, ...] = ()
    """Slugs of the errors that the same page meets first, in that order: this one shows once those are mended."""
    fixes: tuple[Fix, ...] = ()


Change = Literal["added", "doubled", "changed", "stripped"]


class Difference(Model, frozen=True, kw_only=True):
    """What became of one header (or of the ``status``) between the server and the person."""

    answer: Purpose
    """The answer to what."""
    header: str
    change: Change
    directly: tuple[str, ...]
    """Its lines as the server behind sent them; of Set-Cookie the names alone."""
    through: tuple[str, ...]
    """Its lines as they came through the proxy."""
    exchange: int
    """The exchange through the proxy that shows it."""


class Direct(Model, frozen=True, kw_only=True):
    """The server behind the proxy, asked the same."""

    url: str
    reachable: bool
    """It answered something."""
    outcomes: tuple[Connection, ...]
    findings: tuple[str, ...]
    """The slugs of what was found there."""
    differences: tuple[Difference, ...]
    exchanges: tuple[Exchange, ...]


class Hint(Model, frozen=True, kw_only=True):
    """What cannot be seen from here, and may apply: an extension, an old copy of the page, another network."""

    code: str
    slug: str
    title: str
    message: str


class Report(Model, frozen=True, kw_only=True):
    """The answer, and the JSON contract (CONTRIBUTING.md, "The JSON report")."""

    schema_version: Literal[1] = 1
    tool: dict[str, str]
    started: str
    seconds: float
    vantage: Vantage
    target: Target
    client: dict[str, Any]
    """version, protocol, transports, try_all_transports, with_credentials, extra_headers and cookies (names alone)."""
    ok: bool
    page: Document | None = None
    """The page, where it was asked for (``--page``)."""
    handshake: Handshake | None
    policy: Policy
    server: Server
    outcomes: tuple[Connection, ...]
    findings: tuple[Finding, ...]
    held: tuple[Held, ...] = ()
    direct: Direct | None = None
    """What the server behind the proxy answered (``--direct``); None where it was not asked."""
    network: NetworkOptions = NetworkOptions()
    hints: tuple[Hint, ...] = ()
    """Where it still fails and nothing seen explains it, the likeliest first."""
    notes: tuple[str, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
