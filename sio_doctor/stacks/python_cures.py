"""The cures of python-socketio, for whatever host: ``cures`` gives them to each stack's own ``FIXES``."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from sio_doctor.model import Fix
from sio_doctor.stacks.base import NEW_PORT, Ask, Cure, block, mounted, py, py_list
from sio_doctor.stacks.node_options import repaired
from sio_doctor.stacks.python_hosts import (
    AIOHTTP,
    FLASK,
    SANIC,
    TORNADO,
    Host,
    Written,
    made,
    python_fix,
    written,
)

HostOf = Callable[[Ask], Host]
_Cure = Callable[[Ask, Host], Fix | None]


def cures(host_of: HostOf, condition: Callable[[Ask], str], *without: str) -> dict[str, Cure]:
    """All of them but those ``without``, for the host that ``host_of`` tells. ``condition`` begins the title: empty, or
    "If it is Flask-SocketIO: " where it may be another.
    """

    def cure(slug: str) -> Cure:
        def bound(ask: Ask) -> Fix | None:
            fix = _CURES[slug](ask, host_of(ask))
            return fix and structs.replace(fix, title=condition(ask) + fix.title)

        return bound

    return {slug: cure(slug) for slug in _CURES if slug not in without}


def origins(ask: Ask, *more: str) -> str:
    """The keyword that lists them."""
    return f"cors_allowed_origins={py_list(tuple(dict.fromkeys([*ask.pages, *more])))}"


def _wrapped(ask: Ask) -> bool:
    """A CORS middleware around it decides, or would add its header to the server's own."""
    return ask.layer("Starlette CORSMiddleware")


def _listing(title: str, *, before: str | None = None) -> _Cure:
    """The pages, and what is listed already."""

    def cure(ask: Ask, host: Host) -> Fix | None:
        if _wrapped(ask):
            return None
        accepted = ask.details.get("accepted")
        wrong = f"cors_allowed_origins=[{py(accepted)}]" if accepted else before
        listed = f"cors_allowed_origins={py_list(repaired(ask) if accepted else ask.pages)}"
        return python_fix(host, title, made(host, listed), before=wrong)

    return cure


def _exactly(title: str, before: str | None = None) -> _Cure:
    """The pages alone: what was let in besides shall not be."""

    def cure(ask: Ask, host: Host) -> Fix | None:
        return None if _wrapped(ask) else python_fix(host, title, made(host, origins(ask)), before=before)

    return cure


def _default(title: str) -> _Cure:
    """In place of the default, by which the server lets in the pages of its own origin: so that is listed too."""

    def cure(ask: Ask, host: Host) -> Fix | None:
        if _wrapped(ask):
            return None
        words = title.replace("CORS(app)", "django-cors-headers") if ask.layer("Django") else title
        if ask.plan.target.url in ask.origins:
            words = "List the server's own origin, or let the proxy pass on Host and X-Forwarded-Proto"
        return python_fix(host, words, made(host, origins(ask, ask.plan.target.url)))

    return cure


def _credentials(ask: Ask, host: Host) -> Fix | None:
    if _wrapped(ask):
        return None
    after = made(host, origins(ask), "cors_credentials=True")
    return python_fix(host, "Let credentials in again, which is the default", after, before="cors_credentials=False")


def _one_layer(ask: Ask, host: Host) -> Fix:
    title = "Leave CORS to the framework's middleware; WebSockets of any page are then let in, so check them in connect"
    return python_fix(host, title, made(host, "cors_allowed_origins=[]"))


def _closed(ask: Ask, host: Host) -> Fix:
    """Where a middleware does CORS, the list would add a second header."""
    if not _wrapped(ask):
        title = "List the pages, which is checked for WebSockets too; an empty list checks nothing"
        after = made(host, origins(ask, ask.plan.target.url))
        return python_fix(host, title, after, before="cors_allowed_origins=[]")
    # Who is no browser sends none.
    allowed = py_list(tuple(dict.fromkeys(["", *ask.pages, ask.plan.target.url])))
    title = "Check the origin in the connect handler too: the middleware does not see WebSockets"
    lines = [
        f'if environ.get("HTTP_ORIGIN", "") not in {allowed}:',
        '    raise ConnectionRefusedError("not this page")',
    ]
    return _handler(title, *lines)(ask, host)


def _websocket(ask: Ask, host: Host) -> Fix | None:
    if host.websocket is None:
        return None
    packages = host.websocket
    if ask.layer("gunicorn"):
        packages += "   # and start gunicorn with --worker-class gthread --threads 100 -w 1"
    return python_fix(
        host, "Install a WebSocket library for the server", f"pip install {packages}",
        where="the server's environment", language="sh",
    )  # fmt: skip


def _update(ask: Ask, host: Host) -> Fix:
    """python-socketio 5 speaks to clients 3 and 4, python-socketio 4 to clients 1 and 2, each to them alone."""
    releases = {"flask-socketio": 5, "python-socketio": 5, "python-engineio": 4}
    if host.stack != FLASK.stack:
        del releases["flask-socketio"]
    title, flags, sign = "Or update the server: python-socketio 5 speaks to clients 3 and 4", "--upgrade ", ">="
    if ask.slug == "python-version-mismatch" and ask.plan.client.version == 2:
        title, flags, sign = "Or let an older server speak to clients 1 and 2, until the page is updated", "", "<"
    packages = " ".join(f'"{name}{sign}{release}"' for name, release in releases.items())
    return python_fix(host, title, f"pip install {flags}{packages}", where="the server's environment", language="sh")


def _one_worker(ask: Ask, host: Host) -> Fix:
    title = "Run one worker: sessions live in one process (and unset WEB_CONCURRENCY)"
    return written(host, title, host.one_worker)


def _start(ask: Ask, host: Host) -> Fix:
    title = "Start the server, on all addresses of the machine"
    if ask.slug in NEW_PORT:
        why = "browsers refuse this one" if ask.slug == "unsafe-port" else "macOS has this one"
        title = f"Listen on another port: {why}"
    elif ask.slug == "bound-to-loopback":
        title = "Bind the server to all addresses of the machine"
    return written(host, title, host.start(ask.app_port))


def _log(ask: Ask, host: Host) -> Fix | None:
    if _wrapped(ask):  # a list there would be a second header
        return _plainly_log(ask, host)
    after = made(host, origins(ask), "logger=True", "engineio_logger=True")
    return python_fix(host, "Let the server say what it refuses: the browser hides it", after)


def _plainly_log(ask: Ask, host: Host) -> Fix:
    title = "Let the server say what it refuses: the browser hides it"
    return python_fix(host, title, made(host, "logger=True", "engineio_logger=True"))


def _keyword(title: str, *keywords: str) -> _Cure:
    return lambda ask, host: python_fix(host, title, made(host, *keywords, *_kept(ask)))


def _kept(ask: Ask) -> list[str]:
    """The list for pages of other origins, which the old call had; where a middleware does CORS, it has none."""
    return [origins(ask, ask.plan.target.url)] if ask.foreign and not _wrapped(ask) else []


def _path(ask: Ask, host: Host) -> Fix:
    title = "Serve it at the path that the page asks for"
    if host.stack == FLASK.stack:
        path = py(ask.plan.target.path.strip("/"))
        return python_fix(host, title, made(FLASK._replace(first=("app", f"path={path}")), *_kept(ask)))
    return written(host, title, host.mount(ask.plan.target.path.strip("/")))


def _whole_path(ask: Ask, host: Host) -> Fix:
    mount = mounted(ask)
    after = f"app.mount({py(mount)}, socketio.ASGIApp(sio, socketio_path={py(f'{mount}/socket.io')}))"
    before = f"app.mount({py(mount)}, socketio.ASGIApp(sio))"
    return python_fix(host, "Tell the mounted app its whole path", after, before=before, where="where it is mounted")


def _handler(title: str, *lines: str, where: str = "in place of the connect handler") -> Callable[[Ask, Host], Fix]:
    def cure(ask: Ask, host: Host) -> Fix:
        namespace = ask.plan.target.namespace
        decorator = "@socketio.on" if host.stack == FLASK.stack else "@sio.on"
        named = f", namespace={py(namespace)}" if namespace != "/" else ""
        head = "def connect(auth):" if host.stack == FLASK.stack else "def connect(sid, environ, auth):"
        if host.asynchronous:
            head = f"async {head}"
        module = "flask_socketio" if host.stack == FLASK.stack else "socketio.exceptions"
        # The built-in of the same name is another class, and one that nobody answers.
        imports = f"from {module} import ConnectionRefusedError\n\n\n" if "ConnectionRefused" in "".join(lines) else ""
        after = block(f'{imports}{decorator}("connect"{named})\n{head}', list(lines), "", "    ").rstrip("\n")
        return python_fix(host, title, after, where=where)

    return cure


def _cookie(ask: Ask, host: Host) -> Fix:
    title = "Let the cookie go to pages of other sites, which takes https; Safari sends it to none of them"
    if ask.details.get("cookie", "io") == "io":
        cookie = 'cookie={"name": "io", "path": "/", "SameSite": "None", "Secure": True}'
        return python_fix(host, title, made(host, *([] if _wrapped(ask) else [origins(ask)]), cookie))
    return written(host, title, _session_cookie(ask, host))


def _session_cookie(ask: Ask, host: Host) -> Written:
    """The application's own cookie, where its framework has it."""
    if ask.layer("Django"):
        code = (
            'SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "None"\nSESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True'
        )
        return Written(code, "settings.py")
    if not host.asynchronous:
        return Written(
            'app.config.update(SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_SECURE=True)', "behind app = Flask(...)"
        )
    return Written(
        'app.add_middleware(SessionMiddleware, secret_key=KEY, same_site="none", https_only=True)',
        "where SessionMiddleware is added",
    )


def _vary(ask: Ask, host: Host) -> Fix | None:
    """python-engineio has no option for it."""
    title = "Say that answers differ by Origin, or a cache gives one page the header of another"
    if host is TORNADO:
        return None
    if host is SANIC:
        after = '@app.on_response\nasync def vary(request, response):\n    response.headers["Vary"] = "Origin"'
        return python_fix(host, title, after, where="behind app = Sanic(...)")
    if host is AIOHTTP:
        lines = ['    response.headers["Vary"] = "Origin"']
        head = "async def vary(request, response):"
        after = "\n".join([head, *lines, "", "", "app.on_response_prepare.append(vary)"])
        return python_fix(host, title, after, where="behind app = web.Application()")
    target = "application" if ask.layer("Django") else "app"
    if not host.asynchronous:
        reach = "application" if target == "application" else "app.wsgi_app"
        inner = [
            "def wrapped(environ, start_response):",
            "    def start(status, headers, *error):",
            '        return start_response(status, [*headers, ("Vary", "Origin")], *error)',
            "",
            "    return inner(environ, start)",
            "",
            "return wrapped",
        ]
        after = block("def varying(inner):", inner, f"\n\n{reach} = varying({reach})", "    ")
        return python_fix(host, title, after, where="at the end of the file, below the server and its app")
    inner = [
        "async def wrapped(scope, receive, send):",
        "    async def add(message):",
        '        if message["type"] == "http.response.start":',
        '            message = {**message, "headers": [*message["headers"], (b"vary", b"Origin")]}',
        "        await send(message)",
        "",
        "    await inner(scope, receive, add)",
        "",
        "return wrapped",
    ]
    after = block("def varying(inner):", inner, f"\n\n{target} = varying({target})", "    ")
    return python_fix(host, title, after, where="at the end of the file, below the last route")


_REFUSES = (
    'token = (auth or {}).get("token")  # what the client gives as auth',
    "if not token:",
    '    raise ConnectionRefusedError("not authorized")',
)

_CURES: dict[str, _Cure] = {
    "ws-idle-timeout": _keyword(
        "Let the server ping more often than what is in front loses patience", "ping_interval=10"
    ),
    "cookie-samesite": _cookie,
    "payload-limits": _keyword(
        "If it is CONNECT that is too large, take larger messages; a token needs no more than a few KB",
        "max_http_buffer_size=1_000_000",
    ),
    "python-origin-not-accepted": _default(
        "List the page's origin; python-socketio refuses all others, WebSockets too"
    ),
    "flask-cors-only": _default("List the page's origin in Socket.IO's own option: CORS(app) does not reach it"),
    "fastapi-middleware-only": _default(
        "List the page's origin in Socket.IO's own option: the middleware lets in what it refuses"
    ),
    "python-behind-tls-proxy": _default(
        "List the page's and the server's origins: behind TLS it takes itself for http"
    ),
    "asgi-ws-403": _default("List the page's origin: WebSockets of all others get 403"),
    "cors-not-configured": _listing("List the page's origin: an empty list sends no CORS header at all"),
    "origin-not-in-list": _listing("Add the page's origin to those that are listed, exactly as the browser sends it"),
    "app-scheme-origin": _listing("Add the app's origin to those that are listed, exactly as it is sent"),
    "origin-scheme": _listing("List the page with its own scheme: http and https are two origins"),
    "origin-port": _listing("List the page with its own port: each port is an origin; a default port is left out"),
    "origin-www-subdomain": _listing("List the page's own host: each subdomain is an origin, www too"),
    "origin-localhost-vs-127": _listing("List the page by the name it is opened with: localhost is not 127.0.0.1"),
    "null-origin": _listing("Then list the page as it is served: null is the origin of any sandboxed page"),
    "null-origin-allowed": _exactly(
        "Take null out of the list: any sandboxed page has that origin", 'cors_allowed_origins=["null"]'
    ),
    "any-origin-with-credentials": _exactly(
        "Name the pages: any page that a visitor opens can act with the visitor's cookies now",
        'cors_allowed_origins="*"',
    ),
    "origin-match-too-wide": _exactly("List whole origins: what is matched in part, others have in their names too"),
    "websocket-open-to-any-page": _closed,
    "vary-origin-missing": _vary,
    "origin-trailing-slash": _listing("Cut what stands behind the host: an origin has no path, not even a slash"),
    "origin-comma-list": _listing("Give each origin its own string: one string with commas is no list"),
    "origin-no-scheme": _listing("Write the scheme: an origin begins with https:// or http://"),
    "static-origin-mismatch": _listing("List the page's origin"),
    "ws-refused": _listing("List the page's origin: it is checked for WebSockets too"),
    "proxy-strips-acao": _listing("See that the server lists the page's origin"),
    "acac-missing": _credentials,
    "duplicate-acao-framework": _one_layer,
    "error-response-without-cors": _log,
    "python-no-websocket": _websocket,
    "server-too-old": _update,
    "python-version-mismatch": _update,
    "no-sticky-sessions": _one_worker,
    "gunicorn-workers": _one_worker,
    "server-refused": _start,
    "bound-to-loopback": _start,
    "connection-reset": _start,
    "unsafe-port": _start,
    "macos-port-5000": _start,
    "transport-disabled": _keyword(
        "Let the server speak both transports, which is the default", 'transports=["polling", "websocket"]'
    ),
    "path-mismatch": _path,
    "asgi-mount-path": _whole_path,
    "connect-middleware-error": _handler(
        "Look into the connect handler that refuses: it reads what the client does not send", *_REFUSES
    ),
    "disconnected-at-once": _handler(
        "Refuse in the connect handler instead, without always_connect: then connect_error tells the page why",
        *_REFUSES,
    ),
    "invalid-namespace": _handler(
        "Give the namespace a handler: without one it does not exist", "pass", where="beside the other handlers"
    ),
    "no-connect-reply": _handler(
        "Let no exception but ConnectionRefusedError out of the connect handler: after any other nobody answers",
        "try:",
        "    ...  # what the handler does",
        "except Exception as error:",
        '    raise ConnectionRefusedError("try again later") from error',
    ),
}
