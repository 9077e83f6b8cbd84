"""The page is served elsewhere; long polling was turned off, and the page begins with it."""

import os

import socketio
import uvicorn

# --- the mistake
sio = socketio.AsyncServer(
    async_mode="asgi",
    cors_allowed_origins=["http://localhost:5173"],
    transports=["websocket"],
)
# --- the end of it

app = socketio.ASGIApp(sio)


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
