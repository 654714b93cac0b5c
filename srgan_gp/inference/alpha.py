"""Transparency without fringes: colours where none can be seen, and an alpha that stays flat.

A transparent pixel has a colour too, often black or white, and a network that sees it draws a rim
of it around whatever is visible. So hidden colours are replaced by visible ones from nearby first.
"""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]

DILATIONS = 4  # rings of pixels that continue the nearest visible colours exactly


def fill_hidden_colours(pixels: Array, alpha: Array) -> Array:
    """Replace the colours that alpha hides by visible ones from nearby.

    The first rings of hidden pixels take the mean of their visible neighbours. Farther ones take a
    mean over squares that double in size until they contain something visible.

    Args:
        pixels: (H, W, C), any dtype; not multiplied by alpha.
        alpha: (H, W); 0 hides.

    Returns:
        Same shape and dtype; visible pixels are unchanged, and hidden ones do not influence it.
    """
    visible = alpha > 0
    if visible.all() or not visible.any():
        return pixels
    weight = visible.astype(np.float32)[..., None]
    colour = pixels.astype(np.float32) * weight
    for _ in range(DILATIONS):
        colour, weight = _dilate(colour, weight)
    filled = _fill_from_coarser(colour, weight)
    if pixels.dtype.kind == "u":
        filled = np.rint(filled)
    return np.where(visible[..., None], pixels, filled.astype(pixels.dtype))


def keep_flat_alpha(alpha: Floats, enlarged: Floats) -> Floats:
    """Undo what a network did to areas that were fully opaque or fully transparent.

    Args:
        alpha: (H, W), float32 in [0, 1], before enlargement.
        enlarged: (H * s, W * s) for any s, float32; changed in place.

    Returns:
        `enlarged`, exactly 0 or 1 where the 3 x 3 pixels around the same place in `alpha` all are.
    """
    height, width = alpha.shape
    rows = [y * height // enlarged.shape[0] for y in range(enlarged.shape[0])]
    columns = [x * width // enlarged.shape[1] for x in range(enlarged.shape[1])]
    sums = _sum_around(np.pad(alpha, 1, mode="edge")[..., None])[1:-1, 1:-1, 0]
    blocks = sums[rows][:, columns]
    enlarged[blocks == 0] = 0
    enlarged[blocks == 9] = 1  # exact: nine ones add up without rounding
    return enlarged


def _dilate(colour: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Give pixels of weight 0 the mean of their neighbours of weight 1."""
    count = _sum_around(weight)
    fresh = (weight == 0) & (count > 0)
    mean = np.divide(_sum_around(colour), np.maximum(count, 1), dtype=np.float32)
    return np.where(fresh, mean, colour), np.where(fresh, np.float32(1), weight)


def _sum_around(plane: Floats) -> Floats:
    """Add up the 3 x 3 pixels around each pixel of (H, W, C)."""
    padded = np.pad(plane, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return cast(Floats, rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])


def _fill_from_coarser(colour: Floats, weight: Floats) -> Floats:
    """Fill pixels of weight 0 from a copy at half the size, which is filled in the same way."""
    if weight.all():
        return colour
    height, width = weight.shape[:2]
    half_weight = _sum_of_squares(weight)
    half_sum = _sum_of_squares(colour)
    half_colour = np.divide(half_sum, np.maximum(half_weight, 1), dtype=np.float32)
    coarse = _fill_from_coarser(half_colour, np.minimum(half_weight, np.float32(1)))
    enlarged = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(weight > 0, colour, enlarged)


def _sum_of_squares(plane: Floats) -> Floats:
    """Add up 2 x 2 pixels; (H, W, C) to (ceil(H / 2), ceil(W / 2), C)."""
    height, width, channels = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape(-(-height // 2), 2, -(-width // 2), 2, channels).sum(axis=(1, 3))
