"""`fit_to_format`: convert an image to what a format can hold, with a warning for each loss."""

import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from srgan_gp.images import mapped_arrays
from srgan_gp.images.colour import FULL_VALUE, flatten_on_white, to_depth
from srgan_gp.images.formats import FORMATS, check_encodable
from srgan_gp.images.icc import srgb_pixels
from srgan_gp.images.metadata import matching_profile, update_exif, update_xmp
from srgan_gp.images.picture import Picture

_BAND_PIXELS = 1 << 20
_SCREEN_DPI = (72, 96)  # written by many programs for images that have no resolution


def fit_to_format(
    picture: Picture, name: str, *, strip_metadata: bool, folder: Path | None = None
) -> tuple[Picture, tuple[str, ...]]:
    """Convert alpha, bit depth, channels, ICC profile and metadata to what a format can hold.

    Args:
        picture: the image to be written.
        name: a key of `FORMATS`.
        strip_metadata: remove EXIF, XMP and resolution.
        folder: folder of the temporary file of a large image whose pixels must be converted.

    Returns:
        The converted image, and one warning for each loss.

    Raises:
        PictureError: E_ENCODER_LIMIT if the size does not fit; E_DISK_FULL.
    """
    if strip_metadata:
        picture = replace(picture, exif=None, xmp=None, dpi=None)
    if mapped_arrays.is_large(picture.pixels):
        picture, pixel_warnings = _fit_bands(picture, name, folder)
    else:
        picture, pixel_warnings = _fit_pixels(picture, name)
    bytes_per_pixel = picture.pixels.itemsize * (3 + (picture.alpha is not None))
    check_encodable(picture.height, picture.width, name, bytes_per_pixel=bytes_per_pixel)
    picture, metadata_warnings = _fit_metadata(picture, name)
    return picture, (*pixel_warnings, *metadata_warnings)


def writes_rows(picture: Picture, name: str) -> bool:
    """Return whether the encoder of a format reads an image row by row, and as it is.

    Only then can the image be encoded while another thread still computes it.

    Args:
        picture: the image, perhaps incomplete: whether its pixels are converted does not depend on
            their values.
        name: a key of `FORMATS`.
    """
    if not FORMATS[name].reads_rows:
        return False
    first, _ = _fit_pixels(_rows_of(picture, 0, 1), name)
    return _has_pixels_of(first, picture)


def _fit_bands(picture: Picture, name: str, folder: Path | None) -> tuple[Picture, list[str]]:
    """Convert a large image as `_fit_pixels` does, in bands of rows and without a copy in memory.

    The conversion is pixel-wise, so the result does not depend on the bands. Pixels that need no
    conversion are not copied.
    """
    first, warnings = _fit_pixels(_rows_of(picture, 0, 1), name)
    if _has_pixels_of(first, picture):
        return replace(picture, icc_profile=first.icc_profile), warnings
    height, width = picture.height, picture.width
    kind = first.pixels.dtype
    pixels = mapped_arrays.empty((height, width, first.pixels.shape[2]), kind, folder)
    alpha = None if first.alpha is None else mapped_arrays.empty((height, width), kind, folder)
    step = max(1, _BAND_PIXELS // width)
    for top in range(0, height, step):
        band, band_warnings = _fit_pixels(_rows_of(picture, top, top + step), name)
        # An opaque band lacks the warning about transparency, so the longest list is complete.
        warnings = max(warnings, band_warnings, key=len)
        pixels[top : top + step] = band.pixels
        mapped_arrays.release(picture.pixels)
        mapped_arrays.release(pixels)
        if alpha is not None:
            alpha[top : top + step] = band.alpha
            mapped_arrays.release(alpha)
    changed = replace(picture, pixels=pixels, alpha=alpha, icc_profile=first.icc_profile)
    return changed, warnings


def _has_pixels_of(row: Picture, picture: Picture) -> bool:
    """Return whether a row has pixels and alpha of an image, not converted copies."""
    if row.alpha is None or picture.alpha is None:
        is_same = row.alpha is picture.alpha  # both None
        return is_same and np.shares_memory(row.pixels, picture.pixels)
    return all(
        np.shares_memory(*pair)
        for pair in ((row.pixels, picture.pixels), (row.alpha, picture.alpha))
    )


def _rows_of(picture: Picture, start: int, stop: int) -> Picture:
    alpha = None if picture.alpha is None else picture.alpha[start:stop]
    return replace(picture, pixels=picture.pixels[start:stop], alpha=alpha)


def _fit_pixels(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    row, warnings = FORMATS[name], list[str]()
    pixels, alpha, profile = picture.pixels, picture.alpha, picture.icc_profile
    if alpha is not None and not row.keeps_alpha:
        if (alpha != FULL_VALUE[alpha.dtype]).any():
            warnings.append(f"{name} has no transparency: the image was composited over white")
        pixels, alpha = flatten_on_white(pixels, alpha), None
    if not row.keeps_colours:
        warnings.append(f"{name} has 256 colours and no partial transparency")
    dtype = np.uint16 if row.keeps_16_bits else np.uint8
    if pixels.dtype == np.float32 or (pixels.dtype == np.uint16 and not row.keeps_16_bits):
        bits = np.dtype(dtype).itemsize * 8
        warnings.append(f"{name} was written with {bits} bits instead of {pixels.itemsize * 8}")
        pixels = to_depth(pixels, dtype)
        alpha = None if alpha is None else to_depth(alpha, dtype)
    has_16_bit_alpha = alpha is not None and alpha.dtype == np.uint16
    keeps_grey = row.keeps_16_bit_grey_alpha if has_16_bit_alpha else row.keeps_grey
    becomes_rgb = pixels.shape[2] == 1 and not keeps_grey
    if profile is not None and (becomes_rgb or len(profile) > row.max_profile_bytes):
        # Without the profile, the same values would be other colours.
        converted = srgb_pixels(pixels, profile)
        if converted is not None:
            pixels, profile, becomes_rgb = converted, None, False
            warnings.append(
                f"{name} cannot hold this ICC profile: the colours were converted to sRGB"
            )
    if becomes_rgb:
        pixels = np.repeat(pixels, 3, axis=2)
    return replace(picture, pixels=pixels, alpha=alpha, icc_profile=profile), warnings


def _fit_metadata(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    row, warnings = FORMATS[name], list[str]()
    profile = matching_profile(picture.icc_profile, picture.pixels.shape[2])
    if picture.icc_profile is not None and (
        profile is None or len(profile) > row.max_profile_bytes
    ):
        warnings.append(f"{name} cannot hold this ICC profile: the colours may look different")
        profile = None
    size = {"height": picture.height, "width": picture.width}
    exif, xmp = None, None
    if picture.exif is not None:
        with suppress(ValueError, struct.error):
            exif = update_exif(picture.exif, **size)
        if exif is None or len(exif) > row.max_metadata_bytes:
            warnings.append(f"{name} cannot hold this EXIF data: it was removed")
            exif = None
    if picture.xmp is not None:
        xmp = update_xmp(picture.xmp, **size)
        if len(xmp) > row.max_metadata_bytes:
            warnings.append(f"{name} cannot hold this XMP data: it was removed")
            xmp = None
    # EXIF has a resolution of its own.
    if picture.dpi is not None and exif is None and not row.keeps_resolution:
        across, down = (round(value) for value in picture.dpi)
        if across != down or across not in _SCREEN_DPI:
            warnings.append(f"{name} cannot hold the resolution, {across} x {down} dpi")
    return replace(picture, icc_profile=profile, exif=exif, xmp=xmp), warnings
