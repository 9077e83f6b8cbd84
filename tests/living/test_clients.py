"""``check`` says what the real socket.io-client does in a real Chromium: does it connect, over what, which line?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sio_doctor import examine_sync
from sio_doctor.confirm.chromium import Chromium
from sio_doctor.confirm.page import Line
from tests.living.pages import attempt, pages
from tests.living.pairs import PAIRS, Pair
from tests.servers import needs_chromium, needs_haproxy, needs_nginx, needs_node

pytestmark = [pytest.mark.living, needs_chromium, needs_node, needs_nginx, needs_haproxy]

#: ``t`` differs from run to run, and so does a session's id.
VARYING = re.compile(r"[?&](t|sid)=(<sid \d+>|[^&'\s]*)")
#: The client's own doing, when CONNECT is refused before the upgrade's handshake has been answered: a race.
GIVEN_UP = "WebSocket is closed before the connection is established."


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with pages() as served:
        yield served


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
def test_the_client_in_the_page_does_what_check_says(pair: Pair, chromium: Chromium, origin: str) -> None:
    client = pair.client
    with pair.server(origin) as url:
        with chromium.page(f"{origin}/{client.version}") as page:
            happened = attempt(page, url + client.namespace, client.options(), auth=client.auth)
        report = examine_sync(client.plan(url, origin))
    [outcome] = report.outcomes
    said = (outcome.connects, outcome.transport, outcome.error, first(outcome.console))
    assert said == (happened.connects, happened.transport, happened.error, first(texts(happened.console)))


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines if GIVEN_UP not in line.text]


def first(lines: list[str] | tuple[str, ...]) -> str | None:
    return VARYING.sub("", lines[0]) if lines else None
