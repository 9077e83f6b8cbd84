"""No answer at all: the name, the port, the network. A browser may call it CORS, and it never was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from sio_doctor.model import Exchange, NoResponse, NoResponseKind
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cdn import unproxied
from sio_doctor.rules.stranger import (
    PLAIN_HTTP,
    concerned,
    drops_upgrade,
    opened,
    served_elsewhere,
    speaks_plain_websocket,
    two_programs,
)


class Silence(NamedTuple):
    """A handshake that had no answer (or the preflight before it, where that is as far as it came)."""

    exchange: Exchange
    failure: NoResponse
    pages: tuple[str, ...]
    """The pages that it happened to."""


def silences(case: Case, *kinds: NoResponseKind) -> Iterator[Silence]:
    """The handshakes that failed in one of these ways, one for each way. What was asked unverified does not count."""
    if two_programs(case):
        return  # one of them is not the server
    # What came of asking past the certificate counts where the person lets it pass.
    for verified in (True, False) if case.plan.network.insecure else (True,):
        yield from _silences(case, kinds, verified)


def _silences(case: Case, kinds: tuple[NoResponseKind, ...], verified: bool) -> Iterator[Silence]:
    asked = [exchange for exchange in case.all("handshake", "preflight") if exchange.verified == verified]
    found: dict[tuple[str, str, str], Silence] = {}
    for page in case.pages:
        own = [one for one in case.all("handshake", "preflight", origin=page) if one.verified == verified]
        tried = [exchange for exchange in own if exchange.purpose == "handshake"] or own
        if any(exchange.response is not None for exchange in tried):
            continue
        # A server that is dead to the first page is not asked for the next.
        for exchange in tried or asked:
            failure = exchange.failure
            if failure is not None and failure.kind in kinds:
                key = failure.kind, failure.phase, failure.detail
                before = found[key].pages if key in found else ()
                found[key] = Silence(found[key].exchange if before else exchange, failure, (*before, page))
                break
    yield from found.values()


class Place:
    """Where the server is said to be."""

    def __init__(self, case: Case) -> None:
        parts = urlsplit(case.plan.target.url)
        self.host = parts.hostname or ""
        self.explicit_port = parts.port is not None
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.addresses = case.evidence.vantage.addresses.get(self.host, ())

    @property
    def loopback(self) -> bool:
        """It is this very machine: a loopback address, ``localhost``, ``*.localhost``."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        return bool(self.ips) and all(ip.is_loopback for ip in self.ips)

    @property
    def private(self) -> bool:
        """Its address is reached from inside its own network only."""
        return bool(self.ips) and all(ip.is_private and not ip.is_loopback for ip in self.ips)

    @property
    def at(self) -> str:
        """Host and port, with the addresses that the name stands for."""
        others = ", ".join(address for address in self.addresses if address != self.host)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + (f" ({others})" if others else "")

    @property
    def from_here(self) -> str:
        """That what was seen holds from here, in a sentence; empty where everybody is here."""
        return "" if self.loopback else " That is how it is from here; from the page's network it may be otherwise."

    @property
    def ips(self) -> list[IPv4Address | IPv6Address]:
        """The addresses that the name stands for, or that it is."""
        found: list[IPv4Address | IPv6Address] = []
        for address in self.addresses or (self.host,):
            try:
                found.append(ip_address(address.partition("%")[0]))
            except ValueError:
                continue
        return found


def other_scheme(case: Case) -> Exchange | None:
    """The same port by the other scheme (http for https, https for http), where that was answered."""
    port = Place(case).port
    for exchange in case.all("other-scheme"):
        if exchange.response is not None and not PLAIN_HTTP.search(exchange.response.text):
            parts = urlsplit(exchange.request.url)
            if (parts.port or (443 if parts.scheme == "https" else 80)) == port:
                return exchange
    return None


def speaks_tls(case: Case, failure: NoResponse) -> bool:
    """Plain HTTP failed like this at a port that speaks TLS: https was answered, or a TLS alert came (type 21, 3.x)."""
    plain = case.plan.target.url.startswith("http:")
    alert = failure.kind == "not-http" and failure.detail.startswith("\x15\x03")
    return plain and (alert or other_scheme(case) is not None)


def wants_client_certificate(case: Case) -> Exchange | None:
    """The exchange in which the server said so by an alert, which a reset may overtake in others; None where none."""
    for exchange in case.evidence.exchanges:
        if exchange.failure is not None and exchange.failure.detail == "client-certificate":
            return exchange
    return None


@rule("SIO101", "dns-fails", "The server's name does not resolve", Rung.DNS)
def dns_fails(case: Case) -> Iterable[Hit]:
    """The host name of the server has no address.

    **What it means.** A typo, a name that was never published, or a name that only containers know: in Docker
    Compose and Kubernetes a service's name resolves inside their network, and the browser is outside. Publish the
    port and use a name that the browser's machine knows.

    **How it is told.** The resolver of this machine knows no address. Another machine's may know one.

    **What it is not.** A name that resolves to a machine that does not answer (`server-timeout`, `server-refused`).
    """
    for silence in silences(case, "dns"):
        host = Place(case).host
        if silence.failure.detail == "family":
            yield hit_about(case, silence, f"{silence.failure.message} A browser would use what there is.")
            continue
        message = f"The name {host} does not resolve: it has no address, so nothing can be asked."
        if "." not in host:
            message += (
                " A name without a dot is usually a service's name inside Docker or Kubernetes, which a browser "
                "outside does not know."
            )
        else:
            message += " Check its spelling and its DNS record. The browser calls this a network error; it is not CORS."
        yield hit_about(case, silence, message)


@rule("SIO102", "server-refused", "Nothing listens there", Rung.TCP)
def server_refused(case: Case) -> Iterable[Hit]:
    """The machine is there and refuses the connection: no program listens on that port.

    **What it means.** The server is not running or crashed at its start, listens on another port, or is bound to
    another address: one that is bound to `127.0.0.1` refuses whoever comes from outside, a container included. Look at
    the server's own output, and at the port that it names.

    **How it is told.** The TCP connection is refused at once, on every address that the name has.

    **What it is not.** Silence (`server-timeout`): a firewall says nothing where an empty port says no.
    """
    for silence in silences(case, "refused"):
        place = Place(case)
        if any(exchange.response is not None for exchange in case.all("other-address")):
            continue  # bound-to-loopback
        message = (
            f"Nothing listens at {place.at}: the connection is refused. The server is not running, or on another port"
        )
        message += (
            "." if place.loopback else ", or bound to 127.0.0.1, where only its own machine (or container) reaches it."
        )
        if not place.explicit_port:
            message += f" The URL names no port, so {place.port} was asked."
        message += place.from_here
        yield hit_about(case, silence, message)


@rule("SIO103", "server-timeout", "The server does not answer", Rung.TCP)
def server_timeout(case: Case) -> Iterable[Hit]:
    """The server could not be reached in time, or took the request and never answered.

    **What it means.** Silence on TCP is a firewall, a security group, or an address that is not reachable from
    here. A connection that is accepted and stays silent is a program that hangs, a Node server without a request
    handler, or one that expects TLS.

    **How it is told.** By the step that was under way when the time was up: connecting, TLS, or waiting for the
    answer.

    **What it is not.** A Node server whose Socket.IO has another path is silent too; where its WebSocket gives it
    away, it is `wrong-path-hangs`. A plain WebSocket server that is silent to GET is `plain-websocket-server`.
    """
    for silence in silences(case, "timeout", "unreachable"):
        failure = silence.failure
        place, seconds = Place(case), f"{silence.exchange.seconds:.3g} s"
        if failure.phase == "connect" and unproxied(place.ips, place.port):
            continue  # tls-cdn-origin
        if failure.kind == "unreachable":
            message = f"There is no way to {place.at} from here: the network says that it is unreachable."
            if place.private:
                message += " The address is a private one, which is reached from inside its own network only."
            message += place.from_here
            yield hit_about(case, silence, message)
        elif failure.phase == "connect":
            message = f"{place.at} does not answer: no connection came about within {seconds}. "
            message += (
                "The address is a private one, which is reached from inside its own network only."
                if place.private
                else "A firewall or a security group drops what comes to that port, or the machine is off."
            )
            message += place.from_here
            yield hit_about(case, silence, message)
        elif failure.phase == "tls" and other_scheme(case):
            continue  # tls-plain-mixup
        elif failure.phase == "tls":
            message = (
                f"{place.at} accepts the connection, and is silent in the TLS handshake for {seconds}: it hangs, or "
            )
            message += "speaks something else than TLS on that port."
            yield hit_about(case, silence, message, rung=Rung.TLS)
        elif not (served_elsewhere(case) or drops_upgrade(case) or speaks_plain_websocket(case)):
            yield hit_about(case, silence, _hangs(case, silence, seconds), rung=Rung.HANDSHAKE)


def _hangs(case: Case, silence: Silence, seconds: str) -> str:
    message = f"{Place(case).at} accepts the connection and the request, and answers nothing for {seconds}. "
    if any(opened(exchange) for exchange in case.all("websocket")):
        return (
            message
            + "A WebSocket does reach Socket.IO there, so only plain requests get lost: look at what is in front."
        )
    answered = [other for other in case.all("control", "foreign", "root") if other.response is not None]
    if answered:
        what = "/" if answered[0].purpose == "root" else "another handshake"
        return message + f"Yet {what} was answered, so the server lives: a handler never ends the response to this one."
    return message + "The program behind that port hangs, or has no handler for this path."


@rule("SIO107", "connection-reset", "The connection ends without an answer", Rung.TCP)
def connection_reset(case: Case) -> Iterable[Hit]:
    """The connection was accepted, and then closed or reset without an HTTP answer, or answered with something else.

    **What it means.** A published container port behind which nothing listens (the server is bound to `127.0.0.1`
    inside the container), a program that crashes on the request, a device that cuts the connection, or a port of
    another protocol.

    **How it is told.** End of the connection, or bytes that are no HTTP, before any status line.

    **What it is not.** A TLS port that was asked by plain HTTP (`tls-plain-mixup`).
    """
    for silence in silences(case, "reset", "closed", "not-http"):
        failure, at = silence.failure, Place(case).at
        if speaks_tls(case, failure) or wants_client_certificate(case):
            continue
        if failure.kind == "not-http":
            came = f" (“{failure.detail.strip().splitlines()[0][:40]}”)" if failure.detail.strip() else ""
            message = f"What answers at {at} is not HTTP{came}: it is another program's port."
        else:
            how = "resets" if failure.kind == "reset" else "closes"
            message = (
                f"{at} accepts the connection and {how} it without an answer. A program crashed on the request, or "
                "the port leads into a container where the server is bound to 127.0.0.1 (bind it to 0.0.0.0)."
            )
        yield hit_about(case, silence, message)


@rule("SIO108", "proxy-fails", "The proxy of the environment is in the way", Rung.TCP)
def proxy_fails(case: Case) -> Iterable[Hit]:
    """The proxy that the environment of this machine names brought no answer, so the server was not reached.

    **What it means.** `http_proxy`, `https_proxy` or `all_proxy` names a proxy that is down, wants a password, refuses
    that host or port, or reaches nobody there. About the server nothing is known, and a browser may go another way:
    it has the proxy of its own settings. Correct the variable, or name the server in `no_proxy`.

    **How it is told.** It failed before the proxy had made a connection, or before it had passed on any answer.

    **What it is not.** An answer that the proxy passed on, or wrote itself to a plain http request: a 403 or a 503 of
    its own looks like the server's (`basic-auth-or-401`, `gateway-5xx-no-cors`).
    """
    for silence in silences(case, "not-asked"):
        if silence.failure.detail == "proxy":
            at = Place(case).at
            message = silence.failure.message + (
                f" So {at} was not reached, and nothing is known about it."
                if silence.failure.phase == "connect"
                else f" It had the request for {at}; which of the two is at fault does not show here."
            )
            yield hit_about(case, silence, message)._replace(severity="error")


def hit_about(
    case: Case, silence: Silence, message: str, *, rung: Rung | None = None, also: Exchange | None = None
) -> Hit:
    """The hit about this silence; ``also`` is the exchange that told it apart."""
    exchanges = (silence.exchange.id, *((also.id,) if also else ()))
    return Hit(message, concerned(case, silence.pages), exchanges=exchanges, rung=rung)
