"""Local Network Access: from how private a network does an address come? Pure.

https://wicg.github.io/local-network-access/
"""

from __future__ import annotations

import ipaddress
from typing import Literal

AddressSpace = Literal["loopback", "local", "public"]

#: https://wicg.github.io/local-network-access/#non-public-ip-address-blocks, as Chromium and Firefox agree on it: both
#: take 198.18.0.0/15 for public, though the text has it as loopback.
_LOOPBACK = [ipaddress.ip_network(block) for block in ("127.0.0.0/8", "0.0.0.0/32", "::1/128", "::/128")]
_LOCAL = [
    ipaddress.ip_network(block)
    for block in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]
_LOCAL += [ipaddress.ip_network(block) for block in ("fc00::/7", "fe80::/10")]


def address_space(ip: str) -> AddressSpace:
    """The IP address space of an address (``192.168.1.2``, ``fe80::1``, no brackets); ValueError where it is none.

    https://wicg.github.io/local-network-access/#determine-the-ip-address-space
    """
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in block for block in _LOOPBACK):
        return "loopback"
    return "local" if any(address in block for block in _LOCAL) else "public"
