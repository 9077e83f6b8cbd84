"""Express, around Socket.IO or instead of it."""

from __future__ import annotations

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, has_layer, js

SIDE: Side = "server"
NAMES: dict[str, Server] = {"express": Server(stack="socket.io", layers=("Express",))}


def fits(server: Server) -> bool:
    """Express, which most Socket.IO servers on Node have beside them; NestJS is on it too."""
    return server.stack == "socket.io" or has_layer(server, "Express", "NestJS")


def recognise(evidence: Evidence) -> Claim | None:
    """By ``X-Powered-By``."""
    found = (response for _, response in [*answers(evidence), *answers(evidence, "root")])
    if any(response.get("x-powered-by") == "Express" for response in found):
        return Claim(layers=("Express",), evidence=("X-Powered-By: Express",))
    return None


def _fix(title: str, where: str, after: str, *, before: str | None = None) -> Fix:
    return Fix(
        stack="Express", side="server", title=title, where=where, language="js", before=before, after=after,
    )  # fmt: skip


def _listen(ask: Ask) -> Fix | None:
    if ask.layer("NestJS"):
        return None
    title = "Let the HTTP server listen that Socket.IO is on: app.listen() makes another one"
    return _fix(
        title,
        "where the server starts, e.g. in server.js or server.ts",
        f"httpServer.listen({ask.app_port});   // the one that new Server(...) was given",
        before=f"app.listen({ask.app_port});",
    )


def _rate(ask: Ask) -> Fix:
    # Not req.path: that is without the path that the limit is used below.
    skip = f"skip: (req) => req.originalUrl.startsWith({js(ask.plan.target.path)})"
    after = block("app.use(rateLimit({", ["windowMs: 60 * 1000,", "limit: 100,", skip], "}));")
    return _fix("Leave Socket.IO out of the limit: polling asks often", "where rateLimit(...) is used", after)


FIXES: dict[str, Cure] = {
    "app-listen-not-server-listen": _listen,
    "rate-limit": _rate,
}
