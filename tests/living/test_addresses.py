"""``localhost`` in a real browser, where its two addresses are two programs: which one is asked, and the fall-back."""

from __future__ import annotations

import pytest

from sio_doctor import make_plan
from sio_doctor.browser.table import ENGINES
from sio_doctor.confirm.ask import confirm
from sio_doctor.confirm.find import Family, find
from sio_doctor.examine import examine_sync
from sio_doctor.model import Connection
from tests.servers import needs_chromium, needs_firefox, needs_ipv6
from tests.servers.hostile import engine, open_body
from tests.servers.raw import answer, raw

pytestmark = [pytest.mark.living, needs_ipv6]

PAGE = "http://localhost:8080"
HEALTHY = engine(open_body(upgrades=()))
STRANGER = answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

both = pytest.mark.parametrize(
    "family", [pytest.param("chromium", marks=needs_chromium), pytest.param("firefox", marks=needs_firefox)]
)


def outcome(url: str, family: Family) -> Connection:
    plan = make_plan(url, origins=[PAGE], browsers=[family])
    report = examine_sync(plan, confirm=lambda outcomes, _: confirm(plan, outcomes, family, find(family), print))
    [one] = report.outcomes
    assert one.confirmed is not None
    return one


@both
@pytest.mark.parametrize("six_is_right", [True, False])
def test_of_two_programs_the_browser_meets_the_one_of_the_table(family: Family, six_is_right: bool) -> None:
    four, six = (STRANGER, HEALTHY) if six_is_right else (HEALTHY, STRANGER)
    with raw(four) as server, raw(six, host="::1", port=server.port):
        one = outcome(server.at("http", "localhost"), family)
    asks_six = ENGINES[family].localhost_first == 6
    assert one.address == ("::1" if asks_six else "127.0.0.1")
    assert one.confirmed is not None
    assert one.confirmed.connects == (asks_six == six_is_right)
    # At the address that was not met first the handshake alone was asked: less is predicted there, and nothing wrong.
    assert one.connects in (None, one.confirmed.connects)


@both
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_where_one_refuses_the_browser_takes_the_other(family: Family, host: str) -> None:
    with raw(HEALTHY, host=host) as server:
        one = outcome(server.at("http", "localhost"), family)
    assert one.confirmed is not None
    assert (one.connects, one.confirmed.connects) == (True, True)
