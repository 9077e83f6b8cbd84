"""Strikes secrets out of a report: each becomes one stable placeholder, wherever it occurs.

Secrets are the values of Authorization, cookies and headers that carry keys, tokens in the query, the auth payload, and
session ids. Cookie names and attributes stay: they are what a diagnosis needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from sio_doctor.model import Exchange, Plan, Report
from sio_doctor.standards import engineio, socketio

_SECRET_NAME = re.compile(r"auth|token|secret|key|passw|session|sid$|jwt|signature|credential|cookie", re.IGNORECASE)
#: Shorter ones are no secrets, and would be found in the middle of words.
_SHORTEST = 6
#: Fields whose values are the contract's own words or names; a hostile sid must not rewrite them.
_OWN_WORDS = frozenset(
    {
        "tool",
        "started",
        "browser",
        "browsers",
        "transport",
        "transports",
        "upgrades",
        "code",
        "slug",
        "severity",
        "type",
    }
    | {"direction", "kind", "phase", "purpose", "method", "framing", "language", "side", "stack", "body_encoding"}
    | {"stage", "step", "detail", "version", "http_version", "origin", "origins", "title"}
)


def redact(report: Report, plan: Plan) -> Report:
    """The report with every secret replaced by its placeholder."""
    secrets = _secrets(report, plan)
    if not secrets:
        return report
    return msgspec.convert(_strike(msgspec.to_builtins(report), secrets), Report)


def _strike(value: Any, secrets: dict[str, str]) -> Any:
    if isinstance(value, str):
        for secret, placeholder in secrets.items():
            value = value.replace(secret, placeholder)
        return value
    if isinstance(value, dict):
        return {key: item if key in _OWN_WORDS else _strike(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strike(item, secrets) for item in value]
    return value


def _secrets(report: Report, plan: Plan) -> dict[str, str]:
    """What to strike out and what to put there, the longest first."""
    found: dict[str, str] = {}

    def add(secret: str, placeholder: str) -> None:
        for form in (secret, quote(secret, safe="~()*!'")):
            if len(form) >= _SHORTEST:
                found.setdefault(form, placeholder)

    for number, (name, value) in enumerate(plan.client.extra_headers, 1):
        if name.lower() == "authorization":
            add(value, "$AUTHORIZATION")
        elif _SECRET_NAME.search(name):
            add(value, f"<secret {number}>")
    for number, (name, value) in enumerate(plan.target.query, 1):
        if _SECRET_NAME.search(name):
            add(value, f"<token {number}>")
    if plan.client.auth:
        add(plan.client.auth, "<auth 1>")
        for number, text in enumerate(_leaves(socketio.json(plan.client.auth)), 2):
            add(text, f"<auth {number}>")
    sids = list(dict.fromkeys(sid for exchange in report.exchanges for sid in _sids(exchange)))
    for number, sid in enumerate(sids, 1):
        add(sid, f"<sid {number}>")
    cookies = list(dict.fromkeys(cookie for exchange in report.exchanges for cookie in _cookies(exchange)))
    for number, cookie in enumerate(cookies, 1):
        add(cookie, f"<cookie {number}>")
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _leaves(value: Any) -> Iterator[str]:
    """The strings in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value


def _sids(exchange: Exchange) -> Iterator[str]:
    response = exchange.response
    if response is None:
        return
    if read := engineio.read_open(response):
        yield read[0].sid
    texts = [frame.data for frame in response.frames if frame.type == "text"]
    texts += response.text.split(engineio.SEPARATOR)
    for text in texts:
        # 40{"sid":…} names the Socket.IO session, 0{"sid":…} the Engine.IO one.
        fields = socketio.json("{" + text.partition("{")[2]) if text[:1] in ("0", "4") else None
        for name in ("sid", "pid"):
            if isinstance(fields, dict) and isinstance(fields.get(name), str):
                yield fields[name]


def _cookies(exchange: Exchange) -> Iterator[str]:
    for line in exchange.response.get_all("set-cookie") if exchange.response else ():
        yield line.partition(";")[0].partition("=")[2].strip()
