"""Multi-page TIFF: listing the pages of a file, and writing several pages."""

import io
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.picture import Picture

_SUBFILE = 254
_SMALL_COPY, _MASK = 1, 4  # kinds of directories that belong to another page
_STRIPS = 273
_DIRECTORIES = (34665, 34853, 40965)  # Exif, GPS, interoperability
_ENTRY_BYTES = 12
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MAX_BYTES = (1 << 32) - 1
_CLASSIC = b"II*\0"  # start of a little-endian TIFF that is not a BigTIFF
_MAX_TAGS = 4096  # of a directory; valid files have fewer than a hundred


class _Layout:
    """Byte order and number formats of a TIFF or BigTIFF.

    Raises:
        struct.error: `header`, the first 16 bytes of the file, is truncated.
    """

    def __init__(self, header: bytes) -> None:
        order = "<" if header.startswith(b"II") else ">"
        is_big = b"+" in header[2:4]
        self.link = struct.Struct(order + ("Q" if is_big else "I"))
        self.count = struct.Struct(order + ("Q" if is_big else "H"))
        self.entry = struct.Struct(order + ("HHQI4x" if is_big else "HHII"))
        self.first_link = 8 if is_big else 4
        (self.first,) = self.link.unpack_from(header, self.first_link)


def directories(tiff: BinaryIO, most: int) -> Iterator[tuple[int, bool]]:
    """Iterate over the directories of a TIFF or BigTIFF: pages, thumbnails of pages and masks.

    Args:
        tiff: a file; its position changes.
        most: limit of the number of directories.

    Yields:
        The offset of a directory in bytes, and whether it is a page.

    Raises:
        PictureError: E_DAMAGED if a directory is outside the file or links to an earlier one.
    """
    seen: set[int] = set()
    try:
        tiff.seek(0)
        layout = _Layout(tiff.read(16))
        start: int = layout.first
        while start and len(seen) < most:
            if start in seen:
                raise PictureError("E_DAMAGED", "the TIFF file is damaged: its pages form a loop")
            seen.add(start)
            tiff.seek(start)
            is_page = _describes_page(tiff, layout)
            (following,) = layout.link.unpack(tiff.read(layout.link.size))
            yield start, is_page
            start = following
    except (struct.error, OSError, OverflowError, ValueError) as error:
        raise PictureError(
            "E_DAMAGED",
            f"the TIFF file is damaged or truncated after page {max(1, len(seen) - 1)}; "
            "get a complete copy of it",
        ) from error


def _describes_page(tiff: BinaryIO, layout: _Layout) -> bool:
    """Read the directory at the current position, and return whether it is a page."""
    (count,) = layout.count.unpack(tiff.read(layout.count.size))
    if count > _MAX_TAGS:
        raise ValueError(f"{count} tags")
    subfile = 0
    for tag, _, _, value in layout.entry.iter_unpack(tiff.read(count * layout.entry.size)):
        if tag == _SUBFILE:
            subfile = value
    return not subfile & (_SMALL_COPY | _MASK)


def move_page_first(tiff: bytes, directory: int) -> bytes:
    """Make the page with this directory the first one of a complete TIFF file."""
    layout = _Layout(tiff[:16])
    block = bytearray(tiff)
    layout.link.pack_into(block, layout.first_link, directory)
    return bytes(block)


def write_pages(
    file: BinaryIO,
    frames: Iterator[Frame],
    sequence: FrameSequence,
    encode: Callable[[Picture], bytes],
) -> None:
    """Write a multi-page TIFF; each page has its own size, bit depth and metadata.

    Args:
        file: binary file, open for writing, seekable, empty.
        frames: the pages.
        sequence: not used; the parameter is common to all sequence writers.
        encode: returns the bytes of a TIFF of one page by `tiff_writer.TiffWriter`, which is
            little-endian, and a BigTIFF if it might exceed 4 GiB.

    Raises:
        PictureError: E_ENCODER_LIMIT if the file would exceed 4 GiB, or a page is a BigTIFF.
    """
    link = None
    for frame in frames:
        tiff = encode(frame.picture)
        start = file.seek(0, io.SEEK_END)
        if start + len(tiff) > _MAX_BYTES or not tiff.startswith(_CLASSIC):
            raise PictureError(
                "E_ENCODER_LIMIT", "the pages would make a TIFF of more than 4 GiB; "
                "choose a smaller scale, or pass --frames first",
            )  # fmt: skip
        moved, directory, next_link = _move_offsets(tiff, start)
        file.write(moved + b"\0" * (len(moved) % 2))  # directories start at even offsets
        if link is not None:
            file.seek(link)
            file.write(struct.pack("<I", directory))
        link = next_link
    file.seek(0, io.SEEK_END)


def _move_offsets(tiff: bytes, by: int) -> tuple[bytes, int, int]:
    """Add `by` to the offsets in a little-endian TIFF of one page, so that it can be appended.

    Returns:
        The bytes, the new offset of the directory, and that of its link to the next directory.
    """
    block = bytearray(tiff)
    (first,) = struct.unpack_from("<I", block, 4)
    (count,) = struct.unpack_from("<H", block, first)
    starts = [first]
    while starts:
        starts += _move_directory(block, starts.pop(), by)
    return bytes(block), first + by, first + by + 2 + _ENTRY_BYTES * count


def _move_directory(block: bytearray, start: int, by: int) -> list[int]:
    """Add `by` to the offsets of a directory; return the offsets of its sub-directories."""
    (count,) = struct.unpack_from("<H", block, start)
    within: list[int] = []
    for entry in range(start + 2, start + 2 + _ENTRY_BYTES * count, _ENTRY_BYTES):
        tag, kind, length, value = struct.unpack_from("<HHII", block, entry)
        place = entry + 8
        if length * _VALUE_BYTES[kind] > 4:
            struct.pack_into("<I", block, place, value + by)
            place = value
        if tag in _DIRECTORIES:
            within.append(value)
        if tag == _STRIPS or tag in _DIRECTORIES:
            offsets = np.frombuffer(block, "<u4", length, place)
            offsets += by
    return within
