"""Timeouts for clients that send a request head or read a response slowly.

The timeout of request bodies is in `body_limits`.
"""

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.h11_impl import H11Protocol

from srgan_gp.serving.guards.access_control import is_loopback, is_within
from srgan_gp.serving.guards.client_limits import client_of

HEAD_TIMEOUT_SECONDS = 15.0
"""Time to receive a request head, from the opening of the connection, or from the first byte of a
later head. A longer time lets idle clients hold connections; a shorter one fails on slow networks.
"""
READ_TIMEOUT_SECONDS = 60.0
"""Time for a client to read 64 KiB, which is the buffer of the connection, or the rest of a
response: about 1 kB/s. A longer time lets clients hold results; a shorter one fails on slow
networks."""
MAX_CONNECTIONS_PER_CLIENT = 200
"""Open connections, idle ones included. A browser opens six, and several visitors may share an
address; with a larger limit, a client can use more of the connections of the server. Clients at
loopback addresses and trusted proxies have no limit."""


class TimeoutProtocol(H11Protocol):
    """HTTP/1.1 connection with timeouts; uvicorn has timeouts between requests only.

    uvicorn creates an object for each connection; uvicorn and asyncio call its methods.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the head timer, or close the connection if the client has too many."""
        super().connection_made(transport)
        self._head_timer = _Timer(self.loop, transport.abort)
        self._read_timer = _Timer(self.loop, self._abort_if_unread)
        self._update_timers()
        client = _client_of_connection(self)
        # `connections` are those of the whole server, this one included.
        count = sum(_client_of_connection(other) == client for other in self.connections)
        if count > MAX_CONNECTIONS_PER_CLIENT and not (is_loopback(client) or self._is_proxy):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse the next bytes; a complete head stops the head timer."""
        super().data_received(data)
        self._update_timers()

    def pause_writing(self) -> None:
        """Start the read timer, because the client has not read the buffered bytes."""
        super().pause_writing()
        self._read_timer.start(READ_TIMEOUT_SECONDS)

    def resume_writing(self) -> None:
        """Stop the read timer, or restart it if only the end of a response is left to read."""
        super().resume_writing()
        self._read_timer.stop()
        if self._is_idle:
            self._read_timer.start(READ_TIMEOUT_SECONDS)

    def on_response_complete(self) -> None:
        """Start the read timer for the buffered end of the response."""
        self._read_timer.start(READ_TIMEOUT_SECONDS)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        super().connection_lost(exc)
        self._head_timer.stop()
        self._read_timer.stop()

    @property
    def _is_proxy(self) -> bool:
        """Whether the connection is from a trusted proxy, which opens one for each request."""
        # A list if `serving.http.server` has set it. A text is uvicorn's default, the loopback
        # address: its connections have no limit anyway.
        proxies = self.config.forwarded_allow_ips
        peer_address = self.client[0] if self.client else ""
        return is_within(peer_address, proxies if isinstance(proxies, list) else ())

    @property
    def _is_idle(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]

    def _update_timers(self) -> None:
        """Start or stop the timers by the state of the request."""
        if self._is_idle:
            self._head_timer.start(HEAD_TIMEOUT_SECONDS)
            return
        self._head_timer.stop()
        if not self.flow.write_paused:
            self._read_timer.stop()

    def _abort_if_unread(self) -> None:
        """Close the connection if the client has not read everything; called by the read timer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()


def _client_of_connection(connection: object) -> str:
    """Return the client of a connection, as `client_of` does for its requests."""
    return client_of({"client": getattr(connection, "client", None)})


class _Timer:
    """Calls a function once after a delay, unless the timer is stopped before."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop, self._callback = loop, callback
        self._handle: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Start the timer; no effect if it is running."""
        if self._handle is None:
            self._handle = self._loop.call_later(seconds, self._callback)

    def stop(self) -> None:
        """Stop the timer; it may be started again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
