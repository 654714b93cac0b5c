"""Service behind the page and the API: queues jobs, executes them in threads, keeps their files."""

import logging
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from srgan_gp.errors import BusyError, Cancelled, SrganGpError
from srgan_gp.models.cards import FACES, UPSCALING, ModelCard
from srgan_gp.serving.decoding.decode_pool import DecodePool
from srgan_gp.serving.decoding.previews import Previews
from srgan_gp.serving.jobs.fair_queue import FairQueue
from srgan_gp.serving.jobs.job import Job, OnProgress, Request
from srgan_gp.serving.jobs.job_execution import JobExecution
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.jobs.loaded_models import LoadedModels, cards_for
from srgan_gp.serving.public_messages import errors_for_clients, for_clients
from srgan_gp.serving.results.temporary_files import TemporaryFiles
from srgan_gp.serving.server_settings import ServerSettings

_THREADS = 3  # each executes whole jobs; while one uses the device, others decode and encode
_DECODERS = 2  # `Previews` occupies at most one of them
_THREAD_END_SECONDS = 10  # longest wait for the end of each thread, which a stuck driver may block
_MAX_MEMORY_BYTES = 1 << 29  # 512 MiB for the encoded images of unfinished jobs; more are refused
_NO_SPACE = "The server has no free disk space. Try again in a minute."
_RESTARTING = "The server is being restarted. Try again in a minute."
_RETRY_SECONDS = 60  # after which a client should try again: the minute of these two messages

_log = logging.getLogger(__name__)


class Service:
    """Executes jobs: decodes in other processes, runs one network at a time, and expires results.

    Args:
        settings: limits, device and directory.
        decoders: image decoders; None: a pool of two processes.

    Raises:
        OutputError: the directory for temporary files cannot be used.
    """

    def __init__(self, settings: ServerSettings, *, decoders: DecodePool | None = None) -> None:
        self.settings = settings
        self._temporary_files = TemporaryFiles(settings.folder, settings.keep_seconds)
        self._models = LoadedModels(settings.device, settings.threads, settings.named_models)
        self._decoders = decoders or DecodePool(_DECODERS, settings.max_pixels)
        self.previews = Previews(self._decoders, self.uploads)
        self._execution = JobExecution(settings, self._models, self._decoders)
        self._queue: FairQueue[Job] = FairQueue(settings.queue_size)
        self._close_callbacks: list[Callable[[], None]] = []
        # Guards changes of the attributes from here to `_taken`; notified when a job is done.
        self._changed = threading.Condition()
        self._pending: Counter[str] = Counter()  # queued and running jobs by client
        self._memory_bytes = 0  # encoded images in memory, of queued and running jobs
        # Draining: no new jobs are accepted. Closed: the accepted ones are cancelled too.
        self._is_draining = self._is_closed = False
        self._taken: set[Job] = set()  # taken from the queue, and not done
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        client: str,
        request: Request,
        *,
        address: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Queue a job.

        Args:
            client: id of the visitor (a browser with the page's cookie), or else the address.
            request: request of the client, which `check` has accepted; else the job fails.
            address: address of the client; the queue is fair to addresses. None: `client` is it.
            on_progress: called with completed and total tiles or faces; may raise to end the job.

        Raises:
            BusyError: the queue or disk is full, the client has too many jobs, or the server ends.
            OutputError: the directory of the client cannot be created.
        """
        with self._changed:
            self.require_open()
            if self._pending[client] >= self.settings.pending_per_client:
                raise BusyError(
                    f"You have {self._pending[client]} jobs in progress, the maximum per client. "
                    "Wait for one of them."
                )
            folder = self.folder(client) / secrets.token_hex(16)
            job = Job(client, address or client, request, folder, on_progress, self._remove_queued)
            has_memory = self._memory_bytes + job.memory_bytes <= _MAX_MEMORY_BYTES
            if not has_memory or not self._queue.put(job.address, job):
                raise BusyError("The queue is full. Try again in a few seconds.")
            # A thread that has taken the job needs this lock, so it runs after these are counted.
            self._pending[client] += 1
            self._memory_bytes += job.memory_bytes
            self._temporary_files.hold(*job.held_paths)
        return job

    def check(self, request: Request) -> None:
        """Check a request before it is submitted; raises as `JobExecution.check` does."""
        with errors_for_clients():
            self._execution.check(request)

    def check_default_model(self) -> None:
        """Check that the default model can be used; raises as `LoadedModels.check_default` does."""
        self._models.check_default(self.settings.model)

    def require_open(self) -> None:
        """Check that new work can be accepted.

        Raises:
            BusyError: the disk is full, or the service is shutting down.
        """
        if self._is_draining:
            raise BusyError(_RESTARTING, retry_seconds=_RETRY_SECONDS)
        if self._temporary_files.no_space_reason() is not None:
            raise BusyError(_NO_SPACE, retry_seconds=_RETRY_SECONDS)

    def at_end(self, callback: Callable[[], None]) -> None:
        """Register a callback that `close` runs before the files are removed."""
        self._close_callbacks.append(callback)

    @property
    def pending(self) -> int:
        """Number of queued and running jobs."""
        with self._changed:
            return self._pending.total()

    def seconds_per_megapixel(self, model: str) -> float:
        """Return the seconds of a model per megapixel of input; measure them if unknown."""
        with errors_for_clients():
            return self._execution.seconds_per_megapixel(model)

    def count_jobs_ahead(self, job: Job) -> int:
        """Count the jobs that get the device before a job that waits for it."""
        queued_ahead = self._queue.count_ahead_of(job.address, job)
        with self._changed:
            others = self._taken - {job}
        if queued_ahead is None:  # the job was taken from the queue, and waits for the device only
            return sum(other.progress.stage == "running" for other in others)  # has the device
        return queued_ahead + len(others)  # at most: a taken job may have used the device already

    def not_ready_reason(self) -> str | None:
        """Return why no new job is accepted now; None: the service is ready."""
        if self._is_draining:
            return "the server is shutting down"
        if len(self._queue) >= self.settings.queue_size:
            return "the queue is full"
        return self._temporary_files.no_space_reason()

    def upscaling_models(self) -> list[ModelCard]:
        """Return the cards of the upscaling models."""
        return cards_for(UPSCALING, self.settings.named_models)

    def face_models(self) -> list[ModelCard]:
        """Return the cards of the face models; may be empty."""
        return cards_for(FACES)  # `settings` restricts imported models; none of them is for faces

    def folder(self, client: str) -> Path:
        """Return the directory of a client. Its name is random, and files in it expire.

        Raises:
            OutputError: the directory cannot be created.
        """
        with errors_for_clients():
            return self._temporary_files.folder(client)

    @property
    def uploads(self) -> Path:
        """Directory of uploads; always exists. Files in it expire."""
        return self._temporary_files.uploads

    def hold(self, path: Path) -> None:
        """Protect a file or a directory from removal by age until it is released."""
        self._temporary_files.hold(path)

    def release(self, path: Path) -> None:
        """End the protection of a path that was held."""
        self._temporary_files.release(path)

    def drain(self, timeout_seconds: float) -> bool:
        """Accept no more jobs, wait for the accepted ones, and return whether all are done."""
        with self._changed:
            self._is_draining = True
            return self._changed.wait_for(lambda: not self._pending.total(), timeout_seconds)

    def cancel_jobs(self) -> None:
        """Accept no more jobs and cancel the accepted ones; a running one ends after its tile."""
        with self._changed:
            self._is_draining = self._is_closed = True
            taken = list(self._taken)
        self._queue.close()
        for job in taken:
            job.cancel()
        while (queued := self._queue.take()) is not None:  # `take` still returns the queued ones
            self._finish(queued, BusyError(_RESTARTING, retry_seconds=_RETRY_SECONDS))

    def close(self) -> None:
        """Cancel all jobs and remove all files."""
        self.cancel_jobs()
        for callback in self._close_callbacks:
            callback()
        self._decoders.close()
        for thread in self._threads:
            thread.join(_THREAD_END_SECONDS)
        self._temporary_files.close()

    def _remove_queued(self, job: Job) -> None:
        """Finish a cancelled job that is still queued; a running one checks its cancellation."""
        was_queued = self._queue.remove(job.address, job)
        if was_queued:
            self._finish(job, Cancelled("The job was cancelled."))

    def _run(self) -> None:
        """Execute queued jobs until the queue is closed and empty; the loop of each thread."""
        while (job := self._queue.take()) is not None:
            with self._changed:
                self._taken.add(job)
                if self._is_closed:  # taken after `cancel_jobs` had listed the taken ones
                    job.cancellation.cancel()
            self._finish(job, self._execute(job))

    def _execute(self, job: Job) -> Result | Exception:
        """Execute a job, and return its result or an error for the client."""
        try:
            return self._execution.run(job)
        except Exception as error:
            if self._is_closed and isinstance(error, Cancelled):
                return BusyError(_RESTARTING, retry_seconds=_RETRY_SECONDS)
            if not isinstance(error, SrganGpError):
                _log.exception("A job failed.")
            return for_clients(error)

    def _finish(self, job: Job, outcome: Result | Exception) -> None:
        """Remove a job from the counts, and set its outcome."""
        if isinstance(outcome, Exception):
            shutil.rmtree(job.folder, ignore_errors=True)
        self._temporary_files.release(*job.held_paths)
        with self._changed:
            self._taken.discard(job)
            self._memory_bytes -= job.memory_bytes
            self._pending -= Counter([job.client])  # drops clients without jobs
            # After the counters: a client that has the result may submit its next job.
            job.finish(outcome)
            self._changed.notify_all()
