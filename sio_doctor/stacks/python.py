"""python-socketio in any host, async or WSGI, and Flask-SocketIO, which is built on it and looks the same."""

from __future__ import annotations

from collections.abc import Iterable

from sio_doctor.model import Evidence, Fix, Server
from sio_doctor.stacks.base import (
    NEW_PORT,
    Ask,
    Claim,
    Cure,
    Side,
    answers,
    block,
    has_layer,
    mounted,
    openings,
    product,
    py,
    py_list,
    shown,
)
from sio_doctor.standards import engineio

SIDE: Side = "server"

ASYNC = ("uvicorn", "hypercorn", "Daphne", "aiohttp", "Tornado", "FastAPI", "Starlette CORSMiddleware")
_MODES = {"aiohttp": "aiohttp", "Tornado": "tornado"}
WSGI = ("Werkzeug", "gunicorn", "WSGI")
#: What hosts call themselves in the Server header; group 1 is the version.
_HOSTS = {
    "uvicorn": r"^uvicorn$",
    "hypercorn": r"^hypercorn-",
    "Daphne": r"^daphne$",
    "aiohttp": r"\baiohttp/([\w.]+)",
    "Tornado": r"^TornadoServer/([\w.]+)",
    "Werkzeug": r"^Werkzeug/([\w.]+)",
    "gunicorn": r"^gunicorn(?:/([\w.]+))?$",
}


def fits(server: Server) -> bool:
    """python-socketio, with or without Flask around it; what a Python host has most likely."""
    if server.stack == "unknown":
        return has_layer(server, *ASYNC, *WSGI)
    return server.stack in ("python-socketio", "flask-socketio")


def recognise(evidence: Evidence) -> Claim | None:
    """By the open packet's order and python-engineio's refusals; the host by its Server header."""
    found = openings(evidence)
    hosts = [claim for name, pattern in _HOSTS.items() if (claim := product(evidence, pattern, name))]
    layers = tuple(layer for claim in hosts for layer in claim.layers)
    told = tuple(phrase for claim in hosts for phrase in claim.evidence)
    phrases = list(_marks(evidence))
    if found and not any(opening.interval_first for opening in found):
        phrases.insert(0, "the open packet has pingTimeout before pingInterval, as Python writes it")
    elif found:
        phrases = []
    if not phrases:
        return Claim(layers=layers, evidence=told) if layers else None
    if not layers and any(phrase.endswith(f"{_WSGI_REFUSAL!r}") for phrase in phrases):
        layers = ("WSGI",)
    version = None
    for opening in found:
        if opening.handshake.framing != "v4" or opening.asked == 3:
            version = "4.x"
        else:
            version = "5.12+" if opening.handshake.max_payload is not None else "5.0–5.11"
    return Claim("python-socketio", version, layers, tuple(dict.fromkeys((*phrases, *told))))


_WSGI_REFUSAL = "Not an accepted origin."


def _marks(evidence: Evidence) -> Iterable[str]:
    for _, response in answers(evidence):
        refusal = engineio.read_refusal(response)
        if refusal is not None and refusal.family == "python":
            yield f"a refusal as python-engineio words it: {shown(refusal.message)!r}"


# --- cures -----------------------------------------------------------------------------------------------------------


def is_wsgi(ask: Ask) -> bool:
    """It runs in a WSGI server, where Flask-SocketIO is by far the commonest."""
    return has_layer(ask.server, *WSGI) and not has_layer(ask.server, *ASYNC)


def _fix(
    ask: Ask, title: str, after: str, *, before: str | None = None, where: str = "", language: str = "python"
) -> Fix:
    flask = is_wsgi(ask)
    place = "where you call SocketIO(app, ...)" if flask else "where you call socketio.AsyncServer(...)"
    stack = "Flask-SocketIO" if flask else "python-socketio"
    return Fix(
        stack=stack, side="server", title=title, where=where or place, language=language, before=before, after=after
    )  # fmt: skip


def constructor(ask: Ask, *keywords: str) -> str:
    """The call that makes the server, with these keywords."""
    if is_wsgi(ask):
        return block(
            "socketio = SocketIO(  # without Flask: sio = socketio.Server(",
            ["app,", *(f"{one}," for one in keywords)],
            ")",
            "    ",
        )
    known = ask.layer(*ASYNC)
    head = "sio = socketio.AsyncServer(" if known else "sio = socketio.AsyncServer(  # in Flask: SocketIO(app, ..."
    mode = next((mode for layer, mode in _MODES.items() if ask.layer(layer)), "asgi")
    return block(head, [*([f"async_mode={py(mode)},"] if known else []), *(f"{one}," for one in keywords)], ")", "    ")


def origins(ask: Ask) -> str:
    """The keyword that lists them."""
    return f"cors_allowed_origins={py_list(ask.pages)}"


def _wrapped(ask: Ask) -> bool:
    """A CORS middleware around it decides, or would add its header to the server's own."""
    return ask.layer("Starlette CORSMiddleware")


def _listing(title: str) -> Cure:
    def cure(ask: Ask) -> Fix | None:
        if _wrapped(ask):
            return None
        wrong = ask.details.get("accepted")
        before = f"cors_allowed_origins=[{py(wrong)}]" if wrong else None
        return _fix(ask, title, constructor(ask, origins(ask)), before=before)

    return cure


def _not_accepted(ask: Ask) -> Fix | None:
    if _wrapped(ask):
        return None
    title = "List the page's origin; python-socketio refuses all others, WebSockets too"
    if ask.plan.target.url in ask.origins:
        title = "List the server's own origin, or let the proxy pass on Host and X-Forwarded-Proto"
    return _fix(ask, title, constructor(ask, origins(ask)))


def _credentials(ask: Ask) -> Fix | None:
    if _wrapped(ask):
        return None
    after = constructor(ask, origins(ask), "cors_credentials=True")
    return _fix(ask, "Let credentials in again, which is the default", after, before="cors_credentials=False")


def _one_layer(ask: Ask) -> Fix:
    title = "Leave CORS to the framework's middleware; WebSockets of any page are then let in, so check them in connect"
    return _fix(ask, title, constructor(ask, "cors_allowed_origins=[]"))


def _websocket(ask: Ask) -> Fix:
    packages = "simple-websocket" if is_wsgi(ask) else '"uvicorn[standard]"'
    if ask.layer("gunicorn"):
        packages += "   # and start gunicorn with --worker-class gthread --threads 100 -w 1"
    return _fix(
        ask, "Install a WebSocket library for the server", f"pip install {packages}",
        where="the server's environment", language="sh",
    )  # fmt: skip


def _update(ask: Ask) -> Fix:
    packages = '"flask-socketio>=5" "python-socketio>=5"' if is_wsgi(ask) else '"python-socketio>=5"'
    return _fix(
        ask, "Or update the server: python-socketio 5 speaks to clients 3 and 4, and to them alone",
        f"pip install --upgrade {packages}", where="the server's environment", language="sh",
    )  # fmt: skip


def _one_worker(ask: Ask) -> Fix:
    after = "gunicorn -w 1 --threads 100 app:app" if is_wsgi(ask) else "uvicorn app:app --workers 1"
    title = "Run one worker: sessions live in one process (and unset WEB_CONCURRENCY)"
    return _fix(ask, title, after, where="the command that starts the server", language="sh")


def _start(ask: Ask) -> Fix:
    command = (
        f"gunicorn -w 1 --threads 100 -b 0.0.0.0:{ask.app_port} app:app"
        if is_wsgi(ask)
        else f"uvicorn app:app --host 0.0.0.0 --port {ask.app_port}"
    )
    title = "Start the server, on all addresses of the machine"
    if ask.slug in NEW_PORT:
        why = "browsers refuse this one" if ask.slug == "unsafe-port" else "macOS has this one"
        title = f"Listen on another port: {why}"
    elif ask.slug == "bound-to-loopback":
        title = "Bind the server to all addresses of the machine"
    return _fix(ask, title, command, where="the command that starts the server", language="sh")


def _log(ask: Ask) -> Fix:
    after = constructor(ask, origins(ask), "logger=True", "engineio_logger=True")
    return _fix(ask, "Let the server say what it refuses: the browser hides it", after)


def _transports(ask: Ask) -> Fix:
    after = constructor(ask, 'transports=["polling", "websocket"]')
    return _fix(ask, "Let the server speak both transports, which is the default", after)


def _path(ask: Ask) -> Fix:
    path = py(ask.plan.target.path.strip("/"))
    if is_wsgi(ask):
        return _fix(ask, "Serve it at the path that the page asks for", constructor(ask, f"path={path}"))
    after = f"app = socketio.ASGIApp(sio, other_asgi_app=app, socketio_path={path})"
    return _fix(
        ask,
        "Serve it at the path that the page asks for, outside of the framework",
        after,
        where="where the app is put together; start this app",
    )


def _whole_path(ask: Ask) -> Fix:
    mount = mounted(ask)
    after = f"app.mount({py(mount)}, socketio.ASGIApp(sio, socketio_path={py(f'{mount}/socket.io')}))"
    before = f"app.mount({py(mount)}, socketio.ASGIApp(sio))"
    return _fix(ask, "Tell the mounted app its whole path", after, before=before, where="where it is mounted")


def _handler(title: str, *lines: str) -> Cure:
    def cure(ask: Ask) -> Fix:
        namespace = ask.plan.target.namespace
        decorator = "@socketio.on" if is_wsgi(ask) else "@sio.on"
        named = f", namespace={py(namespace)}" if namespace != "/" else ""
        head = "def connect(auth):" if is_wsgi(ask) else "async def connect(sid, environ, auth):"
        module = "flask_socketio" if is_wsgi(ask) else "socketio.exceptions"
        # The built-in of the same name is another class, and one that nobody answers.
        imports = f"from {module} import ConnectionRefusedError\n\n\n" if "ConnectionRefused" in "".join(lines) else ""
        after = block(f'{imports}{decorator}("connect"{named})\n{head}', list(lines), "", "    ").rstrip("\n")
        return _fix(ask, title, after, where="where the handlers are")

    return cure


def _pings(ask: Ask) -> Fix:
    after = constructor(ask, "ping_interval=10")
    return _fix(ask, "Let the server ping more often than what is in front loses patience", after)


def _cookie(ask: Ask) -> Fix:
    after = constructor(ask, origins(ask), 'cookie={"name": "io", "path": "/", "SameSite": "None", "Secure": True}')
    if ask.details.get("cookie", "io") != "io":
        after = 'app.config.update(SESSION_COOKIE_SAMESITE="None", SESSION_COOKIE_SECURE=True)  # of Flask'
        if not is_wsgi(ask):
            after = 'app.add_middleware(SessionMiddleware, secret_key=KEY, same_site="none", https_only=True)'
    title = "Let the cookie go to pages of other sites, which takes https; Safari sends it to none of them"
    return _fix(ask, title, after)


def _larger(ask: Ask) -> Fix:
    after = constructor(ask, "max_http_buffer_size=1_000_000")
    return _fix(
        ask, "If it is CONNECT that is too large, take larger messages; a token needs no more than a few KB", after
    )


FIXES: dict[str, Cure] = {
    "ws-idle-timeout": _pings,
    "cookie-samesite": _cookie,
    "payload-limits": _larger,
    "python-origin-not-accepted": _not_accepted,
    "cors-not-configured": _listing("List the page's origin: an empty list sends no CORS header at all"),
    "origin-not-in-list": _listing("Add the page's origin to those that are listed, exactly as the browser sends it"),
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
    "no-sticky-sessions": _one_worker,
    "gunicorn-workers": _one_worker,
    "server-refused": _start,
    "bound-to-loopback": _start,
    "connection-reset": _start,
    "unsafe-port": _start,
    "transport-disabled": _transports,
    "path-mismatch": _path,
    "asgi-mount-path": _whole_path,
    "macos-port-5000": _start,
    "connect-middleware-error": _handler(
        "Look into the connect handler that refuses: it reads what the client does not send",
        'token = (auth or {}).get("token")  # what the client gives as auth',
        "if not token:",
        '    raise ConnectionRefusedError("not authorized")',
    ),
    "disconnected-at-once": _handler(
        "Refuse in the connect handler instead, without always_connect: then connect_error tells the page why",
        'token = (auth or {}).get("token")  # what the client gives as auth',
        "if not token:",
        '    raise ConnectionRefusedError("not authorized")',
    ),
    "invalid-namespace": _handler("Give the namespace a handler: without one it does not exist", "pass"),
    "no-connect-reply": _handler(
        "Let no exception but ConnectionRefusedError out of the connect handler: after any other nobody answers",
        "try:",
        "    ...  # what the handler does",
        "except Exception as error:",
        '    raise ConnectionRefusedError("try again later") from error',
    ),
}
FIXES["python-behind-tls-proxy"] = _not_accepted
FIXES["flask-cors-only"] = _not_accepted
FIXES["fastapi-middleware-only"] = _one_layer
FIXES["asgi-ws-403"] = _log
FIXES["python-version-mismatch"] = lambda ask: _update(ask) if ask.plan.client.protocol == 4 else None
FIXES["any-origin-with-credentials"] = _listing("List the pages that may connect: then no other site can")
FIXES["origin-match-too-wide"] = _listing("List whole origins: a part of one fits strangers too")
FIXES["null-origin-allowed"] = _listing("Take null off the list, and serve the page that needed it")
