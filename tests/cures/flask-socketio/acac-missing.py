"""The page sends its session cookie; cookies were turned off."""

import os

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)

# --- the mistake
socketio = SocketIO(app, cors_allowed_origins=["http://localhost:5173"], cors_credentials=False)
# --- the end of it


@app.get("/")
def index():
    return "<h1>chat</h1>"


@socketio.on("message")
def message(text):
    socketio.emit("message", text)


if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", 5000)), allow_unsafe_werkzeug=True)
