"""Each scenario's mistake, as it is on the wire."""

from __future__ import annotations

import json

import pytest

from sio_doctor.demo.scenarios import DEFAULT, OTHER_PAGE, PAGE, SCENARIOS, Scenario, arguments
from sio_doctor.demo.server import serve
from sio_doctor.model import get_all
from tests.demo.asking import (
    OPEN,
    ask,
    asynchronous,
    hear,
    page_asks,
    refusal,
    websocket,
)


def test_the_default_is_the_most_common_mistake() -> None:
    assert SCENARIOS[DEFAULT].slug == "cors-not-configured"


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_scenario_is_one_line_of_text(scenario: Scenario) -> None:
    assert scenario.title
    assert "\n" not in scenario.title
    assert len(f"{scenario.name:20} {scenario.title}") < 100


def test_the_check_has_the_options_that_show_the_mistake() -> None:
    url = "http://127.0.0.1:3001"
    assert arguments(SCENARIOS["no-cors"], url) == ["check", url, "--origin", PAGE]
    assert arguments(SCENARIOS["wildcard-credentials"], url)[4:] == ["--with-credentials"]
    assert arguments(SCENARIOS["missing-header"], url)[4:] == ["-H", "my-custom-header: abcd"]


@asynchronous
async def test_no_cors_has_no_cors_header_and_refuses_preflights() -> None:
    async with await serve(SCENARIOS["no-cors"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        async with websocket(server) as ws:
            assert (await hear(ws)).startswith("0{")
    assert (opened.status, opened.header("access-control-allow-origin"), opened.header("vary")) == (200, None, None)
    assert (preflight.status, preflight.code) == (400, 2)


@asynchronous
async def test_wrong_origin_lets_another_page_in() -> None:
    async with await serve(SCENARIOS["wrong-origin"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        other = await ask(server, "GET", OPEN, Origin=OTHER_PAGE)
    assert (opened.status, opened.header("access-control-allow-origin"), opened.header("vary")) == (200, None, "Origin")
    assert (preflight.status, preflight.header("access-control-allow-origin")) == (204, None)
    assert preflight.header("access-control-allow-headers") == "my-custom-header"
    assert other.header("access-control-allow-origin") == OTHER_PAGE


@asynchronous
async def test_static_origin_is_sent_to_everybody() -> None:
    async with await serve(SCENARIOS["static-origin"]) as server:
        for headers in ({}, {"Origin": PAGE}, {"Origin": "null"}):
            opened = await ask(server, "GET", OPEN, **headers)
            assert opened.header("access-control-allow-origin") == OTHER_PAGE


@asynchronous
async def test_trailing_slash_lets_in_an_origin_that_no_browser_sends() -> None:
    async with await serve(SCENARIOS["trailing-slash"]) as server:
        for answer in (await page_asks(server), await page_asks(server, "OPTIONS")):
            assert answer.header("access-control-allow-origin") == PAGE + "/"


@asynchronous
async def test_wildcard_credentials_sends_both() -> None:
    scenario = SCENARIOS["wildcard-credentials"]
    async with await serve(scenario) as server:
        opened = await page_asks(server)
    assert scenario.client.with_credentials
    assert opened.header("access-control-allow-origin") == "*"
    assert opened.header("access-control-allow-credentials") == "true"


@asynchronous
async def test_doubled_header_is_there_twice_where_it_succeeds_and_once_where_it_does_not() -> None:
    async with await serve(SCENARIOS["doubled-header"]) as server:
        opened, preflight = await page_asks(server), await page_asks(server, "OPTIONS")
        unknown = await page_asks(server, target=OPEN + "&sid=nobody")
        async with websocket(server) as ws:
            assert ws.response is not None
            assert ws.response.headers.get_all("Access-Control-Allow-Origin") == [PAGE]
    for answer in (opened, preflight):
        assert get_all(answer.headers, "access-control-allow-origin") == [PAGE, "*"]
        assert answer.headers[0] == ("Server", "nginx")
    assert get_all(unknown.headers, "access-control-allow-origin") == [PAGE]


@asynchronous
async def test_missing_header_allows_another_one() -> None:
    scenario = SCENARIOS["missing-header"]
    async with await serve(scenario) as server:
        preflight = await page_asks(server, "OPTIONS")
    assert preflight.status == 204
    assert preflight.header("access-control-allow-origin") == PAGE
    allowed = (preflight.header("access-control-allow-headers") or "").split(",")
    assert allowed
    assert not {name for name, _ in scenario.client.extra_headers} & set(allowed)


@asynchronous
async def test_no_sticky_sessions_knows_a_session_on_every_second_connection() -> None:
    async with await serve(SCENARIOS["no-sticky-sessions"]) as server:
        sid = (await page_asks(server)).sid
        answers = [await page_asks(server, "POST", f"{OPEN}&sid={sid}", "6") for _ in range(6)]
    assert [answer.status for answer in answers] == [400, 200] * 3
    assert {answer.code for answer in answers if answer.status == 400} == {1}


@asynchronous
async def test_no_upgrade_polls_and_answers_a_websocket_as_if_it_were_a_poll() -> None:
    async with await serve(SCENARIOS["no-upgrade"]) as server:
        sid = (await page_asks(server)).sid
        direct, upgrade = await refusal(server), await refusal(server, f"EIO=4&transport=websocket&sid={sid}")
        assert (await page_asks(server, "POST", f"{OPEN}&sid={sid}", "40")).body == "ok"
        assert (await page_asks(server, target=f"{OPEN}&sid={sid}")).body.startswith('40{"sid":"')
    for answer in (direct, upgrade):
        assert (answer.status, answer.code, answer.header("content-type")) == (400, 3, "application/json")
        assert answer.header("server") == "nginx"


@asynchronous
async def test_spa_answers_every_path_with_one_page_and_posts_with_405() -> None:
    async with await serve(SCENARIOS["spa"]) as server:
        opened, root, posted = (
            await page_asks(server),
            await page_asks(server, target="/"),
            await page_asks(server, "POST"),
        )
        upgrade = await refusal(server)
    assert (opened.status, opened.header("content-type")) == (200, "text/html")
    assert opened.body == root.body == upgrade.body
    assert "<html>" in opened.body
    assert (posted.status, posted.reason) == (405, "Not Allowed")


@asynchronous
async def test_gateway_answers_502_without_cors_headers() -> None:
    async with await serve(SCENARIOS["gateway"]) as server:
        for answer in (await page_asks(server), await page_asks(server, "OPTIONS"), await refusal(server)):
            assert (answer.status, answer.header("access-control-allow-origin")) == (502, None)
            assert "502 Bad Gateway" in answer.body


@asynchronous
async def test_python_refuses_a_foreign_page_and_no_one_else() -> None:
    async with await serve(SCENARIOS["python"]) as server:
        foreign, preflight, upgrade = await page_asks(server), await page_asks(server, "OPTIONS"), await refusal(server)
        curl, own = await ask(server, "GET", OPEN), await ask(server, "GET", OPEN, Origin=server.url)
        sid = own.sid
        assert (await ask(server, "POST", f"{OPEN}&sid={sid}", "40/nope,")).body == "OK"
        assert (await ask(server, "GET", f"{OPEN}&sid={sid}")).body == '44/nope,"Unable to connect"'
        stranger = await ask(server, "POST", f"{OPEN}&sid=nobody", "40")
    for answer in (foreign, preflight):
        assert (answer.status, json.loads(answer.body)) == (400, f"{PAGE} is not an accepted origin.")
        assert answer.header("access-control-allow-origin") is None
    assert preflight.header("access-control-allow-headers") == "my-custom-header"
    assert (upgrade.status, upgrade.body) == (403, "")
    assert (curl.status, curl.header("server")) == (200, "uvicorn")
    assert list(json.loads(curl.body[1:])) == ["sid", "upgrades", "pingTimeout", "pingInterval", "maxPayload"]
    assert own.header("access-control-allow-origin") == server.url
    assert json.loads(stranger.body) == "Invalid session nobody"


@asynchronous
async def test_healthy_allows_the_page_and_its_headers_and_cookies() -> None:
    async with await serve(SCENARIOS["healthy"]) as server:
        for answer in (await page_asks(server), await page_asks(server, "OPTIONS")):
            assert answer.header("access-control-allow-origin") == PAGE
            assert answer.header("access-control-allow-credentials") == "true"
