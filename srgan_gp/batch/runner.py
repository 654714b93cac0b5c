"""Run a plan: read, upscale and write one picture after the other; failures counted, never hidden."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srgan_gp.batch.plan import Job, Plan
from srgan_gp.errors import PictureError
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

OUTPUT_PIXELS_PER_INPUT_PIXEL = 16
"""The result may have this many times `max_pixels`: a picture at the limit can be enlarged x4."""


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
    """
    for job in plan.jobs:
        if on_start is not None:
            on_start(job)
        try:
            yield _upscale_one(job, plan, upscaler, settings, on_progress)
        except PictureError as error:
            yield failed(job.source, error)
        except MemoryError:
            yield failed(job.source, PictureError("E_OUT_OF_MEMORY", _NO_MEMORY))


_NO_MEMORY = "there is not enough memory for it; pass a smaller --tile or --scale"


def failed(source: Path, error: PictureError) -> Outcome:
    """Turn an error about one picture into its outcome."""
    return Outcome(source, "failed", code=error.code, message=str(error))
