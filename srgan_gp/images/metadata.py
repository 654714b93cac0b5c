"""Image metadata: reading and updating EXIF, XMP, ICC profile, resolution and orientation.

The EXIF block of an image is a small TIFF file: a header of 8 bytes, then directories of entries
(tag, type, number of values, value). It is edited in place: a new block would move the maker notes
(data of the camera's maker), which contain offsets. Of TIFF files, whose tags are not in a separate
block, Pillow writes a new block: maker notes are kept, but offsets in them may be wrong.

Source:
    TIFF 6.0, section 2, and Exif 2.3, section 4.
"""

import re
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from srgan_gp.images.codecs.exif_resolution import read_exif_resolution
from srgan_gp.images.picture import MAX_DPI, Array

# Tags of the first directory, of the Exif directory in it, and of the thumbnail's directory.
_ORIENTATION, _WIDTH, _HEIGHT, _RESOLUTION_UNIT = 0x0112, 0x0100, 0x0101, 0x0128
_EXIF_DIRECTORY, _GPS_DIRECTORY = 0x8769, 0x8825
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_SHORT, _LONG = 3, 4  # types of values: unsigned integers of 16 and of 32 bits
_HEADER_BYTES, _ENTRY_BYTES = 8, 12

OWN_TOOL = b"<xmp:CreatorTool>srgan-gp</xmp:CreatorTool>"
"""Part of the XMP in images of `srgan-gp generate` and `prepare`; upscaled copies keep it."""
DESCRIPTIVE_TAGS = (
    270, 271, 272, 305, 306, 315, 316, 33432,  # description, make, model, software, date, ...
    18246, 18249, 40091, 40092, 40093, 40094, 40095,  # rating; Windows title, comment, author, ...
    _EXIF_DIRECTORY, _GPS_DIRECTORY,
)  # fmt: skip
"""Tags of a TIFF directory that describe the image rather than its storage."""


def read_orientation(image: Image.Image) -> int:
    """Read the orientation of an open image, from EXIF data or else from XMP.

    Returns:
        1 to 8 as in the EXIF standard: 1 is upright, 5 to 8 are turned by 90 degrees. 1 if the
        orientation is missing or invalid.
    """
    try:
        value = image.getexif().get(_ORIENTATION, 1)  # Pillow falls back to XMP itself
    except Exception:  # Damaged EXIF data raises many kinds, and must not prevent reading.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def apply_orientation(array: Array, orientation: int) -> Array:
    """Turn an image upright.

    Args:
        array: pixels (H, W, C) or alpha (H, W).
        orientation: EXIF orientation from 1 to 8, as `read_orientation` returns it.

    Returns:
        A contiguous array of the same dtype; H and W are swapped for orientations from 5 on.
    """
    if orientation >= 5:
        array = np.swapaxes(array, 0, 1)
    # After the transposition, 6 and 7 are flipped left-right, 7 and 8 top-bottom.
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


def read_exif(image: Image.Image) -> bytes | None:
    """Return the EXIF block of an open image, without the prefix `Exif`.

    Returns:
        The block, which starts with a TIFF header; None if it is missing or damaged.
    """
    try:
        block = image.info.get("exif")
        if image.format == "TIFF":
            block = _exif_of_tiff(image)
        elif block is None and "Raw profile type exif" in image.info:  # PNG files of ImageMagick
            block = image.getexif().tobytes()  # a new block, as of TIFF files
    except Exception:  # Damaged EXIF data, as in `read_orientation`.
        return None
    if not isinstance(block, bytes):
        return None
    block = block.removeprefix(b"Exif\0\0")
    try:
        update_exif(block, height=1, width=1)  # only to find damage
    except (ValueError, struct.error):
        return None
    return block


def _exif_of_tiff(image: Image.Image) -> bytes | None:
    """Copy `DESCRIPTIVE_TAGS` of a TIFF's first directory to a new block; None without them."""
    source = image.getexif()
    exif = Image.Exif()
    for tag in DESCRIPTIVE_TAGS:
        if tag in source:
            is_directory = tag in (_EXIF_DIRECTORY, _GPS_DIRECTORY)
            exif[tag] = source.get_ifd(tag) if is_directory else source[tag]
    return exif.tobytes() if len(exif) else None


def update_exif(exif: bytes, *, height: int, width: int) -> bytes:
    """Set the orientation to 1 and the size tags to the new size, and remove the thumbnail.

    Other bytes are unchanged.

    Args:
        exif: EXIF block as from `read_exif`.
        height: height of the new image in pixels.
        width: width of the new image in pixels.

    Returns:
        The changed block.

    Raises:
        ValueError: the block is not TIFF-structured.
        struct.error: a directory extends beyond the end of the block.
    """
    block = bytearray(exif)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None:
        raise ValueError("an EXIF block must start with a TIFF header")
    (first_directory,) = struct.unpack_from(order + "I", block, 4)
    new_values = {_ORIENTATION: 1, _WIDTH: width, _HEIGHT: height,
                  _PIXEL_WIDTH: width, _PIXEL_HEIGHT: height}  # fmt: skip
    exif_directories: list[int] = []
    for position, tag, value in _entries(block, order, first_directory):
        if tag == _EXIF_DIRECTORY:
            exif_directories.append(value)
        elif tag in new_values:
            _set_number(block, order, position, new_values[tag])
    for directory in exif_directories:
        for position, tag, _ in _entries(block, order, directory):
            if tag in new_values:
                _set_number(block, order, position, new_values[tag])
    return _remove_thumbnail(block, order, first_directory)


def _entries(block: bytearray, order: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield (position, tag, first value or its offset) of each entry of the directory at `start`.

    `order` is the byte order, "<" or ">" as in `struct`, here and in the functions below.
    """
    (count,) = struct.unpack_from(order + "H", block, start)
    for index in range(count):
        position = start + 2 + _ENTRY_BYTES * index
        tag, kind, _, value = struct.unpack_from(order + "HHII", block, position)
        if kind == _SHORT:
            (value,) = struct.unpack_from(order + "H", block, position + 8)
        yield position, tag, value


def _set_number(block: bytearray, order: str, position: int, value: int) -> None:
    """Set the entry at `position` to one integer, a SHORT if it has at most 16 bits."""
    if value > 0xFFFF:
        struct.pack_into(order + "HII", block, position + 2, _LONG, 1, value)
    else:
        struct.pack_into(order + "HIHH", block, position + 2, _SHORT, 1, value, 0)


def _remove_thumbnail(block: bytearray, order: str, first_directory: int) -> bytes:
    """Remove the link to the second directory, which describes the thumbnail.

    The bytes of the thumbnail are overwritten with zeros, or cut off at the end of the block. They
    are kept if they overlap the first directory: then their stated position is wrong.
    """
    (count,) = struct.unpack_from(order + "H", block, first_directory)
    link = first_directory + 2 + _ENTRY_BYTES * count  # position of the offset of the second
    if link + 4 > len(block):
        return bytes(block)
    (second_directory,) = struct.unpack_from(order + "I", block, link)
    if second_directory == 0:
        return bytes(block)
    struct.pack_into(order + "I", block, link, 0)
    try:
        values = {tag: value for _, tag, value in _entries(block, order, second_directory)}
    except struct.error:  # The second directory is damaged: the thumbnail cannot be found.
        return bytes(block)
    start = values.get(_THUMBNAIL_OFFSET, 0)
    end = start + values.get(_THUMBNAIL_LENGTH, 0)
    is_inside = _HEADER_BYTES <= start < end <= len(block)
    if is_inside and (end <= first_directory or start >= link + 4):
        block[start:end] = bytes(end - start)
        if end == len(block):
            del block[start:]
    return bytes(block)


_XMP_NUMBERS = {
    b"tiff:Orientation": "orientation", b"tiff:ImageWidth": "width", b"tiff:ImageLength": "height",
    b"exif:PixelXDimension": "width", b"exif:PixelYDimension": "height",
}  # fmt: skip
# A name, `="` (an attribute) or `>` (an element), and digits up to the quote or the next tag.
_XMP_PATTERN = re.compile(rb"(%b)(\s*=\s*[\"']|>)(\s*\d+\s*)(?=[\"'<])" % b"|".join(_XMP_NUMBERS))


def update_xmp(xmp: bytes, *, height: int, width: int) -> bytes:
    """Set the orientation in an XMP packet to 1 and the size fields to the new size in pixels."""
    new_values = {"orientation": 1, "width": width, "height": height}

    def replace_number(match: re.Match[bytes]) -> bytes:
        name, separator = match[1], match[2]
        return name + separator + str(new_values[_XMP_NUMBERS[name]]).encode()

    return _XMP_PATTERN.sub(replace_number, xmp)


def read_xmp(image: Image.Image) -> bytes | None:
    """Return the XMP packet of an open image; None if there is none."""
    xmp = image.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return xmp if isinstance(xmp, bytes) and xmp else None


def matching_profile(icc_profile: bytes | None, channels: int) -> bytes | None:
    """Return the profile if it is for pixels of 3 (RGB) or 1 (grey) channels, else None."""
    # The header of a profile has 128 bytes: the colour space at 16, the signature `acsp` at 36.
    if icc_profile is None or len(icc_profile) < 128 or icc_profile[36:40] != b"acsp":
        return None
    colour_space = b"RGB " if channels == 3 else b"GRAY"
    return icc_profile if icc_profile[16:20] == colour_space else None


def read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Read the (horizontal, vertical) resolution in dots per inch; None if missing or invalid.

    Without the format's own field the EXIF block is read. A TIFF's own fields are its EXIF tags.
    """
    is_tiff, is_jpeg = image.format == "TIFF", image.format in ("JPEG", "MPO")  # MPO: several JPEGs
    lacks_jpeg_unit = is_jpeg and image.info.get("jfif_unit") not in (1, 2)  # inch, centimetre
    # Then "dpi" is no field of the file: Pillow sets it from EXIF, or else to 72.
    if "dpi" not in image.info or lacks_jpeg_unit:
        exif = None if is_tiff else read_exif(image)
        return None if exif is None else read_exif_resolution(exif)
    try:
        horizontal, vertical = (float(value) for value in image.info["dpi"])
    except (TypeError, ValueError, ArithmeticError):
        return None
    if is_tiff and _RESOLUTION_UNIT not in image.getexif():
        return None  # A TIFF without unit: Pillow sets "dpi" as if the unit were the inch.
    is_valid = all(0 < value <= MAX_DPI for value in (horizontal, vertical))
    return (horizontal, vertical) if is_valid else None
