"""Handle of one decoder process: starts, asks, times and ends it."""

import json
import multiprocessing
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.decoding.decode_worker import READY, serve
from srgan_gp.serving.decoding.image_pipe import receive_picture

_SECONDS_TO_START = 120.0
_OUT_OF_PROCESSOR_TIME = getattr(signal, "SIGXCPU", 0)  # Windows has no such limit
_MOST_PICTURES = 500  # then a fresh process, so that no leak of a decoder lasts


class Decoder:
    """One process, and the pipe to it; one thread uses it at a time.

    Args:
        max_pixels: pictures with more pixels, width x height, are refused by their header.

    Raises:
        OSError: the system has no room for a process.
    """

    was_slow = False
    """Whether it was ended since a picture took too long."""

    def __init__(self, max_pixels: int) -> None:
        # A fresh interpreter: a fork would have the server's memory and open files in it.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, max_pixels), daemon=True)
        self._process.start()
        theirs.close()
        self._max_pixels = max_pixels
        self._is_ready = self._is_killed = False
        self._pictures = 0

    @property
    def is_worn_out(self) -> bool:
        """Whether another process should take its place."""
        # A process that was killed lives on for a moment, and would fail the next picture.
        is_dead = self._is_killed or self._process.exitcode is not None
        return is_dead or self._pictures >= _MOST_PICTURES

    def decode(self, data: bytes | Path, suffix: str, most_seconds: float) -> Picture:
        """Have a picture decoded.

        Args:
            data: the file's bytes, or its path.
            suffix: of its name, to note one that says another format.
            most_seconds: by the clock, before the process is ended.

        Raises:
            PictureError: what the process said of the file.
            Exception: of any kind: it has ended, or answered what it should not.
        """
        if not self._is_ready:
            with self._limit(_SECONDS_TO_START):
                self._is_ready = self._pipe.recv_bytes() == READY
        self._pictures += 1
        path = str(data.absolute()) if isinstance(data, Path) else None
        with self._limit(most_seconds):
            self._pipe.send_bytes(json.dumps({"suffix": suffix, "path": path}).encode())
            if isinstance(data, bytes):
                self._pipe.send_bytes(data)
            return receive_picture(self._pipe, self._max_pixels)

    def kill(self) -> None:
        """End the process from any thread; whoever waits for it gets EOFError."""
        self._is_killed = True
        self._process.kill()

    def end(self) -> None:
        """End the process and close the pipe; for the thread that uses it."""
        self.kill()
        self._process.join()
        self._pipe.close()
        if self._process.exitcode == -_OUT_OF_PROCESSOR_TIME:
            self.was_slow = True

    def why(self, most_seconds: float) -> PictureError:
        """Say why there is no picture, after it was ended.

        Args:
            most_seconds: that the picture could take.
        """
        if self.was_slow:
            return PictureError(
                "E_DECODER_TIMEOUT",
                f"it takes more than {most_seconds:g} s to read; make it smaller",
            )
        return PictureError("E_DECODER_CRASH", "it cannot be read safely; save it anew, as PNG say")

    @contextmanager
    def _limit(self, seconds: float) -> Generator[None]:
        """Kill the process when the block takes longer."""
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        self.was_slow = True
        self.kill()
