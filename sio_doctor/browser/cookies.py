"""A browser's cookies while one page is open: which it keeps of what servers set, and which it sends back.

RFC 6265bis, and where the engines leave it: `Engine`'s fields on cookies. Every jar begins empty, as in a new profile.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sio_doctor.browser.table import Engine
from sio_doctor.model import Cookie, CookieCode, HeaderList, Response, get_all
from sio_doctor.standards import cookies as standard
from sio_doctor.standards import site
from sio_doctor.standards import url as urls
from sio_doctor.standards.cookies import SetCookie
from sio_doctor.standards.url import Url

_REASONS: dict[CookieCode, str] = {
    "no-credentials": "The request that got it had no credentials (withCredentials is not true).",
    "malformed": "Browsers ignore this Set-Cookie line: it is too long, or has bytes that no cookie may have.",
    "domain": "Its Domain is not one that this server may set cookies for.",
    "path": "Its Path is not that of the Socket.IO requests.",
    "secure": "It is Secure, and the server was asked over http.",
    "none-without-secure": "It is SameSite=None without Secure.",
    "prefix": "Its name begins with __Host- or __Secure-, and its attributes do not keep what that promises.",
    "partitioned-without-secure": "It is Partitioned without Secure.",
    "same-site": "It is {0}, and the page is of another site than the server.",
    "third-party": "The page is of another site than the server, and this browser takes no such cookies.",
}


class _Kept(NamedTuple):
    """A cookie in the jar, and for whom."""

    cookie: SetCookie
    host: str
    """The host that set it, where it has no domain; else its domain."""
    path: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What a later one must share to take its place."""
        return self.cookie.name, self.host, self.path


class Jar:
    """The cookies that an engine keeps for a page of that origin.

    ``given`` are those that it has for ``server`` before anything is asked, taken as ones that go with any request that
    may carry cookies.
    """

    def __init__(self, engine: Engine, origin: str, *, given: HeaderList = (), server: Url | None = None) -> None:
        self._engine = engine
        self._given = dict(given)
        self._server = server
        # An opaque origin is of no site; the schemes of apps have none either.
        page = urls.parse(origin) if origin.startswith(("http:", "https:")) else None
        self._page = page
        self._kept: dict[tuple[str, str, str], _Kept] = {}
        self._met: dict[str, tuple[SetCookie | None, Url, CookieCode | None]] = {}

    def store(self, url: Url, response: Response, *, credentials: bool = True) -> None:
        """Keeps what the answer of that URL sets, as far as the engine takes it. Without credentials that is nothing.

        https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7
        """
        lines = get_all(response.headers, "set-cookie")
        date = get_all(response.headers, "date") if lines else []
        now = standard.parse_date(date[0]) if date else None
        for line in lines:
            cookie = standard.parse(line)
            name = cookie.name if cookie else line.partition("=")[0].strip()
            code = self._keep(url, cookie, now) if credentials else "no-credentials"
            self._met.setdefault(name, (cookie, url, code))

    def header(self, url: Url) -> str | None:
        """The Cookie header of a request with credentials; None where none go with it.

        https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3
        """
        sent = [kept for kept in self._kept.values() if self._goes_to(kept, url)]
        # Longer paths first; what was set earlier goes before what was set later, as dicts keep it.
        sent.sort(key=lambda kept: -len(kept.path))
        given = self._given if self._server is not None and url.host == self._server.host else {}
        fresh = {kept.cookie.name for kept in sent}
        pairs = [f"{name}={value}" for name, value in given.items() if name not in fresh]
        return "; ".join([*pairs, *(_pair(kept.cookie) for kept in sent)]) or None

    def met(self) -> tuple[Cookie, ...]:
        """Every cookie that a server set, and whether it goes back to the URL that set it."""
        return tuple(self._judged(name, *met) for name, met in self._met.items())

    def _judged(self, name: str, cookie: SetCookie | None, url: Url, code: CookieCode | None) -> Cookie:
        if code is None and cookie is not None and not standard.path_matches(url.path, _path(cookie, url)):
            code = "path"
        attribute = cookie.same_site if cookie else "default"
        what = "without SameSite, which counts as Lax" if attribute == "default" else f"SameSite={attribute.title()}"
        return Cookie(name=name, sent=code is None, code=code, reason=_REASONS[code].format(what) if code else None)

    def _keep(self, url: Url, cookie: SetCookie | None, now: datetime | None) -> CookieCode | None:
        if cookie is None:
            return "malformed"
        host, host_only = cookie.domain or url.host, not cookie.domain
        # 9. A public suffix as domain is ignored, but where it is the host itself.
        if cookie.domain == url.host and site.is_public_suffix(url.host):
            host_only = True
        elif not host_only and (not standard.domain_matches(url.host, host) or site.is_public_suffix(host)):
            return "domain"
        if code := self._refused(cookie, url):
            return code
        if standard.breaks_prefix(cookie, secure=self._is_secure(url), host_only=host_only):
            return "prefix"
        kept = _Kept(cookie, f".{host}" if not host_only else host, _path(cookie, url))
        if standard.is_deletion(cookie, now):
            self._kept.pop(kept.key, None)
        else:
            self._kept[kept.key] = kept
        return None

    def _goes_to(self, kept: _Kept, url: Url) -> bool:
        own = url.host == kept.host
        covered = own or (kept.host.startswith(".") and standard.domain_matches(url.host, kept.host[1:]))
        return covered and standard.path_matches(url.path, kept.path) and self._refused(kept.cookie, url) is None

    def _refused(self, cookie: SetCookie, url: Url) -> CookieCode | None:
        """Why that cookie is neither kept from that URL nor sent there; None where it is."""
        engine, foreign = self._engine, self._is_foreign(url)
        if cookie.secure and not self._is_secure(url):
            return "secure"
        if cookie.same_site == "none" and not cookie.secure and engine.none_needs_secure:
            return "none-without-secure"
        if cookie.partitioned and not cookie.secure:
            return "partitioned-without-secure"
        if foreign and engine.third_party_cookies == "blocked":
            return "third-party"
        lax = cookie.same_site in ("lax", "strict") or (cookie.same_site == "default" and engine.lax_by_default)
        if foreign and lax:
            return "same-site"
        if foreign and engine.third_party_cookies == "partitioned" and not cookie.partitioned:
            return "third-party"
        return None

    def _is_secure(self, url: Url) -> bool:
        """Secure cookies may be set and sent there."""
        loopback = self._engine.loopback_takes_secure_cookies and urls.is_loopback_host(url.host)
        return url.scheme in ("https", "wss") or loopback

    def _is_foreign(self, url: Url) -> bool:
        """The page is of another site than that URL."""
        page = self._page
        if page is None or not site.same_site(page.host, url.host):
            return True
        secure = url.scheme in ("https", "wss")
        return self._engine.sites_have_schemes and secure is not (page.scheme == "https")


def _pair(cookie: SetCookie) -> str:
    return f"{cookie.name}={cookie.value}" if cookie.name else cookie.value


def _path(cookie: SetCookie, url: Url) -> str:
    return cookie.path or standard.default_path(url.path)
