"""Alpha: replaces the colours of transparent pixels, and keeps flat areas of alpha flat.

Transparent pixels have colours too, often black or white. A network would mix them into a fringe
around the visible pixels, so they are replaced by visible colours from nearby before upscaling.

The work is done in bands (blocks of rows), so that no float32 copy of a large image is made. In
this module a weight is 1 for a pixel with a known colour and 0 for one that must be filled.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.pixel_values import FULL_SCALE
from srgan_gp.inference.tiling.tiles import Floats, Span

Array = NDArray[Any]
Indices = NDArray[np.int64]

DILATIONS = 4
"""Number of rings of hidden pixels that take the mean of their visible neighbours. Hidden pixels
farther away get square blocks of one colour. Fewer rings bring the blocks nearer to visible pixels;
more rings take more time."""
BAND_PIXELS = 1 << 20
"""Pixels of a band, whose colours take 12 MiB as float32. Larger bands take more memory; smaller
ones repeat more work, as each band also computes up to `DILATIONS` rows of the bands beside it."""


def fill_hidden_colours(pixels: Array, alpha: Array, folder: Path | None = None) -> Array:
    """Replace the colours of fully transparent pixels by visible colours from nearby.

    The first `DILATIONS` rings of hidden pixels take the mean of their visible neighbours. Pixels
    farther away take the mean of a square that doubles in size until it contains a visible pixel.

    Args:
        pixels: colours, (H, W, C), any dtype; not multiplied by alpha.
        alpha: (H, W); pixels are hidden where it is 0.
        folder: folder for the result, if it is large: it is then in a temporary file.

    Returns:
        Same shape and dtype. Visible pixels are unchanged; the result does not depend on the
        colours of hidden ones. If no pixel or every pixel is hidden, `pixels` itself.

    Raises:
        PictureError: E_DISK_FULL.
    """
    if alpha.min() > 0 or alpha.max() == 0:
        return pixels
    height, width, channels = pixels.shape
    half_size = (-(-height // 2), -(-width // 2))  # rounded up
    half_colours = np.empty((*half_size, channels), np.float32)
    half_weights = np.empty((*half_size, 1), np.float32)
    for band in _bands(height, width):
        colours, weights = _dilated_band(pixels, alpha, band)
        _halve(colours, weights, half_colours, half_weights, band)
    _fill_recursively(half_colours, half_weights)
    result = mapped_arrays.empty(pixels.shape, pixels.dtype, folder)
    for top, bottom in _bands(height, width):
        # The dilation is repeated, because its float32 result would be a copy of the image.
        filled, weights = _dilated_band(pixels, alpha, (top, bottom))
        _fill_from_half(filled, weights, half_colours, top)
        if pixels.dtype.kind == "u":  # unsigned integers
            filled = np.rint(filled)
        visible = alpha[top:bottom, :, np.newaxis] > 0
        result[top:bottom] = np.where(visible, pixels[top:bottom], filled.astype(pixels.dtype))
    return result


def keep_flat_alpha(
    alpha: Array, upscaled: Floats, rows: Span, columns: Span, size: tuple[int, int]
) -> None:
    """Set upscaled alpha to exactly 0 or 1 where the source is fully transparent or opaque.

    The network's values there are only close to 0 or 1. A value is set where all 3 x 3 source
    pixels around its position are transparent, or all are opaque.

    Args:
        alpha: (H, W), uint8, uint16 or float32 in [0, 1], before upscaling.
        upscaled: (h, w), a part of the upscaled alpha, float32 in [0, 1]; changed in place.
        rows: start and stop of the part in the whole result.
        columns: start and stop of the part in the whole result.
        size: height and width of the whole result.
    """
    height, width = alpha.shape
    # Source row and source column of each row and column of the part.
    y: Indices = np.arange(*rows) * height // size[0]
    x: Indices = np.arange(*columns) * width // size[1]
    # The source pixels of the part, with one more on each side; the border is repeated.
    around_y: Indices = np.arange(int(y[0]) - 1, int(y[-1]) + 2).clip(0, height - 1)
    around_x: Indices = np.arange(int(x[0]) - 1, int(x[-1]) + 2).clip(0, width - 1)
    # In [0, 1]: `FULL_SCALE` is the value of an opaque pixel.
    values = alpha[around_y][:, around_x].astype(np.float32) / np.float32(FULL_SCALE[alpha.dtype])
    sums = _sum_3x3(values[..., np.newaxis])[1:-1, 1:-1, 0]
    sums_of_part = sums[y - y[0]][:, x - x[0]]
    upscaled[sums_of_part == 0] = 0
    upscaled[sums_of_part == 9] = 1  # exact: nine ones add up without rounding


def _bands(height: int, width: int) -> Iterator[Span]:
    """Yield bands of rows, (start, stop), at even rows, so that no 2 x 2 block is in two bands."""
    rows = max(BAND_PIXELS // width, 2) // 2 * 2
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def _dilated_band(pixels: Array, alpha: Array, band: Span) -> tuple[Floats, Floats]:
    """Return colours and weights of a band with the first rings of hidden pixels filled.

    Returns:
        Colours (rows, W, C), in the range of `pixels`, and weights (rows, W, 1), both float32.
        Visible and filled pixels have weight 1; others have weight and colour 0.
    """
    top, bottom = band
    start, stop = max(top - DILATIONS, 0), bottom + DILATIONS  # each ring reads one row more
    weight = (alpha[start:stop, :, np.newaxis] > 0).astype(np.float32)
    colour = pixels[start:stop].astype(np.float32) * weight
    for _ in range(DILATIONS):
        colour, weight = _dilate(colour, weight)
    return colour[top - start : bottom - start], weight[top - start : bottom - start]


def _dilate(colour: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Fill pixels of weight 0 that have neighbours of weight 1 with the mean of these."""
    count = _sum_3x3(weight)
    is_filled_now = (weight == 0) & (count > 0)
    mean = np.divide(_sum_3x3(colour), np.maximum(count, 1), dtype=np.float32)
    return np.where(is_filled_now, mean, colour), np.where(is_filled_now, np.float32(1), weight)


def _sum_3x3(plane: Floats) -> Floats:
    """Add up the 3 x 3 pixels around each pixel of (H, W, C)."""
    padded = np.pad(plane, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return cast(Floats, rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])  # numpy's types say float64


def _fill_recursively(colour: Floats, weight: Floats) -> None:
    """Fill pixels of weight 0 in place from a half-size copy, which is filled recursively.

    The recursion ends, because at least one pixel of the image has weight 1: the caller checks it.

    Args:
        colour: (H, W, C), float32; 0 where the weight is 0.
        weight: (H, W, 1), float32; 0 or 1, not changed.
    """
    if weight.min() > 0:
        return
    height, width = weight.shape[:2]
    half_size = (-(-height // 2), -(-width // 2))  # rounded up
    half_colour = np.empty((*half_size, colour.shape[2]), np.float32)
    half_weight = np.empty((*half_size, 1), np.float32)
    for top, bottom in _bands(height, width):
        _halve(colour[top:bottom], weight[top:bottom], half_colour, half_weight, (top, bottom))
    _fill_recursively(half_colour, half_weight)
    for top, bottom in _bands(height, width):
        _fill_from_half(colour[top:bottom], weight[top:bottom], half_colour, top)


def _halve(
    colour: Floats, weight: Floats, half_colour: Floats, half_weight: Floats, band: Span
) -> None:
    """Write the means of 2 x 2 pixels of a band, and weights 0 or 1, into the half-size arrays.

    Only pixels of weight 1 count; the weight is 1 if there is one.
    """
    rows = slice(band[0] // 2, -(-band[1] // 2))
    count = _sum_2x2(weight)
    half_weight[rows] = np.minimum(count, 1)
    np.divide(_sum_2x2(colour), np.maximum(count, 1), out=half_colour[rows])


def _fill_from_half(colour: Floats, weight: Floats, half_colour: Floats, top: int) -> None:
    """Fill pixels of weight 0 of a band that starts at row `top` from the half-size colours."""
    height, width = weight.shape[:2]
    part = half_colour[top // 2 : -(-(top + height) // 2)]
    repeated = part.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    np.copyto(colour, repeated, where=weight == 0)


def _sum_2x2(plane: Floats) -> Floats:
    """Add up 2 x 2 pixels; (H, W, C) to (ceil(H / 2), ceil(W / 2), C)."""
    height, width, channels = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape(-(-height // 2), 2, -(-width // 2), 2, channels).sum(axis=(1, 3))
