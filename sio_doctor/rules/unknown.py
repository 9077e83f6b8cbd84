"""What is said when nothing is known: what was seen, step by step, and that the cause is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sio_doctor.model import Browser, Exchange
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import listing
from sio_doctor.rules.stranger import described

#: The steps of a client, in their order, as a person calls them.
_STEPS = {
    "preflight": "the preflight",
    "handshake": "the polling handshake",
    "redirect": "what the redirect led to",
    "connect": "the POST of CONNECT",
    "poll": "the poll",
    "upgrade": "the upgrade to WebSocket",
    "websocket": "a WebSocket of its own",
}


@rule("SIO000", "cause-unknown", "The cause is not known", Rung.UPGRADE)
def _cause_unknown(case: Case) -> Iterable[Hit]:
    """A page does not connect, and no rule here knows why: no error names that page.

    **What it means.** Something fails in a way that no rule knows yet, or the check could not ask as far as the page
    goes. Read what it lists from the first step to the last: where it ends, the page ends too. `--direct` asks the
    server behind a proxy as well, `--page` reads the page's own policy, `--confirm` asks a real browser.

    **How it is told.** A chosen page does not connect in some browser, or it could not be found out, or, with no page
    chosen, no session could be had. The message lists what was asked and what came back.

    **What it is not.** A diagnosis. `--json` has every exchange in full, and a new rule can come of it.
    """
    hit = cause_unknown(case)
    return [hit] if hit else []


def cause_unknown(case: Case, explained: Collection[str] = ()) -> Hit | None:
    """What was seen where a page does not connect; None where all do but those ``explained``, which a rule knows."""
    failing = [
        outcome
        for outcome in case.outcomes
        # What the address alone forbids, `page` says, if only as a warning.
        if outcome.origin in case.plan.origins
        and outcome.origin not in explained
        and not (outcome.connects or outcome.by_luck)
        and outcome.polling.code not in ("mixed-content", "bad-port")
    ]
    if not failing and (case.plan.origins or case.open is not None):
        return None
    pages = tuple(dict.fromkeys(outcome.origin for outcome in failing))
    browsers: tuple[Browser, ...] = tuple(dict.fromkeys(outcome.browser for outcome in failing))
    url = case.plan.target.url
    if not pages:
        message = f"No Engine.IO session could be had from {url}, and why is not known."
    elif any(outcome.connects is False for outcome in failing):
        message = f"{listing(pages)} cannot connect to {url}, and the cause is not known."
    else:
        message = f"Whether {listing(pages)} can connect to {url} could not be found out."
    reasons = dict.fromkeys(outcome.reason for outcome in failing if outcome.reason)
    seen = _seen(case, pages[0] if pages else case.pages[0])
    if seen:
        message += " What was seen: " + "; ".join(text for _, text in seen) + "."
    if reasons:
        message += " " + " ".join(reasons)
    return Hit(
        message=message,
        origins=pages,
        browsers=browsers,
        exchanges=tuple(exchange.id for exchange, _ in reversed(seen)),
    )


def _seen(case: Case, page: str) -> list[tuple[Exchange, str]]:
    """Each step of that page's client, and what came of it, in a few words."""
    steps = []
    for purpose, name in _STEPS.items():
        exchange = case.first(purpose, origin=page)  # type: ignore[arg-type]  # the keys are purposes
        if exchange is None:
            continue
        if exchange.response is None:
            what = exchange.failure.message.rstrip(".") if exchange.failure else "no answer"
        elif case.opened(exchange):
            what = "an open packet"
        elif exchange.response.status == 101:
            heard = [frame.data[:40] for frame in exchange.response.frames if frame.direction == "in"]
            what = f"accepted, then {listing(f'“{data}”' for data in heard) if heard else 'nothing'}"
        else:
            what = described(exchange.response)
        steps.append((exchange, f"{name}: {what}"))
    return steps
