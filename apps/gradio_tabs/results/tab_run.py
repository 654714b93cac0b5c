"""Run of a tab: submits jobs one after the other, and tells their progress.

A run is the work of one press of a start button, or of one click on an image. Its jobs belong to
the visitor, which is a browser, and continue when the page is closed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from gradio_tabs.inputs.uploads import Upload
from srgan_gp.errors import BusyError, Cancelled
from srgan_gp.serving.jobs.job import Job, Request
from srgan_gp.serving.jobs.job_progress import Stage
from srgan_gp.serving.jobs.job_requests import Result, title_of
from srgan_gp.serving.results.job_history import JobHistory

POLL_SECONDS = 0.25  # between two checks of a job, of the full queue, or of a run that ends
_QUEUE_WAIT_SECONDS = 60
"""Longest wait for a place in the queue; with less, a short rush would end runs with an error."""


@dataclass(frozen=True)
class Progress:
    """Progress of a job, as the page shows it."""

    stage: Stage = "queued"
    percent: float | None = None
    """Estimated share of the job that is done, 0 to 100; None: unknown."""
    ahead: int = 0
    """Number of jobs that the server executes before this one; 0 once it is not queued any more."""
    seconds_left: int | None = None
    """Estimated time until the end of the job; None: unknown."""


class Run:
    """Submits the jobs of one run, one after the other; created by `Runs.registered_run`.

    Args:
        history: submits the jobs and keeps their results.
        visitor: from `page_requests.visitor_of`.
        uploads: input images.
        address: from `page_requests.address_of`; None: unknown.
        tab: name of the tab.
        is_replaceable: whether the next replaceable run of the page in this tab may stop and
            replace it, as the preview of another region does.
    """

    def __init__(
        self,
        history: JobHistory,
        visitor: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        tab: str = "",
        is_replaceable: bool = False,
    ) -> None:
        self.uploads = tuple(uploads)
        self.ids: list[str] = []
        """Ids of the jobs so far, in the history of the visitor."""
        self._history = history
        self._visitor, self._address, self._tab = visitor, address, tab
        self.is_replaceable = is_replaceable
        self.is_replaced = False
        """Whether a later run replaces this one; set by `Runs.stop_replaceable`."""
        self._job: Job | None = None  # the newest job, for `stop`
        self._is_stopped = False

    async def follow(self, job_request: Request) -> AsyncGenerator[Progress | Result, None]:
        """Submit a job; yield its progress whenever it has changed, and its result last.

        While the queue is full, the job waits for a place.

        Raises:
            Cancelled: the run was stopped.
            SrganGpError: the job was refused or failed; the message is for the visitor.
        """
        job = await self._submit(job_request)
        self._job = job
        waiting = asyncio.ensure_future(job.result())
        previous = None
        try:
            while True:
                finished, _pending = await asyncio.wait({waiting}, timeout=POLL_SECONDS)
                if finished:
                    break
                progress = self._progress(job)
                if progress != previous:
                    previous = progress
                    yield progress
            yield waiting.result()
        finally:
            waiting.cancel()  # ends the waiting only: the job continues

    def _progress(self, job: Job) -> Progress:
        """Return the progress of a job, rounded for the page."""
        progress = job.progress
        ahead = self._history.service.count_jobs_ahead(job) if progress.stage == "queued" else 0
        seconds, share = progress.seconds_left(), progress.share()
        seconds_left = None if seconds is None else max(round(seconds), 1)
        percent = None if share is None else round(100 * share, 2)
        return Progress(progress.stage, percent, ahead, seconds_left)

    async def _submit(self, job_request: Request) -> Job:
        """Submit a job; try again while the queue is full or the visitor has too many jobs.

        Raises:
            BusyError: no job was accepted for `_QUEUE_WAIT_SECONDS`, or the service asks to wait
                longer, as it does with a full disk.
            Cancelled: the run was stopped.
            UsageError: a value of the request is wrong.
        """
        # Checked before a job is created: a failed job would stay in the history of the visitor.
        # In a thread, because the cards of the models are read.
        await asyncio.to_thread(self._history.service.check, job_request)
        deadline = time.monotonic() + _QUEUE_WAIT_SECONDS
        while True:
            if self._is_stopped:
                raise Cancelled("The run was stopped.")
            try:
                entry = self._history.submit(
                    self._visitor, job_request, title=title_of(job_request), tab=self._tab,
                    address=self._address,
                )  # fmt: skip
                self.ids.append(entry.id)
                return entry.job
            except BusyError as busy_error:
                if time.monotonic() + busy_error.retry_seconds >= deadline:
                    raise
            await asyncio.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Cancel the current job, which ends after the tile in progress, and submit no other."""
        self._is_stopped = True
        if self._job is not None:
            self._job.cancel()
