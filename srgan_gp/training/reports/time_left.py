"""Time left of a training run, for its progress bar, its lines on stderr and `progress.json`."""

import time

SECONDS_BETWEEN_LINES = 60.0
"""Seconds between the lines of a run whose stderr is not a terminal. A run may take days: with less
time between them, the lines fill a log."""

SECONDS_BETWEEN_FILES = 1.0
"""Seconds between two versions of `progress.json`: longer shows old values, shorter writes more."""


class TimeLeft:
    """Time left, at the mean speed since this process began or resumed the run.

    It also says when the next line or file is due, and counts the time from that answer on: call
    `is_line_due` and `is_file_due` only to write one.

    Args:
        total: images of the whole run.
        done: images seen when this process began or resumed the run.
    """

    def __init__(self, total: int, done: int) -> None:
        self._total = total
        self._done_at_start = done
        self._start = self._last_line = time.monotonic()
        self._last_file = self._start - SECONDS_BETWEEN_FILES  # the first file is due at once

    def describe(self, done: int) -> str:
        """Return the share of the run and the time left, such as "40 %, 1:02:03 left".

        Args:
            done: images seen so far.
        """
        share = f"{100 * done // self._total} %"
        seconds_left = self.seconds(done)
        if seconds_left is None:
            return share
        minutes, seconds = divmod(seconds_left, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{share}, {hours}:{minutes:02}:{seconds:02} left"

    def seconds(self, done: int) -> int | None:
        """Return the time left in seconds after `done` images; None before the first batch."""
        done_here = done - self._done_at_start
        if done_here <= 0:
            return None
        passed = time.monotonic() - self._start
        return round(passed * (self._total - done) / done_here)

    def is_file_due(self) -> bool:
        """Return whether `SECONDS_BETWEEN_FILES` have passed since the last call that was True."""
        now = time.monotonic()
        if now - self._last_file < SECONDS_BETWEEN_FILES:
            return False
        self._last_file = now
        return True

    def is_line_due(self) -> bool:
        """Return whether `SECONDS_BETWEEN_LINES` have passed since the last call that was True."""
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return False
        self._last_line = now
        return True
