"""Regions of an image, with the margin that a network needs around them."""

from dataclasses import replace

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture
from srgan_gp.serving.jobs.job_requests import Region

MARGIN = 32
"""Pixels around a region that are enlarged with it; shipped networks look 27 far."""


def region_of(picture: Picture, asked: Region | int | None) -> Region:
    """Cut off what reaches out of the picture.

    Args:
        picture: whose part it is.
        asked: a part; or the side of a square in the middle; None: the whole picture.

    Raises:
        PictureError: E_NO_PIXELS; nothing is left.
    """
    if asked is None:
        return 0, 0, picture.width, picture.height
    if isinstance(asked, int):
        asked = ((picture.width - asked) // 2, (picture.height - asked) // 2, asked, asked)
    left, top, width, height = asked
    right, bottom = min(left + width, picture.width), min(top + height, picture.height)
    left, top = max(left, 0), max(top, 0)
    if right <= left or bottom <= top:
        raise PictureError("E_NO_PIXELS", "the region lies outside of the picture")
    return left, top, right - left, bottom - top


def with_margin(picture: Picture, region: Region) -> Region:
    """Grow a region by `MARGIN` on every side, as far as the picture goes."""
    left, top, width, height = region
    return region_of(
        picture, (left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    )


def cut(picture: Picture, region: Region) -> Picture:
    """Give a part of a picture; its arrays are views."""
    left, top, width, height = region
    rows, columns = slice(top, top + height), slice(left, left + width)
    alpha = None if picture.alpha is None else picture.alpha[rows, columns]
    return replace(picture, pixels=picture.pixels[rows, columns], alpha=alpha)


def enlarged_region(region: Region, around: Region, result: Picture) -> Region:
    """Find a region in the result of what is around it.

    Args:
        region: in the picture.
        around: what was enlarged, in the picture; `region` lies inside.
        result: of `around`.

    Returns:
        Left, top, width and height in `result`.
    """
    sides = (result.width, result.height)
    scales = [side / own for side, own in zip(sides, around[2:], strict=True)]
    lengths = [max(round(own * s), 1) for own, s in zip(region[2:], scales, strict=True)]
    # Both are rounded, and must not reach out of the result together.
    starts = [
        min(round((own - outer) * scale), side - length)
        for own, outer, scale, side, length in zip(
            region[:2], around[:2], scales, sides, lengths, strict=True
        )
    ]
    return starts[0], starts[1], lengths[0], lengths[1]
