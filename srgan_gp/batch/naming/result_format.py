"""Format of a result and check of its size.

The format is that of the target of the job (the planned path of the result), or PNG if that format
cannot hold the result. A PNG is written to another path, the fallback of the job.
"""

from pathlib import Path

from srgan_gp.batch.naming.kept_formats import holds
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.errors import PictureError
from srgan_gp.images import FrameSequence, Picture, check_encodable, find_format
from srgan_gp.images.animation.sequence_writing import choose_sequence_format

RESULT_PIXELS_PER_INPUT_PIXEL = 16
"""A result may have this many times `max_pixels`, so the largest input can be upscaled by 4."""


def check_result_size(height: int, width: int, frames: int, max_pixels: int) -> None:
    """Check that a result has pixels, and not too many.

    Args:
        height: height of a frame of the result, in pixels.
        width: width of a frame of the result, in pixels.
        frames: 1 for a still image.
        max_pixels: largest input in pixels, the value of `--max-pixels`.

    Raises:
        PictureError: E_NO_PIXELS or E_TOO_MANY_PIXELS.
    """
    if width < 1 or height < 1:
        raise PictureError(
            "E_NO_PIXELS", f"the result would be {width} x {height} pixels; choose a larger scale"
        )
    limit = max_pixels * RESULT_PIXELS_PER_INPUT_PIXEL
    pixels = width * height * frames
    if pixels > limit:
        times = f" x {frames} frames" if frames > 1 else ""
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"the result would be {width} x {height}{times} = {pixels:,} pixels, more than the "
            f"{limit:,} allowed; choose a smaller scale or raise --max-pixels",
        )


def chosen_target(
    job: UpscaleJob, content: Picture | FrameSequence, height: int, width: int
) -> Path:
    """Choose between the target of a job and its fallback, and return the path.

    The fallback is used if the format of the target would lose bits, alpha or colours, does not
    allow this height or width, cannot hold all frames, or is not the format of the input file. A
    job without a fallback has a format that the user chose, or PNG: its target is used.

    Args:
        job: job whose target has the suffix of a format that can be written.
        content: the input: an image, or the frames of an animation or multi-page image.
        height: height of the result in pixels.
        width: width of the result in pixels.

    Raises:
        PictureError: no format can hold the result.
    """
    name = find_format(job.target.suffix)
    if job.fallback is None or holds(name, content, height, width):
        if isinstance(content, FrameSequence):
            choose_sequence_format(content, name)  # raises an error if it cannot hold the frames
        bytes_per_pixel = 3  # RGB of 8 bits
        if isinstance(content, Picture):
            channels = 3 if content.alpha is None else 4  # at most: grey has fewer
            bytes_per_pixel = channels * content.pixels.itemsize
        check_encodable(height, width, name, bytes_per_pixel=bytes_per_pixel)
        return job.target
    fallback = find_format(job.fallback.suffix)
    if isinstance(content, FrameSequence):
        choose_sequence_format(content, fallback)
    check_encodable(height, width, fallback)  # PNG: sides are limited, bytes are not
    return job.fallback
