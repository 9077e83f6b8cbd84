"""A handler that fails where there is no token."""

import os

import socketio
from aiohttp import web

sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins=["http://localhost:5173"])
app = web.Application()
sio.attach(app)


# --- the mistake
@sio.event
async def connect(sid, environ, auth):
    print("connected", auth["token"])
# --- the end of it


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8080)))
