"""The page is served elsewhere; Socket.IO moved to another path, and the page stayed."""

import os

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)

# --- the mistake
socketio = SocketIO(app, path="chat", cors_allowed_origins="http://localhost:5173")
# --- the end of it


@app.get("/")
def index():
    return "<h1>chat</h1>"


@socketio.on("message")
def message(text):
    socketio.emit("message", text)


if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", 5000)), allow_unsafe_werkzeug=True)
