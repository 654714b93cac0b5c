"""Conversion of colour modes, alpha and bit depth.

`split_channels` converts a Pillow image of any mode to arrays; the other functions convert arrays.
Readers and writers of image files use these functions.
"""

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

    Pillow's `convert("RGB")` is used for 8-bit modes only, because it clips 16-bit grey and
    truncates floats.

    Args:
        image: a Pillow image whose pixels are loaded.
        icc_profile: the ICC profile of the file; used for CMYK only.

    Returns:
        Pixels (H, W, 3) RGB or (H, W, 1) grey, of uint8, uint16, or float32 in [0, 1]; and alpha
        (H, W) of the same dtype, not premultiplied, or None if the image is opaque.

    Raises:
        PictureError: E_NOT_FINITE or E_OUT_OF_RANGE for 32-bit integers outside 0 to 65535, and for
            floats outside [0, 1].
    """
    if image.mode.startswith("I;16"):  # unsigned 16-bit grey, of either byte order
        return _split_grey16(image)
    if image.mode == "I":  # signed 32-bit grey
        return _integers_to_uint16(np.asarray(image))[..., np.newaxis], None
    if image.mode == "F":  # 32-bit float grey
        return check_floats(np.asarray(image))[..., np.newaxis], None
    if image.mode == "CMYK":
        return np.asarray(cmyk_to_srgb(image, icc_profile)), None
    if image.mode == "LAB":
        return np.asarray(lab_to_srgb(image)), None
    is_grey = image.mode in ("1", "L", "LA", "La")
    if image.has_transparency_data:  # an alpha channel, or a transparent colour
        channels = np.asarray(image.convert("LA" if is_grey else "RGBA"))
        return channels[..., :-1], channels[..., -1]
    if is_grey:
        return np.asarray(image.convert("L"))[..., np.newaxis], None
    return np.asarray(image.convert("RGB")), None


def _split_grey16(image: Image.Image) -> tuple[Array, Array | None]:
    """Return 16-bit grey pixels (H, W, 1), and alpha (H, W) if a grey value is transparent."""
    grey = np.asarray(image).astype(np.uint16)
    transparent_value: int | None = image.info.get("transparency")
    if transparent_value is None:
        return grey[..., np.newaxis], None
    alpha = np.where(grey == transparent_value, np.uint16(0), np.uint16(65535))
    return grey[..., np.newaxis], alpha


def _integers_to_uint16(values: Array) -> Array:
    """Convert int32 values to uint16; E_OUT_OF_RANGE if one is not from 0 to 65535."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise PictureError(
            "E_OUT_OF_RANGE",
            f"its pixels are 32-bit integers from {low} to {high}, not from 0 to 65535; "
            "convert it to 16 bits first",
        )
    return values.astype(np.uint16)


def check_floats(values: Array) -> Array:
    """Check that the float values of an image file are finite and in [0, 1].

    Args:
        values: floats, any shape.

    Returns:
        The same values as float32.

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
    """Divide premultiplied colours by alpha.

    Args:
        pixels: (H, W, C), uint8 or uint16, premultiplied.
        alpha: (H, W), dtype of `pixels`.

    Returns:
        (H, W, C), dtype of `pixels`, rounded to nearest; 0 where alpha is 0.
    """
    full = FULL_VALUE[pixels.dtype]
    divisor = np.maximum(alpha, 1)[..., np.newaxis].astype(np.float64)  # avoids division by 0
    # Adding 0.5 rounds to nearest, because `astype` truncates.
    colours = np.minimum(pixels * full / divisor + 0.5, full).astype(pixels.dtype)
    return np.where(alpha[..., np.newaxis] == 0, pixels.dtype.type(0), colours)


def flatten_on_white(pixels: Array, alpha: Array) -> Array:
    """Composite colours over a white background.

    Args:
        pixels: (H, W, C), uint8, uint16, or float32 in [0, 1], not premultiplied.
        alpha: (H, W), dtype of `pixels`.

    Returns:
        (H, W, C), dtype of `pixels`; integers are rounded to nearest.
    """
    opacity = alpha[..., np.newaxis]
    if pixels.dtype == np.float32:
        return pixels * opacity + (1 - opacity)
    # Twice the bits hold full * full + full // 2 exactly, in less memory than floats.
    wide = np.uint16 if pixels.dtype == np.uint8 else np.uint32
    full = wide(FULL_VALUE[pixels.dtype])
    weighted_sum = pixels.astype(wide) * opacity + full * (full - opacity)
    return ((weighted_sum + full // 2) // full).astype(pixels.dtype)


def to_depth(values: Array, dtype: DTypeLike) -> Array:
    """Convert the bit depth: scale values to the full range of `dtype`, rounded to nearest.

    Args:
        values: any shape; uint8, uint16, or float32 in [0, 1], which is clipped to that range.
        dtype: uint8, uint16 or float32.

    Returns:
        The shape of `values`, `dtype`; `values` itself if it has that dtype.
    """
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return values
    if dtype == np.float32:
        return values / np.float32(FULL_VALUE[values.dtype])
    if values.dtype == np.uint8:
        return values.astype(np.uint16) * np.uint16(257)  # 65535 = 255 * 257, exactly
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)  # + 257 // 2 rounds
    return (np.clip(values, 0.0, 1.0) * FULL_VALUE[dtype] + 0.5).astype(dtype)


def as_8_bit_rgb(pixels: Array) -> Array:
    """Convert (H, W, 1 or 3), uint8, uint16 or float32 in [0, 1], to (H, W, 3) uint8."""
    # Ties go to even here, and up in `to_depth`. Another rule would change training images.
    if pixels.dtype == np.float32:
        pixels = np.rint(pixels * 255.0).astype(np.uint8)
    return np.array(np.broadcast_to(to_depth(pixels, np.uint8), (*pixels.shape[:2], 3)))
