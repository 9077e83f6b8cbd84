"""nginx's blocks that pass Socket.IO on: a location for server { }, or a whole server { } and what it needs outside."""

from __future__ import annotations

from sio_doctor.model import Fix
from sio_doctor.stacks.base import Ask, Cure, block, conf
from sio_doctor.stacks.proxied import listening, name, path, tls

_THEN = "; then nginx -t && nginx -s reload"


def fix(title: str, after: str, where: str, *, before: str | None = None) -> Fix:
    """A cure, tested and loaded behind ``where``."""
    return Fix(
        stack="nginx", side="proxy", title=title, where=where + _THEN, language="nginx", before=before, after=after
    )  # fmt: skip


def in_server(ask: Ask) -> str:
    """Where directives of ``server`` stand."""
    return f"in the server {{ }} of {name(ask)}, e.g. in /etc/nginx/sites-available/"


def location(ask: Ask, *more: str, upstream: str = "", proto: str = "$scheme", key: str = "") -> str:
    """The location that passes Socket.IO on, WebSockets too, with these directives beside."""
    secure = upstream.startswith("https:") or (not upstream and ask.upstream.startswith("https:"))
    return block(
        f"location {key or path(ask)} {{",
        [
            f"proxy_pass {upstream or ask.upstream};   # your Socket.IO server; no slash behind the port",
            *(["proxy_ssl_server_name on;"] if secure else []),
            "proxy_http_version 1.1;",
            "proxy_set_header Upgrade $http_upgrade;",
            'proxy_set_header Connection "upgrade";',
            "proxy_set_header Host $http_host;",
            "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
            f"proxy_set_header X-Forwarded-Proto {proto};",
            *more,
        ],
        "}",
        "    ",
    )


def located(title: str, *more: str, before: str | None = None) -> Cure:
    """A cure that is that location."""
    return lambda ask: location_fix(ask, title, *more, before=before)


def location_fix(ask: Ask, title: str, *more: str, before: str | None = None, proto: str = "$scheme") -> Fix:
    """The same, for one ask."""
    where = f"{in_server(ask)}, beside your other locations; in place of one for {path(ask)}, if there is one"
    return fix(title, location(ask, *more, proto=proto), where, before=before)


def certificate(ask: Ask) -> list[str]:
    """The directives that name a certificate, where certbot puts it."""
    host = conf(ask.host, "your-server.example")
    return [
        f"ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;   # the whole chain, not cert.pem",
        f"ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;",
    ]


def server(ask: Ask, *inner: str) -> str:
    """The server { } at which the person asks."""
    secure = tls(ask)
    return block(
        "server {",
        [
            f"listen {listening(ask)}{' ssl' if secure else ''};",
            f"server_name {f'[{name(ask)}]' if ':' in name(ask) else name(ask)};",
            *(certificate(ask) if secure else []),
            "# the other directives and locations of this server { } stay here, with its own certificate",
            *inner,
        ],
        "}",
        "    ",
    )


def whole_fix(ask: Ask, title: str, outer: list[str], *inner: str, before: str | None = None) -> Fix:
    """A cure that needs something in http { } as well: that, and the server { } whole."""
    where = f"in http {{ }}, in place of the server {{ }} of {name(ask)}"
    return fix(title, "\n".join([*outer, server(ask, *inner)]), where, before=before)
