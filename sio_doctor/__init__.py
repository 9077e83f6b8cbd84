"""sio-doctor plays the browser against a Socket.IO server and names the one cause why a page cannot connect."""

__version__ = "0.1.0"
