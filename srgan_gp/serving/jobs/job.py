"""`Job`: a request with its progress and its result or error."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.job_progress import JobProgress
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest

Request = UpscaleRequest | GenerateRequest
OnProgress = Callable[[int, int], None]
"""Called with (completed steps, total steps), tiles or faces, from a thread of the service."""


class Job:
    """A submitted request; created by `Service.submit`.

    Args:
        client: client that the job counts for.
        address: address of the client, for scheduling.
        request: request of the client.
        folder: directory for the result.
        on_progress: progress callback.
        on_cancel: called with the job when it is cancelled.
    """

    def __init__(
        self,
        client: str,
        address: str,
        request: Request,
        folder: Path,
        on_progress: OnProgress | None,
        on_cancel: Callable[["Job"], None],
    ) -> None:
        self.client, self.address = client, address
        self.request = request
        self.folder = folder
        data = request.data if isinstance(request, UpscaleRequest) else b""
        self.files = (folder, data) if isinstance(data, Path) else (folder,)
        """Paths that must not be removed until the job is done."""
        self.size = 0 if isinstance(data, Path) else len(data)
        """Bytes of the request's image in memory; 0 if it is a file on the disk."""
        self.cancellation = Cancellation(on_progress)
        self.ended: float | None = None
        """Time of the result or the error, of `time.monotonic`; None before."""
        self._on_cancel = on_cancel
        self._future: Future[Result] = Future()
        self._future.set_running_or_notify_cancel()  # A waiter that gives up must not cancel it.

    async def result(self) -> Result:
        """Wait for the result, in any event loop.

        Raises:
            Cancelled: `cancel` was called, or the service was closed.
            SrganGpError: with a message for the client, without paths of the server.
        """
        return await asyncio.wrap_future(self._future)

    def wait(self, timeout_seconds: float | None = None) -> Result:
        """Wait for the result in a thread; raises as `result` does.

        Raises:
            TimeoutError: the job is not done in time; it continues.
        """
        return self._future.result(timeout_seconds)

    def cancel(self) -> None:
        """Cancel the job, from any thread: at once if queued, within one tile if running."""
        self.cancellation.cancel()
        self._on_cancel(self)

    @property
    def progress(self) -> JobProgress:
        """Stage and steps of the job; of its last stage once it is done."""
        return self.cancellation.progress

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self._future.done()

    @property
    def outcome(self) -> Result | Exception | None:
        """The result or the error; None while the job is not done."""
        if not self._future.done():
            return None
        error = self._future.exception()
        # Every job ends with an `Exception`, which the service has caught.
        return error if isinstance(error, Exception) else self._future.result()

    def when_done(self, callback: Callable[["Job"], None]) -> None:
        """Call a function once the job is done, in any thread; at once if it is done."""
        self._future.add_done_callback(lambda _: callback(self))

    def finish(self, outcome: Result | Exception) -> None:
        """Set the result or the error; called by the service."""
        self.ended = time.monotonic()
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome)
