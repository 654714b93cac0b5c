"""Pool of decoder processes, by which the service decodes the images of clients.

Each process decodes one image at a time. A damaged or malicious image can only end the process that
decodes it, which is then replaced.
"""

import atexit
import multiprocessing.util  # noqa: F401 # type: ignore[reportUnusedImport] - see `__init__`
import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from srgan_gp.errors import BusyError, Cancelled, PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.decoding.decode_process import Decoder
from srgan_gp.serving.decoding.decode_worker import CPU_SECONDS
from srgan_gp.serving.jobs.job_cancellation import Cancellation

_MAX_SECONDS = 2.0 * CPU_SECONDS  # elapsed; more than the CPU time, since the machine may be busy
# While a job waits for a process, it checks its cancellation this often. A cancelled job ends up to
# this much later; shorter intervals only wake its thread more often.
_SECONDS_BETWEEN_CHECKS = 0.2
_ENDED = "The server has ended."


class DecodePool:
    """Decodes images of clients in separate processes.

    Args:
        count: number of processes, and so of images decoded at a time.
        max_pixels: images with more pixels, width x height, are refused when their header is read.
        max_seconds: elapsed seconds for one image, after which its process is killed.
    """

    def __init__(self, count: int, max_pixels: int, *, max_seconds: float = _MAX_SECONDS) -> None:
        self._max_pixels, self._max_seconds = max_pixels, max_seconds
        # Last in, first out: under low load the same process is used again.
        self._idle: queue.LifoQueue[Decoder] = queue.LifoQueue()
        self._guard = threading.Lock()  # protects `_all` and `_is_closed`
        self._all: set[Decoder] = set()
        self._is_closed = False
        # Exit handlers run in reverse order. The handler of multiprocessing, which the import of
        # its `util` registers, sends SIGTERM to the processes, and waits for their end. They ignore
        # SIGTERM, so `close` has to kill them before: it is registered later, and so runs earlier.
        atexit.register(self.close)
        for _ in range(count):
            decoder = Decoder(max_pixels)
            self._all.add(decoder)
            self._idle.put(decoder)

    def decode(self, data: bytes | Path, name: str, cancellation: Cancellation) -> Picture:
        """Wait for an idle process, and decode one image in it.

        Args:
            data: bytes of the file, or its path.
            name: file name given by the client. If its suffix is not one of the image's format, the
                picture has a note about it.
            cancellation: of the job; when the job is cancelled, the process is killed at once.

        Raises:
            PictureError: the image cannot be decoded; E_DECODER_TIMEOUT or E_DECODER_CRASH if the
                process had to be replaced.
            BusyError: the system cannot start a process, or one starts too slowly.
            Cancelled: the job was cancelled, or the pool was closed while the image waited for a
                process. If the pool is closed later, the image gets E_DECODER_CRASH.
        """
        with self._borrow(cancellation) as decoder:
            try:
                with cancellation.interrupting(decoder.kill):
                    return decoder.decode(data, Path(name).suffix, self._max_seconds)
            # The process reported that the image is bad, or the job was cancelled before the start.
            except (PictureError, Cancelled):
                raise
            except Exception as error:  # the process sent an invalid reply, or ended without one
                decoder.kill_and_close()
                cancellation.raise_if_cancelled()  # a cancelled job kills the process too
                raise decoder.failure() from error  # it crashed, or exceeded a limit of time

    def close(self) -> None:
        """Kill all processes; running calls of `decode` raise E_DECODER_CRASH."""
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
        for decoder in self._all:  # does not change any more, since the pool is closed
            decoder.kill()
        # Pipes of idle processes are closed here, those of processes in use by `_borrow`.
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().kill_and_close()

    @contextmanager
    def _borrow(self, cancellation: Cancellation) -> Generator[Decoder]:
        """Take a working process out of the pool during the block; raises as `decode` does."""
        decoder = self._next_idle(cancellation)
        try:
            decoder = self._replace_if_needed(decoder)  # the process may have died while idle
            yield decoder
        finally:
            # A dead process stays in the pool if it cannot be replaced now.
            with suppress(BusyError, Cancelled):
                decoder = self._replace_if_needed(decoder)
            self._idle.put(decoder)
            if self._is_closed:  # `close` may have emptied `_idle` before the put
                decoder.kill_and_close()

    def _replace_if_needed(self, decoder: Decoder) -> Decoder:
        """Return the process, or a new one if it is dead or has decoded its number of images.

        A process decodes a limited number of images, in case an image library leaks memory.

        Raises:
            BusyError: the system cannot start a process.
            Cancelled: the pool is closed.
        """
        if not decoder.needs_replacement:
            return decoder
        decoder.kill_and_close()
        with self._guard:
            if self._is_closed:
                raise Cancelled(_ENDED)
            try:
                replacement = Decoder(self._max_pixels)
            except OSError as error:
                raise BusyError("The server is overloaded. Try again in a minute.",
                                retry_seconds=60) from error  # fmt: skip
            self._all = self._all - {decoder} | {replacement}
        return replacement

    def _next_idle(self, cancellation: Cancellation) -> Decoder:
        """Wait for an idle process.

        Raises:
            Cancelled: the job was cancelled, or the pool is closed.
        """
        while True:
            cancellation.raise_if_cancelled()
            if self._is_closed:
                raise Cancelled(_ENDED)
            with suppress(queue.Empty):
                return self._idle.get(timeout=_SECONDS_BETWEEN_CHECKS)
