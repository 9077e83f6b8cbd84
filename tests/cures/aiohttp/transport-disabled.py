"""The page is served here; long polling was turned off, and the page begins with it."""

import os

import socketio
from aiohttp import web

# --- the mistake
sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])
# --- the end of it

app = web.Application()
sio.attach(app)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8080)))
