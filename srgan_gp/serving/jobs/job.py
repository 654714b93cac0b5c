"""`Job`: a request, its progress, its end and its result."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from srgan_gp.serving.jobs.job_cancellation import Stopper
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest

Request = UpscaleRequest | GenerateRequest
OnProgress = Callable[[int, int], None]
"""Told (steps done, steps in all), tiles or faces, from a thread of the service."""


class Job:
    """A request that was taken; `Service.submit` makes one."""

    def __init__(
        self,
        client: str,
        address: str,
        request: Request,
        folder: Path,
        on_progress: OnProgress | None,
        forget: Callable[["Job"], None],
    ) -> None:
        self.client, self.address = client, address
        self.request = request
        self.folder = folder
        self.stopper = Stopper(on_progress)
        self._forget = forget
        self._future: Future[Result] = Future()
        self._future.set_running_or_notify_cancel()  # Who stops waiting must not break the future.

    async def result(self) -> Result:
        """Wait for the result, in any event loop.

        Raises:
            Cancelled: `cancel` was called, or the service was closed.
            SrganGpError: one sentence fit for the client, without a path of the server.
        """
        return await asyncio.wrap_future(self._future)

    def wait(self, timeout_seconds: float | None = None) -> Result:
        """Wait for the result in a thread; errors as for `result`.

        Raises:
            TimeoutError: it has not come in time; the job goes on.
        """
        return self._future.result(timeout_seconds)

    def cancel(self) -> None:
        """End the job: at once while it waits, within one tile while it runs. From any thread."""
        self.stopper.stop()
        self._forget(self)

    @property
    def files(self) -> tuple[Path, ...]:
        """What must stay on the disk until the job is done."""
        data = self.request.data if isinstance(self.request, UpscaleRequest) else b""
        return (self.folder, data) if isinstance(data, Path) else (self.folder,)

    @property
    def size(self) -> int:
        """Bytes of the request's picture in memory; 0 where it is a file on the disk."""
        data = self.request.data if isinstance(self.request, UpscaleRequest) else b""
        return len(data) if isinstance(data, bytes) else 0

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._future.done()

    def finish(self, outcome: Result | Exception) -> None:
        """Hand over what became of it; for the service."""
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome)
