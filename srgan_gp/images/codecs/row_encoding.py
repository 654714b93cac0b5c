"""PNG and TIFF encoders that hold a few bands of rows in memory, for 8 and 16 bits.

The bands are filtered and compressed in several threads. Own code, because Pillow and OpenCV encode
whole images in one thread, and Pillow cannot write 16-bit colour.
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
from srgan_gp.images.codecs.png_filters import filter_rows, unfiltered_rows
from srgan_gp.images.codecs.tiff_writer import TiffWriter, differences
from srgan_gp.images.picture import Array, Picture

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG colour type by number of channels
_BAND_BYTES = 1 << 20  # of pixels; each band is compressed on its own
_SAMPLE_BYTES = 1 << 15  # compressed to choose the strategy of a band
_CLEARLY_SMALLER = 0.95  # share of the size with Paeth, from which on rows stay unfiltered


def row_bands(picture: Picture, band_rows: int) -> Iterator[Array]:
    """Split an image into bands of rows, and release the memory of a mapped image after each.

    If another thread still computes the image, each band is yielded as soon as it is complete.

    Args:
        picture: image of any dtype.
        band_rows: number of rows of a band; the last band may have fewer.

    Yields:
        (band_rows, W, C), C from 1 to 4: the colours and, last, alpha.
    """
    for top in range(0, picture.height, band_rows):
        part = slice(top, top + band_rows)
        if isinstance(picture, GrowingPicture):
            picture.progress.wait(part.stop)
        channels = picture.pixels[part]
        if picture.alpha is not None:
            channels = np.concatenate([channels, picture.alpha[part, :, np.newaxis]], axis=2)
        yield channels
        mapped_arrays.release(picture.pixels)
        if picture.alpha is not None:
            mapped_arrays.release(picture.alpha)


def encode_png(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a PNG of 8 or 16 bits.

    Args:
        picture: uint8 or uint16.
        file: binary file, open for writing.
        quality: not used; PNG is lossless.
    """
    bits, colour_type = picture.pixels.itemsize * 8, _COLOUR_TYPES[picture.channels]
    header = struct.pack(">IIBBBBB", picture.width, picture.height, bits, colour_type, 0, 0, 0)
    file.write(SIGNATURE + chunk(b"IHDR", header) + metadata_chunks(picture))
    start, checksum = deflate.STREAM_START, deflate.EMPTY_CHECKSUM
    for part in map_bands(_compress_png_band, _bands_and_rows_above(picture)):
        file.write(chunk(b"IDAT", start + part.data))
        start = b""
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
    strips = max(1, _BAND_BYTES // (row_bytes * tiff.rows_per_strip))  # of a band
    compress = partial(_compress_tiff_band, rows_per_strip=tiff.rows_per_strip)
    for compressed in map_bands(compress, row_bands(picture, strips * tiff.rows_per_strip)):
        for strip in compressed:
            tiff.write_strip(strip)
    tiff.close()


class _Part(NamedTuple):
    """A part of the compressed pixels of a PNG; length and Adler-32 are of the filtered bytes."""

    data: bytes
    checksum: int
    length: int


def _bands_and_rows_above(picture: Picture) -> Iterator[tuple[Array, Array]]:
    """Yield the bands of a PNG, (N, W, C), each with the row above it, (1, W, C)."""
    row_bytes = picture.width * picture.channels * picture.pixels.itemsize
    above = np.zeros((1, picture.width, picture.channels), picture.pixels.dtype)
    for band in row_bands(picture, max(1, _BAND_BYTES // row_bytes)):
        yield band, above
        above = band[-1:]


def _compress_png_band(band_and_above: tuple[Array, Array]) -> _Part:
    """Filter and compress a band; the strategy is chosen by a sample from its middle."""
    band, above = band_and_above
    bytes_per_pixel = band.shape[2] * band.itemsize
    rows, row_above = _big_endian(band), _big_endian(above)[0]
    filtered = filter_rows(rows, row_above, bytes_per_pixel)
    strategy, size = choose_strategy(_sample(filtered))
    is_photo = strategy == deflate.HUFFMAN
    if not is_photo and deflate.size_with_strings(_sample(rows)) < _CLEARLY_SMALLER * size:
        filtered, strategy = unfiltered_rows(rows), deflate.STRINGS
    data = strategy.compress_part(filtered.data)
    return _Part(data, zlib.adler32(filtered.data), filtered.size)


def _big_endian(band: Array) -> Array:
    """Return the bytes of samples (N, W, C), uint8 or uint16, as (N, B)."""
    samples = np.ascontiguousarray(band, band.dtype.newbyteorder(">"))
    return samples.view(np.uint8).reshape(len(band), -1)


def _compress_tiff_band(band: Array, rows_per_strip: int) -> list[bytes]:
    """Compress each strip of a band, with one strategy."""
    tops = range(0, len(band), rows_per_strip)
    strips = [differences(band[top : top + rows_per_strip]) for top in tops]
    strategy, _ = choose_strategy(_sample(strips[len(strips) // 2]))
    return [strategy.compress(strip.data) for strip in strips]


def _sample(data: Array) -> memoryview:
    """Return some bytes from the middle of uint8 values of any shape."""
    values = data.reshape(-1)
    start = max(0, (values.size - _SAMPLE_BYTES) // 2)
    return values[start : start + _SAMPLE_BYTES].data
