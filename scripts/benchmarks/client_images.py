"""Images that identify their user even after upscaling, and a decompression bomb.

The benchmarks of the server send them, and check that each user gets the result of his own image.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_SPOTS = 8  # in a row and in a column of an image
_BOMB_SIDE = 13_000  # pixels: 13,000^2 * 3 bytes are half a gigabyte


def draw_client_image(number: int, side: int) -> bytes:
    """Return a PNG file for user `number`: 8 x 8 spots of random colours, which upscaling keeps.

    Args:
        number: number of the user; each has other colours.
        side: side of the image in pixels.
    """
    rng = np.random.default_rng(number)
    spots = Image.fromarray(rng.integers(0, 256, (_SPOTS, _SPOTS, 3), np.uint8))
    file = io.BytesIO()
    spots.resize((side, side), Image.Resampling.NEAREST).save(file, "png")
    return file.getvalue()


def thumbnail(data: bytes) -> np.ndarray:
    """Return the mean colour of each spot of an image file: (8, 8, 3), float32, 0 to 255."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize((_SPOTS, _SPOTS), Image.Resampling.BOX)
    return np.asarray(small, np.float32)


def owner(data: bytes, thumbnails: np.ndarray) -> int:
    """Return the number of the user to whom an image belongs.

    Args:
        data: image file.
        thumbnails: thumbnails of the images of all users, (N, 8, 8, 3); the nearest one decides.
    """
    distances = np.abs(thumbnails - thumbnail(data)).mean(axis=(1, 2, 3))
    return int(distances.argmin())


def bomb_file() -> bytes:
    """Return a black PNG of half a megabyte with half a gigabyte of pixels."""
    header = struct.pack(">IIBBBBB", _BOMB_SIDE, _BOMB_SIDE, 8, 2, 0, 0, 0)  # 8 bits, RGB
    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * _BOMB_SIDE)  # the number of the filter, and the pixels
    pixels = b"".join(packer.compress(row) for _ in range(_BOMB_SIDE)) + packer.flush()
    parts = (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG file: length, kind, data and checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
