"""Hostile servers, scripted: each is what one connection does, again for every connection.

``HOSTILE["gzip bomb"]`` is a script for ``raw``; ``steady`` makes one of answers to the paths that a check asks.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from collections.abc import Callable

from tests.servers.raw import Peer, Script, answer, answer_then_hang, drip, endless

OK = b"HTTP/1.1 200 OK\r\n"
PAGE = b"http://localhost:8080"
ALLOW = b"Access-Control-Allow-Origin: " + PAGE + b"\r\n"

#: What could move a cursor, recolour or retitle a terminal, turn text round, hide in it, or break JSON.
CONTROLS = "\x1b[2J\x1b[31m\x1b]0;owned\x07\x1b]8;;http://evil.invalid\x1b\\\x9b31m\x90\u202e\u2066\u200b\x00\x08\r\x7f\u2028\ufeff"
LATIN = CONTROLS.encode("latin-1", "ignore").replace(b"\r", b"").replace(b"\x00", b"")


def http(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """One answer, whole, that lets ``PAGE`` in."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %s\r\n%s%sContent-Length: %d\r\n\r\n%s" % (status, ALLOW, lines, len(body), body)


def open_body(sid: str = "lv_VI97HAXpY6yYWAAAC", upgrades: tuple[str, ...] = ("websocket",)) -> bytes:
    """The open packet."""
    fields = {"sid": sid, "upgrades": upgrades, "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}
    return b"0" + json.dumps(fields).encode()


def always(whole: bytes) -> Script:
    """Answers every request with those bytes, on the same connection."""

    def script(peer: Peer) -> None:
        while peer.hear():
            peer.say(whole)

    return script


def engine(
    opened: bytes | None = None,
    *,
    post: bytes = http(b"ok"),
    poll: bytes | None = None,
    frames: Callable[[Peer], None] | None = None,
) -> Script:
    """Answers as Engine.IO does, but for what is given: the open packet, a POST, a poll, what follows a 101."""
    handshake = http(open_body() if opened is None else opened)
    polled = http(b'40{"sid":"wZX3oN0bSVIhsaknAAAI"}') if poll is None else poll

    def script(peer: Peer) -> None:
        while request := peer.hear():
            head = request.partition(b"\r\n\r\n")[0]
            if b"\r\nupgrade: websocket" in head.lower():
                if frames is None:
                    peer.say(http(status=b"400 Bad Request"))
                    continue
                peer.say(switching(head))
                frames(peer)
                return
            if request.startswith(b"POST"):
                peer.say(post)
            else:
                peer.say(polled if b"sid=" in head.split(b"\r\n")[0] else handshake)

    return script


def switching(head: bytes) -> bytes:
    """The 101 that belongs to that opening handshake."""
    key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(data: bytes, opcode: int = 1, *, masked: bool = False) -> bytes:
    """One frame of up to 64 KiB."""
    bit = 0x80 if masked else 0
    length = bytes([bit | len(data)]) if len(data) < 126 else bytes([bit | 126]) + struct.pack("!H", len(data))
    return bytes([0x80 | opcode]) + length + (b"\0\0\0\0" if masked else b"") + data


def flood(data: bytes) -> Callable[[Peer], None]:
    """Those bytes without end, as fast as they are taken."""

    def say(peer: Peer) -> None:
        while True:
            peer.say(data)

    return say


def once(data: bytes) -> Callable[[Peer], None]:
    """Those bytes, then silence."""

    def say(peer: Peer) -> None:
        peer.say(data)
        peer.hang()

    return say


def redirecting(location: Callable[[bytes], bytes], status: bytes = b"302 Found") -> Script:
    """Every request is led on to what ``location`` makes of its target."""

    def script(peer: Peer) -> None:
        while request := peer.hear():
            peer.say(http(b"", b"Location: " + location(request.split(b" ")[1]), status=status))

    return script


def unasked(peer: Peer) -> None:
    """Answers before it was asked."""
    peer.say(http(open_body()))
    peer.hang()


def connect_error(message: str) -> Script:
    """Refuses CONNECT with that message."""
    return engine(
        poll=http(b"44" + json.dumps({"message": message}, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    )


OPEN = http(open_body())

HOSTILE: dict[str, Script] = {
    # --- time and size ---
    "silent": lambda peer: peer.hang(),
    "silent after the request": answer_then_hang(),
    "closes at once": lambda peer: None,
    "resets": lambda peer: peer.reset(),
    "dripping head": drip(OK + b"X-A: ", b"a"),
    "dripping status": drip(b"HTT", b"P"),
    "dripping body": drip(OK + ALLOW + b"Content-Length: 100000\r\n\r\n", b"a"),
    "endless head": endless(OK, b"X-A: b\r\n"),
    "endless header line": endless(OK + b"X-A: ", b"a" * 4096),
    "endless body": endless(OK + ALLOW + b"\r\n", b"a" * 65536),
    "endless open packet": endless(OK + ALLOW + b"\r\n" + b'0{"sid":"', b"a" * 65536),
    "endless chunks": endless(OK + ALLOW + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "endless chunk extension": endless(OK + ALLOW + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a" * 65536),
    "endless chunk trailers": endless(OK + ALLOW + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    "endless 100 Continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless 103 hints": endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "endless blank lines": endless(b"", b"\r\n"),
    "endless HTTP": endless(b"", b"HTTP/1.1 "),
    "gzip bomb": always(http(gzip.compress(b"\0" * 50_000_000), b"Content-Encoding: gzip")),
    "gzip bomb, thrice": always(
        http(gzip.compress(gzip.compress(gzip.compress(b"0" * 50_000_000))), b"Content-Encoding: gzip, gzip, gzip")
    ),
    "hundred codings": always(http(gzip.compress(open_body()), b"Content-Encoding: " + b"gzip," * 5000 + b"gzip")),
    "10,000 headers": always(OK + b"A: b\r\n" * 10000 + b"\r\n"),
    "60 KiB header value": always(http(open_body(), b"X-A: " + b"a" * 61440)),
    "60 KiB allow-origin": always(
        OK + b"Access-Control-Allow-Origin: " + b"a," * 30000 + b"\r\nContent-Length: 0\r\n\r\n"
    ),
    "60 KiB allow-headers": always(http(open_body(), b"Access-Control-Allow-Headers: " + b"a," * 30000)),
    # --- redirects ---
    "redirect to itself": redirecting(lambda target: target),
    "redirect that grows": redirecting(lambda target: target + b"&a=" + b"a" * 500, b"307 Temporary Redirect"),
    "redirect to a file": redirecting(lambda _: b"file:///etc/passwd"),
    "redirect to javascript": redirecting(lambda _: b"javascript:alert(1)"),
    "redirect to another port": redirecting(lambda target: b"http://127.0.0.1:9" + target),
    "redirect to no name": redirecting(lambda target: b"https://evil.invalid" + target),
    "redirect to controls": redirecting(lambda _: b"/" + LATIN),
    "redirect to 60 KiB": redirecting(lambda _: b"/" + b"a" * 60000),
    "redirect to nonsense": redirecting(lambda _: b"http://[:::1]:x/%zz%"),
    "redirect to nowhere": redirecting(lambda _: b""),
    "two locations": always(http(b"", b"Location: /a", b"Location: /b", status=b"301 Moved")),
    # --- WebSockets ---
    "frame flood": engine(frames=flood(frame(b"2"))),
    "big frame flood": engine(frames=flood(frame(b"4" * 60000))),
    "ping flood": engine(frames=flood(frame(b"ping", 9))),
    "empty fragments": engine(frames=flood(b"\x00\x00")),
    "endless fragments": engine(frames=flood(b"\x00\x01a")),
    "huge frame length": engine(frames=once(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" + b"a" * 1000)),
    "masked frames": engine(frames=once(frame(open_body(), masked=True))),
    "reserved bits": engine(frames=once(b"\xf1\x02hi")),
    "unknown opcode": engine(frames=once(b"\x8b\x02hi")),
    "text that is no UTF-8": engine(frames=once(frame(b"0\xff\xfe"))),
    "close with controls": engine(frames=once(frame(struct.pack("!H", 1008) + CONTROLS.encode(), 8))),
    "bytes after 101": engine(frames=flood(b"\xff" * 4096)),
    "101 to a GET": always(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    "101 with a body": endless(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"a" * 4096),
    "wrong accept": always(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAA\r\nSec-WebSocket-Extensions: evil\r\nSec-WebSocket-Protocol: evil\r\n\r\n"
    ),
    # --- text that does more than show ---
    "controls in headers": always(
        http(open_body(), b"X-A: " + LATIN, b"Server: nginx" + LATIN, b"Via: " + LATIN, b"Vary: " + LATIN)
    ),
    "controls in allow-origin": always(
        OK + b"Access-Control-Allow-Origin: " + LATIN + b"\r\nContent-Length: 97\r\n\r\n" + open_body()
    ),
    "controls in the body": always(http(f"<title>{CONTROLS}</title>".encode(), b"Content-Type: text/html" + LATIN)),
    "controls in an error": always(
        http(json.dumps({"code": 3, "message": CONTROLS}).encode(), status=b"400 Bad Request")
    ),
    "controls in the reason": always(http(b"", status=b"500 " + LATIN)),
    "controls in the sid": engine(open_body(CONTROLS)),
    "controls in the upgrades": engine(open_body(upgrades=("websocket", CONTROLS, "\x1b[31m"))),
    "controls in CONNECT_ERROR": connect_error(CONTROLS),
    "controls in cookies": always(
        http(open_body(), b"Set-Cookie: a=" + LATIN + b"; SameSite=None; Secure; x=" + LATIN)
    ),
    "controls without HTTP": always(LATIN + b"\r\n\r\n"),
    "controls in the preflight": always(
        http(
            open_body(),
            b"Access-Control-Allow-Methods: " + LATIN,
            b"Access-Control-Allow-Headers: " + LATIN,
            b"Access-Control-Max-Age: " + b"9" * 5000,
        )
    ),
    "NULs": always(b"HTTP/1.1 200 O\0K\r\nX-\0A: \0\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0"),
    "markup": always(http(b"<title>[red]</title><script>::error::</script>]]>&amp;", b"X-A: [bold]::add-mask::x[/]")),
    "CR alone": always(b"HTTP/1.1 200 OK\rA: b\r\r0{}"),
    # --- JSON that hurts ---
    "deep JSON": always(http(b"0" + b'{"sid":' * 30000)),
    "deep JSON, balanced": always(http(b'0{"sid":"abcdefgh","a":' + b"[" * 30000 + b"]" * 30000 + b"}")),
    "deep error": always(http(b"[" * 60000, status=b"400 Bad Request")),
    "deep CONNECT": engine(poll=http(b"40" + b'{"sid":' * 10000)),
    "giant numbers": always(
        http(b'0{"sid":"abcdefgh","upgrades":[],"pingInterval":1e400,"pingTimeout":' + b"9" * 5000 + b"}")
    ),
    "negative numbers": always(
        http(b'0{"sid":"abcdefgh","upgrades":[1,null,{}],"pingInterval":-1,"pingTimeout":NaN,"maxPayload":0.5}')
    ),
    "odd fields": always(
        http(b'0{"sid":"abcdefgh","upgrades":"websocket","pingInterval":true,"pingTimeout":[],"maxPayload":1e300}')
    ),
    "lone surrogates": engine(
        b'0{"sid":"\\ud800abcdefg","upgrades":["\\udfff"],"pingInterval":1}', poll=http(b'44{"message":"\\ud83d"}')
    ),
    "duplicate keys": engine(b'0{"sid":"abcdefgh","sid":"ijklmnop","sid":null,"sid":"qrstuvwx","upgrades":[]}'),
    "raw surrogates": always(http(b'0{"sid":"\xed\xa0\x80abcdefg","upgrades":[]}')),
    "invalid UTF-8": always(http(b"\xff\xfe\x00\x01" * 100)),
    "binary framing that lies": always(http(b"\x00\x09\x09\x09\x09\x09\xff0{}")),
    "length framing that lies": always(http(b'999999999:0{"sid":"abcdefgh"}')),
    "giant length framing": always(http(b"9" * 60000 + b':0{"sid":"abcdefgh"}')),
    "60,000 packets": engine(poll=http(b"\x1e".join([b"2"] * 30000))),
    "unknown packets": engine(poll=http(b"9\x1e\x1e\x1e4\x1e4x")),
    "acknowledgements": engine(poll=http(b'43/admin,1["a"]')),
    "wrong namespaces": engine(poll=http(b'40/a,{"sid":"a"}\x1e40/b,{"sid":"b"}')),
    # --- session ids ---
    "sid that ends JSON": engine(open_body('abc"},{"x":"')),
    "sid with newlines": engine(open_body("abc\ndef\r\nSet-Cookie: a=b\n")),
    "sid of 60 KiB": engine(open_body("s" * 60000)),
    "sid that is empty": engine(open_body("")),
    "sid of markup": engine(open_body("[bold]<b>&lt;`$(id)`';--%0a&a=b#?/../")),
    "sid with wide characters": engine(open_body("ß漢字🂡🂡🂡")),
    **{f"sid that is {word!r}": engine(open_body(word)) for word in ("chromium", "cors-not-configured")},
    "sid that is a header": engine(open_body("Access-Control-Allow-Origin")),
    "sid that is the page": engine(open_body(PAGE.decode())),
    "cookie that is a word": always(http(open_body(), b"Set-Cookie: a=polling; Path=/", b"Set-Cookie: b=chromium")),
    # --- framing that lies ---
    "content-length too long": always(OK + ALLOW + b"Content-Length: 1000\r\n\r\n" + open_body()),
    "content-length too short": always(OK + ALLOW + b"Content-Length: 3\r\n\r\n" + open_body()),
    "content-length giant": always(OK + ALLOW + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n" + open_body()),
    "content-length negative": always(OK + ALLOW + b"Content-Length: -5\r\n\r\n" + open_body()),
    "content-length twice": always(OK + ALLOW + b"Content-Length: 3\r\nContent-Length: 50\r\n\r\n" + open_body()),
    "chunked garbage": always(OK + ALLOW + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + open_body()),
    "chunk of 2**64": always(OK + ALLOW + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc"),
    "chunked and length": always(
        OK + ALLOW + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ),
    "gzip that is none": always(http(open_body(), b"Content-Encoding: gzip")),
    "unknown coding": always(http(open_body(), b"Content-Encoding: br, zstd")),
    "status 999": always(http(open_body(), status=b"999 Request denied")),
    "status 9999": always(http(open_body(), status=b"9999 X")),
    "status of words": always(b"HTTP/1.1 OK\r\n\r\n"),
    "204 with a body": always(http(open_body(), status=b"204 No Content")),
    "HTTP/2 preface": always(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/9.9": always(b"HTTP/9.9 200 OK\r\n\r\n"),
    "TLS alert": always(b"\x15\x03\x01\x00\x02\x02\x46"),
    "SSH": answer(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "two answers at once": always(OPEN + OPEN),
    "answers unasked": unasked,
    # --- sessions that go on strangely ---
    "slow polls": engine(poll=b""),
    "POST that hangs": engine(post=b""),
    "POST that redirects": engine(post=http(b"", b"Location: /elsewhere", status=b"307 Temporary Redirect")),
    "poll that is a page": engine(poll=http(b"<html>")),
    "new session every time": engine(poll=http(open_body("abcdefghijkl"))),
    "close packet": engine(poll=http(b"1")),
    "405 with allow": always(http(b"", b"Allow: " + LATIN, status=b"405 Method Not Allowed")),
    "401 with challenge": always(http(b"", b"WWW-Authenticate: Basic realm=" + LATIN, status=b"401 Unauthorized")),
}
