"""TIFF: the levels Pillow leaves as they are when reading, and an encoder for every depth.

Pillow cannot write 16-bit colour and OpenCV writes no metadata, so the encoder is here. The tags
are laid out by Pillow.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.containers import silenced_pillow
from srgan_gp.images.metadata import DESCRIPTIVE_TAGS
from srgan_gp.images.picture import Array

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PREDICTOR = 282, 283, 296, 317
_EXTRA_SAMPLES, _XMP, _ICC_PROFILE, _DNG_VERSION = 338, 700, 34675, 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_DEFLATE, _HORIZONTAL, _INCH, _SEPARATE_ALPHA = 8, 2, 2, 2
_STRIP_SIZE = 1 << 18  # bytes of pixels in a strip: small enough for readers that stream


_DAMAGED_TAG = (struct.error, LookupError, TypeError, ValueError, ArithmeticError, OSError,
                SyntaxError, AttributeError, AssertionError)  # fmt: skip


def tags_of(image: Image.Image) -> Mapping[int, Any]:
    """Give the tags of the page that an opened TIFF stands at."""
    return cast("Mapping[int, Any]", image.tag_v2)  # type: ignore[attr-defined]


def refuse_camera_raw(image: Image.Image) -> None:
    """Refuse a TIFF whose first page is only the preview of a camera's raw data.

    Raises:
        PictureError: E_FORMAT_NOT_ALLOWED.
    """
    tags = tags_of(image)
    subfile = tags.get(_SUBFILE, 0)
    if _DNG_VERSION in tags or (isinstance(subfile, int) and subfile & 1):
        raise PictureError(
            "E_FORMAT_NOT_ALLOWED",
            "this is a camera raw file with a small preview; develop it to a TIFF or JPEG first",
        )


def corrected_levels(pixels: Array, image: Image.Image) -> Array:
    """Stretch 12 bits to 16 and invert deep white-is-zero greys, which Pillow leaves undone.

    Args:
        pixels: (H, W, C), any dtype, as decoded.
        image: the TIFF they come from.
    """
    tags = tags_of(image)
    bits = tags.get(_BITS, ())
    if pixels.dtype == np.uint16 and bits == (12,):
        pixels = pixels << 4 | pixels >> 8  # 4095 becomes 65535
    if bits in ((16,), (32,)) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        pixels = 65535 - pixels if pixels.dtype == np.uint16 else 1 - pixels
    return pixels


def encode_tiff(
    channels: Array,
    *,
    icc_profile: bytes | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """Encode a baseline TIFF, deflated with horizontal differences.

    Args:
        channels: (H, W, C), uint8 or uint16; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
            Nearly no reader takes 16-bit grey with alpha, so give that as RGB and alpha.
        icc_profile: a profile that fits the channels.
        exif: a TIFF-structured block; its descriptive tags are merged into the file's own.
        xmp: an XMP packet.
        dpi: horizontal and vertical resolution.
    """
    from PIL import TiffImagePlugin

    tags = TiffImagePlugin.ImageFileDirectory_v2()
    if exif is not None:
        _merge_exif(tags, exif)
    strips = _add_pixels(tags, channels)
    if dpi is not None:
        tags[_X_RESOLUTION], tags[_Y_RESOLUTION], tags[_RESOLUTION_UNIT] = *dpi, _INCH
    if xmp is not None:
        tags[_XMP] = xmp
    if icc_profile is not None:
        tags[_ICC_PROFILE] = icc_profile
    buffer = io.BytesIO()
    tags.save(buffer)
    buffer.writelines(strips)
    return buffer.getvalue()


def _add_pixels(tags: "ImageFileDirectory_v2", channels: Array) -> list[bytes]:
    """Compress into strips, which follow the tags in the file, and describe them in `tags`."""
    height, width, count = channels.shape
    rows = max(1, _STRIP_SIZE // (width * count * channels.itemsize))
    strips = [zlib.compress(strip) for strip in _difference_strips(channels, rows)]
    sizes = [len(strip) for strip in strips]
    tags[_WIDTH], tags[_HEIGHT] = width, height
    tags[_BITS] = (channels.itemsize * 8,) * count
    tags[_COMPRESSION], tags[_PREDICTOR] = _DEFLATE, _HORIZONTAL
    tags[_PHOTOMETRIC] = _RGB if count >= 3 else _BLACK_IS_ZERO
    tags[_SAMPLES], tags[_ROWS_PER_STRIP] = count, rows
    if count in (2, 4):
        tags[_EXTRA_SAMPLES] = _SEPARATE_ALPHA
    tags[_STRIP_BYTES] = tuple(sizes)
    # Pillow adds the length of what comes before to these.
    tags[_STRIP_OFFSETS] = tuple(int(offset) for offset in np.cumsum([0, *sizes[:-1]]))
    return strips


def _difference_strips(channels: Array, rows: int) -> Iterator[bytes]:
    """Cut into strips of `rows` rows, each sample as its difference to the one on its left."""
    little_endian = channels.dtype.newbyteorder("<")
    for top in range(0, channels.shape[0], rows):
        strip = channels[top : top + rows].astype(little_endian)
        strip[:, 1:] -= channels[top : top + rows, :-1]  # wraps around, as the format asks
        yield strip.tobytes()


def _merge_exif(tags: "ImageFileDirectory_v2", exif: bytes) -> None:
    """Add the descriptive tags of an EXIF block; those that are damaged are left out."""
    source = Image.Exif()
    with silenced_pillow():
        source.load(b"Exif\0\0" + exif)
        for tag in DESCRIPTIVE_TAGS:
            with suppress(*_DAMAGED_TAG):
                if tag in source:
                    probe = type(tags)()
                    probe[tag] = source.get_ifd(tag) if tag in (34665, 34853) else source[tag]
                    probe.tobytes()  # raises for values that cannot be written
                    tags[tag] = probe[tag]
