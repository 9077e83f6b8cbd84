"""A cache stands before the server, and answers in its stead."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange, get
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import ALLOW_ORIGIN, lines, listing, needed

_MARKS = ("Age", "X-Cache", "CF-Cache-Status", "X-Proxy-Cache", "X-Cache-Status")


@rule("SIO325", "acao-cached-for-other-origin", "A cache answers in the server's stead", Rung.HANDSHAKE)
def acao_cached_for_other_origin(case: Case) -> Iterable[Hit]:
    """A CDN or proxy keeps answers of Socket.IO, and gives one page's to the next.

    Everybody then gets the same session, the `Access-Control-Allow-Origin` of whoever asked first, and polls that bring
    the handshake again. It works for one site and not for the other, and changes from one minute to the next. Socket.IO
    must not be cached, and its whole query must reach it: `t` and `sid` make each request another one.

    **How it is told.** Handshakes return the same session id, which servers never give twice; and a poll gets that
    handshake once more through a proxy, or `Age`, `X-Cache` or `CF-Cache-Status` say that a cache answered.

    **What it is not.** A header that names one fixed origin while each handshake has a session of its own is the
    server's (`static-origin-mismatch`).
    """
    if not case.cached:
        return
    first, *again = case.cached
    message = (
        f"A cache answers at {case.plan.target.url}: {len(case.cached)} requests got one and the same session, and a "
        "server gives each handshake its own. What this run was answered is therefore not what the server would say."
    )
    shown = again[-1].response or first.response
    if shown and (marks := [f"{name}: {value}" for name in _MARKS if (value := get(shown.headers, name))]):
        message += f" The answer says so itself ({listing(marks)})."
    handshake = next((one for page in case.pages if (one := _misled(case, page))), None)
    if handshake is not None:
        named, page = listing(lines(handshake)) if lines(handshake) else "nobody", handshake.request.origin or ""
        message += f" To {page} it gives an {ALLOW_ORIGIN} that names {named}, made for whoever asked first."
    yield Hit(
        message=message,
        headers=(needed(handshake.request.origin or "", handshake),) if handshake is not None else (),
        exchanges=tuple(exchange.id for exchange in (*again, first)),
    )


def _misled(case: Case, page: str) -> Exchange | None:
    """Its handshake, where that does not let it in."""
    handshake = case.handshake(page)
    if page == case.plan.target.url or handshake is None or lines(handshake) in ([page], ["*"]):
        return None
    return handshake
