"""Apache httpd with mod_proxy."""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, block, conf, has_layer, product

SIDE: Side = "proxy"


def fits(server: Server) -> bool:
    """Apache is in front."""
    return has_layer(server, "Apache")


def recognise(evidence: Evidence) -> Claim | None:
    """By the Server header."""
    return product(evidence, r"^Apache(?:/([\d.]+))?(?=$| )", "Apache")


def _path(ask: Ask) -> str:
    return conf(ask.plan.target.path, "/socket.io/")


def _fix(title: str, after: str, *, before: str | None = None) -> Fix:
    return Fix(
        stack="Apache", side="proxy", title=title, where="in <VirtualHost>; then apachectl configtest, and reload",
        language="apache", before=before, after=after,
    )  # fmt: skip


def _proxied(title: str, *more: str, before: str | None = None) -> Cure:
    """The location that passes Socket.IO on, WebSockets too (Apache 2.4.47 or newer)."""

    def cure(ask: Ask) -> Fix:
        lines = [f"ProxyPass http://127.0.0.1:3000{_path(ask)} upgrade=websocket timeout=60", *more]
        return _fix(title, block(f'<Location "{_path(ask)}">', lines, "</Location>", "    "), before=before)

    return cure


def _elsewhere(title: str, before: str) -> Cure:
    """A header for everything but Socket.IO, which sends its own."""

    def cure(ask: Ask) -> Fix:
        return _fix(
            title,
            block(f"<If \"! %{{REQUEST_URI}} -strmatch '{_path(ask)}*'\">", [before], "</If>", "    "),
            before=before,
        )

    return cure


def _sticky(ask: Ask) -> Fix:
    after = "\n".join(
        [
            'Header add Set-Cookie "ROUTE=.%{BALANCER_WORKER_ROUTE}e; path=/; HttpOnly" env=BALANCER_ROUTE_CHANGED',
            block(
                "<Proxy balancer://socketio>",
                [
                    "BalancerMember http://127.0.0.1:3000 route=1",
                    "BalancerMember http://127.0.0.1:3001 route=2",
                    "ProxySet stickysession=ROUTE",
                ],
                "</Proxy>",
                "    ",
            ),
            f"ProxyPass {_path(ask)} balancer://socketio{_path(ask)} upgrade=websocket",
        ]
    )
    title = "Keep each client on one process, by a cookie; a page of another site then has to send credentials"
    return _fix(title, after)


def _certificate(ask: Ask) -> Fix:
    host = conf(ask.host, "your-server.example")
    after = (
        f"SSLCertificateFile /etc/letsencrypt/live/{host}/fullchain.pem\n"
        f"SSLCertificateKeyFile /etc/letsencrypt/live/{host}/privkey.pem"
    )
    return _fix("Give Apache a certificate that browsers trust, with its chain, for this name", after)


FIXES: dict[str, Cure] = {
    "html-instead-of-handshake": _proxied("Pass Socket.IO on before the rule that answers with the page"),
    "gateway-5xx-no-cors": _proxied("Start the Socket.IO server, and pass to the port where it listens"),
    "ws-proxy-no-upgrade": _proxied("Pass the Upgrade on (before 2.4.47: mod_proxy_wstunnel)"),
    "ws-idle-timeout": _proxied("Let Apache wait longer than pingInterval and pingTimeout together, 45 s"),
    "no-sticky-sessions": _sticky,
    "duplicate-acao-proxy": _elsewhere(
        "Set CORS headers on everything but Socket.IO, which sends its own",
        'Header always set Access-Control-Allow-Origin "*"',
    ),
    "wildcard-with-credentials": _elsewhere(
        "If Apache sets the *, leave Socket.IO out of it: its cors option answers",
        'Header set Access-Control-Allow-Origin "*"',
    ),
    "proxy-strips-path": _proxied("Pass the path on as it came"),
    "transport-unknown": _proxied("Pass the whole address on, its query too"),
    "method-or-size-filter": _proxied("Let every method through to Socket.IO"),
    "preflight-redirect": _proxied("Let Socket.IO be served where it is asked, without a redirect"),
    "redirect-loop": _proxied("Let Socket.IO be served where it is asked, without a redirect"),
    "proxy-strips-acao": _proxied(
        "Let Socket.IO's CORS headers through", before="Header unset Access-Control-Allow-Origin"
    ),
    "preflight-blocked-upstream": _proxied(
        "Let preflights through to Socket.IO: browsers send no password with them",
        "<LimitExcept OPTIONS>\n    Require valid-user\n</LimitExcept>",
        before="Require valid-user",
    ),
    "basic-auth-or-401": _proxied(
        "Let Socket.IO through without the password, and check the client's token in a middleware",
        "Require all granted",
    ),
    "tls-untrusted": _certificate,
    "tls-name-or-date": _certificate,
}
FIXES["v2-client-always-credentialed"] = FIXES["wildcard-with-credentials"]
