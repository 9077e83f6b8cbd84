"""The page sends what only a server may say: a header of CORS's answers."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import get
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import ALLOW_HEADERS, ALLOW_ORIGIN, Blocked, blocked, lines, listing, needed, one_hit, status

#: Headers of answers. Of those of requests, `Access-Control-Request-…`, a page can send none.
_NAMES = ("access-control-allow-", "access-control-expose-headers", "access-control-max-age")


def is_response_header(name: str) -> bool:
    """It is a header of CORS that servers send and browsers read."""
    return name.lower().startswith(_NAMES)


@rule("SIO332", "client-sets-response-header", "The page sends a header of the answer", Rung.PREFLIGHT)
def client_sets_response_header(case: Case) -> Iterable[Hit]:
    """The client's `extraHeaders` have `Access-Control-Allow-Origin` or the like, which are for the server to say.

    It lets nobody in. All it does is that browsers send a preflight before every request, which the server then has to
    answer and to allow that header in. Take it out of the page; the server needs a `cors` option.

    **How it is told.** By the headers that the client was said to send. It is an error where that header is all that
    the preflight lacks, or is the only reason for the preflight that stops the page; else worth knowing.

    **What it is not.** A header of the page's own, as `Authorization`, that the server does not list is
    `preflight-header-not-allowed`. Where the server lets the page in neither way, the cause is the server's.
    """
    own = [name for name, _ in case.plan.client.extra_headers if is_response_header(name)]
    if not own or not case.polls:
        return
    said = f"The client sends {listing(own)}, which is a header of the server's answer"
    found = [one for one in blocked(case) if stopped_by_response_headers(case, one)]
    if not found:
        message = f"{said}: it lets nobody in, and makes browsers send a preflight before every request. Take it out."
        yield Hit(message, severity="info")
        return
    preflight = found[0].decided
    message = (
        f"{said}: sent by the page it lets nobody in, but makes browsers ask {case.plan.target.url} by OPTIONS first, "
    )
    message += (
        f"and what answers that does not allow the header in {ALLOW_HEADERS}."
        if 200 <= status(preflight) < 300 and lines(preflight)
        else f"and that stops the page. The handshake itself has the {ALLOW_ORIGIN} that it needs."
    )
    headers = [needed(one.page, one.handshake, ok=bool(lines(one.handshake))) for one in found]
    yield one_hit(case, found, message, *headers)


def stopped_by_response_headers(case: Case, one: Blocked) -> bool:
    """Without those headers the page would be let in: they alone are not allowed, or alone make the preflight."""
    names = [name.lower() for name, _ in case.plan.client.extra_headers]
    if not one.at_preflight or one.preflight is None or not any(map(is_response_header, names)):
        return False
    if "header-not-allowed" in one.codes():
        return all(map(is_response_header, missing_of(one)))
    return all(map(is_response_header, names)) and lines(one.handshake) in ([one.page], ["*"])


def missing_of(one: Blocked) -> list[str]:
    """The headers that were asked for and are not listed, as the preflight names them."""
    assert one.preflight is not None
    asked = (get(one.preflight.request.headers, "access-control-request-headers") or "").split(",")
    listed = {name.strip().lower() for name in ",".join(lines(one.preflight, ALLOW_HEADERS)).split(",")}
    missing = [name.strip() for name in asked if name.strip() and name.strip() not in listed]
    return missing or [verdict.needed for verdict in one.verdicts.values() if verdict.needed][:1] or ["it"]
