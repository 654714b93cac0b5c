"""Service whose jobs are counted in the metrics of the server."""

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
    """Counts each job of a service when it ends or is refused.

    Args:
        settings: as for `Service`.
        metrics: gets the counts, and gauges of the queue.
        decoders: as for `Service`.
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
        metrics.gauge("queued_jobs", "Jobs that wait for a thread.", self._queued)
        metrics.gauge("running_jobs", "Jobs in progress.", self._in_progress)
        metrics.gauge("queue_size", "Most jobs that may wait.", lambda: settings.queue_size)
        metrics.gauge("ready", "1 while jobs are accepted, as /readyz.", self._is_ready)

    def submit(
        self,
        client: str,
        request: Request,
        *,
        address: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Queue a job; as for `Service.submit`."""
        kind: Kind = "generate" if isinstance(request, GenerateRequest) else "upscale"
        try:
            job = super().submit(client, request, address=address, on_progress=on_progress)
        except BusyError:
            self._metrics.count_job(kind, "refused")
            raise
        job.when_done(partial(self._count, kind, time.monotonic()))
        return job

    def _count(self, kind: Kind, submitted: float, job: Job) -> None:
        error = job.outcome
        if not isinstance(error, Exception):
            self._metrics.count_job(kind, "done", time.monotonic() - submitted)
            return
        # A job that a shutdown ends has a BusyError.
        outcome: Outcome = "cancelled" if isinstance(error, Cancelled | BusyError) else "failed"
        self._metrics.count_job(kind, outcome)

    def _queued(self) -> int:
        return len(self._queue)

    def _in_progress(self) -> int:
        return max(0, self.pending - len(self._queue))  # a job may be queued in between

    def _is_ready(self) -> int:
        return int(self.not_ready_reason() is None)
