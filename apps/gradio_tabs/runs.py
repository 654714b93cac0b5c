"""The runs that visitors have under way: followed, and ended by Stop or by closing the page."""

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

_SECONDS_BETWEEN_LOOKS = 0.1
_PATIENCE_SECONDS = 60
"""For a place in the queue. A server that is to be free later than this, or never, says so."""


@dataclass
class Progress:
    """How far a job is; in all 0 steps while it waits for its turn."""

    done: int = 0
    total: int = 0


class Run:
    """What one press of a button has started: one job after the other, until it is stopped.

    Args:
        service: does the work.
        visitor: of `visitor_of`.
        uploads: the pictures that it is about.
        address: of `address_of`; None: unknown.
        gives_way: it ends when the visitor asks for another one of its kind, as a preview does.
    """

    def __init__(
        self,
        service: Service,
        visitor: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        gives_way: bool = False,
    ) -> None:
        self.uploads = tuple(uploads)
        self._service = service
        self._visitor, self._address = visitor, address
        self.gives_way = gives_way
        self.has_given_way = False
        self._job: Job | None = None
        self._is_stopped = False

    async def follow(self, wanted: Request) -> AsyncGenerator[Progress | Result, None]:
        """Do a job; give its progress whenever there is some, and the result last.

        While the queue is full the job waits for a place. To close the generator ends the job.

        Args:
            wanted: what to do.

        Raises:
            SrganGpError: the sentence for the visitor.
            Cancelled: the run was stopped, now or before.
        """
        progress = Progress()

        def tell(done: int, total: int) -> None:
            progress.done, progress.total = done, total

        self._job = job = await self._submit(wanted, tell)
        result = asyncio.ensure_future(job.result())
        told = None
        try:
            while not (await asyncio.wait({result}, timeout=_SECONDS_BETWEEN_LOOKS))[0]:
                now = Progress(progress.done, progress.total)
                if now != told:
                    told = now
                    yield now
            yield result.result()
        finally:
            job.cancel()  # of one that is done nothing is left to cancel
            result.cancel()

    async def _submit(self, wanted: Request, tell: Callable[[int, int], None]) -> Job:
        """Submit a job, again and again while there is no place for it."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            if self._is_stopped:
                raise Cancelled("The run was stopped.")
            try:
                return self._service.submit(
                    self._visitor, wanted, address=self._address, on_progress=tell
                )
            except BusyError as busy:
                if time.monotonic() + busy.retry_seconds >= ends:
                    raise
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def bundle(self, results: Sequence[Result], name: str) -> Result:
        """Put results into one zip, called `name`.

        Raises:
            OutputError: it cannot be written.
        """
        return await asyncio.to_thread(self._service.bundle, self._visitor, results, name)

    def stop(self) -> None:
        """End the job under way within one tile, and begin no other."""
        self._is_stopped = True
        if self._job is not None:
            self._job.cancel()


class Runs:
    """The runs of one tab: of each visitor one at a time.

    Args:
        service: does the work.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._runs: dict[str, Run] = {}
        self._last_uploads: dict[str, tuple[Upload, ...]] = {}
        self._last_in_line: dict[str, object] = {}

    async def make_way(self, visitor: str) -> bool:
        """End a visitor's run if it is one that gives way, and wait until it is over.

        Returns:
            Whether nobody has asked for the same since: the last of several clicks goes on alone.
        """
        self._last_in_line[visitor] = place = object()
        while (run := self._runs.get(visitor)) and run.gives_way:
            run.has_given_way = True
            run.stop()
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            if self._last_in_line.get(visitor) is not place:
                return False
        del self._last_in_line[visitor]
        return True

    @contextmanager
    def begin(
        self,
        visitor: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        gives_way: bool = False,
    ) -> Generator[Run | None, None, None]:
        """Begin a run, and keep its uploads and results however long it takes.

        Args:
            visitor: of `visitor_of`.
            uploads: the pictures that it is about.
            address: of `address_of`; None: unknown.
            gives_way: as for `Run`.

        Returns:
            None where the visitor has one under way in this tab.
        """
        if visitor in self._runs:
            yield None
            return
        held = [upload.path for upload in uploads]
        with suppress(SrganGpError):  # what the run says when it wants the folder as well
            held.append(self.folder(visitor))
        run = Run(self._service, visitor, uploads, address, gives_way=gives_way)
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
        """Give the folder of a visitor's own files."""
        return self._service.folder(visitor)

    def stop(self, request: gr.Request) -> None:
        """End a visitor's run within one tile."""
        if run := self._runs.get(visitor_of(request)):
            run.stop()

    def forget(self, request: gr.Request) -> None:
        """End the run of a visitor who has closed the page."""
        self.stop(request)
        self._last_uploads.pop(visitor_of(request), None)
        self._last_in_line.pop(visitor_of(request), None)

    def keep_to(self, request: gr.Request, uploads: Sequence[Upload]) -> bool:
        """End a visitor's run if it is about other pictures than these.

        Returns:
            Whether the last run was about these, so that what it has said and shown may stay.
        """
        is_same = self._last_uploads.get(visitor_of(request)) == tuple(uploads)
        if not is_same:
            self.stop(request)
        return is_same


def visitor_of(request: gr.Request) -> str:
    """Name who asks: one page in one browser."""
    return f"page-{request.session_hash}"


def address_of(request: gr.Request) -> str:
    """Name where a visitor is: who opens many pages is one client all the same."""
    return client_of({"client": request.client})
