"""The page gives its token as auth; the handler looks for a header."""

import os

from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, cors_allowed_origins=["http://localhost:5173"])


# --- the mistake
@socketio.on("connect")
def connect(auth):
    from flask import request

    return "Authorization" in request.headers
# --- the end of it


@socketio.on("message")
def message(text):
    socketio.emit("message", text)


if __name__ == "__main__":
    socketio.run(app, port=int(os.environ.get("PORT", 5000)), allow_unsafe_werkzeug=True)
