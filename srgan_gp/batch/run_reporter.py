"""Reports outcomes and progress of a run, and determines its exit code."""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from srgan_gp.batch.naming.plan import MODEL_CHANGED, UpscaleJob
from srgan_gp.batch.plan_runner import Outcome, Status
from srgan_gp.batch.report import Record, outcome_line
from srgan_gp.batch.standard_streams import INPUT_NAME, with_stream_names
from srgan_gp.errors import OutputError, PictureError, SrganGpError
from srgan_gp.system.signals import StopRequest


class ProgressDisplay(Protocol):
    """Interface of a progress display, such as the bar of a terminal."""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        ...

    def move(self, done: float, text: str, share: float | None = None) -> None:
        """Show `done` of the total, and the current item; `share` is that of the pixels, 0 to 1."""
        ...


@dataclass
class _Share:
    """Share of an image that is done, in tiles, and the time of the last tile."""

    done: int
    total: int
    noted: float
    """Time of the last tile, or of the start, in seconds."""
    seconds: float
    """Expected seconds for a tile; 0: unknown."""


@dataclass
class RunReporter:
    """Callbacks of a run: outcomes, tiles and progress.

    Args:
        display: progress display.
        record: keeps the outcomes for the report.
        stop: request to stop, checked with the progress.
        choices: lines about model and device, printed before the first image that is upscaled.
        hidden: folder of the temporary files of standard streams, which lines do not show.
        total: number of inputs; None: unknown.
        pixels: pixels of inputs by path, with all frames; others count as `mean_pixels`.
        left_pixels: sum of `pixels`.
        mean_pixels: mean of `pixels`; 0: the progress counts images and not pixels.
    """

    display: ProgressDisplay
    record: Record
    stop: StopRequest
    choices: list[str] = field(default_factory=list[str])
    hidden: str = ""
    total: int | None = None
    pixels: dict[Path, int] = field(default_factory=dict[Path, int])
    left_pixels: float = 0
    mean_pixels: float = 0
    counts: Counter[Status] = field(default_factory=Counter[Status], init=False)
    """Number of inputs by status."""
    _in_progress: dict[Path, _Share] = field(default_factory=dict[Path, _Share], init=False)
    _codes: set[str | None] = field(default_factory=set[str | None], init=False)
    _done_pixels: float = field(default=0, init=False)

    def report(self, outcome: Outcome) -> None:
        """Print and record the outcome of an input.

        One that was not tried is only recorded. Of those that were refused because the version of
        the model has changed, the first is printed and the others are only recorded.
        """
        if outcome.status == "done":
            while self.choices:
                self.display.line(self.choices.pop(0))
        is_repeated = outcome.code == MODEL_CHANGED and outcome.code in self._codes
        if outcome.status != "not_tried" and not is_repeated:
            shown = with_stream_names(outcome, self.hidden) if self.hidden else outcome
            self.display.line(outcome_line(shown).replace(self.hidden, ""))
        self._in_progress.pop(outcome.source, None)
        pixels = self.pixels.pop(outcome.source, None)
        self.left_pixels -= pixels or 0
        if outcome.status == "done":
            self._done_pixels += pixels or self.mean_pixels
        self._codes.add(outcome.code)
        self.counts[outcome.status] += 1
        self.record.add(outcome)

    def note_tiles(self, job: UpscaleJob, done: int, total: int, seconds: float = 0) -> None:
        """Note the progress inside an image; from any thread.

        Args:
            job: the image.
            done: number of tiles that are done; 0 at the start.
            total: number of tiles.
            seconds: expected seconds for a tile; 0: the mean of those done.
        """
        now, before = time.monotonic(), self._in_progress.get(job.source)
        if before is not None and done > before.done:
            seconds = seconds or (now - before.noted) / (done - before.done)
        self._in_progress[job.source] = _Share(done, total, now, seconds)

    def check(self) -> None:
        """Show the progress.

        Raises:
            Stopped: a signal asked the run to stop.
        """
        self.stop.check()
        shares, now = dict(self._in_progress), time.monotonic()
        name = next(iter(shares), None)
        while shares and self.choices:
            self.display.line(self.choices.pop(0))
        done, done_pixels = float(self.counts.total()), self._done_pixels
        for source, share in shares.items():  # the tile in progress counts by its expected time
            current = min((now - share.noted) / share.seconds, 0.98) if share.seconds > 0 else 0.0
            part = min(1.0, (share.done + current) / share.total)
            done += part
            done_pixels += part * self.pixels.get(source, self.mean_pixels)
        text = "" if name is None else str(name)
        if self.hidden and text.startswith(self.hidden):
            text = INPUT_NAME
        if name is not None and shares[name].done == shares[name].total:
            text += ": writing the result"
        if self.mean_pixels and self.total:
            unknown = max(self.total - self.counts.total() - len(self.pixels), 0)
            work = self._done_pixels + self.left_pixels + unknown * self.mean_pixels
            self.display.move(done, text, min(done_pixels / work, 1.0) if work else 1.0)
        else:
            self.display.move(done, text)

    @property
    def exit_code(self) -> int:
        """Exit code of the program when the run comes to its end."""
        # An internal error of one image is the most important, then one that was not written.
        for kind in (SrganGpError, OutputError):
            if kind.code in self._codes:
                return kind.exit_code
        return PictureError.exit_code if self.counts["failed"] else 0
