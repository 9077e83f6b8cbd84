"""Who answers, and what to write in it: one module for each server or proxy, one entry in it for each cure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import structs

from sio_doctor.model import Evidence, Fix, Plan, Server
from sio_doctor.stacks import (
    apache,
    caddy,
    express,
    fastapi,
    flask,
    frameworks,
    haproxy,
    hosts,
    ingress_nginx,
    machine,
    nest,
    netty,
    nginx,
    page,
    python,
    socketio,
    socketio2,
    traefik,
    visitor,
    wsgi,
)
from sio_doctor.stacks.base import PLACEHOLDER, Ask, Claim, Side, Stack, has_layer
from sio_doctor.stacks.named import instead, named, names
from sio_doctor.stacks.platforms import CDN_ORIGIN, HIDING, PLATFORMS

#: All of them, the outermost first; of cures on the same side, the earlier one is the likelier.
STACKS: tuple[Stack, ...] = (
    nginx, haproxy, apache, caddy, ingress_nginx, traefik, *PLATFORMS, hosts,
    express, fastapi, frameworks, machine, socketio, nest, socketio2, python, flask, wsgi, netty,
    page, visitor, CDN_ORIGIN,
)  # fmt: skip

#: What ``--stack`` takes.
NAMES: dict[str, str | Server] = names(STACKS)

#: Every slug for which there is a cure.
SLUGS: frozenset[str] = frozenset(slug for stack in STACKS for slug in stack.FIXES)

#: Causes that lie in what stands in front: its directive comes first.
PROXY_FIRST = frozenset(
    {
        "duplicate-acao-proxy", "ws-proxy-no-upgrade", "no-sticky-sessions", "gateway-5xx-no-cors",
        "preflight-blocked-upstream", "preflight-empty-2xx", "html-instead-of-handshake", "proxy-strips-acao",
        "redirect-to-login", "redirect-loop", "basic-auth-or-401", "rate-limit", "method-or-size-filter",
        "tls-untrusted", "tls-name-or-date", "tls-client-certificate", "ws-idle-timeout",
        "acao-cached-for-other-origin", "request-overlap", "proxy-strips-path", "transport-unknown",
        "two-instances-one-server", "preflight-not-sticky", "vary-origin-missing", "python-behind-tls-proxy",
    }
)  # fmt: skip
#: Causes that lie there where that was seen, by the key of ``layered`` in ``observed``.
LAYERED = {
    **dict.fromkeys(
        (
            "static-origin-mismatch", "origin-comma-list", "origin-no-scheme", "origin-trailing-slash", "acac-missing",
            "wildcard-with-credentials", "preflight-unhandled-v2", "v2-client-always-credentialed",
            "any-origin-with-credentials",
        ),
        "layer-origin",
    ),
    "preflight-header-not-allowed": "layer-preflight",
    "acah-star-limits": "layer-preflight",
    "error-response-without-cors": "layer-post",
    "trailing-slash-path": "location",
    "python-origin-not-accepted": "layer-request",
}  # fmt: skip
#: Causes that the page mends with one line.
PAGE_FIRST = frozenset(
    {
        "mixed-content", "tls-plain-mixup", "path-mismatch", "plain-websocket-server", "redirect-http-to-https",
        "redirect-www-apex", "preflight-redirect", "client-too-old", "server-too-old", "transport-disabled",
        "sticky-cookie-not-sent", "localhost-ipv6-mismatch",
        "path-vs-namespace", "trailing-slash-path", "wrong-path-hangs", "port-missing-or-wrong", "serverless-host",
        "tunnel-or-preview-auth", "ws-only-version-mismatch", "parser-mismatch", "python-version-mismatch",
        "connect-middleware-error",
    }
)  # fmt: skip
#: Causes for which a proxy's cure is given even where none was seen: many leave no mark.
FRONTED = PROXY_FIRST - {"tls-untrusted", "tls-name-or-date"} | {
    "preflight-redirect", "mixed-content", "tls-plain-mixup", "dns-fails", "python-origin-not-accepted",
    "sticky-cookie-not-sent", "cookie-samesite", "acah-star-limits",
}  # fmt: skip
SIDES: tuple[Side, ...] = ("server", "proxy", "page")

#: The servers, the commonest first, and for how many of them a cure is given where none was recognised.
SERVERS: tuple[Stack, ...] = (socketio, python, flask, nest, socketio2, express, fastapi)
GUESSES = 2
#: Causes where another order is the likelier one.
LIKELIER: dict[str, tuple[Stack, ...]] = {
    "app-listen-not-server-listen": (express, nest),
    "flask-cors-only": (flask, wsgi),
    "fastapi-middleware-only": (fastapi, python),
    "python-no-websocket": (flask, python),
    "gunicorn-workers": (flask, wsgi),
    "preflight-unhandled-v2": (socketio2, socketio),
    "vary-origin-missing": (python, flask),
}


def identify(evidence: Evidence) -> Server:
    """Who answers, by what was seen anyway. Where two stacks claim to be the server, it stays unknown."""
    claims = [claim for stack in STACKS if (claim := stack.recognise(evidence))]
    named = [claim for claim in claims if claim.stack]
    if len({claim.stack for claim in named}) > 1:
        claims = [claim for claim in claims if not claim.stack]
        named = []
    server = named[0] if named else Claim(stack="unknown")
    return Server(
        stack=server.stack or "unknown",
        version=server.version,
        since=server.since,
        until=server.until,
        layers=tuple(dict.fromkeys(layer for claim in claims for layer in claim.layers)),
        evidence=tuple(dict.fromkeys(phrase for claim in [server, *claims] for phrase in claim.evidence)),
    )


def fixes(
    slug: str, plan: Plan, server: Server, *, origins: tuple[str, ...], details: Mapping[str, str] | None = None
) -> tuple[Fix, ...]:
    """What to change for that cause, the likeliest first: in the server and the proxies that were recognised, else in
    the two commonest servers and in nginx (whose titles say so). The servers that ``plan.stacks`` names stand in for
    the recognised one, its proxies count as seen. ``origins``: the pages that it concerns. ``details``: see
    ``observed`` of that module. Empty for a slug that is not in ``SLUGS``.
    """
    if slug == "dns-fails" and plan.network.family is not None:
        return ()  # the name may well resolve, to addresses that may not be used
    given = named(plan.stacks, NAMES)
    proxies = [layer for layer in server.layers if _is_proxy(layer)]
    servers = [instead(server, one, given.layers, proxies) for one in given.servers]
    if not servers:
        servers = [structs.replace(server, layers=tuple(dict.fromkeys([*server.layers, *given.layers])))]
    headers = tuple(name for name, _ in plan.client.extra_headers)
    asks = [Ask(slug, plan, one, origins, headers, details or {}) for one in servers]
    found: dict[Side, list[Fix]] = {side: _distinct(fix for ask in asks for fix in _known(ask, side)) for side in SIDES}
    recognised = bool(given.servers) or any(stack.fits(servers[0]) for stack in SERVERS)
    if not given.servers and not (recognised and any(found.values())):
        found["server"] += _guessed(asks[0])
    known_proxy = found["proxy"]
    guessed_proxy = slug in FRONTED and not given.layers and _may_hide_nginx(servers[0], known_proxy)
    if guessed_proxy:
        found["proxy"] = known_proxy + [
            structs.replace(fix, title=f"If nginx is in front, the commonest proxy: {fix.title}")
            for fix in _cures(asks[0], [nginx])
        ]
    if "between" in asks[0].details and found["proxy"]:
        found["server"] = []
    order = _order(asks, guessed=bool(guessed_proxy and found["proxy"]), fronted=bool(found["proxy"]))
    return tuple(_noted(fix, origins) for side in order for fix in found[side])


def _order(asks: list[Ask], *, guessed: bool, fronted: bool) -> tuple[Side, ...]:
    """Which side comes first. ``fronted``: there is a cure for a proxy; ``guessed``: for one that was not seen."""
    slug, target, details = asks[0].slug, asks[0].plan.target, asks[0].details
    if "between" in details and fronted:
        return ("proxy", "server", "page")
    stripped = slug == "path-mismatch" and target.path == "/socket.io/" and "path" not in details
    if LAYERED.get(slug) in details or (stripped and fronted and not guessed):
        return ("proxy", "server", "page")
    if slug in PAGE_FIRST or page.FIXES.get(slug) is page.served:
        return ("page", "server", "proxy")
    own = any(_cures(ask, [stack for stack in SERVERS if stack.fits(ask.server)]) for ask in asks)
    if slug in PROXY_FIRST and not (guessed and own):
        # A server that was recognised is likelier than a proxy that was not.
        return ("proxy", "server", "page")
    return SIDES


def _guessed(ask: Ask) -> list[Fix]:
    """For a server that nobody knows: the two likeliest, each said to be a guess."""
    stacks = [*LIKELIER.get(ask.slug, ()), *SERVERS]
    fixes_of: list[Fix] = []
    for stack in dict.fromkeys(stacks):
        if stack.fits(ask.server) or len(fixes_of) == GUESSES:
            continue
        guess = ask._replace(server=_guess(stack, ask.server))
        for fix in _cures(guess, [stack])[:1]:
            if all(fix.after != other.after for other in fixes_of):
                title = fix.title if fix.title.startswith("If ") else f"If the server is {fix.stack}: {fix.title}"
                fixes_of.append(structs.replace(fix, title=title))
    return fixes_of


def _guess(stack: Stack, server: Server) -> Server:
    """What it would have been taken for, behind the same layers."""
    first = next((what for what in getattr(stack, "NAMES", {}).values() if isinstance(what, Server)), server)
    return structs.replace(first, layers=(*first.layers, *filter(_is_proxy, server.layers)))


def _is_proxy(layer: str) -> bool:
    """No layer of a server's own."""
    alone = Server(stack="python-socketio", layers=(layer,))
    own = (*python.ASYNC, *python.WSGI, "Express", "NestJS", "Django", "Flask")
    return not has_layer(alone, *own)


def _known(ask: Ask, side: Side) -> list[Fix]:
    return _cures(ask, _fitting(ask.server, side))


def _fitting(server: Server, side: Side) -> list[Stack]:
    return [stack for stack in STACKS if side == stack.SIDE and stack.fits(server)]


def _may_hide_nginx(server: Server, known: list[Fix]) -> bool:
    """No proxy of one's own was seen, and no platform that has its cure and nothing of one's own behind it."""
    fitting = _fitting(server, "proxy")
    return all(stack in PLATFORMS for stack in fitting) and (not known or all(stack in HIDING for stack in fitting))


def _cures(ask: Ask, stacks: Iterable[Stack]) -> list[Fix]:
    cures = (stack.FIXES[ask.slug](ask) for stack in stacks if ask.slug in stack.FIXES)
    return [fix for fix in cures if fix is not None and fix.after != fix.before]


def _distinct(found: Iterable[Fix]) -> list[Fix]:
    """Of cures that say the same to two stacks, the first."""
    kept: dict[tuple[str, str], Fix] = {}
    for fix in found:
        kept.setdefault((fix.side, fix.after), fix)
    return list(kept.values())


def _noted(fix: Fix, origins: tuple[str, ...]) -> Fix:
    if PLACEHOLDER not in fix.after or PLACEHOLDER in origins:
        return fix
    return structs.replace(fix, title=f"{fix.title} (replace {PLACEHOLDER} by your page's origin)")
