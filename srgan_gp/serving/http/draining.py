"""Graceful shutdown: no new request is taken, running ones are finished."""

import asyncio
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

QUIET_SECONDS = 1.0
"""After the last job and answer the page of a visitor has so long to ask for the result's file."""

_GRACE_SECONDS = 4  # to end a tile, and to send the last answers
_SECONDS_TO_CLOSE = 1  # of them, for streams to end by themselves


class Traffic:
    """ASGI middleware: knows whether answers are on their way.

    Streams of events do not count: a page keeps one open for as long as somebody looks at it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way = 0
        self._ended = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Since the last answer was sent; 0 while one is on its way."""
        return 0.0 if self._under_way else time.monotonic() - self._ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counts = 1
        self._under_way += counts

        async def watched(message: Message) -> None:
            nonlocal counts
            if message["type"] == "http.response.start":
                kind = Headers(raw=message.get("headers", [])).get("content-type", "")
                if kind.startswith("text/event-stream"):
                    self._under_way -= counts
                    counts = 0
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._under_way -= counts
            self._ended = time.monotonic()


class Drained(Protocol):
    """What has work to be finished; `srgan_gp.serving.jobs.service.Service` has."""

    def drain(self, timeout_seconds: float) -> bool:
        """Take no more, wait, and say whether all is done."""
        ...

    def end_jobs(self) -> None:
        """End what is not done; whoever waits for it is told so."""
        ...


class DrainingServer(uvicorn.Server):
    """Ends by SIGTERM or SIGINT when all work is delivered; by a second one within seconds.

    Until then it goes on to listen, so that whoever asks hears that it ends.

    Args:
        config: of uvicorn.
        service: whose jobs are to be finished.
        traffic: knows which answers are on their way.
        drain_seconds: how long that may take.
        on_started: called when the server listens.
    """

    has_delivered = False
    """Whether all work was done, and every answer sent, when the server ended."""

    def __init__(
        self,
        config: uvicorn.Config,
        service: Drained,
        traffic: Traffic,
        drain_seconds: float,
        on_started: Callable[[], None],
    ) -> None:
        config.timeout_graceful_shutdown = _GRACE_SECONDS
        super().__init__(config)
        self._service = service
        self._traffic = traffic
        self._drain_seconds = drain_seconds
        self._on_started = on_started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take down a signal; unlike uvicorn's, it is not raised once more in the end."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until a signal comes, then finish the work."""
        self._on_started()
        await super().main_loop()
        self.has_delivered = await self._finish()
        # A page hears by its stream that its job was cut off.
        seconds = 0 if self.has_delivered else _GRACE_SECONDS - _SECONDS_TO_CLOSE
        asyncio.get_running_loop().call_later(seconds, self._close_connections)

    async def _finish(self) -> bool:
        """Finish the work, or end it when its time is up; says whether all was delivered."""
        deadline = time.monotonic() + self._drain_seconds
        done_since = None
        while not self.force_exit and time.monotonic() < deadline:
            is_done = await asyncio.to_thread(self._service.drain, 0.1)
            now = time.monotonic()
            done_since = (done_since or now) if is_done else None
            quiet_seconds = min(now - (done_since or now), self._traffic.quiet_seconds)
            if quiet_seconds >= QUIET_SECONDS:
                return True
            await asyncio.sleep(0.05)
        await asyncio.to_thread(self._service.end_jobs)
        self.force_exit = False  # The answers that say so get their time; one more signal ends it.
        return False

    def _close_connections(self) -> None:
        """Leave pages that are still looked at; uvicorn would end their streams by a traceback."""
        for connection in list(self.server_state.connections):
            connection.transport.close()
