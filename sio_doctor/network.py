"""How the server is reached, as curl's options say it, made exact. What is wrong is a ValueError, one sentence.

Pure, but for a look into the CA file: that it cannot be used is said before anything is asked.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from sio_doctor.model import NetworkOptions, Pinned
from sio_doctor.standards import proxy_url
from sio_doctor.standards import url as urls

_RESOLVE = re.compile(r"\+?(\*|\[[0-9A-Fa-f:.]+\]|[^:\[\],]+):(\d{1,5}):(.+)")
_CERTIFICATE = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)
#: The first byte of a certificate's DER: an ASN.1 SEQUENCE.
_SEQUENCE = 0x30
_COOKIE_NAME = re.compile(r"[^\x00-\x20;=,\x7f-\U0010ffff]+")
_COOKIE_VALUE = re.compile(r"[^\x00-\x1f;\x7f\u0100-\U0010ffff]*")


def network_options(
    *,
    resolve: Sequence[str],
    ca_file: str | None,
    insecure: bool,
    proxy: str | None,
    no_proxy: str | None,
    family: int | None,
    max_requests: int | None,
) -> NetworkOptions:
    """The options as ``make_plan`` is given them. Raises ValueError with one sentence."""
    if max_requests is not None and max_requests < 1:
        raise ValueError("--max-requests takes a number from 1 on.")
    return NetworkOptions(
        resolve=tuple(_pinned(text) for text in resolve),
        ca_file=None if ca_file is None else _ca_file(ca_file),
        insecure=insecure,
        proxy=None if proxy is None else _proxy(proxy),
        no_proxy=no_proxy,
        family=_family(family),
        max_requests=max_requests,
    )


def notes_on(options: NetworkOptions, target: str) -> list[str]:
    """What the options make of the report's meaning, one sentence each; ``target`` is the server's URL."""
    notes = []
    if options.ca_file is not None and target.startswith("https:"):
        notes.append(
            f"Certificates are verified against {options.ca_file} alone: the verdicts are those of browsers that trust "
            "the authorities in it, and no others."
        )
    if options.family is not None:
        notes.append(f"Only IPv{options.family} is used here; a browser would use both families.")
    return notes


def cookies(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The cookies of ``name=value; name=value``, the last of a name in the place of the first."""
    jar: dict[str, str] = {}
    for text in texts:
        for pair in text.split(";"):
            name, sign, value = (part.strip(" \t") for part in pair.partition("="))
            if not name and not sign:
                continue  # what stands behind the last semicolon
            # Not the text itself: it is a secret, and this goes into logs.
            if not sign:
                raise ValueError("--cookie takes 'name=value; name=value', and no file of cookies.")
            if not _COOKIE_NAME.fullmatch(name) or not _COOKIE_VALUE.fullmatch(value):
                raise ValueError("--cookie has a cookie whose name or value has characters that no cookie can carry.")
            jar[name] = value
    return tuple(jar.items())


def _pinned(text: str) -> Pinned:
    match = _RESOLVE.fullmatch(text.strip())
    try:
        if match is None or int(match[2]) > 65535:
            raise ValueError
        host = "*" if match[1] == "*" else urls.parse(f"http://{match[1]}").host
        addresses = tuple(
            str(ip_address(part.strip().removeprefix("[").removesuffix("]"))) for part in match[3].split(",")
        )
    except ValueError:
        raise ValueError(
            f"--resolve takes HOST:PORT:ADDRESS, like api.example.com:443:127.0.0.1 or *:443:[::1], not {text!r}."
        ) from None
    return Pinned(host=host.strip("[]"), port=int(match[2]), addresses=addresses)


def _ca_file(path: str) -> str:
    try:
        if not Path(path).is_file():
            reason = "it is no file" if Path(path).exists() else "there is no such file"
            raise ValueError(f"--ca-file {path!r} cannot be read: {reason}.")
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"--ca-file {path!r} cannot be read: {error.strerror or type(error).__name__}.") from None
    if any(map(_is_certificate, _CERTIFICATE.findall(data.decode("latin-1")))):
        return path
    if data[:1] == bytes([_SEQUENCE]):
        raise ValueError(
            f"--ca-file takes PEM, and {path!r} looks like DER; openssl x509 -inform der makes one of the other."
        )
    raise ValueError(f"--ca-file {path!r} has no certificate in it; PEM has -----BEGIN CERTIFICATE----- lines.")


def _is_certificate(body: str) -> bool:
    try:
        return base64.b64decode("".join(body.split()), validate=True)[:1] == bytes([_SEQUENCE])
    except binascii.Error:
        return False


def _proxy(text: str) -> str:
    text = text.strip()
    if not text:
        return ""
    url = proxy_url.parse(text)
    # Not the text itself: it may hold a password, and this goes into logs.
    if url is None:
        raise ValueError(
            "--proxy takes a proxy's URL, like http://proxy.example.com:3128, and what it was given is none."
        )
    if url.scheme != "http":
        raise ValueError(f"--proxy takes an http:// proxy; one of the scheme {url.scheme} is not spoken to.")
    return text


def _family(family: int | None) -> Literal[4, 6] | None:
    if family is None:
        return None
    if family == 4:
        return 4
    if family == 6:
        return 6
    raise ValueError(f"The family of addresses is 4 or 6, not {family}.")
