"""Budget of memory or slots that threads share: a request waits until enough is free.

`ThreadEngine` uses budgets to limit the bytes of pixels, the memory of the network, and the numbers
of images that are decoded and encoded at once.
"""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from srgan_gp.errors import Cancelled


@dataclass(eq=False)
class Budget:
    """A limited amount, such as bytes. Threads get their shares in the order of their requests.

    Args:
        limit: largest amount in use at once. A larger request is granted when nothing is in use.
    """

    limit: int
    _used: int = field(default=0, init=False)
    _is_closed: bool = field(default=False, init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)
    """Guards all fields, and is notified after each change."""
    _waiting: deque[object] = field(default_factory=deque[object], init=False)
    """One object for each waiting thread; the thread of the first object is served next."""

    @contextmanager
    def reserved(self, amount: int) -> Generator[None, None, None]:
        """Wait until an amount is free, and use it until the end of the `with` block.

        Raises:
            Cancelled: the budget is closed.
        """
        request = object()  # identifies this call in the queue
        with self._changed:
            self._waiting.append(request)
            while not self._is_closed:
                has_room = self._used == 0 or self._used + amount <= self.limit
                if has_room and self._waiting[0] is request:
                    break
                self._changed.wait()
            self._waiting.remove(request)
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
        """Raise `Cancelled` in all threads that wait, and in those that will call `reserved`."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
