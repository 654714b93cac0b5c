"""Interface that every batch engine implements: settings, results and the `Engine` protocol.

An engine writes each result to a staged file. Only the runner commits it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import ModelRefusedError, OutputError, PictureError, SrganGpError
from srgan_gp.images import DEFAULT_MAX_PIXELS, Quality
from srgan_gp.inference.tiling.window_choice import TileChoice
from srgan_gp.system.files import Staged
from srgan_gp.system.write_errors import concerns_the_disk

NO_MEMORY = "there is not enough memory for it; pass a smaller --tile or --scale"


@dataclass(frozen=True)
class UpscaleSettings:
    """Options that apply to all images of a run."""

    scale: float | None = None
    """Scale factor of both sides; None: that of the model."""
    width: int | None = None
    """Width of each result in pixels, in place of `scale`."""
    tile: TileChoice = "auto"
    quality: Quality | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Largest input in pixels, width x height, all its frames together."""
    strip_metadata: bool = False
    frames: Literal["all", "first"] = "all"
    """Frames of an animation or pages of a document that are upscaled."""

    def scale_of(self, width: int, model_scale: int) -> float:
        """Return the scale factor for an image of this width in pixels."""
        return self.width / width if self.width else self.scale or model_scale


@dataclass(frozen=True)
class Facts:
    """Sizes, device, tiles and time of one upscaled image.

    The fields have the names of those of `plan_runner.Outcome`, into which they are copied.
    """

    size: tuple[int, int]
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int]
    """Width and height of the result in pixels."""
    device: str
    provider: str
    precision: str
    tiles: int
    """Number of times that the network was run."""
    seconds: float
    """Time in the network and around it, without reading and writing."""
    frames: int = 1
    warnings: tuple[str, ...] = ()
    faces: list[dict[str, Any]] | None = None
    """`FaceResult.values` of each face, of several frames with `frame`; None: not looked for."""


@dataclass(frozen=True)
class Result:
    """Result of a job: a staged file, its facts and the hash of the input; or an error."""

    job: UpscaleJob
    staged: Staged | None = None
    facts: Facts | None = None
    input_sha256: str = ""
    error: PictureError | None = None


OnJobTiles = Callable[[UpscaleJob, int, int, float], None]
"""Called with (job, tiles done, tiles in all, expected seconds for a tile), from any thread.

The seconds are 0 where they are unknown. The first call, without a tile done, is at the start.
"""


class Engine(Protocol):
    """Runs several jobs at once and returns their results in any order."""

    capacity: int
    """Largest number of jobs in progress: submitted, and their results not taken."""

    on_tiles: OnJobTiles | None
    """Called after each tile by engines that know of it; None at first."""

    def submit(self, job: UpscaleJob) -> None:
        """Start a job. The folder of its target exists."""
        ...

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, `timeout` seconds at most; None: there is none yet.

        Raises:
            SrganGpError: an error of all jobs, such as a full disk or a GPU that failed.
        """
        ...

    def close(self) -> None:
        """End all jobs within seconds and remove the results that were not taken."""
        ...


def failed_result(job: UpscaleJob, error: BaseException) -> Result:
    """Turn an error of one job into its result.

    Raises:
        BaseException: `error` itself, where it concerns all jobs.
    """
    match error:
        case PictureError():
            return Result(job, error=error)
        case MemoryError():
            return Result(job, error=PictureError("E_OUT_OF_MEMORY", NO_MEMORY))
        case ModelRefusedError():
            return Result(job, error=PictureError(error.code, str(error)))
        case OutputError() if not concerns_the_disk(error):
            return Result(job, error=PictureError(error.code, str(error)))
        case SrganGpError():
            raise error
        case Exception():
            # A bug that shows in one image must not cost the others.
            message = f"internal error: {type(error).__name__}: {error}; please report it"
            return Result(job, error=PictureError(SrganGpError.code, message))
        case _:
            raise error
