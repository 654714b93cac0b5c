"""Colour modes, alpha and bit depth: Pillow images to arrays, and conversions of arrays."""

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
"""The value of white, or of full opacity, by dtype."""


def split_channels(image: Image.Image, icc_profile: bytes | None) -> tuple[Array, Array | None]:
    """Convert a loaded Pillow image of any mode to pixels and alpha, without loss of precision.

    `convert("RGB")` is used for 8-bit modes only: it clips 16-bit grey and truncates floats.

    Args:
        image: loaded; of any mode.
        icc_profile: the profile of the file; used for CMYK only.

    Returns:
        Pixels (H, W, 3) or (H, W, 1), uint8, uint16 or float32 in [0, 1]; alpha (H, W) or None.

    Raises:
        PictureError: E_NOT_FINITE or E_OUT_OF_RANGE for 32-bit values outside the known ranges.
    """
    if image.mode.startswith("I;16"):
        return _split_grey16(image)
    if image.mode == "I":
        return _integers_to_uint16(np.asarray(image))[..., np.newaxis], None
    if image.mode == "F":
        return check_floats(np.asarray(image))[..., np.newaxis], None
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
    if transparent is None:
        return grey[..., np.newaxis], None
    return grey[..., np.newaxis], np.where(grey == transparent, np.uint16(0), np.uint16(65535))


def _integers_to_uint16(values: Array) -> Array:
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(
            "E_OUT_OF_RANGE",
            f"its pixels are 32-bit integers from {low} to {high}, not from 0 to 65535; "
            "convert it to 16 bits first",
        )
    return values.astype(np.uint16)


def check_floats(values: Array) -> Array:
    """Check that all values of a file are finite and in [0, 1], and return them as float32.

    Raises:
        PictureError: E_NOT_FINITE or E_OUT_OF_RANGE.
    """
    if not np.isfinite(values).all():
        raise PictureError(
            "E_NOT_FINITE", "some of its pixels are NaN or infinite; replace them first"
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise PictureError(
            "E_OUT_OF_RANGE",
            f"its pixels are floats from {low:g} to {high:g}, not from 0 to 1; "
            "scale its values to that range first",
        )
    return values.astype(np.float32)


def unpremultiply(pixels: Array, alpha: Array) -> Array:
    """Divide premultiplied colours (H, W, C) by alpha (H, W), rounded; 0 where alpha is 0."""
    full = FULL_VALUE[pixels.dtype]
    weight = np.maximum(alpha, 1)[..., np.newaxis].astype(np.float64)
    colours = np.minimum(pixels * full / weight + 0.5, full).astype(pixels.dtype)
    return np.where(alpha[..., np.newaxis] == 0, pixels.dtype.type(0), colours)


def flatten_on_white(pixels: Array, alpha: Array) -> Array:
    """Composite colours (H, W, C) with alpha (H, W) over white; the dtype is kept."""
    opacity = alpha[..., np.newaxis]
    if pixels.dtype == np.float32:
        return pixels * opacity + (1 - opacity)
    # Twice the bits hold full * full + full // 2 exactly, in less memory than floats.
    wide = np.uint16 if pixels.dtype == np.uint8 else np.uint32
    full = wide(FULL_VALUE[pixels.dtype])
    mixed = pixels.astype(wide) * opacity + full * (full - opacity)
    return ((mixed + full // 2) // full).astype(pixels.dtype)


def to_depth(values: Array, dtype: DTypeLike) -> Array:
    """Convert the bit depth: scale values to the full range of `dtype`, rounded to nearest.

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
