"""CORS is left to the middleware, which was not told of the cookie."""

import os

import socketio
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
# --- the mistake
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:5173"],
)
# --- the end of it

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])


@app.get("/health")
def health():
    return {"ok": True}


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


app.mount("/", socketio.ASGIApp(sio))

uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
