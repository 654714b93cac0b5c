"""The service behind page and API: queues and runs jobs."""

import logging
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from srgan_gp.errors import BusyError, Cancelled, SrganGpError
from srgan_gp.models.cards import FACES, ModelCard
from srgan_gp.serving.decoding.decode_pool import DecodePool, Decoders
from srgan_gp.serving.jobs.fair_queue import FairQueue
from srgan_gp.serving.jobs.generating import generate
from srgan_gp.serving.jobs.job import Job, OnProgress, Request
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, check_upscale
from srgan_gp.serving.jobs.loaded_models import LoadedModels, cards_for, check_known
from srgan_gp.serving.jobs.result_zip import bundle
from srgan_gp.serving.jobs.temporary_files import TemporaryFiles
from srgan_gp.serving.jobs.upscaling import upscale
from srgan_gp.serving.public_messages import for_clients, shown_to_clients
from srgan_gp.serving.server_settings import ServerSettings

_THREADS = 3  # one job is read, one is in the network and one is written
_DECODERS = 2
_SECONDS_TO_END = 10
_MOST_BYTES = 1 << 29  # of pictures in memory whose jobs are not done
_NO_ROOM = "The server has no room for more pictures now; try again in a minute."
_ENDING = "The server is being restarted; try again in a minute."

__all__ = ["Job", "Service"]

_log = logging.getLogger(__name__)


class Service:
    """Takes jobs, decodes apart, runs one network at a time and keeps results for a while.

    Args:
        settings: limits, device and folder.
        decoders: decodes pictures apart; None: two processes of this service's own.

    Raises:
        OutputError: the folder for temporary files cannot be used.
    """

    def __init__(self, settings: ServerSettings, *, decoders: Decoders | None = None) -> None:
        self.settings = settings
        self._temporary_files = TemporaryFiles(settings.folder, settings.keep_seconds)
        self._models = LoadedModels(settings.device, settings.threads)
        self._decoders = decoders or DecodePool(_DECODERS, settings.max_pixels)
        self._queue: FairQueue[Job] = FairQueue(settings.queue_size)
        self._changed = threading.Condition()
        self._pending: Counter[str] = Counter()
        self._bytes = 0
        self._is_draining = self._is_closed = False
        self._under_way: set[Job] = set()
        self._endings: list[Callable[[], None]] = []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]
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
        """Take a job, or refuse it at once.

        Args:
            client: whom to count it for, and whose folder the result goes to; an address or a
                session.
            request: what to do; it is checked when its turn comes.
            address: where the client is. Addresses take turns, since sessions cost nothing; None:
                the client is one.
            on_progress: told about tiles or faces; what it raises ends the job.

        Raises:
            BusyError: the queue or the disk is full, the client has too many jobs, or the service
                ends.
        """
        with self._changed:
            self.require_open()
            if self._pending[client] >= self.settings.pending_per_client:
                raise BusyError(
                    f"You have {self._pending[client]} pictures under way, which is the most; "
                    "wait for one of them."
                )
            folder = self.folder(client) / secrets.token_hex(16)
            job = Job(client, address or client, request, folder, on_progress, self._forget)
            if self._bytes + job.size > _MOST_BYTES or not self._queue.put(job.address, job):
                raise BusyError("Too many pictures are waiting; try again in a few seconds.")
            self._pending[client] += 1
            self._bytes += job.size
            self._temporary_files.hold(*job.files)
        return job

    def prove(self) -> None:
        """Find out whether requests that name no model can be served.

        Raises:
            SrganGpError: as for `LoadedModels.prove`.
        """
        self._models.prove(self.settings.model)

    def require_open(self) -> None:
        """Refuse any new work where there is no room for it, or the service ends.

        Raises:
            BusyError: so it is.
        """
        if self._is_draining:
            raise BusyError(_ENDING, retry_seconds=60)
        if self._temporary_files.why_no_room() is not None:
            raise BusyError(_NO_ROOM, retry_seconds=60)

    def at_end(self, end: Callable[[], None]) -> None:
        """Have other work ended when the service is, before its files are removed."""
        self._endings.append(end)

    @property
    def pending(self) -> int:
        """Jobs that wait or are under way."""
        with self._changed:
            return self._pending.total()

    def why_not_ready(self) -> str | None:
        """Say why no new job would be taken now; None: one would."""
        if self._is_draining:
            return "the server ends"
        if len(self._queue) >= self.settings.queue_size:
            return "the queue is full"
        return self._temporary_files.why_no_room()

    def upscalers(self) -> list[ModelCard]:
        """List the cards of the models that enlarge."""
        return cards_for("super-resolution")

    def face_models(self) -> list[ModelCard]:
        """List the cards of the models that draw faces; none may be installed."""
        return cards_for(FACES)

    def folder(self, client: str) -> Path:
        """Give the client's own folder: nobody can guess its name, and it is emptied by age.

        Raises:
            OutputError: it cannot be made.
        """
        with shown_to_clients():
            return self._temporary_files.folder(client)

    @property
    def uploads(self) -> Path:
        """The folder for what clients send: emptied by age as well, and always there."""
        return self._temporary_files.uploads

    def hold(self, folder: Path) -> None:
        """Keep what lies below a folder until it is released, however old it is."""
        self._temporary_files.hold(folder)

    def release(self, folder: Path) -> None:
        """Let what lies below a folder, which was held, be removed when it is old."""
        self._temporary_files.release(folder)

    def bundle(self, client: str, results: Sequence[Result], name: str = "results.zip") -> Result:
        """Put results into one zip in the client's folder; equal names get numbers.

        Raises:
            OutputError: it cannot be written.
            UsageError: a result is gone.
        """
        with shown_to_clients():
            return bundle(self.folder(client) / secrets.token_hex(16), results, name)

    def drain(self, timeout_seconds: float) -> bool:
        """Take no more jobs, wait for those taken, and say whether all are done."""
        with self._changed:
            self._is_draining = True
            return self._changed.wait_for(lambda: not self._pending.total(), timeout_seconds)

    def end_jobs(self) -> None:
        """Take no more jobs, and end those taken: each within one tile, with a sentence."""
        with self._changed:
            self._is_draining = self._is_closed = True
            jobs = list(self._under_way)
        self._queue.close()
        for job in jobs:
            job.cancel()
        while (waiting := self._queue.take()) is not None:
            self._finish(waiting, BusyError(_ENDING, retry_seconds=60))

    def close(self) -> None:
        """End everything under way within one tile, and remove every file."""
        self.end_jobs()
        for end in self._endings:
            end()
        self._decoders.close()
        for thread in self._threads:
            thread.join(_SECONDS_TO_END)
        self._temporary_files.close()

    def _forget(self, job: Job) -> None:
        """Drop a job that waits; one under way ends by its stopper."""
        if self._queue.remove(job.address, job):
            self._finish(job, Cancelled("The job was cancelled."))

    def _work(self) -> None:
        while (job := self._queue.take()) is not None:
            with self._changed:
                self._under_way.add(job)
                if self._is_closed:
                    job.stopper.stop()
            self._finish(job, self._outcome(job))

    def _outcome(self, job: Job) -> Result | Exception:
        try:
            job.stopper.check()
            result = self._carry_out(job)
            job.stopper.check()  # nobody fetches what came too late, so its files go at once
        except Exception as error:
            if self._is_closed and isinstance(error, Cancelled):
                return BusyError(_ENDING, retry_seconds=60)
            if not isinstance(error, SrganGpError):
                _log.exception("A job failed.")
            return for_clients(error)
        return result

    def _carry_out(self, job: Job) -> Result:
        if isinstance(job.request, GenerateRequest):
            return generate(job.request, job.folder, self._models, job.stopper)
        model = job.request.model or self.settings.model
        check_upscale(job.request)
        check_known(model)  # before the picture is decoded
        picture = self._decoders.decode(job.request.data, job.request.name, job.stopper)
        about = job.request, model, picture, job.folder, self._models, job.stopper
        return upscale(*about, max_pixels=self.settings.max_pixels)

    def _finish(self, job: Job, outcome: Result | Exception) -> None:
        if isinstance(outcome, Exception):
            shutil.rmtree(job.folder, ignore_errors=True)
        self._temporary_files.release(*job.files)
        with self._changed:
            self._under_way.discard(job)
            self._bytes -= job.size
            self._pending[job.client] -= 1
            if not self._pending[job.client]:
                del self._pending[job.client]
            # Whoever has the outcome may send the next job, and who drains has every outcome.
            job.finish(outcome)
            self._changed.notify_all()
