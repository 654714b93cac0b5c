"""Memory budget shared by threads: a request waits until enough is free."""

import threading
from collections import deque

from srgan_gp.errors import Cancelled


class MemoryBudget:
    """A number of bytes; threads are served in the order in which they ask.

    Args:
        limit: bytes in use at once. A larger request is granted when nothing else is in use.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    def acquire(self, size: int) -> None:
        """Wait for `size` bytes.

        Raises:
            Cancelled: the budget is closed.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while not self._is_closed and (
                self._waiting[0] is not ticket or (self._used and self._used + size > self._limit)
            ):
                self._changed.wait()
            self._waiting.remove(ticket)
            if self._is_closed:
                raise Cancelled("The run has ended.")
            self._used += size
            self._changed.notify_all()

    def release(self, size: int) -> None:
        """Return `size` bytes."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def close(self) -> None:
        """End all waiting with `Cancelled`."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
