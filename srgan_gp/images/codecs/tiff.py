"""TIFF reading: tags, refusal of camera raw files, and corrections that Pillow omits."""

import struct
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import Array

# Tags; DNG is Adobe's format of camera raw files.
_SUBFILE, _BITS, _PHOTOMETRIC, _ORIENTATION, _DNG_VERSION = 254, 258, 262, 274, 50706
_REDUCED_COPY = 1  # bit of the subfile type: a smaller copy of another image in the file
_WHITE_IS_ZERO = 0  # value of the photometric tag: the lowest value is white
_SHORT = 3  # type of a value: an unsigned integer of 16 bits


def tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    """Return the tags of the current page of an open TIFF, by their numbers.

    Pillow decodes the values: numbers, text or bytes, and tuples of tags with several values.
    """
    return cast("Mapping[int, Any]", image.tag_v2)  # type: ignore[attr-defined]


def refuse_camera_raw(image: Image.Image) -> None:
    """Refuse a TIFF whose first page is only the preview of a camera raw file.

    Raises:
        PictureError: E_FORMAT_NOT_ALLOWED for a camera raw file.
    """
    tags = tiff_tags(image)
    subfile = tags.get(_SUBFILE, 0)
    # Camera raw files of other formats than DNG have a reduced copy as their first page.
    is_reduced_copy = isinstance(subfile, int) and bool(subfile & _REDUCED_COPY)
    if _DNG_VERSION in tags or is_reduced_copy:
        raise PictureError(
            "E_FORMAT_NOT_ALLOWED",
            "this is a camera raw file with a small preview; develop it to a TIFF or JPEG first",
        )


def correct_levels(pixels: Array, image: Image.Image) -> Array:
    """Scale 12-bit grey to 16 bits, and invert grey of 16 or 32 bits whose lowest value is white.

    Pillow does neither.

    Args:
        pixels: (H, W, C), uint8, uint16, or float32 in [0, 1], as decoded by Pillow.
        image: the TIFF, at the page of `pixels`.

    Returns:
        (H, W, C), dtype of `pixels`; black is 0.
    """
    tags = tiff_tags(image)
    bits = tags.get(_BITS, ())  # one number for each channel
    if pixels.dtype == np.uint16 and bits == (12,):
        pixels = pixels << 4 | pixels >> 8  # the high bits are repeated, so 4095 becomes 65535
    # Pillow inverts 8 bits itself, and opens 12 bits only if black is 0.
    if bits in ((16,), (32,)) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        pixels = 65535 - pixels if pixels.dtype == np.uint16 else 1 - pixels
    return pixels


def reset_tiff_orientation(tiff: bytes) -> bytes:
    """Set the orientation tag of the first page of a TIFF or BigTIFF to 1, if there is one.

    Args:
        tiff: all bytes of the file.

    Returns:
        The changed bytes.

    Raises:
        struct.error: the first directory (list of tags) extends beyond the end of the file.
    """
    order = "<" if tiff.startswith(b"II") else ">"
    is_big = b"+" in tiff[2:4]  # version 43, ASCII "+", in either byte order; TIFF has version 42
    # Formats of an offset, of the number of entries, and of an entry with a SHORT as its value:
    # tag, type, number of values, value, and the unused rest of the value field.
    offset, number, entry = ("Q", "Q", "HHQHHI") if is_big else ("I", "H", "HHIHH")
    block = bytearray(tiff)
    (directory,) = struct.unpack_from(order + offset, block, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + number, block, directory)
    first_entry = directory + struct.calcsize(order + number)
    entry_bytes = struct.calcsize(order + entry)
    for index in range(count):
        position = first_entry + index * entry_bytes
        (tag,) = struct.unpack_from(order + "H", block, position)
        if tag == _ORIENTATION:
            unused = [0] * (len(entry) - 4)
            struct.pack_into(order + entry, block, position, tag, _SHORT, 1, 1, *unused)
    return bytes(block)
