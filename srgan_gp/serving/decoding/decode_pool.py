"""Pool of decoder processes; each decodes one image at a time."""

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

_MAX_SECONDS = 2.0 * CPU_SECONDS  # elapsed time; the machine may be busy
_SECONDS_BETWEEN_CHECKS = 0.2
_ENDED = "The server has ended."


class DecodePool:
    """Decodes images of clients in separate processes.

    Args:
        count: number of processes, and so of images decoded at a time.
        max_pixels: images with more pixels, width x height, are refused by their header.
        max_seconds: elapsed seconds for one image, before its process is killed.
    """

    def __init__(self, count: int, max_pixels: int, *, max_seconds: float = _MAX_SECONDS) -> None:
        self._max_pixels, self._max_seconds = max_pixels, max_seconds
        self._idle: queue.LifoQueue[Decoder] = queue.LifoQueue()
        self._guard = threading.Lock()
        self._all: set[Decoder] = set()
        self._is_closed = False
        # Exit handlers run in reverse order. That of multiprocessing, registered by the import of
        # its `util`, sends SIGTERM to the processes, which they ignore, and waits: kill them first.
        atexit.register(self.close)
        for _ in range(count):
            decoder = Decoder(max_pixels)
            self._all.add(decoder)
            self._idle.put(decoder)

    def decode(self, data: bytes | Path, name: str, cancellation: Cancellation) -> Picture:
        """Decode one image; waits for an idle process.

        Args:
            data: bytes of the file, or its path.
            name: file name given by the client, to report a suffix of another format.
            cancellation: cancellation of the job, which kills the process at once.

        Raises:
            PictureError: as for `images.read_image`; E_DECODER_TIMEOUT or E_DECODER_CRASH if the
                process had to be replaced.
            BusyError: the system cannot start a process.
            Cancelled: the job was cancelled, or the pool was closed before the image had a
                process; closed later, it raises E_DECODER_CRASH.
        """
        with self._borrow(cancellation) as decoder:
            try:
                with cancellation.interrupting(decoder.kill):
                    return decoder.decode(data, Path(name).suffix, self._max_seconds)
            except (PictureError, Cancelled):
                raise
            except Exception as error:  # invalid reply, or no reply
                decoder.kill_and_close()
                cancellation.check()  # `cancel` kills the process, which is no crash
                raise decoder.failure(self._max_seconds) from error

    def close(self) -> None:
        """Kill all processes; running calls of `decode` raise E_DECODER_CRASH."""
        atexit.unregister(self.close)
        with self._guard:
            self._is_closed = True
        for decoder in self._all:  # constant now, since nothing is replaced any more
            decoder.kill()  # one in use is closed by its thread, in `_borrow`
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().kill_and_close()

    @contextmanager
    def _borrow(self, cancellation: Cancellation) -> Generator[Decoder]:
        """Take a working process out of the pool during the block; raises as `decode` does."""
        decoder = self._next_idle(cancellation)
        try:
            decoder = self._usable(decoder)  # it may have died while idle
            yield decoder
        finally:
            # A dead process stays in the pool if it cannot be replaced now.
            with suppress(BusyError, Cancelled):
                decoder = self._usable(decoder)
            self._idle.put(decoder)
            if self._is_closed:
                decoder.kill_and_close()

    def _usable(self, decoder: Decoder) -> Decoder:
        """Return the process, or a new one if it is dead or has reached its image limit.

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
                new = Decoder(self._max_pixels)
            except OSError as error:
                raise BusyError("The server is overloaded. Try again in a minute.",
                                retry_seconds=60) from error  # fmt: skip
            self._all = self._all - {decoder} | {new}
        return new

    def _next_idle(self, cancellation: Cancellation) -> Decoder:
        while True:
            cancellation.check()
            if self._is_closed:
                raise Cancelled(_ENDED)
            with suppress(queue.Empty):
                return self._idle.get(timeout=_SECONDS_BETWEEN_CHECKS)
