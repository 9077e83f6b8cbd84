"""FastAPI and Starlette around python-socketio: who answers preflights, and at which path it is mounted."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import BESIDE, Ask, Claim, Cure, Side, answers, block, has_layer, py_list
from sio_doctor.stacks.node_options import repaired
from sio_doctor.stacks.python_hosts import FASTAPI, Written, written

SIDE: Side = "server"
NAMES: dict[str, Server] = {"fastapi": Server(stack="python-socketio", layers=("FastAPI",))}

#: Starlette's methods, which no other server lists in this order.
_METHODS = ("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY")


def fits(server: Server) -> bool:
    """FastAPI, or Starlette's CORS middleware."""
    return has_layer(server, "FastAPI", "Starlette CORSMiddleware")


def recognise(evidence: Evidence) -> Claim | None:
    """By the CORS middleware's preflight, and FastAPI's own 404."""
    layers, phrases = [], []
    for exchange, response in answers(evidence, "preflight", "simulated-preflight", "handshake", "control", *BESIDE):
        methods = response.get("access-control-allow-methods")
        refused = response.status == 400 and response.text.startswith("Disallowed CORS ")
        if exchange.request.method == "OPTIONS" and (methods in _METHODS or refused):
            layers.append("Starlette CORSMiddleware")
            phrases.append("the preflight is answered by Starlette's CORSMiddleware")
        if response.status == 404 and response.text == '{"detail":"Not Found"}':
            layers.append("FastAPI")
            phrases.append('404 {"detail":"Not Found"}')
    return Claim(layers=tuple(dict.fromkeys(layers)), evidence=tuple(dict.fromkeys(phrases))) if layers else None


def _fix(title: str, what: Written, *, before: str | None = None) -> Fix:
    return written(FASTAPI, title, what, before=before)


def _path_of(ask: Ask) -> str:
    return ask.plan.target.path.strip("/")


_MOUNTED = 'app.mount("/", socketio.ASGIApp(sio))'


def _around(title: str) -> Callable[[Ask], Fix]:
    """One line, at the end of the file; what is mounted within is then not reached any more."""
    return lambda ask: _fix(title, FASTAPI.mount(_path_of(ask)), before=_MOUNTED)


def _outside(ask: Ask) -> Fix | None:
    """Socket.IO refuses by its own list, and the middleware would add a second header to what it lets in."""
    if not ask.layer("Starlette CORSMiddleware") and ask.slug != "fastapi-middleware-only":
        return None
    title = "Put Socket.IO around FastAPI, with the page on its own list: WebSockets are then checked too"
    mount = FASTAPI.mount(_path_of(ask))
    listed = py_list(tuple(dict.fromkeys([*ask.pages, ask.plan.target.url])))
    # Where the server is made is further up, and handlers stand between.
    code = f"sio.eio.cors_allowed_origins = {listed}  # or in AsyncServer(...)\n{mount.code}"
    return _fix(title, mount._replace(code=code), before=_MOUNTED)


def _doubled(ask: Ask) -> Fix | None:
    title = "Put Socket.IO around FastAPI: the middleware then never sees its requests, and one header remains"
    fix = _outside(ask) or _around(title)(ask)
    return fix and structs.replace(fix, title=title)


def _middleware(title: str) -> Cure:
    """Where the middleware alone adds the header, since Socket.IO has an empty list.

    Where Socket.IO lets the page in by its own list, and the middleware refuses the preflight, a second list would be
    a second header.
    """

    def cure(ask: Ask) -> Fix | None:
        if not ask.layer("Starlette CORSMiddleware"):
            return None
        if ask.slug not in _OF_THE_MIDDLEWARE and ask.details.get("allow-origin") in ask.origins:
            return _around(
                "Put Socket.IO around FastAPI: its own list has the page, the middleware refuses preflights"
            )(ask)
        origins = ask.pages if ask.slug in _EXACTLY else repaired(ask)
        lines = ["CORSMiddleware,", f"allow_origins={py_list(origins)},", 'allow_methods=["GET", "POST"],']
        if ask.headers:
            lines.append(f"allow_headers={py_list(ask.sent)},")
        if ask.credentials or ask.slug in _WITH_COOKIES:
            lines.append("allow_credentials=True,")
        code = block("app.add_middleware(", lines, ")", "    ")
        where = "where app.add_middleware(CORSMiddleware, ...) is called; keep its other options"
        return _fix(title, Written(code, where))

    return cure


_EXACTLY = ("any-origin-with-credentials", "null-origin-allowed", "origin-match-too-wide", "wildcard-with-credentials")
#: What the middleware does where it lets the page in.
_OF_THE_MIDDLEWARE = ("acac-missing", "preflight-header-not-allowed", *_EXACTLY)
_WITH_COOKIES = ("acac-missing", "wildcard-with-credentials", "v2-client-always-credentialed")

FIXES: dict[str, Cure] = {
    "duplicate-acao-framework": _doubled,
    "preflight-header-not-allowed": _middleware("List the client's headers in the middleware, each by its name"),
    "path-mismatch": _around("Put Socket.IO around FastAPI, at the path that the page asks for"),
    "asgi-mount-path": _around("Put Socket.IO around FastAPI, at the path that the page asks for"),
    "asgi-ws-403": _around("If the page is listed: put Socket.IO around FastAPI, which answers other paths with 403"),
    "python-origin-not-accepted": _outside,
    "fastapi-middleware-only": _outside,
    "flask-cors-only": _outside,
    "python-behind-tls-proxy": _outside,
    "cors-not-configured": _middleware("List the page in the middleware: Socket.IO's own list is empty"),
    "origin-not-in-list": _middleware("Add the page's origin to those of the middleware"),
    "origin-scheme": _middleware("List the page with its own scheme: http and https are two origins"),
    "origin-port": _middleware("List the page with its own port: each port is an origin; a default port is left out"),
    "origin-www-subdomain": _middleware("List the page's own host: each subdomain is an origin, www too"),
    "origin-localhost-vs-127": _middleware("List the page by the name it is opened with: localhost is not 127.0.0.1"),
    "app-scheme-origin": _middleware("Add the app's origin to those of the middleware"),
    "null-origin": _middleware("Then list the page as it is served: null is the origin of any sandboxed page"),
    "null-origin-allowed": _middleware("Take null out of the list: any sandboxed page has that origin"),
    "any-origin-with-credentials": _middleware(
        "Name the pages: any page that a visitor opens can act with the visitor's cookies now"
    ),
    "origin-match-too-wide": _middleware("List whole origins, without allow_origin_regex"),
    "static-origin-mismatch": _middleware("List the page's origin in the middleware"),
    "origin-trailing-slash": _middleware("Cut what stands behind the host: an origin has no path, not even a slash"),
    "origin-comma-list": _middleware("Give each origin its own string: one string with commas is no list"),
    "origin-no-scheme": _middleware("Write the scheme: an origin begins with https:// or http://"),
    "wildcard-with-credentials": _middleware("Name the origins: * is never good enough for cookies"),
    "v2-client-always-credentialed": _middleware(
        "Name the origins and allow credentials: clients of version 2 send cookies unless told not to"
    ),
    "acac-missing": _middleware("Allow credentials: the client sends cookies"),
    "acah-star-limits": _middleware("Name the headers: * does not cover Authorization"),
    "method-not-allowed": _middleware("Let the middleware allow GET and POST, which is all that Socket.IO asks by"),
}
