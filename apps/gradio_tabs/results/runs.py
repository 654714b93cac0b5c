"""Runs of the page: `Run` submits jobs one after the other; `Runs` keeps the runs of one tab.

A run is the work of one press of a start button, or of one click on an image. It belongs to one
open page. Its jobs belong to the visitor, which is a browser, and continue when the page is closed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from gradio_tabs.inputs.page_requests import page_of
from gradio_tabs.inputs.uploads import Upload
from srgan_gp.errors import BusyError, Cancelled, SrganGpError
from srgan_gp.serving.jobs.job import Job, Request
from srgan_gp.serving.jobs.job_progress import Stage
from srgan_gp.serving.jobs.job_requests import Result, title_of
from srgan_gp.serving.results.job_history import JobHistory

_POLL_SECONDS = 0.25  # between two checks of a job, of the full queue, or of a run that ends
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
                finished, _pending = await asyncio.wait({waiting}, timeout=_POLL_SECONDS)
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
            await asyncio.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Cancel the current job, which ends after the tile in progress, and submit no other."""
        self._is_stopped = True
        if self._job is not None:
            self._job.cancel()


class Runs:
    """Runs of all visitors in one tab: one at a time for each open page.

    Pages are identified by keys from `page_requests.page_of`.

    Args:
        history: submits the jobs and keeps their results.
        tab: name of the tab, lower-case.
    """

    def __init__(self, history: JobHistory, tab: str) -> None:
        self._history, self._tab = history, tab
        self._service = history.service
        self._runs: dict[str, Run] = {}  # runs in progress, by page
        self._last_uploads: dict[str, tuple[Upload, ...]] = {}  # of the newest run, by page
        # By page, a new object for each call of `stop_replaceable`, which identifies the call.
        self._newest_call: dict[str, object] = {}

    async def stop_replaceable(self, page: str) -> bool:
        """Stop a page's run if it is replaceable, and wait until it has ended.

        Returns:
            Whether a new run may begin. False: while this method waited, it was called again for
            the page, so that only the last of several clicks starts a run, or the page was closed.
        """
        call = object()
        self._newest_call[page] = call
        run = self._runs.get(page)
        while run is not None and run.is_replaceable:
            run.is_replaced = True
            run.stop()
            await asyncio.sleep(_POLL_SECONDS)
            if self._newest_call.get(page) is not call:
                return False
            run = self._runs.get(page)
        del self._newest_call[page]
        return True

    @contextmanager
    def registered_run(
        self,
        page: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        visitor: str | None = None,
        is_replaceable: bool = False,
    ) -> Generator[Run | None, None, None]:
        """Register a run for a block; its uploads and results are not deleted before it ends.

        Args:
            page: from `page_requests.page_of`.
            uploads: input images.
            address: from `page_requests.address_of`; None: unknown.
            visitor: from `page_requests.visitor_of`; None: `page`, as for one without a cookie.
            is_replaceable: as for `Run`.

        Yields:
            The run; None while the page has another run in this tab.
        """
        visitor = visitor or page
        if page in self._runs:
            yield None
            return
        held_paths = [upload.path for upload in uploads]
        with suppress(SrganGpError):  # `submit` raises the error again when it needs the folder
            held_paths.append(self.folder(visitor))
        run = Run(self._history, visitor, uploads, address, tab=self._tab,
                  is_replaceable=is_replaceable)  # fmt: skip
        self._runs[page] = run
        self._last_uploads[page] = run.uploads
        for path in held_paths:
            self._service.hold(path)
        try:
            yield run
        finally:
            for path in held_paths:
                self._service.release(path)
            del self._runs[page]

    def folder(self, visitor: str) -> Path:
        """Return the folder of a visitor's files, which the page may serve to this visitor."""
        return self._service.folder(visitor)

    def stop(self, request: gr.Request) -> None:
        """Stop the run of a page, if there is one; it ends after the tile in progress."""
        run = self._runs.get(page_of(request))
        if run is not None:
            run.stop()

    def drop_page_data(self, request: gr.Request) -> None:
        """Drop the data about a page that was closed; its run continues."""
        page = page_of(request)
        self._last_uploads.pop(page, None)
        self._newest_call.pop(page, None)

    def has_old_message(self, request: gr.Request, uploads: Sequence[Upload]) -> bool:
        """Return whether the status of a page is about other images, and no run is in progress.

        Args:
            request: request of the page.
            uploads: images that the visitor has chosen.
        """
        page = page_of(request)
        return page not in self._runs and self._last_uploads.get(page) != tuple(uploads)
