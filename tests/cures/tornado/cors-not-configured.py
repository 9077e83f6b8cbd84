"""CORS was turned off, to leave it to a middleware that is not there any more."""

import asyncio
import os

import socketio
import tornado.web

# --- the mistake
sio = socketio.AsyncServer(async_mode="tornado", cors_allowed_origins=[])
# --- the end of it


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


async def main():
    app = tornado.web.Application([(r"/socket.io/", socketio.get_tornado_handler(sio))])
    app.listen(int(os.environ.get("PORT", 8888)), address="127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
