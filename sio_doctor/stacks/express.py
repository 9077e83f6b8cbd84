"""Express and NestJS, around Socket.IO or instead of it."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks import socketio
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, block, has_layer, js

SIDE: Side = "server"

_NEST = re.compile(r'\{"message":"Cannot (GET|POST|HEAD|OPTIONS) [^"]*","error":"Not Found","statusCode":404\}')


def fits(server: Server) -> bool:
    """Express or NestJS, which most Socket.IO servers on Node have beside them."""
    return server.stack == "socket.io" or has_layer(server, "Express", "NestJS")


def recognise(evidence: Evidence) -> Claim | None:
    """By ``X-Powered-By``, and by NestJS's own 404."""
    layers: dict[str, str] = {}
    for _, response in [*answers(evidence), *answers(evidence, "root")]:
        if response.status == 404 and _NEST.fullmatch(response.text):
            layers.setdefault("NestJS", "a 404 as NestJS words it")
        if response.get("x-powered-by") == "Express":
            layers.setdefault("Express", "X-Powered-By: Express")
    return Claim(layers=tuple(layers), evidence=tuple(layers.values())) if layers else None


def _fix(title: str, where: str, after: str, *, before: str | None = None, nest: bool = False) -> Fix:
    return Fix(
        stack="NestJS" if nest else "Express", side="server", title=title, where=where,
        language="ts" if nest else "js", before=before, after=after,
    )  # fmt: skip


def _listen(ask: Ask) -> Fix:
    if ask.layer("NestJS"):
        after = "app.useWebSocketAdapter(new IoAdapter(app));"
        return _fix(
            "Give the adapter the app whose server it shall use",
            "in main.ts",
            after,
            before="new IoAdapter()",
            nest=True,
        )
    after = "\n".join(
        [
            'const httpServer = require("http").createServer(app);',
            socketio.server(socketio.cors_option(ask, ask.pages)),
            "",
            f"httpServer.listen({ask.app_port});",
        ]
    )
    title = "Let the HTTP server listen that Socket.IO is on: app.listen() makes another one"
    return _fix(title, "where the server starts, e.g. server.js", after, before=f"app.listen({ask.app_port});")


def _gateway(ask: Ask) -> Fix | None:
    if not ask.layer("NestJS"):
        return None
    after = block("@WebSocketGateway({", [socketio.cors_option(ask, ask.pages)], "})\nexport class EventsGateway {}")
    return _fix(
        "Give the gateway a cors option: app.enableCors() does not reach it",
        "above the gateway's class",
        after,
        nest=True,
    )


def _rate(ask: Ask) -> Fix:
    skip = f"skip: (req) => req.path.startsWith({js(ask.plan.target.path)})"
    after = block("app.use(rateLimit({", ["windowMs: 60 * 1000,", "limit: 100,", skip], "}));")
    return _fix("Leave Socket.IO out of the limit: polling asks often", "where rateLimit(...) is used", after)


FIXES: dict[str, Cure] = {
    "app-listen-not-server-listen": _listen,
    "cors-not-configured": _gateway,
    "rate-limit": _rate,
    "nest-enablecors-only": _gateway,
}
