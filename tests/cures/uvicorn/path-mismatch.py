"""The server moved to another path, and the page stayed."""

import os

import socketio
import uvicorn


async def app(scope, receive, send):
    """What was there before: a page."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"nothing here"})


sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=["http://localhost:5173"])

# --- the mistake
app = socketio.ASGIApp(sio, other_asgi_app=app, socketio_path="chat")
# --- the end of it


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
