"""Reports outcomes and progress of a run, and its exit code."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.plan_runner import Outcome, Run, Status
from srgan_gp.batch.report import Record, outcome_line
from srgan_gp.errors import OutputError, PictureError, SrganGpError


class ProgressDisplay(Protocol):
    """Where it is told, such as the bar of a terminal."""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...

    def move(self, done: float, text: str) -> None:
        """Show `done` of the total, and what is worked on."""
        ...


class RunReporter:
    """Tells of every outcome, and of the progress between them.

    Args:
        display: for people.
        record: for the reports.
    """

    def __init__(self, display: ProgressDisplay, record: Record) -> None:
        self._display, self._record = display, record
        self._under_way: dict[Path, float] = {}
        self._codes: set[str | None] = set()
        self.counts: Counter[Status] = Counter()

    def report_all(self, run: Run, end: Callable[[], None]) -> None:
        """Go through a run and tell of every picture, also where something cuts it short.

        Args:
            run: not begun yet.
            end: called before the pictures are counted that the run did not come to.
        """
        try:
            for outcome in run.outcomes():
                self._display.line(outcome_line(outcome))
                self._keep(outcome)
        except BaseException:
            end()
            for outcome in run.rest():
                self._keep(outcome)
            raise

    def _keep(self, outcome: Outcome) -> None:
        self._under_way.pop(outcome.source, None)
        self._codes.add(outcome.code)
        self.counts[outcome.status] += 1
        self._record.add(outcome)

    def note_tiles(self, job: UpscaleJob, done: int, total: int) -> None:
        """Take down how far a picture is; from any thread."""
        self._under_way[job.source] = done / total

    def show_progress(self) -> None:
        """Move the bar."""
        parts = dict(self._under_way)
        name = next(iter(parts), None)
        done = self.counts.total() + sum(parts.values())
        self._display.move(done, "" if name is None else str(name))

    @property
    def exit_code(self) -> int:
        """What the program ends with where nothing ended it before."""
        for kind in (SrganGpError, OutputError):
            if kind.code in self._codes:
                return kind.exit_code
        return PictureError.exit_code if self.counts["failed"] else 0
