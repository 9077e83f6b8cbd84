"""A page's WebSocket, as each browser opens it and reads what comes.

https://websockets.spec.whatwg.org/#concept-websocket-establish · https://www.rfc-editor.org/rfc/rfc6455
"""

from __future__ import annotations

from collections.abc import Generator

from msgspec.structs import replace

from sio_doctor.browser import console
from sio_doctor.browser.cookies import Jar
from sio_doctor.browser.network import as_received, on_the_wire
from sio_doctor.browser.request import Page, forbidding, is_mixed_content, upgraded
from sio_doctor.browser.table import Engine
from sio_doctor.browser.verdict import csp_reason, csp_step
from sio_doctor.model import Answer, Frame, HeaderList, NoResponse, Request, Response, Verdict
from sio_doctor.standards import url as urls
from sio_doctor.standards.url import Url
from sio_doctor.standards.websocket import KEY, HandshakeFault, accept, handshake_faults

_REASONS: dict[str, str] = {
    "status": "The server answered the WebSocket handshake with status {status} instead of 101.",
    "upgrade-missing": "The answer to the WebSocket handshake has no Upgrade header.",
    "upgrade-wrong": "The answer to the WebSocket handshake has an Upgrade header that does not say websocket.",
    "upgrade-multiple": "The answer to the WebSocket handshake has several Upgrade headers.",
    "connection-missing": "The answer to the WebSocket handshake has no Connection header.",
    "connection-wrong": "The answer to the WebSocket handshake has a Connection header that does not say Upgrade.",
    "accept-missing": "The answer to the WebSocket handshake has no Sec-WebSocket-Accept header.",
    "accept-wrong": "The answer to the WebSocket handshake has a Sec-WebSocket-Accept that is not that of the key.",
    "accept-multiple": "The answer to the WebSocket handshake has several Sec-WebSocket-Accept headers.",
    "extension": "The answer to the WebSocket handshake turns on an extension that was not offered.",
    "protocol": "The answer to the WebSocket handshake chooses a subprotocol that was not offered.",
}
_HEADERS = {
    "upgrade": "Upgrade",
    "connection": "Connection",
    "accept": "Sec-WebSocket-Accept",
    "extension": "Sec-WebSocket-Extensions",
    "protocol": "Sec-WebSocket-Protocol",
}


def open_websocket(
    engine: Engine, page: Page, url: str, *, key: str = KEY, cookies: Jar | None = None
) -> Generator[Request, Answer, Verdict]:
    """Opens it: yields the one request, with Sec-WebSocket-Key, Origin and Cookie, and judges the answer.

    It always has credentials, so what cookies go with it their sites decide. Every handshake carries the same key
    unless told otherwise, so that what was recorded replays. CORS headers do not matter here, and no redirect is
    followed. ValueError where the URL is none.
    """
    target = upgraded(engine, page, websocket_url(url, urls.parse(page.url)))
    verdict = yield from _establish(engine, page, target, key, cookies)
    warning = console.mixed_content_warning(engine, page.url, target)
    return replace(verdict, console=(*warning, *verdict.console))


def _establish(
    engine: Engine, page: Page, target: Url, key: str, cookies: Jar | None
) -> Generator[Request, Answer, Verdict]:
    # Main fetch, 7. The page's policy, mixed content and bad ports are looked at as for any fetch; for the second, and
    # in Firefox and WebKit for the first, the constructor throws.
    if engine.enforces and (directives := forbidding(engine, page, target)):
        return Verdict(
            allowed=False,
            code="csp",
            reason=csp_reason(directives, target),
            step=csp_step(directives),
            stage="url",
            header="Content-Security-Policy",
            needed=urls.origin_of(target),
            found=", ".join(directive.text for directive in directives),
            console=tuple(console.blocked_by_policy(engine, target, directives)),
        )
    bad_port = target.effective_port in engine.bad_ports
    mixed = is_mixed_content(engine, urls.parse(page.url), target)
    if engine.enforces and mixed and not (bad_port and engine.ports_before_mixed_content):
        shown = urls.serialize(target, credentials=False, fragment=False)
        return Verdict(
            allowed=False,
            code="mixed-content",
            reason=f"A page over https may not open {shown}, which is not over wss.",
            step="Fetch, main fetch, step 7 (Mixed Content)",
            stage="url",
            console=tuple(console.websocket_mixed_content(engine, page.url, target)),
        )
    if engine.enforces and bad_port:
        return Verdict(
            allowed=False,
            code="bad-port",
            reason=f"Browsers refuse to connect to port {target.effective_port}.",
            step="Fetch, main fetch, step 7 (bad port)",
            stage="url",
            console=tuple(console.websocket_failed(engine, target, "bad-port")),
        )
    answer = yield Request(
        method="GET",
        url=on_the_wire(engine, target),
        headers=_headers(page, key, cookies.header(target) if cookies is not None else None),
        credentials=True,
    )
    if cookies is not None and isinstance(answer, Response):
        cookies.store(target, answer)
    answer = as_received(engine, target, "GET", answer)
    if isinstance(answer, NoResponse):
        return _no_answer(engine, target, answer)
    found = handshake_faults(
        answer,
        key,
        separators=engine.handshake_separators,
        extensions=engine.extensions,
        last_accept_counts=engine.last_accept_counts,
    )
    faults = [fault for fault in found if fault not in engine.ignored_handshake_faults]
    if not faults:
        return Verdict(allowed=True)
    first = min(faults, key=lambda fault: engine.handshake_checks.index(fault.partition("-")[0]))
    return _refused(engine, target, answer, first, key)


def websocket_url(url: str, base: Url | None = None) -> Url:
    """The URL that the constructor makes of it, on a page at ``base``: http(s) becomes ws(s). ValueError if none.

    https://websockets.spec.whatwg.org/#dom-websocket-websocket
    """
    target = urls.parse(url, base)
    scheme = {"http": "ws", "https": "wss"}.get(target.scheme, target.scheme)
    if scheme not in ("ws", "wss"):
        raise ValueError(f"{url!r} is no URL of a WebSocket.")
    if target.fragment is not None:
        raise ValueError(f"{url!r} is no URL of a WebSocket: it has a fragment.")
    return replace(target, scheme=scheme)


def judge_frame(engine: Engine, url: str, frame: Frame) -> Verdict:
    """Does an incoming frame reach the page, or does it fail the connection? https://www.rfc-editor.org/rfc/rfc6455#section-5.1"""
    masked = frame.masked and not engine.accepts_masked_frames
    if not engine.enforces or (frame.type != "raw" and not masked):
        return Verdict(allowed=True)
    reason = "The server masked a frame." if masked else "What came over the WebSocket is no frame."
    return Verdict(
        allowed=False,
        code="websocket-frame",
        reason=reason,
        step="RFC 6455, section 5.1" if masked else "RFC 6455, section 5.2",
        console=tuple(console.websocket_frame(engine, websocket_url(url), masked)),
    )


def _headers(page: Page, key: str, cookies: str | None) -> HeaderList:
    headers: HeaderList = (("Sec-WebSocket-Key", key), ("Origin", page.origin))
    return headers if cookies is None else (*headers, ("Cookie", cookies))


def _no_answer(engine: Engine, target: Url, answer: NoResponse) -> Verdict:
    if answer.kind == "not-asked":
        return Verdict(allowed=None, code="not-asked", reason=answer.message)
    return Verdict(
        allowed=False,
        code="network-error",
        reason=answer.message,
        step="Fetch, HTTP-network fetch",
        found=answer.kind,
        console=tuple(console.websocket_failed(engine, target, answer)),
    )


def _refused(engine: Engine, target: Url, answer: Response, fault: HandshakeFault, key: str) -> Verdict:
    header = _HEADERS.get(fault.partition("-")[0])
    needed = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept(key)}.get(header or "")
    return Verdict(
        allowed=False,
        code="websocket-handshake",
        reason=_REASONS[fault].format(status=answer.status),
        step="RFC 6455, section 4.1",
        header=header,
        needed="101" if fault == "status" else needed,
        found=str(answer.status) if fault == "status" else answer.get(header or ""),
        console=tuple(console.websocket_failed(engine, target, answer, fault)),
    )
