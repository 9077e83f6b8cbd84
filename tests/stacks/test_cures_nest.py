"""The cures for NestJS, pasted byte for byte into a complete application in TypeScript that runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sio_doctor.model import Fix, Server
from sio_doctor.stacks import fixes
from tests.rules.build import make_plan
from tests.servers import NODE_MODULES, need, needs_node
from tests.servers.process import process
from tests.stacks.test_cures import OPEN, UPGRADE, after_the_upgrade, ask, assert_lets_the_page_in, connected

#: Many servers are started: `make cures` runs it.
pytestmark = [needs_node, pytest.mark.cures]

APPLICATION = """
import "reflect-metadata";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { IoAdapter } from "@nestjs/platform-socket.io";
import { MessageBody, SubscribeMessage, WebSocketGateway } from "@nestjs/websockets";
import { WebSocketServer } from "ws";

/* decorator */
@WebSocketGateway()
/* decorator */
export class EventsGateway {
  @SubscribeMessage("hello")
  hello(@MessageBody() data: string) {
    return data;
  }

  /* member */
  /* member */
}

@Module({ providers: [EventsGateway] })
class AppModule {}

async function bootstrap() {
  const app = await NestFactory.create(AppModule, { logger: false });
  /* main */
  /* main */
  await app.listen(0, "127.0.0.1");
  console.log("READY " + app.getHttpServer().address().port);
}

bootstrap();
"""
TRANSPILE = """
const ts = require("typescript");
const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
const compilerOptions = { module: "commonjs", target: "es2022", ...decorators };
const text = require("fs").readFileSync(0, "utf8");
process.stdout.write(ts.transpileModule(text, { compilerOptions }).outputText);
"""
NEST = Server(stack="socket.io", version="4.8.4", layers=("NestJS", "Express"))


def cure(slug: str, **fields: object) -> Fix:
    plan = make_plan(with_credentials=True, extra_headers=(("my-custom-header", "x"),), **fields)
    return next(fix for fix in fixes(slug, plan, NEST, origins=plan.origins) if fix.stack == "NestJS")


@contextmanager
def application(folder: Path, **pasted: str) -> Iterator[str]:
    """The application with that code between the marks of those names."""
    text = APPLICATION
    for place, code in pasted.items():
        mark = re.escape(f"/* {place} */")
        text = re.sub(rf"{mark}.*{mark}", lambda _, code=code: code, text, flags=re.DOTALL)  # type: ignore[misc]
    environment = {"NODE_PATH": str(NODE_MODULES)}
    transpiled = subprocess.run(
        [need("node"), "-e", TRANSPILE], input=text, capture_output=True, text=True, timeout=60, cwd=NODE_MODULES.parent
    )
    assert transpiled.returncode == 0, transpiled.stderr
    file = folder / "main.js"
    file.write_text(transpiled.stdout)
    with process([need("node"), file], cwd=folder, env=environment) as server:
        yield f"http://127.0.0.1:{server.wait_for_port()}"


@pytest.mark.parametrize("slug", ["nest-enablecors-only", "websocket-open-to-any-page", "two-instances-one-server"])
def test_the_decorator(slug: str, tmp_path: Path) -> None:
    with application(tmp_path) as url:
        assert ask(url).all("access-control-allow-origin") == []
    with application(tmp_path, decorator=cure(slug).after) as url:
        assert_lets_the_page_in(url)


@pytest.mark.parametrize("namespace", ["/", "/chat"])
def test_a_middleware_of_the_gateway_refuses_who_has_no_token(namespace: str, tmp_path: Path) -> None:
    named = "" if namespace == "/" else cure("invalid-namespace", namespace=namespace).after
    decorator = named or "@WebSocketGateway()"
    code = cure("connect-middleware-error", namespace=namespace).after
    name = "" if namespace == "/" else namespace
    with application(tmp_path, decorator=decorator) as url:
        assert connected(url, namespace).startswith("40" + name)
    with application(tmp_path, decorator=decorator, member=code) as url:
        assert connected(url, namespace).startswith("44" + name)
        assert "not authorized" in connected(url, namespace)
    with application(tmp_path, decorator=decorator, member=cure("no-connect-reply", namespace=namespace).after) as url:
        assert connected(url, namespace).startswith("40" + name)


def test_refusals_are_logged(tmp_path: Path) -> None:
    with application(tmp_path, member=cure("error-response-without-cors").after) as url:
        assert ask(url, target=OPEN.replace("polling", "pigeon")).status == 400
        assert ask(url).status == 200


def test_the_adapter_and_another_websocket_server(tmp_path: Path) -> None:
    code = cure("app-listen-not-server-listen").after + "\n" + cure("ws-two-servers-conflict").after
    with application(tmp_path, main=code) as url:
        assert b'0{"sid"' in after_the_upgrade(url)
        assert ask(url, target="/other", **UPGRADE).status == 101
