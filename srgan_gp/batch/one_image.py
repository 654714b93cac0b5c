"""One image from file to staged result: decode, upscale, encode.

Every engine works by these three steps, wherever they run. Nothing here looks at the journal or
gives a file its final name: that is for the runner.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from srgan_gp.batch.engines.engine_interface import Facts, Result, UpscaleSettings
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.errors import PictureError
from srgan_gp.images import (
    FrameSequence,
    Picture,
    encode_image,
    read_image,
    read_sequence,
    write_sequence,
)
from srgan_gp.inference.upscale_report import UpscaleReport
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import Staged, hash_file, write_staged

OnTiles = Callable[[int, int], None]
"""Told (tiles done, tiles in all) of a picture."""


@dataclass(frozen=True)
class Decoded:
    """An image in memory, or a sequence that is read frame by frame, and its target."""

    job: UpscaleJob
    content: Picture | FrameSequence
    size: tuple[int, int]
    """Width and height, upright."""
    target: Path
    input_sha256: str

    @property
    def frames(self) -> int:
        """Pictures in the file that are worked on."""
        return 1 if isinstance(self.content, Picture) else self.content.count

    def memory(self, scale: float) -> int:
        """Bytes of the pixels, of input and result together; few for a sequence, which streams."""
        if not isinstance(self.content, Picture):
            return 0
        alpha = 0 if self.content.alpha is None else self.content.alpha.nbytes
        return round((self.content.pixels.nbytes + alpha) * (1 + scale**2))


@dataclass(frozen=True)
class Enlarged:
    """A result in memory."""

    decoded: Decoded
    picture: Picture
    report: UpscaleReport


def work(job: UpscaleJob, upscaler: Upscaler, settings: UpscaleSettings) -> Result:
    """Do all three steps; errors as for each of them."""
    enlarged = enlarge(decode(job, settings, upscaler.scale), upscaler, settings)
    return enlarged if isinstance(enlarged, Result) else encode(enlarged, settings)


def decode(job: UpscaleJob, settings: UpscaleSettings, model_scale: int) -> Decoded:
    """Read a picture; everything that can refuse it comes before the work.

    Args:
        job: whose source is read.
        settings: of the run.
        model_scale: enlargement where the settings name none.

    Raises:
        PictureError: it cannot be read, or its result would be too large for anything.
    """
    before = _state(job.source)
    content = _read(job.source, settings)
    input_sha256 = _hash(job.source)
    if _state(job.source) != before:
        raise PictureError("E_CHANGED", "the file changed while it was read; try again")
    scale = settings.scale or model_scale
    width, height = round(content.width * scale), round(content.height * scale)
    frames = 1 if isinstance(content, Picture) else content.count
    check_result_size(width, height, frames, settings.max_pixels)
    target = chosen_target(job, content, height, width)
    return Decoded(job, content, (content.width, content.height), target, input_sha256)


def enlarge(
    decoded: Decoded, upscaler: Upscaler, settings: UpscaleSettings, on_tiles: OnTiles | None = None
) -> Enlarged | Result:
    """Run the network over an image; a sequence, never whole in memory, is encoded as well.

    Args:
        decoded: is used up if it is a sequence.
        upscaler: used by one thread at a time.
        settings: of the run.
        on_tiles: told of the tiles; of a sequence, of those of the frame at hand.

    Raises:
        PictureError: as for `Upscaler.upscale_picture`, and for a sequence as for `encode`.
        Cancelled: `Upscaler.cancel` was called.
        DeviceError: the GPU failed.
    """
    reports: list[UpscaleReport] = []

    def enlarge_one(picture: Picture) -> Picture:
        result = upscaler.upscale_picture(
            picture,
            scale=settings.scale,
            tile=settings.tile,
            on_progress=on_tiles,
            scratch_folder=decoded.target.parent,
        )
        assert upscaler.report is not None  # upscale_picture has just made it
        reports.append(upscaler.report)
        return result

    if isinstance(decoded.content, Picture):
        return Enlarged(decoded, enlarge_one(decoded.content), *reports)
    sequence = decoded.content.changed(enlarge_one)
    staged, warnings = _stage(decoded.target, partial(write_sequence, sequence), settings)
    scale = reports[0].scale
    result_size = (round(decoded.size[0] * scale), round(decoded.size[1] * scale))
    return _result(decoded, staged, result_size, reports, warnings)


def encode(
    enlarged: Enlarged, settings: UpscaleSettings, on_write: Callable[[], None] | None = None
) -> Result:
    """Write a result up to its last step.

    Args:
        enlarged: the result.
        settings: of the run.
        on_write: called before bytes are written; what it raises ends the work, and leaves no file.

    Raises:
        PictureError: the format cannot hold it.
        OutputError: the file cannot be written.
    """
    decoded, picture = enlarged.decoded, enlarged.picture

    def write(file: BinaryIO, **options: Any) -> tuple[str, ...]:  # noqa: ANN401
        watched = file if on_write is None else cast("BinaryIO", _WatchedFile(file, on_write))
        return encode_image(picture, watched, **options)

    staged, warnings = _stage(decoded.target, write, settings)
    warnings = (*picture.notes, *warnings)
    size = (picture.width, picture.height)
    return _result(decoded, staged, size, [enlarged.report], warnings)


class _WatchedFile:
    """A file that is written to as any other, but for what is called first."""

    def __init__(self, file: BinaryIO, on_write: Callable[[], None]) -> None:
        self._file, self._on_write = file, on_write

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        self._on_write()
        return self._file.write(data)


def _stage(
    target: Path, write: Callable[..., tuple[str, ...]], settings: UpscaleSettings
) -> tuple[Staged, tuple[str, ...]]:
    """Write a file up to its last step; `write` gets the file and the options of its format."""
    options = {
        "format": target.suffix,
        "quality": settings.quality,
        "strip_metadata": settings.strip_metadata,
    }
    return write_staged(target, lambda file: write(file, **options))


def _read(source: Path, settings: UpscaleSettings) -> Picture | FrameSequence:
    if settings.frames == "first":
        return read_image(source, max_pixels=settings.max_pixels)
    sequence = read_sequence(source, max_pixels=settings.max_pixels)
    if sequence.kind != "still":
        return sequence
    [frame] = sequence.frames
    return replace(frame.picture, notes=sequence.notes + frame.picture.notes)


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written to or replaced; None where reading it will say more."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError("E_CHANGED", f"it cannot be read a second time ({reason})") from error


def _result(
    decoded: Decoded,
    staged: Staged,
    result_size: tuple[int, int],
    reports: list[UpscaleReport],
    warnings: tuple[str, ...],
) -> Result:
    """Put together what an engine hands over."""
    first = reports[0]
    told = [sentence for report in reports for sentence in report.warnings]
    facts = Facts(
        size=decoded.size,
        result_size=result_size,
        device=first.device,
        provider=first.provider,
        precision=first.precision,
        tiles=sum(report.tiles for report in reports),
        seconds=sum(report.seconds for report in reports),
        frames=decoded.frames,
        warnings=tuple(dict.fromkeys((*warnings, *told))),
    )
    return Result(decoded.job, staged, facts, decoded.input_sha256)
