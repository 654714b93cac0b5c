"""Regions of an image: clipping, cropping, and the margin that a network needs around them.

A `Region` is (left, top, width, height) in pixels.
"""

from dataclasses import replace

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region
from srgan_gp.serving.results.image_views import detailed_place

MARGIN = 32
"""Pixels around a region that are upscaled with it; the receptive field of the shipped networks
reaches 27 pixels. With fewer, the border of the region would differ from that of the whole image
upscaled; with more, a preview takes longer."""
_SMALL_SIDE = 512
"""Pixels. Details are sought in a small copy of every n-th pixel. The number n is the longer side
of the image divided by `_SMALL_SIDE`, rounded down, so the copy is 512 to 1023 pixels long;
an image that is shorter is used as it is. A smaller copy misses finer details; a larger one takes
longer."""


def region_of(picture: Picture, requested: Region | int | None) -> Region:
    """Return a requested region, clipped to the image.

    Args:
        picture: the image.
        requested: a region, or the side in pixels of a square in which there are many details;
            None: the whole image.

    Raises:
        PictureError: E_NO_PIXELS; the region lies outside of the image.
    """
    if requested is None:
        return 0, 0, picture.width, picture.height
    if isinstance(requested, int):
        left, top, width, height = _detailed_square(picture, requested)
    else:
        left, top, width, height = requested
    right, bottom = min(left + width, picture.width), min(top + height, picture.height)
    left, top = max(left, 0), max(top, 0)
    if right <= left or bottom <= top:
        raise PictureError("E_NO_PIXELS", "the region lies outside of the image")
    return left, top, right - left, bottom - top


def _detailed_square(picture: Picture, side: int) -> Region:
    """Return a square around a detailed place of an image, clipped to the image.

    Args:
        picture: the image.
        side: side of the square in pixels.
    """
    step = max(max(picture.width, picture.height) // _SMALL_SIDE, 1)
    small = picture.pixels[::step, ::step]
    column, row = detailed_place(small, (picture.width, picture.height))
    width, height = min(side, picture.width), min(side, picture.height)
    left = min(max(column - width // 2, 0), picture.width - width)
    top = min(max(row - height // 2, 0), picture.height - height)
    return left, top, width, height


def add_margin(picture: Picture, region: Region) -> Region:
    """Return a region extended by `MARGIN` pixels on every side, clipped to the image."""
    left, top, width, height = region
    extended = (left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    return region_of(picture, extended)


def crop(picture: Picture, region: Region) -> Picture:
    """Return a region of an image; the arrays are views of the arrays of the image.

    Args:
        picture: the image.
        region: a region that lies within the image.
    """
    left, top, width, height = region
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)


def region_in_result(region: Region, outer: Region, result: Picture) -> Region:
    """Return the region of an upscaled image that shows a region of the input.

    Args:
        region: region of the input.
        outer: region of the input that was upscaled; it contains `region`.
        result: upscaled image of `outer`.

    Returns:
        Left, top, width and height in pixels of `result`.
    """
    outer_left, outer_top, outer_width, outer_height = outer
    region_left, region_top, region_width, region_height = region
    x_scale, y_scale = result.width / outer_width, result.height / outer_height
    width = max(round(region_width * x_scale), 1)
    height = max(round(region_height * y_scale), 1)
    # Position and size are both rounded; their sum must not exceed the result.
    left = min(round((region_left - outer_left) * x_scale), result.width - width)
    top = min(round((region_top - outer_top) * y_scale), result.height - height)
    return left, top, width, height
