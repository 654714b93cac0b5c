"""Interface that every batch engine implements: settings, results and the `Engine` protocol.

An engine writes each result to a staged file: a complete file under a hidden name. Only
`batch.plan_runner` renames the staged file to its final name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import ModelRefusedError, OutputError, PictureError, SrganGpError
from srgan_gp.images import DEFAULT_MAX_PIXELS, Quality
from srgan_gp.inference.tiling.window_choice import TileChoice
from srgan_gp.inference.upscale_report import UpscaleReport
from srgan_gp.system.files import Staged
from srgan_gp.system.write_errors import concerns_the_disk

INTERNAL_ERROR = SrganGpError.code
"""Code of an error of this program, of which the user is not the cause."""
UNKNOWN_SECONDS = 0.0
"""Expected time for a tile, if the speed of the model was not measured."""
NO_MEMORY_MESSAGE = "there is not enough memory for it; pass a smaller --tile or --scale"


@dataclass(frozen=True)
class UpscaleSettings:
    """Options that apply to all images of a run."""

    scale: float | None = None
    """Scale factor of both sides; None: the scale factor of the model."""
    width: int | None = None
    """Width of each result in pixels, in place of `scale`."""
    tile: TileChoice = "auto"
    """Largest side of a tile in input pixels; "auto": as the memory allows; None: no tiles."""
    quality: Quality | None = None
    """Quality of JPEG, WebP and AVIF; None: the default of the format."""
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Largest input: width x height in pixels, of all its frames together."""
    strip_metadata: bool = False
    """Write no EXIF, no XMP and no resolution."""
    frames: Literal["all", "first"] = "all"
    """Frames of an animation or pages of a multi-page image that are upscaled."""

    def scale_of(self, width: int, model_scale: int) -> float:
        """Return the scale factor for an image of this width in pixels."""
        if self.width:
            return self.width / width
        return self.scale or model_scale


@dataclass(frozen=True)
class Facts:
    """Sizes, device, tiles and time of one upscaled image, for the report of the run.

    These fields are copied to fields of `plan_runner.Outcome`, which have the same names.
    """

    size: tuple[int, int]
    """Width and height of the input in pixels, upright."""
    result_size: tuple[int, int]
    """Width and height of the result in pixels."""
    device: str
    """Device that ran the network: `cpu` or `cuda:N`."""
    provider: str
    """Execution provider of ONNX Runtime, such as `CPUExecutionProvider`."""
    precision: str
    """`float32`, `float16` or `int8`."""
    tiles: int
    """Number of times that the network was run."""
    seconds: float
    """Time of upscaling in seconds, without reading and writing files."""
    frames: int = 1
    """Number of frames or pages; 1 for a still image."""
    warnings: tuple[str, ...] = ()
    """About reading, upscaling and writing; each text once."""
    faces: list[dict[str, Any]] | None = None
    """`FaceResult.values` of each face; None: faces were not searched. If there are several frames,
    each face also has `frame`, the number of its frame from 1."""

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        result_size: tuple[int, int],
        reports: Sequence[UpscaleReport],
        warnings: Sequence[str],
    ) -> "Facts":
        """Collect the facts from one report for each frame.

        Args:
            size: as the field.
            result_size: as the field.
            reports: reports of the upscaler; device, provider and precision are the first one's.
            warnings: warnings about reading and writing the files.
        """
        first = reports[0]
        all_warnings = [*warnings]
        faces: list[dict[str, Any]] = []
        for number, report in enumerate(reports, start=1):
            all_warnings += report.warnings
            frame = {"frame": number} if len(reports) > 1 else {}
            faces += [frame | face.values() for face in report.faces or ()]
        return cls(
            size=size,
            result_size=result_size,
            device=first.device,
            provider=first.provider,
            precision=first.precision,
            tiles=sum(report.tiles for report in reports),
            seconds=sum(report.seconds for report in reports),
            frames=len(reports),
            warnings=tuple(dict.fromkeys(all_warnings)),  # each once, in order
            faces=None if first.faces is None else faces,
        )


@dataclass(frozen=True)
class Result:
    """Result of a job: a staged file, its facts and the SHA-256 of the input; or else an error."""

    job: UpscaleJob
    staged: Staged | None = None
    facts: Facts | None = None
    input_sha256: str = ""
    error: PictureError | None = None


OnJobTiles = Callable[[UpscaleJob, int, int, float], None]
"""Called with (job, tiles done, tiles in all, expected seconds for a tile), from any thread.

The seconds may be `UNKNOWN_SECONDS`. The first call, with 0 tiles done, is made before the network
starts.
"""


class Engine(Protocol):
    """Runs several jobs at once and returns their results in any order."""

    capacity: int
    """Largest number of jobs in progress: submitted, with results not taken yet."""

    on_tiles: OnJobTiles | None
    """Set by the owner of the engine. Only `ThreadEngine` calls it: other engines get no progress
    from their workers."""

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
    """Return the failed result of a job, if its error concerns this job only.

    Raises:
        BaseException: `error` itself, if it concerns all jobs, such as a full disk.
    """
    match error:
        case PictureError():
            return Result(job, error=error)
        case MemoryError():
            return Result(job, error=PictureError("E_OUT_OF_MEMORY", NO_MEMORY_MESSAGE))
        case ModelRefusedError():  # the model does not accept images of this size
            return Result(job, error=PictureError(error.code, str(error)))
        case OutputError() if not concerns_the_disk(error):
            return Result(job, error=PictureError(error.code, str(error)))
        case SrganGpError():
            raise error
        case Exception():
            # Probably a bug that this image triggers: it must not end the run.
            message = f"internal error: {type(error).__name__}: {error}; please report it"
            return Result(job, error=PictureError(INTERNAL_ERROR, message))
        case _:  # such as KeyboardInterrupt
            raise error
