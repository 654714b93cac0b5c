"""Timeouts of slow clients: heads that never end, answers that are never read."""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

from srgan_gp.serving.guards.access_control import is_loopback
from srgan_gp.serving.guards.client_limits import client_of

HEAD_SECONDS = 15.0
"""From the opening of a connection, or the first byte of its next request, to the whole head."""
READING_SECONDS = 60.0
"""For a client to take the next 64 KiB of an answer, or what is left of it."""
MOST_CONNECTIONS_OF_ONE_CLIENT = 200
"""Whether they ask for anything or not; a browser has six, a proxy on this machine may have all."""


class TimeoutProtocol(H11Protocol):
    """One connection of uvicorn's, with time limits that uvicorn has only between requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first request, unless its sender has too many connections."""
        super().connection_made(transport)
        self._head = _Timer(self.loop, transport.abort)
        self._reading = _Timer(self.loop, self._give_up_reader)
        self._wait_or_not()
        client = _client_at(self)
        count = sum(_client_at(other) == client for other in self.connections)
        if count > MOST_CONNECTIONS_OF_ONE_CLIENT and not is_loopback(client):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes; a head that is whole ends the waiting."""
        super().data_received(data)
        self._wait_or_not()

    def pause_writing(self) -> None:
        """Start waiting for the client to read."""
        super().pause_writing()
        self._reading.start(READING_SECONDS)

    def resume_writing(self) -> None:
        """Wait no more for the client to read, unless this is the end of an answer."""
        super().resume_writing()
        self._reading.stop()
        if self._is_answered:
            self._reading.start(READING_SECONDS)

    def on_response_complete(self) -> None:
        """Wait for the client to read the rest: uvicorn closes, but not before that is sent."""
        self._reading.start(READING_SECONDS)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._head.stop()
        self._reading.stop()

    @property
    def _is_answered(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _wait_or_not(self) -> None:
        if self._is_answered:
            self._head.start(HEAD_SECONDS)
            return
        self._head.stop()
        if not self.flow.write_paused:
            self._reading.stop()

    def _give_up_reader(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()


def _client_at(connection: object) -> str:
    """Name the client at the other end, as for its requests."""
    return client_of({"client": getattr(connection, "client", None)})


class _Timer:
    """Calls a function once, unless it is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._loop, self._call = loop, call
        self._handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Start; one that runs goes on as it is."""
        if self._handle is None:
            self._handle = self._loop.call_later(seconds, self._call)

    def stop(self) -> None:
        """Call nothing."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
