"""Cloudflare: its own statuses, its addresses, and the ports that it passes on. As its documentation has them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network

#: Statuses with which it answers in the server's place, as far as they are about reaching that server by TLS.
STATUSES = {
    521: "the server behind it refuses its connections (a firewall, or nothing listens on the port)",
    525: "the TLS handshake with the server behind it fails",
    526: "the certificate of the server behind it is not valid",
}
#: https://developers.cloudflare.com/fundamentals/reference/network-ports/
PORTS = {
    "http": frozenset({80, 8080, 8880, 2052, 2082, 2086, 2095}),
    "https": frozenset({443, 2053, 2083, 2087, 2096, 8443}),
}

# fmt: off
#: https://www.cloudflare.com/ips/
_NETWORKS = tuple(map(ip_network, (
    "173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18", "108.162.192.0/18",
    "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13",
    "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22", "2400:cb00::/32", "2606:4700::/32", "2803:f800::/32",
    "2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
)))
# fmt: on


def unproxied(addresses: Sequence[IPv4Address | IPv6Address], port: int) -> bool:
    """The addresses are all Cloudflare's, and it does not pass that port on."""
    if any(port in ports for ports in PORTS.values()):
        return False
    return bool(addresses) and all(any(address in network for network in _NETWORKS) for address in addresses)
