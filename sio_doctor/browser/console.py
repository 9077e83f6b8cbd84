"""What each browser's console gets, word for word, as measured (tests/truth).

What the corpus lacks (names that do not resolve, certificates) is worded after the engines' own sources; Safari's lines
for it are Apple's, not WebKitGTK's.
"""

from __future__ import annotations

from sio_doctor.browser import console_chromium, console_firefox, console_webkit
from sio_doctor.browser.request import Hop, Refusal
from sio_doctor.browser.table import Engine
from sio_doctor.model import NoResponse, Response
from sio_doctor.standards import mixed_content
from sio_doctor.standards import url as urls
from sio_doctor.standards.csp import Directive
from sio_doctor.standards.url import Url

_LINES = {"chromium": console_chromium.lines, "firefox": console_firefox.lines, "webkit": console_webkit.lines}


def lines(refusal: Refusal) -> list[str]:
    """What is printed for a refusal. A timeout and what was not asked print nothing, nor does a client that is none."""
    silent = refusal.code == "not-asked" or (refusal.failure is not None and refusal.failure.kind == "timeout")
    # setRequestHeader and open throw instead: the exception is the page's to print.
    thrown = refusal.stage == "url" and refusal.code in ("bad-header", "method-not-allowed")
    if refusal.code == "csp":
        return blocked_by_policy(
            refusal.fetch.engine, refusal.hop.url, refusal.directives, redirected=refusal.stage == "redirect"
        )
    write = _LINES.get(refusal.fetch.engine.name)
    return [] if silent or thrown or write is None else write(refusal)


def blocked_by_policy(
    engine: Engine, url: Url, directives: tuple[Directive, ...], *, redirected: bool = False
) -> list[str]:
    """What is printed where policies of the page forbid a connection: a line for each. Measured on 2026-11-24."""
    match engine.name:
        case "chromium":
            return [console_chromium.blocked_by_policy(url, directive) for directive in directives]
        case "firefox":
            return [console_firefox.blocked_by_policy(url, directive) for directive in directives]
        case "webkit":
            return console_webkit.blocked_by_policy(url, directives, redirected)
    return []


def refused_header(engine: Engine, name: str) -> list[str]:
    """What setRequestHeader prints for a forbidden name.

    Firefox prints one too; the corpus, which kept only lines that name the URL, does not show it.
    """
    return [f'Refused to set unsafe header "{name}"'] if engine.name in ("chromium", "webkit") else []


def authorization_warning(engine: Engine, hop: Hop) -> list[str]:
    """What is printed where only ``Access-Control-Allow-Headers: *`` covers Authorization, and the request goes on."""
    return [console_firefox.authorization_warning(hop)] if engine.name == "firefox" else []


def mixed_content_warning(engine: Engine, page_url: str, url: Url) -> list[str]:
    """What is printed for a private address by http on an https page, where that is let pass."""
    passes = not engine.private_is_mixed_content and mixed_content.should_be_blocked(urls.parse(page_url), url)
    if not passes or not mixed_content.names_private_network(url):
        return []
    return [console_chromium.mixed_content_warning(page_url, url)]


def bad_status(engine: Engine, response: Response) -> list[str]:
    """What is printed for a readable answer that is an error."""
    return console_chromium.bad_status(response) if engine.name == "chromium" else []


def websocket_mixed_content(engine: Engine, page_url: str, url: Url) -> list[str]:
    """A ``ws`` URL from an https page. Firefox throws without a line."""
    if engine.name == "chromium":
        return [console_chromium.websocket_mixed_content(page_url, url)]
    return [console_webkit.blocked_content(page_url, url)] if engine.name == "webkit" else []


def websocket_no_url(engine: Engine, page_url: str, url: str) -> list[str]:
    """What is no URL of a WebSocket: the constructor throws."""
    return [console_webkit.websocket_no_url(url, page_url)] if engine.name == "webkit" else []


def websocket_failed(engine: Engine, url: Url, why: Response | NoResponse | str, fault: str = "") -> list[str]:
    """An opening handshake that failed: the answer and its fault, no answer, or ``bad-port``."""
    if isinstance(why, NoResponse) and why.kind in ("timeout", "not-asked"):
        return []
    match engine.name:
        case "chromium":
            return [console_chromium.websocket_failed(url, why, fault)]
        case "firefox":
            return [console_firefox.websocket_failed(url)]
        case "webkit":
            return [console_webkit.websocket_failed(url, why, fault)]
    return []


def websocket_given_up(engine: Engine, url: Url) -> list[str]:
    """The page closes a WebSocket whose handshake has not been answered."""
    return [console_chromium.websocket_given_up(url)] if engine.name == "chromium" else []


def websocket_frame(engine: Engine, url: Url, masked: bool) -> list[str]:
    """A frame that broke the connection: a masked one, or bytes that are none."""
    if engine.name == "chromium":
        return [console_chromium.websocket_frame(url, masked)]
    return [console_webkit.websocket_masked(url)] if engine.name == "webkit" and masked else []
