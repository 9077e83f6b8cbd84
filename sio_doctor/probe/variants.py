"""What people write for an origin by mistake. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

from sio_doctor.standards.site import is_ip_address

#: Ports on which bundlers and frameworks serve pages, the commonest first.
PORTS = (3000, 5173, 8080, 4200, 3001, 5174, 8000, 5000, 8100)
#: The names of this very machine, the commonest first.
NAMES = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")
#: What pages in applications have, by the scheme, or as they stand.
_APPS = {
    "capacitor": ("https://localhost", "http://localhost", "ionic://localhost"),
    "ionic": ("capacitor://localhost", "https://localhost", "http://localhost"),
    "tauri": ("http://tauri.localhost", "https://tauri.localhost"),
    "http://localhost": ("capacitor://localhost", "ionic://localhost"),
    "https://localhost": ("capacitor://localhost", "ionic://localhost"),
    "http://tauri.localhost": ("tauri://localhost",),
    "https://tauri.localhost": ("tauri://localhost",),
}
#: Where a page is served from that was opened as a file before; Live Server has 5500.
_SERVED = (
    "http://localhost", "http://localhost:3000", "http://localhost:5500", "http://127.0.0.1:5500",
    "http://localhost:8080", "http://localhost:8000", "http://localhost:5173",
)  # fmt: skip


def variants(origin: str, target: str = "") -> list[str]:
    """What may stand in a list in that origin's place, the commonest first; ``target``: the server's own address."""
    scheme, _, host = origin.partition("://")
    if not host:
        return ["*", "file://", *_SERVED]
    if scheme not in ("http", "https"):
        found = [f"{origin}/", "*", *_APPS.get(scheme, ()), host, f"{scheme}://*", "file://", "null"]
        return [one for one in dict.fromkeys(found) if one != origin]
    name, colon, port = host.rpartition(":") if host[-1:].isdigit() and ":" in host else (host, "", "")
    other_scheme = "http" if scheme == "https" else "https"
    found = [f"{origin}/", "*", f"{other_scheme}://{host}", host]
    found += _APPS.get(origin, ())
    server = urlsplit(target)
    if name in NAMES or is_ip_address(name):
        others = [other for other in NAMES if other != name]
        found += [f"{scheme}://{others[0]}{colon}{port}"]
        # Whose own address stands in the list, mostly by the name that the page has too.
        found += [f"{scheme}://{name}:{server.port}"] if server.port else []
        found += [f"{scheme}://{name}{f':{number}' if number else ''}" for number in (*PORTS[:6], 0)]
        found += [f"{scheme}://{other}{colon}{port}" for other in others[:0:-1]]
        found += [f"{scheme}://{name}:{number}" for number in PORTS[6:]]
        found += [] if port else [f"{origin}:{443 if scheme == 'https' else 80}"]
    else:
        apex = name.removeprefix("www.")
        parent = apex.partition(".")[2]
        www = apex if name != apex else f"www.{name}"
        names = [www, *([parent, f"www.{parent}"] if "." in parent else []), name[:1].upper() + name[1:]]
        found += [f"{scheme}://{other}{colon}{port}" for other in names if "." in other]
        found += [f"{scheme}://{name}"] if port else [f"{origin}:{443 if scheme == 'https' else 80}"]
        found += [f"{scheme}://*.{parent}{colon}{port}"] if "." in parent else []
        found += [f'"{origin}"']  # as an environment file has it
        found += [target] if _is_web(target) and "." in (server.hostname or "") else []
    return [one for one in dict.fromkeys(found) if one != origin]


def handshakes(origin: str, target: str = "") -> list[str]:
    """Those that Socket.IO 2 can let in. It takes an ``Origin`` apart and compares host and port; 2.4.0 compares the
    whole of it, so there anything can be on its list, as ``*:*`` that stands for everybody elsewhere.
    """
    found = variants(origin, target)
    literal = [f"{origin}/", _default(origin), origin.partition("://")[2]] if _is_web(origin) else []
    web = [one for one in found if _is_web(one) and one.lower() == one and "*" not in one]
    return [one for one in dict.fromkeys((*web[1:4], *literal, "*:*", *web)) if one != origin]


def _is_web(origin: str) -> bool:
    return urlsplit(origin).scheme in ("http", "https")


def _default(origin: str) -> str:
    """With its port, also the usual one."""
    parts = urlsplit(origin)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
