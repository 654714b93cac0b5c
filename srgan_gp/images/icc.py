"""Conversion to sRGB by LittleCMS: of CMYK and Lab images, and of pixels with an ICC profile.

`PIL.ImageCms`, the interface to LittleCMS, is imported inside functions, because few images need
it.
"""

import io
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from PIL import Image

from srgan_gp.images.picture import Array

_UINT8_TO_UINT16 = 257.0  # 65535 / 255
_COLOUR_SPACE = slice(16, 20)  # bytes of a profile's header that name its colour space

if TYPE_CHECKING:
    from PIL import ImageCms


def srgb_pixels(pixels: Array, icc_profile: bytes) -> Array | None:
    """Convert pixels from the colour space of an ICC profile to sRGB.

    Args:
        pixels: RGB (H, W, 3), uint8; or grey (H, W, 1), uint8 or uint16. LittleCMS converts 8 bits
            here, so 16-bit grey is interpolated linearly between the 256 converted levels.
        icc_profile: a profile for RGB or for grey, as `pixels`.

    Returns:
        RGB (H, W, 3), dtype of `pixels`; None if the pixels cannot be converted, because the
        profile is damaged or for another number of channels, or because RGB is not uint8.
    """
    from PIL import ImageCms

    is_grey = pixels.shape[2] == 1
    if pixels.dtype != np.uint8 and not (is_grey and pixels.dtype == np.uint16):
        return None
    # Of grey only the 256 levels are converted, as an image (1, 256): a table from grey to sRGB.
    levels = np.arange(256, dtype=np.uint8)[np.newaxis]
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        converted = np.asarray(_to_srgb(Image.fromarray(levels if is_grey else pixels), profile))
    except (ImageCms.PyCMSError, OSError):
        return None
    if not is_grey:
        return converted
    grey, table = pixels[..., 0], converted[0]  # (H, W) and (256, 3)
    if pixels.dtype == np.uint8:
        return table[grey]
    levels_16_bit = levels[0] * _UINT8_TO_UINT16
    channels: list[Array] = []
    for column in range(3):  # red, green and blue
        channel_table: Array = table[:, column] * _UINT8_TO_UINT16
        channel: Array = np.interp(grey, levels_16_bit, channel_table)
        channels.append(channel)
    return np.rint(np.stack(channels, axis=2)).astype(np.uint16)


def cmyk_to_srgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """Convert a CMYK image to an 8-bit RGB image in sRGB.

    If the profile is missing, damaged, or not for CMYK, Pillow's formula without a profile is used.
    """
    if icc_profile is None or icc_profile[_COLOUR_SPACE] != b"CMYK":
        return image.convert("RGB")
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        return _to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def lab_to_srgb(image: Image.Image) -> Image.Image:
    """Convert a CIE L*a*b* image to an 8-bit RGB image in sRGB.

    L*a*b* needs no profile of the file: LittleCMS makes the profile of the standard.
    """
    from PIL import ImageCms

    return _to_srgb(image, ImageCms.ImageCmsProfile(_standard_profile("LAB")))


def _standard_profile(name: Literal["LAB", "sRGB"]) -> Any:  # noqa: ANN401  Pillow gives no type.
    """Return the profile of a standard colour space."""
    from PIL import ImageCms

    return cast("Any", ImageCms.createProfile(name))  # pyright: ignore[reportUnknownMemberType]


def _to_srgb(image: Image.Image, profile: "ImageCms.ImageCmsProfile") -> Image.Image:
    """Convert an image to RGB by its profile; PyCMSError if the profile does not fit the image."""
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
