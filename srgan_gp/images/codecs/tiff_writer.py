"""`TiffWriter`: TIFF and BigTIFF of 8 or 16 bits with metadata, written strip by strip.

A strip is a block of rows that is compressed on its own. BigTIFF is the variant for files of more
than 4 GiB. Own code, because Pillow cannot write 16-bit colour, OpenCV cannot write metadata, and
both need the whole image in memory. The tags are encoded by Pillow.

Source:
    TIFF 6.0, sections 2, 8 and 14.
"""

import io
import itertools
import math
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

# Tags.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _PREDICTOR = 282, 283, 296, 317
_EXTRA_SAMPLES, _XMP, _ICC_PROFILE = 338, 700, 34675
_EXIF_DIRECTORY, _GPS_DIRECTORY = 34665, 34853
# Values of tags: photometric; compression, predictor, unit of the resolution, kind of alpha.
_BLACK_IS_ZERO, _RGB = 1, 2
_DEFLATE, _HORIZONTAL, _INCH, _SEPARATE_ALPHA = 8, 2, 2, 2
# Bytes of pixels in a strip. Readers that stream need memory for one strip, and each strip begins a
# new zlib stream, so that smaller ones are compressed worse.
_STRIP_SIZE = 1 << 18
# Pixels of more bytes are written as a BigTIFF. The limit is 256 MiB below 4 GiB, because noise
# becomes larger by compression, and the tags need space too.
_MAX_CLASSIC_BYTES = (1 << 32) - (1 << 28)
_LONG, _LONG8 = 4, 16  # types: unsigned integers of 32 and 64 bits
# File headers: byte order, variant, and the offset of the directory of tags. The directory follows
# the header. Pillow's class of a directory takes a header as its argument, for the byte order and
# the variant, and writes an equal header before the tags.
_CLASSIC_HEADER = b"II*\0" + struct.pack("<L", 8)
_BIG_HEADER = b"II+\0" + struct.pack("<HHQ", 8, 0, 16)  # 8: bytes of an offset; 0: a constant
# Pillow raises any of these for a value that it cannot read or write.
_DAMAGED_TAG = (struct.error, LookupError, TypeError, ValueError, ArithmeticError, OSError,
                SyntaxError, AttributeError, AssertionError)  # fmt: skip


class TiffWriter:
    """Writes a TIFF strip by strip, with the tags before the strips.

    The constructor writes the tags; then `write_strip` is called for each strip from the top, and
    `close` at the end. The file is a BigTIFF if it might exceed 4 GiB.

    Args:
        file: binary file, open for writing, seekable, empty.
        picture: uint8 or uint16, whose size and metadata are written. Few readers support 16-bit
            grey with alpha; convert it to RGB with alpha.
    """

    def __init__(self, file: BinaryIO, picture: Picture) -> None:
        from PIL import TiffImagePlugin

        self._file = file
        self._strip_sizes: list[int] = []  # in bytes, of the strips written so far
        # `channels` includes alpha.
        row_bytes = picture.width * picture.channels * picture.pixels.itemsize
        self.rows_per_strip = max(1, _STRIP_SIZE // row_bytes)
        """Number of rows of a strip; the last strip may have fewer."""
        is_big = row_bytes * picture.height > _MAX_CLASSIC_BYTES
        header = _BIG_HEADER if is_big else _CLASSIC_HEADER
        self._tags = tags = TiffImagePlugin.ImageFileDirectory_v2(header)
        if picture.exif is not None:  # first: the tags of this image replace those of EXIF
            _merge_exif(tags, picture.exif)
        _describe_pixels(tags, picture)
        tags[_ROWS_PER_STRIP] = self.rows_per_strip
        if picture.dpi is not None:
            tags[_X_RESOLUTION], tags[_Y_RESOLUTION] = picture.dpi
            tags[_RESOLUTION_UNIT] = _INCH
        if picture.xmp is not None:
            tags[_XMP] = picture.xmp
        if picture.icc_profile is not None:
            tags[_ICC_PROFILE] = picture.icc_profile
        # Pillow would choose types by the values, which `close` replaces by larger ones.
        for tag in (_STRIP_OFFSETS, _STRIP_BYTES):
            tags.tagtype[tag] = _LONG8 if is_big else _LONG
        strip_count = math.ceil(picture.height / self.rows_per_strip)
        self._write_tags(file, [0] * strip_count)  # `close` overwrites the sizes

    def write_strip(self, data: bytes) -> None:
        """Write the next strip: the result of `differences`, compressed in the zlib format."""
        self._file.write(data)
        self._strip_sizes.append(len(data))

    def close(self) -> None:
        """Write the offsets and sizes of the strips to the tags; called after the last strip."""
        self._file.seek(0)
        self._write_tags(self._file, self._strip_sizes)
        self._file.seek(0, io.SEEK_END)

    def _write_tags(self, file: BinaryIO, strip_sizes: list[int]) -> None:
        """Write the file header and the tags; the file is at position 0.

        The written length depends on the number of strips only, not on `strip_sizes`.
        """
        self._tags[_STRIP_BYTES] = tuple(strip_sizes)
        # Offset of each strip, counted from the first strip. Pillow adds the first strip's offset.
        self._tags[_STRIP_OFFSETS] = tuple(itertools.accumulate([0, *strip_sizes[:-1]]))
        self._tags.save(file)  # At position 0, `save` writes the file header first.


def differences(strip: Array) -> Array:
    """Encode samples as differences to the pixel on the left: the horizontal predictor of TIFF.

    Args:
        strip: (rows, W, C), uint8 or uint16.

    Returns:
        (rows, W * C * bytes of a sample), uint8: little-endian samples.
    """
    result = strip.astype(strip.dtype.newbyteorder("<"), order="C")
    result[:, 1:] -= strip[:, :-1]  # modulo 2 ** bits, as the format requires
    return result.view(np.uint8).reshape(len(strip), -1)


def _describe_pixels(tags: "ImageFileDirectory_v2", picture: Picture) -> None:
    """Set the tags of size, channels, bits and compression."""
    channels = picture.channels
    tags[_WIDTH], tags[_HEIGHT] = picture.width, picture.height
    tags[_BITS] = (picture.pixels.itemsize * 8,) * channels
    tags[_COMPRESSION], tags[_PREDICTOR] = _DEFLATE, _HORIZONTAL
    tags[_PHOTOMETRIC] = _RGB if channels >= 3 else _BLACK_IS_ZERO
    tags[_SAMPLES] = channels
    if picture.alpha is not None:
        tags[_EXTRA_SAMPLES] = _SEPARATE_ALPHA


def _merge_exif(tags: "ImageFileDirectory_v2", exif: bytes) -> None:
    """Copy the descriptive tags of an EXIF block; damaged tags are skipped."""
    source = Image.Exif()
    with silenced_pillow():
        source.load(b"Exif\0\0" + exif)
        for tag in DESCRIPTIVE_TAGS:
            with suppress(*_DAMAGED_TAG):
                if tag not in source:
                    continue
                is_directory = tag in (_EXIF_DIRECTORY, _GPS_DIRECTORY)
                # A value that cannot be written raises here, before it is in `tags`.
                trial = type(tags)()
                trial[tag] = source.get_ifd(tag) if is_directory else source[tag]
                trial.tobytes()
                tags[tag] = trial[tag]
