"""What both browsers' drivers have in common: the page that is opened, and what is read off it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from sio_doctor.model import Document
from sio_doctor.standards import csp


class Line(NamedTuple):
    """One line of the console, and the URL that the browser keeps beside it (empty where it keeps none)."""

    text: str
    url: str


class Served(NamedTuple):
    """The answer to a page's own URL."""

    headers: tuple[tuple[str, str], ...]
    body: str


class Page(Protocol):
    """An open page."""

    def evaluate(self, expression: str) -> Any:
        """What the expression comes to, promises awaited, as JSON has it; ValueError where it throws."""

    def lines(self, *, quiet: float = 0.0) -> list[Line]:
        """What its console has got since last asked; waits until nothing has come for ``quiet`` seconds."""


class Browser(Protocol):
    """A running browser."""

    version: str

    def page(self, url: str, served: Served | None = None) -> AbstractContextManager[Page]:
        """A page at ``url`` with no cookies and no caches, answered with ``served`` where that is given."""


def served_page(origin: str, document: Document | None = None) -> tuple[str, Served]:
    """The URL of a page of that origin, and what to answer for it. An opaque one is a sandboxed page's.

    Where it is the document's, it gets as much of its policies as is about connections.
    """
    own = csp.enforced(document) if document is not None and document.origin == origin else ()
    headers = [("Content-Type", "text/html; charset=utf-8")]
    if origin == "null":
        origin = "http://page.invalid"
        headers.append(("Content-Security-Policy", "sandbox allow-scripts"))
    headers += [("Content-Security-Policy", text) for text in map(_about_connections, own) if text]
    # An icon of its own, or the browser asks the origin's server for one.
    body = '<!doctype html><link rel="icon" href="data:,"><title>sio-doctor</title>'
    return f"{origin}/", Served(tuple(headers), body)


def _about_connections(policy: csp.Policy) -> str:
    """That policy without what it says of scripts and the like; the icon of the page here stays allowed."""
    parts = [policy.connecting.text, "img-src data:"] if policy.connecting else []
    return "; ".join([*parts, *(["upgrade-insecure-requests"] if policy.get("upgrade-insecure-requests") else [])])
