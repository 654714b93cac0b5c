"""Progress of one job: its stage, and the steps done in it."""

import time
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["queued", "reading", "running", "encoding"]
"""Waiting for a thread or for the device; decoding; network in use; writing the result."""

_SHARE_BY_TIME = 0.9
"""Share of the step in progress up to which it grows with the time; then it approaches 1."""


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
    expected_seconds: float | None = None
    """Duration by the measured speed of the model, or of writing a file; None: unknown."""
    last_step: float | None = None
    """Time at which the last step was completed; None: no step is complete."""

    def after(self, done: int, total: int, now: float | None = None) -> "JobProgress":
        """Return the progress after a completed step.

        Args:
            done: completed steps.
            total: steps in all.
            now: of `time.monotonic`; None: the current time.
        """
        now = time.monotonic() if now is None else now
        return replace(self, done=done, total=total, last_step=now)

    def fraction(self, now: float | None = None) -> float | None:
        """Estimate the completed share of the stage; None: neither steps nor duration are known.

        Between two completed steps it grows with the time, and never reaches the next step.

        Args:
            now: of `time.monotonic`; None: the current time.

        >>> JobProgress("running", 1, 4, 0.0, None, last_step=10.0).fraction(now=15.0)
        0.375
        """
        now = time.monotonic() if now is None else now
        total = max(self.total, 1)
        seconds = self._seconds_of_stage(now)
        if seconds is None:
            return self.done / self.total if self.total else None
        share = self._steps_expected(seconds / total, now)
        if share > _SHARE_BY_TIME:  # continues at the same value, and never reaches the next step
            share = 1 - (1 - _SHARE_BY_TIME) * _SHARE_BY_TIME / share
        return min((self.done + share) / total, 1.0)

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate the rest of the stage; None: unknown, or a step takes longer than expected.

        Args:
            now: of `time.monotonic`; None: the current time.

        >>> JobProgress("running", 3, 12, 10.0, None, last_step=16.0).seconds_left(now=16.0)
        18.0
        """
        now = time.monotonic() if now is None else now
        seconds, fraction = self._seconds_of_stage(now), self.fraction(now)
        if seconds is None or fraction is None:
            return None
        is_late = self._steps_expected(seconds / max(self.total, 1), now) > 1
        return None if is_late else seconds * (1 - fraction)

    def _steps_expected(self, step_seconds: float, now: float) -> float:
        """Return the time since the last step in units of `step_seconds`; 0 after the last step."""
        since = now - (self.started if self.last_step is None else self.last_step)
        return since / step_seconds if step_seconds > 0 and self.done < max(self.total, 1) else 0.0

    def _seconds_of_stage(self, now: float) -> float | None:
        """Estimate the duration of the stage from its steps, or else from the expected one."""
        if self.done and self.last_step is not None:
            return (self.last_step - self.started) * self.total / self.done
        return self.expected_seconds
