"""CORS was turned off, to leave it to a middleware that is not there any more."""

import os

import socketio
from werkzeug.serving import run_simple

# --- the mistake
sio = socketio.Server(async_mode="threading", cors_allowed_origins=[])
# --- the end of it

app = socketio.WSGIApp(sio)


@sio.event
def message(sid, text):
    sio.emit("message", text)


run_simple("127.0.0.1", int(os.environ.get("PORT", 5000)), app, threaded=True)
