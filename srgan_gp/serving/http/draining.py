"""Graceful shutdown: new requests are refused, running jobs and responses are finished."""

import asyncio
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srgan_gp.serving.jobs.service import Service

IDLE_SECONDS = 1.0
"""Time after the last job and response in which a page can request the file of its result."""

_GRACE_SECONDS = 4  # for the last tile and the last responses
_SECONDS_TO_CLOSE = 1  # of them, for event streams to end by themselves


class ResponseTracker:
    """ASGI middleware: counts the responses in progress.

    Event streams do not count, because a page keeps one open for as long as it is displayed.

    Args:
        app: inner ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running = 0
        self._ended = time.monotonic()

    @property
    def idle_seconds(self) -> float:
        """Seconds since the last response ended; 0 while one is in progress."""
        return 0.0 if self._running else time.monotonic() - self._ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request and count its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counts = 1  # 0 once the response is known to be an event stream
        self._running += counts

        async def tracked_send(message: Message) -> None:
            nonlocal counts
            if message["type"] == "http.response.start":
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                if kind.startswith("text/event-stream"):
                    self._running -= counts
                    counts = 0
            await send(message)

        try:
            await self._app(scope, receive, tracked_send)
        finally:
            self._running -= counts
            self._ended = time.monotonic()


class DrainingServer(uvicorn.Server):
    """uvicorn server that finishes its jobs and responses after SIGTERM or SIGINT.

    It listens until then, so that new requests get a clear refusal. A second signal ends it within
    seconds.

    Args:
        config: of uvicorn.
        service: service whose jobs are finished.
        tracker: tracker of the responses in progress.
        drain_seconds: time limit for finishing.
        on_started: called when the server listens.
    """

    has_finished = False
    """Whether all jobs were done and all responses sent when the server ended."""

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
        self._service = service
        self._tracker = tracker
        self._drain_seconds = drain_seconds
        self._on_started = on_started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Record a signal; unlike in uvicorn, it is not raised again at the end."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until a signal arrives, then finish the jobs and responses."""
        self._on_started()
        await super().main_loop()
        self.has_finished = await self._finish()
        # After a cancellation event streams stay open for a while: they tell the pages about it.
        seconds = 0 if self.has_finished else _GRACE_SECONDS - _SECONDS_TO_CLOSE
        asyncio.get_running_loop().call_later(seconds, self._close_connections)

    async def _finish(self) -> bool:
        """Finish jobs and responses, or cancel them after the time limit; True: all finished."""
        deadline = time.monotonic() + self._drain_seconds
        done_since = None  # since when there has been no job
        while not self.force_exit and time.monotonic() < deadline:
            is_done = await asyncio.to_thread(self._service.drain, 0.1)
            now = time.monotonic()
            done_since = (done_since or now) if is_done else None
            idle_seconds = min(now - (done_since or now), self._tracker.idle_seconds)
            if idle_seconds >= IDLE_SECONDS:
                return True
            await asyncio.sleep(0.05)
        await asyncio.to_thread(self._service.cancel_jobs)
        self.force_exit = False  # The error responses are still sent; another signal ends that.
        return False

    def _close_connections(self) -> None:
        """Close event streams of open pages; uvicorn would end them with a traceback."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
