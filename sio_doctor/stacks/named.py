"""Whom the person says that the cures are for (``--stack``): the names, and what stands for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from sio_doctor.model import Server
from sio_doctor.stacks.base import Stack


class Named(NamedTuple):
    """The servers and the layers that were named, as if they had been seen."""

    servers: tuple[Server, ...] = ()
    layers: tuple[str, ...] = ()


def names(stacks: Iterable[Stack]) -> dict[str, str | Server]:
    """Every name, in the order of the stacks: a server, or the layer that a proxy is."""
    return {name: what for stack in stacks for name, what in getattr(stack, "NAMES", {}).items()}


def unknown_name(name: str, known: Iterable[str]) -> str:
    """One sentence for a name that nobody has, with the nearest that there is."""
    listed = list(known)
    near = get_close_matches(name.lower(), listed, n=1, cutoff=0.5)
    if near:
        return f"--stack knows no {name!r}; the nearest that it knows is {near[0]}."
    return f"--stack knows no {name!r}; it knows {', '.join(listed)}."


def named(wanted: Sequence[str], known: dict[str, str | Server]) -> Named:
    """What stands for those names. Raises KeyError for a name that is not known."""
    what = [known[name] for name in wanted]
    return Named(
        servers=tuple(one for one in what if isinstance(one, Server)),
        layers=tuple(one for one in what if isinstance(one, str)),
    )


def instead(recognised: Server, server: Server, layers: tuple[str, ...], proxies: Iterable[str]) -> Server:
    """The named ``server`` in the place of the one that was recognised, behind the same ``proxies`` (those of the
    recognised layers that are none of a server's own) and the named ``layers``. What was seen of the same server, its
    version and a middleware, stays.
    """
    version, seen = server.version, recognised.version or ""
    if server.stack == recognised.stack and seen and _same_line(server, seen):
        version = seen
    kept = [layer for layer in recognised.layers if layer == "Starlette CORSMiddleware" and "FastAPI" in server.layers]
    return Server(
        stack=server.stack, version=version, layers=tuple(dict.fromkeys([*server.layers, *kept, *proxies, *layers]))
    )


def _same_line(server: Server, seen: str) -> bool:
    """That version may be the one that was named: a name without one is the newest, but for what is around any."""
    if server.version:
        return server.version.split(".")[0] == seen.split(".")[0]
    return "Express" in server.layers or not seen.startswith(("1.", "2."))
