"""Limit of the scale of an upscale request, on which the work for a small image depends."""

from bisect import bisect_right
from math import ceil

from srgan_gp.batch.naming.result_format import RESULT_PIXELS_PER_INPUT_PIXEL
from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region, UpscaleRequest

_FREE_SCALE = 4
"""Scale up to which `check_scale` allows every image, whatever the model. With a lower one, a model
of x2 could not enlarge large images by 4; a higher one would let small images cause more work."""
_STEPS_PER_UNIT = 100
"""The scale that a message advises is a multiple of 1 / `_STEPS_PER_UNIT`."""


def check_scale(
    request: UpscaleRequest,
    picture: Picture,
    outer_region: Region,
    scale: float,
    model_scale: int,
    max_pixels: int,
) -> None:
    """Limit the work that a small image and a large scale can cause.

    A scale above 4 and above that of the model is allowed only if the result has at most
    `max_pixels` pixels. A result of any scale may have 16 times `max_pixels`, which is checked
    later. The message about a refused scale advises the largest scale or width within both limits.

    Args:
        request: request of the client.
        picture: the whole image, of at most `max_pixels` pixels.
        outer_region: the part of the image that is computed.
        scale: scale of the result.
        model_scale: scale of the model.
        max_pixels: largest number of pixels of an input.

    Raises:
        PictureError: E_TOO_MANY_PIXELS.
    """
    free_scale = max(_FREE_SCALE, model_scale)
    _left, _top, width, height = outer_region
    pixels = round(width * scale) * round(height * scale)
    if scale <= free_scale or pixels <= max_pixels:
        return

    def largest_in_steps(steps_per_unit: int) -> int:
        return _largest_allowed(width, height, scale, free_scale, max_pixels, steps_per_unit)

    if request.width is None:
        advice = f"scale up to {largest_in_steps(_STEPS_PER_UNIT) / _STEPS_PER_UNIT:.10g}"
    else:  # A step of 1 / width in the scale is one pixel in the width of the result.
        advice = f"width up to {largest_in_steps(picture.width)}"
    raise PictureError(
        "E_TOO_MANY_PIXELS",
        f"beyond x{free_scale} a result may have {max_pixels:,} pixels, and this one would have "
        f"{pixels:,}; choose a {advice}",
    )


def _largest_allowed(
    width: int, height: int, scale: float, free_scale: int, max_pixels: int, steps_per_unit: int
) -> int:
    """Return the largest scale below a refused one that both limits allow, as a number of steps.

    Args:
        width: width of the image in pixels.
        height: height of the image in pixels.
        scale: the refused scale, whose result has too many pixels.
        free_scale: scale up to which a result may have 16 times `max_pixels`.
        max_pixels: largest number of pixels of a result of a larger scale.
        steps_per_unit: number of steps from one whole scale to the next.
    """

    def pixels(step: int) -> int:
        scale_of_step = step / steps_per_unit
        return round(width * scale_of_step) * round(height * scale_of_step)

    def last_step_within(limit: int) -> int:
        # More steps never give fewer pixels, so that the last step is found by halving.
        return bisect_right(range(ceil(scale * steps_per_unit)), limit, key=pixels) - 1

    limit_up_to_free_scale = RESULT_PIXELS_PER_INPUT_PIXEL * max_pixels
    return max(
        last_step_within(max_pixels),
        min(free_scale * steps_per_unit, last_step_within(limit_up_to_free_scale)),
    )
