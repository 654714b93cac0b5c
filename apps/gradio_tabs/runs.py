"""The jobs that visitors have under way: followed, and ended by Stop or by closing the page."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from srgan_gp.serving.jobs import Job, Request, Service
from srgan_gp.serving.requests import Result

_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass
class Progress:
    """How far a job is; in all 0 steps while it waits for its turn."""

    done: int = 0
    total: int = 0


class Runs:
    """The jobs of one tab, by visitor.

    Args:
        service: does the work.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs: dict[str, set[Job]] = defaultdict(set)

    async def follow(
        self, visitor: str, wanted: Request
    ) -> AsyncGenerator[Progress | Result, None]:
        """Do a job; give its progress whenever there is some, and the result last.

        To close the generator ends the job.

        Args:
            visitor: of `visitor_of`.
            wanted: what to do.

        Raises:
            SrganGpError: the sentence for the visitor.
            Cancelled: `stop` was called.
        """
        progress = Progress()

        def tell(done: int, total: int) -> None:
            progress.done, progress.total = done, total

        job = self._service.submit(visitor, wanted, on_progress=tell)
        self._jobs[visitor].add(job)
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
            self._jobs[visitor].discard(job)
            if not self._jobs[visitor]:
                del self._jobs[visitor]

    def folder(self, visitor: str) -> Path:
        """Give the folder of a visitor's own files."""
        return self._service.folder(visitor)

    async def bundle(self, visitor: str, results: Sequence[Result], name: str) -> Result:
        """Put results into one zip, called `name`.

        Raises:
            OutputError: it cannot be written.
        """
        return await asyncio.to_thread(self._service.bundle, visitor, results, name)

    def stop(self, request: gr.Request) -> None:
        """End all jobs of a visitor, each within one tile."""
        for job in tuple(self._jobs.get(visitor_of(request), ())):
            job.cancel()


def visitor_of(request: gr.Request) -> str:
    """Name who asks: one page in one browser."""
    return f"page-{request.session_hash}"
