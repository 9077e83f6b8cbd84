"""What the markup of a page says: policies in its head, and which client it loads. Pure.

https://html.spec.whatwg.org/#attr-meta-http-equiv-content-security-policy
"""

from __future__ import annotations

import re
from contextlib import suppress
from html.parser import HTMLParser

#: Elements that leave the parser in the head; any other begins the body.
_IN_HEAD = frozenset({"html", "head", "title", "meta", "link", "script", "style", "base", "noscript", "template"})
_APART = frozenset({"title", "script", "style", "noscript", "template"})
#: `socket.io-client@4.8.1/…`, `/socket.io/4.8.1/socket.io.min.js`, `socket.io-2.5.0.js`.
_CLIENT = re.compile(r"socket\.io(?:-client)?[@/-]v?(\d{1,3}(?:\.\d{1,3}){0,2})(?!\d)")


class Head(HTMLParser):
    """The policies in the head of a document, and the version of the client that it loads.

    A ``meta`` element counts as a child of the head alone: not behind the first element of the body, not within
    ``noscript`` or ``template``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.policies: list[str] = []
        self.client: str | None = None
        self._in_head = True
        self._within: list[str] = []

    def read(self, text: str) -> Head:
        """Itself, when it has read that text, as far as it can be read."""
        # Of a marked section that it does not know, Python's parser thinks that there is none.
        with suppress(AssertionError):
            self.feed(text)
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        given = {name: value or "" for name, value in reversed(attrs)}
        if tag not in _IN_HEAD and not self._within:
            self._in_head = False
        if tag in _APART:
            self._within.append(tag)
        if tag == "script" and self.client is None and (found := _CLIENT.search(given.get("src", ""))):
            self.client = found[1]
        names_policy = given.get("http-equiv", "").lower() == "content-security-policy"
        if tag == "meta" and names_policy and self._in_head and not self._within:
            self.policies.append(given.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag in self._within:
            del self._within[self._within.index(tag) :]
        elif tag == "head":
            self._in_head = False

    def handle_data(self, data: str) -> None:
        """Text."""
        if data.strip() and not self._within:
            self._in_head = False
