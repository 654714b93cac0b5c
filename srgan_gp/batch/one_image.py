"""One image from file to staged result: decode, upscale, encode.

Every batch engine runs these three steps. The result is a staged file: complete, but under a hidden
name. `batch.plan_runner` records the staged file in the journal and gives it its final name. A
sequence is an animation or a multi-page image, which is read and written frame by frame.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from srgan_gp.batch.early_encoding import EARLY_SUFFIXES, EarlyEncoding
from srgan_gp.batch.engines.engine_interface import Facts, Result, UpscaleSettings
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.batch.watched_file import write_watched
from srgan_gp.errors import PictureError
from srgan_gp.images import (
    FrameSequence,
    Picture,
    encode_image,
    read_picture,
    read_sequence,
    write_sequence,
)
from srgan_gp.inference.upscale_report import UpscaleReport
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import hash_file, write_staged

_FILE_STATE = attrgetter("st_ino", "st_size", "st_mtime_ns")
"""Fields of the result of `stat`; at least one changes when the file is written or replaced."""

OnTiles = Callable[[int, int], None]
"""Called with (tiles done, tiles in all) of an image."""


@dataclass(frozen=True)
class Decoded:
    """An input after its checks, and the path of its result."""

    job: UpscaleJob
    content: Picture | FrameSequence
    """An image in memory; or an animation or multi-page image, which is read frame by frame."""
    size: tuple[int, int]
    """Width and height in pixels, upright."""
    target: Path
    """Path of the result: the target of the job or its fallback, a PNG."""
    input_sha256: str
    """SHA-256 of the input file, 64 hexadecimal digits."""
    pixel_bytes: int = 0
    """Bytes of the pixels of input and result together; 0 for a sequence, which is streamed."""


@dataclass(frozen=True)
class Enlarged:
    """An upscaled image in memory."""

    decoded: Decoded
    """The input."""
    picture: Picture
    """The result."""
    report: UpscaleReport
    early_encoding: EarlyEncoding | None = None
    """The encoding that began while the network was running; None: `encode` begins it."""


def upscale_file(job: UpscaleJob, upscaler: Upscaler, settings: UpscaleSettings) -> Result:
    """Run all three steps in this thread, and return the result; errors as for each step."""
    enlarged = enlarge(decode(job, settings, upscaler.scale), upscaler, settings)
    return enlarged if isinstance(enlarged, Result) else encode(enlarged, settings)


def decode(job: UpscaleJob, settings: UpscaleSettings, model_scale: int) -> Decoded:
    """Read the image `job.source` and run every check that does not need the network.

    Args:
        job: paths of the image and of its result.
        settings: options of the run.
        model_scale: scale factor that is used if the settings have none.

    Raises:
        PictureError: the file cannot be read, or changes while it is read; the result would have
            too many pixels, or none; or no format can hold the result.
    """
    state_before = None
    with suppress(OSError, ValueError):  # `_read` below raises a PictureError about such a file.
        state_before = _FILE_STATE(job.source.stat())
    content = _read(job.source, settings)
    try:
        input_sha256 = hash_file(job.source)
        state_after = _FILE_STATE(job.source.stat())
    except OSError as error:
        reason = error.strerror or str(error)
        raise PictureError("E_CHANGED", f"it cannot be read a second time ({reason})") from error
    if state_after != state_before:
        raise PictureError("E_CHANGED", "the file changed while it was read; try again")
    size = (content.width, content.height)
    scale = settings.scale_of(size[0], model_scale)
    width, height = round(size[0] * scale), round(size[1] * scale)
    frames, pixel_bytes = 1, 0
    if isinstance(content, FrameSequence):
        frames = content.count
    else:
        alpha_bytes = 0 if content.alpha is None else content.alpha.nbytes
        # The result has `scale**2` times as many pixels as the input, and the same dtype.
        pixel_bytes = round((content.pixels.nbytes + alpha_bytes) * (1 + scale**2))
    check_result_size(height, width, frames, settings.max_pixels)
    target = chosen_target(job, content, height, width)
    return Decoded(job, content, size, target, input_sha256, pixel_bytes)


def enlarge(
    decoded: Decoded,
    upscaler: Upscaler,
    settings: UpscaleSettings,
    on_tiles: OnTiles | None = None,
    *,
    encodes_early: bool = False,
) -> Enlarged | Result:
    """Run the network over an image, or over all frames of a sequence.

    Args:
        decoded: result of `decode`. Pass a sequence only once: its frames are read here.
        upscaler: runs the network; no other thread may use it meanwhile.
        settings: options of the run.
        on_tiles: called after each tile; the tiles of all frames of a sequence count together.
        encodes_early: encode the rows of a PNG or TIFF while the network computes the next rows.
            Then `encode` must be called for the result.

    Returns:
        The upscaled image, for `encode`; or the finished result of a sequence, which is encoded
        here frame by frame, since it is never whole in memory.

    Raises:
        SrganGpError: as for `Upscaler.upscale_picture`; for a sequence also as for `encode`, and
            PictureError for a damaged frame.
    """
    upscale = partial(
        upscaler.upscale_picture,
        scale=settings.scale_of(decoded.size[0], upscaler.scale),
        tile=settings.tile,
        scratch_folder=decoded.target.parent,  # for pixels that exceed the main memory
    )
    if isinstance(decoded.content, Picture):
        early = None
        if encodes_early and decoded.target.suffix.lower() in EARLY_SUFFIXES:
            early = EarlyEncoding(decoded.target, settings)
            picture = early.run(upscale, decoded.content, on_tiles)
        else:
            picture = upscale(decoded.content, on_progress=on_tiles)
        assert upscaler.report is not None  # `upscale_picture` sets it.
        return Enlarged(decoded, picture, upscaler.report, early)

    reports: list[UpscaleReport] = []
    frames = decoded.content.count

    def report_tiles(done: int, total: int) -> None:
        if on_tiles is not None:  # Frames have equal sizes, so each has about `total` tiles.
            on_tiles(len(reports) * total + done, frames * total)

    def upscale_frame(frame: Picture) -> Picture:
        result = upscale(frame, on_progress=report_tiles)
        assert upscaler.report is not None
        reports.append(upscaler.report)
        return result

    # Each frame is read and upscaled when `write_sequence` asks for it.
    sequence = decoded.content.changed(upscale_frame)
    write = partial(
        write_sequence,
        sequence,
        format=decoded.target.suffix,
        quality=settings.quality,
        strip_metadata=settings.strip_metadata,
    )
    staged, warnings = write_staged(decoded.target, write)
    width, height = (round(side * reports[0].scale) for side in decoded.size)
    facts = Facts.of(decoded.size, (width, height), reports, warnings)
    return Result(decoded.job, staged, facts, decoded.input_sha256)


def encode(
    enlarged: Enlarged, settings: UpscaleSettings, on_write: Callable[[], None] | None = None
) -> Result:
    """Write a result to a staged file, which has no final name yet.

    Args:
        enlarged: result of `enlarge`.
        settings: options of the run.
        on_write: called before each write. Its exceptions end the encoding and leave no file. It is
            not called for an encoding that `enlarge` began; there `on_tiles` has this effect.

    Raises:
        PictureError: the format cannot hold the result.
        OutputError: the file cannot be written.
    """
    decoded, picture = enlarged.decoded, enlarged.picture
    if enlarged.early_encoding is not None:
        staged, warnings = enlarged.early_encoding.finish(picture)
    else:
        write: Callable[[BinaryIO], tuple[str, ...]] = partial(
            encode_image,
            picture,
            format=decoded.target.suffix,
            quality=settings.quality,
            strip_metadata=settings.strip_metadata,
        )
        if on_write is not None:
            write = partial(write_watched, write, on_write)
        staged, warnings = write_staged(decoded.target, write)
    warnings = (*picture.notes, *warnings)
    result_size = (picture.width, picture.height)
    facts = Facts.of(decoded.size, result_size, [enlarged.report], warnings)
    return Result(decoded.job, staged, facts, decoded.input_sha256)


def _read(source: Path, settings: UpscaleSettings) -> Picture | FrameSequence:
    """Read a still image into memory, or open a sequence of frames."""
    if settings.frames == "first":
        return read_picture(source, max_pixels=settings.max_pixels)
    sequence = read_sequence(source, max_pixels=settings.max_pixels)
    if sequence.kind != "still":
        return sequence
    [frame] = sequence.frames  # a sequence of kind "still" has one frame
    return replace(frame.picture, notes=sequence.notes + frame.picture.notes)
