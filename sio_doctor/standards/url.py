"""URLs and origins as browsers have them, as far as http(s) and ws(s) need it. Pure.

https://url.spec.whatwg.org/ · https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin

Other schemes are kept in one piece: it is enough to know that they are no http(s).
"""

from __future__ import annotations

import ipaddress
import re

from msgspec.structs import replace

from sio_doctor.model import Model

#: The special schemes that have hosts, and their default ports. https://url.spec.whatwg.org/#special-scheme
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

# fmt: off
#: https://fetch.spec.whatwg.org/#port-blocking
BAD_PORTS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on

_PLAIN = re.compile(r"[!-~]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_FORBIDDEN_IN_HOST = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
#: What the path, query and userinfo percent-encode sets add to controls, blanks and whatever is not ASCII.
_PATH, _QUERY, _USERINFO = frozenset('"#<>?^`{}'), frozenset("\"#<>'"), frozenset('"#<>?`{}/:;=@[\\]^|')
_OPAQUE_ORIGINS = frozenset({"file", "data", "about", "blob", "javascript", "mailto"})


class Url(Model, frozen=True, kw_only=True):
    """A URL record, its parts as they are serialised."""

    scheme: str
    host: str = ""
    """Lower case and punycode; IPv6 in brackets; empty where there is none (``file:///x``, ``mailto:a@b``)."""
    port: int | None = None
    """None: the scheme's own."""
    path: str = ""
    query: str | None = None
    fragment: str | None = None
    username: str = ""
    password: str = ""

    @property
    def effective_port(self) -> int | None:
        """The port that is connected to; None for a scheme that has none."""
        return self.port if self.port is not None else DEFAULT_PORTS.get(self.scheme)

    @property
    def has_credentials(self) -> bool:
        """https://url.spec.whatwg.org/#include-credentials"""
        return bool(self.username or self.password)


def parse(url: str, base: Url | None = None) -> Url:
    """The URL, resolved against ``base``; ValueError, one plain sentence, where browsers refuse it.

    https://url.spec.whatwg.org/#concept-url-parser
    """
    text = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(0x21)))))
    scheme = _SCHEME.match(text)
    if scheme is None:
        if base is None:
            raise ValueError(f"{url!r} is no URL: it has no scheme.")
        return _relative(text, base)
    name, rest = scheme[1].lower(), text[scheme.end() :]
    if name in DEFAULT_PORTS:
        if base is not None and base.scheme == name:
            return _relative(rest, base)
        return _special(name, rest.lstrip("/\\"), url)
    rest, fragment = _split(rest, "#")
    rest, query = _split(rest, "?")
    host = ""
    if rest.startswith("//"):
        host, slash, rest = rest[2:].partition("/")
        rest = slash + rest
    return Url(scheme=name, host=host, path=rest, query=query, fragment=fragment)


def serialize(url: Url, *, credentials: bool = True, fragment: bool = True) -> str:
    """The URL as a string, without its user and password, or without its fragment, where told.

    https://url.spec.whatwg.org/#url-serializing
    """
    authority = url.host
    if url.has_credentials and credentials:
        authority = url.username + (f":{url.password}" if url.password else "") + "@" + authority
    if url.port is not None:
        authority += f":{url.port}"
    slashes = "//" if authority or url.scheme == "file" else ""
    query = "" if url.query is None else f"?{url.query}"
    end = "" if url.fragment is None or not fragment else f"#{url.fragment}"
    return f"{url.scheme}:{slashes}{authority}{url.path}{query}{end}"


def origin_of(url: Url | str) -> str:
    """The origin as it is serialised: ``https://host[:port]``, or ``null`` for an opaque one.

    Schemes of apps and extensions (``capacitor://localhost``, ``chrome-extension://id``) keep ``scheme://host``, as
    their engines send it. https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
    """
    if isinstance(url, str):
        try:
            url = parse(url)
        except ValueError:
            return "null"
    if url.scheme in _OPAQUE_ORIGINS or not url.host:
        return "null"
    return f"{url.scheme}://{url.host}" + ("" if url.port is None else f":{url.port}")


def same_origin(a: str, b: str) -> bool:
    """Are two serialised origins the same? An opaque one (``null``) is the same as none, not even itself."""
    return a == b and a != "null"


def is_potentially_trustworthy(url: Url | str) -> bool:
    """https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy"""
    url = parse(url) if isinstance(url, str) else url
    return url.scheme in ("https", "wss", "file", "data", "about") or is_loopback_host(url.host)


def is_loopback_host(host: str) -> bool:
    """``localhost`` and names under it, 127.0.0.0/8, ``[::1]``."""
    name = host.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost") or host == "[::1]":
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False


def _split(text: str, mark: str) -> tuple[str, str | None]:
    before, sign, after = text.partition(mark)
    return before, after if sign else None


def _encode(text: str, also: frozenset[str]) -> str:
    """Percent-encodes, as UTF-8, what is not ASCII, controls, blanks and ``also``; what is encoded already stays."""
    # Nearly all text needs none of it, and a server may send 64 KiB of it: looked through at C's speed.
    if _PLAIN.fullmatch(text) and also.isdisjoint(text):
        return text
    return "".join(
        char
        if "!" <= char <= "~" and char not in also
        else "".join(f"%{byte:02X}" for byte in char.encode(errors="surrogatepass"))
        for char in text
    )


def _special(scheme: str, rest: str, whole: str) -> Url:
    """``user:password@host:port/path?query#fragment`` of a special scheme."""
    rest, fragment = _split(rest, "#")
    rest, query = _split(rest, "?")
    end = min((at for at in (rest.find("/"), rest.find("\\")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    userinfo, _, server = authority.rpartition("@")
    username, password = _split(userinfo, ":")
    server_host, port = _host_and_port(server, whole)
    return Url(
        scheme=scheme,
        host=_host(server_host, whole),
        port=None if port == DEFAULT_PORTS[scheme] else port,
        path=_path(path),
        query=None if query is None else _encode(query, _QUERY),
        fragment=None if fragment is None else _encode(fragment, frozenset('"<>`')),
        username=_encode(username, _USERINFO),
        password=_encode(password or "", _USERINFO),
    )


def _relative(text: str, base: Url) -> Url:
    """https://url.spec.whatwg.org/#relative-state, for a special base."""
    if base.scheme not in DEFAULT_PORTS:
        raise ValueError(f"{text!r} is no URL: it has no scheme.")
    rest, fragment = _split(text, "#")
    rest, query = _split(rest, "?")
    rest = rest.replace("\\", "/")
    if rest.startswith("//"):
        return _special(base.scheme, text.lstrip("/\\"), text)
    encoded = None if query is None else _encode(query, _QUERY)
    end = None if fragment is None else _encode(fragment, frozenset('"<>`'))
    if not rest:
        return replace(base, query=base.query if query is None else encoded, fragment=end)
    path = rest if rest.startswith("/") else base.path.rpartition("/")[0] + "/" + rest
    return replace(base, path=_path(path), query=encoded, fragment=end)


def _path(path: str) -> str:
    """The path with its dot segments resolved, encoded; never empty."""
    done: list[str] = []
    segments = path.replace("\\", "/").split("/")[1:] or [""]
    for number, segment in enumerate(segments):
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        last = number == len(segments) - 1
        if plain == "..":
            del done[-1:]
        if plain in (".", ".."):
            if last:
                done.append("")
        else:
            done.append(_encode(segment, _PATH))
    return "/" + "/".join(done)


def _host_and_port(server: str, whole: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?", server)
    if found is None:
        raise ValueError(f"{whole!r} is no URL: its host or port cannot be read.")
    port = int(found[2]) if found[2] else None
    if port is not None and port > 65535:
        raise ValueError(f"{whole!r} is no URL: there is no port {port}.")
    return found[1], port


def _host(host: str, whole: str) -> str:
    """https://url.spec.whatwg.org/#concept-host-parser"""
    if not host:
        raise ValueError(f"{whole!r} is no URL: it has no host.")
    try:
        if host.startswith("["):
            return f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]"
        name = _percent_decode(host)
        name = name.lower() if name.isascii() else _to_ascii(name)
        if not name or _FORBIDDEN_IN_HOST.search(name):
            raise ValueError
        return _ipv4(name) if _ends_in_a_number(name) else name
    except ValueError:
        raise ValueError(f"{whole!r} is no URL: {host!r} is no host.") from None


def _percent_decode(host: str) -> str:
    if "%" not in host:
        return host
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), host.encode())
    return raw.decode(errors="replace")


def _to_ascii(name: str) -> str:
    """Domain to ASCII: UTS #46, not transitional, any label length (as browsers have it, not IDNA 2008's registry)."""
    import idna  # not worth its start-up time where every host is ASCII

    try:
        mapped = idna.uts46_remap(name, False, False)
    except idna.IDNAError as error:
        raise ValueError(str(error)) from None
    labels = mapped.replace("\u3002", ".").split(".")
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels)


def _ends_in_a_number(name: str) -> bool:
    last = name.removesuffix(".").rpartition(".")[2]
    return last.isdigit() or re.fullmatch(r"0[xX][0-9A-Fa-f]*", last) is not None


def _ipv4(name: str) -> str:
    """https://url.spec.whatwg.org/#concept-ipv4-parser: ``127.1`` and ``0x7f000001`` are 127.0.0.1; else ValueError."""
    numbers = [_number(part) for part in name.removesuffix(".").split(".")]
    *first, last = numbers
    if len(numbers) > 4 or any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
        raise ValueError("not an IPv4 address")
    return str(ipaddress.IPv4Address(last + sum(number << 8 * (3 - at) for at, number in enumerate(first))))


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    if part.startswith("0") and len(part) > 1:
        return int(part, 8)
    return int(part)
