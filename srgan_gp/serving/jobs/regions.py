"""Regions of an image, with the margin that a network needs around them."""

from dataclasses import replace

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region

MARGIN = 32
"""Pixels around a region that are upscaled with it; the receptive field of the shipped networks
reaches 27 pixels."""


def region_of(picture: Picture, requested: Region | int | None) -> Region:
    """Clip a requested region to the image.

    Args:
        picture: the image.
        requested: a region; or the side of a centred square; None: the whole image.

    Raises:
        PictureError: E_NO_PIXELS; the region lies outside of the image.
    """
    if requested is None:
        return 0, 0, picture.width, picture.height
    if isinstance(requested, int):
        left, top = (picture.width - requested) // 2, (picture.height - requested) // 2
        requested = left, top, requested, requested
    left, top, width, height = requested
    right, bottom = min(left + width, picture.width), min(top + height, picture.height)
    left, top = max(left, 0), max(top, 0)
    if right <= left or bottom <= top:
        raise PictureError("E_NO_PIXELS", "the region lies outside of the image")
    return left, top, right - left, bottom - top


def with_margin(picture: Picture, region: Region) -> Region:
    """Extend a region by `MARGIN` on every side, clipped to the image."""
    left, top, width, height = region
    return region_of(
        picture, (left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    )


def crop(picture: Picture, region: Region) -> Picture:
    """Crop an image to a region; the arrays are views."""
    left, top, width, height = region
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)


def region_in_result(region: Region, outer: Region, result: Picture) -> Region:
    """Map a region of an image to the upscaled image of a region around it.

    Args:
        region: region of the image.
        outer: region of the image that was upscaled; it contains `region`.
        result: upscaled image of `outer`.

    Returns:
        Left, top, width and height in `result`.
    """
    sides = (result.width, result.height)
    scales = [side / own for side, own in zip(sides, outer[2:], strict=True)]
    lengths = [max(round(own * s), 1) for own, s in zip(region[2:], scales, strict=True)]
    # Start and length are both rounded; their sum must not exceed the result.
    starts = [
        min(round((own - origin) * scale), side - length)
        for own, origin, scale, side, length in zip(
            region[:2], outer[:2], scales, sides, lengths, strict=True
        )
    ]
    return starts[0], starts[1], lengths[0], lengths[1]
