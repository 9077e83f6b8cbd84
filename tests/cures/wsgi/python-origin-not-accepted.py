"""The chat's server. Nobody said that its page is served elsewhere, by Vite."""

import os

import socketio
from werkzeug.serving import run_simple

# --- the mistake
sio = socketio.Server(async_mode="threading")
# --- the end of it

app = socketio.WSGIApp(sio)


@sio.event
def message(sid, text):
    sio.emit("message", text)


run_simple("127.0.0.1", int(os.environ.get("PORT", 5000)), app, threaded=True)
