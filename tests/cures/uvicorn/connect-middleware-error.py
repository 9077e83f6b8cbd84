"""The page gives its token as auth; the handler looks for a header."""

import os

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=["http://localhost:5173"])
app = socketio.ASGIApp(sio)


# --- the mistake
@sio.event
async def connect(sid, environ, auth):
    if "HTTP_AUTHORIZATION" not in environ:
        raise socketio.exceptions.ConnectionRefusedError("not authorized")
# --- the end of it


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
