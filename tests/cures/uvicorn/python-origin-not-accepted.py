"""The chat's server. Nobody said that its page is served elsewhere, by Vite."""

import os

import socketio
import uvicorn

# --- the mistake
sio = socketio.AsyncServer(async_mode="asgi")
# --- the end of it

app = socketio.ASGIApp(sio)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
