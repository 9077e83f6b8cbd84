"""A proxy's URL, as curl reads it from its option and from the environment. Pure.

https://curl.se/docs/manpage.html#-x
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

_URL = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?(?:([^/?#]*)@)?(\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::(\d{0,5}))?(?:[/?#].*)?",
    re.ASCII | re.IGNORECASE,
)
#: curl's, for every proxy without a port. Everybody else's is 80, so it is well said in the report.
DEFAULT_PORT = 1080


class ProxyUrl(NamedTuple):
    """A proxy's URL, taken apart."""

    scheme: str
    """Lower case; ``http`` where none is written."""
    host: str
    """Lower case, no brackets."""
    port: int
    credentials: str
    """``user:password``, latin-1, nothing encoded any more; empty where there are none."""


def parse(text: str) -> ProxyUrl | None:
    """The URL taken apart; None where it is none."""
    url = _URL.fullmatch(text)
    if url is None or ("://" in text and not url[1]) or int(url[4] or 0) > 65535:
        return None
    user, _, password = (unquote_to_bytes(part).decode("latin-1") for part in (url[2] or "").partition(":"))
    return ProxyUrl(
        (url[1] or "http").lower(),
        url[3].strip("[]").lower(),
        int(url[4] or DEFAULT_PORT),
        f"{user}:{password}" if url[2] else "",
    )
