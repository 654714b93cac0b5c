"""`TiffWriter`: TIFF and BigTIFF of 8 or 16 bits with metadata, written strip by strip.

Own code, because Pillow cannot write 16-bit colour, OpenCV cannot write metadata, and both need the
whole image in memory. The tags are encoded by Pillow.
"""

import io
import itertools
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from srgan_gp.images.file_types import silenced_pillow
from srgan_gp.images.metadata import DESCRIPTIVE_TAGS
from srgan_gp.images.picture import Array, Picture

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PREDICTOR = 282, 283, 296, 317
_EXTRA_SAMPLES, _XMP, _ICC_PROFILE = 338, 700, 34675
_BLACK_IS_ZERO, _RGB = 1, 2
_DEFLATE, _HORIZONTAL, _INCH, _SEPARATE_ALPHA = 8, 2, 2, 2
_STRIP_SIZE = 1 << 18  # bytes of pixels in a strip: small enough for readers that stream
_MAX_SMALL_BYTES = (1 << 32) - (1 << 28)  # pixels of a classic TIFF: noise grows when compressed
_LONG, _LONG8 = 4, 16
_SMALL, _BIG = b"II*\0" + bytes(4), b"II+\0" + struct.pack("<HHQ", 8, 0, 16)
_DAMAGED_TAG = (struct.error, LookupError, TypeError, ValueError, ArithmeticError, OSError,
                SyntaxError, AttributeError, AssertionError)  # fmt: skip


class TiffWriter:
    """Writes a baseline TIFF strip by strip, with the tags before the strips.

    The file is a BigTIFF if it might exceed 4 GiB.

    Args:
        file: binary file, open for writing, seekable, empty.
        picture: uint8 or uint16, whose size and metadata are written. Few readers support 16-bit
            grey with alpha; convert it to RGB with alpha.
    """

    rows_per_strip: int
    """Number of rows of a strip; the last strip may have fewer."""

    def __init__(self, file: BinaryIO, picture: Picture) -> None:
        from PIL import TiffImagePlugin

        self._file, self._sizes = file, list[int]()
        row_bytes = picture.width * picture.channels * picture.pixels.itemsize
        self.rows_per_strip = max(1, _STRIP_SIZE // row_bytes)
        is_big = row_bytes * picture.height > _MAX_SMALL_BYTES
        self._tags = tags = TiffImagePlugin.ImageFileDirectory_v2(_BIG if is_big else _SMALL)
        if picture.exif is not None:
            _merge_exif(tags, picture.exif)
        _describe_pixels(tags, picture)
        tags[_ROWS_PER_STRIP] = self.rows_per_strip
        if picture.dpi is not None:
            tags[_X_RESOLUTION], tags[_Y_RESOLUTION], tags[_RESOLUTION_UNIT] = *picture.dpi, _INCH
        if picture.xmp is not None:
            tags[_XMP] = picture.xmp
        if picture.icc_profile is not None:
            tags[_ICC_PROFILE] = picture.icc_profile
        for tag in (_STRIP_OFFSETS, _STRIP_BYTES):
            tags.tagtype[tag] = _LONG8 if is_big else _LONG
        self._write_tags(file, [0] * -(-picture.height // self.rows_per_strip))

    def write_strip(self, data: bytes) -> None:
        """Write the next strip: the result of `differences`, compressed in the zlib format."""
        self._file.write(data)
        self._sizes.append(len(data))

    def close(self) -> None:
        """Write the offsets and sizes of the strips to the tags, after the last strip."""
        self._file.seek(0)
        self._write_tags(self._file, self._sizes)
        self._file.seek(0, io.SEEK_END)

    def _write_tags(self, file: BinaryIO, sizes: list[int]) -> None:
        """Write the tags, whose length depends on the number of strips only."""
        self._tags[_STRIP_BYTES] = tuple(sizes)
        # Pillow adds the position of the first strip to these.
        self._tags[_STRIP_OFFSETS] = tuple(itertools.accumulate([0, *sizes[:-1]]))
        self._tags.save(file)


def differences(strip: Array) -> Array:
    """Encode samples (rows, W, C) as little-endian differences to the pixel on the left.

    Returns:
        (rows, W * C * bytes of a sample), uint8.
    """
    changed = strip.astype(strip.dtype.newbyteorder("<"), order="C")
    changed[:, 1:] -= strip[:, :-1]  # modulo 2 ** bits, as the format requires
    return changed.view(np.uint8).reshape(len(strip), -1)


def _describe_pixels(tags: "ImageFileDirectory_v2", picture: Picture) -> None:
    count = picture.channels
    tags[_WIDTH], tags[_HEIGHT] = picture.width, picture.height
    tags[_BITS] = (picture.pixels.itemsize * 8,) * count
    tags[_COMPRESSION], tags[_PREDICTOR] = _DEFLATE, _HORIZONTAL
    tags[_PHOTOMETRIC] = _RGB if count >= 3 else _BLACK_IS_ZERO
    tags[_SAMPLES] = count
    if count in (2, 4):
        tags[_EXTRA_SAMPLES] = _SEPARATE_ALPHA


def _merge_exif(tags: "ImageFileDirectory_v2", exif: bytes) -> None:
    """Copy the descriptive tags of an EXIF block; damaged tags are skipped."""
    source = Image.Exif()
    with silenced_pillow():
        source.load(b"Exif\0\0" + exif)
        for tag in DESCRIPTIVE_TAGS:
            with suppress(*_DAMAGED_TAG):
                if tag in source:
                    probe = type(tags)()
                    probe[tag] = source.get_ifd(tag) if tag in (34665, 34853) else source[tag]
                    probe.tobytes()  # raises if a value cannot be written
                    tags[tag] = probe[tag]
