"""The chat's server. Nobody said that its page is served elsewhere, by Vite."""

import asyncio
import os

import socketio
from hypercorn.asyncio import serve
from hypercorn.config import Config

# --- the mistake
sio = socketio.AsyncServer(async_mode="asgi")
# --- the end of it

app = socketio.ASGIApp(sio)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


config = Config()
config.bind = [f"127.0.0.1:{os.environ.get('PORT', 8000)}"]
asyncio.run(serve(app, config))
