"""A picture -> the same as far as a format can hold it, and sentences on what was changed."""

import struct
from contextlib import suppress
from dataclasses import replace

import numpy as np

from srgan_gp.images.colour import FULL_VALUE, flattened_on_white, to_depth
from srgan_gp.images.formats import FORMATS, check_encodable
from srgan_gp.images.icc import srgb_pixels
from srgan_gp.images.metadata import corrected_exif, corrected_xmp, matching_profile
from srgan_gp.images.picture import Picture


def fitting(
    picture: Picture, name: str, *, strip_metadata: bool
) -> tuple[Picture, tuple[str, ...]]:
    """Change a picture to what a format can hold, and say what was changed.

    Args:
        picture: to be written.
        name: a key of `FORMATS`.
        strip_metadata: leave EXIF, XMP and resolution out.

    Raises:
        PictureError: E_ENCODER_LIMIT; its size does not fit.
    """
    if strip_metadata:
        picture = replace(picture, exif=None, xmp=None, dpi=None)
    picture, pixel_warnings = _with_fitting_pixels(picture, name)
    bytes_per_pixel = picture.pixels.itemsize * (3 + (picture.alpha is not None))
    check_encodable(picture.height, picture.width, name, bytes_per_pixel=bytes_per_pixel)
    picture, metadata_warnings = _with_fitting_metadata(picture, name)
    return picture, (*pixel_warnings, *metadata_warnings)


def _with_fitting_pixels(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    row, warnings = FORMATS[name], list[str]()
    pixels, alpha, profile = picture.pixels, picture.alpha, picture.icc_profile
    if alpha is not None and not row.keeps_alpha:
        if (alpha != FULL_VALUE[alpha.dtype]).any():
            warnings.append(f"{name} has no transparency: the picture was laid on white")
        pixels, alpha = flattened_on_white(pixels, alpha), None
    if not row.keeps_colours:
        warnings.append(f"{name} has 256 colours and no half-transparency")
    dtype = np.uint16 if row.keeps_16_bits else np.uint8
    if pixels.dtype == np.float32 or (pixels.dtype == np.uint16 and not row.keeps_16_bits):
        bits = np.dtype(dtype).itemsize * 8
        warnings.append(f"{name} was written with {bits} bits instead of {pixels.itemsize * 8}")
        pixels = to_depth(pixels, dtype)
        alpha = None if alpha is None else to_depth(alpha, dtype)
    is_deep_grey_alpha = alpha is not None and alpha.dtype == np.uint16
    keeps_grey = row.keeps_deep_grey_alpha if is_deep_grey_alpha else row.keeps_grey
    becomes_rgb = pixels.shape[2] == 1 and not keeps_grey
    if profile is not None and (becomes_rgb or len(profile) > row.max_profile_bytes):
        # Without the profile the numbers would mean other colours.
        converted = srgb_pixels(pixels, profile)
        if converted is not None:
            pixels, profile, becomes_rgb = converted, None, False
            warnings.append(f"{name} cannot carry this ICC profile: it was converted to sRGB")
    if becomes_rgb:
        pixels = np.repeat(pixels, 3, axis=2)
    return replace(picture, pixels=pixels, alpha=alpha, icc_profile=profile), warnings


def _with_fitting_metadata(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    row, warnings = FORMATS[name], list[str]()
    profile = matching_profile(picture.icc_profile, picture.pixels.shape[2])
    if picture.icc_profile is not None and (
        profile is None or len(profile) > row.max_profile_bytes
    ):
        warnings.append(f"{name} cannot carry this ICC profile: colours may look different")
        profile = None
    size = {"height": picture.height, "width": picture.width}
    exif, xmp = None, None
    if picture.exif is not None:
        with suppress(ValueError, struct.error):
            exif = corrected_exif(picture.exif, **size)
        if exif is None or len(exif) > row.max_metadata_bytes:
            warnings.append(f"the EXIF data does not fit {name} and was left out")
            exif = None
    if picture.xmp is not None:
        xmp = corrected_xmp(picture.xmp, **size)
        if len(xmp) > row.max_metadata_bytes:
            warnings.append(f"the XMP data does not fit {name} and was left out")
            xmp = None
    return replace(picture, icc_profile=profile, exif=exif, xmp=xmp), warnings
