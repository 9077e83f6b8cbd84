"""The cures of Socket.IO 3 and 4 on Node that are in its ``cors`` option, or beside it in ``allowRequest``."""

from __future__ import annotations

from sio_doctor.model import Fix
from sio_doctor.stacks.base import Ask, Cure, block, js_list
from sio_doctor.stacks.node_options import (
    before_release,
    cors_function,
    cors_option,
    faulty,
    name,
    nest,
    node_fix,
    repaired,
    server,
    with_cors,
)

_GATEWAY_PLACE = "in the gateway's class"


def _listed(title: str, *, before: str | None = None, credentials: bool | None = None) -> Cure:
    """The pages alone."""

    def cure(ask: Ask) -> Fix:
        after = server(ask, cors_option(ask, ask.pages, credentials=credentials))
        return node_fix(ask, title, after, before=before)

    return cure


def _repair(title: str) -> Cure:
    """The pages, and what is listed already."""
    return lambda ask: node_fix(ask, title, server(ask, cors_option(ask, repaired(ask))), before=faulty(ask))


def _not_in_list(ask: Ask) -> Fix:
    option = cors_option(ask, ask.pages, note="keep the origins that are listed already, and add")
    before = faulty(ask) if "accepted" in ask.details else None
    title = "Add the page's origin to the cors option, exactly as the browser sends it"
    return node_fix(ask, title, server(ask, option), before=before)


def _credentials(ask: Ask) -> Fix:
    after = server(ask, cors_option(ask, repaired(ask), credentials=True))
    return node_fix(ask, "Allow credentials: the client sends cookies", after)


def _callback(ask: Ask) -> Fix:
    title = "Let the origin function answer false instead of an Error, and know the page"
    before = 'callback(new Error("Not allowed by CORS"));'
    return node_fix(ask, title, server(ask, cors_function(ask, repaired(ask))), before=before)


def _preflight_continue(ask: Ask) -> Fix | None:
    if ask.server.stack == "unknown" and not nest(ask):
        return None  # version 2 is far likelier
    title = "Let the cors option answer preflights: without preflightContinue, and with no headers added beside it"
    return node_fix(ask, title, server(ask, cors_option(ask, ask.pages)), before="preflightContinue: true")


def log_refusals(title: str) -> Cure:
    """What tells the person which check refused a request, and the page not."""

    def cure(ask: Ask) -> Fix:
        if before_release(ask, 4, 1) and not nest(ask):  # the event is newer
            return Fix(
                stack=name(ask), side="server", title=title, where="the command that starts the server", language="sh",
                after='DEBUG="engine*" node server.js',
            )  # fmt: skip
        lines = [
            '.on("connection_error", (error) => {',
            "  // error.context says which check refused it",
            "  console.error(error.code, error.message, error.context);",
            "});",
        ]
        if not nest(ask):
            return node_fix(ask, title, "io.engine" + "\n".join(lines), where="after new Server(...)")
        after = after_init(ask, lines, engine=True)
        return node_fix(ask, title, after, where=_GATEWAY_PLACE)

    return cure


def after_init(ask: Ask, lines: list[str], *, engine: bool = False) -> str:
    """The method of a gateway that is called with its server, or with its namespace where it has one."""
    inner = ask.plan.target.namespace != "/"
    given = "namespace" if inner else "io"
    kind = "Namespace" if inner else "Server"
    reach = ("namespace.server.engine" if inner else "io.engine") if engine else given
    return block(f'afterInit({given}: import("socket.io").{kind}) {{', [f"{reach}{lines[0]}", *lines[1:]], "}")


def _allow_request(ask: Ask) -> Fix:
    title = "If allowRequest goes by the origin: let it accept the page, and keep whatever else it checks"
    return node_fix(ask, title, with_cors(ask, _checked(ask.pages)))


def _closed(ask: Ask) -> Fix:
    """CORS does not reach WebSockets: any page's goes through."""
    own = tuple(dict.fromkeys([*ask.pages, ask.plan.target.url]))
    title = "Check the origin in allowRequest too: CORS does not reach WebSockets"
    return node_fix(ask, title, server(ask, cors_option(ask, ask.pages), _checked(own)))


def _checked(origins: tuple[str, ...]) -> str:
    return block(
        "allowRequest: (request, callback) => {",
        [
            f"const allowed = {js_list(origins)};",
            "const origin = request.headers.origin;",
            "// the first argument is an error's text; a number there hangs WebSockets",
            "callback(null, !origin || allowed.includes(origin));",
        ],
        "}",
    )


CORS: dict[str, Cure] = {
    "cors-not-configured": _listed("Give Socket.IO a cors option: since version 3 it has none of its own"),
    "express-cors-only": _listed("Give Socket.IO a cors option of its own: app.use(cors()) does not reach its path"),
    "cors-option-shape": _listed(
        "Give cors an object with origin in it: a list or a string in its place lets every page in"
    ),
    "origin-not-in-list": _not_in_list,
    "origin-star-in-array": _repair("Name the page: in a list * is an origin that no browser sends"),
    "origin-scheme": _repair("List the page with its own scheme: http and https are two origins"),
    "origin-port": _repair("List the page with its own port: each port is an origin; a default port is left out"),
    "origin-www-subdomain": _repair("List the page's own host: each subdomain is an origin, www too"),
    "origin-localhost-vs-127": _repair("List the page by the name it is opened with: localhost is not 127.0.0.1"),
    "app-scheme-origin": _not_in_list,
    "null-origin": _listed("Then list the page as it is served: null is the origin of any sandboxed page"),
    "null-origin-allowed": _listed(
        "Take null out of the list: any sandboxed page has that origin", before='origin: ["null"]'
    ),
    "any-origin-with-credentials": _listed(
        "Name the pages: any page that a visitor opens can act with the visitor's cookies now",
        before="origin: true",
        credentials=True,
    ),
    "origin-match-too-wide": _listed("List whole origins: what is matched in part, others have in their names too"),
    "vary-origin-missing": _listed("List the origins in an array: the answer then has Vary: Origin"),
    "static-origin-mismatch": _repair("List the origins in an array: a single string is sent to every page"),
    "origin-trailing-slash": _repair("Cut what stands behind the host: an origin has no path, not even a slash"),
    "origin-comma-list": _repair("Give each origin its own string: one string with commas is no list"),
    "origin-no-scheme": _repair("Write the scheme: an origin begins with https:// or http://"),
    "origin-callback-error": _callback,
    "wildcard-with-credentials": _listed(
        "Name the origins: * is never good enough for cookies", before='origin: "*"', credentials=True
    ),
    "v2-client-always-credentialed": _listed(
        "Name the origins and allow credentials: clients of version 2 send cookies unless told not to",
        before='origin: "*"',
        credentials=True,
    ),
    "acac-missing": _credentials,
    "preflight-header-not-allowed": _listed(
        "List the client's headers in allowedHeaders, or leave the option out: then any header is allowed"
    ),
    "acah-star-limits": _listed(
        "Name the headers: * does not cover Authorization, and with cookies no header at all",
        before='allowedHeaders: ["*"]',
    ),
    "method-not-allowed": _listed("Leave methods out of the cors option: GET and POST are always allowed"),
    "preflight-malformed": _listed("Write names alone into allowedHeaders and methods, each its own string"),
    "cors-on-handshake-only": _listed("Let the cors option add the headers: initial_headers is for the first answer"),
    "preflight-unhandled-v2": _preflight_continue,
    "proxy-strips-acao": _listed("See that the cors option lists the page"),
    "error-response-without-cors": log_refusals("Let the server say what it refuses: the browser hides it"),
    "allowrequest-403": _allow_request,
    "ws-allowrequest-origin": _allow_request,
    "websocket-open-to-any-page": _closed,
    "ws-refused": log_refusals("Let the server say why it refuses the WebSocket"),
    "engine-middleware-error": log_refusals(
        "See which io.engine.use(...) refuses: there is no res.status() there, and next(error) is 400 for the page"
    ),
}
