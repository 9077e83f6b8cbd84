"""More pairs of real servers and real clients: what ``check`` has once been wrong about, and a spread of the rest."""

from __future__ import annotations

from tests.living.pairs import (
    ALLOW,
    HEADER,
    STAR_PY,
    WEBSOCKET_ALONE,
    Client,
    Pair,
    behind_haproxy,
    behind_nginx,
    gone,
    nginx_alone,
    on_node,
    on_python,
    ssh,
)

NEVER = "io.use(() => {})"
SILENT = "io.engine.use(() => {})"
FAILING = "{cors: {origin: (origin, callback) => callback(new Error('x'))}}"
NOBODY = "{cors: {origin: (origin, callback) => callback(null, false)}}"
CONTINUE = "{cors: {origin: 'ORIGIN', preflightContinue: true}}"
OTHERS = "cors_allowed_origins=['http://other.example']"
REFUSE_PY = """
import socketio

@sio.event
async def connect(sid, environ, auth):
    raise socketio.exceptions.ConnectionRefusedError("not you")
"""
STAR = "add_header Access-Control-Allow-Origin * always;"
NO_PREFLIGHT = "if ($request_method = OPTIONS) { return 204; }"
NO_POST = "if ($request_method = POST) { return 405; }"
NO_UPGRADE = "if ($http_upgrade) { return 403; }"
HTML = f"{STAR} default_type text/html; return 200 '<!doctype html>';"
SET = "http-response set-header Access-Control-Allow-Origin ORIGIN"
DENY = "http-request deny if { req.hdr(upgrade) -m found }"

_up, _closed = on_node("4.8", ALLOW), on_node("4.8")
_never, _silent = on_node("4.8", ALLOW, setup=NEVER), on_node("4.8", ALLOW, setup=SILENT)
_py = on_python("uvicorn", STAR_PY)
_middleware = on_python("fastapi", "cors_allowed_origins=[]", middleware="allow_origins=['ORIGIN']")

_four, _two, _header = Client(), Client(version=2), Client(header=HEADER)
_websocket, _polling = Client(transports=("websocket",)), Client(transports=("polling",))
_other_first = Client(transports=("websocket", "polling"))
_all, _all_other_first = Client(try_all=True), Client(transports=("websocket", "polling"), try_all=True)
_hurried = Client(patience=3.0)

MORE = [
    # Origins, in other forms
    Pair("origin: true", on_node("4.8", "{cors: {origin: true}}"), _four),
    Pair("cors: true", on_node("4.8", "{cors: true}"), _four),
    Pair("a star in a list", on_node("4.8", "{cors: {origin: ['*']}}"), _four),
    Pair("a regular expression", on_node("4.8", "{cors: {origin: /localhost/}}"), _four),
    Pair("a function that lets nobody in", on_node("4.8", NOBODY), _header),
    Pair("a function that fails", on_node("4.8", FAILING), _websocket),
    Pair("preflightContinue", on_node("4.8", CONTINUE), _header),
    Pair("2.5 with a star for origins", on_node("2.5", "{origins: '*'}"), _two),
    # What a page may not set, and what nobody answers
    Pair("a header that is the browser's", _up, Client(header=("Cookie", "a=b"))),
    Pair("a header that is the browser's, no cors option", _closed, Client(header=("Host", "a"))),
    Pair("silence", _silent, _hurried),
    Pair("silence, WebSocket first", _silent, _other_first._replace(patience=3.0)),
    Pair("never answered, and the upgrade lost", behind_nginx(_never, websocket=False), _hurried),
    Pair("SSH", ssh, _four),
    Pair("SSH, WebSocket", ssh, _websocket),
    # tryAllTransports
    Pair("all transports, no cors option", _closed, _all),
    Pair("all transports, the server has WebSocket alone", on_node("4.8", WEBSOCKET_ALONE), _all),
    Pair("all transports, 4 on 2", on_node("2.5"), _all),
    Pair("all transports, nobody there", gone, _all),
    Pair("all transports, the upgrade lost", behind_nginx(_up, websocket=False), _all_other_first),
    Pair("all transports, the upgrade lost, no cors option", behind_nginx(_closed, websocket=False), _all_other_first),
    Pair("all transports, own origin alone", on_python("uvicorn"), _all_other_first),
    # Python
    Pair("python-socketio, an empty string", on_python("uvicorn", "cors_allowed_origins=''"), _four),
    Pair(
        "python-socketio, no credentials",
        on_python("aiohttp", f"{STAR_PY}, cors_credentials=False"),
        Client(with_credentials=True),
    ),
    Pair("python-socketio, a header", _py, _header),
    Pair("python-socketio, refused", on_python("uvicorn", STAR_PY, setup=REFUSE_PY), _websocket),
    Pair("python-socketio, WebSocket alone", on_python("uvicorn", f"{STAR_PY}, transports=['websocket']"), _four),
    Pair("python-socketio, no upgrades", on_python("aiohttp", f"{STAR_PY}, allow_upgrades=False"), _four),
    Pair("2 on python-socketio", _py, _two),
    Pair("Flask-SocketIO, another page", on_python("flask", OTHERS), _four),
    Pair("FastAPI, the middleware alone", _middleware, _header),
    Pair("FastAPI, mounted below", on_python("fastapi", STAR_PY, mount="/ws"), _four),
    # Proxies
    Pair("nginx, two in turn", behind_nginx(_up, workers=2), _four),
    Pair("nginx, two of python-socketio in turn", behind_nginx(_py, workers=2), _four),
    Pair("nginx, two in turn, WebSocket", behind_nginx(_up, workers=2), _websocket),
    Pair("nginx cuts the path", behind_nginx(_up, path="/socket.io/", proxy_pass="http://upstream/"), _four),
    Pair("nginx loses the query", behind_nginx(_up, "rewrite ^(.*)$ $1? break;"), _four),
    Pair("nginx answers preflights", behind_nginx(_up, NO_PREFLIGHT), _header),
    Pair("nginx refuses to post", behind_nginx(_up, NO_POST), _polling),
    Pair("nginx refuses WebSockets", behind_nginx(_up, NO_UPGRADE), _four),
    Pair("nginx wants a password", nginx_alone("return 401;"), _websocket),
    Pair("nginx redirects to https", nginx_alone("return 301 https://$host$request_uri;"), _four),
    Pair("nginx redirects to a login", nginx_alone(f"{STAR} return 302 /login;"), _four),
    Pair("nginx has one page for everything", nginx_alone(HTML), _four),
    Pair("HAProxy sets the header", behind_haproxy(_closed, backend=SET), _four),
    Pair("HAProxy refuses WebSockets", behind_haproxy(_up, DENY), _other_first),
]
