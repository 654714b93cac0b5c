"""Encoders for these tests only, so that our code is not tested with itself."""

import struct
import zlib

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def chunk(kind, content):
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def png(samples, *, colour_type=None, depth=None, size=None, chunks=()):
    """An unfiltered PNG of samples (H, W, C), uint8 or uint16; chunks are (kind, content)."""
    height, width, channels = samples.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if colour_type is None else colour_type
    depth = samples.itemsize * 8 if depth is None else depth
    width, height = (width, height) if size is None else size
    rows = b"".join(
        b"\0" + row.astype(samples.dtype.newbyteorder(">")).tobytes() for row in samples
    )
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(samples, *, order="<", tags=(), sample_format=1, photometric=None, is_big=False):
    """An uncompressed one-strip TIFF of samples (H, W, C); extra tags are (tag, type, values)."""
    height, width, channels = samples.shape
    raw = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    # Offset of the pixels, then the kinds of a number of entries, of an offset, and its size.
    pixels, number, offset, room = (16, "Q", "Q", 8) if is_big else (8, "H", "I", 4)
    photometric = (2 if channels >= 3 else 1) if photometric is None else photometric
    entries = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [samples.itemsize * 8] * channels),
        259: (3, [1]), 262: (3, [photometric]), 273: (4, [pixels]), 277: (3, [channels]),
        278: (4, [height]), 279: (4, [len(raw)]), 339: (3, [sample_format] * channels),
    }  # fmt: skip
    entries |= {tag: (kind, list(values)) for tag, kind, values in tags}
    raw += b"\0" * (len(raw) % 2)
    start = pixels + len(raw)
    directory, extra = struct.pack(order + number, len(entries)), b""
    outside = start + len(directory) + (4 + 2 * room) * len(entries) + room
    for tag, (kind, values) in sorted(entries.items()):
        data = b"".join(struct.pack(order + {3: "H", 4: "I"}[kind], value) for value in values)
        if len(data) > room:
            data, extra = struct.pack(order + offset, outside + len(extra)), extra + data
        directory += struct.pack(order + "HH" + offset, tag, kind, len(values))
        directory += data.ljust(room, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if is_big else 42)
    head += struct.pack(order + "HH", 8, 0) if is_big else b""
    return head + struct.pack(order + offset, start) + raw + directory + b"\0" * room + extra


def exif(entries, *, order=">", exif_entries=(), thumbnail=b"", tail=b""):
    """An EXIF block of SHORT entries {tag: value}, an Exif directory and a thumbnail."""
    first = dict(entries)
    if exif_entries:
        first[0x8769] = 0
    size = 2 + 12 * len(first) + 4
    sub_start = 8 + size
    sub = directory(dict(exif_entries), order) if exif_entries else b""
    thumb_start = sub_start + len(sub)
    thumb_bytes = thumb_start + 2 + 12 * 2 + 4
    thumb = b""
    if thumbnail:
        thumb = directory({0x0201: thumb_bytes, 0x0202: len(thumbnail)}, order) + thumbnail
    if exif_entries:
        first[0x8769] = sub_start
    block = directory(first, order, thumb_start if thumbnail else 0) + sub + thumb + tail
    return (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8) + block


def directory(entries, order, link=0):
    packed = struct.pack(order + "H", len(entries))
    for tag, value in sorted(entries.items()):
        if tag in (0x8769, 0x0201, 0x0202):
            packed += struct.pack(order + "HHII", tag, 4, 1, value)
        else:
            packed += struct.pack(order + "HHIHH", tag, 3, 1, value, 0)
    return packed + struct.pack(order + "I", link)


class Make:
    """The encoders above as one fixture."""

    png = staticmethod(png)
    tiff = staticmethod(tiff)
    exif = staticmethod(exif)


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture
def turned():
    """The transformation of an image `a` for each EXIF orientation, by NumPy functions."""
    return {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.transpose(a, (1, 0, 2)),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
        8: np.rot90,
    }
