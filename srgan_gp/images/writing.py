"""write_image, encode_image: Picture -> one picture file, and the table of the formats written."""

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.files import atomic_write
from srgan_gp.images.avif import encode_avif
from srgan_gp.images.colour import FULL_VALUE, flattened_on_white, to_depth
from srgan_gp.images.encoders import (
    encode_bmp,
    encode_jpeg,
    encode_png,
    encode_tiff_picture,
    encode_webp,
)
from srgan_gp.images.gif import encode_gif
from srgan_gp.images.icc import srgb_pixels
from srgan_gp.images.metadata import corrected_exif, corrected_xmp, matching_profile
from srgan_gp.images.picture import Picture

_FOUR_GIB = 1 << 32


@dataclass(frozen=True)
class Format:
    """What one format can hold, and the function that encodes it.

    `encode(picture, quality)` gets a picture that fits and returns the bytes of the file.
    """

    suffixes: tuple[str, ...]
    encode: Callable[[Picture, int], bytes]
    max_side: int
    """Longest side in pixels."""
    max_bytes: int = 1 << 62
    """Most bytes of pixels, before they are compressed."""
    default_quality: int = 95
    keeps_colours: bool = True
    """Every colour of 8 bits; without that a result is written so only where it was asked for."""
    keeps_alpha: bool = True
    keeps_16_bits: bool = True
    keeps_grey: bool = True
    keeps_deep_grey_alpha: bool = True
    """16-bit grey with alpha; nearly no TIFF reader takes that."""
    max_profile_bytes: int = 1 << 30
    """Longest ICC profile; 0 where there is no place for one."""
    max_metadata_bytes: int = 1 << 30
    """Longest EXIF block and longest XMP packet; 0 where there is no place for them."""


FORMATS = {
    "PNG": Format((".png",), encode_png, max_side=1_000_000),
    "JPEG": Format(
        (".jpg", ".jpeg", ".jpe", ".jfif"), encode_jpeg, max_side=65_500,
        keeps_alpha=False, keeps_16_bits=False,
        max_profile_bytes=255 * 65_519, max_metadata_bytes=65_500,
    ),
    "WEBP": Format(
        (".webp",), encode_webp, max_side=16_383, keeps_16_bits=False, keeps_grey=False
    ),
    "TIFF": Format(
        (".tif", ".tiff"), encode_tiff_picture, max_side=1 << 31, max_bytes=_FOUR_GIB,
        keeps_deep_grey_alpha=False,
    ),
    "BMP": Format(
        (".bmp", ".dib"), encode_bmp, max_side=1 << 31, max_bytes=_FOUR_GIB,
        keeps_alpha=False, keeps_16_bits=False, max_profile_bytes=0, max_metadata_bytes=0,
    ),
    "AVIF": Format(
        (".avif",), encode_avif, max_side=32_768, max_bytes=3 << 28,
        keeps_16_bits=False, keeps_grey=False,
    ),
    "GIF": Format(
        (".gif",), encode_gif, max_side=65_535, keeps_colours=False, keeps_16_bits=False,
        max_profile_bytes=0, max_metadata_bytes=0,
    ),
}  # fmt: skip
"""The formats that can be written, by name; a new one is one more row."""


Quality = int | Mapping[str, int]
"""From 1 to 100: one for every format, or one for each of some, by their keys in `FORMATS`."""


def find_format(name: str) -> str:
    """Find the key in `FORMATS` for a format name or a suffix, such as `jpeg`, `JPG` or `.tif`.

    Raises:
        UsageError: there is no such format.
    """
    suffix = "." + name.lower().removeprefix(".")
    for key, row in FORMATS.items():
        if suffix in row.suffixes or suffix == "." + key.lower():
            return key
    raise UsageError(f"cannot write {name or 'a file without a suffix'!r}: "
                     f"choose one of {', '.join(FORMATS)}")  # fmt: skip


def check_encodable(height: int, width: int, format: str, *, bytes_per_pixel: int = 3) -> None:
    """Check the size of a picture against the limits of a format, before any work is done.

    Args:
        height: rows of the picture to be written.
        width: pixels in a row.
        format: a key of `FORMATS`.
        bytes_per_pixel: 3 for 8-bit RGB, 8 for 16-bit RGB with alpha.

    Raises:
        PictureError: E_ENCODER_LIMIT.
    """
    row = FORMATS[format]
    if max(height, width) > row.max_side:
        limit = f"sides of {row.max_side:,} pixels"
    elif height * width * bytes_per_pixel > row.max_bytes:
        limit = f"{row.max_bytes:,} bytes of pixels"
    else:
        return
    raise PictureError(
        "E_ENCODER_LIMIT",
        f"{width} x {height} pixels do not fit {format}, which ends at {limit}; "
        "choose a smaller scale, or PNG",
    )


def write_image(
    picture: Picture,
    path: str | Path,
    *,
    format: str | None = None,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write a picture to a file, whole or not at all; an existing file is replaced.

    16 bits are kept in PNG and TIFF, and float32 is written there with 16 bits. The EXIF
    orientation becomes 1, the sizes in EXIF and XMP become those of the picture, and the thumbnail
    is dropped.

    Args:
        picture: what to write.
        path: the file; its folder must exist.
        format: a name such as `png`; by default the suffix of `path` decides.
        quality: 1 to 100 for JPEG, WebP and AVIF, 95 by default; WebP of 100 is lossless. Other
            formats are always lossless.
        strip_metadata: leave EXIF, XMP and resolution out. The ICC profile is colour and stays.

    Returns:
        One sentence for each thing that the format cannot hold and that was therefore changed.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        PictureError: E_ENCODER_LIMIT, before anything is encoded.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    name = find_format(path.suffix if format is None else format)
    quality = _checked_quality(quality, name)
    picture, warnings = _fitting(picture, name, strip_metadata=strip_metadata)
    with atomic_write(path) as file:
        _encode(picture, file, name, quality)
    return warnings


def encode_image(
    picture: Picture,
    file: BinaryIO,
    *,
    format: str,
    quality: Quality | None = None,
    strip_metadata: bool = False,
) -> tuple[str, ...]:
    """Write a picture to an open file, as `write_image` does to a path.

    Args:
        picture: what to write.
        file: open for writing, positioned where the picture shall start. What was written before an
            error stays there.
        format: a name such as `png` or a suffix.
        quality: as for `write_image`.
        strip_metadata: as for `write_image`.

    Returns:
        As for `write_image`.

    Raises:
        UsageError: the format is unknown, or the quality out of range.
        PictureError: E_ENCODER_LIMIT, mostly before anything is written; E_OUT_OF_MEMORY.
        OSError: the file cannot be written.
    """
    name = find_format(format)
    quality = _checked_quality(quality, name)
    picture, warnings = _fitting(picture, name, strip_metadata=strip_metadata)
    _encode(picture, file, name, quality)
    return warnings


def _checked_quality(quality: Quality | None, name: str) -> int:
    if isinstance(quality, Mapping):
        quality = quality.get(name)
    quality = FORMATS[name].default_quality if quality is None else quality
    if not 1 <= quality <= 100:
        raise UsageError(f"the quality must be from 1 to 100, not {quality}")
    return quality


def _fitting(
    picture: Picture, name: str, *, strip_metadata: bool
) -> tuple[Picture, tuple[str, ...]]:
    """Change a picture to what a format can hold, and say what was changed."""
    if strip_metadata:
        picture = replace(picture, exif=None, xmp=None, dpi=None)
    picture, pixel_warnings = _with_fitting_pixels(picture, name)
    bytes_per_pixel = picture.pixels.itemsize * (3 + (picture.alpha is not None))
    check_encodable(picture.height, picture.width, name, bytes_per_pixel=bytes_per_pixel)
    picture, metadata_warnings = _with_fitting_metadata(picture, name)
    return picture, (*pixel_warnings, *metadata_warnings)


def _encode(picture: Picture, file: BinaryIO, name: str, quality: int) -> None:
    file.write(_encoded(picture, name, quality))


def _encoded(picture: Picture, name: str, quality: int) -> bytes:
    try:
        return FORMATS[name].encode(picture, quality)
    except MemoryError as error:
        raise PictureError(
            "E_OUT_OF_MEMORY",
            f"there is not enough memory to encode {name}; choose a smaller scale",
        ) from error
    except (OSError, ValueError, OverflowError) as error:
        # WebP, for one, has limits on detail that show only while it encodes.
        raise PictureError(
            "E_ENCODER_LIMIT", f"{name} cannot hold this picture ({error}); write PNG instead"
        ) from error


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
