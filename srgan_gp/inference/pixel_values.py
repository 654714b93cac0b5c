"""Conversion between pixels and the inputs and outputs of networks.

Pixels are (H, W, C), uint8, uint16 or float32. Networks take and return planes: (N, C, H, W),
float32, with 1 as full brightness.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import range_message
from srgan_gp.inference.tiling.tiles import Floats

Array = NDArray[Any]

FULL_SCALE = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(np.float32): 1}
"""Value of full brightness for each supported dtype."""

# Values converted at a time: 128 KiB of float32. With more, the copies leave the CPU cache; with
# fewer, NumPy is called more often.
_CACHED_VALUES = 1 << 15


def check_pixels(pixels: Array) -> None:
    """Check shape, dtype and range of pixels, without copying them.

    Args:
        pixels: (H, W, 3) or (H, W, 1); uint8, uint16, or float32 in [0, 1].

    Raises:
        ValueError: shape, dtype or range is not supported.
        PictureError: E_NOT_FINITE if a value is not finite.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise ValueError(f"need pixels of shape (H, W, 3) or (H, W, 1), got {pixels.shape}")
    if pixels.dtype not in FULL_SCALE:
        raise ValueError(f"need uint8, uint16 or float32, got {pixels.dtype}")
    if pixels.dtype == np.float32:
        low, high = pixels.min(), pixels.max()  # both are NaN if any value is
        if not (np.isfinite(low) and np.isfinite(high)):
            raise PictureError("E_NOT_FINITE", "it contains values that are not finite")
        if low < 0 or high > 1:
            raise ValueError(range_message(low, high))


def to_planes(pixels: Array) -> Floats:
    """Scale pixels to [0, 1] and move channels first; grey becomes three equal channels.

    Args:
        pixels: (H, W, 3) or (H, W, 1), as accepted by `check_pixels`.

    Returns:
        (1, 3, H, W), float32.
    """
    planes = np.empty((1, 3, *pixels.shape[:2]), np.float32)
    # One channel of grey is broadcast to three planes.
    np.divide(pixels.transpose(2, 0, 1), np.float32(FULL_SCALE[pixels.dtype]), out=planes[0])
    return planes


def to_pixels(planes: Floats, pixels: Array) -> None:
    """Convert planes to pixels: clip to [0, 1], scale to the dtype and round to nearest.

    Args:
        planes: (C, H, W), float32.
        pixels: (H, W, C), uint8, uint16 or float32; the result is written into it.
    """
    height, width = planes.shape[1:]
    band_rows = max(1, _CACHED_VALUES // width)
    for top in range(0, height, band_rows):
        rows = slice(top, top + band_rows)
        for channel, plane in enumerate(planes):
            pixels[rows, :, channel] = quantise(plane[rows], pixels.dtype)


def quantise(values: Floats, dtype: np.dtype[Any]) -> Array:
    """Clip values to [0, 1], scale them to `dtype` and round to nearest.

    Args:
        values: any shape, float32.
        dtype: uint8, uint16 or float32.

    Returns:
        Same shape, `dtype`.
    """
    clipped = np.clip(values, 0, 1)
    if dtype.kind == "u":
        clipped *= FULL_SCALE[dtype]
        np.rint(clipped, out=clipped)
    return clipped.astype(dtype, copy=False)
