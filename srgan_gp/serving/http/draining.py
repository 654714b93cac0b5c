"""Graceful shutdown after SIGTERM or SIGINT: new jobs are refused, accepted ones are finished.

`serving.http.server` runs the `DrainingServer`, and wraps its app in the `ResponseTracker`.
"""

import asyncio
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srgan_gp.serving.guards.lingering_close import ANSWERED
from srgan_gp.serving.jobs.service import Service

IDLE_SECONDS = 1.0
"""Time after the last job and response in which a page can request the file of its result. Less
would be too short for a slow connection; more delays every shutdown."""

# When all jobs have ended or were cancelled, uvicorn waits this long for the last tile and the last
# responses. Then it breaks them off. Less may break off an error message, more delays the end.
_GRACE_SECONDS = 4
_CLOSING_SECONDS = 1  # event streams that are open this long before the grace time ends are closed
_DRAIN_SECONDS = 0.1  # a call of `Service.drain` waits this long for the jobs
# Between checks of jobs and responses. This and `_DRAIN_SECONDS` delay the reaction to a second
# signal; shorter times only check more often.
_SECONDS_BETWEEN_CHECKS = 0.05


class ResponseTracker:
    """ASGI middleware: counts the responses in progress.

    Event streams do not count, because a page keeps one open for as long as it is displayed. The
    rest of a refused upload does not count either.

    Args:
        app: inner ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = 0  # responses in progress
        self._ended = time.monotonic()  # the latest end of a response

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last response ended; 0 while one is in progress."""
        return 0.0 if self._running else time.monotonic() - self._ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and count its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_counted = True
        self._running += 1

        def end_count() -> None:
            nonlocal is_counted
            if is_counted:
                self._running -= 1
            is_counted = False
            # Also when an event stream ends: its page may then request the file of the result.
            self._ended = time.monotonic()

        async def send_and_check(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = Headers(raw=message.get("headers", []))
                if headers.get("content-type", "").startswith("text/event-stream"):
                    end_count()
            await send(message)
            if ANSWERED in message:  # the response to a refused upload, whose rest still arrives
                end_count()

        try:
            await self._app(scope, receive, send_and_check)
        finally:
            end_count()


class DrainingServer(uvicorn.Server):
    """uvicorn server that finishes its jobs and responses after SIGTERM or SIGINT.

    The server listens until all of them are finished: results can be fetched, and a new job gets an
    error response with the reason. A second signal ends the server within seconds.

    Args:
        config: configuration of uvicorn; its `timeout_graceful_shutdown` is set here.
        service: service whose jobs are finished.
        tracker: tracker of the responses in progress.
        drain_seconds: seconds after a signal at which unfinished jobs are cancelled.
        on_started: called when the server listens.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        tracker: ResponseTracker,
        drain_seconds: float,
        on_started: Callable[[], None],
    ) -> None:
        config.timeout_graceful_shutdown = _GRACE_SECONDS
        super().__init__(config)
        self.has_finished = False
        """Whether all jobs were done and all responses sent when the server ended."""
        self._service = service
        self._tracker = tracker
        self._drain_seconds = drain_seconds
        self._on_started = on_started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Record a signal. The method of uvicorn, which it replaces, raises it again at the end."""
        self.force_exit = self.should_exit  # at the second signal
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until a signal arrives, then finish the jobs and responses."""
        self._on_started()
        await super().main_loop()
        self.has_finished = await self._finish()
        # If jobs were cancelled, event streams stay open for a while, to tell the pages so.
        seconds = 0 if self.has_finished else _GRACE_SECONDS - _CLOSING_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._close_connections)

    async def _finish(self) -> bool:
        """Wait for jobs and responses, or cancel the jobs after the time limit.

        Returns:
            Whether all jobs and responses were finished.
        """
        deadline = time.monotonic() + self._drain_seconds
        jobs_done_at = None  # time since which there has been no job
        while not self.force_exit and time.monotonic() < deadline:
            # In a thread, since it waits for the jobs.
            are_jobs_done = await asyncio.to_thread(self._service.drain, _DRAIN_SECONDS)
            now = time.monotonic()
            if not are_jobs_done:
                jobs_done_at = None
            elif jobs_done_at is None:
                jobs_done_at = now
            if jobs_done_at is not None:
                idle_seconds = min(now - jobs_done_at, self._tracker.idle_seconds)
                if idle_seconds >= IDLE_SECONDS:
                    return True
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
        await asyncio.to_thread(self._service.cancel_jobs)
        # uvicorn still sends the error responses; only another signal ends it without them.
        self.force_exit = False
        return False

    def _close_connections(self) -> None:
        """Close the event streams of open pages; uvicorn would end them with a traceback."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
