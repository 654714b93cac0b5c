"""Report of a dry run: the expected outcome of every input as a line or JSON, and the totals.

`batch.run.dry_run` prints it.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.batch.naming.plan import Refused, Skipped
from srgan_gp.batch.results.byte_counts import size_text
from srgan_gp.batch.results.disk_forecast import ExpectedOutcome
from srgan_gp.batch.results.existing_results import ExistingResultError, ExistingResults
from srgan_gp.batch.results.time_forecast import duration_text, run_seconds
from srgan_gp.inference.upscaler import Upscaler


def entry_line(entry: ExpectedOutcome) -> str:
    """Format the expected outcome of an input as one line.

    Args:
        entry: a `Refused` or `Skipped` input, or a `Forecast`: sizes of an input that is to be
            upscaled and of its result.
    """
    if isinstance(entry, Refused):
        return f"{entry.source}: {entry.error.code}: {entry.error}"
    if isinstance(entry, Skipped):
        return f"{entry.source}: skipped, {entry.reason}: {entry.target}"
    (width, height), (new_width, new_height) = entry.size, entry.result_size
    frames = f", {entry.frames} frames" if entry.frames > 1 else ""
    smaller = ", smaller than the input" if new_width < width else ""
    origin = ", written by srgan-gp generate or prepare" if entry.written_by_srgan_gp else ""
    return (
        f"{entry.source}: {width}x{height} -> {new_width}x{new_height} {entry.target}{frames}"
        f"{smaller}, about {size_text(entry.bytes)}{origin}"
    )


def entry_object(entry: ExpectedOutcome) -> dict[str, Any]:
    """Return the expected outcome of an input as a JSON object.

    Its keys are `source`, `status` (`to_do`, `skipped` or `refused`), and the fields of `Forecast`
    or `Skipped`, or `code` and `message` of an error.
    """
    source = os.fspath(entry.source)
    if isinstance(entry, Refused):
        error = entry.error
        return {"source": source, "status": "refused", "code": error.code, "message": str(error)}
    status = "skipped" if isinstance(entry, Skipped) else "to_do"
    fields = {**vars(entry), "source": source, "target": os.fspath(entry.target)}
    return {**fields, "status": status}


@dataclass
class Totals:
    """Totals of a dry run; the names of the fields are keys of its JSON object."""

    to_do: int = 0
    """Number of inputs that are to be upscaled."""
    skipped: int = 0
    """Number of inputs whose results exist already."""
    refused: int = 0
    """Number of inputs with an error."""
    pixels: int = 0
    """Pixels of the results, with all frames."""
    bytes: int = 0
    """Estimated size of the files of the results."""
    input_pixels: int = 0
    """Pixels of the inputs that are to be upscaled, with all frames."""
    seconds: float | None = None
    """Estimated time of the run; None: unknown."""

    def add(self, entry: ExpectedOutcome) -> None:
        """Count one input by its expected outcome."""
        if isinstance(entry, Refused):
            self.refused += 1
        elif isinstance(entry, Skipped):
            self.skipped += 1
        else:
            self.to_do += 1
            self.pixels += entry.result_size[0] * entry.result_size[1] * entry.frames
            self.bytes += entry.bytes
            self.input_pixels += entry.size[0] * entry.size[1] * entry.frames

    def estimate(self, upscaler: Upscaler | None) -> None:
        """Set `seconds`: upscale a small image as a trial, and multiply its time for a pixel.

        Args:
            upscaler: the model; None: other processes run it, and the time stays unknown.
        """
        if upscaler is not None and self.to_do:
            self.seconds = round(run_seconds(upscaler, self.input_pixels), 1)

    def text_lines(
        self, entries: Iterable[ExpectedOutcome], upscaler: Upscaler | None
    ) -> Iterator[str]:
        """Count all entries, and yield a line for each.

        All results that are refused with the same difference of model or options have one line.

        Args:
            entries: expected outcomes of all inputs, the result of
                `disk_forecast.expected_outcomes`.
            upscaler: as for `estimate`.
        """
        existing = ExistingResults()
        for entry in entries:
            self.add(entry)
            error = entry.error if isinstance(entry, Refused) else None
            if isinstance(error, ExistingResultError) and error.shared_text:
                existing.add(entry.source, error.code, error.shared_text, entry_line(entry))
            else:
                yield entry_line(entry)
        yield from existing.take_lines()  # one for each difference of model or options
        self.estimate(upscaler)

    def json_lines(
        self, entries: Iterable[ExpectedOutcome], upscaler: Upscaler | None
    ) -> Iterator[str]:
        """Count all entries, and yield the lines of one JSON object.

        Its keys are `pictures`, a list with `entry_object` of each entry, `inputs`, the number of
        entries, and the fields of `Totals`.

        Args:
            entries: expected outcomes of all inputs, the result of
                `disk_forecast.expected_outcomes`.
            upscaler: as for `estimate`.
        """
        yield "{"
        yield '  "pictures": ['
        previous_line = None  # yielded one step later: only the last line has no comma
        for entry in entries:
            self.add(entry)
            if previous_line is not None:
                yield previous_line + ","
            previous_line = "    " + json.dumps(entry_object(entry))
        if previous_line is not None:
            yield previous_line
        yield "  ],"
        self.estimate(upscaler)
        totals = json.dumps({"inputs": self.to_do + self.skipped + self.refused, **vars(self)})
        # The rest of the object, whose opening brace was yielded above.
        yield totals.removeprefix("{")

    def summary_line(self, folder: Path) -> str:
        """Format the totals as one line; `folder` is the output folder, which need not exist."""
        while not folder.exists():  # a parent is on the same disk
            folder = folder.parent
        free_bytes = shutil.disk_usage(folder).free
        inputs = self.to_do + self.skipped + self.refused
        parts = [
            f"{inputs} {'input' if inputs == 1 else 'inputs'}: {self.to_do} to do, "
            f"{self.skipped} skipped, {self.refused} refused",
            f"inputs: {self.input_pixels:,} pixels",
            f"results: {self.pixels:,} pixels, about {size_text(self.bytes)} of "
            f"{size_text(free_bytes)} left",
        ]
        if self.seconds is not None:
            parts[1] += f", {duration_text(self.seconds)} on this machine"
        return "; ".join(parts)
