"""Cancelling a job in any of its stages."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from srgan_gp.errors import Cancelled


class Stopper:
    """Ends one job, from any thread, and passes its progress on.

    Args:
        on_progress: told (steps done, steps in all).
    """

    def __init__(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Let the job end at its next step, and interrupt the one at hand where that is known."""
        with self._lock:
            self._is_stopped = True
            if self._end is not None:
                self._end()

    def check(self) -> None:
        """Raise if the job shall end.

        Raises:
            Cancelled: `stop` was called.
        """
        if self._is_stopped:
            raise Cancelled("The job was cancelled.")

    def tell(self, done: int, total: int) -> None:
        """Note a step; errors as for `check`."""
        self.check()
        if self._on_progress is not None:
            self._on_progress(done, total)

    @contextmanager
    def interrupting(self, end: Callable[[], None]) -> Generator[None]:
        """Let `stop` call `end` while the block lasts, and never afterwards; errors as `check`."""
        with self._lock:
            self.check()
            self._end = end
        try:
            yield
        finally:
            with self._lock:
                self._end = None
