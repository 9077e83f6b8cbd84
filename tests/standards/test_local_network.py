"""The address spaces of Local Network Access, at the borders of each block."""

from __future__ import annotations

import pytest

from sio_doctor.standards.local_network import address_space


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.255.255.255", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"])
def test_loopback(ip: str) -> None:
    assert address_space(ip) == "loopback"


@pytest.mark.parametrize(
    "ip",
    [
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.168.0.1",
        "169.254.1.1",
        "100.64.0.0",
        "100.127.255.255",
        "0.0.0.1",
        "fc00::1",
        "fdff::1",
        "fe80::1%eth0",
        "::ffff:192.168.0.1",
    ],
)
def test_local(ip: str) -> None:
    assert address_space(ip) == "local"


@pytest.mark.parametrize(
    "ip",
    [
        "9.255.255.255",
        "11.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "1.0.0.0",
        "8.8.8.8",
        "198.18.0.1",
        "2001:4860::1",
        "::ffff:8.8.8.8",
    ],
)
def test_public(ip: str) -> None:
    assert address_space(ip) == "public"


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="example"):
        address_space("example.com")
