"""The handshake is redirected, which a page of another origin hardly survives."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from sio_doctor.rules.base import Case, Hit, Rung, rule
from sio_doctor.rules.stranger import Stranger, hit, redirected, redirection, strangers


@rule("SIO202", "redirect-http-to-https", "The server redirects http to https", Rung.HANDSHAKE)
def redirect_http_to_https(case: Case) -> Iterable[Hit]:
    """The handshake is redirected to the same address by https.

    **What it means.** The redirect's own answer must pass the CORS check too, and it seldom has the headers. A
    preflight or a WebSocket handshake is never redirected. And when page, first address and target are three
    origins, the browser sends `Origin: null` to the target, which no list contains. The cure is the final URL, not
    more CORS headers.

    **How it is told.** A 301, 302, 303, 307 or 308 whose `Location` differs in the scheme. A redirect from https to
    itself counts as well: the server behind TLS takes every request for a plain one (`X-Forwarded-Proto` is lost).

    **What it is not.** A redirect to another host (`redirect-www-apex`) or to a login (`redirect-to-login`).
    """
    for stranger in strangers(case, "redirect-http-to-https"):
        # Where the browsers let a page ask nothing by http, that is its cause.
        pages = tuple(page for page in stranger.pages if not case.blocked(page, "mixed-content"))
        if pages:
            yield _followed(case, stranger._replace(pages=pages))


@rule("SIO208", "redirect-www-apex", "The server redirects to another address", Rung.HANDSHAKE)
def redirect_www_apex(case: Case) -> Iterable[Hit]:
    """The handshake is redirected to another host or port, as from `example.com` to `www.example.com`.

    **What it means.** As with any redirect of a cross-origin request: the redirect needs CORS headers of its own,
    the target is asked with `Origin: null` where it is a third origin, and a WebSocket or a preflight does not
    follow at all.

    **How it is told.** A 3xx whose `Location` names another host, port, or plain http. Give that address to the
    client.

    **What it is not.** The same host by https (`redirect-http-to-https`), a login (`redirect-to-login`), or another
    path of the same server (`path-mismatch`).
    """
    for stranger in strangers(case, "redirect-www-apex"):
        yield _followed(case, stranger)


@rule("SIO209", "redirect-to-login", "The server redirects to a login", Rung.HANDSHAKE)
def redirect_to_login(case: Case) -> Iterable[Hit]:
    """The handshake is redirected to a login page: something in front wants to know who asks.

    **What it means.** An authenticating proxy or middleware sends everybody without its cookie to a login, which a
    script cannot follow across origins. Take the handshake path (and OPTIONS) out of it, and authenticate in
    Socket.IO (`auth`).

    **How it is told.** A 3xx whose `Location` looks like a login: `/login`, `/oauth2/…`, `/.auth/login`, a known
    host.

    **What it is not.** A 401 or 403 without a redirect (`basic-auth-or-401`). With a valid cookie it may pass.
    """
    for stranger in strangers(case, "redirect-to-login"):
        yield _followed(case, stranger)


@rule("SIO214", "redirect-loop", "The server redirects in a circle", Rung.HANDSHAKE)
def redirect_loop(case: Case) -> Iterable[Hit]:
    """The handshake is redirected, and what it leads to is redirected back: nobody ever answers.

    **What it means.** Two rules that undo each other: one that sends http to https and one that sends it back (a CDN
    that asks the server by http), one that adds `www.` and one that takes it away, a login that returns to itself.
    Browsers give up after 20 redirects, or at the first that has no CORS headers.

    **How it is told.** A redirect behind the first one leads to the address that was asked first.

    **What it is not.** An https address that is redirected straight to itself: the server takes it for plain http
    (`redirect-http-to-https`).
    """
    for stranger in strangers(case, "redirect-loop"):
        asked = stranger.exchange.request.url.partition("?")[0]
        hops = [asked, *(redirection(hop) or "" for hop in (stranger.exchange, *case.all("redirect")))]
        way = list(dict.fromkeys(hop.partition("?")[0] for hop in hops if hop))
        round_trip = f"to {', '.join(way[1:])} and back" if way[1:] else "to itself"
        message = f"{asked} is redirected in a circle, {round_trip} ({stranger.response.status}): nobody ever answers."
        yield hit(case, stranger, message, header="Location", needed="no redirect")


def _followed(case: Case, stranger: Stranger) -> Hit:
    exchange, response = stranger.exchange, stranger.response
    asked = exchange.request.url.partition("?")[0]
    target = (redirection(exchange) or "").partition("?")[0]
    if target == asked:
        message = (
            f"{asked} is redirected to itself without end ({response.status}). The server behind the TLS proxy takes "
            "the request for plain http: the proxy sends no X-Forwarded-Proto, or the server does not trust it."
        )
        return hit(case, stranger, message, header="Location", needed="no redirect")
    to_login = redirected(urlsplit(asked), urlsplit(target)) == "redirect-to-login"
    advice = "a page's script cannot log in there" if to_login else "give the client that address"
    message = f"{asked} is redirected to {target} ({response.status}): {advice}."
    if response.get("access-control-allow-origin") is None:
        message += (
            " The redirect itself has no Access-Control-Allow-Origin, so a page of another origin may not follow it."
        )
    if any(hop.request.origin == "null" for hop in case.all("redirect")):
        message += (
            " Behind it the browser sends Origin: null, because page, first address and target are three origins."
        )
    message += " Neither a WebSocket handshake nor a preflight is ever redirected."
    return hit(case, stranger, message, header="Location", needed="no redirect")
