"""A request as the curl line that sends it again."""

from __future__ import annotations

import re
import shlex

from sio_doctor.model import NetworkOptions, Request, get

#: What curl says by itself, or what only a browser's own would be true.
LEFT_OUT = frozenset({"host", "user-agent", "accept", "accept-encoding", "connection", "content-length"})
#: The opening handshake's own, in the order in which they are printed; the key is RFC 6455's example, section 1.3.
OPENING = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


#: Reached as everything is.
DIRECTLY = NetworkOptions()


def curl(
    request: Request, *, verified: bool = True, network: NetworkOptions = DIRECTLY, address: str | None = None
) -> str:
    """The line for a POSIX shell that sends ``request`` again and prints the answer's head and body.

    A header whose value was struck out (``redact``) has a shell variable: ``"Authorization: $AUTHORIZATION"``.
    With ``verified`` false the certificate is not verified; ``network`` says how the server is reached, and
    ``address`` at which address of its host alone. A ws or wss URL is sent as an opening handshake.
    Bytes that no shell word can show are written ``$'\\x1e'`` (POSIX.1-2024). A session is gone when the line is read,
    so its id is the shell variable ``$SID``, which ``session`` sets.
    """
    opening = request.url.startswith(("ws:", "wss:"))
    url = "http" + request.url[2:] if opening else request.url
    words = ["curl", "-I" if request.method == "HEAD" else "-i"]
    if opening:
        words += ["-N", "--http1.1"]
    if not verified:
        words.append("-k")
    words += _way(network, verified)
    if address is not None:
        words += ["--connect-to", _word(f"::{f'[{address}]' if ':' in address else address}:")]
    if re.search(r"[{}\[\]]", url):
        words.append("-g")  # curl would take these for a pattern of URLs
    words.append(_url(url))
    if request.method not in ("GET", "HEAD") and not (request.method == "POST" and request.body is not None):
        words += ["-X", _word(request.method)]
    for name, value in _headers(request, opening):
        # Without a "=", curl would take it for the name of a file.
        cookie = name.lower() == "cookie" and "=" in value
        words += ["-b", _word(value, "latin-1")] if cookie else ["-H", _header(name, value)]
    if request.body is not None:
        if get(request.headers, "content-type") is None:
            words += ["-H", "Content-Type:"]  # else curl says it is a form
        words += ["--data-raw", _word(request.body)]
    return " ".join(words)


def _way(network: NetworkOptions, verified: bool) -> list[str]:
    """The options that say how the server is reached."""
    words = [f"-{network.family}"] if network.family is not None else []
    for pin in network.resolve:
        host = f"[{pin.host}]" if ":" in pin.host else pin.host
        addresses = ",".join(f"[{address}]" if ":" in address else address for address in pin.addresses)
        words += ["--resolve", _word(f"{host}:{pin.port}:{addresses}")]
    if network.ca_file is not None and verified:
        words += ["--cacert", _word(network.ca_file)]
    if network.proxy is not None:
        words += ["-x", _word(network.proxy)]
    if network.no_proxy is not None:
        words += ["--noproxy", _word(network.no_proxy)]
    return words


def session(handshake: Request, *, verified: bool = True, network: NetworkOptions = DIRECTLY) -> str:
    """The line that opens a session as ``handshake`` did, and keeps its id in ``$SID`` for the lines of ``curl``."""
    line = curl(handshake, verified=verified, network=network).replace("curl -i", "curl -s", 1)
    return f"""SID=$({line} | sed -n 's/.*"sid":"\\([^"]*\\)".*/\\1/p')"""


def _url(url: str) -> str:
    found = re.search(r"(?<=[?&]sid=)[^&]+", url)
    if found is None:
        return _word(url)
    after = url[found.end() :]
    return _word(url[: found.start()]) + '"$SID"' + (_word(after) if after else "")


def _headers(request: Request, opening: bool) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in request.headers if name.lower() not in LEFT_OUT]
    if not opening:
        return kept
    own = [(name, get(request.headers, name) or usual) for name, usual in OPENING]
    names = {name.lower() for name, _ in own}
    return own + [(name, value) for name, value in kept if name.lower() not in names]


def _header(name: str, value: str) -> str:
    """The word for ``-H``. The shell expands one thing alone: the variable that stands for a struck-out value."""
    if value == "$" + re.sub(r"\W", "_", name).upper():
        return f'"{name}: {value}"'
    return _word(f"{name}: {value}" if value else f"{name};", "latin-1")


def _word(text: str, encoding: str = "utf-8") -> str:
    """``text`` as one word of a shell line, sent in that encoding."""
    if text.isascii() and text.isprintable():
        return shlex.quote(text)
    octets = text.encode(encoding, "backslashreplace")
    return "$'" + "".join(chr(o) if 0x20 <= o < 0x7F and o not in b"'\\" else f"\\x{o:02x}" for o in octets) + "'"
