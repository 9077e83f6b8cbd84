"""The machine and the network below the server: names, ports, certificates."""

from __future__ import annotations

import re

from sio_doctor.model import Fix, Server
from sio_doctor.stacks.base import Ask, Cure, Side, conf, nothing, sh

SIDE: Side = "server"
recognise = nothing


def fits(server: Server) -> bool:
    """Every server has one."""
    return True


def _fix(stack: str, title: str, where: str, after: str) -> Fix:
    return Fix(stack=stack, side="server", title=title, where=where, language="sh", after=after)


def _name(ask: Ask) -> Fix:
    host = sh(ask.host)
    return _fix(
        "DNS",
        "Give the name an A or AAAA record, or correct it in the page; names of containers exist nowhere else",
        "on any machine, to see whether it is there",
        f"dig +short {host} A\ndig +short {host} AAAA",
    )


def _listening(ask: Ask) -> Fix:
    if ask.slug == "localhost-ipv6-mismatch":
        title = f"Or see what listens on port {ask.port}, at which address, and give each program its own port"
        return _fix("server", title, "on the server", f"ss -ltnp 'sport = :{ask.port}'")
    return _fix(
        "server",
        f"See what listens on port {ask.port}: 127.0.0.1 alone is not reachable from outside",
        "on the server",
        f"ss -ltnp 'sport = :{ask.port}'\n"
        f"docker ps --filter publish={ask.port}   # in a container: publish it, docker run -p {ask.port}:{ask.port}",
    )


def _silent(ask: Ask) -> Fix:
    if ask.details.get("silent", "connect") != "connect":
        return _fix(
            "server",
            "See what it hangs on: the connection was taken, so no firewall stands between",
            "on the server",
            f"ss -ltnp 'sport = :{ask.port}'   # which program it is; then look into its log\n"
            f"curl -i --max-time 5 {sh(f'http://127.0.0.1:{ask.port}{ask.plan.target.path}?EIO=4&transport=polling')}",
        )
    return _fix(
        "firewall",
        f"Open port {ask.port}, here and in the security group of the cloud; then see whether the server answers",
        "on the server",
        f"sudo ufw allow {ask.port}/tcp\n"
        f"curl -i --max-time 5 {sh(f'http://127.0.0.1:{ask.port}{ask.plan.target.path}?EIO=4&transport=polling')}",
    )


def _local(ask: Ask) -> bool:
    return bool(re.fullmatch(r"localhost|.*\.localhost|127\.[\d.]+|::1", ask.host))


def _untrusted(ask: Ask) -> Fix:
    if ask.details.get("tls") in ("protocol", "handshake"):
        return _fix(
            "openssl", "See what TLS the server speaks: browsers need version 1.2 or 1.3", "on any machine",
            f"openssl s_client -connect {sh(f'{ask.host}:{ask.port}')} -tls1_2",
        )  # fmt: skip
    if _local(ask):
        return _fix(
            "mkcert", "Make a certificate that this machine's browsers trust", "on this machine",
            f"mkcert -install\nmkcert {sh(ask.host)}",
        )  # fmt: skip
    return _fix(
        "certbot",
        "Get a certificate that browsers trust, and serve fullchain.pem: the chain, not the certificate alone",
        "on the server",
        f"sudo certbot certonly -d {sh(ask.host)}",
    )


def _client_certificate(ask: Ask) -> Fix:
    return _fix(
        "openssl",
        "See whose certificates it takes, and turn that off in whatever speaks TLS there, for the path of Socket.IO",
        "on any machine",
        f"openssl s_client -connect {sh(f'{ask.host}:{ask.port}')} </dev/null | grep -A5 'Acceptable client'",
    )


def _date(ask: Ask) -> Fix:
    if _local(ask):
        return _untrusted(ask)
    return _fix(
        "certbot", "Get a certificate for exactly this name, and have it renewed", "on the server",
        f"sudo certbot certonly -d {sh(ask.host)}\nsudo certbot renew --dry-run",
    )  # fmt: skip


def _behind(ask: Ask) -> Fix:
    return _fix(
        "server",
        'See whether Socket.IO answers where the proxy passes to (port 3000 here): 0{"sid"… is a good answer',
        "on the machine of the proxy",
        f"curl -i --max-time 5 {sh(f'http://127.0.0.1:3000{ask.plan.target.path}?EIO=4&transport=polling')}",
    )


def _around(ask: Ask) -> Fix:
    return Fix(
        stack="proxy",
        side="proxy",
        title="See which proxy is named, and ask this server without it",
        where="on this machine",
        language="sh",
        before=None,
        after=f'env | grep -i _proxy\nexport no_proxy="${{no_proxy:+$no_proxy,}}"{sh(ask.host)}',
    )


def _restarts(ask: Ask) -> Fix:
    return _fix(
        "server",
        "See whether it restarts, and why: a crash, a deployment, a watcher of files, a plan that sleeps",
        "on the server",
        f"docker ps --filter publish={ask.port}   # its STATUS says since when it runs\n"
        "journalctl --since '10 minutes ago' --priority warning",
    )


def _cached(ask: Ask) -> Fix:
    url = sh(f"http://127.0.0.1:3000{ask.plan.target.path}?EIO=4&transport=polling")
    return _fix(
        "cache",
        "Take the path out of the CDN's cache, and let it pass the whole query on",
        "on the machine of the server (port 3000 here): past the cache two handshakes have two sids",
        f"curl -s {url}\ncurl -s {url}",
    )


def _twice(ask: Ask) -> Fix:
    return _fix(
        "server",
        "See in the log of what stands in front which requests it sends twice: of Socket.IO's each has a t of its own",
        "on the machine of the proxy",
        "grep -o 't=[^& ]*' access.log | sort | uniq -d",
    )


def _exempted(ask: Ask) -> Fix:
    return Fix(
        stack="Cloudflare",
        side="proxy",
        title="Skip the filter for the handshake path (in Cloudflare; elsewhere an exception of the same kind)",
        where="Security, WAF, Custom rules: action Skip",
        language="text",
        after=f'starts_with(http.request.uri.path, "{conf(ask.plan.target.path, "/socket.io/")}")',
    )


def _switched_on(ask: Ask) -> Fix:
    return Fix(
        stack="Azure App Service",
        side="proxy",
        title="Switch WebSockets on (IIS itself: install the WebSocket Protocol; a host of functions cannot do them)",
        where="on your machine",
        language="sh",
        after="az webapp config set --name APP --resource-group GROUP --web-sockets-enabled true",
    )


FIXES: dict[str, Cure] = {
    "acao-cached-for-other-origin": _cached,
    "request-overlap": _twice,
    "restart-or-sleep": _restarts,
    "dns-fails": _name,
    "server-refused": _listening,
    "bound-to-loopback": _listening,
    "localhost-ipv6-mismatch": _listening,
    "server-timeout": _silent,
    "connection-reset": _listening,
    "proxy-fails": _around,
    "gateway-5xx-no-cors": _behind,
    "tls-client-certificate": _client_certificate,
    "waf-or-challenge": _exempted,
    "ws-platform-off": _switched_on,
    "tls-untrusted": _untrusted,
    "tls-name-or-date": _date,
}
FIXES["vary-origin-missing"] = _cached
