"""What a browser refuses before anything goes out: the address alone decides."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Browser, Exchange, Severity
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.reach import Place
from sio_doctor.rules.stranger import concerned

NAMES: dict[Browser, str] = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}


@rule("SIO801", "mixed-content", "A page over https may not ask a server over http", Rung.PAGE)
def mixed_content(case: Case) -> Iterable[Hit]:
    """The page was loaded over https, and the server's address is `http://` or `ws://`.

    **What it means.** A secure page may make no insecure request, by XMLHttpRequest or WebSocket; nothing is sent
    at all. Give the server a certificate (or a proxy with one) and use `https://`, or let the page's own host pass
    the handshake path on. Chromium and Firefox make an exception for `localhost` and `127.0.0.1`, Safari does not.

    **How it is told.** From the two addresses; the server is asked by https as well, to say whether that would
    work.

    **What it is not.** An https address that redirects to http (`redirect-www-apex`), or a certificate that is not
    trusted (`tls-untrusted`).
    """
    blocked = _refused(case, "mixed-content")
    if not blocked:
        return
    place = Place(case)
    pages, browsers = tuple(blocked), _browsers(case, blocked)
    names = "browsers" if browsers == case.plan.browsers else " and ".join(NAMES[browser] for browser in browsers)
    message = f"The page {pages[0]} is secure and {case.plan.target.url} is not, so every request to it is blocked by "
    message += f"{names} before anything is sent."
    secure = _by_https(case)
    if secure is None:
        message += " Serve it by https, and use that address in the page."
    elif case.opened(secure) or case.refusal(secure):
        message += " The same port speaks https too: use https:// in the page."
    else:
        message += " Nothing of Socket.IO speaks https on that port: it needs a certificate, or a proxy that has one."
    severity: Severity | None = None
    if place.loopback and browsers != case.plan.browsers:
        # Safari alone refuses a server on loopback, where no user's browser looks: that must not hide what else ails.
        severity = "warning"
    exchanges = (secure.id,) if secure else ()
    yield Hit(message, concerned(case, pages), browsers, exchanges=exchanges, severity=severity)


@rule("SIO802", "unsafe-port", "Browsers refuse this port", Rung.PAGE)
def unsafe_port(case: Case) -> Iterable[Hit]:
    """The server's port is one of those that browsers never connect to.

    **What it means.** The Fetch standard lists ports of other protocols (mail, IRC, X11, SIP …), 6000, 6665 to
    6669, 5060 and 10080 among them; nothing is sent there. Move the server to another port.

    **How it is told.** From the address. curl and other programs connect, which makes it look like CORS.

    **What it is not.** A port on which nothing listens (`server-refused`).
    """
    blocked = _refused(case, "bad-port")
    if blocked:
        place = Place(case)
        message = (
            f"Browsers connect to no server on port {place.port}: it is on the Fetch standard's list of bad ports."
        )
        message += f" Other programs do, so {place.host} may well work for curl. Use another port."
        yield Hit(message, concerned(case, tuple(blocked)), _browsers(case, blocked))


def _refused(case: Case, code: str) -> dict[str, set[Browser]]:
    """The chosen pages whose very first request is refused by that check, and by which browsers."""
    refused: dict[str, set[Browser]] = {}
    for outcome in case.outcomes:
        verdict = outcome.polling if case.polls else outcome.websocket
        # The stand-in's scheme was nobody's choice; and what happens behind a redirect is the redirect's finding.
        if outcome.origin in case.plan.origins and verdict.code == code and verdict.stage == "url":
            refused.setdefault(outcome.origin, set()).add(outcome.browser)
    return refused


def _browsers(case: Case, blocked: dict[str, set[Browser]]) -> tuple[Browser, ...]:
    return tuple(browser for browser in case.plan.browsers if any(browser in members for members in blocked.values()))


def _by_https(case: Case) -> Exchange | None:
    for exchange in case.all("other-scheme"):
        if exchange.request.url.startswith("https:"):
            return exchange
    return None
