"""Budget of memory or slots that threads share: a request waits until enough is free."""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from srgan_gp.errors import Cancelled


@dataclass(eq=False)
class Budget:
    """An amount, such as bytes; threads are served in the order in which they ask.

    Args:
        limit: amount in use at once. A larger request is granted when nothing else is in use.
    """

    limit: int
    _used: int = field(default=0, init=False)
    _is_closed: bool = field(default=False, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    _waiting: deque[object] = field(default_factory=deque[object], init=False)

    @contextmanager
    def reserved(self, amount: int) -> Generator[None, None, None]:
        """Wait for an amount, and return it at the end of the block.

        Raises:
            Cancelled: the budget is closed.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while not self._is_closed and (
                self._waiting[0] is not ticket or (self._used and self._used + amount > self.limit)
            ):
                self._changed.wait()
            self._waiting.remove(ticket)
            self._changed.notify_all()
            if self._is_closed:
                raise Cancelled("The run has ended.")
            self._used += amount
        try:
            yield
        finally:
            with self._changed:
                self._used -= amount
                self._changed.notify_all()

    def close(self) -> None:
        """End all waiting with `Cancelled`."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
