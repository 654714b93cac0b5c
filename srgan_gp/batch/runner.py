"""Run a plan: read, upscale and write picture after picture; failures counted, never hidden."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srgan_gp.batch.plan import Job, Plan
from srgan_gp.errors import ModelRefusedError, PictureError, SrganGpError
from srgan_gp.images import (
    DEFAULT_MAX_PIXELS,
    FORMATS,
    Picture,
    check_encodable,
    find_format,
    read_image,
    write_image,
)
from srgan_gp.inference.upscaler import Upscaler

RESULT_PIXELS_PER_INPUT_PIXEL = 16
"""The result may have this many times `max_pixels`: a picture at the limit can be enlarged x4."""

NO_MEMORY = "there is not enough memory for it; pass a smaller --tile or --scale"


@dataclass(frozen=True)
class Settings:
    """What holds for every picture of a run."""

    scale: float | None = None
    """Enlargement of both sides; None: the model's own."""
    tile: int | Literal["auto"] | None = "auto"
    quality: int | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Most pixels of an input, width x height."""
    strip_metadata: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    source: Path
    status: Literal["done", "skipped", "failed"]
    target: Path | None = None
    """The file written, or the one that was there already."""
    code: str | None = None
    """Stable code of a failure."""
    message: str | None = None
    """Sentence about a failure, without the file's name."""
    size: tuple[int, int] | None = None
    """Width and height of the input, upright."""
    result_size: tuple[int, int] | None = None
    device: str | None = None
    provider: str | None = None
    precision: str | None = None
    tiles: int | None = None
    seconds: float | None = None
    """Time in the network and around it, without reading and writing."""
    warnings: tuple[str, ...] = ()


def run(
    plan: Plan,
    upscaler: Upscaler,
    settings: Settings,
    *,
    on_start: Callable[[Job], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Upscale the pictures of `plan`, one outcome for each as soon as it is known.

    Args:
        plan: whose output folder exists.
        upscaler: used for one picture at a time.
        settings: for all pictures.
        on_start: told of each job before it is read.
        on_progress: told (tiles done, tiles in all) of the picture at hand.

    Raises:
        OutputError: a result cannot be written; the pictures after it were not tried.
        DeviceError: the GPU failed; likewise.
    """
    for job in plan.jobs:
        if on_start is not None:
            on_start(job)
        try:
            yield _upscale_one(job, plan, upscaler, settings, on_progress)
        except PictureError as error:
            yield failed(job.source, error)
        except MemoryError:
            yield failed(job.source, PictureError("E_OUT_OF_MEMORY", NO_MEMORY))
        except ModelRefusedError as error:
            yield failed(job.source, PictureError(error.code, str(error)))
        except SrganGpError:
            raise
        except Exception as error:
            # A mistake of ours in one picture must not cost the others.
            message = f"internal error: {type(error).__name__}: {error}; please report it"
            yield failed(job.source, PictureError(SrganGpError.code, message))


def failed(source: Path, error: PictureError) -> Outcome:
    """Turn an error about one picture into its outcome."""
    return Outcome(source, "failed", code=error.code, message=str(error))


def not_tried(job: Job) -> Outcome:
    """Give the outcome of a job that a run did not come to before it was cut short."""
    message = "the run ended before this picture; run the same command again with --exist skip"
    return failed(job.source, PictureError("E_NOT_TRIED", message))


def _upscale_one(
    job: Job,
    plan: Plan,
    upscaler: Upscaler,
    settings: Settings,
    on_progress: Callable[[int, int], None] | None,
) -> Outcome:
    """Read, upscale and write one picture; everything that can refuse it comes before the work."""
    picture = read_image(job.source, max_pixels=settings.max_pixels)
    scale = settings.scale or upscaler.scale
    height, width = round(picture.height * scale), round(picture.width * scale)
    _check_result_size(width, height, settings.max_pixels * RESULT_PIXELS_PER_INPUT_PIXEL)
    target = _settled_target(job, plan, picture, height, width)
    if target is None:
        return Outcome(job.source, "skipped", target=job.fallback)
    upscaled = upscaler.upscale_picture(
        picture, scale=settings.scale, tile=settings.tile, on_progress=on_progress
    )
    warnings = write_image(
        upscaled, target, quality=settings.quality, strip_metadata=settings.strip_metadata
    )
    report = upscaler.report
    assert report is not None  # upscale_picture has just made it
    return Outcome(
        source=job.source,
        status="done",
        target=target,
        size=(picture.width, picture.height),
        result_size=(upscaled.width, upscaled.height),
        device=report.device,
        provider=report.provider,
        precision=report.precision,
        tiles=report.tiles,
        seconds=report.seconds,
        warnings=(*picture.notes, *report.warnings, *warnings),
    )


def _check_result_size(width: int, height: int, most: int) -> None:
    if width < 1 or height < 1:
        raise PictureError(
            "E_NO_PIXELS", f"the result would be {width} x {height} pixels; choose a larger scale"
        )
    if width * height > most:
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"the result would be {width} x {height} = {width * height:,} pixels, more than the "
            f"{most:,} allowed; choose a smaller scale or raise --max-pixels",
        )


def _settled_target(job: Job, plan: Plan, picture: Picture, height: int, width: int) -> Path | None:
    """Choose between a job's target and its fallback; None: the fallback is there already.

    The fallback is taken when the target's format would lose bits, alpha or the size, or when the
    picture's content is of another format than its name says.

    Raises:
        PictureError: no format can hold the result, or the fallback is in the way.
    """
    name = find_format(job.target.suffix)
    keeps_format = picture.source_format == name
    bytes_per_pixel = picture.pixels.itemsize * (3 + (picture.alpha is not None))
    if job.fallback is None or (keeps_format and _holds(name, picture, height, width)):
        check_encodable(height, width, name, bytes_per_pixel=bytes_per_pixel)
        return job.target
    check_encodable(height, width, find_format(".png"))
    return plan.settle(job.fallback)


def _holds(name: str, picture: Picture, height: int, width: int) -> bool:
    """Say whether a format can take an enlarged `picture` as it is."""
    row = FORMATS[name]
    if not row.keeps_colours:
        return False
    if picture.alpha is not None and not row.keeps_alpha:
        return False
    if picture.pixels.itemsize > 1 and not row.keeps_16_bits:
        return False
    return max(height, width) <= row.max_side
