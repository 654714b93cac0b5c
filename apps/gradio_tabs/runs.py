"""Runs of the visitors: progress, results and stopping.

A run belongs to one page in one browser; its jobs belong to the visitor, and outlive the page.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from gradio_tabs.page_requests import page_of
from gradio_tabs.uploads import Upload
from srgan_gp.errors import BusyError, Cancelled, SrganGpError
from srgan_gp.serving.jobs.job import Job, Request
from srgan_gp.serving.jobs.job_progress import Stage
from srgan_gp.serving.jobs.job_requests import Result, title_of
from srgan_gp.serving.results.job_history import JobHistory

_POLL_SECONDS = 0.25
_QUEUE_WAIT_SECONDS = 60
"""Longest wait for a place in the queue; afterwards the error of the full queue is shown."""


@dataclass(frozen=True)
class Progress:
    """Progress of a job."""

    stage: Stage = "queued"
    percent: float | None = None
    """Estimated share of the stage; None: unknown."""
    ahead: int = 0
    """Jobs that get the device before a queued one."""
    seconds_left: int | None = None
    """Estimate for the stage; None: unknown."""


class Run:
    """Jobs started by one press of a button, one after the other, until it is stopped.

    Args:
        history: runs the jobs and keeps their results.
        visitor: from `page_requests.visitor_of`.
        uploads: input images.
        address: from `page_requests.address_of`; None: unknown.
        tab: name of the tab.
        is_replaceable: whether the next replaceable run of the visitor in this tab stops and
            replaces it, as the preview of another region does.
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
        self._job: Job | None = None
        self._is_stopped = False

    async def follow(self, job_request: Request) -> AsyncGenerator[Progress | Result, None]:
        """Run a job; yield its progress when it changes, and the result last.

        While the queue is full, the job waits for a place.

        Raises:
            SrganGpError: the message for the visitor.
            Cancelled: the run was stopped.
        """
        self._job = job = await self._submit(job_request)
        result = asyncio.ensure_future(job.result())
        shown = None
        try:
            while True:
                finished, _ = await asyncio.wait({result}, timeout=_POLL_SECONDS)
                if finished:
                    break
                now = self._progress(job)
                if now != shown:
                    shown = now
                    yield now
            yield result.result()
        finally:
            result.cancel()  # ends the waiting only: the job continues

    def _progress(self, job: Job) -> Progress:
        now = job.progress
        ahead = self._history.service.jobs_ahead(job) if now.stage == "queued" else 0
        seconds, fraction = now.seconds_left(), now.fraction()
        left = None if seconds is None else max(round(seconds), 1)
        percent = None if fraction is None else round(100 * fraction, 2)
        return Progress(now.stage, percent, ahead, left)

    async def _submit(self, job_request: Request) -> Job:
        """Submit a job; try again while the queue is full or the visitor has too many jobs.

        Raises:
            BusyError: it takes too long, or the service asks to wait longer than that, as it does
                with a full disk.
            Cancelled: the run was stopped.
        """
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
            except BusyError as busy:
                if time.monotonic() + busy.retry_seconds >= deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    async def bundle(self, results: Sequence[Result], name: str) -> Result:
        """Write results into a zip file called `name`.

        Raises:
            OutputError: it cannot be written.
        """
        return await asyncio.to_thread(self._history.service.bundle, self._visitor, results, name)

    def stop(self) -> None:
        """Cancel the running job, which ends after the tile in progress, and start no other."""
        self._is_stopped = True
        if self._job is not None:
            self._job.cancel()


class Runs:
    """Runs of one tab: one at a time for each page.

    Args:
        history: runs the jobs and keeps their results.
        tab: name of the tab, lower-case.
    """

    def __init__(self, history: JobHistory, tab: str) -> None:
        self._history, self._tab = history, tab
        self._service = history.service
        self._runs: dict[str, Run] = {}
        self._last_uploads: dict[str, tuple[Upload, ...]] = {}
        # A new object for each call of `stop_replaceable`: its identity tells the calls apart.
        self._newest_call: dict[str, object] = {}

    async def stop_replaceable(self, page: str) -> bool:
        """Stop a page's run if it is replaceable, and wait until it has ended.

        Returns:
            Whether this is still the newest call: the last of several clicks wins.
        """
        self._newest_call[page] = call = object()
        while (run := self._runs.get(page)) and run.is_replaceable:
            run.is_replaced = True
            run.stop()
            await asyncio.sleep(_POLL_SECONDS)
            if self._newest_call.get(page) is not call:
                return False
        del self._newest_call[page]
        return True

    @contextmanager
    def begin(
        self,
        page: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        visitor: str | None = None,
        is_replaceable: bool = False,
    ) -> Generator[Run | None, None, None]:
        """Start a run; its uploads and results are not deleted before it ends.

        Args:
            page: from `page_of`.
            uploads: input images.
            address: from `page_requests.address_of`; None: unknown.
            visitor: from `page_requests.visitor_of`; None: `page`.
            is_replaceable: as for `Run`.

        Yields:
            The run; None while the page has another run in this tab.
        """
        visitor = visitor or page
        if page in self._runs:
            yield None
            return
        held = [upload.path for upload in uploads]
        with suppress(SrganGpError):  # the run raises it again when it needs the folder
            held.append(self.folder(visitor))
        run = Run(self._history, visitor, uploads, address, tab=self._tab,
                  is_replaceable=is_replaceable)  # fmt: skip
        self._runs[page] = run
        self._last_uploads[page] = run.uploads
        for path in held:
            self._service.hold(path)
        try:
            yield run
        finally:
            for path in held:
                self._service.release(path)
            del self._runs[page]

    def folder(self, visitor: str) -> Path:
        """Return the folder of a visitor's files."""
        return self._service.folder(visitor)

    def stop(self, request: gr.Request) -> None:
        """Stop a page's run; it ends after the tile in progress."""
        if run := self._runs.get(page_of(request)):
            run.stop()

    def forget(self, request: gr.Request) -> None:
        """Drop what is stored about a page that was closed; its run continues."""
        self._last_uploads.pop(page_of(request), None)
        self._newest_call.pop(page_of(request), None)

    def has_old_message(self, request: gr.Request, uploads: Sequence[Upload]) -> bool:
        """Return whether the message of a page is about other images, and no run is in progress."""
        page = page_of(request)
        return page not in self._runs and self._last_uploads.get(page) != tuple(uploads)
