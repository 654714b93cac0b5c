"""Limit of the scale of an upscale request, on which the work for a small image depends."""

from math import isqrt

from srgan_gp.batch.naming.result_format import RESULT_PIXELS_PER_INPUT_PIXEL
from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region, UpscaleRequest

_UNLIMITED_SCALE = 4
"""Scale up to which `check_scale` allows every image, whatever the model."""


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
    and names the limit that applies. What it advises is within both limits.

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
    possible = isqrt(RESULT_PIXELS_PER_INPUT_PIXEL * max_pixels // (width * height))
    largest = min(unlimited, possible)
    advice = f"scale up to {largest}"
    if request.width is not None:
        advice = f"width up to {largest * picture.width}"
    raise PictureError(
        "E_TOO_MANY_PIXELS",
        f"beyond x{unlimited} a result may have {max_pixels:,} pixels, and this one would have "
        f"{pixels:,}; choose a {advice}",
    )
