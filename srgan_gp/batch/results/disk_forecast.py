"""Forecast of results and of the disk space they need, from the headers of the inputs."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.naming.plan import Plan, Refused, Skipped, UpscaleJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.batch.results.byte_counts import size_text
from srgan_gp.batch.results.time_forecast import duration_text, run_seconds
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.images import FORMATS, find_format
from srgan_gp.images.image_header import read_header
from srgan_gp.inference.upscaler import Upscaler

MOST_SIZES = 20_000
"""Most inputs whose sizes are kept in memory for the progress."""
_DEEP_BYTES_PER_PIXEL = 4.5  # PNG and TIFF of 16 bits, whose lower bits hardly compress


@dataclass(frozen=True)
class Forecast:
    """Expected result of a job whose pixels are not damaged."""

    source: Path
    target: Path
    """The job's target, or its fallback."""
    size: tuple[int, int]
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int]
    """Width and height of the result in pixels."""
    frames: int
    bytes: int
    """Estimated size of the file of the result."""
    is_own: bool = False
    """Whether `srgan-gp generate` or `srgan-gp prepare` wrote the input."""


def forecast(job: UpscaleJob, settings: UpscaleSettings, model_scale: int) -> Forecast:
    """Read the header of the source of a job, and check the size of its result.

    Args:
        job: names the image, which is `job.source`.
        settings: options of the run.
        model_scale: scale factor that is used if the settings have none.

    Raises:
        PictureError: it is not an image, or its result would be too large.
    """
    header = read_header(
        job.source,
        max_pixels=settings.max_pixels,
        first_frame_only=settings.frames == "first",
    )
    scale = settings.scale_of(header.width, model_scale)
    width, height = round(header.width * scale), round(header.height * scale)
    check_result_size(width, height, header.frames, settings.max_pixels)
    target = chosen_target(job, header.stand_in(), height, width)
    row = FORMATS[find_format(target.suffix)]
    is_deep = header.is_16_bit and row.keeps_16_bits
    rate = _DEEP_BYTES_PER_PIXEL if is_deep else row.file_bytes_per_pixel
    return Forecast(
        job.source,
        target,
        (header.width, header.height),
        (width, height),
        header.frames,
        round(width * height * header.frames * rate),
        header.is_own,
    )


def preview(
    plan: Plan, settings: UpscaleSettings, model_scale: int
) -> Iterator[Forecast | Skipped | Refused]:
    """Yield the expected outcome of every input of a plan."""
    for entry in plan:
        if isinstance(entry, UpscaleJob):
            try:
                yield forecast(entry, settings, model_scale)
            except PictureError as error:
                yield Refused(entry.source, error)
        else:
            yield entry


@dataclass(frozen=True)
class Needed:
    """What the results of a run need."""

    bytes: int
    """Estimated size of all files together."""
    pixels: dict[Path, int]
    """Pixels of the inputs by path, with all frames; of `MOST_SIZES` inputs at most."""
    own: list[Path]
    """Inputs that this program wrote, other than results of earlier runs."""


def check_space(plan: Plan, settings: UpscaleSettings, model_scale: int, folder: Path) -> Needed:
    """Check the disk space for the results before any image is processed.

    Results that exist count as no space, and so do images that cannot be read.

    Args:
        plan: plan of the run.
        settings: options of the run.
        model_scale: scale factor that is used if the settings have none.
        folder: the output folder, which exists.

    Returns:
        Estimated bytes of the results, and the sizes of the inputs.

    Raises:
        OutputError: the disk has less free space.
    """
    needed, pixels, own = 0, dict[Path, int](), list[Path]()
    for job in plan.missing():
        try:
            expected = forecast(job, settings, model_scale)
        except PictureError:
            continue  # The run reports it.
        needed += expected.bytes
        if expected.is_own:
            own.append(job.source)
        if len(pixels) < MOST_SIZES:
            pixels[job.source] = expected.size[0] * expected.size[1] * expected.frames
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"The results need about {size_text(needed)}, and {folder} has {size_text(free)} "
            "left; free some space, choose another folder, a smaller --scale or --format jpeg."
        )
    return Needed(needed, pixels, own)


def entry_line(entry: Forecast | Skipped | Refused) -> str:
    """Format the expected outcome of an input as one line."""
    if isinstance(entry, Refused):
        return f"{entry.source}: {entry.error.code}: {entry.error}"
    if isinstance(entry, Skipped):
        return f"{entry.source}: skipped, {entry.reason}: {entry.target}"
    (width, height), (new_width, new_height) = entry.size, entry.result_size
    frames = f", {entry.frames} frames" if entry.frames > 1 else ""
    own = ", written by srgan-gp generate or prepare" if entry.is_own else ""
    return (
        f"{entry.source}: {width}x{height} -> {new_width}x{new_height} {entry.target}{frames}, "
        f"about {size_text(entry.bytes)}{own}"
    )


def entry_object(entry: Forecast | Skipped | Refused) -> dict[str, Any]:
    """Return the expected outcome of an input as a JSON object."""
    source = os.fspath(entry.source)
    if isinstance(entry, Refused):
        error = entry.error
        return {"source": source, "status": "refused", "code": error.code, "message": str(error)}
    values = {**vars(entry), "source": source, "target": os.fspath(entry.target)}
    return {**values, "status": "skipped" if isinstance(entry, Skipped) else "to_do"}


@dataclass
class Totals:
    """Totals of a preview."""

    to_do: int = 0
    skipped: int = 0
    refused: int = 0
    pixels: int = 0
    """Pixels of all results together."""
    bytes: int = 0
    input_pixels: int = 0
    """Pixels of all inputs that are to be upscaled."""
    seconds: float | None = None
    """Estimated time of the run; None: unknown."""

    def add(self, entry: Forecast | Skipped | Refused) -> None:
        """Count one entry."""
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
        """Set the time of the run, by a short trial; None: it is not this machine's."""
        if upscaler is not None and self.to_do:
            self.seconds = round(run_seconds(upscaler, self.input_pixels), 1)

    def counting(
        self, entries: Iterable[Forecast | Skipped | Refused]
    ) -> Iterator[Forecast | Skipped | Refused]:
        """Yield the entries and count them."""
        for entry in entries:
            self.add(entry)
            yield entry

    def json_lines(
        self, entries: Iterable[Forecast | Skipped | Refused], upscaler: Upscaler | None = None
    ) -> Iterator[str]:
        """Yield the lines of one JSON object: all entries, which are counted, and the totals.

        Args:
            entries: the entries of a preview.
            upscaler: as for `estimate`.
        """
        yield "{"
        yield '  "pictures": ['
        line = None
        for entry in self.counting(entries):
            if line is not None:
                yield line + ","
            line = "    " + json.dumps(entry_object(entry))
        if line is not None:
            yield line
        yield "  ],"
        self.estimate(upscaler)
        counts = {"inputs": self.to_do + self.skipped + self.refused, **vars(self)}
        yield json.dumps(counts)[1:]  # without its brace: more entries of the same object

    def line(self, folder: Path) -> str:
        """Format the totals as one line; `folder` is the output folder, which need not exist."""
        while not folder.exists():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        inputs = self.to_do + self.skipped + self.refused
        parts = [
            f"{inputs} {'input' if inputs == 1 else 'inputs'}: {self.to_do} to do, "
            f"{self.skipped} skipped, {self.refused} refused",
            f"inputs: {self.input_pixels:,} pixels",
            f"results: {self.pixels:,} pixels, about {size_text(self.bytes)} of "
            f"{size_text(free)} left",
        ]
        if self.seconds is not None:
            parts[1] += f", {duration_text(self.seconds)} on this machine"
        return "; ".join(parts)
