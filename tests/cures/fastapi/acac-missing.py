"""CORS is left to the middleware, which was not told of the cookie."""

import os

import socketio
import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

fastapi_app = FastAPI()
fastapi_app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:5173"],
)


@fastapi_app.get("/health")
def health():
    return {"ok": True}


# --- the mistake
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
fastapi_app.mount("/", socketio.ASGIApp(sio))
app = fastapi_app
# --- the end of it


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
