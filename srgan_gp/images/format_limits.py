"""`fit_to_format`: convert an image to what a format can hold, with a warning for each loss.

`encode_image` calls it before every encoder. The limits of each format are in `formats.FORMATS`.
"""

import struct
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.exif_resolution import read_exif_resolution, set_exif_resolution
from srgan_gp.images.colour import FULL_VALUE, flatten_on_white, to_depth
from srgan_gp.images.formats import FORMATS, check_encodable
from srgan_gp.images.icc import srgb_pixels
from srgan_gp.images.metadata import matching_profile, update_exif, update_xmp
from srgan_gp.images.picture import Picture

# Pixels of a large image that are converted at a time. More need more memory for the temporary
# arrays; far fewer would take longer, because each band has the same overhead.
_BAND_PIXELS = 1 << 20
_SCREEN_DPI = (72, 96)  # written by many programs for images that have no resolution
_DAMAGED_EXIF = "the EXIF data is damaged: it was removed"


def fit_to_format(
    picture: Picture, name: str, *, strip_metadata: bool, folder: Path | None = None
) -> tuple[Picture, tuple[str, ...]]:
    """Convert alpha, bit depth, channels, ICC profile and metadata to what a format can hold.

    Args:
        picture: the image to be written.
        name: a key of `FORMATS`.
        strip_metadata: remove EXIF, XMP and resolution without a warning.
        folder: where to put the temporary file of an image that `mapped_arrays.is_large` and whose
            pixels must be converted; None for the system's temporary folder.

    Returns:
        The converted image, and one warning for each loss.

    Raises:
        PictureError: E_ENCODER_LIMIT if the size does not fit; E_DISK_FULL if there is no room for
            the temporary file.
    """
    if strip_metadata:
        picture = replace(picture, exif=None, xmp=None, dpi=None)
    if mapped_arrays.is_large(picture.pixels):
        picture, pixel_warnings = _fit_bands(picture, name, folder)
    else:
        picture, pixel_warnings = _fit_pixels(picture, name)
    # Grey is counted as RGB, as in the check before the image was computed (`chosen_target`).
    channels = 3 if picture.alpha is None else 4
    bytes_per_pixel = picture.pixels.itemsize * channels
    check_encodable(picture.height, picture.width, name, bytes_per_pixel=bytes_per_pixel)
    picture, metadata_warnings = _fit_metadata(picture, name)
    return picture, (*pixel_warnings, *metadata_warnings)


def is_encoded_by_rows(picture: Picture, name: str) -> bool:
    """Return whether a format is encoded row by row from the image's own, unconverted pixels.

    Only then can the image be encoded while another thread still computes it.

    Args:
        picture: the image. Its pixels need not be computed yet, because their values do not
            decide whether they are converted.
        name: a key of `FORMATS`.
    """
    if not FORMATS[name].reads_rows:
        return False
    fitted_row, _ = _fit_pixels(_rows_of(picture, start=0, stop=1), name)
    return _is_view_of(fitted_row, picture)


def _fit_bands(picture: Picture, name: str, folder: Path | None) -> tuple[Picture, list[str]]:
    """Convert a large image as `_fit_pixels` does, in bands of rows.

    The result is in a memory-mapped temporary file. The conversion is pixel-wise, so the result
    does not depend on the bands. Pixels that need no conversion are not copied.
    """
    fitted_row, warnings = _fit_pixels(_rows_of(picture, start=0, stop=1), name)
    if _is_view_of(fitted_row, picture):
        return replace(picture, icc_profile=fitted_row.icc_profile), warnings
    height, width, channels = picture.height, picture.width, fitted_row.pixels.shape[2]
    dtype = fitted_row.pixels.dtype
    pixels = mapped_arrays.empty((height, width, channels), dtype, folder)
    alpha = None
    if fitted_row.alpha is not None:
        alpha = mapped_arrays.empty((height, width), dtype, folder)
    band_rows = max(1, _BAND_PIXELS // width)
    for top in range(0, height, band_rows):
        band, band_warnings = _fit_pixels(_rows_of(picture, top, top + band_rows), name)
        # The lists differ only in the warning about transparency, which opaque bands lack: the
        # longest list is complete.
        if len(band_warnings) > len(warnings):
            warnings = band_warnings
        pixels[top : top + band_rows] = band.pixels
        if alpha is not None:
            alpha[top : top + band_rows] = band.alpha
        # The values of mapped arrays stay in their files; only their copies in memory are dropped.
        for array in (picture.pixels, picture.alpha, pixels, alpha):
            if array is not None:
                mapped_arrays.release_memory(array)
    fitted = replace(picture, pixels=pixels, alpha=alpha, icc_profile=fitted_row.icc_profile)
    return fitted, warnings


def _is_view_of(row: Picture, picture: Picture) -> bool:
    """Return whether pixels and alpha of a row are views of `picture`, not converted copies."""
    if row.alpha is None or picture.alpha is None:
        is_same_alpha = row.alpha is None and picture.alpha is None
    else:
        is_same_alpha = np.shares_memory(row.alpha, picture.alpha)
    return is_same_alpha and np.shares_memory(row.pixels, picture.pixels)


def _rows_of(picture: Picture, start: int, stop: int) -> Picture:
    """Return the rows from `start` up to, but without, `stop` of an image, as views."""
    alpha = None if picture.alpha is None else picture.alpha[start:stop]
    return replace(picture, pixels=picture.pixels[start:stop], alpha=alpha)


def _fit_pixels(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    """Convert pixels and alpha to a format; the ICC profile is dropped if it no longer fits."""
    limits, warnings = FORMATS[name], list[str]()
    pixels, alpha, profile = picture.pixels, picture.alpha, picture.icc_profile
    if alpha is not None and not limits.keeps_alpha:
        if (alpha != FULL_VALUE[alpha.dtype]).any():
            warnings.append(f"{name} has no transparency: the image was composited over white")
        pixels, alpha = flatten_on_white(pixels, alpha), None
    if not limits.keeps_colours:
        warnings.append(f"{name} has 256 colours and no partial transparency")
    dtype = np.uint16 if limits.keeps_16_bits else np.uint8  # the format's largest
    if pixels.itemsize > np.dtype(dtype).itemsize:
        bits = np.dtype(dtype).itemsize * 8
        warnings.append(f"{name} was written with {bits} bits instead of {pixels.itemsize * 8}")
        pixels = to_depth(pixels, dtype)
        alpha = None if alpha is None else to_depth(alpha, dtype)
    has_16_bit_alpha = alpha is not None and alpha.dtype == np.uint16
    keeps_grey = limits.keeps_16_bit_grey_alpha if has_16_bit_alpha else limits.keeps_grey
    becomes_rgb = pixels.shape[2] == 1 and not keeps_grey
    if profile is not None and (becomes_rgb or len(profile) > limits.max_profile_bytes):
        # Without the profile, the same values would be other colours.
        converted = srgb_pixels(pixels, profile)
        if converted is not None:  # else `_fit_metadata` drops the profile, with a warning
            pixels, profile, becomes_rgb = converted, None, False  # it is RGB already
            warnings.append(
                f"{name} cannot hold this ICC profile: the colours were converted to sRGB"
            )
    if becomes_rgb:
        pixels = np.repeat(pixels, 3, axis=2)
    return replace(picture, pixels=pixels, alpha=alpha, icc_profile=profile), warnings


def _fit_metadata(picture: Picture, name: str) -> tuple[Picture, list[str]]:
    """Update size and orientation in EXIF and XMP, and remove metadata that does not fit."""
    limits, warnings = FORMATS[name], list[str]()
    profile = matching_profile(picture.icc_profile, picture.pixels.shape[2])
    if picture.icc_profile is not None and (
        profile is None or len(profile) > limits.max_profile_bytes
    ):
        warnings.append(f"{name} cannot hold this ICC profile: the colours may look different")
        profile = None
    size = {"height": picture.height, "width": picture.width}
    exif, xmp = None, None
    if picture.exif is not None:
        with suppress(ValueError, struct.error):  # damaged EXIF data is removed
            exif = update_exif(picture.exif, **size)
        if exif is None:
            warnings.append(_DAMAGED_EXIF)
        elif len(exif) > limits.max_metadata_bytes:
            warnings.append(f"{name} cannot hold this EXIF data: it was removed")
            exif = None
    if picture.dpi is not None and not limits.keeps_resolution:
        exif, resolution_warnings = _fit_resolution(picture.dpi, exif, name)
        warnings += resolution_warnings
    if picture.xmp is not None:
        xmp = update_xmp(picture.xmp, **size)
        if len(xmp) > limits.max_metadata_bytes:
            warnings.append(f"{name} cannot hold this XMP data: it was removed")
            xmp = None
    return replace(picture, icc_profile=profile, exif=exif, xmp=xmp), warnings


def _fit_resolution(
    dpi: tuple[float, float], exif: bytes | None, name: str
) -> tuple[bytes | None, list[str]]:
    """Put the resolution into the EXIF block of a format without another field for the resolution.

    A resolution of `_SCREEN_DPI` is dropped without a warning, unless the EXIF block has one.
    """
    horizontal, vertical = round(dpi[0]), round(dpi[1])
    is_screen = horizontal == vertical and horizontal in _SCREEN_DPI
    if is_screen and (exif is None or read_exif_resolution(exif) is None):
        return exif, []
    if FORMATS[name].max_metadata_bytes == 0:
        return exif, [f"{name} cannot hold the resolution, {horizontal} x {vertical} dpi"]
    try:
        return set_exif_resolution(exif, dpi), []
    except (ValueError, struct.error):  # `update_exif` does not check all of the block.
        return set_exif_resolution(None, dpi), [_DAMAGED_EXIF]
