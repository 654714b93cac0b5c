"""PNG chunks: verification of checksums, reading and building of chunks, chunks of metadata.

The encoders of PNG and APNG and the readers use it. It is own code, because Pillow writes chunks
only around whole images and skips some checksums.

Source:
    Portable Network Graphics (PNG) Specification, third edition, sections 5 and 11.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import Picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_READ_BYTES = 1 << 20  # read at a time, so that a large chunk needs little memory
_ANCILLARY_BIT = 0x20  # lower case first letter of a type: decoders may ignore the chunk
_FRAME_CHUNKS = (b"fcTL", b"fdAT")  # of an APNG: position and time of a frame, and its pixels
_MAX_INT = 0x7FFFFFFF  # largest integer in a PNG
_METRE = 1  # unit of pHYs
_INCHES_PER_METRE = 1 / 0.0254


def check_critical_chunks(file: BinaryIO, *, with_frames: bool = False) -> None:
    """Verify the checksum (CRC-32) of every chunk that pixels depend on.

    Pillow verifies the chunks before the pixels only, and decodes damaged pixels to wrong ones. The
    chunks after the pixels of a still image are not read. A file that ends between two chunks is
    no error here: Pillow reports missing pixels.

    Args:
        file: a PNG; its position is restored.
        with_frames: verify all frames of an animation, up to the end of the file.

    Raises:
        PictureError: E_DAMAGED if a checksum does not match.
    """
    position = file.tell()
    try:
        _check_critical_chunks(file, with_frames)
    finally:
        file.seek(position)


def _check_critical_chunks(file: BinaryIO, with_frames: bool) -> None:
    """Read chunk by chunk; arguments and errors as for `check_critical_chunks`."""
    file.seek(len(SIGNATURE))
    was_pixels = False  # whether the previous chunk is an IDAT, which holds pixels
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if was_pixels and kind != b"IDAT" and not with_frames:
            return
        was_pixels = kind == b"IDAT"
        # Other ancillary chunks do not change pixels, or Pillow verifies them, such as tRNS.
        if kind[0] & _ANCILLARY_BIT and kind not in _FRAME_CHUNKS:
            file.seek(length + 4, os.SEEK_CUR)  # content and checksum
            continue
        checksum = zlib.crc32(kind)
        for part in _parts(file, length):
            checksum = zlib.crc32(part, checksum)
        if file.read(4) != struct.pack(">I", checksum):
            raise PictureError(
                "E_DAMAGED",
                "the PNG file is damaged (a checksum does not match); get a complete copy of it",
            )


def _parts(file: BinaryIO, length: int) -> Iterator[bytes]:
    """Read `length` bytes, or up to the end of the file, in parts."""
    while length > 0 and (part := file.read(min(length, _READ_BYTES))):
        length -= len(part)
        yield part


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return the bytes of a chunk: length of the content, type, content and checksum.

    Args:
        kind: the type, four letters such as b"IDAT".
        content: its content, not compressed here.
    """
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)


def iter_chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (type, content) of each chunk of a complete PNG; checksums are not verified."""
    position = len(SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        yield kind, png[position + 8 : position + 8 + length]
        position += length + 12  # length, type and checksum have 4 bytes each


def metadata_chunks(picture: Picture) -> bytes:
    """Return the chunks iCCP, pHYs, eXIf and iTXt for the metadata that an image has."""
    chunks = b""
    if picture.icc_profile is not None:
        # Name, NUL, and compression method 0 (zlib).
        chunks += chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(picture.icc_profile))
    if picture.dpi is not None:
        horizontal, vertical = (round(value * _INCHES_PER_METRE) for value in picture.dpi)
        per_metre = (min(horizontal, _MAX_INT), min(vertical, _MAX_INT))
        chunks += chunk(b"pHYs", struct.pack(">IIB", *per_metre, _METRE))
    if picture.exif is not None:
        chunks += chunk(b"eXIf", picture.exif)
    if picture.xmp is not None:
        # Keyword, NUL, not compressed, method 0, and two empty texts: language, translated keyword.
        chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + picture.xmp)
    return chunks
