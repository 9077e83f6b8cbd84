"""How options are written for Socket.IO on Node: into ``new Server(...)``, or into the decorator of a NestJS gateway.

What stands here and in ``socketio`` is valid JavaScript and TypeScript at once.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from sio_doctor.model import Fix
from sio_doctor.stacks.base import Ask, block, js, js_list

WHERE = (
    "where you call new Server(...) (with io.attach(...), its options go there), e.g. in server.js or server.ts; keep "
    "its other options, and your own names"
)
GATEWAY = "the decorator of the gateway's class; keep its other options"


def nest(ask: Ask) -> bool:
    """The options stand in a gateway's decorator."""
    return ask.layer("NestJS")


def name(ask: Ask) -> str:
    """``socket.io 3``, ``socket.io 4`` or ``NestJS``."""
    if nest(ask):
        return "NestJS"
    return "socket.io 3" if re.fullmatch(r"3\.[\dx.]+", ask.server.version or "") else "socket.io 4"


def before_release(ask: Ask, major: int, minor: int) -> bool:
    """The server is known to be older than that: ``4.4.1``, ``3.x–4.4``; not ``4.5+``, and not what is unknown."""
    version = ask.server.version or ""
    last = re.match(r"(\d+)\.(\d+|x)", version.rpartition("–")[2])
    if last is None or version.endswith("+"):
        return False
    return (int(last[1]), 99 if last[2] == "x" else int(last[2])) < (major, minor)


def node_fix(ask: Ask, title: str, after: str, *, before: str | None = None, where: str = "") -> Fix:
    """A cure in the code of the server; without ``where`` it is the call that makes it."""
    return Fix(
        stack=name(ask), side="server", title=title, where=where or (GATEWAY if nest(ask) else WHERE),
        language="ts" if nest(ask) else "js", before=before, after=after,
    )  # fmt: skip


def server(ask: Ask, *options: str) -> str:
    """The call that makes the server with these options; for NestJS the decorator that does.

    The path and a gateway's namespace are said as well, where they are not the default, and what lets a client of
    version 2 in: what is pasted is in the place of a call that had them.
    """
    options = (*_place(ask, options), *options)
    lines = listed(options)
    if nest(ask):
        return block("@WebSocketGateway({", lines, "})")
    return block("const io = new Server(httpServer, {", lines, "});")


def listed(options: tuple[str, ...]) -> list[str]:
    """The options with commas between them, before the comment that one may end in."""
    lines = []
    for option in options[:-1]:
        code, mark, comment = option.rpartition("   //")
        lines.append(f"{code},{mark}{comment}" if mark and "\n" not in comment else f"{option},")
    return [*lines, *options[-1:]]


def _place(ask: Ask, options: tuple[str, ...]) -> list[str]:
    target = ask.plan.target
    told = [("path", target.path, "/socket.io/"), *([("namespace", target.namespace, "/")] if nest(ask) else [])]
    kept = [f"{name}: {js(value)}" for name, value, usual in told if value != usual]
    if ask.plan.client.version == 2 and not before_release(ask, 3, 1):
        kept.append("allowEIO3: true")  # such a client is let in by nothing else
    return [one for one in kept if not any(option.startswith(f"{one.partition(':')[0]}:") for option in options)]


def with_cors(ask: Ask, *options: str) -> str:
    """``server`` with these options, and the ``cors`` option of pages of other origins, which the old call had."""
    return server(ask, *options, *([cors_option(ask, repaired(ask))] if ask.foreign else []))


def cors_option(ask: Ask, origins: tuple[str, ...], *, credentials: bool | None = None, note: str = "") -> str:
    """The ``cors`` option for those origins, with the client's headers and cookies where it sends any."""
    lines = [f"origin: {js_list(origins)}"]
    if note:
        lines = [block("origin: [", [f"// {note}", ",\n".join(map(js, origins))], "]")]
    return _cors(ask, lines, credentials)


def cors_function(ask: Ask, origins: tuple[str, ...]) -> str:
    """The same, by a function that the person may go on from."""
    body = [
        f"const allowed = {js_list(origins)};",
        "// an Error becomes 400 without CORS headers; false refuses quietly",
        "callback(null, !origin || allowed.includes(origin));",
    ]
    return _cors(ask, [block("origin: (origin, callback) => {", body, "}")], None)


def _cors(ask: Ask, lines: list[str], credentials: bool | None) -> str:
    headers = tuple(
        header for header in (ask.sent if ask.headers else ()) if not header.lower().startswith("access-control-")
    )
    if headers:
        lines = [*lines, f"allowedHeaders: {js_list(headers)}"]
    if ask.credentials if credentials is None else credentials:
        lines = [*lines, "credentials: true"]
    return block("cors: {", [line + ("," if number < len(lines) else "") for number, line in enumerate(lines, 1)], "}")


def repaired(ask: Ask) -> tuple[str, ...]:
    """What the server's list should say: the pages, and what it says now where that is an origin once it is cut."""
    now = ask.details.get("accepted") or ask.details.get("allow-origin") or ""
    origins = []
    for part in now.split(","):
        try:
            parts = urlsplit(part.strip())
        except ValueError:
            continue
        if parts.scheme in ("http", "https") and parts.netloc:
            origins.append(f"{parts.scheme}://{parts.netloc}")
    return tuple(dict.fromkeys([*(one for one in origins if one not in ask.pages), *ask.pages]))


def faulty(ask: Ask) -> str | None:
    """The faulty line, where it is known: a literal string as it came, or the entry that the server accepted."""
    if accepted := ask.details.get("accepted"):
        return f"origin: [{js(accepted)}]"
    literal = ask.details.get("allow-origin")
    known = ("*", *ask.pages, *ask.plan.origins)
    return f"origin: {js(literal)}" if literal and literal not in known else None
