"""The page joins /admin."""

import os

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, cors_allowed_origins=["http://localhost:5173"])


# --- the mistake
@socketio.on("connect", namespace="/Admin")
def connect(auth):
    print("connected")
# --- the end of it


@socketio.on("message")
def message(text):
    socketio.emit("message", text)


if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", 5000)), allow_unsafe_werkzeug=True)
