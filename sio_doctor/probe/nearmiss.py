"""Where a page is refused: what the server has on its list instead, and whether another route of it has a list."""

from __future__ import annotations

from sio_doctor.model import Exchange, Request
from sio_doctor.probe.aside import ASIDE, NOWHERE, preflight_of, route
from sio_doctor.probe.budget import RESERVE
from sio_doctor.probe.driver import Driver
from sio_doctor.probe.variants import handshakes, variants
from sio_doctor.standards import engineio

#: Variants of the first refused page that are tried, and of each other; where each opens a session; where the budget
#: is low.
VARIANTS, OTHERS, HANDSHAKES, FEW = 16, 8, 12, 7
#: What else is asked beside them or after: of each page a WebSocket, and preflights where it sends headers; what a page
#: that is let in asks; the other scheme; other routes; heartbeats.
_SOCKET, _PREFLIGHTS, _LET_IN, _SCHEME, _ROUTES, _HEARTBEATS = 1, 2, 6, 1, 2, 8
#: Of every page but the first, kept free for what nobody has thought of.
_SLACK = 1


async def near_misses(driver: Driver) -> None:
    """What the server's list has instead of the origin of a refused page: it confesses by letting the variant in.

    Asked by preflight, which opens no session, where the server may answer preflights by the origin: where it answers
    them, where python-socketio refuses the origin, and where Node's Engine.IO refused this one, as it does for whom an
    ``origin`` function refuses. Socket.IO 2 answers every preflight alike, so there a few handshakes tell. Beside that
    another route is asked: where no list is, the web framework may have one.
    """
    refused = [page for page in driver.pages if _is_refused(driver, page)]
    if not refused:
        return
    # python-socketio that has no list lets its own pages in.
    own = driver.plan.target.url
    lets_own = [driver.ask(preflight_of(driver, own), "near-miss", timeout=ASIDE)] if _is_python(driver) else []
    asked = _asked(driver, refused)[: _room(driver, len(refused))] if driver.plan.origins else []
    jobs = (driver.ask(request, "near-miss", timeout=ASIDE) for request in asked)
    await driver.all_of(beside(driver, refused[0]), *lets_own, *jobs)


def _asked(driver: Driver, refused: list[str]) -> list[Request]:
    page, target = refused[0], driver.plan.target.url
    if _is_list_of_v2(driver):
        return [driver.simple(origin=variant) for variant in handshakes(page, target)[:HANDSHAKES]]
    if not _answers_by_origin(driver) or not (_is_python(driver) or "polling" in driver.plan.client.transports):
        return []  # Node's list does not hold for WebSockets
    # The first page's whole list; of each other's what is commonest, as far as there is room.
    found = variants(page, target)[:VARIANTS]
    found += [variant for other in refused[1:] for variant in variants(other, target)[:OTHERS]]
    return [preflight_of(driver, variant) for variant in dict.fromkeys(found)]


def _room(driver: Driver, refused: int) -> int:
    """How many variants the budget has room for, with what goes out beside and after them."""
    heartbeats = sum(one.purpose == "sticky" for one in driver.exchanges())
    pages, sends = len(driver.pages), bool(driver.plan.client.extra_headers)
    # Of the first page the preflights are known by now.
    others = _SOCKET * pages + (_PREFLIGHTS * (pages - 1) if sends else 0) + _LET_IN * (pages - refused) + _SCHEME
    others += _SLACK * (pages - 1) + max(0, _HEARTBEATS - heartbeats) + (0 if _has_list(driver) else _ROUTES)
    left = max(0, driver.limit - driver.network.requests - RESERVE - others)
    return min(left, FEW) if driver.frugal else left


def _is_refused(driver: Driver, page: str) -> bool:
    """The handshake of that page has no Access-Control-Allow-Origin, and Engine.IO sent it."""
    answers = [one.response for one in driver.exchanges() if one.purpose == "handshake" and one.request.origin == page]
    return any(
        answer is not None
        and answer.get("access-control-allow-origin") is None
        and (engineio.read_open(answer) is not None or engineio.read_refusal(answer) is not None)
        for answer in answers
    )


def _is_python(driver: Driver) -> bool:
    refusals = (engineio.read_refusal(one.response) for one in driver.exchanges() if one.response)
    return any(refusal is not None and refusal.is_of_origin for refusal in refusals)


def _answers_by_origin(driver: Driver) -> bool:
    answers = [one for one in driver.exchanges() if one.purpose in ("preflight", "simulated-preflight")]
    methods = any(one.response and one.response.get("access-control-allow-methods") for one in answers)
    refusals = [engineio.read_refusal(one.response) for one in answers if one.response]
    return methods or any(refusal and (refusal.code in (2, 3) or refusal.is_of_origin) for refusal in refusals)


def _is_list_of_v2(driver: Driver) -> bool:
    """The page gets 403 Forbidden and others a session, by a server whose preflights name everybody."""
    exchanges = driver.exchanges()
    refusals = [engineio.read_refusal(one.response) for one in exchanges if one.purpose == "handshake" and one.response]
    preflights = [one.response for one in exchanges if one.purpose in ("preflight", "simulated-preflight")]
    named = any(one is not None and one.status == 400 and one.get("access-control-allow-origin") for one in preflights)
    return named and any(refusal is not None and refusal.code == 4 for refusal in refusals)


async def beside(driver: Driver, page: str) -> None:
    """Whether another route of the server lets the page in, and whose route that is: its 404 tells the framework.

    Not asked where Socket.IO has a list of its own.
    """
    if _has_list(driver):
        return
    answer = (await driver.ask(route(driver, "/", page), "root", timeout=ASIDE)).response
    if answer is None or answer.status == 404 or answer.get("access-control-allow-origin") is None:
        return
    if all(one.purpose != "nowhere" for one in driver.exchanges()):
        await driver.ask(route(driver, NOWHERE, page), "nowhere", timeout=ASIDE)


def _has_list(driver: Driver) -> bool:
    """Socket.IO itself lets somebody in, or goes by the origin, or refuses it by an option of its own."""
    asked = [one for one in driver.exchanges() if one.purpose in ("handshake", "foreign") and one.response]
    refusals = [engineio.read_refusal(one.response) for one in asked if one.response]
    return any(map(_chooses, asked)) or any(one is not None and one.family == "node" for one in refusals)


def _chooses(exchange: Exchange) -> bool:
    """It lets somebody in, or says that it went by the origin."""
    answer = exchange.response
    if answer is None:
        return False
    varies = "origin" in (answer.get("vary") or "").lower().replace(" ", "").split(",")
    return varies or answer.get("access-control-allow-origin") is not None
