"""``check`` says what the real socket.io-client does in a real Chromium: does it connect, over what, which line?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sio_doctor import examine_sync
from sio_doctor.confirm.chromium import Chromium
from sio_doctor.model import Connection, Plan
from tests.living.more_pairs import MORE
from tests.living.pages import attempt, pages
from tests.living.pairs import PAIRS, Client, Pair
from tests.servers import needs_chromium, needs_haproxy, needs_nginx, needs_node

pytestmark = [pytest.mark.living, needs_chromium, needs_node, needs_nginx, needs_haproxy]

Happened = tuple[bool, str | None, str | None, str | None]
#: Which line comes first is a race in a few pairs, in the browser itself: in one of so many runs it is as was said.
#: What becomes of the attempt is as was said in each of them.
RUNS = 5
#: ``t`` differs from run to run, and so does a session's id.
VARYING = re.compile(r"[?&](t|sid)=(<sid \d+>|[^&'\s]*)")
#: The client's own doing, when its time is up; or, when CONNECT is refused before the upgrade's handshake has been
#: answered: a race.
GIVEN_UP = "WebSocket is closed before the connection is established."


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with pages() as served:
        yield served


@pytest.mark.parametrize("pair", [*PAIRS, *MORE], ids=[pair.name for pair in [*PAIRS, *MORE]])
def test_the_client_in_the_page_does_what_check_says(pair: Pair, chromium: Chromium, origin: str) -> None:
    with pair.server(origin) as url:
        outcome = asked(pair.client.plan(url, origin))
        said = (outcome.connects, outcome.transport, outcome.error)
        line = first(outcome.console)
        raced = not any(GIVEN_UP in line for line in outcome.console)
        for _ in range(RUNS):
            *happened, printed = played(pair.client, chromium, origin, url, raced=raced)
            assert said == tuple(happened)
            if printed == line:
                break
    assert line == printed


def asked(plan: Plan) -> Connection:
    """What ``check`` says; where that is luck, as behind a proxy that others kept busy, it is asked again."""
    for _ in range(RUNS):
        [outcome] = examine_sync(plan).outcomes
        if not outcome.by_luck:
            break
    return outcome


def played(client: Client, chromium: Chromium, origin: str, url: str, *, raced: bool) -> Happened:
    """What the page's client does: connects, transport, error, and the first line that is printed meanwhile."""
    with chromium.page(f"{origin}/{client.version}") as page:
        did = attempt(page, url + client.namespace, client.options(), auth=client.auth)
    lines = [line.text for line in did.console if not (raced and GIVEN_UP in line.text)]
    return did.connects, did.transport, did.error, first(lines)


def first(lines: list[str] | tuple[str, ...]) -> str | None:
    return VARYING.sub("", lines[0]) if lines else None
