"""Engine of one process: decode, network and encode threads.

While the network is at one picture, others are read and written. The thread that owns the engine
only hands out jobs and collects results, so that a signal always finds it awake.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from srgan_gp.batch.engines.engine_interface import OnJobTiles, Result, UpscaleSettings, attempt
from srgan_gp.batch.engines.memory_budget import MemoryBudget
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.one_image import Decoded, Enlarged, decode, encode, enlarge
from srgan_gp.errors import Cancelled
from srgan_gp.inference.tiling.memory_estimate import CPU_BUDGET
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import drop

MEMORY = 768 << 20
"""Bytes of pixels, inputs and results together, beyond which a picture waits for others to end."""
NETWORK_MEMORY = CPU_BUDGET
"""Bytes for the network; two pictures go through it at once where they fit in together."""
SECONDS_TO_END = 3.0
"""How long `close` waits for its threads; an encoder at a huge picture cannot be interrupted."""

Item = TypeVar("Item", UpscaleJob, Decoded, Enlarged)


class ThreadEngine:
    """An `Engine` of threads.

    Args:
        upscalers: one for each network thread. With two, one picture is converted to and from the
            network's numbers while the network is at another.
        settings: of the run.
        decoders: threads that read; None: as many as suit the machine.
        encoders: threads that write; likewise.
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
        self._budget = MemoryBudget(MEMORY)
        self._network_budget = MemoryBudget(NETWORK_MEMORY)
        self._sizes: dict[UpscaleJob, int] = {}
        self._is_closing = threading.Event()
        self._jobs: SimpleQueue[UpscaleJob | None] = SimpleQueue()
        self._decoded: SimpleQueue[Decoded | None] = SimpleQueue()
        self._enlarged: SimpleQueue[Enlarged | None] = SimpleQueue()
        self._results: SimpleQueue[Result | BaseException] = SimpleQueue()
        cores = os.cpu_count() or 1
        decoders = decoders or max(1, min(cores // 4, 4))
        encoders = encoders or max(2, min(cores, 8))
        self.capacity = decoders + len(upscalers) + encoders + 2
        self._threads = [
            *(self._thread("decode", self._decode) for _ in range(decoders)),
            *(self._thread("network", self._enlarge, u) for u in upscalers),
            *(self._thread("encode", self._encode) for _ in range(encoders)),
        ]

    def submit(self, job: UpscaleJob) -> None:
        """Begin a job."""
        self._jobs.put(job)

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as said for `Engine`."""
        try:
            result = self._results.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """End all threads, and drop what was not taken."""
        self._is_closing.set()
        self._budget.close()
        self._network_budget.close()
        for queue in (self._jobs, self._decoded, self._enlarged):
            for _ in self._threads:
                queue.put(None)
        deadline = time.monotonic() + SECONDS_TO_END
        while any(t.is_alive() for t in self._threads) and time.monotonic() < deadline:
            for upscaler in self._upscalers:
                upscaler.cancel()  # A tile that has just begun hears of it the next time.
            for thread in self._threads:
                thread.join(0.02)
        while not self._results.empty():
            _drop(self._results.get())

    def _thread(
        self, name: str, target: Callable[..., None], *arguments: object
    ) -> threading.Thread:
        # Daemons: a thread that cannot be interrupted does not keep the program from ending.
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        return thread

    def _decode(self) -> None:
        def step(job: UpscaleJob) -> Decoded:
            decoded = decode(job, self._settings, self._model_scale)
            size = decoded.memory(self._settings.scale or self._model_scale)
            if self._budget.acquire(size):
                self._sizes[job] = size
            return decoded

        self._work(self._jobs, lambda job: job, step, self._decoded)

    def _enlarge(self, upscaler: Upscaler) -> None:
        def step(decoded: Decoded) -> Enlarged | Result:
            def on_tiles(done: int, total: int) -> None:
                if self._is_closing.is_set():
                    raise Cancelled("The run has ended.")
                if self.on_tiles is not None:
                    self.on_tiles(decoded.job, done, total)

            width, height = decoded.size
            size = upscaler.network_memory(height, width)
            if not self._network_budget.acquire(size):
                raise Cancelled("The run has ended.")
            try:
                return enlarge(decoded, upscaler, self._settings, on_tiles)
            finally:
                self._network_budget.release(size)

        self._work(self._decoded, lambda decoded: decoded.job, step, self._enlarged)

    def _encode(self) -> None:
        self._work(
            self._enlarged,
            lambda enlarged: enlarged.decoded.job,
            lambda enlarged: encode(enlarged, self._settings),
            None,
        )

    def _work(
        self,
        source: "SimpleQueue[Item | None]",
        job_of: Callable[[Item], UpscaleJob],
        step: Callable[[Item], Any],
        sink: "SimpleQueue[Any] | None",
    ) -> None:
        """Take a step with every item of a queue, until the engine is closed."""

        def take_step(item: Item) -> None:
            job = job_of(item)
            try:
                outcome = attempt(job, lambda: step(item))
            except BaseException as error:
                self._finish(job, error)
            else:
                if isinstance(outcome, Result) or sink is None:
                    self._finish(job, outcome)
                else:
                    sink.put(outcome)

        # In a function of its own, so that no pixels stay while the next item is waited for.
        while self._take_from(source, take_step):
            pass

    def _take_from(
        self, source: "SimpleQueue[Item | None]", take_step: Callable[[Item], None]
    ) -> bool:
        item = source.get()
        if item is None or self._is_closing.is_set():
            return False
        take_step(item)
        return True

    def _finish(self, job: UpscaleJob, result: Result | BaseException) -> None:
        self._budget.release(self._sizes.pop(job, 0))
        if self._is_closing.is_set():
            _drop(result)
        else:
            self._results.put(result)


def _drop(result: Result | BaseException) -> None:
    if isinstance(result, Result) and result.staged is not None:
        drop(result.staged)
