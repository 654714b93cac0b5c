"""Images that identify their user even after upscaling, and a decompression bomb."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_SPOTS = 8
_BOMB_SIDE = 13_000


def draw(number: int, side: int) -> bytes:
    """Return a PNG for user `number`: unique large spots that upscaling preserves."""
    rng = np.random.default_rng(number)
    spots = Image.fromarray(rng.integers(0, 256, (_SPOTS, _SPOTS, 3), np.uint8))
    file = io.BytesIO()
    spots.resize((side, side), Image.Resampling.NEAREST).save(file, "png")
    return file.getvalue()


def thumbnail(data: bytes) -> np.ndarray:
    """Return the mean of each spot of an encoded image: (8, 8, 3), float32, 0 to 255."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize((_SPOTS, _SPOTS), Image.Resampling.BOX)
    return np.asarray(small, np.float32)


def owner(data: bytes, thumbnails: np.ndarray) -> int:
    """Return the index of the nearest of thumbnails (N, 8, 8, 3) to an encoded image."""
    return int(np.abs(thumbnails - thumbnail(data)).mean(axis=(1, 2, 3)).argmin())


def bomb_file() -> bytes:
    """Return a PNG of half a megabyte with half a gigabyte of pixels."""
    header = struct.pack(">IIBBBBB", _BOMB_SIDE, _BOMB_SIDE, 8, 2, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * _BOMB_SIDE)
    pixels = b"".join(packer.compress(row) for _ in range(_BOMB_SIDE)) + packer.flush()
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
