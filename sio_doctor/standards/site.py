"""Sites: are two hosts parts of one website? Pure.

https://html.spec.whatwg.org/multipage/browsers.html#sites · https://publicsuffix.org/
"""

from __future__ import annotations

import ipaddress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def same_site(a: str, b: str) -> bool:
    """Do two hosts have the same registrable domain? The scheme is for the caller to compare; ports never count.

    Hosts are lower case and punycode, IPv6 in brackets, as in ``Url.host``. An empty one, an opaque origin's, is the
    same site as none. https://html.spec.whatwg.org/multipage/browsers.html#same-site
    """
    if not a or not b:
        return False
    if a == b:
        return True
    # The list takes its time to load, and a registrable domain has two labels at least.
    ends = [host.removesuffix(".").split(".")[-2:] for host in (a, b)]
    if ends[0] != ends[1] or is_ip_address(a) or is_ip_address(b):
        return False
    return registrable_domain(a) is not None and registrable_domain(a) == registrable_domain(b)


def registrable_domain(host: str) -> str | None:
    """``example.co.uk`` of ``api.example.co.uk``; None for a public suffix, an address, a name of one label.

    https://url.spec.whatwg.org/#host-registrable-domain
    """
    return None if is_ip_address(host) else _list().privatesuffix(host.removesuffix("."))


def is_public_suffix(host: str) -> bool:
    """It is one that anybody can register a name under. https://url.spec.whatwg.org/#host-public-suffix"""
    return not is_ip_address(host) and registrable_domain(host) is None


def is_ip_address(host: str) -> bool:
    """It is an address, not a name."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


@cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # with its list 60 ms, and few runs need it

    return PublicSuffixList()
