"""`Decoder`: the server's side of one decoder process.

The class starts the process, sends images to it, applies timeouts and kills it. The code that runs
in the process is in `decode_worker`.
"""

import json
import multiprocessing
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from srgan_gp.errors import BusyError, PictureError, SrganGpError
from srgan_gp.images import Picture
from srgan_gp.serving.decoding.decode_worker import CPU_SECONDS, READY, run_decoder
from srgan_gp.serving.decoding.image_pipe import receive_picture

_START_SECONDS = 120.0
"""Longest start of a process, which imports numpy and Pillow. A lower limit would refuse images on
a server that is overloaded; a higher one lets a job wait longer for a start that hangs."""
_MAX_IMAGES = 500
"""Images after which the process is replaced, which bounds memory leaks of image libraries. With
fewer, more of the time is spent on starts."""


class Decoder:
    """One decoder process and the pipe to it; used by one thread at a time.

    Args:
        max_pixels: images with more pixels, width x height, are refused by their header.

    Raises:
        OSError: the system cannot start a process.
    """

    def __init__(self, max_pixels: int) -> None:
        # A new process; a fork would inherit the memory and open files of the server.
        context = multiprocessing.get_context("spawn")
        self._pipe, remote_end = context.Pipe()  # `remote_end` is that of the process
        self._process = context.Process(
            target=run_decoder, args=(remote_end, max_pixels), daemon=True
        )
        self._process.start()
        # The process has its own copy. While this one is open, a dead process raises no EOFError.
        remote_end.close()
        self._max_pixels = max_pixels
        self._is_ready = self._is_killed = False
        self._sent_images = 0
        self._timeout_error: SrganGpError | None = None  # None: no limit of time was exceeded

    @property
    def needs_replacement(self) -> bool:
        """Whether the process is dead or has reached its image limit."""
        # `exitcode` is None for a moment after the kill, in which no image must be sent.
        is_dead = self._is_killed or self._process.exitcode is not None
        return is_dead or self._sent_images >= _MAX_IMAGES

    def decode(self, data: bytes | Path, suffix: str, max_seconds: float) -> Picture:
        """Decode one image in the process.

        Args:
            data: bytes of the file, or its path.
            suffix: suffix of the file name. If it is not one of the image's format, the picture has
                a note about it.
            max_seconds: elapsed seconds after which the process is killed.

        Raises:
            PictureError: the image cannot be decoded.
            Exception: of any class, if the process ended or sent an invalid reply. Call
                `kill_and_close` and then `failure`, which returns the error for the client.
        """
        if not self._is_ready:
            # No fault of the image: the machine is overloaded.
            error = BusyError(
                f"The decoder did not start within {_START_SECONDS:g} s. Try again in a minute.",
                retry_seconds=60,
            )
            with self._killed_after(_START_SECONDS, error):
                if self._pipe.recv_bytes() != READY:
                    raise ValueError("the first message of a decoder process is not READY")
            self._is_ready = True
        self._sent_images += 1
        path = str(data.absolute()) if isinstance(data, Path) else None
        with self._killed_after(max_seconds, _too_slow(f"{max_seconds:g} s")):
            self._pipe.send_bytes(json.dumps({"suffix": suffix, "path": path}).encode())
            if isinstance(data, bytes):
                self._pipe.send_bytes(data)
            return receive_picture(self._pipe, self._max_pixels)

    def kill(self) -> None:
        """Kill the process, from any thread; a `decode` that waits for a reply raises EOFError."""
        self._is_killed = True
        self._process.kill()

    def kill_and_close(self) -> None:
        """Kill the process and close the pipe; only for the thread that uses the decoder."""
        self.kill()
        self._process.join()  # sets the exit code
        self._pipe.close()
        # The system ends a process with SIGXCPU after `CPU_SECONDS`; not on Windows.
        signal_of_limit = getattr(signal, "SIGXCPU", None)
        if signal_of_limit is not None and self._process.exitcode == -signal_of_limit:
            self._timeout_error = _too_slow(f"{CPU_SECONDS} s of CPU time")

    def failure(self) -> SrganGpError:
        """Return the error of an image whose process crashed, or exceeded a limit of time.

        It is a `BusyError` if the process started too slowly, else a `PictureError`.

        Call `kill_and_close` first, which determines whether it exceeded the limit of CPU time.
        """
        crash = "the decoder crashed; save the image again, as PNG"
        return self._timeout_error or PictureError("E_DECODER_CRASH", crash)

    @contextmanager
    def _killed_after(self, seconds: float, error: SrganGpError) -> Generator[None]:
        """Kill the process if the block takes longer; `failure` then returns the error."""
        timer = threading.Timer(seconds, self._time_out, (error,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _time_out(self, error: SrganGpError) -> None:
        """Kill the process; called by the timer of `_killed_after` after its seconds."""
        self._timeout_error = error
        self.kill()


def _too_slow(limit: str) -> PictureError:
    """Return the error of an image whose decoding exceeded a limit, such as `40 s`."""
    message = f"decoding took more than {limit}; use a smaller image"
    return PictureError("E_DECODER_TIMEOUT", message)
