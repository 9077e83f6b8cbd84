"""TLS does not come about: the certificate, its name, its date, or the scheme."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.reach import Place, hit_about, other_scheme, silences, speaks_tls
from sio_doctor.rules.stranger import described, hit, strangers


@rule("SIO104", "tls-untrusted", "Browsers do not trust the server's TLS", Rung.TLS)
def tls_untrusted(case: Case) -> Iterable[Hit]:
    """The certificate was signed by nobody whom browsers trust, or TLS itself does not come about.

    **What it means.** A self-signed certificate, one of a private authority, or a chain without its intermediate
    (some browsers fetch that themselves, so it works for some users). A click on "proceed" in the page does not
    count for another host or port. Use a certificate of a public authority with the full chain, or mkcert for
    development; `rejectUnauthorized: false` does nothing in a browser.

    **How it is told.** Verified against the trust store of this machine. The rest was asked without verifying.

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
            message = (
                f"The certificate of {at} comes from an issuer that is not trusted here: a private authority, or the "
                "server does not send the intermediate certificate (some browsers fetch it themselves, others refuse)."
            )
        elif detail == "other" or (detail == "protocol" and not other_scheme(case)):
            message = f"No TLS connection to {at} comes about: {silence.failure.message}"
        else:
            continue
        yield hit_about(case, silence, f"{message} It is not CORS: no header is ever seen.")


@rule("SIO106", "tls-name-or-date", "The certificate is for another name, or out of date", Rung.TLS)
def tls_name_or_date(case: Case) -> Iterable[Hit]:
    """The certificate is trusted, but not for this host name, or not today.

    **What it means.** It expired (or begins later), or the name asked for is none of its names: an IP address, a
    missing `www.`, another virtual host's certificate. Renew it, or use a name that it has.

    **How it is told.** By the error of the verification.

    **What it is not.** An issuer that is not trusted (`tls-untrusted`).
    """
    for silence in silences(case, "tls"):
        place = Place(case)
        words = {
            "hostname": f"The certificate of {place.at} is not for the name {place.host}",
            "expired": f"The certificate of {place.at} has expired",
            "not-yet-valid": f"The certificate of {place.at} is not valid yet (is a clock wrong?)",
        }.get(silence.failure.detail)
        if words:
            yield hit_about(case, silence, f"{words}, so browsers refuse the connection before anything is asked.")


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
    for silence in silences(case, "tls", "closed", "reset", "not-http"):
        failure, place = silence.failure, Place(case)
        if failure.kind == "tls":
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
