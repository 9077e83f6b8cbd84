#!/bin/sh
# Starts the chat with as many workers as the machine has cores.
set -eu

cat > main.py <<'PY'
import socketio

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=["http://localhost:5173"])
app = socketio.ASGIApp(sio)
PY

export UVICORN_PORT="${PORT:-8000}"
# --- the mistake
uvicorn main:app --workers 4
# --- the end of it
