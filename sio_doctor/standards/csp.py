"""Content Security Policy: may a page connect to that URL? Pure.

https://w3c.github.io/webappsec-csp/ · https://w3c.github.io/webappsec-upgrade-insecure-requests/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from sio_doctor.model import Document, Model
from sio_doctor.standards.url import DEFAULT_PORTS, Url, origin_of, parse

#: What a policy in a ``meta`` element may not have. https://html.spec.whatwg.org/#attr-meta-http-equiv-content-security-policy
NOT_IN_META = frozenset({"report-uri", "frame-ancestors", "sandbox"})

_SCHEME_SOURCE = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
    r"(?::(?P<port>\d+|\*))?"
    r"(?P<path>/[^?#]*)?",
    re.IGNORECASE,
)
#: Which other schemes an expression's scheme covers. https://w3c.github.io/webappsec-csp/#match-schemes
_COVERS: dict[str, tuple[str, ...]] = {"http": ("https",), "ws": ("wss",)}
#: What the standard adds for WebSockets, which it fetches as http(s).
_COVERS_HTTP: dict[str, tuple[str, ...]] = {"ws": ("http", "https"), "wss": ("https",)}


class Directive(Model, frozen=True, kw_only=True):
    """One directive of a policy."""

    name: str
    """Lower case."""
    value: str
    """As it is written, blanks around it taken off."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The expressions of its source list."""
        return tuple(self.value.split())

    @property
    def text(self) -> str:
        """Name and value."""
        return f"{self.name} {self.value}"


class Policy(Model, frozen=True, kw_only=True):
    """One policy: its directives, each name once."""

    directives: tuple[Directive, ...]

    def get(self, name: str) -> Directive | None:
        """The directive of that name; None where there is none."""
        return next((directive for directive in self.directives if directive.name == name), None)

    @property
    def connecting(self) -> Directive | None:
        """The one that governs connections: ``connect-src``, else ``default-src``. None: nothing does."""
        return self.get("connect-src") or self.get("default-src")


class Matching(Model, frozen=True, kw_only=True):
    """Where an engine matches source expressions otherwise. The defaults are the standard's ways."""

    websockets_cover_http: bool = True
    """``ws:`` and ``wss:`` expressions match http(s) URLs too."""
    upgrades_default_ports_alone: bool = False
    """``http://host:3000`` does not match ``https://host:3000``, nor ``host:80`` that of an https page."""


def parse_policies(text: str, *, meta: bool = False) -> tuple[Policy, ...]:
    """The policies of a header's value, or (``meta``) the one of a ``meta`` element.

    https://w3c.github.io/webappsec-csp/#parse-serialized-policy-list
    """
    policies = (_policy(part, meta) for part in ([text] if meta else text.split(",")))
    return tuple(policy for policy in policies if policy.directives)


def enforced(document: Document) -> tuple[Policy, ...]:
    """The policies of a page, without those that are only reported."""
    return tuple(
        policy for one in document.csp if one.enforced for policy in parse_policies(one.text, meta=one.source == "meta")
    )


def permitting(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The same without what governs connections: as if all were allowed."""
    return tuple(
        Policy(directives=tuple(one for one in policy.directives if one.name not in ("connect-src", "default-src")))
        for policy in policies
    )


def _policy(text: str, meta: bool) -> Policy:
    found: dict[str, Directive] = {}
    for token in text.split(";"):
        words = token.strip("\t\n\f\r ")
        name = re.split(r"[\t\n\f\r ]", words, maxsplit=1)[0]
        # Of directives of one name the first counts.
        if words and words.isascii() and not (meta and name.lower() in NOT_IN_META):
            directive = Directive(name=name.lower(), value=words[len(name) :].strip("\t\n\f\r "))
            found.setdefault(directive.name, directive)
    return Policy(directives=tuple(found.values()))


def violated(
    policies: Iterable[Policy], url: Url, page: Url, *, redirected: bool = False, matching: Matching | None = None
) -> tuple[Directive, ...]:
    """The directives that forbid the page to connect to that URL; none where it may. A WebSocket's URL is ``ws(s)``.

    Behind a redirect the path does not count. https://w3c.github.io/webappsec-csp/#connect-src-pre-request
    """

    def lists(directive: Directive) -> bool:
        return any(matches(source, url, page, redirected=redirected, matching=matching) for source in directive.sources)

    governing = [directive for policy in policies if (directive := policy.connecting)]
    return tuple(directive for directive in governing if not lists(directive))


def matches(source: str, url: Url, page: Url, *, redirected: bool = False, matching: Matching | None = None) -> bool:
    """Does that source expression, in a policy of that page, match the URL? Nonces, hashes and keywords match none.

    https://w3c.github.io/webappsec-csp/#match-url-to-source-expression
    """
    matching = matching or Matching()
    if source == "*":
        return url.scheme in ("http", "https", "ws", "wss") or url.scheme == page.scheme
    if source.lower() == "'self'":
        return _is_self(url, page)
    if scheme := _SCHEME_SOURCE.fullmatch(source):
        return _scheme_matches(scheme[1].lower(), url.scheme, matching)
    found = _HOST_SOURCE.fullmatch(source)
    if found is None or not url.host:
        return False
    scheme_of_source = (found["scheme"] or page.scheme).lower()
    return (
        _scheme_matches(scheme_of_source, url.scheme, matching)
        and _host_matches(found["host"].lower(), url.host)
        and _port_matches(found["port"], scheme_of_source, url, matching)
        and (redirected or _path_matches(found["path"], url.path))
    )


def upgrades_insecure_requests(policies: Iterable[Policy]) -> bool:
    """Does the page ask for https and wss wherever its code says http and ws?

    https://w3c.github.io/webappsec-upgrade-insecure-requests/#delivery
    """
    return any(policy.get("upgrade-insecure-requests") for policy in policies)


def makes_origin_opaque(policies: Iterable[Policy]) -> bool:
    """Does a ``sandbox`` without ``allow-same-origin`` take the page's origin away?

    https://html.spec.whatwg.org/multipage/browsers.html#sandboxed-origin-browsing-context-flag
    """
    found = [sandbox for policy in policies if (sandbox := policy.get("sandbox"))]
    return any("allow-same-origin" not in sandbox.value.lower().split() for sandbox in found)


def _is_self(url: Url, page: Url) -> bool:
    """The page's own origin, and what is the same but more secure; a WebSocket counts as http."""
    if origin_of(page) == origin_of(url):
        return True
    default = page.port is None and url.port is None
    if not page.host or page.host != url.host or not (page.port == url.port or default):
        return False
    return url.scheme in ("https", "wss") or (page.scheme == "http" and url.scheme == "ws")


def _scheme_matches(ours: str, theirs: str, matching: Matching) -> bool:
    """https://w3c.github.io/webappsec-csp/#match-schemes"""
    covers_http = _COVERS_HTTP.get(ours, ()) if matching.websockets_cover_http else ()
    return theirs == ours or theirs in _COVERS.get(ours, ()) or theirs in covers_http


def _host_matches(pattern: str, host: str) -> bool:
    """https://w3c.github.io/webappsec-csp/#match-hosts"""
    if pattern == "*":
        return True
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _port_matches(port: str | None, scheme: str, url: Url, matching: Matching) -> bool:
    """https://w3c.github.io/webappsec-csp/#match-ports"""
    default = url.effective_port == DEFAULT_PORTS.get(url.scheme)
    if port is None:
        return default
    if port == "*":
        return True
    upgraded = url.scheme != scheme
    if int(port) == 80 and url.effective_port == 443:
        return upgraded or not matching.upgrades_default_ports_alone
    same = int(port) == url.effective_port
    return same and (default or not upgraded or not matching.upgrades_default_ports_alone)


def _path_matches(pattern: str | None, path: str) -> bool:
    """https://w3c.github.io/webappsec-csp/#match-paths"""
    if pattern is None or pattern == "/":
        return True
    ours, theirs = unquote_to_bytes(pattern), unquote_to_bytes(path)
    return theirs.startswith(ours) if ours.endswith(b"/") else theirs == ours


def listed(url: str) -> tuple[str, str]:
    """What a policy needs so that socket.io-client can connect to that server: its origin by http(s) and by ws(s)."""
    origin = origin_of(parse(url))
    return origin, "ws" + origin.removeprefix("http")
