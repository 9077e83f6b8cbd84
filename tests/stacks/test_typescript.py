"""Every cure for a server on Node is TypeScript as it stands: it is compiled against the packages' own types."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sio_doctor.model import Fix, Plan, Server
from sio_doctor.stacks import SLUGS, fixes
from tests.servers import NODE_MODULES, need, needs_node
from tests.stacks.test_fixes import DETAILS, PLANS

pytestmark = needs_node

FOUR = {
    "newest": Server(stack="socket.io", version="4.8.4", layers=("Express",)),
    "older": Server(stack="socket.io", version="3.x–4.4"),
    "bare": Server(stack="engine.io"),
}
THREE = {"three": Server(stack="socket.io", version="3.1.2"), "oldest": Server(stack="socket.io", version="3.0.x")}
NEST = {"nest": Server(stack="socket.io", version="4.8.4", layers=("NestJS", "Express"))}

#: What is there around a cure, in a file that people have. Types of other packages are left open.
AROUND = """
declare const app: any, session: any;
declare function rateLimit(options: { skip(request: { originalUrl: string }): boolean; [other: string]: unknown }): any;
const httpServer = createServer();
"""
NEST_AROUND = """
import { WebSocketGateway } from "@nestjs/websockets";
import { IoAdapter } from "@nestjs/platform-socket.io";
import { WebSocketServer } from "ws";
import type { INestApplication } from "@nestjs/common";
declare const session: any;
declare function rateLimit(options: { skip(request: { originalUrl: string }): boolean; [other: string]: unknown }): any;
"""


def cures(servers: dict[str, Server], plans: dict[str, Plan] = PLANS) -> Iterator[Fix]:
    """Of all servers' cures those for Node, each once."""
    seen = set()
    details: list[dict[str, str]] = [{}, DETAILS, {"cookie": "connect.sid"}]
    for slug, server, plan, seen_details in itertools.product(sorted(SLUGS), servers.values(), plans.values(), details):
        for fix in fixes(slug, plan, server, origins=plan.origins, details=seen_details):
            if fix.side == "server" and fix.language in ("js", "ts") and fix.after not in seen:
                seen.add(fix.after)
                yield fix


def node_file(code: str) -> str:
    """A file with that code in it, where people have it."""
    head = 'import { createServer } from "http";\nimport { WebSocketServer } from "ws";\n'
    if not re.search(r"\{ Server \} = require", code):
        head += 'import { Server } from "socket.io";\n'
    made = "" if "const io = " in code else "const io = new Server(httpServer);\n"
    return f"{head}{AROUND}{made}{code}\n"


def nest_file(code: str) -> str:
    """The same of a NestJS application: the decorator of a class, what is in it, or what is in main.ts."""
    if code.startswith("@WebSocketGateway"):
        return f"{NEST_AROUND}{code}\nexport class EventsGateway {{}}\n"
    if code.startswith("afterInit("):
        return f"{NEST_AROUND}@WebSocketGateway()\nexport class EventsGateway {{\n{code}\n}}\n"
    return f"{NEST_AROUND}export async function bootstrap(app: INestApplication & {{ set: any }}) {{\n{code}\n}}\n"


def compiled(folder: Path, files: list[str], version: str) -> str:
    """What ``tsc --strict`` says about them; empty where they are good."""
    for number, text in enumerate(files):
        (folder / f"{number}.ts").write_text(text)
    options = {
        "strict": True,
        "noEmit": True,
        "skipLibCheck": True,
        "target": "es2022",
        "module": "commonjs",
        "moduleResolution": "node",
        "esModuleInterop": True,
        "experimentalDecorators": True,
        "types": ["node"],
        "typeRoots": [str(NODE_MODULES / "@types")],
        "paths": {
            "socket.io": [str(NODE_MODULES / version)],
            "ws": [str(NODE_MODULES / "@types/ws")],
            "*": [str(NODE_MODULES / "*")],
        },
    }
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    command = [need("node"), str(NODE_MODULES / "typescript/bin/tsc"), "-p", str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240)
    return run.stdout + run.stderr


@pytest.mark.parametrize(
    ("servers", "version", "least"),
    [(FOUR, "socket.io-4", 90), (THREE, "socket.io-3", 80), (NEST, "socket.io-4", 80)],
    ids=["4", "3", "nest"],
)
def test_every_cure_is_typescript(servers: dict[str, Server], version: str, least: int, tmp_path: Path) -> None:
    written = list(cures(servers))
    assert len(written) > least
    files = [(nest_file if fix.stack == "NestJS" else node_file)(fix.after) for fix in written]
    assert compiled(tmp_path, files, version) == ""


def test_what_is_no_typescript_is_found(tmp_path: Path) -> None:
    """The options are held against the types of that version."""
    wrong = [
        "const io = new Server(httpServer, { cors: { origins: [] } });",
        "const io = new Server(httpServer, { addTrailingSlash: 1 });",
    ]
    told = compiled(tmp_path, [node_file(code) for code in wrong], "socket.io-4")
    assert "0.ts" in told
    assert "1.ts" in told
    newer = "const io = new Server(httpServer, { addTrailingSlash: false });"
    assert "addTrailingSlash" in compiled(tmp_path, [node_file(newer)], "socket.io-3")
