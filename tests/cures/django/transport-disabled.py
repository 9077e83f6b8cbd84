"""The page is served here; long polling was turned off, and the page begins with it."""

import os

import django
import socketio
import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="for development alone")
django.setup()

urlpatterns = [path("", lambda request: HttpResponse("<h1>chat</h1>"))]

# --- the mistake
sio = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
# --- the end of it

application = socketio.ASGIApp(sio, get_asgi_application())


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


uvicorn.run(application, host="127.0.0.1", port=int(os.environ.get("PORT", 8000)))
