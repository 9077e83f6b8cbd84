"""CORS was turned off, to leave it to a middleware that is not there any more."""

import os

import socketio
import uvicorn

# --- the mistake
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
# --- the end of it

app = socketio.ASGIApp(sio)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
