"""Table of the output formats and of what each can hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.animation.gif import encode_gif
from srgan_gp.images.codecs.avif import encode_avif
from srgan_gp.images.codecs.encoders import (
    encode_bmp,
    encode_jpeg,
    encode_png,
    encode_tiff,
    encode_webp,
)
from srgan_gp.images.picture import Picture

_FOUR_GIB = 1 << 32


@dataclass(frozen=True)
class Format:
    """What one format can hold, and the function that encodes it.

    `encode(picture, file, quality)` gets a picture that fits and an empty file.
    """

    suffixes: tuple[str, ...]
    encode: Callable[[Picture, BinaryIO, int], None]
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
    keeps_16_bit_grey_alpha: bool = True
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
        (".tif", ".tiff"), encode_tiff, max_side=1 << 31,
        keeps_16_bit_grey_alpha=False,
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
