"""Engine of several devices: one worker process each, replaced when it crashes."""

import multiprocessing
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from srgan_gp.batch.engines.engine_interface import OnJobTiles, Result, UpscaleSettings
from srgan_gp.batch.engines.retry_queue import RetryQueue
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END
from srgan_gp.batch.engines.worker_process import About, OpenUpscalers, Ready, serve
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import DeviceError
from srgan_gp.system.files import drop, sweep

_SECONDS_TO_START = 0.2  # between two looks at workers that load


class Worker:
    """A process and what it is working on."""

    def __init__(
        self, open_upscalers: OpenUpscalers, device: str, settings: UpscaleSettings
    ) -> None:
        # A fresh interpreter: a fork of a process that has used a GPU cannot use it.
        context = multiprocessing.get_context("spawn")
        self.pipe: Connection[Any, Any]
        self.pipe, theirs = context.Pipe()
        arguments = (theirs, open_upscalers, device, settings)
        self.process: BaseProcess = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        theirs.close()
        self.device = device
        self.ready: Ready | None = None
        self.jobs: set[UpscaleJob] = set()

    @property
    def under_way(self) -> Collection[UpscaleJob]:
        """What the process is at."""
        return self.jobs

    @property
    def most(self) -> int:
        """How many jobs the process may be at; 0 while it loads."""
        return 0 if self.ready is None else self.ready.capacity

    def begin(self, job: UpscaleJob) -> None:
        """Begin a job; if the process has died, the end of its pipe tells so."""
        self.jobs.add(job)
        try:
            self.pipe.send(job)
        except OSError:
            return

    def end(self) -> None:
        """End the process within seconds."""
        self.pipe.close()
        self.process.join(SECONDS_TO_END + 1)
        self.process.kill()
        self.process.join()


class ProcessEngine:
    """An `Engine` of worker processes.

    When a process dies, another takes its place. What it left half-done is cleared away and done
    again, as `RetryQueue` says.

    Args:
        open_upscalers: loads the model, in the worker.
        devices: one worker each.
        settings: of the run.

    Raises:
        SrganGpError: a worker cannot load the model.
    """

    def __init__(
        self, open_upscalers: OpenUpscalers, devices: Sequence[str], settings: UpscaleSettings
    ) -> None:
        self.on_tiles: OnJobTiles | None = None  # Workers tell of whole pictures only.
        self._start = (open_upscalers, settings)
        self._retry_queue = RetryQueue()
        self._given_up: list[Result] = []
        self._left: set[Path] = set()
        self._workers: list[Worker] = []
        try:
            for device in devices:
                self._workers.append(self._new_worker(device))
            while not all(worker.ready for worker in self._workers):
                self._receive(_SECONDS_TO_START)
        except BaseException:
            self.close()
            raise
        readies = [worker.ready for worker in self._workers if worker.ready]
        self.about: About = readies[0].about
        self.choices = [ready.about.choice for ready in readies]
        """What runs on what, a line for each worker."""
        self.capacity = sum(ready.capacity for ready in readies)

    @property
    def process_ids(self) -> list[int | None]:
        """Of the workers, in the order of their devices."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, job: UpscaleJob) -> None:
        """Begin a job."""
        self._retry_queue.add(job)
        self._retry_queue.share_out(self._workers)

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as said for `Engine`."""
        if self._given_up:
            return self._given_up.pop()
        return self._receive(timeout)

    def close(self) -> None:
        """End all workers, and drop what was not taken."""
        for worker in self._workers:
            self._drop_results(worker)
            worker.pipe.close()
        for worker in self._workers:
            worker.end()
            self._left |= {job.target.parent for job in worker.jobs}
        self._workers = []
        # Not before: what a worker has given and nobody taken yet is not locked.
        for folder in self._left:
            sweep(folder)

    def _new_worker(self, device: str) -> Worker:
        open_upscalers, settings = self._start
        return Worker(open_upscalers, device, settings)

    def _receive(self, timeout: float) -> Result | None:
        """Wait for one message of any worker; None: there was none, or it was no result."""
        pipes = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(pipes), timeout):
            assert isinstance(pipe, Connection)
            worker = pipes[pipe]
            try:
                message = pipe.recv()
            except (EOFError, OSError):
                self._replace(worker)
                return None
            if isinstance(message, Exception):
                raise message
            if isinstance(message, Ready):
                worker.ready = message
                self._retry_queue.share_out(self._workers)
                return None
            worker.jobs.discard(message.job)
            self._retry_queue.finish(message.job)
            self._retry_queue.share_out(self._workers)
            return message
        return None

    def _replace(self, worker: Worker) -> None:
        """Start another process in the place of one that has died."""
        if worker.ready is None:
            raise DeviceError(
                f"The worker process for {worker.device} ended while it loaded the model; "
                "is there enough memory?"
            )
        worker.end()
        self._left |= {job.target.parent for job in worker.jobs}
        self._given_up += self._retry_queue.requeue(worker.jobs)
        self._workers[self._workers.index(worker)] = self._new_worker(worker.device)

    def _drop_results(self, worker: Worker) -> None:
        """Remove the files of results that nobody will take."""
        try:
            while worker.pipe.poll():
                message = worker.pipe.recv()
                if isinstance(message, Result) and message.staged is not None:
                    drop(message.staged)
        except (EOFError, OSError):
            return
