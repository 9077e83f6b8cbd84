"""The page's own Content-Security-Policy keeps its requests back."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Browser, Document, Exchange, HeaderCheck, Transport, Verdict
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.page import NAMES
from sio_doctor.standards import csp

Forbidden = dict[Browser, Verdict]


@rule("SIO850", "csp-connect-src", "The page's Content-Security-Policy does not list the server", Rung.PAGE)
def csp_connect_src(case: Case) -> Iterable[Hit]:
    """The `connect-src` of the page's own policy (or its `default-src`, where it has none) does not let it connect.

    **What it means.** The browser refuses before anything is sent. The policy comes with the page, in its
    Content-Security-Policy header or a `meta` element; the Socket.IO server has nothing to do with it. `connect-src`
    must list the server twice: `https://host` for polling and `wss://host` for WebSocket, since browsers take neither
    for the other. With several policies each must let it through. `'self'` covers the page's own host and port by
    both; Safari before 15.4 did not take it for WebSockets. `*.example.com` does not cover `example.com`, a source
    without a port is the default port, a path is exact unless it ends in a slash.

    **How it is told.** `check --page URL` reads the page: both headers and the `meta` elements in its head. What a
    redirect of the server leads to must be listed as well.

    **What it is not.** A policy that is only reported (`Content-Security-Policy-Report-Only`) blocks nothing. A
    policy that a script adds later, or one of the frame's ancestors, is not seen.
    """
    transports = case.plan.client.transports
    forbidden = {transport: found for transport in transports if (found := _forbidden(case, transport))}
    if transports[0] in forbidden:
        yield _hit(case, forbidden, forbidden[transports[0]])._replace(severity="error")
    elif forbidden and _may_change(case):
        yield _hit(case, forbidden, forbidden[transports[1]])._replace(severity="warning", rung=Rung.UPGRADE)


def _hit(case: Case, forbidden: dict[Transport, Forbidden], chief: Forbidden) -> Hit:
    document, verdict, number = case.document, next(iter(chief.values())), case.visit[-1].id
    assert document is not None  # it is what forbids
    https, wss = csp.listed(case.plan.target.url)
    servers: dict[Transport, str] = {"polling": https, "websocket": wss}
    needed = [servers[transport] for transport in forbidden]
    spared = [servers[transport] for transport in case.plan.client.transports if transport not in forbidden]
    found = verdict.found or ""
    message = (
        f"The page {document.url.partition('?')[0]} has a Content-Security-Policy ({_place(document, found)}) that "
    )
    message += f'does not let it connect to {" or ".join(needed)}: it says "{found}".'
    if found.startswith("default-src"):
        message += " It has no connect-src, so default-src stands for it."
    if verdict.stage == "redirect":
        message += f" {verdict.reason}"
    elif spared:
        message += f" It does list {spared[0]}: " + (
            "for polling that is enough, and the WebSocket is refused before it is opened."
            if "websocket" in forbidden
            else "a WebSocket may be opened, but the client begins by polling, and that is refused."
        )
    else:
        message += " The browser sends nothing at all."
    if set(chief) != set(case.plan.browsers):
        message += f" That holds in {' and '.join(NAMES[browser] for browser in chief)}; the others read it otherwise."
    wanted = HeaderCheck(
        header="Content-Security-Policy", needed=f"connect-src {' '.join(needed)}", found=found, exchange=number
    )
    return Hit(message, (document.origin,), tuple(chief), headers=(wanted,), exchanges=(number,))


@rule("SIO851", "csp-upgrade-insecure", "The page's Content-Security-Policy turns http into https", Rung.PAGE)
def csp_upgrade_insecure(case: Case) -> Iterable[Hit]:
    """The policy has `upgrade-insecure-requests`, and the server does not speak https.

    **What it means.** Whatever address the page's code has, the browser asks by `https://` and `wss://`, on the same
    port. helmet's default policy has that directive. Give the server a certificate, or leave the directive out.
    Chromium and Firefox make an exception for `localhost` and `127.0.0.1` (Firefox for WebSockets only where the page
    is there as well); Safari makes none, so a development machine works in Chrome and not in Safari.

    **How it is told.** `check --page URL` reads the page; the server is asked as each browser would ask it.

    **What it is not.** Mixed content: with this directive nothing is blocked for being insecure.
    """
    document, asked = case.document, list(case.all("handshake", "websocket", "upgrade"))
    insecure = case.plan.target.url.startswith("http:")
    failed = [one for one in asked if one.failure is not None and _is_secure(one)]
    answered = any(one.response is not None for one in asked if not _is_secure(one))
    if document is None or not (insecure and failed and answered):
        return
    browsers = tuple(
        outcome.browser
        for outcome in case.outcomes_of(document.origin)
        if "network-error" in (outcome.polling.code, outcome.websocket.code)
    )
    if browsers:
        verb = "asks" if len(browsers) == 1 else "ask"
        message = f"The policy of the page {document.url.partition('?')[0]} has upgrade-insecure-requests, so "
        message += f"{' and '.join(NAMES[browser] for browser in browsers)} {verb} "
        message += f"{failed[0].request.url.partition('?')[0]} instead, and nothing there speaks TLS."
        yield Hit(message, (document.origin,), browsers, exchanges=(failed[0].id,))


def _forbidden(case: Case, transport: Transport) -> Forbidden:
    """The browsers in which the page's policy forbids that transport, and how."""
    found: Forbidden = {}
    for outcome in case.met:
        verdict = outcome.polling if transport == "polling" else outcome.websocket
        if verdict.code == "csp":
            found[outcome.browser] = verdict
    return found


def _may_change(case: Case) -> bool:
    """The server offers to go on over a WebSocket, or nobody knows."""
    return case.open is None or "websocket" in case.open.upgrades or not case.polls


def _place(document: Document, directive: str) -> str:
    """Where the policy stands that has this directive."""
    for one in document.csp:
        parsed = csp.parse_policies(one.text, meta=one.source == "meta")
        if one.enforced and any(policy.connecting and policy.connecting.text in directive for policy in parsed):
            return "a meta element" if one.source == "meta" else "its header"
    return "its header"


def _is_secure(exchange: Exchange) -> bool:
    return exchange.request.url.startswith(("https:", "wss:"))
