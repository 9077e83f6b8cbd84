"""The same tree as sio_doctor."""
