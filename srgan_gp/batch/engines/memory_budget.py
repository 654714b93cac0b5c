"""Memory budget of threads: a request waits until there is enough."""

import threading
from collections import deque


class MemoryBudget:
    """So many bytes; threads are served in the order in which they ask.

    Args:
        limit: bytes in use at once. Who wants more than that gets it when nobody has any.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()

    def acquire(self, size: int) -> bool:
        """Wait for `size` bytes; False: the budget was closed meanwhile."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._is_closed or self._serves(ticket, size))
            self._waiting.remove(ticket)
            if self._is_closed:
                return False
            self._used += size
            self._changed.notify_all()
            return True

    def release(self, size: int) -> None:
        """Give `size` bytes back."""
        with self._changed:
            self._used -= size
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _serves(self, ticket: object, size: int) -> bool:
        is_next = self._waiting[0] is ticket
        return is_next and (self._used == 0 or self._used + size <= self._limit)
