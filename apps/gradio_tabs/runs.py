"""Runs of the visitors: progress, results, stopping by the button or by closing the page.

A visitor is one page in one browser.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from gradio_tabs.uploads import Upload
from srgan_gp.errors import BusyError, Cancelled, SrganGpError
from srgan_gp.serving.guards.client_limits import client_of
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.jobs.service import Job, Request, Service

_POLL_SECONDS = 0.1
_QUEUE_WAIT_SECONDS = 60
"""Longest wait for a place in the queue; afterwards the error of the full queue is shown."""


@dataclass
class Progress:
    """Progress of a job; the total is 0 while it is in the queue."""

    done: int = 0
    total: int = 0


class Run:
    """Jobs started by one press of a button, one after the other, until it is stopped.

    Args:
        service: runs the jobs.
        visitor: from `visitor_of`.
        uploads: input images.
        address: from `address_of`; None: unknown.
        is_replaceable: whether the next replaceable run of the visitor in this tab stops and
            replaces it, as the preview of another region does.
    """

    def __init__(
        self,
        service: Service,
        visitor: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        is_replaceable: bool = False,
    ) -> None:
        self.uploads = tuple(uploads)
        self._service = service
        self._visitor, self._address = visitor, address
        self.is_replaceable = is_replaceable
        self.is_replaced = False
        self._job: Job | None = None
        self._is_stopped = False

    async def follow(self, job_request: Request) -> AsyncGenerator[Progress | Result, None]:
        """Run a job; yield its progress when it changes, and the result last.

        While the queue is full, the job waits for a place. Closing the generator cancels the job.

        Raises:
            SrganGpError: the message for the visitor.
            Cancelled: the run was stopped.
        """
        progress = Progress()

        def on_progress(done: int, total: int) -> None:
            progress.done, progress.total = done, total

        self._job = job = await self._submit(job_request, on_progress)
        result = asyncio.ensure_future(job.result())
        shown = None
        try:
            while True:
                finished, _ = await asyncio.wait({result}, timeout=_POLL_SECONDS)
                if finished:
                    break
                now = Progress(progress.done, progress.total)
                if now != shown:
                    shown = now
                    yield now
            yield result.result()
        finally:
            job.cancel()  # has no effect on a finished job
            result.cancel()

    async def _submit(self, job_request: Request, on_progress: Callable[[int, int], None]) -> Job:
        """Submit a job; try again while the queue is full."""
        deadline = time.monotonic() + _QUEUE_WAIT_SECONDS
        while True:
            if self._is_stopped:
                raise Cancelled("The run was stopped.")
            try:
                return self._service.submit(
                    self._visitor, job_request, address=self._address, on_progress=on_progress
                )
            except BusyError as busy:
                if time.monotonic() + busy.retry_seconds >= deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)

    async def bundle(self, results: Sequence[Result], name: str) -> Result:
        """Write results into a zip file called `name`.

        Raises:
            OutputError: it cannot be written.
        """
        return await asyncio.to_thread(self._service.bundle, self._visitor, results, name)

    def stop(self) -> None:
        """Cancel the running job, which ends after the tile in progress, and start no other."""
        self._is_stopped = True
        if self._job is not None:
            self._job.cancel()


class Runs:
    """Runs of one tab: one at a time for each visitor.

    Args:
        service: runs the jobs.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._runs: dict[str, Run] = {}
        self._last_uploads: dict[str, tuple[Upload, ...]] = {}
        # A new object for each call of `stop_replaceable`: its identity tells the calls apart.
        self._newest_call: dict[str, object] = {}

    async def stop_replaceable(self, visitor: str) -> bool:
        """Stop a visitor's run if it is replaceable, and wait until it has ended.

        Returns:
            Whether this is still the newest call: the last of several clicks wins.
        """
        self._newest_call[visitor] = call = object()
        while (run := self._runs.get(visitor)) and run.is_replaceable:
            run.is_replaced = True
            run.stop()
            await asyncio.sleep(_POLL_SECONDS)
            if self._newest_call.get(visitor) is not call:
                return False
        del self._newest_call[visitor]
        return True

    @contextmanager
    def begin(
        self,
        visitor: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        is_replaceable: bool = False,
    ) -> Generator[Run | None, None, None]:
        """Start a run; its uploads and results are not deleted before it ends.

        Args:
            visitor: from `visitor_of`.
            uploads: input images.
            address: from `address_of`; None: unknown.
            is_replaceable: as for `Run`.

        Yields:
            The run; None while the visitor has another run in this tab.
        """
        if visitor in self._runs:
            yield None
            return
        held = [upload.path for upload in uploads]
        with suppress(SrganGpError):  # the run raises it again when it needs the folder
            held.append(self.folder(visitor))
        run = Run(self._service, visitor, uploads, address, is_replaceable=is_replaceable)
        self._runs[visitor] = run
        self._last_uploads[visitor] = run.uploads
        for path in held:
            self._service.hold(path)
        try:
            yield run
        finally:
            for path in held:
                self._service.release(path)
            del self._runs[visitor]

    def folder(self, visitor: str) -> Path:
        """Return the folder of a visitor's files."""
        return self._service.folder(visitor)

    def stop(self, request: gr.Request) -> None:
        """Stop a visitor's run; it ends after the tile in progress."""
        if run := self._runs.get(visitor_of(request)):
            run.stop()

    def forget(self, request: gr.Request) -> None:
        """Stop the run of a visitor who has closed the page, and drop what is stored about them."""
        self.stop(request)
        self._last_uploads.pop(visitor_of(request), None)
        self._newest_call.pop(visitor_of(request), None)

    def stop_if_images_changed(self, request: gr.Request, uploads: Sequence[Upload]) -> bool:
        """Stop a visitor's run if it has other images than `uploads`.

        Returns:
            Whether the images changed: there was no run yet, or the last one had other images.
        """
        is_changed = self._last_uploads.get(visitor_of(request)) != tuple(uploads)
        if is_changed:
            self.stop(request)
        return is_changed


def visitor_of(request: gr.Request) -> str:
    """Return the key of a visitor."""
    return f"page-{request.session_hash}"


def address_of(request: gr.Request) -> str:
    """Return the IPv4 address or IPv6 network of a visitor, which several visitors may share."""
    return client_of({"client": request.client})
