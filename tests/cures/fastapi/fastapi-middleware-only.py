"""CORS was left to the middleware, and Socket.IO was not told to leave it there."""

import os

import socketio
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:5173"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)

sio = socketio.AsyncServer(async_mode="asgi")


@app.get("/health")
def health():
    return {"ok": True}


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


# --- the mistake
app.mount("/", socketio.ASGIApp(sio))
# --- the end of it

uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
