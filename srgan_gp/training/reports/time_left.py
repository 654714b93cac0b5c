"""Time left of a training run, for its progress bar, its lines and `progress.json`."""

import time

SECONDS_BETWEEN_LINES = 60.0
"""Seconds between the lines of a run whose stderr is not a terminal."""

SECONDS_BETWEEN_FILES = 1.0
"""Seconds between two versions of `progress.json`."""


class TimeLeft:
    """Time left, at the mean speed since this process began or resumed the run.

    Args:
        total: images of the whole run.
        done: images seen when this process took over.
    """

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._first = done
        self._start = self._last_line = time.monotonic()
        self._last_file = self._start - SECONDS_BETWEEN_FILES

    def describe(self, done: int) -> str:
        """Return the share of the run and the time left, such as "40 %, 1:02:03 left"."""
        share = f"{100 * done // self._total} %"
        left = self.seconds(done)
        if left is None:
            return share
        return f"{share}, {left // 3600}:{left // 60 % 60:02}:{left % 60:02} left"

    def seconds(self, done: int) -> int | None:
        """Return the time left in seconds; None: there is no speed yet."""
        if done <= self._first:
            return None
        passed = time.monotonic() - self._start
        return round(passed * (self._total - done) / (done - self._first))

    def is_file_due(self) -> bool:
        """Return whether `SECONDS_BETWEEN_FILES` have passed since this last returned True."""
        now = time.monotonic()
        if now - self._last_file < SECONDS_BETWEEN_FILES:
            return False
        self._last_file = now
        return True

    def is_line_due(self) -> bool:
        """Return whether `SECONDS_BETWEEN_LINES` have passed since this last returned True."""
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return False
        self._last_line = now
        return True
