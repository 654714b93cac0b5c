"""Cancellation and progress of one job.

The code of every stage of a job gets the `Cancellation`, and reports its steps to it. A report
raises an error if the job was cancelled.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from srgan_gp.errors import Cancelled
from srgan_gp.serving.jobs.job_progress import JobProgress, Stage


class Cancellation:
    """Cancels one job, from any thread, and records its progress.

    Args:
        on_progress: called after each step, with (completed steps, total steps); None: not needed.
    """

    def __init__(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        self.progress = JobProgress()
        """Current progress; replaced by a new object at every change."""
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None  # set inside of `interrupting`
        self._is_cancelled = False

    def cancel(self) -> None:
        """Cancel the job before its next step, and interrupt the current step if possible."""
        with self._lock:
            self._is_cancelled = True
            if self._interrupt is not None:
                self._interrupt()

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` if `cancel` was called."""
        if self._is_cancelled:
            raise Cancelled("The job was cancelled.")

    def begin_stage(
        self, stage: Stage, expected_seconds: float | None = None, following_seconds: float = 0.0
    ) -> None:
        """Record the beginning of a stage in `progress`.

        Args:
            stage: the stage that begins.
            expected_seconds: estimate of its duration; None: unknown.
            following_seconds: estimate of the duration of the stages after it; 0: none follows.

        Raises:
            Cancelled: `cancel` was called.
        """
        self.raise_if_cancelled()
        self.progress = self.progress.entering(stage, expected_seconds, following_seconds)

    def report(self, done: int, total: int) -> None:
        """Record a completed step, and call `on_progress`.

        Args:
            done: completed steps of the stage: tiles or faces.
            total: all steps of the stage.

        Raises:
            Cancelled: `cancel` was called.
        """
        self.raise_if_cancelled()
        self.progress = self.progress.after(done, total)
        if self._on_progress is not None:
            self._on_progress(done, total)

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Generator[None]:
        """Make `cancel` call a function while the block is executed.

        Args:
            interrupt: makes the code of the block raise soon, such as `Upscaler.cancel`.

        Raises:
            Cancelled: the job was cancelled before the block.
        """
        with self._lock:
            self.raise_if_cancelled()
            self._interrupt = interrupt
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None
