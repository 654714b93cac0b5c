"""`Job`: a submitted request with its progress, and its result or error.

Threads of `serving.jobs.service` execute jobs. The routes of the API and the page wait for them.
"""

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
"""Called with (completed steps, total steps) from a thread of the service; a step is a tile or a
face."""


class Job:
    """A submitted request; created by `Service.submit`.

    Args:
        client: key of the client; the number of jobs of each client is limited.
        address: network address of the client; the queue is fair between addresses.
        request: request of the client.
        folder: directory for the result.
        on_progress: called after each completed step; None: not needed.
        on_cancel: called with the job by `cancel`; it removes the job from the queue.
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
        image_data = request.data if isinstance(request, UpscaleRequest) else b""
        self.held_paths = (folder, image_data) if isinstance(image_data, Path) else (folder,)
        """Paths that must not be removed until the job is done."""
        self.memory_bytes = 0 if isinstance(image_data, Path) else len(image_data)
        """Bytes of the request's image in memory; 0 if the image is a file on the disk."""
        self.cancellation = Cancellation(on_progress)
        """Cancels the job, and records its progress."""
        self.ended: float | None = None
        """Time at which the job ended, from `time.monotonic`; None before."""
        self._on_cancel = on_cancel
        self._future: Future[Result] = Future()
        # Marks the future as running, so that a waiter that gives up cannot cancel it.
        self._future.set_running_or_notify_cancel()

    async def result(self) -> Result:
        """Wait for the result, in any event loop.

        Raises:
            Cancelled: `cancel` was called.
            BusyError: the service was closed before the job was done, or no decoder started.
            SrganGpError: the job failed; the message is for the client, without paths of the
                server.
        """
        return await asyncio.wrap_future(self._future)

    def wait(self, timeout_seconds: float | None = None) -> Result:
        """Wait for the result in a thread.

        Args:
            timeout_seconds: longest wait; None: no limit.

        Raises:
            TimeoutError: the job was not done in time; it continues.
            Cancelled, BusyError, SrganGpError: as for `result`.
        """
        return self._future.result(timeout_seconds)

    def cancel(self) -> None:
        """Cancel the job, from any thread: at once if queued, within one step if running."""
        self.cancellation.cancel()
        self._on_cancel(self)

    @property
    def progress(self) -> JobProgress:
        """Progress of the current stage; once the job is done, of its last stage."""
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
        if isinstance(error, Exception):  # else None; `finish` sets no other BaseException
            return error
        return self._future.result()

    def when_done(self, callback: Callable[["Job"], None]) -> None:
        """Call a function when the job is done, in any thread; at once if it is done already."""
        self._future.add_done_callback(lambda _future: callback(self))

    def finish(self, outcome: Result | Exception) -> None:
        """Set the result or the error; the service calls it once."""
        self.ended = time.monotonic()
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome)
