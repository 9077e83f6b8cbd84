"""What an https page may ask of a private address by http: the corpus has no such case."""

from __future__ import annotations

from typing import Any

import pytest

from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.firefox import Firefox
from tests import corpus
from tests.corpus import Case
from tests.living.play import play
from tests.living.stage import Stage
from tests.servers import needs_chromium, needs_firefox, needs_openssl

pytestmark = [pytest.mark.living, needs_openssl]

QUERY = "/socket.io/?EIO=4&transport=polling&t=p0001"
LETS_IN = {"status": 200, "headers": [["Access-Control-Allow-Origin", "*"]], "body": "0{}"}
OPENS = {
    "status": 101,
    "headers": [["Upgrade", "websocket"], ["Connection", "Upgrade"], ["Sec-WebSocket-Accept", "{ACCEPT}"]],
    "after": "open",
    "body": "0{}",
}


def leads_to(server: str) -> dict[str, Any]:
    return {"status": 302, "headers": [["Access-Control-Allow-Origin", "*"], ["Location", server + QUERY]]}


def case(server: str, answers: Case, headers: dict[str, str] | None = None) -> Case:
    websocket = {"websocket": True} if server.startswith("ws") else {}
    return {
        "id": "p0001",
        "page": {"url": "https://app.example.com/page", "origin": "https://app.example.com"},
        "request": {
            "method": "GET",
            "url": server + QUERY,
            "withCredentials": False,
            "headers": headers or {},
            **websocket,
        },
        "answers": answers,
    }


REDIRECTED = f"GET https://api.example.com{QUERY}"
CASES = {
    "let in": case("http://192.168.1.5", {"*": LETS_IN}),
    "a name": case("http://printer.local:8080", {"*": LETS_IN}),
    "not let in": case("http://192.168.1.5", {"*": {"status": 200, "body": "0{}"}}),
    "a preflight": case("http://192.168.1.5", {"*": LETS_IN}, {"x-a": "1"}),
    "a redirect": case("https://api.example.com", {REDIRECTED: leads_to("http://10.0.0.5"), "*": LETS_IN}),
    "WebSocket": case("ws://192.168.1.5", {"*": OPENS}),
    "WebSocket, refused": case("ws://192.168.1.5", {"*": {"status": 400}}),
    "public all the same": case("http://198.18.0.1", {"*": LETS_IN}),
}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@needs_chromium
@cases
def test_chromium_warns_where_others_block(case: Case, chromium: Chromium, played: Stage) -> None:
    said = corpus.play(case, "chromium")
    happened = play(case, chromium, played, len(said["console"]))
    assert (happened["allowed"], happened["console"]) == (said["allowed"], said["console"])


@needs_firefox
@cases
def test_firefox_blocks(case: Case, firefox: Firefox, played: Stage) -> None:
    said = corpus.play(case, "firefox")
    happened = play(case, firefox, played, len(said["console"]))
    assert (happened["allowed"], happened["console"]) == (said["allowed"], said["console"])
    assert not happened["allowed"]
