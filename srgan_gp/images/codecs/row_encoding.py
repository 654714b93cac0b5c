"""PNG and TIFF encoders that hold a few bands (blocks of rows) in memory, for 8 and 16 bits.

The bands are compressed in several threads, and may be written while the lower rows are still
computed. Own code, because Pillow and OpenCV encode whole images in one thread, and Pillow cannot
write 16-bit colour.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, NamedTuple

import numpy as np

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs import deflate
from srgan_gp.images.codecs.band_threads import map_bands
from srgan_gp.images.codecs.deflate import choose_strategy
from srgan_gp.images.codecs.growing_picture import GrowingPicture
from srgan_gp.images.codecs.png import SIGNATURE, chunk, metadata_chunks
from srgan_gp.images.codecs.png_filters import filter_rows, mark_rows_unfiltered
from srgan_gp.images.codecs.tiff_writer import TiffWriter, differences
from srgan_gp.images.picture import Array, Picture

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG colour type by number of channels
_BAND_BYTES = 1 << 20
"""Bytes of pixels in a band, which is compressed on its own. Smaller bands enlarge the file: no
repetition is found across their borders. Larger ones take more memory, and a small image then has
fewer bands than the machine has CPUs."""
_SAMPLE_BYTES = 1 << 15
"""Bytes of a band that are compressed to choose its strategy, the window of DEFLATE. Fewer
represent the band less well, more take longer."""
_CLEARLY_SMALLER = 0.95
"""Rows stay unfiltered if their sample then takes less than this share of its size with the filter.
For a smaller gain the slower search for strings does not pay."""


def row_bands(picture: Picture, band_rows: int) -> Iterator[Array]:
    """Split an image into bands of rows.

    The rows of a `GrowingPicture` are computed by another thread: each band is yielded as soon as
    it is complete. After each band, the rows of a mapped image (an array in a temporary file) are
    dropped from memory; they stay in the file.

    Args:
        picture: image of any dtype.
        band_rows: number of rows of a band; the last band may have fewer.

    Yields:
        (band_rows, W, C), C from 1 to 4: the colours and, last, alpha.
    """
    for top in range(0, picture.height, band_rows):
        rows = slice(top, top + band_rows)
        if isinstance(picture, GrowingPicture):
            picture.progress.wait(rows.stop)  # until these rows are computed
        channels = picture.pixels[rows]
        if picture.alpha is not None:
            channels = np.concatenate([channels, picture.alpha[rows, :, np.newaxis]], axis=2)
        yield channels
        mapped_arrays.release_memory(picture.pixels)
        if picture.alpha is not None:
            mapped_arrays.release_memory(picture.alpha)


def encode_png(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a PNG of 8 or 16 bits.

    Args:
        picture: uint8 or uint16.
        file: binary file, open for writing.
        quality: not used; PNG is lossless.
    """
    bits, colour_type = picture.pixels.itemsize * 8, _COLOUR_TYPES[picture.channels]
    methods = (0, 0, 0)  # DEFLATE, the standard filters, not interlaced
    header = struct.pack(">IIBBBBB", picture.width, picture.height, bits, colour_type, *methods)
    file.write(SIGNATURE + chunk(b"IHDR", header) + metadata_chunks(picture))
    # All chunks IDAT together contain one zlib stream.
    stream_start, checksum = deflate.STREAM_START, deflate.EMPTY_CHECKSUM
    for part in map_bands(_compress_png_band, _bands_and_rows_above(picture)):
        file.write(chunk(b"IDAT", stream_start + part.data))
        stream_start = b""  # only before the first part
        checksum = deflate.join_checksums(checksum, part.checksum, part.length)
    file.write(chunk(b"IDAT", deflate.stream_end(checksum)) + chunk(b"IEND", b""))


def encode_tiff(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a TIFF of 8 or 16 bits, or a BigTIFF if the file might exceed 4 GiB.

    Args:
        picture: uint8 or uint16.
        file: binary file, open for writing, seekable, empty.
        quality: not used; the compression is lossless.
    """
    tiff = TiffWriter(file, picture)
    row_bytes = picture.width * picture.channels * picture.pixels.itemsize
    strips_per_band = max(1, _BAND_BYTES // (row_bytes * tiff.rows_per_strip))
    bands = row_bands(picture, strips_per_band * tiff.rows_per_strip)
    compress = partial(_compress_tiff_band, rows_per_strip=tiff.rows_per_strip)
    for compressed_strips in map_bands(compress, bands):
        for strip in compressed_strips:
            tiff.write_strip(strip)
    tiff.close()


class _Part(NamedTuple):
    """A part of the zlib stream of a PNG."""

    data: bytes
    """Compressed bytes."""
    checksum: int
    """Adler-32 of the bytes before the compression."""
    length: int
    """Number of the bytes before the compression."""


def _bands_and_rows_above(picture: Picture) -> Iterator[tuple[Array, Array]]:
    """Yield the bands of a PNG, (N, W, C), each with the row above it, (1, W, C)."""
    row_bytes = picture.width * picture.channels * picture.pixels.itemsize
    above = np.zeros((1, picture.width, picture.channels), picture.pixels.dtype)
    for band in row_bands(picture, max(1, _BAND_BYTES // row_bytes)):
        yield band, above
        above = band[-1:]


def _compress_png_band(band_and_above: tuple[Array, Array]) -> _Part:
    """Filter and compress a band by the method that is best for a sample from its middle.

    Args:
        band_and_above: a band (N, W, C) and the row above it (1, W, C).
    """
    band, above = band_and_above
    bytes_per_pixel = band.shape[2] * band.itemsize
    rows, row_above = _big_endian(band), _big_endian(above)[0]
    filtered = filter_rows(rows, row_above, bytes_per_pixel)
    strategy, filtered_size = choose_strategy(_sample(filtered))
    if strategy != deflate.HUFFMAN:  # not a photo: some drawings are smaller without a filter
        unfiltered_size = deflate.estimate_size_with_strings(_sample(rows))
        if unfiltered_size < _CLEARLY_SMALLER * filtered_size:
            filtered, strategy = mark_rows_unfiltered(rows), deflate.STRINGS
    data = strategy.compress_part(filtered.data)
    return _Part(data, zlib.adler32(filtered.data), filtered.size)


def _big_endian(band: Array) -> Array:
    """Return the big-endian bytes of samples (N, W, C), uint8 or uint16, as (N, B) uint8."""
    samples = np.ascontiguousarray(band, band.dtype.newbyteorder(">"))
    return samples.view(np.uint8).reshape(len(band), -1)


def _compress_tiff_band(band: Array, rows_per_strip: int) -> list[bytes]:
    """Filter and compress each strip of a band (N, W, C); a sample of the middle strip decides how.

    The filter is TIFF's horizontal predictor: differences to the pixel on the left.
    """
    tops = range(0, len(band), rows_per_strip)
    strips = [differences(band[top : top + rows_per_strip]) for top in tops]
    strategy, _ = choose_strategy(_sample(strips[len(strips) // 2]))
    return [strategy.compress(strip.data) for strip in strips]


def _sample(data: Array) -> memoryview:
    """Return up to `_SAMPLE_BYTES` bytes from the middle of a uint8 array of any shape."""
    values = data.reshape(-1)
    start = max(0, (values.size - _SAMPLE_BYTES) // 2)
    return values[start : start + _SAMPLE_BYTES].data
