"""Engine of several machines: Ray actors run the jobs, this process commits the results.

A Ray actor is an object in a worker process of the cluster. A call of its methods returns at once,
with a reference; `ray.wait` waits for calls, and `ray.get` exchanges a reference for the result. To
commit a result is to record it in the journal and to rename its file (`batch.plan_runner`).
All machines need the inputs and the output folder under the same paths, as on a network disk.
"""

import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from srgan_gp import __version__
from srgan_gp.batch.engines.engine_interface import OnJobTiles, Result, UpscaleSettings
from srgan_gp.batch.engines.ray.ray_actor import CALL_THREADS, RayActor
from srgan_gp.batch.engines.ray.ray_cluster import connected, room_for_workers
from srgan_gp.batch.engines.ray.ray_worker import Worker, with_submitted_paths
from srgan_gp.batch.engines.retry_queue import RetryQueue
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END
from srgan_gp.batch.engines.upscaler_loading import About
from srgan_gp.batch.engines.worker_process import Ready
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import DeviceError, ModelRefusedError, SrganGpError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import remove_abandoned_files, remove_staged

SECONDS_TO_START = 180.0
"""Timeout of the first worker. With a shorter one a run fails while the cluster still starts
machines; with a longer one the user waits longer for the message that the cluster is busy."""
_MAX_FAILED_STARTS = 3
"""Number of failed starts, of all workers together, that ends the run. One may be chance, such as a
machine that fails. With a larger number, a run whose model crashes every worker ends later."""


class Load(Protocol):
    """An `upscaler_loading.OpenUpscalers` that also takes the number of CPU threads."""

    def __call__(self, device: str, *, threads: int) -> Sequence[Upscaler]:
        """Load a model on a device; each upscaler runs the network with `threads` CPU threads."""
        ...


class RayEngine:
    """An `engine_interface.Engine` of Ray actors.

    An actor that crashes is replaced and its jobs run again; see `RetryQueue`. If a job runs twice,
    only the result that `take` returns is committed.

    Args:
        load: loads the model in the actors.
        settings: options of the run.
        address: address of a cluster, HOST:PORT; None starts Ray on this machine.
        device: `auto` and `cuda` start a worker on each GPU; `auto` falls back to the CPU.
        cores: CPU cores for each worker; None: as many as `room_for_workers` chooses.

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
        # Results of jobs that crashed too many workers, which `take` has not returned yet.
        self._failures: deque[Result] = deque()
        self._workers: list[Worker] = []  # each has an actor and the references of its calls
        self._failed_starts = 0
        # Folders that may have unfinished files of ended workers, which `close` removes.
        self._folders_to_clean: set[Path] = set()
        self._connection = ExitStack()
        try:
            self._ray = self._connection.enter_context(connected(address))
            room = room_for_workers(self._ray.nodes(), device, cores)
            actor_class = self._ray.remote(RayActor).options(
                num_cpus=room.cores, num_gpus=room.gpus, max_concurrency=CALL_THREADS
            )
            open_upscalers = partial(load, threads=room.cores)
            self._new_actor = partial(
                actor_class.remote, open_upscalers, device, settings, __version__
            )
            self._workers = [Worker(self._new_actor()) for _ in range(room.count)]
            first = self._wait_for_first_worker()
        except BaseException:
            self.close()
            raise
        self.about: About = first.about
        # All workers run the same model with the same number of cores, so they have one capacity.
        self.capacity = room.count * first.capacity
        self.choices = [first.about.choice, f"Ray: {room.count} workers of this kind."]
        """Lines about the model, the device and the number of workers."""

    def submit(self, job: UpscaleJob) -> None:
        """Start a job, or queue it until a worker has room."""
        self._retry_queue.add(job)
        self._retry_queue.distribute(self._workers)

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as specified by `engine_interface.Engine`."""
        if self._failures:
            return self._failures.popleft()
        worker_of_call = {call: worker for worker in self._workers for call in worker.calls}
        for worker in self._workers:
            if worker.ready is None:
                worker_of_call[worker.start_call] = worker
        if not worker_of_call:  # `ray.wait` would raise an error.
            time.sleep(timeout)
            return None
        result = None
        finished, _ = self._ray.wait(list(worker_of_call), num_returns=1, timeout=timeout)
        if finished:
            result = self._receive(worker_of_call[finished[0]], finished[0])
        self._retry_queue.distribute(self._workers)
        return result

    def close(self) -> None:
        """End all workers, remove the results that were not taken, and disconnect from Ray."""
        if self._workers:
            with suppress(Exception):  # Ray may have ended, and the workers with it.
                self._end_workers()
        self._workers = []
        self._connection.close()
        for folder in self._folders_to_clean:
            remove_abandoned_files(folder)

    def _wait_for_first_worker(self) -> Ready:
        """Wait until a worker has loaded the model, or raise a DeviceError after a timeout."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline:
            # This sets `worker.ready`. There is no result yet, since no job was submitted.
            self.take(timeout=0.5)  # returns early if a worker is ready
            for worker in self._workers:
                if worker.ready is not None:
                    return worker.ready
        raise DeviceError(
            f"No worker started on Ray within {SECONDS_TO_START:.0f} s; "
            "`ray status` shows whether the cluster is busy."
        )

    def _receive(self, worker: Worker, call: Any) -> Result | None:  # noqa: ANN401 - a reference
        """Handle a finished call: `open`, which loads the model, or `work`, which runs a job.

        Returns:
            The result of a job; None if the call failed or was `open`.
        """
        try:
            message = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            self._replace(worker, error)
            return None
        if isinstance(message, SrganGpError):  # concerns all jobs
            raise message
        if isinstance(message, Ready):  # the result of `open`
            self._check_model(message)
            worker.ready = message
            return None
        assert isinstance(message, Result)
        job = worker.calls.pop(call)
        self._retry_queue.finish(job)
        return with_submitted_paths(message, job)  # the actor got a job with absolute paths

    def _check_model(self, ready: Ready) -> None:
        """Raise a ModelRefusedError if a new worker has another model than the others."""
        hashes = {worker.ready.about.sha256 for worker in self._workers if worker.ready}
        if hashes - {ready.about.sha256}:
            raise ModelRefusedError(
                f"The machines of the Ray cluster have different models called {ready.about.name}; "
                "put the same file on all of them."
            )

    def _replace(self, worker: Worker, error: Exception) -> None:
        """Start a new actor in place of one that has crashed, and queue its jobs again.

        Raises:
            DeviceError: `_MAX_FAILED_STARTS` actors have crashed before they loaded the model.
        """
        if worker.ready is None:
            self._failed_starts += 1
            if self._failed_starts == _MAX_FAILED_STARTS:
                reason = str(error).strip().split("\n")[0]
                raise DeviceError(f"Ray workers end before they are ready: {reason}") from error
        self._ray.kill(worker.actor)
        self._folders_to_clean |= {job.target.parent for job in worker.calls.values()}
        # `requeue` returns failed results of the jobs that have crashed too many workers.
        self._failures += self._retry_queue.requeue(worker.calls.values())
        self._workers[self._workers.index(worker)] = Worker(self._new_actor())

    def _end_workers(self) -> None:
        """Let the workers remove their unfinished files, then kill them."""
        calls = [call for worker in self._workers for call in worker.calls]
        jobs = [job for worker in self._workers for job in worker.calls.values()]
        self._folders_to_clean |= {job.target.parent for job in jobs}
        close_calls = [worker.actor.close.remote() for worker in self._workers if worker.ready]
        # An actor that closes waits `SECONDS_TO_END` at most for its threads; the rest is for the
        # reply.
        self._wait(close_calls, timeout=SECONDS_TO_END + 0.5)
        for call in self._wait(calls, timeout=0):  # finished jobs, whose results nobody will take
            with suppress(self._ray.exceptions.RayError):
                message = self._ray.get(call)
                if isinstance(message, Result) and message.staged is not None:
                    remove_staged(message.staged)
        for worker in self._workers:
            self._ray.kill(worker.actor)
        # The calls fail as soon as their worker has ended. Only then are the locks of its
        # unfinished files released, so that `close` can remove them. If a machine does not answer
        # within the second, its unfinished files stay.
        self._wait(calls, timeout=1)

    def _wait(self, calls: list[Any], timeout: float) -> list[Any]:
        """Wait `timeout` seconds at most for all calls, and return those that have ended."""
        if not calls:  # `ray.wait` would raise an error.
            return []
        finished, _ = self._ray.wait(calls, num_returns=len(calls), timeout=timeout)
        return finished
