"""Processes that decode for a server, one picture each at a time, looked after and replaced."""

import atexit
import json
import multiprocessing
import queue
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from srgan_gp.errors import BusyError, Cancelled, PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.decode_worker import CPU_SECONDS, READY, serve
from srgan_gp.serving.picture_pipe import receive_picture
from srgan_gp.serving.stopping import Stopper

_MOST_SECONDS = 2.0 * CPU_SECONDS  # by the clock: the machine may be busy
_SECONDS_TO_START = 120.0
_SECONDS_BETWEEN_CHECKS = 0.2
_OUT_OF_PROCESSOR_TIME = getattr(signal, "SIGXCPU", 0)  # Windows has no such limit
_ENDED = "The server has ended."
_MOST_PICTURES = 500  # then a fresh process, so that no leak of a decoder lasts


class Decoders(Protocol):
    """What a service needs to decode; tests have one without processes."""

    def decode(self, data: bytes | Path, name: str, stopper: Stopper) -> Picture:
        """Decode one picture, as `DecodePool.decode` does."""
        ...

    def close(self) -> None:
        """Decode nothing more."""
        ...


class DecodePool:
    """Decodes pictures of strangers apart from the server.

    Args:
        count: processes, and so pictures at a time.
        max_pixels: pictures with more pixels, width x height, are refused by their header.
        most_seconds: by the clock for one picture, before its process is ended.
    """

    def __init__(self, count: int, max_pixels: int, *, most_seconds: float = _MOST_SECONDS) -> None:
        self._max_pixels, self._most_seconds = max_pixels, most_seconds
        self._idle: queue.LifoQueue[_Decoder] = queue.LifoQueue()
        self._guard = threading.Lock()
        self._all: set[_Decoder] = set()
        self._is_closed = False
        # Before multiprocessing waits for its processes, and these ignore what it sends them.
        atexit.register(self.close)
        for _ in range(count):
            decoder = _Decoder(max_pixels)
            self._all.add(decoder)
            self._idle.put(decoder)

    def decode(self, data: bytes | Path, name: str, stopper: Stopper) -> Picture:
        """Decode one picture; waits for a free process.

        Args:
            data: the file's bytes, or its path.
            name: what the client calls it, to note a name that says another format.
            stopper: of the job; ends its process at once.

        Raises:
            PictureError: as for `read_image`; E_DECODER_TIMEOUT or E_DECODER_CRASH where the
                process had to be replaced.
            BusyError: the system has no room for a process.
            Cancelled: the job was cancelled, or the pool is closed.
        """
        with self._borrowed(stopper) as decoder:
            try:
                with stopper.interrupting(decoder.kill):
                    return decoder.decode(data, Path(name).suffix, self._most_seconds)
            except (PictureError, Cancelled):
                raise
            except Exception as error:  # whatever it answered, if it answered at all
                decoder.end()
                stopper.check()
                raise _why(decoder, self._most_seconds) from error

    def close(self) -> None:
        """End all processes; a call under way ends with an error."""
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
        for decoder in self._all:  # it stays as it is: nothing is replaced any more
            decoder.kill()
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().end()

    @contextmanager
    def _borrowed(self, stopper: Stopper) -> Generator["_Decoder"]:
        decoder = self._next_idle(stopper)
        try:
            decoder = self._fit(decoder)  # it may have died while it was idle
            yield decoder
        finally:
            # One that cannot be replaced now may be later: its place must not be lost.
            with suppress(BusyError, Cancelled):
                decoder = self._fit(decoder)
            self._idle.put(decoder)
            if self._is_closed:
                decoder.end()

    def _fit(self, decoder: "_Decoder") -> "_Decoder":
        """Give the process, or a fresh one in its place where it is dead or has worked enough.

        Raises:
            BusyError: the system has no room for a process.
            Cancelled: the pool is closed.
        """
        if not decoder.is_worn_out:
            return decoder
        decoder.end()
        with self._guard:
            if self._is_closed:
                raise Cancelled(_ENDED)
            try:
                fresh = _Decoder(self._max_pixels)
            except OSError as error:
                raise BusyError("The server has too much to do; try again in a minute.",
                                retry_seconds=60) from error  # fmt: skip
            self._all = self._all - {decoder} | {fresh}
        return fresh

    def _next_idle(self, stopper: Stopper) -> "_Decoder":
        while True:
            stopper.check()
            if self._is_closed:
                raise Cancelled(_ENDED)
            with suppress(queue.Empty):
                return self._idle.get(timeout=_SECONDS_BETWEEN_CHECKS)


class _Decoder:
    """One process, and the pipe to it."""

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
        self.was_slow = False

    @property
    def is_worn_out(self) -> bool:
        """Whether another process should take its place."""
        # A process that was killed lives on for a moment, and would fail the next picture.
        is_dead = self._is_killed or self._process.exitcode is not None
        return is_dead or self._pictures >= _MOST_PICTURES

    def decode(self, data: bytes | Path, suffix: str, most_seconds: float) -> Picture:
        """Have a picture decoded; errors as for `receive_picture`."""
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


def _why(decoder: _Decoder, most_seconds: float) -> PictureError:
    if decoder.was_slow:
        return PictureError(
            "E_DECODER_TIMEOUT", f"it takes more than {most_seconds:g} s to read; make it smaller"
        )
    return PictureError("E_DECODER_CRASH", "it cannot be read safely; save it anew, as PNG say")
