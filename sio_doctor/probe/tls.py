"""TLS: the system's trust store, and one word for why a handshake fails."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sio_doctor.model import Certificate
from sio_doctor.probe.attempt import Attempt, Unanswered

#: X509_V_ERR_… of OpenSSL (x509_vfy.h) -> NoResponse.detail, and a sentence about the certificate.
_CERTIFICATE = {
    9: ("not-yet-valid", "is not valid yet"),
    10: ("expired", "has expired"),
    18: ("self-signed", "is signed by itself, by nobody that this system trusts"),
    # The chain is whole but ends in a root that is not trusted; or the chain is not whole.
    19: ("unknown-issuer", "was issued by an authority that this system does not trust"),
    20: ("unknown-issuer", "was issued by an authority that this system does not know, or its chain is incomplete"),
    21: ("unknown-issuer", "was issued by an authority that this system does not know, or its chain is incomplete"),
    62: ("hostname", "is for another host name"),
    64: ("hostname", "is not for this address"),
}
#: Reasons that OpenSSL gives when what answers is no TLS at all.
_PLAIN = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"}
#: Alerts that a server sends (RFC 8446, section 6.2), as OpenSSL calls them.
_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("client-certificate", "wants a certificate of the client"),
    "TLSV1_UNRECOGNIZED_NAME": ("unrecognized-name", "has no certificate for this name"),
    "SSLV3_ALERT_HANDSHAKE_FAILURE": (
        "protocol",
        "refuses the TLS handshake: no version or cipher in common with this tool, or it wants a client's certificate",
    ),
}
_PROTOCOL = ("PROTOCOL", "VERSION", "HANDSHAKE_FAILURE", "CIPHER", "KEY_TOO_SMALL", "SIGNATURE", "CURVE", "GROUP")


class CaFileError(Exception):
    """OpenSSL can make nothing of the CA file."""


@cache
def context(verify: bool, ca_file: str | None = None) -> ssl.SSLContext:
    """The one context of the process that verifies, or the one that does not.

    Verifying is against ``ca_file`` alone, where there is one; else against the system's trust store, which
    SSL_CERT_FILE and SSL_CERT_DIR replace, as they do for curl. Raises ``CaFileError`` where the file cannot be used.
    """
    if not verify:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    elif ca_file is not None:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.hostname_checks_common_name = False
        # As curl does: a file that holds an intermediate alone makes that the end of the chain.
        made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            made.load_verify_locations(ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise CaFileError(f"The certificates in {ca_file} cannot be used: {error.strerror or error}.") from None
    else:
        made = _verifying()
    made.set_alpn_protocols(["http/1.1"])
    return made


def _verifying() -> ssl.SSLContext:
    paths = ssl.get_default_verify_paths()
    if sys.platform not in ("darwin", "win32") and (paths.cafile or paths.capath):
        # There, OpenSSL's own paths are the system's trust store. truststore reads them too, but again for every
        # connection (20 ms). Not ssl.create_default_context: from Python 3.13 on it is stricter than browsers.
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.load_default_certs()
        made.hostname_checks_common_name = False  # as in browsers, a name counts in subjectAltName alone
        return made
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def handshake_failure(attempt: Attempt, error: ssl.SSLError) -> Unanswered:
    """What OpenSSL says, in the words of ``NoResponse``."""
    host = attempt.place.host
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = getattr(error, "verify_code", 0)
        detail, what = _CERTIFICATE.get(code, ("other", f"does not verify: {getattr(error, 'verify_message', error)}"))
        return attempt.unanswered("tls", f"The certificate of {host} {what}.", detail)
    if reason in _PLAIN:
        return attempt.unanswered(
            "tls",
            f"Port {attempt.place.port} of {host} does not speak TLS; most likely it is plain HTTP.",
            "plain-http",
        )
    if reason in _ALERTS:
        detail, what = _ALERTS[reason]
        return attempt.unanswered("tls", f"{host} {what} ({reason}).", detail)
    if any(word in reason for word in _PROTOCOL):
        message = f"{host} and this tool have no TLS version or cipher in common ({reason})."
        return attempt.unanswered("tls", message, "protocol")
    return attempt.unanswered("tls", f"The TLS handshake with {host} failed ({reason or error}).", "handshake")


def certificate_of(connection: ssl.SSLObject | None) -> Certificate | None:
    """The certificate that the server sent, where it was not verified; None where it cannot be read."""
    # getpeercert() reads none that was not verified, and get_unverified_chain() is public, as bytes, since Python 3.13.
    chain = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", lambda: None)()
    try:
        return _read(chain) if chain else None
    except (ValueError, LookupError, OverflowError, OSError):
        return None  # whoever made it may have written anything into it


def _read(chain: Sequence[Any]) -> Certificate:
    own, last = chain[0].get_info(), chain[-1].get_info()
    return Certificate(
        names=tuple(name for _, name in own.get("subjectAltName", ())),
        issuer=_name(own["issuer"]),
        not_before=_date(own["notBefore"]),
        not_after=_date(own["notAfter"]),
        sent=len(chain),
        top_issuer=_name(last["issuer"]),
        ends_in_root=last["issuer"] == last["subject"],
        names_issuer=bool(own.get("caIssuers")),
    )


def _date(text: str) -> str:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(name: Iterable[Iterable[tuple[str, str]]]) -> str:
    """The most telling part of a distinguished name."""
    parts = dict(pair for relative in name for pair in relative)
    return parts.get("commonName") or parts.get("organizationName") or next(iter(parts.values()), "")
