"""The page sends its session cookie; cookies were turned off."""

import os

import socketio
from aiohttp import web

# --- the mistake
sio = socketio.AsyncServer(
    async_mode="aiohttp",
    cors_allowed_origins=["http://localhost:5173"],
    cors_credentials=False,
)
# --- the end of it

app = web.Application()
sio.attach(app)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


web.run_app(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8080)))
