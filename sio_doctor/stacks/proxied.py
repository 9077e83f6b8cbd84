"""What the cures of all proxies have in common: the person's own place in a configuration, each part safe to write."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from msgspec import structs

from sio_doctor.model import Fix, Target
from sio_doctor.stacks.base import Ask, Cure, conf

#: How a proxy refuses a POST: the method, or its size.
REFUSED = ("403", "405", "413")


def path(ask: Ask) -> str:
    """The handshake path."""
    return conf(ask.plan.target.path, "/socket.io/")


def name(ask: Ask) -> str:
    """The host that is asked, an IPv6 address without its brackets."""
    return conf(ask.host, "your-server.example")


def tls(ask: Ask) -> bool:
    """The proxy is asked by https."""
    return ask.plan.target.url.startswith("https:")


def scheme(ask: Ask) -> str:
    """How browsers ask: the scheme to pass on, whoever ends TLS."""
    return "https" if tls(ask) else "http"


def listening(ask: Ask, *, any_host: str = "") -> str:
    """Where the proxy listens, as ``8080`` behind ``any_host``, or ``[::1]:8080`` for an IPv6 address."""
    return f"[{name(ask)}]:{ask.port}" if ":" in name(ask) else f"{any_host}{ask.port}"


def netloc(url: str) -> str:
    """Host and port of a base URL, the port always there."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def two(ask: Ask) -> tuple[str, str]:
    """The base URLs of two processes: the upstream, and the next port of its host."""
    host, _, port = netloc(ask.upstream).rpartition(":")
    return ask.upstream, f"{urlsplit(ask.upstream).scheme}://{host}:{min(int(port) + 1, 65535)}"


def added(ask: Ask) -> str:
    """The Access-Control-Allow-Origin that the proxy adds: of two values that were seen ``*``, else the last."""
    seen = [value.strip() for value in ask.details.get("allow-origin", "").split(",")]
    return "*" if "*" in seen else conf(seen[-1], "*")


def secured(ask: Ask) -> Ask:
    """The same asked by https at its usual port, with the server as it is now behind: what it is to become."""
    plan, host = ask.plan, f"[{name(ask)}]" if ":" in name(ask) else name(ask)
    direct = plan.direct or Target(url=f"http://127.0.0.1:{ask.app_port}")
    target = structs.replace(plan.target, url=f"https://{host}")
    return ask._replace(plan=structs.replace(plan, target=target, direct=direct))


def own_page(ask: Ask) -> bool:
    """A page of the server's own origin is refused: Python compares it with what the proxy passes on."""
    return ask.plan.target.url in ask.origins


# --- cures that hold only sometimes ----------------------------------------------------------------------------------


def layered(key: str) -> Callable[[Cure], Cure]:
    """Only where that was seen to come from a layer in front, by its key in ``observed``."""
    return lambda cure: lambda ask: cure(ask) if key in ask.details else None


def own_origin(cure: Cure) -> Cure:
    """Only where the header cannot be Socket.IO's own; a fixed one can always be either's."""

    def guarded(ask: Ask) -> Fix | None:
        return cure(ask) if "layer-origin" in ask.details or ask.slug == "static-origin-mismatch" else None

    return guarded


def at_the_usual_path(cure: Cure) -> Cure:
    """Where the path is not the default one, what is behind the proxy is most likely at the default one."""
    return lambda ask: cure(ask) if ask.plan.target.path == "/socket.io/" else None


def unless_listed(cure: Cure) -> Cure:
    """A list whose header is taken away looks like one that lacks the page, unless another origin was let in."""
    return lambda ask: None if "accepted" in ask.details else cure(ask)


def of_the_post(post: Cure, otherwise: Cure = lambda ask: None, *, statuses: tuple[str, ...] = REFUSED) -> Cure:
    """``post`` where it was the POST that the proxy refused, with one of those statuses."""
    return lambda ask: (post if ask.details.get("layer-post") in statuses else otherwise)(ask)


def without_tls(cure: Cure) -> Cure:
    """Not where http was asked of a port that speaks TLS: there it is already."""
    return lambda ask: None if ask.slug == "tls-plain-mixup" and not tls(ask) else cure(ask)
