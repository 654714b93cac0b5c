"""Image metadata: reading and updating EXIF, XMP, ICC profile, resolution and orientation."""

import re
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from srgan_gp.images.picture import Array

_ORIENTATION, _WIDTH, _HEIGHT, _RESOLUTION_UNIT = 0x0112, 0x0100, 0x0101, 0x0128
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_EXIF_IFD, _THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH = 0x8769, 0x0201, 0x0202
_SHORT, _LONG = 3, 4
_ENTRY_BYTES = 12
_MAX_DPI = 65_535  # the limit of JPEG

OWN_TOOL = b"<xmp:CreatorTool>srgan-gp</xmp:CreatorTool>"
"""In the XMP of images that `srgan-gp generate` and `srgan-gp prepare` write; results keep it."""
DESCRIPTIVE_TAGS = (
    270, 271, 272, 305, 306, 315, 316, 33432,  # description, make, model, software, date, ...
    18246, 18249, 40091, 40092, 40093, 40094, 40095,  # rating; Windows title, comment, author, ...
    34665, 34853,  # the Exif and GPS directories
)  # fmt: skip
"""Tags of a TIFF directory that describe the image rather than its storage."""


def read_orientation(image: Image.Image) -> int:
    """Read the EXIF (or else XMP) orientation, 1 to 8; 1 if it is missing or invalid."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Damaged EXIF data raises many kinds, and must not prevent reading.
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def apply_orientation(channels: Array, orientation: int) -> Array:
    """Rotate and flip an array (H, W, ...) according to an EXIF orientation from 1 to 8."""
    if orientation >= 5:
        channels = np.swapaxes(channels, 0, 1)
    # After the transposition, 6 and 7 are flipped left-right, 7 and 8 top-bottom.
    if orientation in (2, 3, 6, 7):
        channels = channels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        channels = channels[::-1]
    return np.ascontiguousarray(channels)


def read_exif(image: Image.Image) -> bytes | None:
    """Return the EXIF block of an open image, TIFF-structured; None if missing or damaged."""
    try:
        raw = image.info.get("exif")
        if image.format == "TIFF":
            raw = _exif_of_tiff(image)
        elif raw is None and "Raw profile type exif" in image.info:
            raw = image.getexif().tobytes()
    except Exception:  # As in `read_orientation`.
        return None
    if not isinstance(raw, bytes):
        return None
    raw = raw.removeprefix(b"Exif\0\0")
    try:
        update_exif(raw, height=1, width=1)
    except (ValueError, struct.error):
        return None
    return raw


def _exif_of_tiff(image: Image.Image) -> bytes | None:
    """Copy the descriptive tags of the first directory of a TIFF to an EXIF block."""
    source = image.getexif()
    exif = Image.Exif()
    for tag in DESCRIPTIVE_TAGS:
        if tag in source:
            exif[tag] = source.get_ifd(tag) if tag in (34665, 34853) else source[tag]
    return exif.tobytes() if len(exif) else None


def update_exif(exif: bytes, *, height: int, width: int) -> bytes:
    """Set the orientation to 1 and the size tags to the new size, and remove the thumbnail.

    Other bytes are unchanged, because maker notes hold offsets into the block.

    Args:
        exif: a TIFF-structured block without the `Exif` prefix.
        height: height of the new image in pixels.
        width: width of the new image in pixels.

    Raises:
        ValueError: the block is not TIFF-structured.
        struct.error: a directory extends beyond the end of the block.
    """
    block = bytearray(exif)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None:
        raise ValueError("an EXIF block must start with a TIFF header")
    (first,) = struct.unpack_from(order + "I", block, 4)
    numbers = {_ORIENTATION: 1, _WIDTH: width, _HEIGHT: height,
               _PIXEL_WIDTH: width, _PIXEL_HEIGHT: height}  # fmt: skip
    directories = [first]
    for position, tag, value in _entries(block, order, first):
        if tag == _EXIF_IFD:
            directories.append(value)
        elif tag in numbers:
            _set_number(block, order, position, numbers[tag])
    for directory in directories[1:]:
        for position, tag, _ in _entries(block, order, directory):
            if tag in numbers:
                _set_number(block, order, position, numbers[tag])
    return _without_thumbnail(block, order, first)


def reset_tiff_orientation(tiff: bytes) -> bytes:
    """Set the orientation tag of a complete TIFF or BigTIFF file to 1, if there is one.

    Raises:
        struct.error: the first directory extends beyond the end of the file.
    """
    order = "<" if tiff.startswith(b"II") else ">"
    is_big = b"+" in tiff[2:4]
    link, number, entry = ("Q", "Q", "HHQHHI") if is_big else ("I", "H", "HHIHH")
    block = bytearray(tiff)
    (start,) = struct.unpack_from(order + link, block, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + number, block, start)
    size, start = struct.calcsize(order + entry), start + struct.calcsize(order + number)
    for position in range(start, start + count * size, size):
        if struct.unpack_from(order + "H", block, position)[0] == _ORIENTATION:
            # Tag, type, number of values, the value, and zeros to the end of the value field.
            normal = (_ORIENTATION, _SHORT, 1, 1) + (0,) * (len(entry) - 4)
            struct.pack_into(order + entry, block, position, *normal)
    return bytes(block)


def _entries(block: bytearray, order: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield (position, tag, value as a LONG) for each entry of the directory at `start`."""
    (count,) = struct.unpack_from(order + "H", block, start)
    for index in range(count):
        position = start + 2 + _ENTRY_BYTES * index
        tag, kind, _, value = struct.unpack_from(order + "HHII", block, position)
        if kind == _SHORT:
            (value,) = struct.unpack_from(order + "H", block, position + 8)
        yield position, tag, value


def _set_number(block: bytearray, order: str, position: int, value: int) -> None:
    if value > 0xFFFF:
        struct.pack_into(order + "HII", block, position + 2, _LONG, 1, value)
    else:
        struct.pack_into(order + "HIHH", block, position + 2, _SHORT, 1, value, 0)


def _without_thumbnail(block: bytearray, order: str, first: int) -> bytes:
    """Unlink the second directory, which describes the thumbnail, and overwrite the thumbnail."""
    (count,) = struct.unpack_from(order + "H", block, first)
    link = first + 2 + _ENTRY_BYTES * count
    second = struct.unpack_from(order + "I", block, link)[0] if link + 4 <= len(block) else 0
    if second == 0:
        return bytes(block)
    struct.pack_into(order + "I", block, link, 0)
    try:
        tags = {tag: value for _, tag, value in _entries(block, order, second)}
    except struct.error:
        return bytes(block)
    start = tags.get(_THUMBNAIL_OFFSET, 0)
    end = start + tags.get(_THUMBNAIL_LENGTH, 0)
    if 8 <= start < end <= len(block):
        block[start:end] = bytes(end - start)
        if end == len(block):
            del block[start:]
    return bytes(block)


_XMP_NUMBERS = {
    b"tiff:Orientation": "orientation", b"tiff:ImageWidth": "width", b"tiff:ImageLength": "height",
    b"exif:PixelXDimension": "width", b"exif:PixelYDimension": "height",
}  # fmt: skip
_XMP_PATTERN = re.compile(rb"(%b)(\s*=\s*[\"']|>)(\s*\d+\s*)(?=[\"'<])" % b"|".join(_XMP_NUMBERS))


def update_xmp(xmp: bytes, *, height: int, width: int) -> bytes:
    """Set the orientation in an XMP packet to 1 and the size fields to the new size."""
    numbers = {"orientation": 1, "width": width, "height": height}

    def updated(match: re.Match[bytes]) -> bytes:
        return match[1] + match[2] + str(numbers[_XMP_NUMBERS[match[1]]]).encode()

    return _XMP_PATTERN.sub(updated, xmp)


def read_xmp(image: Image.Image) -> bytes | None:
    """Return the XMP packet of an open image; None if there is none."""
    xmp = image.info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode()
    return xmp if isinstance(xmp, bytes) and xmp else None


def matching_profile(icc_profile: bytes | None, channels: int) -> bytes | None:
    """Return the profile if it is for pixels of 3 (RGB) or 1 (grey) channels, else None."""
    if icc_profile is None or len(icc_profile) < 128 or icc_profile[36:40] != b"acsp":
        return None
    return icc_profile if icc_profile[16:20] == (b"RGB " if channels == 3 else b"GRAY") else None


def read_dpi(image: Image.Image) -> tuple[float, float] | None:
    """Read the resolution in dots per inch; None if it is missing or out of range."""
    try:
        horizontal, vertical = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None
    if image.format == "TIFF" and _RESOLUTION_UNIT not in image.getexif():
        return None  # Pillow assumes a unit if there is none.
    if not all(0 < value <= _MAX_DPI for value in (horizontal, vertical)):
        return None
    return horizontal, vertical
