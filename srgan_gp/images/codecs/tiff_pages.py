"""Multi-page TIFF: listing the pages of a file, and writing several pages.

A TIFF is a chain of directories, one for each page. A directory has the number of its entries, the
entries (tag, type, number of values, value or its offset), and the offset of the next directory. A
BigTIFF has longer fields, for files of more than 4 GiB.

Source:
    TIFF 6.0, section 2.
"""

import io
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.picture import Picture

_SUBFILE = 254  # tag with the kind of a directory
_SMALL_COPY, _MASK = 1, 4  # bits of that tag: a thumbnail or a mask of another page
_STRIP_OFFSETS = 273  # tag with the offsets of the pixels
_SUB_DIRECTORIES = (34665, 34853, 40965)  # tags with an offset: Exif, GPS, interoperability
_ENTRY_BYTES = 12
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Number of bytes of a value, by its type."""
_MAX_BYTES = (1 << 32) - 1  # offsets have 32 bits
_CLASSIC = b"II*\0"  # start of a little-endian TIFF that is not a BigTIFF
_MAX_TAGS = 4096
"""Largest number of entries of a directory that is read. Valid files have fewer than a hundred; the
64-bit number of a damaged BigTIFF could demand any amount of memory."""


class _Layout:
    """Byte order and number formats of a TIFF or BigTIFF.

    Args:
        header: the first 16 bytes of the file.

    Raises:
        struct.error: the header is truncated.
    """

    def __init__(self, header: bytes) -> None:
        order = "<" if header.startswith(b"II") else ">"
        is_big = b"+" in header[2:4]  # 43 for a BigTIFF, 42 ("*") for a TIFF
        self.offset = struct.Struct(order + ("Q" if is_big else "I"))
        self.count = struct.Struct(order + ("Q" if is_big else "H"))
        # Tag, type, number of values, and the first 32 bits of the value.
        self.entry = struct.Struct(order + ("HHQI4x" if is_big else "HHII"))
        self.start_position = 8 if is_big else 4  # of the offset of the first directory
        (self.first_directory,) = self.offset.unpack_from(header, self.start_position)


def directories(tiff: BinaryIO, most: int) -> Iterator[tuple[int, bool]]:
    """Iterate over the directories of a TIFF or BigTIFF: pages, thumbnails of pages and masks.

    Args:
        tiff: the file; its position changes.
        most: largest number of directories; the iteration ends after it.

    Yields:
        (offset of a directory in bytes, whether it is a page).

    Raises:
        PictureError: E_DAMAGED if a directory is outside the file or links to an earlier one.
    """
    seen: set[int] = set()
    try:
        tiff.seek(0)
        layout = _Layout(tiff.read(16))
        directory: int = layout.first_directory
        while directory and len(seen) < most:
            if directory in seen:
                raise PictureError("E_DAMAGED", "the TIFF file is damaged: its pages form a loop")
            seen.add(directory)
            tiff.seek(directory)
            is_page = _describes_page(tiff, layout)
            (next_directory,) = layout.offset.unpack(tiff.read(layout.offset.size))
            yield directory, is_page
            directory = next_directory  # 0 after the last directory
    # `seek` raises OverflowError for some 64-bit offsets of a BigTIFF. The last directory in `seen`
    # is the damaged one; the first one was opened by Pillow before.
    except (struct.error, OSError, OverflowError, ValueError) as error:
        raise PictureError(
            "E_DAMAGED",
            f"the TIFF file is damaged or truncated after page {max(1, len(seen) - 1)}; "
            "get a complete copy of it",
        ) from error


def _describes_page(tiff: BinaryIO, layout: _Layout) -> bool:
    """Read the directory at the current position, and return whether it is a page.

    The position is then at the offset of the next directory.
    """
    (count,) = layout.count.unpack(tiff.read(layout.count.size))
    if count > _MAX_TAGS:
        raise ValueError(f"{count} tags")
    subfile = 0
    for tag, _, _, value in layout.entry.iter_unpack(tiff.read(count * layout.entry.size)):
        if tag == _SUBFILE:
            subfile = value
    return not subfile & (_SMALL_COPY | _MASK)


def move_page_first(tiff: bytes, directory: int) -> bytes:
    """Make a page the first one of a TIFF file, for decoders that decode only the first page.

    Args:
        tiff: all bytes of the file.
        directory: offset of the page's directory in bytes.

    Returns:
        The changed bytes.
    """
    layout = _Layout(tiff[:16])
    block = bytearray(tiff)
    layout.offset.pack_into(block, layout.start_position, directory)
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
        encode: returns the bytes of a little-endian TIFF of one page, as
            `tiff_writer.TiffWriter` writes it; a BigTIFF if it might exceed 4 GiB.

    Raises:
        PictureError: E_ENCODER_LIMIT if the file would exceed 4 GiB, or a page is a BigTIFF.
    """
    link: int | None = None  # position of the offset of the next page's directory
    for frame in frames:
        tiff = encode(frame.picture)
        start = file.seek(0, io.SEEK_END)
        if start + len(tiff) > _MAX_BYTES or not tiff.startswith(_CLASSIC):
            raise PictureError(
                "E_ENCODER_LIMIT", "the pages would make a TIFF of more than 4 GiB; "
                "choose a smaller scale, or pass --frames first",
            )  # fmt: skip
        page, directory, next_link = _move_offsets(tiff, start)
        file.write(page + b"\0" * (len(page) % 2))  # Pages start at even offsets.
        if link is not None:
            file.seek(link)
            file.write(struct.pack("<I", directory))
        link = next_link
    file.seek(0, io.SEEK_END)


def _move_offsets(tiff: bytes, start: int) -> tuple[bytes, int, int]:
    """Change the offsets in a little-endian TIFF of one page, which is appended to a file.

    Args:
        tiff: all bytes of the TIFF of one page.
        start: offset in the file at which these bytes are written.

    Returns:
        The changed bytes; and two offsets in the file: that of the page's directory, and that of
        the field for the offset of the next directory.
    """
    block = bytearray(tiff)
    (directory,) = struct.unpack_from("<I", block, 4)  # the offset of the only directory
    (count,) = struct.unpack_from("<H", block, directory)
    unchanged = [directory]  # directories whose offsets are not changed yet
    while unchanged:
        unchanged += _move_directory(block, unchanged.pop(), start)
    new_directory = start + directory
    # A directory is the number of its entries (2 bytes), the entries, and the link to the next one.
    return bytes(block), new_directory, new_directory + 2 + _ENTRY_BYTES * count


def _move_directory(block: bytearray, directory: int, start: int) -> list[int]:
    """Add `start` to the offsets in a directory; return the old offsets of its sub-directories."""
    (count,) = struct.unpack_from("<H", block, directory)
    sub_directories: list[int] = []
    for index in range(count):
        entry = directory + 2 + _ENTRY_BYTES * index
        tag, kind, value_count, value = struct.unpack_from("<HHII", block, entry)
        values_position = entry + 8  # of the values themselves, if they fit into 4 bytes
        if value_count * _VALUE_BYTES[kind] > 4:  # `value` is the offset of the values.
            struct.pack_into("<I", block, values_position, value + start)
            values_position = value
        if tag in _SUB_DIRECTORIES:
            sub_directories.append(value)
        if tag == _STRIP_OFFSETS or tag in _SUB_DIRECTORIES:
            offsets = np.frombuffer(block, "<u4", value_count, values_position)
            offsets += start  # changes `block`
    return sub_directories
