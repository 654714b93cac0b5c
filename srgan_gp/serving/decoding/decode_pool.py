"""Pool of decoder processes, one image each at a time."""

import atexit
import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from srgan_gp.errors import BusyError, Cancelled, PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.decoding.decode_process import Decoder
from srgan_gp.serving.decoding.decode_worker import CPU_SECONDS
from srgan_gp.serving.jobs.job_cancellation import Stopper

_MOST_SECONDS = 2.0 * CPU_SECONDS  # by the clock: the machine may be busy
_SECONDS_BETWEEN_CHECKS = 0.2
_ENDED = "The server has ended."


class Decoders(Protocol):
    """What a service needs to decode; tests have one without processes."""

    def decode(self, data: bytes | Path, name: str, stopper: Stopper) -> Picture:
        """Decode one picture, as `DecodePool.decode` does."""
        ...

    def close(self) -> None:
        """Decode nothing more."""
        ...


class DecodePool:
    """Decodes pictures of clients apart from the server.

    Args:
        count: processes, and so pictures at a time.
        max_pixels: pictures with more pixels, width x height, are refused by their header.
        most_seconds: by the clock for one picture, before its process is ended.
    """

    def __init__(self, count: int, max_pixels: int, *, most_seconds: float = _MOST_SECONDS) -> None:
        self._max_pixels, self._most_seconds = max_pixels, most_seconds
        self._idle: queue.LifoQueue[Decoder] = queue.LifoQueue()
        self._guard = threading.Lock()
        self._all: set[Decoder] = set()
        self._is_closed = False
        # Before multiprocessing waits for its processes, and these ignore what it sends them.
        atexit.register(self.close)
        for _ in range(count):
            decoder = Decoder(max_pixels)
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
                raise decoder.why(self._most_seconds) from error

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
    def _borrowed(self, stopper: Stopper) -> Generator[Decoder]:
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

    def _fit(self, decoder: Decoder) -> Decoder:
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
                fresh = Decoder(self._max_pixels)
            except OSError as error:
                raise BusyError("The server has too much to do; try again in a minute.",
                                retry_seconds=60) from error  # fmt: skip
            self._all = self._all - {decoder} | {fresh}
        return fresh

    def _next_idle(self, stopper: Stopper) -> Decoder:
        while True:
            stopper.check()
            if self._is_closed:
                raise Cancelled(_ENDED)
            with suppress(queue.Empty):
                return self._idle.get(timeout=_SECONDS_BETWEEN_CHECKS)
