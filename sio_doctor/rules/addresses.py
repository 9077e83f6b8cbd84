"""The host has several addresses, or this machine has: which of them a server listens at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from sio_doctor.model import Browser, Exchange, NoResponse, Severity
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import listing
from sio_doctor.rules.reach import Place, hit_about, silences
from sio_doctor.rules.stranger import described, ended, two_programs

_NAMES: dict[Browser, str] = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}


@rule("SIO109", "localhost-ipv6-mismatch", "The addresses of the host do not answer alike", Rung.TCP)
def localhost_ipv6_mismatch(case: Case) -> Iterable[Hit]:
    """The host has several addresses, `localhost` both `::1` and `127.0.0.1`, and not all of them lead to the server.

    **What it means.** A server that is bound to one of them: browsers try the other one as well and get through, but a
    development proxy, a Node client or a script may try one alone (`ECONNREFUSED ::1:3000`). Or two programs on one
    port, one for each address (on macOS the AirPlay receiver takes port 5000, or another development server runs):
    then it depends on the browser which of them a page meets. Chromium and Safari ask `::1`, Firefox asks `127.0.0.1`.
    Bind the server to both (`::`), use one address literally, or take another port.

    **How it is told.** The handshake was asked at each address of `localhost` by itself; of another host, at those
    addresses that did not accept before a later one did.

    **What it is not.** A port that no address listens at (`server-refused`). A host whose first address answers is not
    asked at its others, unless it is `localhost`.
    """
    met = case.first("handshake")
    if met is None or met.address is None or ended(case):
        return
    if two_programs(case):
        yield from _two_programs(case, met)
        return
    place = Place(case)
    for other in _others(case):
        failure = other.failure
        if met.response is None or failure is None or failure.kind not in ("refused", "timeout", "reset"):
            continue
        how = "refuses the connection" if failure.kind == "refused" else "does not answer"
        message = f"{place.host} is {listing(place.addresses)}, and only {met.address} leads to the server: "
        message += f"{other.address} {how} on port {place.port}. Browsers try both and get through; "
        message += (
            f"a development proxy, a Node client or a script may try {other.address} alone. Bind the server to both, "
            "or write the address that it has."
            if place.loopback
            else "it costs them time, and who can use that address alone does not get through."
        )
        yield Hit(message, exchanges=(other.id, met.id), severity="info" if place.loopback else "warning")


@rule("SIO110", "bound-to-loopback", "The server listens at loopback alone", Rung.TCP)
def bound_to_loopback(case: Case) -> Iterable[Hit]:
    """The address belongs to this machine and refuses, and on the same port 127.0.0.1 or ::1 answers.

    **What it means.** The server is bound to `127.0.0.1` or `localhost`: it is reached from its own machine by that
    address, and from nowhere else, not by the machine's own name either. Bind it to all addresses: `0.0.0.0` (or `::`,
    which is IPv6 as well), in Node no host at all.

    **How it is told.** The connection was refused at an address that this machine itself has, so the port could be
    asked at loopback as well, and there a handshake was answered.

    **What it is not.** A port where nothing listens at all (`server-refused`). From another machine, or from outside a
    container, the one cannot be told from the other.
    """
    place = Place(case)
    for silence in silences(case, "refused"):
        for other in answers_at_loopback(case):
            assert other.response is not None
            who = "Socket.IO" if case.opened(other) or case.refusal(other) else described(other.response)
            message = (
                f"{place.at} refuses, and that is an address of this machine, on which {other.address} port "
                f"{place.port} answers ({who}). The server is bound to {other.address}, where only programs of the "
                "same machine reach it. Bind it to all addresses (0.0.0.0), or let the page ask by localhost."
            )
            yield hit_about(case, silence, message, also=other)
            break


def answers_at_loopback(case: Case) -> Iterator[Exchange]:
    """The handshakes that loopback answered where another address of this machine was asked for."""
    addresses = Place(case).addresses
    for exchange in case.all("other-address"):
        if (
            exchange.response is not None
            and exchange.address not in addresses
            and case.failure("handshake", kind="refused")
        ):
            yield exchange


def _others(case: Case) -> list[Exchange]:
    addresses = Place(case).addresses
    return [exchange for exchange in case.all("other-address") if exchange.address in addresses]


def _two_programs(case: Case, met: Exchange) -> Iterator[Hit]:
    """Some browsers meet another program than the server, or all do."""
    place = Place(case)
    both = [met, *_others(case)]
    right = [exchange for exchange in both if case.opened(exchange) or case.refusal(exchange)]
    for wrong in both:
        if wrong in right:
            continue
        lost: tuple[Browser, ...] = tuple(
            dict.fromkeys(outcome.browser for outcome in case.outcomes if outcome.address == wrong.address)
        )
        message = (
            f"On port {place.port}, {place.host} is two programs: Socket.IO answers at {right[0].address}, and at "
            f"{wrong.address} {_answer(wrong)}."
        )
        if lost:
            others = [name for browser, name in _NAMES.items() if browser in case.plan.browsers and browser not in lost]
            message += (
                f" {listing(_NAMES[browser] for browser in lost)} {'ask' if lost[1:] else 'asks'} {wrong.address}"
            )
            message += f", {listing(others)} the other one." if others else "."
        message += f" Give the server a port of its own, or let the page ask by {_literal(case, right[0])}."
        severity: Severity | None = None if lost or wrong is met else "warning"
        yield Hit(message, browsers=lost, exchanges=(wrong.id, right[0].id), severity=severity)
    if len(right) == len(both):
        shown = "; ".join(f"{exchange.address} {_allows(exchange)}" for exchange in both)
        message = f"On port {place.port}, {place.host} is two Socket.IO servers that answer otherwise: {shown}."
        yield Hit(
            message + " Which one a page meets is up to the browser.",
            exchanges=(met.id, both[-1].id),
            severity="warning",
        )


def _answer(exchange: Exchange) -> str:
    answer = exchange.answer
    if isinstance(answer, NoResponse):
        return f"something else ({answer.message.rstrip('.')})"
    return f"something else does ({described(answer)})"


def _allows(exchange: Exchange) -> str:
    assert exchange.response is not None
    allowed = exchange.response.get("access-control-allow-origin")
    return f"answered {exchange.response.status} " + (f"and lets {allowed} in" if allowed else "and lets no page in")


def _literal(case: Case, exchange: Exchange) -> str:
    address = str(ip_address(exchange.address or "127.0.0.1"))
    host = f"[{address}]" if ":" in address else address
    scheme = case.plan.target.url.partition(":")[0]
    return f"{scheme}://{host}:{Place(case).port}"
