#!/bin/sh
# Starts the chat with as many workers as the machine has cores.
set -eu

cat > app.py <<'PY'
from flask import Flask
from flask_socketio import SocketIO

app = Flask(__name__)
socketio = SocketIO(app, cors_allowed_origins=["http://localhost:5173"])
PY

# --- the mistake
gunicorn -w 4 --threads 100 app:app
# --- the end of it
