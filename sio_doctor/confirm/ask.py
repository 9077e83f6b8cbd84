"""Asks a real browser what was predicted: from a page of each origin, the same requests, and how it differs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from msgspec.structs import replace

from sio_doctor.browser.client import PATIENCE, V2_SERVER
from sio_doctor.browser.session import polling_url, websocket_url
from sio_doctor.confirm.chromium import chromium
from sio_doctor.confirm.find import BrowserError, Family, Found
from sio_doctor.confirm.firefox import firefox
from sio_doctor.confirm.page import Browser, Page, served_page
from sio_doctor.model import Confirmed, Connection, Document, Plan, Transport
from sio_doctor.standards import socketio

#: Seconds without a line after which the console has got all it will get.
QUIET = 0.3

#: What differs from run to run: t and sid, and what a server that redirects puts into its URL.
_VALUE = re.compile(r"(?<=[?&])([^=&'’\s]+)=[^&'’\s]*")
_SID = re.compile(r"(?<=[?&]sid=)[^&'’\s]*[^&'’\s.]")
#: Lines that the prediction leaves out, about what is worth knowing and changes nothing.
_LEFT_OUT = (
    "Refused to set unsafe header",
    "Attempt to set a forbidden header was denied",
    "Cookie “",
    "Connecting to a non-secure WebSocket server from a secure origin is deprecated.",
)
#: Lines that Firefox prints and does not tell of.
_NOT_TOLD = "Cross-Origin Request Warning"
#: What Firefox says of a WebSocket that breaks as soon as it is open: one of these or nothing, as it happens.
_BY_CHANCE = ("Firefox can’t establish a connection to the server at ws", "The connection to ws")


def confirm(
    plan: Plan,
    outcomes: tuple[Connection, ...],
    family: Family,
    found: Found,
    progress: Callable[[str], None],
    document: Document | None = None,
) -> tuple[tuple[Connection, ...], tuple[str, ...]]:
    """The outcomes, those of that browser with what it really did; and notes on how it was asked, or why it was not.
    A page of the document's origin gets the document's policies.

    The browser has ``plan.deadline`` seconds from its start on for all of it.
    """
    notes: list[str] = []
    confirmed = list(outcomes)
    asked: list[str] = []
    until = time.monotonic() + plan.deadline
    progress(f"starting {found.path}")
    try:
        with _running(family, found, until) as browser:
            for number, outcome in enumerate(outcomes):
                if outcome.browser == family:
                    progress(f"asking {browser.version} on a page of {outcome.origin}")
                    confirmed[number] = replace(outcome, confirmed=_ask(browser, plan, outcome, document))
                    asked.append(browser.version)
    except (BrowserError, OSError, ValueError) as error:
        notes.append(f"{found.name} could not be asked{' about everything' if asked else ''}: {error}")
    if asked:
        notes.append(
            f"{asked[0]} was asked as if the server had a public address: what Local Network Access would ask the "
            "person is left out."
        )
    return tuple(confirmed), tuple(notes)


@contextmanager
def _running(family: Family, found: Found, until: float) -> Iterator[Browser]:
    if family == "chromium":
        with chromium(found, until) as browser:
            yield browser
    else:
        with firefox(found, until) as other:
            yield other


def _ask(browser: Browser, plan: Plan, outcome: Connection, document: Document | None) -> Confirmed:
    transports = plan.client.transports
    with browser.page(*served_page(outcome.origin, document)) as page:
        attempt, lines = _attempt(page, plan, transports)
        by_itself = {transports[0]: lines}
        # The transport that the attempt did not begin with, by itself.
        other: Transport = "polling" if transports[0] == "websocket" else "websocket"
        alone, by_itself[other] = _attempt(page, plan, (other,))
    did = Confirmed(
        browser=browser.version,
        connects=attempt["connects"],
        transport=attempt["transport"],
        error=attempt["error"],
        polling=_first_known(attempt["polling"], alone["polling"]),
        websocket=_first_known(attempt["websocket"], alone["websocket"]),
        console=tuple(_SID.sub("<sid>", line) for line in lines),
        agrees=None,
    )
    if outcome.connects is None:
        return did
    differences = tuple(_differences(outcome, did, by_itself[other], other))
    return replace(did, agrees=not differences, differences=differences)


def _attempt(page: Page, plan: Plan, transports: tuple[Transport, ...]) -> tuple[dict[str, Any], list[str]]:
    """What came of an attempt with those transports, and what the console got meanwhile."""
    result = page.evaluate(f"({_script()})({json.dumps(_for_script(plan, transports))})")
    return result, [line.text for line in page.lines(quiet=QUIET)]


def _script() -> str:
    return files("sio_doctor.confirm").joinpath("attempt.js").read_text("utf-8")


def _for_script(plan: Plan, transports: tuple[Transport, ...]) -> dict[str, Any]:
    """The plan as attempt.js reads it."""
    client, namespace = plan.client, plan.target.namespace
    # Client 2 waits for the server's own CONNECT of the root namespace, and sends no auth payload.
    asks = client.version > 2 or namespace != "/"
    return {
        "version": client.version,
        "protocol": client.protocol,
        "transports": transports,
        "try_all_transports": client.try_all_transports,
        "polling": polling_url(plan),
        "websocket": websocket_url(plan),
        "headers": client.extra_headers,
        "credentials": client.with_credentials,
        "namespace": namespace,
        "connect": socketio.connect(namespace, client.auth if client.version > 2 else None) if asks else None,
        "nonce": plan.nonce,
        "patience": PATIENCE,
        "timeout": int(plan.timeout * 1000),
        "v2_server": V2_SERVER,
    }


def _first_known(*answers: bool | None) -> bool:
    return next((answer for answer in answers if answer is not None), False)


def _differences(outcome: Connection, did: Confirmed, alone: list[str], other: Transport) -> Iterator[str]:
    """How the browser did otherwise than was predicted, one sentence each."""
    if did.connects is not outcome.connects or did.transport != outcome.transport:
        yield f"it {_says(did)}, where {_says(outcome)} was predicted"
    elif did.error != outcome.error:
        yield f"connect_error says {did.error!r}, where {outcome.error!r} was predicted"
    for name, done, verdict in (
        ("read the polling handshake", did.polling, outcome.polling),
        ("open a WebSocket", did.websocket, outcome.websocket),
    ):
        if verdict.allowed is not None and done is not verdict.allowed:
            yield f"its page {'can' if done else 'cannot'} {name}, where the opposite was predicted"
    own = outcome.polling if other == "polling" else outcome.websocket
    printed = [(did.console, outcome.console)]
    if own.allowed is not None:  # what is not known predicts no lines
        printed.append((tuple(alone), own.console))
    by_chance = outcome.browser == "firefox" and outcome.websocket.code == "websocket-frame"
    for lines, said in printed:
        wanted, got = (_comparable(some, _BY_CHANCE if by_chance else ()) for some in (said, lines))
        if wanted != got:
            yield f"its console got {_quoted(got)}, where {_quoted(wanted)} was predicted"
            break


def _comparable(lines: Iterable[str], by_chance: tuple[str, ...]) -> list[str]:
    """Without what differs from run to run, and what one of the two sides leaves out."""
    return [_VALUE.sub(r"\1=…", line) for line in lines if not line.startswith((*_LEFT_OUT, _NOT_TOLD, *by_chance))]


def _quoted(lines: list[str]) -> str:
    return ", ".join(f"“{line}”" for line in lines) or "nothing"


def _says(did: Confirmed | Connection) -> str:
    return f"connects over {did.transport}" if did.connects else "does not connect"
