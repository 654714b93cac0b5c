"""TIFF: corrected levels when reading, and an encoder for every depth.

Pillow cannot write 16-bit colour and OpenCV writes no metadata, so the encoder is here. The tags
are laid out by Pillow.
"""

import io
import itertools
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.file_types import silenced_pillow
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
_MOST_SMALL_BYTES = (1 << 32) - (1 << 28)  # of pixels; noise grows when compressed, tags need room
_LONG, _LONG8 = 4, 16
_SMALL, _BIG = b"II*\0" + bytes(4), b"II+\0" + struct.pack("<HHQ", 8, 0, 16)


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


class TiffWriter:
    """Writes a baseline TIFF strip by strip; its tags stand before the strips.

    Where the pixels might not fit into 4 GiB, the file is a BigTIFF.

    Args:
        file: open for writing, seekable, empty.
        shape: (H, W, C); C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Nearly no reader
            takes 16-bit grey with alpha, so give that as RGB and alpha.
        dtype: uint8 or uint16.
        icc_profile: a profile that fits the channels.
        exif: a TIFF-structured block; its descriptive tags are merged into the file's own.
        xmp: an XMP packet.
        dpi: horizontal and vertical resolution.
    """

    rows_per_strip: int
    """The last strip may have fewer."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        *,
        icc_profile: bytes | None = None,
        exif: bytes | None = None,
        xmp: bytes | None = None,
        dpi: tuple[float, float] | None = None,
    ) -> None:
        from PIL import TiffImagePlugin

        self._file, self._sizes = file, list[int]()
        row_bytes = shape[1] * shape[2] * dtype.itemsize
        self.rows_per_strip = max(1, _STRIP_SIZE // row_bytes)
        is_big = row_bytes * shape[0] > _MOST_SMALL_BYTES
        self._tags = tags = TiffImagePlugin.ImageFileDirectory_v2(_BIG if is_big else _SMALL)
        if exif is not None:
            _merge_exif(tags, exif)
        _describe_pixels(tags, shape, dtype)
        tags[_ROWS_PER_STRIP] = self.rows_per_strip
        if dpi is not None:
            tags[_X_RESOLUTION], tags[_Y_RESOLUTION], tags[_RESOLUTION_UNIT] = *dpi, _INCH
        if xmp is not None:
            tags[_XMP] = xmp
        if icc_profile is not None:
            tags[_ICC_PROFILE] = icc_profile
        for tag in (_STRIP_OFFSETS, _STRIP_BYTES):
            tags.tagtype[tag] = _LONG8 if is_big else _LONG
        self._write_tags(file, [0] * -(-shape[0] // self.rows_per_strip))

    def write_strip(self, data: bytes) -> None:
        """Write the next strip: what `differences` gives, in the zlib format."""
        self._file.write(data)
        self._sizes.append(len(data))

    def close(self) -> None:
        """Write the places of the strips into the tags, once all are there."""
        self._file.seek(0)
        self._write_tags(self._file, self._sizes)
        self._file.seek(0, io.SEEK_END)

    def _write_tags(self, file: BinaryIO, sizes: list[int]) -> None:
        """Write as many bytes for the same number of strips, whatever their sizes are."""
        self._tags[_STRIP_BYTES] = tuple(sizes)
        # Pillow adds the length of what comes before to these.
        self._tags[_STRIP_OFFSETS] = tuple(itertools.accumulate([0, *sizes[:-1]]))
        self._tags.save(file)


def differences(strip: Array) -> bytes:
    """Give each sample of (rows, W, C) as its difference to the same one of the pixel before."""
    changed = strip.astype(strip.dtype.newbyteorder("<"))
    changed[:, 1:] -= strip[:, :-1]  # wraps around, as the format asks
    return changed.tobytes()


def _describe_pixels(
    tags: "ImageFileDirectory_v2", shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> None:
    height, width, count = shape
    tags[_WIDTH], tags[_HEIGHT] = width, height
    tags[_BITS] = (dtype.itemsize * 8,) * count
    tags[_COMPRESSION], tags[_PREDICTOR] = _DEFLATE, _HORIZONTAL
    tags[_PHOTOMETRIC] = _RGB if count >= 3 else _BLACK_IS_ZERO
    tags[_SAMPLES] = count
    if count in (2, 4):
        tags[_EXTRA_SAMPLES] = _SEPARATE_ALPHA


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
