"""CORS is left to the middleware, which lists the production page."""

import os

import socketio
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

app = FastAPI()
# --- the mistake
app.add_middleware(
    CORSMiddleware,
    allow_origins=["https://chat.example"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
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
