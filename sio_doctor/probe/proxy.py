"""Which proxy a URL is asked through: curl's rules, but this machine itself through none of the environment's.

https://curl.se/docs/manpage.html#ENVIRONMENT and https://curl.se/libcurl/c/CURLOPT_NOPROXY.html. Nothing here opens a
socket; ``route`` does what was chosen.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from sio_doctor.probe.attempt import Place
from sio_doctor.standards import proxy_url

#: Shorter ones would be found in the middle of words.
_SHORTEST = 6


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy as ``variable`` names it: of the environment, or ``--proxy``. Neither its text nor its ``repr`` has the
    credentials.
    """

    variable: str
    scheme: str
    """``http`` is the one that is spoken; ``""`` where the variable holds no proxy's URL."""
    host: str = ""
    """Without brackets."""
    port: int = 0
    credentials: str = field(default="", repr=False)
    """``user:password``, latin-1, nothing encoded any more; empty where there are none."""

    def __str__(self) -> str:
        return f"the proxy {self.url} (of {self.variable})"

    @property
    def usable(self) -> bool:
        """It can be spoken to."""
        return self.scheme == "http"

    @property
    def url(self) -> str:
        """``http://host:port``, without credentials."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def note(self) -> str:
        """What the person has to know about it, in whole sentences."""
        if self.usable:
            return f"Asked through {self}. It looks names up itself; the DNS of this machine was not asked."
        if not self.scheme:
            return f"{self.variable} holds no proxy's URL, so no proxy was used."
        return f"{self.variable} names a proxy of the scheme {self.scheme}. Only http is spoken, so it was not used."

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What a request to it has on top. https://www.rfc-editor.org/rfc/rfc7617#section-2"""
        return (("Proxy-Authorization", f"Basic {self._basic}"),) if self.credentials else ()

    def strike(self, data: bytes) -> bytes:
        """``data`` without the credentials, which whoever got them may have echoed."""
        for form in (f"Basic {self._basic}", self._basic, self.credentials):
            if self.credentials and len(form) >= _SHORTEST:
                data = data.replace(form.encode("latin-1"), b"<proxy credentials>")
        return data

    @property
    def _basic(self) -> str:
        return base64.b64encode(self.credentials.encode("latin-1")).decode()


def proxy_for(
    url: str, environ: Mapping[str, str], *, asked: str | None = None, no_proxy: str | None = None
) -> Proxy | None:
    """The proxy that ``environ`` has for an http(s) or ws(s) URL, ``usable`` or not; None where it is asked directly.

    ``asked`` comes before the environment, and holds for loopback too; empty it stands for none. ``no_proxy`` likewise.
    ``http_proxy`` counts in lower case alone: in CGI, HTTP_PROXY is what a request's ``Proxy`` header said. WebSockets
    go the way of http and https. Raises ``ValueError`` for what is no such URL.
    """
    place = Place.of(url)
    if no_proxy is None:
        no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if asked == "" or is_exempt(place.host, no_proxy):
        return None
    if asked is not None:
        return _read("--proxy", asked)
    if _is_loopback(place.host):
        return None
    for variable in (*(("https_proxy", "HTTPS_PROXY") if place.secure else ("http_proxy",)), "all_proxy", "ALL_PROXY"):
        if value := environ.get(variable):
            return _read(variable, value)
    return None


def is_exempt(host: str, no_proxy: str) -> bool:
    """Whether ``no_proxy`` lists that host (no brackets, no port), itself or by a domain or network that it is in.

    A port or a ``*`` within an entry matches nothing; ``*`` alone, as the whole list, matches everything.
    """
    if no_proxy == "*":
        return True
    name = host.lower().removesuffix(".")
    try:
        address = ip_address(name)
    except ValueError:
        domains = (entry.lower().removesuffix(".").removeprefix(".") for entry in _entries(no_proxy))
        return any(name == domain or name.endswith(f".{domain}") for domain in domains if domain)
    return any(_contains(entry, address) for entry in _entries(no_proxy))


def _entries(no_proxy: str) -> list[str]:
    # Blanks between entries are old, and newer versions of curl no longer read on behind one; they do no harm.
    return no_proxy.replace(",", " ").split()


def _contains(entry: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        return False
    return address in network


def _is_loopback(host: str) -> bool:
    # As in browsers: https://chromium.googlesource.com/chromium/src/+/HEAD/net/docs/proxy.md#implicit-bypass-rules
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _read(variable: str, value: str) -> Proxy:
    url = proxy_url.parse(value)
    return Proxy(variable, *url) if url is not None else Proxy(variable, "")
