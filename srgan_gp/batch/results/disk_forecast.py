"""Forecast of results and of the disk space they need, from the headers of the inputs.

A run checks the free space by this forecast before it starts, and a dry run prints the forecast.
Only headers are read, so damaged pixels are not found. The target of a job is the planned path of
its result. The fallback is a PNG, written if the format of the target cannot hold the result.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.naming.plan import RESULT_EXISTS, Plan, Refused, Skipped, UpscaleJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.batch.results.byte_counts import size_text
from srgan_gp.errors import OutputError, PictureError
from srgan_gp.images import FORMATS, find_format
from srgan_gp.images.image_header import read_header

MAX_KEPT_SIZES = 20_000
"""Largest number of inputs whose sizes are kept in memory, to weight them in the progress. Others
count as the mean of these: a lower limit makes the progress less exact, a higher one needs more
memory."""
_BYTES_PER_16_BIT_PIXEL = 4.5
"""Estimated size of a PNG or TIFF of 16 bits per channel, three quarters of the 6 bytes of an RGB
pixel, since the lower bits hardly compress."""


@dataclass(frozen=True)
class Forecast:
    """Expected result of a job, if the pixels of its image are not damaged."""

    source: Path
    target: Path
    """Path of the result: the target of the job or its fallback."""
    size: tuple[int, int]
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int]
    """Width and height of the result in pixels."""
    frames: int
    """Number of frames or pages; 1 for a still image."""
    bytes: int
    """Estimated size of the file of the result."""
    written_by_srgan_gp: bool = False
    """Whether `srgan-gp generate` or `srgan-gp prepare` wrote the input, by its metadata. Such an
    input may be there by mistake, so a message names it."""


ExpectedOutcome = Forecast | Skipped | Refused
"""What a run is expected to do with one input: upscale, skip or refuse it."""


def forecast(job: UpscaleJob, settings: UpscaleSettings, model_scale: int) -> Forecast:
    """Read the header of the image `job.source`, and check the size of its result.

    Args:
        job: paths of the image and of its result.
        settings: options of the run.
        model_scale: scale factor that is used if the settings have none.

    Raises:
        PictureError: the file is not an image, or its result would be too large.
    """
    header = read_header(
        job.source,
        max_pixels=settings.max_pixels,
        first_frame_only=settings.frames == "first",
    )
    scale = settings.scale_of(header.width, model_scale)
    width, height = round(header.width * scale), round(header.height * scale)
    check_result_size(height, width, header.frames, settings.max_pixels)
    # The choice between target and fallback needs an image. `stand_in` is a black one of the same
    # size, depth and format, without memory for pixels.
    target = chosen_target(job, header.stand_in(), height, width)
    target_format = FORMATS[find_format(target.suffix)]
    bytes_per_pixel = target_format.file_bytes_per_pixel
    if header.is_16_bit and target_format.keeps_16_bits:
        bytes_per_pixel = _BYTES_PER_16_BIT_PIXEL
    return Forecast(
        source=job.source,
        target=target,
        size=(header.width, header.height),
        result_size=(width, height),
        frames=header.frames,
        bytes=round(width * height * header.frames * bytes_per_pixel),
        written_by_srgan_gp=header.written_by_srgan_gp,
    )


def expected_outcomes(
    plan: Plan, settings: UpscaleSettings, model_scale: int
) -> Iterator[ExpectedOutcome]:
    """Yield the expected outcome of every input of a plan, for a dry run."""
    for entry in plan:
        if isinstance(entry, UpscaleJob):
            try:
                expected = forecast(entry, settings, model_scale)
                # The plan has decided about an existing file at `entry.target`. The run decides
                # again before it renames the result, whose path may be the fallback. None: skip.
                path = plan.settle(expected.target)
            except PictureError as error:
                yield Refused(entry.source, error)
                continue
            if path is None:
                yield Skipped(entry.source, expected.target, RESULT_EXISTS)
            else:
                yield replace(expected, target=path)
        else:
            yield entry


@dataclass(frozen=True)
class SpaceNeeded:
    """Disk space for the results of a run, and what else the headers of its inputs say."""

    bytes: int
    """Estimated size of all files together."""
    pixels: dict[Path, int]
    """Pixels of the inputs by path, with all frames; of `MAX_KEPT_SIZES` inputs at most."""
    written_by_srgan_gp: list[Path]
    """Inputs that `srgan-gp generate` or `srgan-gp prepare` wrote, as for `Forecast`."""


def check_space(
    plan: Plan, settings: UpscaleSettings, model_scale: int, folder: Path
) -> SpaceNeeded:
    """Check the disk space for the results before any image is processed.

    Only results that do not exist yet are counted, and only of images that can be read.

    Args:
        plan: plan of the run.
        settings: options of the run.
        model_scale: scale factor that is used if the settings have none.
        folder: the output folder, which exists.

    Returns:
        The estimated size of the results, and facts about the inputs.

    Raises:
        OutputError: the results need more space than the disk has.
    """
    needed_bytes, pixels, written_by_srgan_gp = 0, dict[Path, int](), list[Path]()
    for job in plan.missing():  # jobs whose target and fallback do not exist
        try:
            expected = forecast(job, settings, model_scale)
        except PictureError:
            continue  # The run reports the error when it reaches the image.
        needed_bytes += expected.bytes
        if expected.written_by_srgan_gp:
            written_by_srgan_gp.append(job.source)
        if len(pixels) < MAX_KEPT_SIZES:
            pixels[job.source] = expected.size[0] * expected.size[1] * expected.frames
    free_bytes = shutil.disk_usage(folder).free
    if needed_bytes > free_bytes:
        raise OutputError(
            f"The results need about {size_text(needed_bytes)}, and {folder} has "
            f"{size_text(free_bytes)} left; free some space, choose another folder, "
            "a smaller --scale or --format jpeg."
        )
    return SpaceNeeded(needed_bytes, pixels, written_by_srgan_gp)
