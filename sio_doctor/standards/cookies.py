"""Cookies as RFC 6265bis reads and matches them; who may set and send them is the browser's affair. Pure.

https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from sio_doctor.model import HeaderList, Model, get
from sio_doctor.standards.site import is_ip_address

SameSite = Literal["strict", "lax", "none", "default"]

#: Bytes of name and value together, and of one attribute's value. (5.6, step 5; 5.6.1 to 5.6.7)
LARGEST, LARGEST_ATTRIBUTE = 4096, 1024

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DELIMITER = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)")
_DAY = re.compile(r"(\d{1,2})(?:\D|$)")
_YEAR = re.compile(r"(\d{2,4})(?:\D|$)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class SetCookie(Model, frozen=True, kw_only=True):
    """What one Set-Cookie line says."""

    name: str
    value: str
    domain: str = ""
    """Lower case, without the dot in front; empty: the host alone."""
    path: str = ""
    """Empty: the default path."""
    secure: bool = False
    http_only: bool = False
    same_site: SameSite = "default"
    partitioned: bool = False
    max_age: int | None = None
    """Seconds; zero or less deletes."""
    expires: datetime | None = None


def parse(line: str) -> SetCookie | None:
    """One Set-Cookie line, latin-1; None where the whole of it is ignored.

    https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6
    """
    # 1. If the set-cookie-string contains a control character, then ignore it entirely.
    if _CONTROL.search(line):
        return None
    # 2.-4. name-value-pair; without a "=" the name is empty.
    pair, *attributes = line.split(";")
    name, sign, value = pair.partition("=")
    if not sign:
        name, value = "", pair
    name, value = name.strip(" \t"), value.strip(" \t")
    # 5. If the sum of the lengths is more than 4096 octets, ignore. 6. (of 5.7) If both are empty, ignore.
    if len(name) + len(value) > LARGEST or not (name or value):
        return None
    # 6. Of attributes that are given twice the last one counts, as each is processed in turn.
    fields: dict[str, object] = {}
    for attribute in attributes:
        key, _, given = attribute.partition("=")
        if len(given.strip(" \t")) <= LARGEST_ATTRIBUTE:
            fields.update(_attribute(key.strip(" \t").lower(), given.strip(" \t")))
    return SetCookie(name=name, value=value, **fields)  # type: ignore[arg-type]  # _attribute has the fields' types


def _attribute(name: str, value: str) -> dict[str, object]:
    """5.6.1 to 5.6.7: the field that an attribute sets; none where it is unknown, or its value is."""
    match name:
        case "expires":
            date = parse_date(value)
            return {} if date is None else {"expires": date}
        case "max-age":
            return {"max_age": int(value[:15])} if re.fullmatch(r"-?[0-9]+", value) else {}
        case "domain":
            return {"domain": value.removeprefix(".").lower()}
        case "path":
            return {"path": value if value.startswith("/") else ""}
        case "secure":
            return {"secure": True}
        case "httponly":
            return {"http_only": True}
        case "partitioned":
            return {"partitioned": True}
        case "samesite":
            given = value.lower()
            return {"same_site": given if given in ("strict", "lax", "none") else "default"}
    return {}


def parse_date(text: str) -> datetime | None:
    """A cookie-date, in whatever order its parts come; None where it is none.

    https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.1
    """
    clock: re.Match[str] | None = None
    day = month = year = None
    for token in filter(None, _DELIMITER.split(text)):
        if clock is None and (found := _TIME.match(token)):
            clock = found
        elif day is None and (found := _DAY.match(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(token)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    try:
        date = datetime(year, month, day, int(clock[1]), int(clock[2]), int(clock[3]), tzinfo=UTC)
    except ValueError:
        return None
    return date if year >= 1601 else None


def is_deletion(cookie: SetCookie, now: datetime | None) -> bool:
    """It is over already when it comes. ``now``: the Date of the answer, which leaves our own clock out of it; without
    one, a date of the last century counts as past: who deletes a cookie writes 1970.
    """
    # 5.7, 3.: Max-Age has precedence over Expires.
    if cookie.max_age is not None:
        return cookie.max_age <= 0
    return cookie.expires is not None and cookie.expires <= (now or datetime(2001, 1, 1, tzinfo=UTC))


def names_sent(headers: HeaderList) -> frozenset[str]:
    """The names of the cookies in a request's Cookie header."""
    sent = get(headers, "cookie")
    return frozenset(pair.partition("=")[0] for pair in sent.split("; ")) if sent else frozenset()


def breaks_prefix(cookie: SetCookie, *, secure: bool, host_only: bool) -> bool:
    """Its name promises what its attributes do not keep, so that it is ignored. ``secure``: it came over TLS.

    https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
    """
    name = (cookie.name or cookie.value).lower()
    if name.startswith(("__secure-", "__host-")) and (not cookie.name or not cookie.secure or not secure):
        return True
    return name.startswith("__host-") and not (host_only and cookie.path == "/")


def domain_matches(host: str, domain: str) -> bool:
    """https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.3"""
    return host == domain or (host.endswith(f".{domain}") and not is_ip_address(host))


def default_path(path: str) -> str:
    """https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.4"""
    return path.rpartition("/")[0] or "/"


def path_matches(path: str, cookie_path: str) -> bool:
    """https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.4"""
    if not path.startswith(cookie_path):
        return False
    return path == cookie_path or cookie_path.endswith("/") or path[len(cookie_path)] == "/"
