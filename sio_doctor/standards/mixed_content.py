"""Mixed Content: may a page ask for that URL at all? Pure.

https://w3c.github.io/webappsec-mixed-content/
"""

from __future__ import annotations

from sio_doctor.standards.local_network import address_space
from sio_doctor.standards.url import Url, is_potentially_trustworthy


def should_be_blocked(
    page: Url, url: Url, *, loopback_is_trustworthy: bool = True, private_is_exempt: bool = False
) -> bool:
    """Is the request for ``url`` from that page blocked as mixed content?

    XMLHttpRequest and WebSocket are blockable content, never upgraded. All engines restrict https pages alone, though
    the standard restricts every trustworthy page (``http://localhost`` among them). ``loopback_is_trustworthy`` is
    false for the engine that blocks ``http://localhost`` and ``http://127.0.0.1`` as well, ``private_is_exempt`` true
    for the one that leaves private addresses to Local Network Access.

    https://w3c.github.io/webappsec-mixed-content/#should-block-fetch
    """
    if page.scheme != "https" or (private_is_exempt and names_private_network(url)):
        return False
    return url.scheme in ("http", "ws") and not (loopback_is_trustworthy and is_potentially_trustworthy(url))


def names_private_network(url: Url) -> bool:
    """The URL itself says so, before anything is resolved: a private address, 0.0.0.0, or a name under ``.local``.

    https://wicg.github.io/local-network-access/#mixed-content
    """
    try:
        return address_space(url.host.strip("[]")) != "public"
    except ValueError:
        return url.host.removesuffix(".").endswith(".local")
