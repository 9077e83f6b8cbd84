"""Strikes secrets out of a report: each becomes one stable placeholder, wherever it occurs.

Secrets are the values of Authorization, cookies and headers that carry keys, tokens in a query, the auth payload, and
session ids. Cookie names and attributes stay: they are what a diagnosis needs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote_plus

import msgspec

from sio_doctor.model import Confirmed, Direct, Evidence, Exchange, Plan, Report
from sio_doctor.standards import engineio, socketio

_SECRET_NAME = re.compile(r"auth|token|secret|key|passw|session|sid$|jwt|signature|credential|cookie", re.IGNORECASE)
#: Response headers that carry one; the plain ``key`` above would take Sec-WebSocket-Accept's relatives along.
_SECRET_ANSWER = re.compile(r"token$|secret|api-?key|^authorization$|^authentication-info$", re.IGNORECASE)
_QUERY_PAIR = re.compile(r"[?&#]([^=&#\s]+)=([^&#\s\"'<>]+)")
#: What stands between the parts of a header's value.
_PART = re.compile(r"[\s;,]+|(?<=\w)=(?=[^=])")
#: Shorter ones are no secrets, and would be found in the middle of words.
_SHORTEST = 6
#: Fields whose values are the contract's own words or names; a hostile sid must not rewrite them.
_OWN_WORDS = frozenset(
    {"tool", "started", "browser", "browsers", "transport", "transports", "upgrades", "code", "slug", "severity"}
    | {"direction", "kind", "phase", "purpose", "method", "methods", "framing", "language", "side", "stack", "type"}
    | {"stage", "step", "detail", "version", "http_version", "origin", "origins", "title", "header", "body_encoding"}
)
#: What is written without the server's words, so that no sid or cookie is struck out of it.
_FROM_PLAN = frozenset({"target", "client", "network", "fixes"})

#: What to strike out, and what to put there.
Secrets = dict[str, str]


def redact(report: Report, plan: Plan) -> Report:
    """The report with every secret replaced by its placeholder."""
    own = _of_plan(plan)
    behind = report.direct.exchanges if report.direct is not None else ()
    # A real browser was led to URLs of its own.
    confirmed = tuple(outcome.confirmed for outcome in report.outcomes if outcome.confirmed)
    # Of two placeholders for one secret the plan's is kept: it says which option it came from.
    secrets = {**_of_server((*report.exchanges, *behind), confirmed), **own}
    if not secrets:
        return report
    # One exchange after the other: a server can make them large, and on the way each is there three times.
    whole = msgspec.structs.replace(report, exchanges=(), direct=_without_exchanges(report.direct))
    struck = msgspec.convert(_strike(msgspec.to_builtins(whole), secrets, own), Report)
    exchanges = tuple(_exchange(exchange, secrets, own) for exchange in report.exchanges)
    if report.direct is None or struck.direct is None:
        return msgspec.structs.replace(struck, exchanges=exchanges)
    behind = tuple(_exchange(exchange, secrets, own) for exchange in behind)
    return msgspec.structs.replace(
        struck, exchanges=exchanges, direct=msgspec.structs.replace(struck.direct, exchanges=behind)
    )


def _without_exchanges(direct: Direct | None) -> Direct | None:
    return None if direct is None else msgspec.structs.replace(direct, exchanges=())


def _exchange(exchange: Exchange, secrets: Secrets, own: Secrets) -> Exchange:
    return msgspec.convert(_strike(msgspec.to_builtins(exchange), secrets, own), Exchange)


def _strike(value: Any, secrets: Secrets, own: Secrets) -> Any:
    if isinstance(value, str):
        return _struck(value, secrets)
    if isinstance(value, dict):
        struck = {key: _field(key, item, secrets, own) for key, item in value.items()}
        if value.get("body_encoding") == "base64":
            struck["body"] = _struck_base64(value["body"], secrets)
        if value.get("type") == "binary" and "direction" in value:
            struck["data"] = _struck_base64(value["data"], secrets)
        return struck
    if isinstance(value, list | tuple):
        return [_strike(item, secrets, own) for item in value]
    return value


def _field(key: str, value: Any, secrets: Secrets, own: Secrets) -> Any:
    if key in _OWN_WORDS:
        return value
    if key in _FROM_PLAN:
        return _strike(value, own, own)
    if key == "headers":  # pairs: names are no secrets; or the checks of a finding
        return [
            _strike(item, secrets, own) if isinstance(item, dict) else [item[0], _struck(item[1], secrets)]
            for item in value
        ]
    return _strike(value, secrets, own)


def _struck(text: str, secrets: Secrets) -> str:
    """At once, the longest first: what was put there is not struck again."""
    if len(text) < _SHORTEST:
        return text
    found = sorted((secret for secret in secrets if secret in text), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, found)), lambda match: secrets[match[0]], text) if found else text


def _struck_base64(body: str, secrets: Secrets) -> str:
    """Engine.IO 3's binary framing, and other bytes that are no UTF-8, may hold secrets as well."""
    text = base64.b64decode(body).decode("utf-8", "surrogateescape")
    struck = _struck(text, secrets)
    return body if struck == text else base64.b64encode(struck.encode("utf-8", "surrogateescape")).decode()


def _of_plan(plan: Plan) -> Secrets:
    """The person's secrets, and those in the URLs that were pasted."""
    found: Secrets = {}
    for number, (name, value) in enumerate(plan.client.extra_headers, 1):
        if name.lower() == "authorization":
            _add(found, value, "$AUTHORIZATION")
        if _SECRET_NAME.search(name):
            # Behind "Bearer " or "name=": a server may say that part alone.
            for part in (value, *_PART.split(value)[1:]):
                _add(found, part, f"<secret {number}>")
    tokens = [value for name, value in plan.target.query if _SECRET_NAME.search(name)]
    tokens += [token for text in (*plan.notes, plan.page or "") for token in _tokens(text)]
    for number, token in enumerate(dict.fromkeys(tokens), 1):
        _add(found, token, f"<token {number}>")
    for number, (name, value) in enumerate(plan.client.cookies, 1):
        placeholder = f"<own cookie {number}>"
        _add(found, value, placeholder)
        _add(found, f"{name}={value}", f"{name}={placeholder}")  # in a Cookie header even a short one is known for one
    if userinfo := (plan.network.proxy or "").partition("://")[2].rpartition("@")[0]:
        _add(found, userinfo, "<proxy credentials>")
    if plan.client.auth:
        _add(found, plan.client.auth, "<auth 1>")
        for number, text in enumerate(_leaves(socketio.json(plan.client.auth)), 2):
            _add(found, text, f"<auth {number}>")
    return found


def _of_server(exchanges: tuple[Exchange, ...], confirmed: tuple[Confirmed, ...] = ()) -> Secrets:
    """What the server handed out: session ids, cookies, tokens."""
    found: Secrets = {}
    for number, sid in enumerate(dict.fromkeys(sid for exchange in exchanges for sid in _sids(exchange)), 1):
        _add(found, sid, f"<sid {number}>")
    cookies = dict.fromkeys(cookie for exchange in exchanges for cookie in _cookies(exchange))
    for number, cookie in enumerate(cookies, 1):
        _add(found, cookie, f"<cookie {number}>")
    handed = [token for exchange in exchanges for token in _handed_out(exchange)]
    handed += [token for one in confirmed for token in _printed(one)]
    for number, token in enumerate(dict.fromkeys(handed), 1):
        _add(found, token, f"<server token {number}>")
    return found


def _add(found: Secrets, secret: str, placeholder: str) -> None:
    """As it is, as it stands in a URL and means there, and as it stands in JSON."""
    for form in (secret, quote(secret, safe="~()*!'", errors="replace"), unquote_plus(secret), _in_json(secret)):
        if len(form) >= _SHORTEST:
            found.setdefault(form, placeholder)


def _in_json(text: str) -> str:
    return msgspec.json.encode(text.encode(errors="replace").decode()).decode()[1:-1]


def _leaves(value: Any) -> Iterator[str]:
    """The strings and numbers in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)


def _tokens(text: str) -> Iterator[str]:
    """The values of the secrets in the queries of URLs, as they stand there; Engine.IO's sid is none of them."""
    for name, value in _QUERY_PAIR.findall(text):
        if _SECRET_NAME.search(name) and name != "sid":
            yield value


def _handed_out(exchange: Exchange) -> Iterator[str]:
    yield from _tokens(exchange.request.url)
    for name, value in exchange.response.headers if exchange.response else ():
        if name.lower() in ("location", "refresh", "link"):
            yield from _tokens(value)
        elif _SECRET_ANSWER.search(name):
            yield value


def _printed(confirmed: Confirmed) -> Iterator[str]:
    for line in (*confirmed.console, *confirmed.differences):
        for token in _tokens(line):
            # Firefox puts a URL between typographic quotes, or a full stop behind it.
            yield token.rstrip(".’”")


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


# --- evidence that is passed on --------------------------------------------------------------------------------------

#: Words of Engine.IO's URLs and packets, and of HTTP.
_PROTOCOL = "EIO=4&transport=polling&t= websocket upgrades pingInterval pingTimeout maxPayload message headers origins "


def redact_evidence(evidence: Evidence) -> Evidence:
    """The evidence with every secret replaced, so that it can be passed on: the report on it is the same.

    What stands there instead is as long as the secret was (Engine.IO 3 counts characters) and safe in a URL, and is
    struck out of the report as the secret would be.
    """
    behind = evidence.direct.exchanges if evidence.direct is not None else ()
    # A hostile sid that is a word of the protocol or of the plan is no secret, and would rewrite what is asked.
    common = _PROTOCOL + msgspec.json.encode(evidence.plan).decode()
    handed = _of_server((*evidence.exchanges, *behind))
    own = _of_plan(evidence.plan)
    found = {secret: name for secret, name in handed.items() if secret not in common} | own
    tokens: dict[str, str] = {}
    for secret, placeholder in found.items():
        tokens.setdefault(placeholder, _stand_in(placeholder, secret))
    secrets = {secret: tokens[placeholder] for secret, placeholder in found.items()} | _kept_apart(
        evidence.plan, own, tokens
    )
    if not secrets:
        return evidence
    struck = msgspec.convert(_strike(msgspec.to_builtins(evidence), secrets, secrets), Evidence)
    if struck.direct is not None:
        struck = msgspec.structs.replace(struck, direct=_named_cookies(struck.direct, secrets, evidence.plan))
    return _named_cookies(struck, secrets, evidence.plan)


def _stand_in(placeholder: str, secret: str) -> str:
    """``sid1xxxx…`` for ``<sid 1>``; for a number one as long; a cookie keeps its name."""
    name, separator, kind = placeholder.rpartition("=")
    if secret.isdecimal():
        return re.sub(r"\D", "", kind).ljust(len(secret), "0")
    letters = re.sub(r"[^a-z]", "", kind.lower())[:3] + re.sub(r"\D", "", kind)
    return name + separator + letters.ljust(len(secret) - len(name) - len(separator), "x")


def _kept_apart(plan: Plan, own: Secrets, tokens: Secrets) -> Secrets:
    """Values of several parts, and the auth payload, keep their form: each part of them is replaced by itself."""
    kept: Secrets = {}
    for _, value in plan.client.extra_headers:
        if value in own and len(parts := _PART.split(value)) > 1:
            struck, rest = parts[0], value[len(parts[0]) :]
            for part in parts[1:]:
                before, _, rest = rest.partition(part)
                struck += before + (tokens[own[part]] if part in own else "x" * len(part))
            kept[value] = struck
    if plan.client.auth in own:
        leaves = {form: name for form, name in own.items() if form in plan.client.auth and form != plan.client.auth}
        if leaves:
            kept[plan.client.auth] = _struck(plan.client.auth, {form: tokens[leaves[form]] for form in leaves})
    return kept


def _named_cookies(evidence: Evidence, secrets: Secrets, plan: Plan) -> Evidence:
    """Its plan's own cookies, where even a short value is known for one by its name."""
    cookies = tuple(
        (name, secrets.get(f"{name}={value}", value).removeprefix(f"{name}=")) for name, value in plan.client.cookies
    )
    client = msgspec.structs.replace(evidence.plan.client, cookies=cookies)
    return msgspec.structs.replace(evidence, plan=msgspec.structs.replace(evidence.plan, client=client))
