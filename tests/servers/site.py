"""A web site on loopback: what it answers at each path.

with raw(site({"/": page(b"<title>hello</title>", "Content-Security-Policy: default-src 'self'")})) as server:
    ...
"""

from __future__ import annotations

from tests.servers.raw import Peer, Script


def page(body: bytes = b"<!doctype html><title>page</title>", *lines: str, status: str = "200 OK") -> bytes:
    """An answer in HTML, with these lines of head besides."""
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def to(location: str) -> bytes:
    """A redirect."""
    return page(b"", f"Location: {location}", status="302 Found")


def site(answers: dict[str, bytes]) -> Script:
    """The answer for each path, its query left out; a 404 for any other."""

    def script(peer: Peer) -> None:
        while request := peer.hear():
            path = request.split(b" ", 2)[1].decode().partition("?")[0]
            peer.say(answers.get(path, page(b"nothing here", status="404 Not Found")))

    return script
