"""PNG: checking the chunks of a file, encoding 16 bits, and adding chunks with metadata."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FIRST_CHUNK_END = len(SIGNATURE) + 25  # IHDR, the first chunk, has a fixed length
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by number of channels
_DEEP_LEVEL = 2  # 16-bit photos get no smaller at 6, in three times the time
_STRIP_BYTES = 1 << 20
_READ_BYTES = 1 << 20
_INCHES_PER_METRE = 1 / 0.0254


def check_pixel_chunks(file: BinaryIO, *, with_frames: bool = False) -> None:
    """Compare the checksum of every critical chunk up to the end of the pixels.

    Pillow decodes flipped bytes into wrong pixels without a word; the checksums tell.

    Args:
        file: a PNG; its position is kept.
        with_frames: go on to the end of the file, through the later frames of an animation.

    Raises:
        PictureError: E_DAMAGED.
    """
    position = file.tell()
    try:
        _check_pixel_chunks(file, with_frames)
    finally:
        file.seek(position)


def _check_pixel_chunks(file: BinaryIO, with_frames: bool) -> None:
    file.seek(len(SIGNATURE))
    seen_pixels = False
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if seen_pixels and kind != b"IDAT" and not with_frames:
            return
        seen_pixels = kind == b"IDAT"
        if (
            kind[0] & 0x20 and kind != b"fdAT"
        ):  # A lower-case letter: not critical, and never worth losing a picture.
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


def encode_deep_png(channels: Array) -> bytes:
    """Encode a PNG of 16 bits a channel, which Pillow writes for grey alone.

    Args:
        channels: (H, W, C), uint16; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    """
    height, width, count = channels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[count], 0, 0, 0)
    parts = [SIGNATURE, chunk(b"IHDR", header)]
    compressor = zlib.compressobj(_DEEP_LEVEL)
    rows = max(1, _STRIP_BYTES // (width * count * 2))
    for top in range(0, height, rows):
        data = compressor.compress(_filtered_rows(channels[top : top + rows]))
        if data:
            parts.append(chunk(b"IDAT", data))
    parts.append(chunk(b"IDAT", compressor.flush()))
    return b"".join([*parts, chunk(b"IEND", b"")])


def _filtered_rows(channels: Array) -> bytes:
    """Store each byte as its difference to the same byte of the pixel on its left (filter 1)."""
    height, _, count = channels.shape
    raw = channels.astype(">u2").view(np.uint8).reshape(height, -1)
    left = 2 * count
    rows = np.empty((height, 1 + raw.shape[1]), np.uint8)
    rows[:, 0] = 1
    rows[:, 1 : 1 + left] = raw[:, :left]
    np.subtract(raw[:, left:], raw[:, :-left], out=rows[:, 1 + left :])  # modulo 256
    return rows.tobytes()


def with_chunks(png: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Insert chunks, given as (kind, content), between the header and everything else."""
    added = b"".join(chunk(kind, content) for kind, content in chunks)
    return png[:_FIRST_CHUNK_END] + added + png[_FIRST_CHUNK_END:]


def chunk(kind: bytes, content: bytes) -> bytes:
    """Wrap content with its length, its kind of four letters and its checksum."""
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, content) for each chunk of a whole PNG; checksums are not looked at."""
    position = len(SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        yield kind, png[position + 8 : position + 8 + length]
        position += length + 12


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
