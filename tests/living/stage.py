"""The corpus's pages and servers, really there: one scripted server that answers for every host name of a case.

It listens on three free ports of loopback that stand for 80, 443 and 8080; the browser is told so, and nothing comes
between it and them.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sio_doctor.standards.websocket import accept
from tests.corpus import Case
from tests.servers.certificates import self_signed
from tests.servers.raw import Peer, nothing, raw

NOT_LISTED = {"status": 404}
NOTHING_TO_DO = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>page</title>'


class Stage:
    """What is played now, and what has reached the servers since."""

    def __init__(self) -> None:
        self.case: Case = {}
        self.requests: list[dict[str, Any]] = []
        #: What the page does by itself.
        self.script = ""
        #: For which port of the case's URLs which port of loopback stands.
        self.ports: dict[int, int] = {}
        #: A port of loopback where nothing listens.
        self.dead = 0

    def play(self, case: Case) -> None:
        """From now on the servers answer as that case has it."""
        self.case, self.requests = case, []

    def beside(self, peer: Peer, path: str) -> bool:
        """Answers what is no part of the case; False where it is."""
        return False

    def serve(self, peer: Peer, scheme: str) -> None:
        """Answers one request, and closes."""
        head, _, _ = peer.hear().decode("latin-1").partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        if not first:
            return
        method, path, _ = first.split(" ", 2)
        if self.beside(peer, path):
            return
        headers = {name.lower(): value.strip(" \t") for name, _, value in (line.partition(":") for line in lines)}
        if "sec-websocket-key" in headers:
            scheme = scheme.replace("http", "ws")
        url = f"{scheme}://{headers['host']}{path}"
        if url == self.case["page"]["url"]:
            peer.say(_answer(200, self._page_headers(), NOTHING_TO_DO + self.script))
            return
        self.requests.append({"method": method, "url": url, "headers": headers})
        answers = self.case["answers"]
        script = next((answers[key] for key in (f"{method} {url}", f"{method} *", "*") if key in answers), NOT_LISTED)
        _perform(peer, script, method, headers)

    def _page_headers(self) -> list[tuple[str, str]]:
        opaque = self.case["page"]["origin"] == "null"
        sandbox = [("Content-Security-Policy", "sandbox allow-scripts")] if opaque else []
        return [("Content-Type", "text/html"), *sandbox]


def _perform(peer: Peer, script: dict[str, Any], method: str, headers: dict[str, str]) -> None:
    if "fault" in script:
        _fail(peer, script["fault"])
        return
    key = headers.get("sec-websocket-key", "")
    pairs = [(name, value.replace("{ACCEPT}", accept(key))) for name, value in script.get("headers", [])]
    if script["status"] == 101:
        peer.say(_head(101, pairs))
        _follow(peer, script.get("after"), script.get("body", ""))
        return
    body = "" if method == "HEAD" or script["status"] in (204, 304) else script.get("body", "")
    peer.say(_answer(script["status"], pairs, body))


def _fail(peer: Peer, fault: str) -> None:
    match fault:
        case "reset":
            peer.reset()
        case "garbage":
            peer.say(b"garbage\r\n\r\n")
        case "hang":
            peer.hang()
        # close: the connection is closed when the script ends


def _follow(peer: Peer, after: str | None, body: str) -> None:
    """What comes after the 101; then silence, but for a connection that is closed."""
    match after:
        case "open":
            peer.say(_frame(0x81, body.encode()))
        case "masked":
            peer.say(b"\x81\x83\x00\x00\x00\x000{}")
        case "http":
            peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        case "closeframe":
            peer.say(_frame(0x88, (1008).to_bytes(2, "big")))
        case "none":
            return
    peer.hang()


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _answer(status: int, headers: list[tuple[str, str]], body: str) -> bytes:
    length = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
    return _head(status, [*headers, *length, ("Connection", "close")]) + body.encode("latin-1")


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
    return bytes([first]) + size + payload


@contextmanager
def stage(played: Stage | None = None, ports: Mapping[int, int] | None = None) -> Iterator[Stage]:
    """The servers, until the block is left: on free ports of loopback, or on those that are given."""
    played = played or Stage()
    certificate = self_signed("app.example.com", "*.example.com", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with contextlib.ExitStack() as servers:
        for port, tls in ((80, None), (443, context), (8080, None)):
            scheme = "https" if tls else "http"
            real = 0 if ports is None else ports[port]
            server = servers.enter_context(raw(partial(played.serve, scheme=scheme), port=real, tls=tls))
            played.ports[port] = server.port
        played.dead = urlsplit(servers.enter_context(nothing())).port or 0
        yield played
