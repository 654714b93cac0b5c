"""Conversion of CMYK, Lab or pixels with an ICC profile to sRGB, by LittleCMS.

`ImageCms` is imported inside functions, because few images need it.
"""

import io
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from PIL import Image

from srgan_gp.images.picture import Array

_UINT8_TO_UINT16 = 257.0  # 65535 / 255
_COLOUR_SPACE = slice(16, 20)  # of the header of an ICC profile

if TYPE_CHECKING:
    from PIL import ImageCms


def srgb_pixels(pixels: Array, icc_profile: bytes) -> Array | None:
    """Convert pixels with a profile to sRGB.

    Args:
        pixels: (H, W, 3), uint8, or (H, W, 1), uint8 or uint16. 16-bit grey is interpolated
            linearly between the 256 levels of 8 bits.
        icc_profile: a profile for the channels of `pixels`.

    Returns:
        (H, W, 3), dtype of `pixels`; None if the profile is damaged or does not fit the channels,
        or the pixels have another dtype.
    """
    from PIL import ImageCms

    is_grey = pixels.shape[2] == 1
    if pixels.dtype != np.uint8 and not (is_grey and pixels.dtype == np.uint16):
        return None
    levels = np.arange(256, dtype=np.uint8)[np.newaxis]  # all levels of a grey image
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        converted = np.asarray(_to_srgb(Image.fromarray(levels if is_grey else pixels), profile))
    except (ImageCms.PyCMSError, OSError):
        return None
    if not is_grey:
        return converted
    if pixels.dtype == np.uint8:
        return converted[0][pixels[..., 0]]
    steps = levels[0] * _UINT8_TO_UINT16
    curves: list[Array] = [
        np.interp(pixels[..., 0], steps, curve * _UINT8_TO_UINT16) for curve in converted[0].T
    ]
    return np.rint(np.stack(curves, axis=2)).astype(np.uint16)


def cmyk_to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert a CMYK image to sRGB with its profile, or by Pillow's formula.

    The formula is used if the profile is missing, damaged, or not of CMYK.
    """
    if icc_profile is None or icc_profile[_COLOUR_SPACE] != b"CMYK":
        return image.convert("RGB")
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        return _to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")  # A damaged profile must not prevent reading.


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Convert a Lab image to sRGB."""
    from PIL import ImageCms

    return _to_srgb(image, ImageCms.ImageCmsProfile(_standard_profile("LAB")))


def _standard_profile(name: Literal["LAB", "sRGB"]) -> Any:  # noqa: ANN401  Pillow gives no type.
    from PIL import ImageCms

    return cast("Any", ImageCms.createProfile(name))  # pyright: ignore[reportUnknownMemberType]


def _to_srgb(image: Image.Image, profile: "ImageCms.ImageCmsProfile") -> Image.Image:
    from PIL import ImageCms

    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.ImageCmsProfile(_standard_profile("sRGB")),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert converted is not None  # None is returned for in-place conversion only.
    return converted
