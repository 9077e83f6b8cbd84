"""TLS does not come about: the certificate, its name, its date, or the scheme."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Certificate, Exchange
from sio_doctor.rules import cdn
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.cors import listing
from sio_doctor.rules.reach import (
    Place,
    Silence,
    hit_about,
    other_scheme,
    silences,
    speaks_tls,
    wants_client_certificate,
)
from sio_doctor.rules.stranger import described, hit, strangers

#: Names of a certificate that are shown.
SHOWN = 3


@rule("SIO104", "tls-untrusted", "Browsers do not trust the server's TLS", Rung.TLS)
def tls_untrusted(case: Case) -> Iterable[Hit]:
    """The certificate was signed by nobody whom browsers trust, or TLS itself does not come about.

    **What it means.** A self-signed certificate, one of a private authority, or a chain without its intermediate
    (some browsers fetch that themselves, so it works for some users). A click on "proceed" in the page does not
    count for another host or port. Use a certificate of a public authority with the full chain, or mkcert for
    development; `rejectUnauthorized: false` does nothing in a browser.

    **How it is told.** Verified against the trust store of this machine, or against `--ca-file`. The rest was asked
    without verifying, and the certificates that were sent then tell an incomplete chain from an unknown authority: the
    server's own alone, though somebody else signed it.

    **What it is not.** A trusted certificate of another name, or out of date (`tls-name-or-date`), or a port that
    does not speak TLS (`tls-plain-mixup`).
    """
    for silence in silences(case, "tls"):
        detail, at = silence.failure.detail, Place(case).at
        if detail == "self-signed":
            message = (
                f"The certificate of {at} is self-signed, so browsers refuse the connection before anything is asked."
            )
        elif detail == "unknown-issuer":
            message = _unknown_issuer(at, case.evidence.certificate)
        elif detail in ("other", "handshake") or (detail == "protocol" and not other_scheme(case)):
            message = f"No TLS connection to {at} comes about: {silence.failure.message}"
            if detail == "protocol":
                message += " Browsers speak TLS 1.2 and 1.3, and no older version."
            yield hit_about(case, silence, f"{message} It is not CORS: no header is ever seen.")
            continue
        else:
            continue
        yield _refused(case, silence, f"{message} It is not CORS: no header is ever seen.")


def _unknown_issuer(at: str, certificate: Certificate | None) -> str:
    """Whether the chain is incomplete, or its authority not known, as far as what was sent tells."""
    begin = f"The certificate of {at}"
    if certificate is None:
        return (
            f"{begin} comes from an issuer that is not trusted here: a private authority, or the server does not send "
            "the intermediate certificate (some browsers fetch it themselves, others refuse)."
        )
    if certificate.sent == 1 and certificate.names_issuer:
        return (
            f"{begin} is sent alone, so its chain is incomplete: the intermediate certificate of its issuer, "
            f"{certificate.issuer}, is missing. It says where that can be had, so Chromium and Safari may fetch it, "
            "and Firefox may know it: then it works there, and in curl, in Node and on some phones it does not. Serve "
            "the full chain (fullchain.pem)."
        )
    if certificate.sent == 1:
        return (
            f"{begin} was issued by {certificate.issuer}, which is not trusted here, and is sent alone: if that is a "
            "private authority, its root has to be trusted on every machine; if it is an intermediate one, the server "
            "has to send the full chain (fullchain.pem)."
        )
    root = "and its root, which is sent along, is" if certificate.ends_in_root else f"and {certificate.top_issuer} is"
    return f"{begin} was issued by {certificate.issuer}, {root} no authority that is trusted here: a private one."


@rule("SIO106", "tls-name-or-date", "The certificate is for another name, or out of date", Rung.TLS)
def tls_name_or_date(case: Case) -> Iterable[Hit]:
    """The certificate is trusted, but not for this host name, or not today.

    **What it means.** It expired (or begins later), or the name asked for is none of its names: an IP address, a
    missing `www.`, another virtual host's certificate. Renew it, or use a name that it has.

    **How it is told.** By the error of the verification, or by the server's own alert that it has none for the name.

    **What it is not.** An issuer that is not trusted (`tls-untrusted`).
    """
    for silence in silences(case, "tls"):
        place, certificate = Place(case), case.evidence.certificate or Certificate()
        names = f", but for {listing(certificate.names[:SHOWN])}" if certificate.names else ""
        more = f" and {len(certificate.names) - SHOWN} more" if len(certificate.names) > SHOWN else ""
        ended, begins = certificate.not_after, certificate.not_before
        words = {
            "hostname": f"The certificate of {place.at} is not for the name {place.host}{names}{more}",
            "unrecognized-name": f"The server at {place.at} says that it has no certificate for the name {place.host}",
            "expired": f"The certificate of {place.at} expired{f' on {ended[:10]}' if ended else ''}",
            "not-yet-valid": f"The certificate of {place.at} is not valid yet"
            + (f", but from {begins[:10]} on (is a clock wrong?)" if begins else " (is a clock wrong?)"),
        }.get(silence.failure.detail)
        if words:
            yield _refused(case, silence, f"{words}, so browsers refuse the connection before anything is asked.")


@rule("SIO111", "tls-client-certificate", "The server wants a certificate of the client", Rung.TLS)
def tls_client_certificate(case: Case) -> Iterable[Hit]:
    """The server lets in who shows a certificate of their own (mutual TLS), and a page's request shows none.

    **What it means.** `ssl_verify_client on` in nginx, mTLS in a service mesh or at a CDN. A browser shows a
    certificate that is installed in it only where credentials go with the request (`withCredentials`), and never with a
    preflight. Let the path of Socket.IO in without one, and let the application say who may connect.

    **How it is told.** By the alert of TLS 1.3, or by nginx's 400 `No required SSL certificate was sent`.

    **What it is not.** The server's own certificate, which browsers judge (`tls-untrusted`, `tls-name-or-date`). TLS
    1.2 has no alert for it: what comes then is `tls-untrusted`, with both possibilities named.
    """
    sends = (
        "A browser shows one that is installed in it only with withCredentials, and never with a preflight; "
        "sio-doctor has none to show."
    )
    if said := wants_client_certificate(case):
        for silence in silences(case, "tls", "reset", "closed"):
            if silence.failure.kind != "tls" or silence.failure.detail == "client-certificate":
                yield hit_about(
                    case, silence, f"{Place(case).at} wants a certificate of the client. {sends}", also=said
                )
    for stranger in strangers(case, "tls-client-certificate"):
        message = f"The server wants a certificate of the client: {described(stranger.response)}. {sends}"
        yield hit(case, stranger, message)._replace(rung=Rung.TLS)


@rule("SIO112", "tls-cdn-origin", "The CDN does not get through to the server behind it", Rung.TLS)
def tls_cdn_origin(case: Case) -> Iterable[Hit]:
    """Cloudflare answers in the server's place, or does not pass the port on.

    **What it means.** 521: the server behind it refuses Cloudflare's connections. 525 and 526: TLS between Cloudflare
    and the server fails, or its certificate is not one that "Full (strict)" takes; a Cloudflare Origin certificate on
    the server, or another SSL mode, ends it. And Cloudflare proxies few ports: any other one times out at a name whose
    cloud is orange. Use one of its ports, or a name that is not proxied.

    **How it is told.** By the status together with `Server: cloudflare` or `CF-RAY`; by a connection that times out at
    addresses that are all Cloudflare's, on a port that it does not proxy.

    **What it is not.** Any other gateway's 5xx (`gateway-5xx-no-cors`), or a firewall (`server-timeout`).
    """
    for stranger in strangers(case, "tls-cdn-origin"):
        status = stranger.response.status
        message = (
            f"Cloudflare answers {status}: {cdn.STATUSES[status]}. The page cannot see that, for the answer has no "
        )
        yield hit(case, stranger, message + "CORS headers: it is not CORS.")._replace(rung=Rung.TLS)
    for silence in silences(case, "timeout"):
        place = Place(case)
        if silence.failure.phase == "connect" and cdn.unproxied(place.ips, place.port):
            ports = cdn.PORTS["https" if case.plan.target.url.startswith("https:") else "http"]
            message = (
                f"{place.at} does not answer, and its address is Cloudflare's, which does not proxy port {place.port}, "
                f"but {listing(map(str, sorted(ports)))}. Use one of these, or a name that is not proxied."
            )
            yield hit_about(case, silence, message, rung=Rung.TCP)


def _refused(case: Case, silence: Silence, message: str) -> Hit:
    """The hit about a certificate; where the person lets it pass, it keeps nobody out."""
    if not case.plan.network.insecure:
        return hit_about(case, silence, message)
    return hit_about(case, silence, f"{message} With --insecure it was let pass.")._replace(severity="warning")


@rule("SIO105", "tls-plain-mixup", "http and https are mixed up", Rung.TLS)
def tls_plain_mixup(case: Case) -> Iterable[Hit]:
    """The address says https where the port speaks plain http, or the other way round.

    **What it means.** TLS is spoken to a port that has none (`ERR_SSL_PROTOCOL_ERROR`), or plain HTTP to a TLS
    port, which closes, resets, or answers 400. Use the scheme that the port speaks, or give it a certificate.

    **How it is told.** TLS fails on plain HTTP's first bytes; or plain HTTP is answered by a TLS alert, by silence
    where https answers, or by the words of nginx, Apache or Go for it.

    **What it is not.** A certificate that is not trusted (`tls-untrusted`).
    """
    other = other_scheme(case)
    for silence in silences(case, "tls", "closed", "reset", "not-http", "timeout"):
        failure, place = silence.failure, Place(case)
        if wants_client_certificate(case):
            continue
        if failure.kind == "timeout":
            if failure.phase != "tls" or other is None:
                continue
            message = f"The address says https, but {place.at} is silent to TLS."
        elif failure.kind == "tls":
            if failure.detail != "plain-http" and not (failure.detail == "protocol" and other):
                continue
            message = f"The address says https, but {place.at} speaks plain HTTP, not TLS."
        elif speaks_tls(case, failure):
            message = f"The address says http, but {place.at} speaks TLS."
        else:
            continue
        yield hit_about(case, silence, message + _says(case, other), also=other)
    for stranger in strangers(case, "tls-plain-mixup"):
        message = f"The address says http, but that port speaks TLS: {described(stranger.response)}."
        found = hit(case, stranger, message + _says(case, other), needed="200", also=other)
        yield found._replace(rung=Rung.TLS)


def _says(case: Case, other: Exchange | None) -> str:
    """What the other scheme answered, and whether the pages may use it."""
    scheme = "https" if case.plan.target.url.startswith("http:") else "http"
    if other is None:
        said = f" It was not answered by {scheme}:// either." if case.first("other-scheme") else ""
    else:
        socket_io = case.opened(other) or case.refusal(other)
        said = f" By {scheme}:// {'Socket.IO' if socket_io else 'something'} answers there."
    secure = [page for page in case.plan.origins if page.startswith("https:")]
    if scheme == "http" and secure:
        said += f" {secure[0]} is secure and may not ask by http, so the port needs a certificate."
    elif scheme == "http" and case.upgrades:
        said += " The page's Content-Security-Policy has upgrade-insecure-requests, so browsers ask by https anyway."
    return said
