"""The cures for Python, pasted byte for byte into complete files that run, each in the place of the mistake."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sio_doctor.model import Fix, Plan, Server
from sio_doctor.stacks import fixes
from tests.rules.build import PAGE, make_plan
from tests.servers.process import process
from tests.stacks.test_cures import OPEN, UPGRADE, ask, assert_lets_the_page_in, preflight, upgrade

#: Many servers are started: `make cures` runs it.
pytestmark = pytest.mark.cures

MARK = "# the mistake\n"

UVICORN = """
import os, uvicorn, socketio

# the mistake
sio = socketio.AsyncServer(async_mode="asgi")
# the mistake
app = socketio.ASGIApp(sio)


@sio.event
async def hello(sid, data):
    return data


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
"""
FASTAPI = """
import os, uvicorn, socketio
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(CORSMiddleware, allow_origins=["@PAGE@"], allow_credentials=True, allow_headers=["*"])
sio = socketio.AsyncServer(async_mode="asgi"@OPTIONS@)


@sio.event
async def hello(sid, data):
    return data


@app.get("/hello")
def read():
    return "hello"


# the mistake
app.mount("/", socketio.ASGIApp(sio))
# the mistake

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
"""
MIDDLEWARE = FASTAPI.replace("# the mistake\n", "").replace(
    'app.add_middleware(CORSMiddleware, allow_origins=["@PAGE@"], allow_credentials=True, allow_headers=["*"])\n',
    f'{MARK}app.add_middleware(CORSMiddleware, allow_origins=["*"])\n{MARK}',
)
AIOHTTP = """
import os, socketio
from aiohttp import web

app = web.Application()
# the mistake
sio = socketio.AsyncServer(async_mode="aiohttp")
# the mistake
sio.attach(app)

web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)
"""
TORNADO = """
import asyncio, os, socketio, tornado.web

# the mistake
sio = socketio.AsyncServer(async_mode="tornado")
# the mistake
app = tornado.web.Application([(r"/socket.io/", socketio.get_tornado_handler(sio))])


async def main():
    app.listen(int(os.environ["PORT"]))
    await asyncio.Event().wait()


asyncio.run(main())
"""
FLASK = """
import os
from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
# the mistake
socketio = SocketIO(app)
# the mistake


@socketio.on("hello")
def hello(data):
    return data


socketio.run(app, port=int(os.environ["PORT"]), allow_unsafe_werkzeug=True)
"""
WSGI = """
import os, socketio
from flask import Flask

app = Flask(__name__)
# the mistake
sio = socketio.Server(async_mode="threading")
# the mistake
app.wsgi_app = socketio.WSGIApp(sio, app.wsgi_app)

app.run(port=int(os.environ["PORT"]), threaded=True)
"""
DJANGO = """
import os, socketio, uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
urlpatterns = []
# the mistake
sio = socketio.AsyncServer(async_mode="asgi")
# the mistake
application = socketio.ASGIApp(sio, get_asgi_application())

uvicorn.run(application, port=int(os.environ["PORT"]), log_level="warning")
"""

FILES = {
    "python-socketio": UVICORN,
    "aiohttp": AIOHTTP,
    "tornado": TORNADO,
    "flask-socketio": FLASK,
    "python-socketio-wsgi": WSGI,
    "django": DJANGO,
}
STARLETTE = Server(stack="python-socketio", layers=("FastAPI", "Starlette CORSMiddleware", "uvicorn"))


def plan(name: str = "", **fields: object) -> Plan:
    named = (name,) if name else ()
    return make_plan(with_credentials=True, extra_headers=(("my-custom-header", "x"),), stacks=named, **fields)


def cure(slug: str, name: str, *, details: dict[str, str] | None = None, **fields: object) -> Fix:
    """The first cure of the server that is named."""
    asked = plan(name, **fields)
    found = fixes(slug, asked, Server(), origins=asked.origins, details=details)
    return next(fix for fix in found if fix.side == "server")


def pasted(text: str, code: str) -> str:
    """The file with that code between the marks, as it came."""
    head, _, tail = text.split(MARK)
    return f"{head}{code}\n{tail}"


@contextmanager
def running(text: str, folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "main.py"
    file.write_text(text.replace("@PAGE@", PAGE).replace("@OPTIONS@", ""))
    environment = {"PORT": str(port), "PYTHONWARNINGS": "ignore"}
    with process([sys.executable, file], cwd=folder, env=environment) as server:
        server.wait_for_answer(port)
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("slug", ["python-origin-not-accepted"])
def test_the_page_is_let_in(name: str, slug: str, tmp_path: Path) -> None:
    with running(FILES[name].replace(MARK, ""), tmp_path) as url:
        assert ask(url).status == 400
    with running(pasted(FILES[name], cure(slug, name).after), tmp_path) as url:
        assert_lets_the_page_in(url)
        assert upgrade(url).status == 101


@pytest.mark.parametrize("name", FILES)
def test_the_path_is_the_pages(name: str, tmp_path: Path) -> None:
    fix = cure("path-mismatch", name, path="/my/io/")
    lines = [line for line in FILES[name].split("\n") if line + "\n" != MARK]
    if name == "flask-socketio":
        text = pasted(FILES[name], fix.after)
    elif name == "tornado":
        old = '(r"/socket.io/", socketio.get_tornado_handler(sio))'
        text = "\n".join(lines).replace(old, fix.after)
    else:
        place = next(
            line for line in lines if ("App(" in line and "socketio." in line) or line.startswith("sio.attach")
        )
        text = "\n".join(lines).replace(place, fix.after)
    with running(text, tmp_path) as url:
        # Flask-SocketIO's call has the list as well.
        page = PAGE if name == "flask-socketio" else url
        assert ask(url, target=OPEN.replace("socket.io", "my/io"), origin=page).status == 200
        assert ask(url, origin=url).status in (400, 404)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "slug", ["connect-middleware-error", "disconnected-at-once", "invalid-namespace", "no-connect-reply"]
)
def test_handlers_run(name: str, slug: str, tmp_path: Path) -> None:
    fix = cure(slug, name, namespace="/chat")
    text = FILES[name].replace(MARK, "")
    last = "\n\nif __name__" if "if __name__" in text else "\n\n" + text.strip().split("\n")[-1]
    if name == "tornado":
        last = "\n\nasync def main"
    with running(text.replace(last, f"\n\n{fix.after}\n{last}"), tmp_path) as url:
        assert ask(url, origin=url).status == 200


@pytest.mark.parametrize("name", ["python-socketio", "aiohttp", "flask-socketio", "python-socketio-wsgi", "django"])
def test_answers_say_that_they_differ_by_origin(name: str, tmp_path: Path) -> None:
    text = FILES[name].replace(MARK, "")
    with running(text, tmp_path) as url:
        assert "Origin" not in ask(url, origin=url).all("vary")
    start = {"python-socketio": "\n\nif __name__", "aiohttp": "\nweb.run_app", "flask-socketio": "\n\nsocketio.run"}
    before = start.get(name, "\n\napp.run" if name == "python-socketio-wsgi" else "\n\nuvicorn.run")
    code = cure("vary-origin-missing", name).after
    with running(text.replace(before, f"\n\n{code}\n{before}"), tmp_path) as url:
        opened = ask(url, origin=url)
        assert opened.status == 200
        assert "Origin" in opened.all("vary")
        assert upgrade_of_its_own(url) == 101


def upgrade_of_its_own(url: str) -> int:
    """The status of a WebSocket of the server's own page."""
    return ask(url, target=OPEN.replace("polling", "websocket"), origin=url, **UPGRADE).status


# --- FastAPI ---------------------------------------------------------------------------------------------------------


def starlette(slug: str, **details: str) -> Fix:
    asked = plan()
    return fixes(slug, asked, STARLETTE, origins=asked.origins, details=details)[0]


@pytest.mark.parametrize("slug", ["python-origin-not-accepted", "fastapi-middleware-only"])
def test_fastapis_middleware_lets_in_what_socketio_refuses(slug: str, tmp_path: Path) -> None:
    with running(FASTAPI.replace(MARK, ""), tmp_path) as url:
        refused = ask(url)
        assert (refused.status, refused.all("access-control-allow-origin")) == (400, [PAGE])
    with running(pasted(FASTAPI, starlette(slug).after), tmp_path) as url:
        assert_lets_the_page_in(url)
        assert upgrade(url).status == 101
        assert ask(url, target="/hello").status == 200, "the routes of the application are still there"


def test_fastapi_answers_twice(tmp_path: Path) -> None:
    text = FASTAPI.replace("@OPTIONS@", f', cors_allowed_origins=["{PAGE}"]')
    with running(text.replace(MARK, ""), tmp_path) as url:
        assert len(ask(url).all("access-control-allow-origin")) == 2
    with running(pasted(text, starlette("duplicate-acao-framework").after), tmp_path) as url:
        assert_lets_the_page_in(url)
        assert ask(url, target="/hello").all("access-control-allow-origin") == [PAGE]


@pytest.mark.parametrize(
    "slug", ["wildcard-with-credentials", "cors-not-configured", "origin-not-in-list", "acac-missing"]
)
def test_the_middlewares_own_list(slug: str, tmp_path: Path) -> None:
    text = MIDDLEWARE.replace("@OPTIONS@", ", cors_allowed_origins=[]")
    with running(text.replace(MARK, ""), tmp_path) as url:
        assert ask(url).all("access-control-allow-origin") == ["*"]
        assert preflight(url).status == 400
    with running(pasted(text, starlette(slug).after), tmp_path) as url:
        assert_lets_the_page_in(url)


def test_the_middleware_refuses_the_preflight_of_a_page_that_socketio_lists(tmp_path: Path) -> None:
    text = FASTAPI.replace("@OPTIONS@", f', cors_allowed_origins=["{PAGE}"]')
    text = text.replace('allow_origins=["@PAGE@"]', 'allow_origins=["https://other.example"]')
    with running(text.replace(MARK, ""), tmp_path) as url:
        assert ask(url).all("access-control-allow-origin") == [PAGE]
        assert preflight(url).status == 400
    fix = starlette("origin-not-in-list", **{"allow-origin": PAGE})
    with running(pasted(text, fix.after), tmp_path) as url:
        assert_lets_the_page_in(url)


def test_the_middleware_does_not_know_the_header(tmp_path: Path) -> None:
    text = MIDDLEWARE.replace("@OPTIONS@", ", cors_allowed_origins=[]").replace('["*"]', '["@PAGE@"]')
    with running(text.replace(MARK, ""), tmp_path) as url:
        assert ask(url).all("access-control-allow-origin") == [PAGE]
        assert preflight(url).status == 400
    fix = starlette("preflight-header-not-allowed", **{"allow-origin": PAGE})
    with running(pasted(text, fix.after), tmp_path) as url:
        assert_lets_the_page_in(url)


@pytest.mark.parametrize(("origin", "answer"), [(PAGE, "40{"), ("https://foreign.example", "44{"), (None, "40{")])
def test_the_connect_handler_knows_the_pages(origin: str | None, answer: str, tmp_path: Path) -> None:
    """The middleware does not see WebSockets, and the empty list refuses nobody."""
    code = starlette("websocket-open-to-any-page").after
    text = FASTAPI.replace("@OPTIONS@", ", cors_allowed_origins=[]").replace(MARK, "")
    with running(text.replace("\n\n@app.get", f"\n\n{code}\n\n\n@app.get"), tmp_path) as url:
        assert connected(url, origin).startswith(answer)


def connected(url: str, origin: str | None) -> str:
    """What CONNECT of that origin gets."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    named = {"Origin": origin} if origin else {}
    try:
        connection.request("GET", OPEN, headers=named)
        sid = re.search(r'"sid":"([^"]+)"', connection.getresponse().read().decode())
        assert sid
        connection.request("POST", f"{OPEN}&sid={sid[1]}", "40", named)
        connection.getresponse().read()
        connection.request("GET", f"{OPEN}&sid={sid[1]}", headers=named)
        return connection.getresponse().read().decode()
    finally:
        connection.close()
