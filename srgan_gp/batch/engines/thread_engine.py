"""Engine of one process: each job runs in a thread, and jobs overlap.

While the network processes one image, other images are decoded and encoded. The thread that owns
the engine only submits jobs and takes results, so it can always handle a signal.
"""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from queue import Empty, SimpleQueue

from srgan_gp.batch.engines.budget import Budget
from srgan_gp.batch.engines.engine_interface import (
    UNKNOWN_SECONDS,
    OnJobTiles,
    Result,
    UpscaleSettings,
    failed_result,
)
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.one_image import Decoded, Enlarged, decode, encode, enlarge
from srgan_gp.errors import Cancelled
from srgan_gp.images import Picture
from srgan_gp.inference.speed_trial import measure_seconds_per_pixel
from srgan_gp.inference.tiling.window_choice import CPU_BUDGET
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import remove_staged

PIXEL_MEMORY = 768 << 20
"""Bytes of the pixels of all inputs and results in memory, 768 MiB. Further images wait. With less,
the network would wait for large images; with more, a small machine could run out of memory."""
NETWORK_MEMORY = CPU_BUDGET
"""Bytes for the network; two images are processed at once if this is enough for both images."""
LARGE_PIXELS = 150_000
"""Images of at least this many pixels take seconds on a CPU. At the first such image the speed of
the model is measured, so that the progress can be estimated before the first tile is done.

The measurement takes about 5 % of the time of an image of this size, once a run.
"""
_SPEED_SIDE = 64
"""Side in pixels of the square image that is upscaled to measure the speed; a larger one would take
more than the 5 % above."""
_SECONDS_BETWEEN_CANCELS = 0.02
"""Seconds after which `close` cancels the network again, until all threads have ended. A longer
time would delay the end of a run."""
SECONDS_TO_END = 3.0
"""Longest wait of `close` for its threads, since the encoding of a huge image cannot be
interrupted. After it, an encoding is abandoned; a user who ends a run waits up to this long."""


class ThreadEngine:
    """An `engine_interface.Engine` of threads.

    Args:
        upscalers: one for each image that is upscaled at the same time, all of the same model.
            With two upscalers, the pixels of one image are converted to or from the values of the
            network while the network processes the other image.
        settings: options of the run.
        decoders: number of images decoded at once; None: a quarter of the cores, 1 to 4.
        encoders: number of images encoded at once; None: the number of cores, 2 to 8.
    """

    on_tiles: OnJobTiles | None

    def __init__(
        self,
        upscalers: Sequence[Upscaler],
        settings: UpscaleSettings,
        *,
        decoders: int | None = None,
        encoders: int | None = None,
    ) -> None:
        self._upscalers, self._settings = upscalers, settings
        self.on_tiles = None
        self._model_scale = upscalers[0].scale
        self._seconds_per_pixel: float | None = None  # None: not measured
        # Each job reserves a part of a budget, and waits until that part is free.
        self._pixel_memory, self._network_memory = Budget(PIXEL_MEMORY), Budget(NETWORK_MEMORY)
        self._is_closing = threading.Event()
        self._jobs: SimpleQueue[UpscaleJob | None] = SimpleQueue()  # None ends a thread
        self._results: SimpleQueue[Result | BaseException] = SimpleQueue()
        self._idle_upscalers: SimpleQueue[Upscaler] = SimpleQueue()
        for upscaler in upscalers:
            self._idle_upscalers.put(upscaler)
        cores = os.cpu_count() or 1
        # Results have more pixels than inputs, so that encoding takes longer than decoding. The
        # limits 4 and 8 bound the number of images in memory.
        decoders = decoders or max(1, min(cores // 4, 4))
        encoders = encoders or max(2, min(cores, 8))
        self._decoders, self._encoders = Budget(decoders), Budget(encoders)
        # Two jobs more than can run at once: one waits for an upscaler and one for an encoder.
        self.capacity = decoders + len(upscalers) + encoders + 2
        self._threads: list[threading.Thread] = []
        self._thread_lock = threading.Lock()  # a Ray actor submits from several threads

    def submit(self, job: UpscaleJob) -> None:
        """Start a job, in a new thread while there are fewer threads than `capacity`."""
        with self._thread_lock:
            self._jobs.put(job)
            if len(self._threads) < self.capacity and not self._is_closing.is_set():
                # A daemon, so that a thread that cannot be interrupted does not block the exit.
                thread = threading.Thread(target=self._run_jobs, name="upscale", daemon=True)
                thread.start()
                self._threads.append(thread)  # after the start, since `close` joins these threads

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as specified by `engine_interface.Engine`."""
        try:
            result = self._results.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End all threads and remove the results that were not taken."""
        with self._thread_lock:
            self._is_closing.set()
        for budget in (self._decoders, self._pixel_memory, self._network_memory, self._encoders):
            budget.close()
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + SECONDS_TO_END
        for thread in self._threads:
            thread.join(_SECONDS_BETWEEN_CANCELS)
            while thread.is_alive() and time.monotonic() < deadline:
                for upscaler in self._upscalers:
                    # Called again and again: a thread may start the network just after a call.
                    upscaler.cancel()
                thread.join(_SECONDS_BETWEEN_CANCELS)
        while not self._results.empty():
            _remove_file(self._results.get())

    def _run_jobs(self) -> None:
        """Body of each thread: run jobs of the queue until the engine closes."""
        while (job := self._jobs.get()) is not None and not self._is_closing.is_set():
            try:
                result = self._run_job(job)
            except BaseException as error:
                result = error
            if self._is_closing.is_set():
                _remove_file(result)
            else:
                self._results.put(result)
            # While this thread waits for a job, the traceback of an error would keep the pixels in
            # memory.
            result = None

    def _run_job(self, job: UpscaleJob) -> Result:
        """Decode, upscale and encode, each step as soon as its budget has room.

        Raises:
            BaseException: an error that concerns all jobs.
        """
        try:
            with ExitStack() as memory_of_job:
                with self._decoders.reserved(1):
                    decoded = decode(job, self._settings, self._model_scale)
                    # Wait for memory inside the block of the decoder, so that no further image is
                    # decoded meanwhile. The memory is reserved until the result is encoded.
                    memory_of_job.enter_context(self._pixel_memory.reserved(decoded.pixel_bytes))
                enlarged = self._enlarge(decoded)
                if isinstance(enlarged, Result):  # An animation, which is encoded already.
                    return enlarged
                # The encoding began while the network was running; no budget limits its thread.
                if enlarged.early_encoding is not None:
                    return encode(enlarged, self._settings)
                with self._encoders.reserved(1):
                    return encode(enlarged, self._settings)
        except BaseException as error:
            return failed_result(job, error)  # raises an error that concerns all jobs

    def _enlarge(self, decoded: Decoded) -> Enlarged | Result:
        """Run the network as soon as an upscaler is idle and memory is free; report the tiles."""

        def report_or_cancel(done: int, total: int) -> None:
            # Needed for animations: `Upscaler.cancel` has no effect between two frames.
            if self._is_closing.is_set():
                raise Cancelled("The run has ended.")
            if self.on_tiles is not None:
                self.on_tiles(decoded.job, done, total, UNKNOWN_SECONDS)

        upscaler = self._idle_upscalers.get()
        try:
            width, height = decoded.size
            with self._network_memory.reserved(upscaler.network_memory(height, width)):
                if self.on_tiles is not None:
                    is_large = width * height >= LARGE_PIXELS
                    # Not on a GPU, which needs more time for each pixel of a small image.
                    if is_large and self._seconds_per_pixel is None and upscaler.device == "cpu":
                        speed = measure_seconds_per_pixel(upscaler, _SPEED_SIDE)
                        self._seconds_per_pixel = speed
                    seconds = width * height * (self._seconds_per_pixel or UNKNOWN_SECONDS)
                    # The number of tiles is not known yet, so each frame counts as one tile.
                    content = decoded.content
                    frames = 1 if isinstance(content, Picture) else content.count
                    self.on_tiles(decoded.job, 0, frames, seconds)
                return enlarge(
                    decoded, upscaler, self._settings, report_or_cancel, encodes_early=True
                )
        finally:
            self._idle_upscalers.put(upscaler)


def _remove_file(result: Result | BaseException) -> None:
    """Remove the staged file of a result that nobody will take, if it has one."""
    if isinstance(result, Result) and result.staged is not None:
        remove_staged(result.staged)
