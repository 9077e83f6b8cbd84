"""Who answers, held against the wire atlas: what ``make identify`` prints, and that it would print the opposite."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests import identify, ladders
from tests.atlas import FILE, configurations, cut, records
from tests.identify import Told, tell


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return [tell(configuration) for configuration in configurations()]


def test_nothing_is_wrong_and_nothing_below_the_figures(told: list[Told]) -> None:
    assert identify.failures(told) == []
    assert len(told) > 500
    assert sum(one.tellable for one in told) > 400


def test_what_is_claimed_says_by_what_it_is_known(told: list[Told]) -> None:
    claiming = [one.server for one in told if one.server.stack != "unknown" or one.server.layers]
    assert all(server.evidence for server in claiming)
    assert all(phrase and phrase.isprintable() for server in claiming for phrase in server.evidence)


def test_the_ladders_allow_what_each_server_really_was(told: list[Told]) -> None:
    """Else they would be no measure of how wide a claim may be."""
    known = identify.versioned(told)
    assert [one.configuration.name for one in known if one.truth.version not in one.allowed] == []


def test_the_words_and_the_range_say_the_same(told: list[Told]) -> None:
    for server in {one.server for one in told if one.server.version}:
        ends = [end for end in (server.since, server.until) if end]
        assert ends
        assert all(len(end.split(".")) == 3 for end in ends)
        assert (server.since == server.until) == (server.version == server.since)


def test_a_server_that_is_not_what_the_recording_says_fails_it(tmp_path: Path) -> None:
    lines = [record for record in records(FILE) if (record.server, record.version) == ("socket.io", "4.8.4")][:40]
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    for line in lines:
        line.version = "2.0.4"
    bad.write_bytes(b"\n".join(map(msgspec.json.encode, lines)))
    assert identify.main(["--atlas", str(good)]) == 0
    assert identify.main(["--atlas", str(bad)]) == 1


def test_what_is_kept_of_a_recording_tells_the_same(tmp_path: Path) -> None:
    """The copy here was made so from the whole: another turn leaves it as it is."""
    again = tmp_path / "again.jsonl.gz"
    assert cut(FILE, again) == sum(1 for _ in records(FILE))
    assert list(records(again)) == list(records(FILE))


def test_a_range_that_is_too_wide_is_seen() -> None:
    configuration = next(one for one in configurations() if one.server == "socket.io" and one.version == "4.8.4")
    one = tell(configuration)
    wide = one._replace(server=msgspec.structs.replace(one.server, version="3.x–4.x", since="3.0.0", until=None))
    assert not one.wider
    assert wide.wider
    assert any("wider" in line for line in identify.failures([wide]))


def test_where_nothing_was_seen_the_ladders_allow_everything() -> None:
    assert ladders.allowed("socket.io", [], fronted=False) == ladders.NODE
    assert ladders.allowed("python-socketio", [], fronted=False) == ladders.PYTHON
