"""Resolution in an EXIF block: `read_exif_resolution` and `set_exif_resolution`.

WebP and AVIF have no other field for the resolution. `images.metadata` reads and updates other
parts of the block. The block has the structure of a TIFF file: a header, and directories of
entries, which are linked by offsets.

Source:
    Exif 2.3, section 4.6.4, tags 282, 283 and 296.
"""

import struct
from fractions import Fraction

from PIL import Image

from srgan_gp.images.picture import MAX_DPI

_X_RESOLUTION, _Y_RESOLUTION, _UNIT = 282, 283, 296
_TAGS = (_X_RESOLUTION, _Y_RESOLUTION, _UNIT)
_SHORT, _RATIONAL = 3, 5  # types of values: unsigned 16-bit integer, fraction of two of 32 bits
_INCH, _CENTIMETRE = 2, 3  # values of the unit
_CENTIMETRES_PER_INCH = 2.54
_ENTRY_BYTES = 12
# Exact to 0.0001 dpi. The numerator is at most MAX_DPI * 10,000, which fits 32 bits.
_MAX_DENOMINATOR = 10_000
_EMPTY_BLOCK = b"MM\0*" + struct.pack(">IHI", 8, 0, 0)  # one directory without entries

Resolution = tuple[float, float]
"""Horizontal and vertical resolution in dots per inch."""


def read_exif_resolution(exif: bytes) -> Resolution | None:
    """Read the resolution of an EXIF block.

    Args:
        exif: the block, which starts with a TIFF header.

    Returns:
        Dots per inch; None if the horizontal or the vertical resolution is missing, not above 0 or
        above `MAX_DPI`, or if the unit is none of length. A missing unit means inches.
    """
    directory = Image.Exif()
    try:
        directory.load(exif)
        unit = directory.get(_UNIT, _INCH)
        values = [float(directory[tag]) for tag in (_X_RESOLUTION, _Y_RESOLUTION)]
    except Exception:  # Damaged EXIF data raises any exception; the image can still be read.
        return None
    if unit not in (_INCH, _CENTIMETRE):
        return None
    factor = _CENTIMETRES_PER_INCH if unit == _CENTIMETRE else 1.0
    horizontal, vertical = (value * factor for value in values)
    if not all(0 < value <= MAX_DPI for value in (horizontal, vertical)):
        return None
    return horizontal, vertical


def set_exif_resolution(exif: bytes | None, dpi: Resolution) -> bytes:
    """Set the resolution of an EXIF block.

    The first directory is copied to the end of the block, because there is no room for new entries
    where it is. Offsets of other data, such as maker notes, stay valid.

    Args:
        exif: a valid block; None or empty for a new one.
        dpi: dots per inch, above 0 and at most `MAX_DPI`.

    Returns:
        The changed block; `exif` itself if it has this resolution already.

    Raises:
        ValueError: the block does not start with a TIFF header.
        struct.error: the first directory extends beyond the end of the block.
    """
    if exif is not None and read_exif_resolution(exif) == dpi:
        return exif
    block = bytearray(exif or _EMPTY_BLOCK)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None:
        raise ValueError("an EXIF block must start with a TIFF header")
    (start,) = struct.unpack_from(order + "I", block, 4)
    entries, next_directory = _entries_to_keep(block, order, start)
    block += bytes(len(block) % 2)  # directories start at even offsets
    # After the number of entries (2 bytes), the entries, and the next directory's offset (4 bytes).
    values_start = len(block) + 2 + _ENTRY_BYTES * (len(entries) + len(_TAGS)) + 4
    values = b""
    for tag, value in zip((_X_RESOLUTION, _Y_RESOLUTION), dpi, strict=True):
        offset = values_start + len(values)
        entries[tag] = struct.pack(order + "HHII", tag, _RATIONAL, 1, offset)
        fraction = Fraction(float(value)).limit_denominator(_MAX_DENOMINATOR)
        values += struct.pack(order + "II", fraction.numerator, fraction.denominator)
    # A value of 2 bytes is in the entry itself, padded to 4 bytes.
    entries[_UNIT] = struct.pack(order + "HHIHH", _UNIT, _SHORT, 1, _INCH, 0)
    struct.pack_into(order + "I", block, 4, len(block))
    directory = b"".join(entry for _, entry in sorted(entries.items()))
    block += struct.pack(order + "H", len(entries)) + directory
    return bytes(block + struct.pack(order + "I", next_directory) + values)


def _entries_to_keep(block: bytearray, order: str, start: int) -> tuple[dict[int, bytes], int]:
    """Return the bytes of entries of the directory at `start`, and the next directory's offset.

    The entries are those that do not state the resolution, by tag. `order` is the byte order, "<"
    or ">" as in `struct`. The offset is 0 if there is no next directory.
    """
    (count,) = struct.unpack_from(order + "H", block, start)
    end = start + 2 + _ENTRY_BYTES * count
    if end > len(block):
        raise struct.error("the directory extends beyond the end of the block")
    entries: dict[int, bytes] = {}
    for position in range(start + 2, end, _ENTRY_BYTES):
        (tag,) = struct.unpack_from(order + "H", block, position)
        if tag not in _TAGS:
            entries[tag] = bytes(block[position : position + _ENTRY_BYTES])
    has_next_offset = end + 4 <= len(block)  # the block may end without it
    return entries, struct.unpack_from(order + "I", block, end)[0] if has_next_offset else 0
