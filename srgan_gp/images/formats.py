"""`FORMATS`: the output formats, what each can hold, and its encoder.

A new format is a row here and an encoder in `codecs`. The types that can be read are the table in
`file_types`; formats with several frames are listed in `animation.sequence_writing` too.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images.animation.gif import encode_gif
from srgan_gp.images.codecs.avif import encode_avif
from srgan_gp.images.codecs.pillow_encoding import encode_bmp, encode_jpeg, encode_webp
from srgan_gp.images.codecs.row_encoding import encode_png, encode_tiff
from srgan_gp.images.picture import Picture

_NO_BYTE_LIMIT = 1 << 62  # larger than any image
_NO_METADATA_LIMIT = 1 << 30  # larger than any valid profile or packet
_OTHER_FORMATS = (
    ".avi", ".jng", ".jp2", ".jpc", ".jpf", ".jpm", ".jpx", ".pgm", ".pnm", ".webm",
)  # fmt: skip
"""Suffixes of formats that images cannot be written in, and that are spelled like one that is."""


@dataclass(frozen=True)
class Format:
    """What an output format can hold, and its encoder.

    `encode(picture, file, quality)` receives an image that fits the format, an empty file that is
    open for writing, and a quality from 1 to 100.
    """

    suffixes: tuple[str, ...]
    """Suffixes of its files in lower case, with the dot; the first one is used for new files. The
    key in `FORMATS` is one of them, so that `find_format` finds it too."""
    encode: Callable[[Picture, BinaryIO, int], None]
    max_side: int
    """Largest height or width in pixels."""
    max_pixel_bytes: int = _NO_BYTE_LIMIT
    """Largest size of the uncompressed pixels in bytes."""
    default_quality: int = 95
    """Quality if the user names none. Pillow's documentation advises against more for JPEG: files
    grow, with hardly any gain in quality. The other formats have the same default."""
    reads_rows: bool = False
    """Whether the encoder reads the rows in order from top to bottom.

    Such an encoder can start while another thread still computes the lower rows.
    """
    has_quality: bool = False
    """Whether the encoder uses the quality."""
    file_bytes_per_pixel: float = 3.0
    """Typical size of an 8-bit file, for the forecast of disk space: mean over photos upscaled by
    4, at quality 95."""
    keeps_colours: bool = True
    """Whether all colours of 8 bits are kept; if not, the format is used on request only."""
    keeps_alpha: bool = True
    """Whether transparency is stored; GIF makes each pixel opaque or transparent."""
    keeps_resolution: bool = True
    """Whether the format has a field for the resolution. Without the field, the resolution is in
    the EXIF block if the format has EXIF, and is lost otherwise."""
    keeps_16_bits: bool = True
    """Whether 16 bits a channel are stored; otherwise they become 8."""
    keeps_grey: bool = True
    """Whether grey is stored as one channel; otherwise it becomes RGB."""
    keeps_16_bit_grey_alpha: bool = True
    """As `keeps_grey`, for 16-bit grey with alpha; False for TIFF, because few readers support this
    layout."""
    max_profile_bytes: int = _NO_METADATA_LIMIT
    """Largest ICC profile in bytes; 0 if the format has none."""
    max_metadata_bytes: int = _NO_METADATA_LIMIT
    """Largest EXIF block, and largest XMP packet, in bytes; 0 if the format has none."""


FORMATS = {
    # libpng reads at most a million pixels a side by default.
    "PNG": Format(
        (".png",), encode_png, max_side=1_000_000, reads_rows=True, file_bytes_per_pixel=0.6,
    ),
    # libjpeg's limit of the side. A profile is split into at most 255 segments of 65,519 bytes;
    # EXIF and XMP have one segment each, of up to 65,533 bytes with its name.
    "JPEG": Format(
        (".jpg", ".jpeg", ".jpe", ".jfif"), encode_jpeg, max_side=65_500,
        has_quality=True, file_bytes_per_pixel=0.2,
        keeps_alpha=False, keeps_16_bits=False,
        max_profile_bytes=255 * 65_519, max_metadata_bytes=65_500,
    ),
    "WEBP": Format(  # sides have 14 bits
        (".webp",), encode_webp, max_side=16_383,
        has_quality=True, file_bytes_per_pixel=0.1, keeps_16_bits=False, keeps_grey=False,
        keeps_resolution=False,
    ),
    "TIFF": Format(  # sides have 32 bits, which some readers take as signed
        (".tif", ".tiff"), encode_tiff, max_side=(1 << 31) - 1,
        reads_rows=True, file_bytes_per_pixel=0.7, keeps_16_bit_grey_alpha=False,
    ),
    # Sides are signed integers of 32 bits. The size of the file is an unsigned integer of 32 bits;
    # Pillow also counts header and padding, and refuses the few sizes just below the limit.
    "BMP": Format(
        (".bmp", ".dib"), encode_bmp, max_side=(1 << 31) - 1, max_pixel_bytes=(1 << 32) - 1,
        keeps_alpha=False, keeps_16_bits=False, max_profile_bytes=0, max_metadata_bytes=0,
    ),
    # libavif reads at most 32,768 pixels a side and 2^28 pixels by default. A pixel of RGB has 3
    # bytes; an image with alpha has 4, so its limit here is a quarter lower.
    "AVIF": Format(
        (".avif",), encode_avif, max_side=32_768, max_pixel_bytes=3 << 28,
        has_quality=True, file_bytes_per_pixel=0.1, keeps_16_bits=False, keeps_grey=False,
        keeps_resolution=False,
    ),
    "GIF": Format(  # sides have 16 bits
        (".gif",), encode_gif, max_side=65_535,
        file_bytes_per_pixel=0.4, keeps_colours=False, keeps_16_bits=False,
        max_profile_bytes=0, max_metadata_bytes=0, keeps_resolution=False,
    ),
}  # fmt: skip
"""The output formats by name."""

Quality = int | Mapping[str, int]
"""A quality from 1 to 100 for all formats; or a dictionary from names of formats, in any spelling
that `find_format` accepts, to the quality of each format."""


def find_format(name: str) -> str:
    """Return the key in `FORMATS` of a format name or a suffix, such as `jpeg`, `JPG` or `.tif`.

    Raises:
        UsageError: there is no such format.
        TypeError: `name` is not a text.
    """
    if not isinstance(cast("object", name), str):  # callers may pass any type
        raise TypeError(f"the format must be a text, such as 'png', got {name!r}")
    suffix = "." + name.lower().removeprefix(".")
    for key, row in FORMATS.items():
        if suffix in row.suffixes:
            return key
    target = repr(name) if name else "a file without a suffix"
    hint = ""
    if suffix not in _OTHER_FORMATS:
        known = [end for row in FORMATS.values() for end in row.suffixes]
        # A misspelled suffix keeps the dot and its first letter: `mpg` is not `png`.
        known = [end for end in known if end[:2] == suffix[:2]]
        # 0.7: `.gfi` for `.gif` has 0.75; a lower limit suggests formats that were not meant.
        similar = difflib.get_close_matches(suffix, known, n=1, cutoff=0.7)
        hint = f"; did you mean {similar[0].removeprefix('.')}?" if similar else ""
    raise UsageError(f"cannot write {target}: choose one of {', '.join(FORMATS)}{hint}")


def check_encodable(height: int, width: int, format: str, *, bytes_per_pixel: int = 3) -> None:
    """Check the size of an image against the limits of a format.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
        format: a key of `FORMATS`.
        bytes_per_pixel: bytes of an uncompressed pixel: 3 for 8-bit RGB, 8 for 16-bit RGBA.

    Raises:
        PictureError: E_ENCODER_LIMIT if the image is too large for the format.
    """
    row = FORMATS[format]
    if max(height, width) > row.max_side:
        limit = f"{row.max_side:,} pixels a side"
    elif height * width * bytes_per_pixel > row.max_pixel_bytes:
        limit = f"{row.max_pixel_bytes:,} bytes of pixels"
    else:
        return
    fits_png = max(height, width) <= FORMATS["PNG"].max_side
    alternative = ", or PNG" if fits_png else ""
    raise PictureError(
        "E_ENCODER_LIMIT",
        f"{width} x {height} pixels do not fit {format}, whose limit is {limit}; "
        f"choose a smaller scale{alternative}",
    )
