"""The server's list has an entry that was meant for this page, and no browser sends what stands there.

What is on a list cannot be read from outside. But a server that lets a variant of the page's origin in, and nobody at
random, confesses what it compares with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sio_doctor.model import HeaderCheck
from sio_doctor.rules.base import Case, Hit, Rung, check, rule
from sio_doctor.rules.confession import Entry, entries, near, refusal_of, refused_by_v2, silent
from sio_doctor.rules.cors import (
    ALLOW_ORIGIN,
    Blocked,
    blocked,
    difference,
    disallows,
    lines,
    listing,
    needed,
    one_hit,
    status,
)
from sio_doctor.rules.stranger import met_at


@rule("SIO310", "origin-star-in-array", "A * in a list matches nothing", Rung.HANDSHAKE)
def origin_star_in_array(case: Case) -> Iterable[Hit]:
    """The server's list of origins has the entry `*`, which in a list is an origin like any other, and no page's.

    In Node `origin: "*"` means everybody and `origin: ["*"]` nobody. In Python both mean everybody, and much of what is
    copied comes from there.

    **How it is told.** CORS is configured, and not for this page; a preflight whose `Origin` is `*` is let in, and a
    foreign origin is not.

    **What it is not.** `Access-Control-Allow-Origin: *` in the answer lets everybody in but pages that send credentials
    (`wildcard-with-credentials`).
    """
    yield from misentered(case, "origin-star-in-array")


@rule("SIO311", "origin-scheme", "The server lets in the other scheme", Rung.HANDSHAKE)
def origin_scheme(case: Case) -> Iterable[Hit]:
    """The server lets in this page's host and port, but by `http` where the page is `https`, or the other way round.

    An origin is scheme, host and port: a page by http and the same page by https are two.

    **How it is told.** The page is not let in, its origin with the other scheme is, and a foreign one is not. Node
    answers without the header, python-socketio with 400, Socket.IO 2 with 403.

    **What it is not.** A fixed header that names the other scheme, whoever asks, is `static-origin-mismatch`. Where a
    Python server refuses its own page by https, it does not know of the TLS in front (`python-behind-tls-proxy`).
    """
    yield from misentered(case, "origin-scheme")


@rule("SIO312", "origin-port", "The server lets in another port", Rung.HANDSHAKE)
def origin_port(case: Case) -> Iterable[Hit]:
    """The server lets in this page's host, but with another port, or with a port where the page has none.

    Servers for development take the next port where theirs is taken: Vite's page is then on 5174, and not on 5173. A
    port that is the scheme's own (443 for https, 80 for http) is never in an `Origin`, so it must not be in a list
    either, but in that of Socket.IO 2.

    **How it is told.** The page is not let in, the same host with another port is, and a foreign origin is not. For
    pages of this machine the ports that bundlers and frameworks use are tried, for all others none and the usual one.

    **What it is not.** Where other ports of the host are refused too, it is `origin-not-in-list`. A Python server that
    has no list lets its own port in, and no other (`python-origin-not-accepted`).
    """
    yield from misentered(case, "origin-port")


@rule("SIO313", "origin-www-subdomain", "The server lets in another name of the domain", Rung.HANDSHAKE)
def origin_www_subdomain(case: Case) -> Iterable[Hit]:
    """The server lets in another host of the page's domain: with or without `www`, another subdomain, in capitals.

    Hosts are compared as they are written. Browsers send them in lower case, and a `*` in a list is no pattern: for
    several subdomains list each, or use a regular expression that is bound at both ends.

    **How it is told.** The page is not let in, and one of these is: the host with or without `www`, the domain itself,
    the server's own address, the host in capitals, `https://*.` before the domain. A foreign origin is not.

    **What it is not.** Other subdomains than those cannot be guessed (`origin-not-in-list`).
    """
    yield from misentered(case, "origin-www-subdomain")


@rule("SIO314", "origin-localhost-vs-127", "The server lets in another name of the machine", Rung.HANDSHAKE)
def origin_localhost_vs_127(case: Case) -> Iterable[Hit]:
    """The server lets in `localhost`, and the page is on `127.0.0.1`, `[::1]` or the machine's address; or vice versa.

    They lead to one machine and are different origins. List both, or open the page under the name that is listed.

    **How it is told.** The page is not let in, another name of its machine with the same scheme and port is, and a
    foreign origin is not.

    **What it is not.** A server that one name does not reach at all (`localhost-ipv6-mismatch`).
    """
    yield from misentered(case, "origin-localhost-vs-127")


def misentered(case: Case, slug: str) -> Iterator[Hit]:
    """A hit for the pages that the server refuses, each with what it lets in instead, of that kind."""
    groups: dict[tuple[str, ...], list[Blocked]] = {}
    for one in blocked(case):
        if silent(case, one) == slug:
            groups.setdefault(tuple(entry.origin for entry in near(case, one.page)), []).append(one)
    for members in groups.values():
        first = members[0]
        found = near(case, first.page)
        told = _told(slug, [one.page for one in members], found)
        message = f"{_not_for(case, [one.page for one in members])} {told}"
        if disallows(first.preflight, "origin"):
            message += " A CORS middleware around it keeps that list: its words are “Disallowed CORS origin”."
        headers = [needed(first.page, first.handshake, ok=bool(lines(first.handshake)))]
        if first.at_preflight and first.preflight is not None:
            headers.append(needed(first.page, first.preflight))
        headers += [check(entry.exchange, ALLOW_ORIGIN, entry.origin, ok=True) for entry in found]
        yield one_hit(case, members, message, *headers, also=(entry.exchange for entry in found))
    for page in case.plan.origins:
        refused = refusal_of(case, page)
        if refused is not None and refused[0] == slug:
            yield _refused(case, page, near(case, page, own=refused_by_v2(case, page) is not None))


def _told(slug: str, pages: list[str], found: list[Entry]) -> str:
    """What it lets in, and what is wrong with that."""
    names = listing(entry.origin for entry in found)
    if slug == "origin-star-in-array":
        return "Its list has the entry *: in a list that is an origin like any other, and no page has it."
    if slug in ("origin-trailing-slash", "origin-no-scheme"):
        how = "with a slash behind it" if slug == "origin-trailing-slash" else "without its scheme"
        return (
            f"It has {names} on its list, which is {pages[0]} {how}: browsers send the origin exactly as {pages[0]}, "
            "so nothing matches."
        )
    apart = [difference(entry.origin, pages[0]) for entry in found]
    if len(pages) > 1 or len(found) > 1:
        what = {"origin-scheme": "scheme", "origin-port": "port"}.get(slug, "host")
        return f"It does let {names} in: the {what} is another one, and so is the origin."
    return f"It does let {names} in; {apart[0]}."


def _not_for(case: Case, pages: list[str]) -> str:
    return (
        f"The server at {case.plan.target.url} has CORS configured, but not for {listing(pages)}: the answer has no "
        f"{ALLOW_ORIGIN}."
    )


def _refused(case: Case, page: str, found: list[Entry], told: str = "") -> Hit:
    """The hit about a page whose very request is refused."""
    refusal = refusal_of(case, page)
    assert refusal is not None
    slug, exchange = refusal
    who = "Socket.IO 2" if refused_by_v2(case, page) else "python-socketio"
    option = "origins option" if who == "Socket.IO 2" else "cors_allowed_origins"
    message = (
        f"The {who} server at {case.plan.target.url} refuses {page} with status {status(exchange)}: its {option} does "
        f"not accept it. {told or _told(slug, [page], found)}"
    )
    if not case.polls:
        message += " It holds for WebSockets too."
    elif not lines(exchange):
        message += f" The refusal has no {ALLOW_ORIGIN}, so the browser reports a CORS error and hides the status."
    headers = (check(exchange, "status", "200"), needed(page, exchange, ok=lines(exchange) == [page]))
    return Hit(
        message=message,
        origins=(page,),
        headers=(*headers, *(check(one.exchange, ALLOW_ORIGIN, one.origin, ok=True) for one in found)),
        exchanges=(exchange.id, *(one.exchange.id for one in found)),
        rung=Rung.POST if exchange.purpose == "connect" else met_at(case, (page,)),
    )


# --- pages that are on no website ------------------------------------------------------------------------------------


@rule("SIO315", "null-origin", "The page has no origin that a list could name", Rung.HANDSHAKE)
def null_origin(case: Case) -> Iterable[Hit]:
    """The page's origin is `null`: it was opened from a file, or lives in a sandboxed frame or a `data:` URL.

    Serve the page, be it by `npx serve`, and list the address that it then has. `null` on a list lets in every
    sandboxed page of the web; `file://` there does nothing, for no browser sends it.

    **How it is told.** The chosen origin is `null`, and the server lets others in and not this one. Socket.IO 2 takes
    `null` for no origin at all, and refuses it wherever `origins` is not `*:*`.

    **What it is not.** A server that lets no page in (`cors-not-configured`), or every other one by a fixed header
    (`static-origin-mismatch`). A redirect to another origin makes browsers send `null` as well; there the finding is
    the redirect.
    """
    means = "null is the origin of a page opened from a file, or in a sandboxed frame: serve it, so that it has one."
    for one in blocked(case):
        if silent(case, one) == "null-origin":
            others = [entry for entry in entries(case, "null") if entry.origin != "null"]
            message = f"{_not_for(case, ['null'])} {means}{_instead(others)}"
            headers = (needed(one.page, one.handshake), *_let_in(others))
            yield one_hit(case, [one], message, *headers, also=(entry.exchange for entry in others))
    refused = refusal_of(case, "null") if "null" in case.plan.origins else None
    if refused is not None and refused[0] == "null-origin":
        others = entries(case, "null")
        more = " Socket.IO 2 lets it in by *:* alone." if refused_by_v2(case, "null") else ""
        yield _refused(case, "null", others, f"{means}{more}{_instead(others)}")


def _instead(others: list[Entry]) -> str:
    web = [entry.origin for entry in others if entry.origin.startswith("http")]
    said = " Its list has file://, which no browser sends." if any(one.origin == "file://" for one in others) else ""
    return said + (f" It does let {listing(web)} in, where the page could be." if web else "")


def _let_in(others: list[Entry]) -> list[HeaderCheck]:
    return [check(entry.exchange, ALLOW_ORIGIN, entry.origin, ok=True) for entry in others]


#: Whose pages these are, by their origin or its scheme.
_APPS = {
    "capacitor://localhost": "of Capacitor on iOS",
    "ionic://localhost": "of Ionic on iOS",
    "http://localhost": "of Capacitor on Android before version 6",
    "https://localhost": "of Capacitor on Android",
    "tauri://localhost": "of Tauri on macOS, iOS and Linux",
    "http://tauri.localhost": "of Tauri on Windows and Android",
    "https://tauri.localhost": "of Tauri on Windows and Android",
    "file://": "of nobody, for from a file browsers send null",
    "chrome-extension": "of an extension of Chromium",
    "moz-extension": "of an extension of Firefox",
    "vscode-webview": "of a view in VS Code",
    "app": "of an app made with Electron",
}


@rule("SIO316", "app-scheme-origin", "The list lacks the origin that the app has", Rung.HANDSHAKE)
def app_scheme_origin(case: Case) -> Iterable[Hit]:
    """The page lives in an app or an extension, whose origin is none of the web's, and the server's list lacks it.

    `capacitor://localhost` is Capacitor on iOS, `https://localhost` (before version 6 `http://localhost`) on Android;
    `ionic://localhost` Ionic; `tauri://localhost` Tauri, and `http://tauri.localhost` on Windows. They are listed like
    any other origin, as they stand.

    **How it is told.** The origin's scheme is no scheme of the web; or it is `localhost` without a port, and the server
    lets in what another platform's app has.

    **What it is not.** A server that lets no page in is `cors-not-configured`; one that has the app's origin with a
    slash behind it is `origin-trailing-slash`. An app without pages (React Native) has no origin at all.
    """
    found = [one for one in blocked(case) if silent(case, one) == "app-scheme-origin"]
    if not found:
        return
    pages = [one.page for one in found]
    others = [entry for entry in entries(case, pages[0]) if entry.origin not in pages]
    message = _not_for(case, pages)
    message += "".join(f" {page} is the origin {whose}." for page in pages if (whose := _whose(page)))
    if others:
        message += f" It does let {listing(one.origin + _as_well(one.origin) for one in others)} in."
    message += _of_extensions(pages[0])
    headers = [needed(one.page, one.decided) for one in found]
    yield one_hit(case, found, message, *headers, *_let_in(others), also=(entry.exchange for entry in others))


def _whose(origin: str) -> str:
    return _APPS.get(origin) or _APPS.get(urlsplit(origin).scheme, "")


def _as_well(origin: str) -> str:
    if origin.endswith("://*"):
        return " (where the * is no pattern)"
    return f" (that {_whose(origin)})" if _whose(origin) else ""


def _of_extensions(page: str) -> str:
    scheme = urlsplit(page).scheme
    if scheme == "vscode-webview":
        return " Each view has another one, so no list can hold it: a function or a pattern has to."
    if scheme not in ("chrome-extension", "moz-extension"):
        return ""
    said = " An extension that has the server among its host_permissions needs no CORS in its own pages."
    return said + (" In Firefox its id is another one on each machine." if scheme == "moz-extension" else "")
