"""Interface that every batch engine implements.

An engine writes each result up to its last step. The runner alone commits it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import ModelRefusedError, OutputError, PictureError, SrganGpError
from srgan_gp.images import DEFAULT_MAX_PIXELS, Quality
from srgan_gp.system.files import Staged
from srgan_gp.system.write_errors import concerns_the_disk

NO_MEMORY = "there is not enough memory for it; pass a smaller --tile or --scale"

Value = TypeVar("Value")


@dataclass(frozen=True)
class UpscaleSettings:
    """What holds for every picture of a run."""

    scale: float | None = None
    """Enlargement of both sides; None: the model's own."""
    tile: int | Literal["auto"] | None = "auto"
    quality: Quality | None = None
    max_pixels: int = DEFAULT_MAX_PIXELS
    """Most pixels of an input, width x height, all its frames together."""
    strip_metadata: bool = False
    frames: Literal["all", "first"] = "all"
    """Of an animation or a document of several pages."""


@dataclass(frozen=True)
class Facts:
    """What was done with a picture."""

    size: tuple[int, int]
    """Width and height of the input, upright."""
    result_size: tuple[int, int]
    device: str
    provider: str
    precision: str
    tiles: int
    """Runs of the network."""
    seconds: float
    """Time in the network and around it, without reading and writing."""
    frames: int = 1
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of a job: a staged file, the facts and the hash of what was read, or an error."""

    job: UpscaleJob
    staged: Staged | None = None
    facts: Facts | None = None
    input_sha256: str = ""
    error: PictureError | None = None


OnJobTiles = Callable[[UpscaleJob, int, int], None]
"""Told (job, tiles done, tiles in all), from any thread."""


class Engine(Protocol):
    """Works on several jobs at once, and gives the results in any order."""

    capacity: int
    """Most jobs that may be under way: given and not taken back."""

    on_tiles: OnJobTiles | None
    """Told of the progress inside a picture, by engines that know it; None at first."""

    def submit(self, job: UpscaleJob) -> None:
        """Begin a job; the folder of its target is there."""
        ...

    def take(self, timeout: float) -> Result | None:
        """Wait for a result, `timeout` seconds at most; None: there is none yet.

        Raises:
            SrganGpError: what concerns all jobs, such as a full disk or a GPU that failed.
        """
        ...

    def close(self) -> None:
        """End within seconds, whatever is under way, and drop what was not taken."""
        ...


def attempt(job: UpscaleJob, step: Callable[[], Value]) -> Value | Result:
    """Take one step of a job; what concerns that job alone becomes its result.

    Raises:
        SrganGpError: what concerns all jobs.
    """
    try:
        return step()
    except PictureError as error:
        return Result(job, error=error)
    except MemoryError:
        return Result(job, error=PictureError("E_OUT_OF_MEMORY", NO_MEMORY))
    except ModelRefusedError as error:
        return Result(job, error=PictureError(error.code, str(error)))
    except OutputError as error:
        if concerns_the_disk(error):
            raise
        return Result(job, error=PictureError(error.code, str(error)))
    except SrganGpError:
        raise
    except Exception as error:
        # A mistake of ours in one picture must not cost the others.
        message = f"internal error: {type(error).__name__}: {error}; please report it"
        return Result(job, error=PictureError(SrganGpError.code, message))
