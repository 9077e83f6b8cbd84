"""Caddy."""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, block, conf, has_layer, product

SIDE: Side = "proxy"


def fits(server: Server) -> bool:
    """Caddy is in front."""
    return has_layer(server, "Caddy")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header."""
    return product(evidence, r"^Caddy$", "Caddy")


def _site(
    title: str, *more: str, proxy: tuple[str, ...] = ("reverse_proxy 127.0.0.1:3000",), before: str | None = None
) -> Cure:
    """The site's block, with Socket.IO before whatever else it serves."""

    def cure(ask: Ask) -> Fix:
        path = conf(ask.plan.target.path, "/socket.io/")
        lines = [line.replace("{path}", path) for line in more]
        handle = block(f"handle {path}* {{", list(proxy), "}", "\t")
        after = block(f"{conf(ask.host, 'your-server.example')} {{", [handle, *lines], "}", "\t")
        return Fix(
            stack="Caddy", side="proxy", title=title, where="the Caddyfile; then caddy validate && caddy reload",
            language="caddyfile", before=before, after=after,
        )  # fmt: skip

    return cure


_PROTECTED = "basic_auth @protected {\n\t# the users that are there already\n}"

FIXES: dict[str, Cure] = {
    "html-instead-of-handshake": _site("Pass Socket.IO on before the rule that answers with the page"),
    "gateway-5xx-no-cors": _site("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _site(
        "Pass to the Socket.IO server itself: Caddy passes WebSockets on unless it is told to drop these headers",
        before="header_up -Upgrade",
    ),
    "no-sticky-sessions": _site(
        "Keep each client on one process",
        proxy=("reverse_proxy 127.0.0.1:3000 127.0.0.1:3001 {\n\tlb_policy ip_hash\n}",),
    ),
    "duplicate-acao-proxy": _site(
        "Set CORS headers on everything but Socket.IO, which sends its own",
        "@others not path {path}*",
        "header @others Access-Control-Allow-Origin *",
        before="header Access-Control-Allow-Origin *",
    ),
    "proxy-strips-path": _site("Pass the path on as it came"),
    "transport-unknown": _site("Pass the whole address on, its query too"),
    "method-or-size-filter": _site("Let every method through to Socket.IO"),
    "preflight-redirect": _site("Let Socket.IO be served where it is asked, without a redirect"),
    "redirect-loop": _site("Let Socket.IO be served where it is asked, without a redirect"),
    "proxy-strips-acao": _site("Let Socket.IO's CORS headers through", before="header -Access-Control-Allow-Origin"),
    "preflight-blocked-upstream": _site(
        "Let preflights through to Socket.IO: browsers send no password with them",
        "@protected not method OPTIONS",
        _PROTECTED,
        before="basic_auth {",
    ),
    "basic-auth-or-401": _site(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        "@protected not path {path}*",
        _PROTECTED,
        before="basic_auth {",
    ),
}
FIXES["preflight-not-sticky"] = FIXES["no-sticky-sessions"]
