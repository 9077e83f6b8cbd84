"""A sign of life on standard error while a server takes its time."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import TextIO

from sio_doctor.render.escape import harmless

#: Seconds of silence before anything is said, and between two lines where there is no terminal to rewrite one.
PATIENCE, BETWEEN = 1.0, 5.0


class Progress:
    """Says on ``stream`` what is waited for: rewrites one line on a terminal, adds one now and then elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._text = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def show(self, text: str) -> None:
        """Notes what is asked now."""
        self._text = text

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        started = time.monotonic()
        shown = False
        wait = PATIENCE
        while not self._over.wait(wait):
            text = f"waiting, {time.monotonic() - started:.0f} s"
            if self._text:
                text += f": {harmless(self._text)}"
            if self._terminal:
                self._stream.write(f"\r\x1b[2K{text[:78]}")
                wait = 0.2
            else:
                self._stream.write(f"sio-doctor: {text}\n")
                wait = BETWEEN
            self._stream.flush()
            shown = True
        if shown and self._terminal:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
