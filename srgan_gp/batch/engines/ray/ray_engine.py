"""Engine of several machines: Ray actors run the jobs, this process commits the results.

All machines need the inputs and the output folder under the same paths, as on a network disk.
"""

import os
import time
from collections import deque
from collections.abc import Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from srgan_gp import __version__
from srgan_gp.batch.engines.engine_interface import OnJobTiles, Result, UpscaleSettings
from srgan_gp.batch.engines.ray.ray_actor import CALLS, RayActor
from srgan_gp.batch.engines.ray.ray_cluster import connected, room_for_workers
from srgan_gp.batch.engines.retry_queue import RetryQueue
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END
from srgan_gp.batch.engines.worker_process import About, Ready
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import DeviceError, ModelRefusedError, OutputError, SrganGpError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import drop, sweep

SECONDS_TO_START = 180.0
"""Timeout of the first worker; a cluster may have to start machines first."""
_MAX_FAILED_STARTS = 3


class Worker:
    """An actor and its calls in progress."""

    def __init__(self, actor: Any) -> None:  # noqa: ANN401 - Ray's handles have no common type
        self.actor = actor
        self.ready: Ready | None = None
        self.start_call = actor.open.remote()
        self.calls: dict[Any, UpscaleJob] = {}

    @property
    def in_progress(self) -> Collection[UpscaleJob]:
        """Jobs that the actor is running."""
        return self.calls.values()

    @property
    def capacity(self) -> int:
        """Largest number of jobs in progress; 0 while the model loads."""
        return 0 if self.ready is None else self.ready.capacity

    def begin(self, job: UpscaleJob) -> None:
        """Start a job, with absolute paths, since an actor has another working directory."""
        fallback = None if job.fallback is None else _absolute(job.fallback)
        absolute_job = UpscaleJob(_absolute(job.source), _absolute(job.target), fallback)
        self.calls[self.actor.work.remote(absolute_job)] = job


class Load(Protocol):
    """A `worker_process.OpenUpscalers` that also takes the number of CPU threads."""

    def __call__(self, device: str, *, threads: int) -> Sequence[Upscaler]:
        """Load it on a device; each upscaler runs the network with `threads` CPU threads."""
        ...


class RayEngine:
    """An `engine_interface.Engine` of Ray actors.

    An actor that crashes is replaced and its jobs run again; see `RetryQueue`. A job that ran twice
    has one result: only results that `take` returned are committed.

    Args:
        load: loads the model in the actors.
        settings: options of the run.
        address: address of a cluster, HOST:PORT; None starts Ray on this machine.
        device: `auto` and `cuda` start a worker on each GPU; `auto` falls back to the CPU.
        cores: CPU cores for each worker; None: 1 with GPUs; without, 4, or fewer if the smallest
            machine has fewer.

    Raises:
        SrganGpError: Ray is not installed or cannot be reached, or no worker can load the model.
    """

    on_tiles: OnJobTiles | None

    def __init__(
        self,
        load: Load,
        settings: UpscaleSettings,
        *,
        address: str | None = None,
        device: str = "auto",
        cores: int | None = None,
    ) -> None:
        self.on_tiles = None  # Tiles are not reported across machines.
        self._retry_queue = RetryQueue()
        self._failures: deque[Result] = deque()
        self._workers: list[Worker] = []
        self._failed_starts = 0
        self._folders_to_sweep: set[Path] = set()
        self._connection = ExitStack()
        try:
            self._ray = self._connection.enter_context(connected(address))
            room = room_for_workers(self._ray.nodes(), device, cores)
            actor = self._ray.remote(RayActor).options(
                num_cpus=room.cores, num_gpus=room.gpus, max_concurrency=CALLS
            )
            open_upscalers = partial(load, threads=room.cores)
            self._new_actor = partial(actor.remote, open_upscalers, device, settings, __version__)
            self._workers = [Worker(self._new_actor()) for _ in range(room.count)]
            first = self._wait_for_one()
        except BaseException:
            self.close()
            raise
        self.about: About = first.about
        self.capacity = room.count * first.capacity
        self.choices = [first.about.choice, f"Ray: {room.count} workers of this kind."]
        """Model, device and number of workers, in lines."""

    def submit(self, job: UpscaleJob) -> None:
        """Start a job, or queue it."""
        self._retry_queue.add(job)
        self._retry_queue.distribute(self._workers)

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as specified by `engine_interface.Engine`."""
        if self._failures:
            return self._failures.popleft()
        calls = {call: worker for worker in self._workers for call in worker.calls}
        calls |= {worker.start_call: worker for worker in self._workers if worker.ready is None}
        if not calls:
            time.sleep(timeout)
            return None
        finished, _ = self._ray.wait(list(calls), num_returns=1, timeout=timeout)
        result = self._receive(calls[finished[0]], finished[0]) if finished else None
        self._retry_queue.distribute(self._workers)
        return result

    def close(self) -> None:
        """End all workers, remove the results that were not taken, and disconnect from Ray."""
        if self._workers:
            with suppress(Exception):  # Ray may have ended, and the workers with it.
                self._end_workers()
        self._workers = []
        self._connection.close()
        for folder in self._folders_to_sweep:
            sweep(folder)

    def _wait_for_one(self) -> Ready:
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            self.take(
                timeout=0.5
            )  # sets `ready`; there is no result yet, since no job was submitted
            for worker in self._workers:
                if worker.ready is not None:
                    return worker.ready
        raise DeviceError(
            f"No worker started on Ray within {SECONDS_TO_START:.0f} s; "
            "`ray status` shows whether the cluster is busy."
        )

    def _receive(self, worker: Worker, call: Any) -> Result | None:  # noqa: ANN401 - as above
        """Process a finished call; return its result, or None if it failed or started a worker."""
        try:
            message = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            self._replace(worker, error)
            return None
        if isinstance(message, SrganGpError):
            raise message
        if isinstance(message, Ready):
            self._check_model(message)
            worker.ready = message
            return None
        assert isinstance(message, Result)
        job = worker.calls.pop(call)
        self._retry_queue.finish(job)
        return _with_paths_of(message, job)

    def _check_model(self, ready: Ready) -> None:
        """Check that a new worker has the same model as the others."""
        others = {worker.ready.about.sha256 for worker in self._workers if worker.ready}
        if others - {ready.about.sha256}:
            raise ModelRefusedError(
                f"The machines of the Ray cluster have different models called {ready.about.name}; "
                "put the same file on all of them."
            )

    def _replace(self, worker: Worker, error: Exception) -> None:
        """Replace an actor that has crashed or cannot be reached."""
        if worker.ready is None:
            self._failed_starts += 1
            if self._failed_starts == _MAX_FAILED_STARTS:
                reason = str(error).strip().split("\n")[0]
                raise DeviceError(f"Ray workers end before they are ready: {reason}") from error
        self._ray.kill(worker.actor)
        self._folders_to_sweep |= {job.target.parent for job in worker.calls.values()}
        self._failures += self._retry_queue.requeue(worker.calls.values())
        self._workers[self._workers.index(worker)] = Worker(self._new_actor())

    def _end_workers(self) -> None:
        """Let the workers remove their files, then kill them, which releases their locks."""
        calls = [call for worker in self._workers for call in worker.calls]
        self._folders_to_sweep |= {
            job.target.parent for w in self._workers for job in w.calls.values()
        }
        endings = [worker.actor.close.remote() for worker in self._workers if worker.ready]
        self._wait(endings, SECONDS_TO_END + 0.5)
        for call in self._wait(calls, 0):
            with suppress(self._ray.exceptions.RayError):
                message = self._ray.get(call)
                if isinstance(message, Result) and message.staged is not None:
                    drop(message.staged)
        for worker in self._workers:
            self._ray.kill(worker.actor)
        # The calls fail when their worker has ended; only then can its unfinished files be removed.
        self._wait(calls, 1)

    def _wait(self, calls: list[Any], timeout: float) -> list[Any]:
        """Wait for all calls and return those that have ended."""
        return self._ray.wait(calls, num_returns=len(calls), timeout=timeout)[0] if calls else []


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - it follows no link


def _with_paths_of(result: Result, job: UpscaleJob) -> Result:
    """Return a result with the paths of the job as it was submitted.

    Raises:
        OutputError: its file is not visible on this machine.
    """
    if result.staged is None:
        return replace(result, job=job)
    if not result.staged.partial.exists():
        raise OutputError(
            f"A Ray worker wrote {result.staged.partial}, which does not exist on this machine; "
            "all machines need the output folder under the same path."
        )
    is_fallback = result.staged.target != _absolute(job.target)
    target = job.fallback if is_fallback and job.fallback is not None else job.target
    return replace(result, job=job, staged=replace(result.staged, target=target))
