"""PNG chunks: checking those of a file before it is decoded, and adding metadata to a written one."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from srgan_gp.errors import PictureError

_SIGNATURE_BYTES = 8
_FIRST_CHUNK_END = _SIGNATURE_BYTES + 25  # the signature and IHDR, whose length is fixed
_READ_BYTES = 1 << 20
_INCHES_PER_METRE = 1 / 0.0254


def check_pixel_chunks(file: BinaryIO) -> None:
    """Compare the checksum of every critical chunk up to the end of the pixels.

    Pillow decodes flipped bytes into wrong pixels without a word; the checksums tell.

    Args:
        file: a PNG; its position is kept.

    Raises:
        PictureError: E_DAMAGED.
    """
    position = file.tell()
    try:
        _check_pixel_chunks(file)
    finally:
        file.seek(position)


def _check_pixel_chunks(file: BinaryIO) -> None:
    file.seek(_SIGNATURE_BYTES)
    seen_pixels = False
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if seen_pixels and kind != b"IDAT":
            return
        seen_pixels = kind == b"IDAT"
        if kind[0] & 0x20:  # A lower-case letter: not critical, and never worth losing a picture.
            file.seek(length + 4, 1)
            continue
        checksum = zlib.crc32(kind)
        for part in _parts(file, length):
            checksum = zlib.crc32(part, checksum)
        if file.read(4) != struct.pack(">I", checksum):
            raise PictureError(
                "E_DAMAGED",
                "the PNG file is damaged (a checksum does not match); get a whole copy of it",
            )


def _parts(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (part := file.read(min(length, _READ_BYTES))):
        length -= len(part)
        yield part


def with_chunks(png: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Insert chunks, given as (kind, content), between the header and everything else."""
    added = b"".join(
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )  # fmt: skip
    return png[:_FIRST_CHUNK_END] + added + png[_FIRST_CHUNK_END:]


def metadata_chunks(
    *,
    icc_profile: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
) -> list[tuple[bytes, bytes]]:
    """Build the chunks that carry metadata: iCCP, pHYs, eXIf and iTXt, as far as given."""
    chunks: list[tuple[bytes, bytes]] = []
    if icc_profile is not None:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc_profile)))
    if dpi is not None:
        per_metre = [min(round(value * _INCHES_PER_METRE), 0x7FFFFFFF) for value in dpi]
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if exif is not None:
        chunks.append((b"eXIf", exif))
    if xmp is not None:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return chunks
