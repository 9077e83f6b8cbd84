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
        verdict, lines, requests = _play(engine, page, case)
    except ValueError:  # it is no URL: open() and the constructor throw
        lines = tuple(websocket_no_url(engine, page.url, asked["url"]) if asked.get("websocket") else ())
        return {"allowed": False, "requests": [], "console": list(lines)}
    sent = [{"method": one.method, "url": one.url, "headers": _sent(one.headers)} for one in requests]
    return {"allowed": verdict.allowed, "requests": sent, "console": _kept(lines, case, browser, verdict)}


def _play(engine: Engine, page: Page, case: Case) -> tuple[Verdict, tuple[str, ...], list[Request]]:
    asked = case["request"]
    if not asked.get("websocket"):
        fetched, requests = drive(xml_http_request(engine, page, _call(asked)), case["answers"])
        return fetched.verdict, fetched.verdict.console, requests
    opening, requests = drive(open_websocket(engine, page, asked["url"]), case["answers"])
    if not opening.allowed:
        return opening, opening.console, requests
    verdict = _after(engine, requests[-1].url, case, opening)
    return verdict, (*opening.console, *verdict.console), requests


def _sent(headers: HeaderList) -> dict[str, str]:
    """As the server reads them."""
    return {name: value.strip(" \t") for name, value in headers}


def _kept(lines: tuple[str, ...], case: Case, browser: str, verdict: Verdict) -> list[str]:
    """Those lines that were written down: in Chromium and Firefox, the ones that name the case's URL.

    Chromium keeps the URL of ``Failed to load resource`` beside the line: where a redirect to another scheme is
    refused, it is that of the target.
    """
    name = case["id"]
    if browser == "chromium":  # this one names no URL
        lines = tuple(line for line in lines if not line.startswith("Refused to set unsafe header"))
    if (
        browser == "chromium"
        and verdict.stage == "redirect"
        and verdict.code == "redirect-scheme"
        and name not in (verdict.found or "")
    ):
        return [line for line in lines if name in line or (line.startswith("Failed") and "ERR_FAILED" not in line)]
    return [line for line in lines if name in line] if browser == "firefox" else list(lines)


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
    """The header list that comes of those lines: a line feed in a value ends a line, a blank goes on with the last."""
    headers: list[tuple[str, str]] = []
    for pair in pairs:
        for line in ": ".join(pair).replace("{ACCEPT}", accept(KEY)).replace("\r\n", "\n").split("\n"):
            if line.startswith((" ", "\t")) and headers:
                name, value = headers.pop()
                headers.append((name, f"{value} {line.strip()}".strip(" \t")))
            else:
                name, colon, value = line.partition(":")
                headers += [(name, value)] if colon else []
    return tuple(headers)


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
