"""Each cure, pasted: ``check`` names the mistake, what it prints in its place mends it, and a real page connects."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from sio_doctor.confirm.chromium import Chromium
from tests.cures.conftest import Pages
from tests.cures.marks import mended, mistaken
from tests.cures.pairs import HERE, PACKAGES, PAIRS, PROCESS, PROXIES, STACKS, Pair
from tests.cures.running import free_ports, running
from tests.living.pages import attempt, bundle
from tests.living.pairs import Client
from tests.servers import needs_chromium, needs_node

pytestmark = [pytest.mark.cures, needs_chromium, needs_node]

#: How often something is tried that fails by luck.
TRIES = 12

#: What becomes of the page's own client, once it is clear. The page is an application: its title says how it went.
LOOK = """new Promise((resolve) => {
  const until = Date.now() + 8000;
  const look = () => {
    const name = socket.io.engine && socket.io.engine.transport ? socket.io.engine.transport.name : null;
    const over = Date.now() > until;
    if (socket.connected && (name === "websocket" || over)) resolve({ connects: true, transport: name });
    else if (over || (!socket.connected && document.title.startsWith("failed"))) resolve({ connects: false });
    else setTimeout(look, 50);
  };
  look();
})"""


@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair.key) for pair in PAIRS])
def test_the_cure_cures(
    pair: Pair, chromium: Chromium, served: Pages, record_property: Callable[[str, object], None]
) -> None:
    record_property("pair", pair.key)
    name = f"{pair.folder}/{pair.file.name}"
    text = pair.file.read_text()
    if pair.folder == "page-policy":
        # Its policy is read, and for that the page has to be where it says.
        home = f"http://localhost:{served.port}"
        pair = pair._replace(origin=home, more=("--page", f"{home}/pair"))
    with surroundings(pair) as (url, values, direct):

        def start(file: str) -> Any:
            if pair.is_page:
                served.own["pair"] = file
                return ExitStack()
            port = int(values["PORT"])
            return running(file, name, port, socket_io=PACKAGES.get(pair.folder, "socket.io-4"))

        with start(mistaken(text, values)):
            status, report = named(pair, pair.address.replace("HOST", urlsplit(url).netloc) or url, direct)
            assert [one["slug"] for one in report["findings"]][:1] == [pair.cause]
            assert status == (0 if pair.warns else 1)
            fails(pair, chromium, url)
        [finding] = [one for one in report["findings"] if one["slug"] == pair.cause]
        cures = [fix["after"] for fix in finding["fixes"] if fix["stack"] == pair.stack]
        assert cures, [(fix["stack"], fix["title"]) for fix in finding["fixes"]]
        with start(mended(text, cures[0], values)):
            client = pair.after or pair.client
            # A page that is mended may ask elsewhere.
            asked = re.search(r'\bio\("(.*?)"', cures[0]) if pair.is_page else None
            status, report = check(pair, asked[1] if asked else url, client, direct)
            found = [(one["slug"], one["severity"]) for one in report["findings"]]
            assert status == 0, found
            assert report["ok"]
            assert pair.cause not in [slug for slug, severity in found if severity != "info"]
            assert play(pair, client, chromium, url) == (True, pair.transport)


def test_every_file_is_a_pair() -> None:
    files = {path for folder in STACKS for path in (HERE / folder).glob("*.*")}
    assert files == {pair.file for pair in PAIRS}
    assert len({pair.key for pair in PAIRS}) == len(PAIRS)


@contextmanager
def surroundings(pair: Pair) -> Iterator[tuple[str, dict[str, str], str | None]]:
    """What the file needs around it: the URL that is checked, what is filled in, and the server behind a proxy."""
    if pair.is_page:
        assert pair.upstream is not None
        with pair.upstream(pair.origin) as behind:
            yield behind, {"SERVER": behind, "HOST": urlsplit(behind).netloc}, None
        return
    port, dead, first, second = free_ports(4)
    url, values = f"http://127.0.0.1:{port}", {"PORT": str(port), "DEAD": str(dead)}
    if pair.folder not in PROXIES:
        yield url, values, None
    elif pair.two:
        values |= {"UPSTREAM": str(first), "UPSTREAM2": str(second)}
        with running(PROCESS, "chat.js", first), running(PROCESS, "chat.js", second):
            yield url, values, f"http://127.0.0.1:{first}"
    else:
        with pair.behind(pair.origin) as behind:
            yield url, values | {"UPSTREAM": str(urlsplit(behind).port)}, behind


def named(pair: Pair, url: str, direct: str | None) -> tuple[int, dict[str, Any]]:
    """What ``check`` says of the mistake; where that is luck, it is asked again."""
    for _ in range(TRIES if pair.luck else 1):
        status, report = check(pair, url, pair.client, direct)
        if [one["slug"] for one in report["findings"]][:1] == [pair.cause]:
            break
    return status, report


def fails(pair: Pair, chromium: Chromium, url: str) -> None:
    """Before it is mended the page does not connect; or, where that is a warning, not over WebSocket."""
    as_said = (True, "polling") if pair.warns else (False, None)
    if pair.luck:
        assert any(play(pair, pair.client, chromium, url) != (True, "websocket") for _ in range(TRIES))
        return
    assert play(pair, pair.client, chromium, url) == as_said


def check(pair: Pair, url: str, client: Client, direct: str | None) -> tuple[int, dict[str, Any]]:
    """``sio-doctor check`` as a person runs it: its exit status and its report."""
    command = [sys.executable, "-m", "sio_doctor", "check", url, "--origin", pair.origin or url, "--json", *pair.more]
    command += [*options(client), *(["--direct", direct] if direct else []), "--timeout", "4"]
    done = subprocess.run(command, capture_output=True, timeout=90, env={**os.environ, "NO_COLOR": "1"}, check=False)
    assert done.returncode in (0, 1), done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def options(client: Client) -> list[str]:
    """The same client for the command."""
    given = ["--client", str(client.version), "--transports", ",".join(client.transports)]
    if client.with_credentials is not None:
        given.append("--with-credentials" if client.with_credentials else "--without-credentials")
    given += ["--header", f"{client.header[0]}: {client.header[1]}"] if client.header else []
    given += ["--namespace", client.namespace] if client.namespace else []
    given += ["--auth", client.auth] if client.auth else []
    given += ["--query", "=".join(client.query)] if client.query else []
    given += ["--path", client.path] if client.path else []
    return given


def play(pair: Pair, client: Client, chromium: Chromium, url: str) -> tuple[bool, str | None]:
    """Does the real client connect, in a page of that origin, and over what?"""
    if pair.is_page:
        with chromium.page(f"{pair.origin}/pair") as page:
            result = page.evaluate(LOOK)
            return result["connects"], result.get("transport")
    own = not pair.origin
    with chromium.page(f"{url}/" if own else f"{pair.origin}/{client.version}") as page:
        if own:
            page.evaluate(f"(() => {{ {bundle(client.version)}\nreturn true; }})()")
        did = attempt(page, url + client.namespace, client.options(), auth=client.auth)
        return did.connects, did.transport
