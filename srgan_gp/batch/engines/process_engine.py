"""Engine of several devices: each has a worker process, which is replaced when it crashes.

A worker (`worker_process.serve`) receives jobs from a pipe. It sends `Ready` when its model is
loaded, then one `Result` for each job.
"""

import multiprocessing
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

from srgan_gp.batch.engines.engine_interface import OnJobTiles, Result, UpscaleSettings
from srgan_gp.batch.engines.retry_queue import RetryQueue
from srgan_gp.batch.engines.thread_engine import SECONDS_TO_END
from srgan_gp.batch.engines.upscaler_loading import About, OpenUpscalers
from srgan_gp.batch.engines.worker_process import Ready, serve
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import DeviceError
from srgan_gp.system.files import remove_abandoned_files, remove_staged

# Longest wait for one message while the workers load the model. The next wait follows at once, so
# the value does not matter: a message or a signal ends a wait early.
_SECONDS_TO_WAIT = 0.2


class Worker:
    """A worker process, seen from the main process, and the jobs that were sent to it."""

    def __init__(
        self, open_upscalers: OpenUpscalers, device: str, settings: UpscaleSettings
    ) -> None:
        # "spawn" starts a new interpreter: a fork of a process that has used a GPU cannot use it.
        context = multiprocessing.get_context("spawn")
        self.pipe: Connection[Any, Any]
        self.pipe, worker_end = context.Pipe()
        arguments = (worker_end, open_upscalers, device, settings)
        self.process: BaseProcess = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        # The process has its own copy of its end. The pipe ends with the process only if this copy
        # is closed.
        worker_end.close()
        self.device = device
        self.ready: Ready | None = None
        """First message of the process; None while the model loads."""
        self.in_progress: set[UpscaleJob] = set()
        """Jobs that the process is running."""

    @property
    def capacity(self) -> int:
        """Largest number of jobs in progress; 0 while the model loads."""
        return 0 if self.ready is None else self.ready.capacity

    def start_job(self, job: UpscaleJob) -> None:
        """Send a job."""
        self.in_progress.add(job)
        with suppress(OSError):  # The process has ended, which `ProcessEngine.take` notices.
            self.pipe.send(job)

    def end_process(self) -> None:
        """End the process within seconds."""
        self.pipe.close()  # tells `serve` to end, which takes at most the time of the next line
        self.process.join(SECONDS_TO_END + 1)
        self.process.kill()
        self.process.join()


class ProcessEngine:
    """An `engine_interface.Engine` of worker processes.

    A process that crashes is replaced, and its jobs run again, as `RetryQueue` describes. `close`
    removes the unfinished files of crashed processes.

    Args:
        open_upscalers: loads the model in each worker.
        devices: names of the devices, one worker for each.
        settings: options of the run.

    Raises:
        SrganGpError: a worker cannot load the model.
    """

    def __init__(
        self, open_upscalers: OpenUpscalers, devices: Sequence[str], settings: UpscaleSettings
    ) -> None:
        self.on_tiles: OnJobTiles | None = None  # Workers report whole images only.
        self._worker_arguments = (open_upscalers, settings)
        self._retry_queue = RetryQueue()
        # Results of jobs that crashed too many workers, which `take` has not returned yet.
        self._failures: list[Result] = []
        # Folders that may have unfinished files of ended workers, which `close` removes.
        self._folders_to_clean: set[Path] = set()
        self._workers: list[Worker] = []
        try:
            for device in devices:
                self._workers.append(self._new_worker(device))
            while not all(worker.ready for worker in self._workers):
                # Sets `worker.ready`. There is no result yet, since no job was submitted.
                self._receive(_SECONDS_TO_WAIT)
        except BaseException:
            self.close()
            raise
        messages = [worker.ready for worker in self._workers if worker.ready]
        self.about: About = messages[0].about
        """Facts about the model, the same for all workers."""
        self.choices = [ready.about.choice for ready in messages]
        """Lines about model and device, one for each worker."""
        self.capacity = sum(ready.capacity for ready in messages)

    @property
    def process_ids(self) -> list[int | None]:
        """IDs of the worker processes, in the order of the devices."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, job: UpscaleJob) -> None:
        """Start a job, or queue it until a worker has room."""
        self._retry_queue.add(job)
        self._retry_queue.distribute(self._workers)

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, as specified by `engine_interface.Engine`."""
        if self._failures:
            return self._failures.pop()
        return self._receive(timeout)

    def close(self) -> None:
        """End all workers and remove the results that were not taken."""
        for worker in self._workers:
            self._drop_results(worker)
            worker.pipe.close()  # All workers begin to end now; the loop below waits for each.
        for worker in self._workers:
            worker.end_process()
            self._folders_to_clean |= {job.target.parent for job in worker.in_progress}
        self._workers = []
        # Last, when no process writes any more. A worker has released the locks of the results that
        # it sent, so `remove_abandoned_files` also removes the results that were not taken.
        for folder in self._folders_to_clean:
            remove_abandoned_files(folder)

    def _new_worker(self, device: str) -> Worker:
        """Start a worker for a device."""
        open_upscalers, settings = self._worker_arguments
        return Worker(open_upscalers, device, settings)

    def _receive(self, timeout: float) -> Result | None:
        """Handle one message of any worker; return the message if it is a result, else None.

        None is also returned if there is no message within `timeout` seconds.
        """
        workers = {worker.pipe: worker for worker in self._workers}
        readable_pipes = wait(list(workers), timeout)
        if not readable_pipes:
            return None
        # The cast: `wait` also takes other objects than pipes, and its type hints say so.
        worker = workers[cast("Connection[Any, Any]", readable_pipes[0])]
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):  # The process has ended.
            self._replace(worker)
            return None
        if isinstance(message, Exception):
            raise message
        if isinstance(message, Ready):
            worker.ready = message
            self._retry_queue.distribute(self._workers)
            return None
        worker.in_progress.discard(message.job)
        self._retry_queue.finish(message.job)
        self._retry_queue.distribute(self._workers)
        return message

    def _replace(self, worker: Worker) -> None:
        """Start a new process in place of one that has crashed, and queue its jobs again.

        Raises:
            DeviceError: the process has crashed before its model was loaded.
        """
        if worker.ready is None:
            raise DeviceError(
                f"The worker process for {worker.device} ended while it loaded the model; "
                "is there enough memory?"
            )
        worker.end_process()
        self._folders_to_clean |= {job.target.parent for job in worker.in_progress}
        self._failures += self._retry_queue.requeue(worker.in_progress)
        self._workers[self._workers.index(worker)] = self._new_worker(worker.device)

    def _drop_results(self, worker: Worker) -> None:
        """Remove the staged files of results that a worker has sent and nobody will take.

        They may be outside of `_folders_to_clean`: if a target is a link, its staged file is in the
        folder that the link leads to.
        """
        with suppress(EOFError, OSError):  # The process has ended.
            while worker.pipe.poll():
                message = worker.pipe.recv()
                if isinstance(message, Result) and message.staged is not None:
                    remove_staged(message.staged)
