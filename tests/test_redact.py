"""No secret gets into a report, and what is no secret stays."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sio_doctor.examine import report_on
from sio_doctor.model import Confirmed, Connection, Document, Evidence, Exchange, Frame, Report, Request, Response
from sio_doctor.plan import make_plan
from sio_doctor.redact import redact_evidence
from sio_doctor.render import render
from tests.recordings import FOLDER

PAGE, SERVER = "https://shop.example.com", "https://api.example.com"
SID, CONNECTED = "lv_VI97HAXpY6yYWAAAC", "wZX3oN0bSVIhsaknAAAI"
OPEN = f'0{{"sid":"{SID}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}}'


def evidence(*answers: Response, url: str = SERVER, **options: Any) -> Evidence:
    """Those answers to the handshake of a page, with the plan's own headers and query."""
    plan = make_plan(url, origins=options.pop("origins", [PAGE]), **options)
    query = "&".join(f"{name}={value}" for name, value in (*plan.target.query, ("EIO", "4"), ("transport", "polling")))
    request = Request(
        method="GET",
        url=f"{SERVER}/socket.io/?{query}",
        headers=(*plan.client.extra_headers, ("Origin", PAGE)),
    )
    exchanges = (
        Exchange(id=number, purpose="handshake", request=request, response=answer)
        for number, answer in enumerate(answers, 1)
    )
    return Evidence(plan=plan, exchanges=tuple(exchanges))


def answered(body: str = OPEN, *headers: tuple[str, str], **fields: Any) -> Response:
    return Response(status=200, reason="OK", headers=headers, body=body, **fields)


def outputs(report: Report) -> str:
    """All that is printed of it, in every format."""
    return render(report, "json") + render(report, "text", width=500)


def texts(gathered: Evidence) -> str:
    return outputs(report_on(gathered))


GIVEN: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"headers": ["Authorization: Bearer abcdef123"]}, "you sent abcdef123", ["abcdef123"]),
    ({"headers": ["Authorization: Basic dTpwYXNzd29yZA=="]}, "dTpwYXNzd29yZA==", ["dTpwYXNzd29yZA=="]),
    ({"headers": ["X-Api-Key: k-123456"]}, "bad key k-123456", ["k-123456"]),
    ({"headers": ["Cookie: session=s3cr3ts; theme=darkest"]}, "session s3cr3ts", ["s3cr3ts"]),
    ({"cookies": ["session=s3cr3ts; pin=1234"]}, "session s3cr3ts, pin=1234", ["s3cr3ts", "pin=1234"]),
    ({"proxy": "http://me:s3cr3t@proxy.invalid"}, "", ["s3cr3t"]),
    ({"query": ["token=abc+def/123"]}, "token abc+def/123 or abc%2Bdef%2F123", ["abc+def/123", "abc%2Bdef%2F123"]),
    ({"auth": '{"token": "abc\\"def"}'}, '44{"message":"abc\\"def"} abc"def', ['abc"def', 'abc\\"def']),
    ({"auth": '{"deep": [{"pin": 12345678}]}'}, "pin 12345678", ["12345678"]),
    ({"url": f"{SERVER}/socket.io/?EIO=4&transport=polling&jwt=ey.123456"}, "ey.123456", ["ey.123456"]),
    ({"origins": [f"{PAGE}/callback?access_token=abcdef123#x"]}, "", ["abcdef123"]),
]


@pytest.mark.parametrize(("options", "echo", "secrets"), GIVEN)
def test_what_the_person_gave_is_struck_out_wherever_it_is(
    options: dict[str, Any], echo: str, secrets: list[str]
) -> None:
    said = texts(evidence(answered(echo, ("X-Echo", echo)), **options))
    assert not [secret for secret in secrets if secret in said]


HANDED: list[tuple[Response, list[str]]] = [
    (answered(), [SID]),
    (answered(OPEN, ("Set-Cookie", "io=c00kies; Path=/; SameSite=None")), [SID, "c00kies"]),
    (answered(f'{OPEN}\x1e40{{"sid":"{CONNECTED}","pid":"p1d-p1d-p1d"}}'), [SID, CONNECTED, "p1d-p1d-p1d"]),
    (answered("", ("Location", "https://login.example/?state=1&id_token=abcdef123")), ["abcdef123"]),
    (answered("", ("X-Session-Token", "abcdef123")), ["abcdef123"]),
    (Response(status=101, frames=(Frame(direction="in", type="text", data=OPEN),)), [SID]),
]


@pytest.mark.parametrize(("answer", "secrets"), HANDED, ids=["sid", "cookie", "socket", "location", "header", "frames"])
def test_what_the_server_handed_out_is_struck_out(answer: Response, secrets: list[str]) -> None:
    said = texts(evidence(answer))
    assert not [secret for secret in secrets if secret in said]


def test_the_binary_framing_of_protocol_3_is_struck_out_inside_base64() -> None:
    packet = OPEN.encode()
    framed = b"\x00" + bytes(map(int, str(len(packet)))) + b"\xff" + packet
    answer = answered(base64.b64encode(framed).decode(), body_encoding="base64")
    report = report_on(evidence(answer, version=2))
    response = report.exchanges[0].response
    assert report.handshake is not None
    assert report.handshake.framing == "v3-binary"
    assert response is not None
    assert b"<sid 1>" in response.bytes
    assert SID.encode() not in response.bytes


def test_a_binary_frame_is_struck_out_inside_base64() -> None:
    open_packet = Frame(direction="in", type="text", data=OPEN)
    binary = Frame(direction="in", type="binary", data=base64.b64encode(b"\xff" + SID.encode()).decode())
    response = report_on(evidence(Response(status=101, frames=(open_packet, binary)))).exchanges[0].response
    assert response is not None
    assert base64.b64decode(response.frames[1].data) == b"\xff<sid 1>"


def test_placeholders_are_stable_and_say_which_secret_it_was() -> None:
    first, second = OPEN, OPEN.replace(SID, CONNECTED)
    report = report_on(
        evidence(answered(first), answered(second), answered(first), headers=["Authorization: Bearer abc"])
    )
    bodies = [exchange.response.body for exchange in report.exchanges if exchange.response]
    assert bodies == [OPEN.replace(SID, f"<sid {number}>") for number in (1, 2, 1)]
    assert [dict(exchange.request.headers)["Authorization"] for exchange in report.exchanges] == ["$AUTHORIZATION"] * 3
    assert all('-H "Authorization: $AUTHORIZATION"' in exchange.curl for exchange in report.exchanges)


def test_cookie_names_and_attributes_stay() -> None:
    report = report_on(evidence(answered(OPEN, ("Set-Cookie", "io=c00kies; Path=/; SameSite=None; Secure"))))
    assert '"io=<cookie 1>; Path=/; SameSite=None; Secure"' in render(report, "json")


def test_a_placeholder_is_not_struck_again() -> None:
    report = report_on(
        evidence(answered("AUTHORIZATION secret"), headers=["Authorization: Bearer AUTHORIZATION", "X-Key: secret"])
    )
    assert dict(report.exchanges[0].request.headers) == {
        "Authorization": "$AUTHORIZATION",
        "X-Key": "<secret 2>",
        "Origin": PAGE,
    }


def test_what_is_short_is_no_secret() -> None:
    assert "abcde" in texts(evidence(answered("abcde"), query=["token=abcde"]))


@pytest.mark.parametrize(
    "sid",
    [
        "chromium",
        "polling",
        "websocket",
        "origins",
        "headers",
        "Access-Control-Allow-Origin",
        "methods",
        PAGE,
        "cors: {",
    ],
)
def test_a_sid_that_is_a_word_of_the_contract_breaks_nothing(sid: str) -> None:
    answer = answered(msgspec.json.encode({"sid": sid, "upgrades": ["websocket"]}).decode(), ("Server", "nginx"))
    answer = msgspec.structs.replace(answer, body="0" + answer.body)
    plain, hostile = report_on(evidence(answered(OPEN, ("Server", "nginx")))), report_on(evidence(answer))
    names = [name for exchange in hostile.exchanges for name, _ in exchange.request.headers]
    assert names == ["Origin"]
    assert [finding.slug for finding in hostile.findings] == [finding.slug for finding in plain.findings]
    assert [finding.fixes for finding in hostile.findings] == [finding.fixes for finding in plain.findings]
    assert [outcome.browser for outcome in hostile.outcomes] == ["chromium", "firefox", "webkit"]
    assert hostile.client == plain.client


def test_a_report_without_secrets_is_left_as_it_is() -> None:
    report = report_on(evidence(answered("hello")))
    assert report.exchanges[0].response == answered("hello")


def test_what_a_real_browser_was_led_to_is_struck_out_of_its_lines() -> None:
    def lead(outcomes: tuple[Connection, ...], page: Document | None) -> tuple[tuple[Connection, ...], tuple[str, ...]]:
        url = f"{SERVER}/login?session_token=minted-for-the-browser"
        lines = (
            f"Access to XMLHttpRequest at '{url}' (redirected from '{SERVER}/socket.io/?EIO=4') from origin '{PAGE}' …",
            f"Cross-Origin Request Blocked: … at {url}. (Reason: …",
            f"Cross-Origin Request Blocked: … at ‘{url}’. (Reason: …",
        )
        did = Confirmed(
            browser="Firefox 153.0",
            connects=False,
            polling=False,
            websocket=False,
            console=lines,
            agrees=False,
            differences=(f"its console got “{lines[0]}”, where nothing was predicted",),
        )
        return tuple(msgspec.structs.replace(outcome, confirmed=did) for outcome in outcomes), ()

    report = report_on(evidence(answered()), lead)
    said = msgspec.json.encode(report).decode()
    assert "minted-for-the-browser" not in said
    assert report.outcomes[0].confirmed is not None
    assert "token=<server token 1>. (Reason" in report.outcomes[0].confirmed.console[1]
    assert "token=<server token 1>’. (Reason" in report.outcomes[0].confirmed.console[2]


# --- evidence that is passed on --------------------------------------------------------------------------------------


def assert_passes_on(gathered: Evidence, secrets: list[str]) -> None:
    """Nothing of the secrets is in it, and nothing is lost: the report on it is the same, also once it was saved."""
    saved = msgspec.json.encode(redact_evidence(gathered))
    assert not [secret for secret in secrets if secret in saved.decode()]
    assert report_on(msgspec.json.decode(saved, type=Evidence)) == report_on(gathered)


@pytest.mark.parametrize(("options", "echo", "secrets"), GIVEN)
def test_evidence_can_be_passed_on_whatever_the_person_gave(
    options: dict[str, Any], echo: str, secrets: list[str]
) -> None:
    gathered = evidence(answered(f"{OPEN}\x1e4{echo}", ("X-Echo", echo)), **options)
    assert_passes_on(gathered, secrets)


@pytest.mark.parametrize(("answer", "secrets"), HANDED)
def test_evidence_can_be_passed_on_whatever_the_server_handed_out(answer: Response, secrets: list[str]) -> None:
    assert_passes_on(evidence(answer), secrets)


@pytest.mark.parametrize("sid", ["polling", "websocket", "shop.example", "upgrades", "api.example.com"])
def test_a_sid_that_is_a_common_word_does_not_change_what_was_asked(sid: str) -> None:
    assert_passes_on(evidence(answered(OPEN.replace(SID, sid))), [])


def test_the_framing_that_counts_characters_survives() -> None:
    gathered = evidence(answered(f"{len(OPEN)}:{OPEN}2:40"), version=2)
    assert report_on(gathered).handshake is not None
    assert_passes_on(gathered, [SID])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_evidence_can_be_passed_on(path: Path) -> None:
    gathered = msgspec.json.decode(path.read_bytes(), type=Evidence)
    sids = {sid for sid in re.findall(r'\\"sid\\":\\"([^"\\]+)', path.read_text()) if not sid.startswith("<")}
    assert_passes_on(gathered, sorted(sids))
