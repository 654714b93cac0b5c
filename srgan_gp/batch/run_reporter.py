"""Reports outcomes and progress of a run, and determines its exit code.

`batch.run` opens a reporter for each run. `PlanRunner` calls `report` and `show_progress_or_stop`,
the engine calls `note_tiles`.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from srgan_gp.batch.engines.engine_interface import UNKNOWN_SECONDS
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.plan_runner import Outcome, Status
from srgan_gp.batch.report import Record, outcome_line
from srgan_gp.batch.results.existing_results import ExistingResults
from srgan_gp.batch.standard_streams import INPUT_NAME, with_stream_names
from srgan_gp.errors import OutputError, PictureError, SrganGpError
from srgan_gp.system.signals import StopRequest

_LARGEST_TILE_SHARE = 0.98
"""Largest share of a running tile that is counted as done, however long the tile takes. Below 1, so
that no image counts as done before its last tile is."""


class ProgressDisplay(Protocol):
    """Interface of a progress display, such as the bar of a terminal."""

    def print_line(self, text: str) -> None:
        """Print a line that stays above the display."""
        ...

    def move(self, done: float, text: str, share: float | None = None) -> None:
        """Show the progress.

        Args:
            done: number of inputs that are done, with fractions of those in progress.
            text: the current item.
            share: share of all pixels that is done, 0 to 1; None: unknown, show `done`.
        """
        ...


@dataclass
class _TileProgress:
    """Progress of one image that an engine is upscaling."""

    done: int
    """Number of tiles that are done."""
    total: int
    """Number of all tiles."""
    noted_at: float
    """Time when the last tile was done, or of the start, in seconds of `time.monotonic`."""
    seconds_per_tile: float
    """Expected seconds for the tile that is running, or `UNKNOWN_SECONDS`."""


@dataclass
class RunReporter:
    """Callbacks of a run: outcomes, tiles and progress.

    Args:
        display: progress display.
        record: keeps the outcomes for the report.
        stop: request to stop, checked with the progress.
        choice_lines: lines about model and device, printed before the first image is upscaled.
        streams_folder: temporary folder of standard input and output, with a separator at its end,
            which is removed from printed lines. "": there is no such folder.
    """

    display: ProgressDisplay
    record: Record
    stop: StopRequest
    choice_lines: list[str] = field(default_factory=list[str])
    streams_folder: str = ""
    counts: Counter[Status] = field(default_factory=Counter[Status], init=False)
    """Number of inputs by status."""
    _in_progress: dict[Path, _TileProgress] = field(
        default_factory=dict[Path, _TileProgress], init=False
    )
    """Images that an engine is upscaling, by source, in the order in which they began."""
    existing: ExistingResults = field(default_factory=ExistingResults, init=False)
    """Inputs that were refused because of an existing result."""
    _codes: set[str | None] = field(default_factory=set[str | None], init=False)
    """Error codes of all outcomes so far."""
    _has_begun: bool = field(default=False, init=False)
    """Whether an engine has begun to upscale an image."""
    _done_pixels: float = field(default=0, init=False)
    """Pixels of the inputs that were upscaled; one of unknown size counts as `_mean_pixels`."""
    _total: int = field(default=0, init=False)
    """Number of inputs; 0 if `count_pixels` was not called: the progress counts images then."""
    _pixels: dict[Path, int] = field(default_factory=dict[Path, int], init=False)
    """Pixels of inputs that have no outcome yet, by path; none for an input of unknown size."""
    _remaining_pixels: float = field(default=0, init=False)
    """Sum of `_pixels`."""
    _mean_pixels: float = field(default=0, init=False)
    """Mean of `_pixels` at the start."""

    def count_pixels(self, total: int, pixels: dict[Path, int]) -> None:
        """Weight the inputs by their pixels in the progress; called before the first input.

        Args:
            total: number of inputs.
            pixels: pixels of inputs by path, with all frames; for at least one input. Each other
                input counts as the mean of these.
        """
        self._total, self._pixels = total, dict(pixels)
        self._remaining_pixels = sum(pixels.values())
        self._mean_pixels = self._remaining_pixels / len(pixels)

    def report(self, outcome: Outcome) -> None:
        """Print and record the outcome of an input.

        An input that was not tried is recorded, but not printed. Inputs that were refused because
        their results exist are collected in `existing`. All whose results differ in the same way
        from those of this run, such as by another model, share one line. These lines are printed
        before the next upscaled image, or at the end of the run. After the engine has begun with
        its first image, the first input with a new difference is printed at once.
        """
        if outcome.status == "done":
            self._has_begun = True
            if self.existing.groups:
                self.print_existing()
            while self.choice_lines:
                self.display.print_line(self.choice_lines.pop(0))
        folder = self.streams_folder
        printed = with_stream_names(outcome, folder) if folder else outcome
        if outcome.status != "not_tried":
            line = outcome_line(printed)
            # Only errors about an existing result have a `shared_text`: the text of the line that
            # inputs share whose results differ in the same way.
            if outcome.code is not None and outcome.shared_text:
                self.existing.add(outcome.source, outcome.code, outcome.shared_text, line)
                if self._has_begun and self.existing.has_new_difference():
                    self.print_existing()
            else:
                self.display.print_line(line)
        self._in_progress.pop(outcome.source, None)
        pixels = self._pixels.pop(outcome.source, None)
        if pixels is not None:
            self._remaining_pixels -= pixels
        if outcome.status == "done":
            self._done_pixels += pixels or self._mean_pixels
        self._codes.add(outcome.code)
        self.counts[outcome.status] += 1
        self.record.add(printed)

    def print_existing(self) -> None:
        """Print the lines about existing results that were not printed yet."""
        for line in self.existing.take_lines():
            self.display.print_line(line)

    def note_tiles(
        self, job: UpscaleJob, done: int, total: int, seconds: float = UNKNOWN_SECONDS
    ) -> None:
        """Note the progress inside an image; the engine calls this, from any thread.

        Args:
            job: the image.
            done: number of tiles that are done; 0 at the start.
            total: number of tiles.
            seconds: expected seconds for a tile; `UNKNOWN_SECONDS`: the mean of the tiles since the
                last call.
        """
        now = time.monotonic()
        previous = self._in_progress.get(job.source)
        if seconds == UNKNOWN_SECONDS and previous is not None and done > previous.done:
            seconds = (now - previous.noted_at) / (done - previous.done)
        self._in_progress[job.source] = _TileProgress(done, total, now, seconds)

    def show_progress_or_stop(self) -> None:
        """Show the progress, or stop; `PlanRunner` calls this several times a second.

        Raises:
            Stopped: a signal asked the run to stop.
        """
        self.stop.raise_if_requested()
        in_progress = dict(self._in_progress)  # a copy, since engines call `note_tiles` meanwhile
        now = time.monotonic()
        if in_progress and not self._has_begun:
            # Printed before hours of work: the user can still stop a run with wrong options.
            self._has_begun = True
            if self.existing.groups:
                self.print_existing()
            while self.choice_lines:
                self.display.print_line(self.choice_lines.pop(0))
        done, done_pixels = float(self.counts.total()), self._done_pixels
        for source, progress in in_progress.items():
            running_tile = 0.0  # done share of the running tile, estimated by its expected time
            if progress.seconds_per_tile > UNKNOWN_SECONDS:  # which is 0
                elapsed = now - progress.noted_at
                running_tile = min(elapsed / progress.seconds_per_tile, _LARGEST_TILE_SHARE)
            share = min(1.0, (progress.done + running_tile) / progress.total)
            done += share
            done_pixels += share * self._pixels.get(source, self._mean_pixels)
        text = ""
        if in_progress:
            source, progress = next(iter(in_progress.items()))  # the image that began first
            folder = self.streams_folder
            is_stream = folder and str(source).startswith(folder)
            text = INPUT_NAME if is_stream else str(source)
            if progress.done == progress.total:
                text += ": upscaled; writing the result"
        if self._total:
            # Unfinished inputs of unknown size.
            unmeasured_count = max(self._total - self.counts.total() - len(self._pixels), 0)
            estimated = self._remaining_pixels + unmeasured_count * self._mean_pixels
            all_pixels = self._done_pixels + estimated  # 0 if every input has failed
            self.display.move(done, text, min(done_pixels / all_pixels, 1.0) if all_pixels else 1.0)
        else:
            self.display.move(done, text)

    @property
    def exit_code(self) -> int:
        """Exit code of the program, if no error ends the run: 0, or the code of a failed input."""
        # An internal error (`SrganGpError.code`) comes first, then a result that cannot be written.
        for error_class in (SrganGpError, OutputError):
            if error_class.code in self._codes:
                return error_class.exit_code
        return PictureError.exit_code if self.counts["failed"] else 0
