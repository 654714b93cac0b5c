"""Progress of one job: its stage, and the steps done in it."""

import time
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["queued", "reading", "running", "encoding"]
"""Waiting for a thread or for the device; decoding; network in use; writing the result."""


@dataclass(frozen=True)
class JobProgress:
    """A moment in the course of a job."""

    stage: Stage = "queued"
    done: int = 0
    """Completed tiles or faces."""
    total: int = 0
    """Tiles or faces in all; 0: not known yet."""
    started: float = field(default_factory=time.monotonic)
    """Time at which the stage began, of `time.monotonic`."""

    def after(self, done: int, total: int) -> "JobProgress":
        """Return the progress with other numbers of steps."""
        return replace(self, done=done, total=total)

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate the rest of the stage from its completed steps; None: no step is complete.

        Args:
            now: of `time.monotonic`; None: the current time.

        >>> JobProgress("running", 3, 12, started=10.0).seconds_left(now=16.0)
        18.0
        """
        if not self.done:
            return None
        now = time.monotonic() if now is None else now
        return (now - self.started) * (self.total - self.done) / self.done
