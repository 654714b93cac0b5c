"""Memory budget shared by threads: a request waits until enough is free."""

import threading
from collections import deque
from dataclasses import dataclass, field

from srgan_gp.errors import Cancelled


@dataclass(eq=False)
class MemoryBudget:
    """A number of bytes; threads are served in the order in which they ask.

    Args:
        limit: bytes in use at once. A larger request is granted when nothing else is in use.
    """

    limit: int
    _used: int = field(default=0, init=False)
    _is_closed: bool = field(default=False, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _waiting: deque[object] = field(default_factory=deque[object], init=False)

    def acquire(self, size: int) -> None:
        """Wait for `size` bytes.

        Raises:
            Cancelled: the budget is closed.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while not self._is_closed and (
                self._waiting[0] is not ticket or (self._used and self._used + size > self.limit)
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
