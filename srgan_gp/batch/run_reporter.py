"""Reports outcomes and progress of a run, and determines its exit code."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.plan_runner import NOT_TRIED, Outcome, Status
from srgan_gp.batch.report import Record, outcome_line
from srgan_gp.errors import OutputError, PictureError, SrganGpError
from srgan_gp.system.signals import StopRequest


class ProgressDisplay(Protocol):
    """Interface of a progress display, such as the bar of a terminal."""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...

    def move(self, done: float, text: str) -> None:
        """Show `done` of the total, and the current item."""
        ...


@dataclass
class RunReporter:
    """Callbacks of a run: outcomes, tiles and progress.

    Args:
        display: progress display.
        record: keeps the outcomes for the report.
        stop: request to stop, checked with the progress.
    """

    display: ProgressDisplay
    record: Record
    stop: StopRequest
    counts: Counter[Status] = field(default_factory=Counter[Status], init=False)
    """Number of inputs by status."""
    _in_progress: dict[Path, float] = field(default_factory=dict[Path, float], init=False)
    _codes: set[str | None] = field(default_factory=set[str | None], init=False)

    def report(self, outcome: Outcome) -> None:
        """Print and record the outcome of an input. One that was not tried is only recorded."""
        if outcome.code != NOT_TRIED:
            self.display.line(outcome_line(outcome))
        self._in_progress.pop(outcome.source, None)
        self._codes.add(outcome.code)
        self.counts[outcome.status] += 1
        self.record.add(outcome)

    def note_tiles(self, job: UpscaleJob, done: int, total: int) -> None:
        """Note the progress inside an image; from any thread."""
        self._in_progress[job.source] = done / total

    def check(self) -> None:
        """Show the progress.

        Raises:
            Stopped: a signal asked the run to stop.
        """
        self.stop.check()
        parts = dict(self._in_progress)
        name = next(iter(parts), None)
        done = self.counts.total() + sum(parts.values())
        self.display.move(done, "" if name is None else str(name))

    @property
    def exit_code(self) -> int:
        """Exit code of the program when the run comes to its end."""
        for kind in (SrganGpError, OutputError):
            if kind.code in self._codes:
                return kind.exit_code
        return PictureError.exit_code if self.counts["failed"] else 0
