"""Between pictures of any depth and the float32 planes that networks take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.inference.tiling import Floats

Array = NDArray[Any]

TOP = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535, np.dtype(np.float32): 1}
"""The value of full brightness, by dtype."""


def to_planes(pixels: Array) -> Floats:
    """Scale to [0, 1] and put the channels first; grey becomes three equal channels.

    Args:
        pixels: (H, W, 3) or (H, W, 1); uint8, uint16, or float32 in [0, 1].

    Returns:
        (1, 3, H, W), float32.

    Raises:
        ValueError: shape, dtype or range is not as above.
        PictureError: a value is not finite.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise ValueError(f"need pixels of shape (H, W, 3) or (H, W, 1), got {pixels.shape}")
    if pixels.dtype not in TOP:
        raise ValueError(f"need uint8, uint16 or float32, got {pixels.dtype}")
    if pixels.dtype == np.float32:
        if not np.isfinite(pixels).all():
            raise PictureError("E_NOT_FINITE", "it holds values that are not finite")
        if pixels.min() < 0 or pixels.max() > 1:
            raise ValueError(f"need float32 in [0, 1], got {pixels.min():g} to {pixels.max():g}")
    planes = pixels.transpose(2, 0, 1).astype(np.float32) / np.float32(TOP[pixels.dtype])
    return np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:]))[None])


def to_pixels(planes: Floats, dtype: np.dtype[Any]) -> Array:
    """Clip to [0, 1], scale to `dtype`, round to nearest and put the channels last.

    Args:
        planes: (C, H, W), float32.
        dtype: uint8, uint16 or float32.

    Returns:
        (H, W, C) of `dtype`.
    """
    channels, height, width = planes.shape
    pixels = np.empty((height, width, channels), dtype)
    for channel, plane in enumerate(planes):  # one at a time, to spare memory
        pixels[..., channel] = quantise(plane, dtype)
    return pixels


def quantise(values: Floats, dtype: np.dtype[Any]) -> Array:
    """Clip to [0, 1], scale to `dtype` and round to nearest; same shape."""
    clipped = np.clip(values, 0, 1)
    if dtype.kind == "u":
        clipped *= TOP[dtype]
        np.rint(clipped, out=clipped)
    return clipped.astype(dtype, copy=False)


def resample(planes: Floats, height: int, width: int) -> Floats:
    """Resize by Lanczos windows of 3 lobes, antialiased where the size shrinks.

    Args:
        planes: (C, H, W), float32.
        height: of the result.
        width: of the result.

    Returns:
        (C, height, width), float32; not clipped, so it may overshoot [0, 1] beside edges.
    """
    if planes.shape[1:] == (height, width):
        return planes
    resized = np.empty((len(planes), height, width), np.float32)
    for channel, plane in enumerate(planes):
        image = Image.fromarray(np.ascontiguousarray(plane))
        resized[channel] = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))
    return resized
