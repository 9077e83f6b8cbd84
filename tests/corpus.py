"""Plays a case of the browsers' corpus (tests/truth) offline: the generators over the case's scripted answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sio_doctor.browser.console import websocket_no_url
from sio_doctor.browser.fetch import Page, XMLHttpRequest, xml_http_request
from sio_doctor.browser.table import ENGINES, Engine
from sio_doctor.browser.websocket import judge_frame, open_websocket
from sio_doctor.model import Answer, Frame, HeaderList, NoResponse, Request, Response, Verdict
from sio_doctor.standards.websocket import KEY, accept

Result = TypeVar("Result")
Case = dict[str, Any]

#: The ports that had a server behind them when the corpus was measured; None: the scheme's own.
LISTENING = (None, 8080)
FAULTS = {
    "close": NoResponse(kind="closed", message="It was closed."),
    "reset": NoResponse(kind="reset", message="It was reset."),
    "garbage": NoResponse(kind="not-http", message="It was no HTTP."),
    "hang": NoResponse(kind="timeout", message="Nothing came."),
}


def play(case: Case, browser: str) -> dict[str, Any]:
    """What that browser makes of the case: ``allowed``, ``requests`` (method, url, headers) and ``console``."""
    engine, page, asked = ENGINES[browser], Page(**case["page"]), case["request"]
    try:
        return _play(engine, page, case)
    except ValueError:  # it is no URL: open() and the constructor throw
        lines = websocket_no_url(engine, asked["url"]) if asked.get("websocket") else []
        return {"allowed": False, "requests": [], "console": lines}


def _play(engine: Engine, page: Page, case: Case) -> dict[str, Any]:
    asked = case["request"]
    if asked.get("websocket"):
        opening, requests = drive(open_websocket(engine, page, asked["url"]), case["answers"])
        verdict = _after(engine, asked["url"], case, opening) if opening.allowed else opening
        lines = opening.console if verdict is opening else (*opening.console, *verdict.console)
    else:
        fetched, requests = drive(xml_http_request(engine, page, _call(asked)), case["answers"])
        verdict = fetched.verdict
        lines = verdict.console
    sent = [{"method": one.method, "url": one.url, "headers": dict(one.headers)} for one in requests]
    return {"allowed": verdict.allowed, "requests": sent, "console": list(lines)}


def drive(steps: Generator[Request, Answer, Result], answers: Case) -> tuple[Result, list[Request]]:
    """The result of the generator over the script, and the requests that reached the server."""
    requests: list[Request] = []
    try:
        request = next(steps)
        for _ in range(100):
            answer = _answer(request, answers)
            if not (isinstance(answer, NoResponse) and answer.kind == "refused"):
                requests.append(request)
            request = steps.send(answer)
    except StopIteration as stop:
        return stop.value, requests
    raise AssertionError("more than 100 requests")


def _call(asked: Case) -> XMLHttpRequest:
    method = asked["method"].upper()
    return XMLHttpRequest(
        method=asked["method"],
        url=asked["url"],
        headers=tuple(asked["headers"].items()),
        body=None if method in ("GET", "HEAD") else "40",
        with_credentials=asked["withCredentials"],
    )


def _answer(request: Request, answers: Case) -> Answer:
    if urlsplit(request.url).port not in LISTENING:
        return NoResponse(kind="refused", message="Nothing listens there.")
    for key in (f"{request.method} {request.url}", f"{request.method} *", "*"):
        if key in answers:
            script = answers[key]
            break
    else:
        script = {"status": 404}
    if "fault" in script:
        return FAULTS[script["fault"]]
    if script["status"] < 200 and script["status"] != 101:  # informational: the answer itself never comes
        return FAULTS["close"]
    return Response(
        status=script["status"],
        reason="X",
        headers=_headers(script.get("headers", [])),
        body=script.get("body", ""),
    )


def _headers(pairs: list[list[str]]) -> HeaderList:
    return tuple((name, value.replace("{ACCEPT}", accept(KEY))) for name, value in pairs)


def _after(engine: Engine, url: str, case: Case, opening: Verdict) -> Verdict:
    """What followed the 101: the page counts as let in when it gets the first message."""
    answers = case["answers"]
    script = next(iter(answers.values()))
    match script.get("after"):
        case "open":
            return judge_frame(engine, url, Frame(direction="in", type="text", data=script["body"]))
        case "masked":
            return judge_frame(engine, url, Frame(direction="in", type="text", data="0{}", masked=True))
        case "http":
            return judge_frame(engine, url, Frame(direction="in", type="raw", data="HTTP/1.1 400 X"))
    return Verdict(allowed=False)
