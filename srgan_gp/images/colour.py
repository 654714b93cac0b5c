"""Pillow modes to RGB or grey arrays, and conversions between arrays."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.icc import cmyk_to_srgb, lab_to_srgb
from srgan_gp.images.picture import Array

FULL_VALUE: dict[np.dtype[Any], float] = {
    np.dtype(np.uint8): 255.0,
    np.dtype(np.uint16): 65535.0,
    np.dtype(np.float32): 1.0,
}
"""What white, or opaque, is in each dtype."""


def split_channels(image: Image.Image, icc_profile: bytes | None) -> tuple[Array, Array | None]:
    """Turn a loaded Pillow image of any mode into pixels and alpha, without losing a level.

    `convert("RGB")` is used for 8-bit modes only: it clips 16-bit grey and cuts floats.

    Args:
        image: loaded; of any mode.
        icc_profile: the profile of the file, used for CMYK.

    Returns:
        Pixels (H, W, 3) or (H, W, 1), uint8, uint16 or float32 in [0, 1]; alpha (H, W) or None.

    Raises:
        PictureError: E_NOT_FINITE or E_OUT_OF_RANGE for numbers that have no agreed white.
    """
    if image.mode.startswith("I;16"):
        return _split_grey16(image)
    if image.mode == "I":
        return _integers_to_uint16(np.asarray(image))[..., np.newaxis], None
    if image.mode == "F":
        return checked_floats(np.asarray(image))[..., np.newaxis], None
    if image.mode == "CMYK":
        return np.asarray(cmyk_to_srgb(image, icc_profile)), None
    if image.mode == "LAB":
        return np.asarray(lab_to_srgb(image)), None
    is_grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:
        channels = np.asarray(image.convert("LA" if is_grey else "RGBA"))
        return channels[..., :-1], channels[..., -1]
    if is_grey:
        return np.asarray(image.convert("L"))[..., np.newaxis], None
    return np.asarray(image.convert("RGB")), None


def _split_grey16(image: Image.Image) -> tuple[Array, Array | None]:
    grey = np.asarray(image).astype(np.uint16)
    transparent = image.info.get("transparency")
    alpha = None if transparent is None else _alpha_from_key(grey == transparent)
    return grey[..., np.newaxis], alpha


def _alpha_from_key(is_transparent: Array) -> Array:
    return np.where(is_transparent, np.uint16(0), np.uint16(65535))


def _integers_to_uint16(values: Array) -> Array:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(
            "E_OUT_OF_RANGE",
            f"its pixels are 32-bit integers from {low} to {high}, which have no agreed white; "
            "convert it to 16 bits first",
        )
    return values.astype(np.uint16)


def checked_floats(values: Array) -> Array:
    """Return `values` as float32 once they are known to be finite and in [0, 1].

    Raises:
        PictureError: E_NOT_FINITE or E_OUT_OF_RANGE.
    """
    if not np.isfinite(values).all():
        raise PictureError(
            "E_NOT_FINITE", "some of its pixels are not numbers (NaN or infinite); repair it first"
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise PictureError(
            "E_OUT_OF_RANGE",
            f"its pixels are floats from {low:g} to {high:g}, not from 0 to 1; "
            "map its brightness to that range first",
        )
    return values.astype(np.float32)


def unpremultiplied(pixels: Array, alpha: Array) -> Array:
    """Divide colours (H, W, C) by their alpha (H, W), rounding to nearest; 0 where alpha is 0."""
    full = FULL_VALUE[pixels.dtype]
    weight = np.maximum(alpha, 1)[..., np.newaxis].astype(np.float64)
    colours = np.minimum(pixels * full / weight + 0.5, full).astype(pixels.dtype)
    return np.where(alpha[..., np.newaxis] == 0, pixels.dtype.type(0), colours)


def flattened_on_white(pixels: Array, alpha: Array) -> Array:
    """Lay colours (H, W, C) with alpha (H, W) on white; the dtype is kept."""
    opacity = alpha[..., np.newaxis]
    if pixels.dtype == np.float32:
        return pixels * opacity + (1 - opacity)
    # Twice the bits hold full * full + full // 2 exactly, with less memory than floats.
    wide = np.uint16 if pixels.dtype == np.uint8 else np.uint32
    full = wide(FULL_VALUE[pixels.dtype])
    mixed = pixels.astype(wide) * opacity + full * (full - opacity)
    return ((mixed + full // 2) // full).astype(pixels.dtype)


def to_depth(values: Array, dtype: DTypeLike) -> Array:
    """Scale values to the full range of `dtype`, rounding to nearest.

    Args:
        values: uint8, uint16 or float32 in [0, 1]; floats outside are clipped.
        dtype: uint8, uint16 or float32.
    """
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return values
    if dtype == np.float32:
        return values / np.float32(FULL_VALUE[values.dtype])
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)  # 65535 = 255 * 257, exactly
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return (np.clip(values, 0.0, 1.0) * FULL_VALUE[dtype] + 0.5).astype(dtype)
