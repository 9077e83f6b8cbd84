"""Socket.IO is on this server, and its path is another one in a way that can be named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from sio_doctor.model import Exchange
from sio_doctor.rules.base import Case, Hit, Rung, alias, rule
from sio_doctor.rules.connect import replies
from sio_doctor.rules.reach import Silence, hit_about, silences
from sio_doctor.rules.stranger import (
    described,
    drops_upgrade,
    hit,
    is_namespace,
    misplaced,
    mounted,
    redirection,
    served_elsewhere,
    strangers,
    stripped,
)
from sio_doctor.standards import socketio


def hung(case: Case, cause: str) -> Iterator[Silence]:
    """The handshakes that were taken and never answered, and have this cause."""
    for silence in silences(case, "timeout"):
        if silence.failure.phase == "head" and misplaced(case, silence.exchange) == cause:
            yield silence


def _each(case: Case, cause: str, also: Exchange | None) -> Iterator[tuple[Exchange, str, Hit]]:
    """Every handshake with that cause: itself, what it got in a few words, and the hit about it, without a message."""
    for stranger in strangers(case, cause):
        yield stranger.exchange, described(stranger.response), hit(case, stranger, "", also=also)
    for silence in hung(case, cause):
        yield silence.exchange, "no answer at all", hit_about(case, silence, "", rung=Rung.HANDSHAKE, also=also)


def _path(exchange: Exchange) -> str:
    return urlsplit(exchange.request.url).path


def _said(found: Hit, message: str) -> Hit:
    return found._replace(message=message + found.message)


@rule("SIO244", "path-vs-namespace", "The path in the URL is read as a namespace", Rung.HANDSHAKE)
def path_vs_namespace(case: Case) -> Iterable[Hit]:
    """The page calls `io("https://api.example.com/chat")`, and means the path at which the server is.

    **What it means.** socket.io-client reads what stands behind the host as a *namespace*: it goes on asking for
    `/socket.io/`, and joins `/chat` there. Where the server listens is the option `path`, on both sides.

    **How it is told.** Both readings are tried: Engine.IO answers at the path that was in the URL (or at `socket.io/`
    below it), and not at the handshake path; or it does at both, and the one that was asked has no such namespace.

    **What it is not.** Where nothing answers at that path, it is a namespace that the server does not have
    (`invalid-namespace`), or a path that nobody knows (`path-mismatch`).
    """
    url, namespace = case.plan.target.url, case.plan.target.namespace
    found = served_elsewhere(case)
    if found is None or not is_namespace(case, _path(found)):
        return
    told = (
        f"Socket.IO answers at {_path(found)}, which the page's {url}{namespace} does not ask for: socket.io-client "
        f"reads {namespace} as a namespace, and "
    )
    for exchange, got, bare in _each(case, "path-vs-namespace", found):
        yield _said(bare, f"{told}asks for {_path(exchange)}, which got {got}. Give that path as the path option.")
    refused = [reply for reply in replies(case) if reply.packet is not None and reply.packet.type == socketio.ERROR]
    if refused:
        message = f"{told}joins it at {case.plan.target.path}, where there is none. Give that path as the path option."
        pages = tuple(reply.page for reply in refused if reply.page in case.plan.origins)
        numbers = (refused[0].exchange.id, found.id)
        yield Hit(message, origins=pages, exchanges=numbers, rung=Rung.CONNECT)


@rule("SIO245", "trailing-slash-path", "The slash at the end of the path does not match", Rung.HANDSHAKE)
def trailing_slash_path(case: Case) -> Iterable[Hit]:
    """Client and server agree on the path, but for its slashes.

    **What it means.** To Engine.IO of Node `/socket.io/` and `/socket.io` are two paths, unless `addTrailingSlash:
    false` is set; Flask, aiohttp and Tornado take the first alone. A web server or a framework that puts the slash on
    or takes it off by a redirect breaks it too: a page of another origin hardly survives a redirect, a WebSocket and a
    preflight never do. An address put together of two halves can have the slash twice.

    **How it is told.** The handshake passes at the same path with other slashes, or is redirected to it.

    **What it is not.** Another path altogether (`path-mismatch`).
    """
    found = served_elsewhere(case)
    for exchange, got, bare in _each(case, "trailing-slash-path", found):
        asked, moved = _path(exchange), redirection(exchange)
        if moved is None:
            there = _path(found) if found else ""
            message = f"Socket.IO answers at {there}, not at {asked}, which got {got}: the slashes belong to the path."
        else:
            path = urlsplit(moved).path
            message = f"{asked} is redirected to {path} ({got}). "
            if path.endswith("/"):
                message += f"Ask for {path} at once: neither a WebSocket handshake nor a preflight follows a redirect."
            else:
                # socket.io-client puts the slash behind whatever path it is given.
                message += "But the slash belongs to Socket.IO's path: what takes it off has to let this path alone."
        yield _said(bare, message)


alias(
    "redirect-slash",
    "trailing-slash-path",
    "a redirect that puts the slash on or takes it off is one of the ways in which the slash does not match.",
)


@rule("SIO246", "proxy-strips-path", "A proxy changes the path on the way", Rung.HANDSHAKE)
def proxy_strips_path(case: Case) -> Iterable[Hit]:
    """The application behind the proxy is asked for another path than the browser asked the proxy for.

    **What it means.** `proxy_pass http://app:3000/;` with a slash at its end (nginx), `handle_path` (Caddy),
    `rewrite-target` (Kubernetes) or a `ProxyPass` of unlike halves cut the prefix off: `/socket.io/` goes out, `/`
    comes in. Pass the path on as it is, or give the server the path that is left.

    **How it is told.** The application's 404 names a path that was not asked for (`Cannot GET /`), for the handshake or
    for an address below it. Or the handshake path alone gets the application's page of `/`, and other paths get a 404.

    **What it is not.** A 404 that names the path that was asked for (`path-mismatch`, `app-listen-not-server-listen`).
    A page that every path gets is a fallback (`html-instead-of-handshake`).
    """
    for stranger in strangers(case, "proxy-strips-path"):
        asked = _path(stranger.exchange)
        came = stripped(case, stranger.exchange, stranger.response)
        shown = (
            f"what the application behind it does not know is {came}"
            if stranger.response.status >= 400
            else f"the application behind it answers with its page of {came}"
        )
        message = (
            f"A proxy changes the path: {asked} was asked for, and {shown} ({described(stranger.response)}). With "
            "nginx, a proxy_pass that ends in a slash does that."
        )
        yield hit(case, stranger, message, also=drops_upgrade(case))


@rule("SIO247", "asgi-mount-path", "The mounted ASGI app has another path", Rung.HANDSHAKE)
def asgi_mount_path(case: Case) -> Iterable[Hit]:
    """python-socketio is mounted in FastAPI or Starlette, and does not know the path under which it is mounted.

    **What it means.** Since Starlette 0.33 a mounted app sees the whole path, so `app.mount("/ws", ASGIApp(sio))`
    answers nowhere: it waits for `/socket.io/` and sees `/ws/socket.io/`. Give it the whole path,
    `ASGIApp(sio, socketio_path="/ws/socket.io")`, and the same to the client; or put it around the application,
    `ASGIApp(sio, other_asgi_app=app)`, and start that.

    **How it is told.** Below some path the 404 is python-socketio's own, `Not Found` as bare text, while the
    application around it words its 404 otherwise (FastAPI: `{"detail":"Not Found"}`). A WebSocket there gets 500.

    **What it is not.** A mount that answers somewhere (`path-mismatch`, which names where).
    """
    for stranger in strangers(case, "asgi-mount-path"):
        own = mounted(case, stranger.exchange)
        if own is None:
            continue
        below, asked = _path(own), _path(stranger.exchange)
        mount = below.removesuffix("socket.io/").rstrip("/") or below
        message = (
            f"python-socketio is mounted under {mount}, and does not know that: what it says to {below} is “Not "
            "Found”, in its own words. "
        )
        if asked != below:
            message += f"The page asks for {asked}, which got {described(stranger.response)}. "
        message += f"It has to be told its whole path, {mount}/socket.io, and the client the same."
        yield hit(case, stranger, message, also=own if own is not stranger.exchange else None)


@rule("SIO248", "wrong-path-hangs", "Another path, and nobody answers there", Rung.HANDSHAKE)
def wrong_path_hangs(case: Case) -> Iterable[Hit]:
    """The server runs Socket.IO under another path, and has nothing that would answer at this one.

    **What it means.** `http.createServer()` without a request handler, with `new Server(httpServer, { path: "/x/" })`
    on it: Node answers nothing at all to any other path, so the page waits until its time is up. It looks like a dead
    server, and is a wrong path.

    **How it is told.** The handshake is taken and never answered, while a WebSocket to the same path is closed after
    one second without a byte, as Engine.IO of Node does with foreign paths (a proxy makes 502 of that). Or the
    handshake passes at another usual path, which is then named.

    **What it is not.** A server that is silent to WebSockets too hangs (`server-timeout`). One that answers 404 has a
    handler (`path-mismatch`).
    """
    for silence in hung(case, "wrong-path-hangs"):
        asked, found, dropped = _path(silence.exchange), served_elsewhere(case), drops_upgrade(case)
        message = f"Nobody answers at {asked}, yet the server lives: "
        if found:
            message += f"Socket.IO answers at {_path(found)}. Client and server need the same path."
        else:
            how = "closed after a second without a byte" if dropped and dropped.failure else "given up after a second"
            message += (
                f"a WebSocket to it was {how}, as Engine.IO of Node does with a path that is not its own. Socket.IO "
                "runs under another path there, or a proxy changes the path."
            )
        if case.plan.namespace_from_path:
            namespace = case.plan.target.namespace
            message += (
                f" The path {namespace} of the URL was read as a namespace, as socket.io-client does; if it is where "
                "the server listens, it belongs into the path option."
            )
        yield hit_about(case, silence, message, rung=Rung.HANDSHAKE, also=found or dropped)
