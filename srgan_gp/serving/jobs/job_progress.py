"""Progress of one job: stage, completed steps, and estimates of completed share and time left.

The share is that of the whole job. It never falls, also from one stage to the next.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Literal

Stage = Literal["queued", "reading", "running", "encoding"]
"""`queued`: waits for a thread or for the device. `reading`: the image is decoded. `running`: the
network is in use. `encoding`: the result is written."""

_LINEAR_SHARE = 0.9
"""The estimated share of the current step grows linearly with time up to this value, and then slows
down, so that it never reaches 1. With a smaller value a step of the expected duration would end
with a larger jump; with a larger one a late step would seem to stand still."""
_PART_OF_UNKNOWN_STAGE = 0.9
"""A stage of unknown duration that others follow gets this part of what is left of the job: the
network is assumed to take longer than encoding. With a wrong part, the share grows unevenly."""


@dataclass(frozen=True)
class JobProgress:
    """Progress of a job at one moment; a step is a tile or a face."""

    stage: Stage = "queued"
    done: int = 0
    """Completed tiles or faces of the stage."""
    total: int = 0
    """Tiles or faces of the stage in all; 0: not known yet, or the stage has no steps."""
    started: float = field(default_factory=time.monotonic)
    """Time at which the stage began, from `time.monotonic`."""
    expected_seconds: float | None = None
    """Duration of the stage, estimated before its first step; None: unknown."""
    last_step: float | None = None
    """Time at which the newest completed step ended, from `time.monotonic`; None: there is none."""
    following_seconds: float = 0.0
    """Estimated duration of the stages after this one; 0: none follows."""
    start_share: float = 0.0
    """Share of the job, 0 to 1, at the beginning of the stage."""
    end_share: float = 1.0
    """Share of the job, 0 to 1, at the end of the stage."""
    min_share: float = 0.0
    """Share of the job, 0 to 1, at the newest step or else the beginning of the stage. No later
    share is smaller."""

    def entering(
        self,
        stage: Stage,
        expected_seconds: float | None = None,
        following_seconds: float = 0.0,
        now: float | None = None,
    ) -> "JobProgress":
        """Return the progress at the beginning of the next stage.

        Args:
            stage: the stage that begins.
            expected_seconds: estimate of its duration; None: unknown.
            following_seconds: estimate of the duration of the stages after it; 0: none follows.
            now: time of the beginning, from `time.monotonic`; None: the current time.

        Running was expected to take 9 s, and encoding 1 s:

        >>> running = JobProgress().entering("running", 9.0, 1.0, now=0.0)
        >>> running.entering("encoding", 1.0, now=4.5).share(now=4.5)
        0.45
        """
        now = time.monotonic() if now is None else now
        start_share = self.share(now) or 0.0
        if following_seconds <= 0:  # the last stage
            part = 1.0  # of what is left of the job, for this stage
        elif expected_seconds is None:
            part = _PART_OF_UNKNOWN_STAGE
        else:
            part = expected_seconds / (expected_seconds + following_seconds)
        return JobProgress(
            stage,
            started=now,
            expected_seconds=expected_seconds,
            following_seconds=following_seconds,
            start_share=start_share,
            end_share=start_share + (1 - start_share) * part,
            min_share=start_share,
        )

    def after(self, done: int, total: int, now: float | None = None) -> "JobProgress":
        """Return the progress after a completed step.

        Args:
            done: completed steps.
            total: steps in all.
            now: time of the completion, from `time.monotonic`; None: the current time.
        """
        now = time.monotonic() if now is None else now
        # When memory runs out, smaller tiles are used: `total` grows, and `done / total` falls.
        min_share = self.share(now) or 0.0
        return replace(self, done=done, total=total, last_step=now, min_share=min_share)

    def share(self, now: float | None = None) -> float | None:
        """Estimate the completed share of the job, 0 to 1; None: it is unknown.

        Between two completed steps the share grows with time, and never reaches the next step.

        Args:
            now: time from `time.monotonic`; None: the current time.

        One of four steps took 10 s, and the second one has taken 5 s so far:

        >>> JobProgress("running", 1, 4, 0.0, None, last_step=10.0).share(now=15.0)
        0.375
        """
        stage_share = self._share_of_stage(time.monotonic() if now is None else now)
        if stage_share is None:
            # The last share that was known. It is 0 if there was none, as in a queue.
            return self.min_share if self.min_share > 0 else None
        share = self.start_share + (self.end_share - self.start_share) * stage_share
        return max(self.min_share, share)

    def _share_of_stage(self, now: float) -> float | None:
        """Estimate the completed share of the stage, 0 to 1, at a time; None: it is unknown."""
        total = max(self.total, 1)
        stage_seconds = self._seconds_of_stage()
        if stage_seconds is None:
            return self.done / self.total if self.total else None
        step_share = self._time_of_step(stage_seconds / total, now)
        if step_share > _LINEAR_SHARE:
            # This is `_LINEAR_SHARE` where the linear part ends, and below 1 at any later time.
            step_share = 1 - (1 - _LINEAR_SHARE) * _LINEAR_SHARE / step_share
        return min((self.done + step_share) / total, 1.0)

    def seconds_left(self, now: float | None = None) -> float | None:
        """Estimate the seconds until the job ends.

        Args:
            now: time from `time.monotonic`; None: the current time.

        Returns:
            The estimate; None if it is unknown, or if the step takes longer than expected.

        >>> JobProgress("running", 3, 12, 10.0, None, last_step=16.0).seconds_left(now=16.0)
        18.0
        """
        now = time.monotonic() if now is None else now
        stage_seconds, share = self._seconds_of_stage(), self._share_of_stage(now)
        if stage_seconds is None or share is None:
            return None
        is_late = self._time_of_step(stage_seconds / max(self.total, 1), now) > 1
        return None if is_late else stage_seconds * (1 - share) + self.following_seconds

    def _time_of_step(self, step_seconds: float, now: float) -> float:
        """Return the duration of the current step so far, in expected durations of a step.

        It is above 1 for a step that takes longer than expected, and 0 if all steps are completed.

        Args:
            step_seconds: expected duration of a step.
            now: time from `time.monotonic`.
        """
        is_complete = self.done >= max(self.total, 1)
        if is_complete or step_seconds <= 0:
            return 0.0
        step_started = self.started if self.last_step is None else self.last_step
        return (now - step_started) / step_seconds

    def _seconds_of_stage(self) -> float | None:
        """Estimate the duration of the stage by its completed steps, else `expected_seconds`."""
        if self.done and self.last_step is not None:
            return (self.last_step - self.started) * self.total / self.done
        return self.expected_seconds
