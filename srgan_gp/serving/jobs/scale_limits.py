"""Limit of the scale of an upscale request, on which the work for a small image depends."""

from bisect import bisect_right
from math import ceil

from srgan_gp.batch.naming.result_format import RESULT_PIXELS_PER_INPUT_PIXEL
from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region, UpscaleRequest

_UNLIMITED_SCALE = 4
"""Scale up to which `check_scale` allows every image, whatever the model. With a lower one, a model
of x2 could not enlarge large images by 4; a higher one would let small images cause more work."""
_STEPS = 100
"""Scales that a message advises are multiples of 1 / `_STEPS`."""


def check_scale(
    request: UpscaleRequest,
    picture: Picture,
    outer_region: Region,
    scale: float,
    model_scale: int,
    max_pixels: int,
) -> None:
    """Limit the work that a small image and a large scale can cause.

    A scale above max(4, the model's) is allowed only if the result has at most `max_pixels` pixels.
    The limit of all results, 16 times `max_pixels`, is checked later: this message comes first,
    and names the limit that applies. It advises the largest scale or width within both limits.

    Args:
        request: request of the client.
        picture: the whole image, of at most `max_pixels` pixels.
        outer_region: the part of the image that is computed.
        scale: scale of the result.
        model_scale: scale of the model.
        max_pixels: largest input in pixels.

    Raises:
        PictureError: E_TOO_MANY_PIXELS.
    """
    unlimited = max(_UNLIMITED_SCALE, model_scale)
    _left, _top, width, height = outer_region
    pixels = round(width * scale) * round(height * scale)
    if scale <= unlimited or pixels <= max_pixels:
        return
    # One step is a hundredth of the scale, or one pixel of the width.
    steps = _STEPS if request.width is None else picture.width
    largest = _largest_allowed(width, height, scale, unlimited, max_pixels, steps)
    advice = f"scale up to {largest / _STEPS:.10g}"
    if request.width is not None:
        advice = f"width up to {largest}"
    raise PictureError(
        "E_TOO_MANY_PIXELS",
        f"beyond x{unlimited} a result may have {max_pixels:,} pixels, and this one would have "
        f"{pixels:,}; choose a {advice}",
    )


def _largest_allowed(
    width: int, height: int, scale: float, unlimited: int, max_pixels: int, steps: int
) -> int:
    """Return the largest scale below a refused one that both limits allow, in steps.

    Args:
        width: width of the image in pixels.
        height: height of the image in pixels.
        scale: scale of a result with too many pixels.
        unlimited: scale up to which a result may have 16 times `max_pixels`.
        max_pixels: largest number of pixels of a result of a larger scale.
        steps: the scale is a multiple of 1 / `steps`.
    """

    def pixels(step: int) -> int:
        return round(width * (step / steps)) * round(height * (step / steps))

    # More steps never give fewer pixels, so that the last step within a limit is found by halving.
    all_steps = range(ceil(scale * steps))
    largest = bisect_right(all_steps, max_pixels, key=pixels) - 1
    limit_of_all = RESULT_PIXELS_PER_INPUT_PIXEL * max_pixels
    possible = bisect_right(all_steps, limit_of_all, key=pixels) - 1
    return max(largest, min(unlimited * steps, possible))
