"""Upscaling of alpha: hidden colours are filled, flat alpha stays flat.

A transparent pixel has a colour too, often black or white, and a network that sees it draws a rim
of it around whatever is visible. So hidden colours are replaced by visible ones from nearby first.

Everything is done by bands of rows, so that no copy of a large picture is made in float32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.pixel_values import TOP

Array = NDArray[Any]
Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Span = tuple[int, int]

DILATIONS = 4  # rings of pixels that continue the nearest visible colours exactly
BAND_PIXELS = 1 << 20


def fill_hidden_colours(pixels: Array, alpha: Array, folder: Path | None = None) -> Array:
    """Replace the colours that alpha hides by visible ones from nearby.

    The first rings of hidden pixels take the mean of their visible neighbours. Farther ones take a
    mean over squares that double in size until they contain something visible.

    Args:
        pixels: (H, W, C), any dtype; not multiplied by alpha.
        alpha: (H, W); 0 hides.
        folder: for the temporary file of a large result.

    Returns:
        Same shape and dtype; visible pixels are unchanged, and hidden ones do not influence it.

    Raises:
        PictureError: E_DISK_FULL.
    """
    if alpha.min() > 0 or alpha.max() == 0:
        return pixels
    height, width, channels = pixels.shape
    half = (-(-height // 2), -(-width // 2))
    coarse = np.empty((*half, channels), np.float32)
    weights = np.empty((*half, 1), np.float32)
    for band in _bands(height, width):
        _halve(*_continued(pixels, alpha, band), coarse, weights, band)
    _fill_from_coarser(coarse, weights)
    result = mapped_arrays.empty(pixels.shape, pixels.dtype, folder)
    for top, bottom in _bands(height, width):
        filled, weight = _continued(pixels, alpha, (top, bottom))
        _take_from_coarser(filled, weight, coarse, top)
        if pixels.dtype.kind == "u":
            filled = np.rint(filled)
        visible = alpha[top:bottom, :, np.newaxis] > 0
        result[top:bottom] = np.where(visible, pixels[top:bottom], filled.astype(pixels.dtype))
    return result


def keep_flat_alpha(
    alpha: Array, enlarged: Floats, rows: Span, columns: Span, size: tuple[int, int]
) -> None:
    """Undo what a network did to areas that were fully opaque or fully transparent.

    `enlarged` becomes exactly 0 or 1 where the 3 x 3 pixels around the same place in `alpha` all
    are.

    Args:
        alpha: (H, W), uint8, uint16 or float32 in [0, 1], before enlargement.
        enlarged: a part of the enlarged alpha, float32; changed in place.
        rows: where the part starts and stops in the whole.
        columns: likewise.
        size: height and width of the whole.
    """
    height, width = alpha.shape
    y: Indices = np.arange(*rows) * height // size[0]
    x: Indices = np.arange(*columns) * width // size[1]
    around_y: Indices = np.arange(int(y[0]) - 1, int(y[-1]) + 2).clip(0, height - 1)
    around_x: Indices = np.arange(int(x[0]) - 1, int(x[-1]) + 2).clip(0, width - 1)
    values = alpha[around_y][:, around_x].astype(np.float32) / np.float32(TOP[alpha.dtype])
    sums = _sum_around(values[..., np.newaxis])[1:-1, 1:-1, 0]
    blocks = sums[y - y[0]][:, x - x[0]]
    enlarged[blocks == 0] = 0
    enlarged[blocks == 9] = 1  # exact: nine ones add up without rounding


def _bands(height: int, width: int) -> Iterator[Span]:
    """Cut the rows of a picture into bands that start at even ones."""
    rows = max(BAND_PIXELS // width, 2) // 2 * 2
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def _continued(pixels: Array, alpha: Array, band: Span) -> tuple[Floats, Floats]:
    """Take a band, 0 where it is hidden, with the first rings filled: colours and weights 0 or 1.

    Each ring depends on one more row above and below.
    """
    top, bottom = band
    start, stop = max(top - DILATIONS, 0), bottom + DILATIONS
    weight = (alpha[start:stop, :, np.newaxis] > 0).astype(np.float32)
    colour = pixels[start:stop].astype(np.float32) * weight
    for _ in range(DILATIONS):
        colour, weight = _dilate(colour, weight)
    return colour[top - start : bottom - start], weight[top - start : bottom - start]


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


def _fill_from_coarser(colour: Floats, weight: Floats) -> None:
    """Fill pixels of weight 0 in place, from a copy at half the size filled in the same way."""
    if weight.min() > 0:
        return
    height, width = weight.shape[:2]
    half = (-(-height // 2), -(-width // 2))
    coarse = np.empty((*half, colour.shape[2]), np.float32)
    half_weight = np.empty((*half, 1), np.float32)
    for top, bottom in _bands(height, width):
        _halve(colour[top:bottom], weight[top:bottom], coarse, half_weight, (top, bottom))
    _fill_from_coarser(coarse, half_weight)
    for top, bottom in _bands(height, width):
        _take_from_coarser(colour[top:bottom], weight[top:bottom], coarse, top)


def _halve(
    colour: Floats, weight: Floats, half_colour: Floats, half_weight: Floats, band: Span
) -> None:
    """Write the mean colours of squares of 2 x 2, and whether they have one, into the halves."""
    rows = slice(band[0] // 2, -(-band[1] // 2))
    count = _sum_of_squares(weight)
    half_weight[rows] = np.minimum(count, 1)
    np.divide(_sum_of_squares(colour), np.maximum(count, 1), out=half_colour[rows])


def _take_from_coarser(colour: Floats, weight: Floats, coarse: Floats, top: int) -> None:
    """Fill pixels of weight 0 of a band that starts at row `top` from half the size."""
    height, width = weight.shape[:2]
    part = coarse[top // 2 : -(-(top + height) // 2)]
    enlarged = part.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    np.copyto(colour, enlarged, where=weight == 0)


def _sum_of_squares(plane: Floats) -> Floats:
    """Add up 2 x 2 pixels; (H, W, C) to (ceil(H / 2), ceil(W / 2), C)."""
    height, width, channels = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape(-(-height // 2), 2, -(-width // 2), 2, channels).sum(axis=(1, 3))
