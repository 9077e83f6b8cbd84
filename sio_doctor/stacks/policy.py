"""What to write in a page's Content-Security-Policy."""

from __future__ import annotations

from html import escape

from sio_doctor.model import ContentPolicy, Document, Fix, Target
from sio_doctor.stacks.base import Ask
from sio_doctor.standards import csp
from sio_doctor.standards.url import parse

_HEADER = "Content-Security-Policy: {}"
_META = '<meta http-equiv="Content-Security-Policy" content="{}">'
#: What one engine alone lets through is listed as well.
STRICTEST = csp.Matching(websockets_cover_http=False, upgrades_default_ports_alone=True)


def policies(document: Document | None, target: Target) -> dict[str, str]:
    """As ``details`` of ``fixes``: ``policy-before``, ``policy-after``, the policies that lack the server, a line each;
    ``policy-source``, where they stand; ``policy-upgrades``, where one makes browsers ask by https.
    """
    if document is None:
        return {}
    found = {"policy-upgrades": "yes"} if csp.upgrades_insecure_requests(csp.enforced(document)) else {}
    lacking = [
        (one, amended)
        for one in document.csp
        if one.enforced and (amended := _amended(one, document, target)) != one.text
    ]
    if lacking:
        found["policy-before"] = "\n".join(_written(one, one.text) for one, _ in lacking)
        found["policy-after"] = "\n".join(_written(one, amended) for one, amended in lacking)
        found["policy-source"] = lacking[0][0].source
    return found


def listing(ask: Ask) -> Fix:
    """The server in connect-src, by http(s) and by ws(s)."""
    servers = " ".join(csp.listed(ask.plan.target.url))
    policy = f"connect-src 'self' {servers}"
    after = ask.details.get("policy-after") or f"{_HEADER.format(policy)}\n{_META.format(policy)}"
    meta = ask.details.get("policy-source") == "meta"
    return Fix(
        stack="the page",
        side="page",
        title="List the server in connect-src twice: by http(s) for polling, by ws(s) for WebSocket",
        where="in the head of the page"
        if meta
        else "where the page's server sets its headers (helmet: contentSecurityPolicy.directives.connectSrc)",
        language="html" if meta else "http",
        before=ask.details.get("policy-before"),
        after=after,
    )


def without_upgrade(ask: Ask) -> Fix:
    """For a server that cannot have TLS, which is one on the developer's own machine."""
    return Fix(
        stack="the page",
        side="page",
        title="Or leave upgrade-insecure-requests out of the page's policy while the server has no certificate",
        where="where the page's server sets its headers",
        language="js",
        after="app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } }));",
    )


def _written(one: ContentPolicy, text: str) -> str:
    return (
        _META.format(escape(text, quote=False).replace('"', "&quot;")) if one.source == "meta" else _HEADER.format(text)
    )


def _amended(one: ContentPolicy, document: Document, target: Target) -> str:
    """The policy with the server added, where it is not let through; else as it is."""
    parts = [one.text] if one.source == "meta" else one.text.split(",")
    return ",".join(_with(part, one.source == "meta", document, target) for part in parts)


def _with(text: str, meta: bool, document: Document, target: Target) -> str:
    parsed = csp.parse_policies(text, meta=meta)
    directive = parsed[0].connecting if parsed else None
    page = parse(document.url)
    missing = [
        server
        for server in csp.listed(target.url)
        if csp.violated(parsed, parse(server + target.path), page, matching=STRICTEST)
    ]
    if directive is None or not missing:
        return text
    kept = [source for source in directive.sources if source.lower() != "'none'"]
    wanted = " ".join(["connect-src", *kept, *missing])
    if directive.name != "connect-src":
        return f"{text.rstrip().rstrip(';')}; {wanted}"
    tokens = text.split(";")
    at = next(number for number, token in enumerate(tokens) if token.strip().lower().startswith("connect-src"))
    tokens[at] = (" " if tokens[at].startswith(" ") else "") + wanted
    return ";".join(tokens)
