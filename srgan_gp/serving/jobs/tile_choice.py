"""Choice of tiles that are completed often enough for the progress of a job."""

import math
from typing import Literal

MAX_TILE_SECONDS = 4.0
"""Duration of a tile that is aimed for; `MAX_COMPUTED_SHARE` may require longer ones."""
MAX_COMPUTED_SHARE = 1.15
"""Computed pixels for each needed one: tiles overlap, so that small ones are wasteful."""


def tile_for(
    size: tuple[int, int], overlap: int | None, seconds_per_megapixel: float | None
) -> int | Literal["auto"]:
    """Choose the tile size of an image.

    Args:
        size: width and height of the image in pixels.
        overlap: pixels that a tile needs around it; None: the model cannot be tiled.
        seconds_per_megapixel: measured time of the model; None: unknown.

    Returns:
        The side of a tile in pixels; `auto` where the usual tiles are quick enough.

    >>> tile_for((4000, 3000), 16, 10.0), tile_for((4000, 3000), 16, None)
    (667, 'auto')
    >>> tile_for((400, 300), 16, 10.0)
    'auto'
    """
    if overlap is None or not seconds_per_megapixel:
        return "auto"
    quick = math.isqrt(int(MAX_TILE_SECONDS / seconds_per_megapixel * 1e6)) - 2 * overlap
    # A tile of side t computes (t + 2 overlap)^2 pixels for t^2.
    economical = math.ceil(2 * overlap / (math.sqrt(MAX_COMPUTED_SHARE) - 1))
    side = max(quick, economical)
    if max(size) <= side:
        return "auto"
    # Fewer, equal tiles: a narrow one at the edge would compute mostly overlap.
    return max(math.ceil(own / (own // side)) for own in size if own > side)
