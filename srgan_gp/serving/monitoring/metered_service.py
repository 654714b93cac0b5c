"""`MeteredService`: a `Service` whose jobs are counted in the metrics of the server.

It reads `_queue` and `_is_closed` of its base class.
"""

import time
from functools import partial

from srgan_gp.errors import BusyError, Cancelled
from srgan_gp.serving.decoding.decode_pool import DecodePool
from srgan_gp.serving.jobs.job import Job, OnProgress, Request
from srgan_gp.serving.jobs.job_requests import GenerateRequest
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.monitoring.server_metrics import Kind, Outcome, ServerMetrics
from srgan_gp.serving.server_settings import ServerSettings


class MeteredService(Service):
    """Service that counts each job when it ends or is refused.

    Args:
        settings: settings of the server.
        metrics: gets the counts of the jobs, and gauges of the queue.
        decoders: image decoders; None: those that `Service` starts.
    """

    def __init__(
        self,
        settings: ServerSettings,
        metrics: ServerMetrics,
        *,
        decoders: DecodePool | None = None,
    ) -> None:
        super().__init__(settings, decoders=decoders)
        self._metrics = metrics
        metrics.add_gauge("queued_jobs", "Jobs that wait for a thread.", self._queued)
        metrics.add_gauge("running_jobs", "Jobs in progress.", self._in_progress)
        metrics.add_gauge("queue_size", "Most jobs that may wait.", lambda: settings.queue_size)
        metrics.add_gauge("ready", "1 while jobs are accepted, as /readyz.", self._is_ready)

    def submit(
        self,
        client: str,
        request: Request,
        *,
        address: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Queue a job as `Service.submit` does, and count it when it ends or is refused."""
        kind: Kind = "generate" if isinstance(request, GenerateRequest) else "upscale"
        try:
            job = super().submit(client, request, address=address, on_progress=on_progress)
        except BusyError:
            self._metrics.count_job(kind, "refused")
            raise
        job.when_done(partial(self._count, kind, time.monotonic()))
        return job

    def _count(self, kind: Kind, submitted: float, job: Job) -> None:
        """Count a job that is done.

        Args:
            kind: kind of its request.
            submitted: time of its submission, from `time.monotonic`.
            job: the job.
        """
        result_or_error = job.outcome
        if not isinstance(result_or_error, Exception):
            self._metrics.count_job(kind, "done", time.monotonic() - submitted)
            return
        # A BusyError of a closed service: the shutdown ended the job. Else a decoder did not start.
        is_ended_by_shutdown = self._is_closed and isinstance(result_or_error, BusyError)
        is_cancelled = is_ended_by_shutdown or isinstance(result_or_error, Cancelled)
        outcome: Outcome = "cancelled" if is_cancelled else "failed"
        self._metrics.count_job(kind, outcome)

    def _queued(self) -> int:
        """Return the number of queued jobs."""
        return len(self._queue)

    def _in_progress(self) -> int:
        """Return the number of jobs that threads have taken from the queue."""
        # `pending` counts queued and running jobs. The difference must not be negative, although a
        # job may be queued between the two counts.
        return max(0, self.pending - len(self._queue))

    def _is_ready(self) -> int:
        """Return 1 if new jobs are accepted, else 0."""
        return int(self.not_ready_reason() is None)
