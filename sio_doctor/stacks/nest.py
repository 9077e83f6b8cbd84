"""NestJS: what stands in a gateway's decorator, in its class, or in main.ts. The options are those of ``socketio``."""

from __future__ import annotations

import re

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks import socketio
from sio_doctor.stacks.base import Ask, Claim, Cure, Side, answers, has_layer
from sio_doctor.stacks.node_options import cors_option, node_fix, server

SIDE: Side = "server"
NAMES: dict[str, Server] = {"nestjs": Server(stack="socket.io", layers=("NestJS",))}

_NOT_FOUND = re.compile(r'\{"message":"Cannot (GET|POST|HEAD|OPTIONS) [^"]*","error":"Not Found","statusCode":404\}')
#: What a NestJS application does not have, or has under another name.
_ELSEWHERE = ("express-cors-only", "plain-websocket-server", "trailing-slash-path", "server-too-old")


def fits(server: Server) -> bool:
    """NestJS with a Socket.IO of version 3 or 4, or of none that is known."""
    newer = not (server.version or "").startswith(("1.", "2."))
    return has_layer(server, "NestJS") and server.stack in ("unknown", "socket.io", "engine.io") and newer


def recognise(evidence: Evidence) -> Claim | None:
    """By its own 404."""
    found = (response for _, response in [*answers(evidence), *answers(evidence, "root")])
    if any(response.status == 404 and _NOT_FOUND.fullmatch(response.text) for response in found):
        return Claim(layers=("NestJS",), evidence=("a 404 as NestJS words it",))
    return None


def _with_layer(ask: Ask) -> Ask:
    """Where the server was only guessed."""
    if ask.layer("NestJS"):
        return ask
    return ask._replace(server=Server(stack=ask.server.stack, version=ask.server.version, layers=("NestJS",)))


def _same(slug: str) -> Cure:
    return lambda ask: socketio.FIXES[slug](_with_layer(ask))


def _gateway(ask: Ask) -> Fix:
    ask = _with_layer(ask)
    title = "Give the gateway a cors option: app.enableCors() does not reach it"
    return node_fix(ask, title, server(ask, cors_option(ask, ask.pages)), before="@WebSocketGateway()")


def _adapter(ask: Ask) -> Fix:
    return node_fix(
        _with_layer(ask),
        "Give the adapter the app whose server it shall use",
        "app.useWebSocketAdapter(new IoAdapter(app));",
        before="app.useWebSocketAdapter(new IoAdapter());",
        where="in main.ts",
    )


def _socketio_adapter(ask: Ask) -> Fix:
    return node_fix(
        _with_layer(ask),
        "Or let the gateways speak Socket.IO",
        "app.useWebSocketAdapter(new IoAdapter(app));",
        before="app.useWebSocketAdapter(new WsAdapter(app));",
        where="in main.ts; IoAdapter is in @nestjs/platform-socket.io",
    )


def _slash(ask: Ask) -> Fix:
    """The decorator's options have no types for it, and give it on all the same."""
    fix = socketio.FIXES["trailing-slash-path"](_with_layer(ask))
    assert fix is not None
    return fix


def _update(ask: Ask) -> Fix:
    packages = "@nestjs/core@10 @nestjs/common@10 @nestjs/websockets@10 @nestjs/platform-socket.io@10"
    return Fix(
        stack="NestJS", side="server", title="Or update NestJS: since version 8 it has Socket.IO 4",
        where="the server's project", language="sh", after=f"npm install {packages}",
    )  # fmt: skip


FIXES: dict[str, Cure] = {
    **{slug: _same(slug) for slug in socketio.FIXES if slug not in _ELSEWHERE},
    **dict.fromkeys(("cors-not-configured", "nest-enablecors-only"), _gateway),
    "app-listen-not-server-listen": _adapter,
    "plain-websocket-server": _socketio_adapter,
    "trailing-slash-path": _slash,
    "server-too-old": _update,
}
