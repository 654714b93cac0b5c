"""PNG and TIFF encoders that hold one band of rows in memory, for 8 and 16 bits."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.deflate import choose_deflate
from srgan_gp.images.codecs.png import SIGNATURE, chunk, metadata_chunks
from srgan_gp.images.codecs.png_filters import filter_rows
from srgan_gp.images.codecs.tiff_writer import TiffWriter, differences
from srgan_gp.images.picture import Array, Picture

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # PNG colour type by number of channels
_BAND_BYTES = 1 << 19  # small enough for the copies of the filters to stay in the CPU cache


def row_bands(picture: Picture, band_rows: int, start: int = 0) -> Iterator[Array]:
    """Split an image into bands of rows, and release the memory of a mapped image after each.

    Args:
        picture: image of any dtype.
        band_rows: number of rows of a band; the last band may have fewer.
        start: index of the first row.

    Yields:
        (band_rows, W, C), C from 1 to 4: the colours and, last, alpha.
    """
    for top in range(start, picture.height, band_rows):
        part = slice(top, top + band_rows)
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
    sample = next(_filtered_bands(picture, picture.height // 2))
    create_compressor = choose_deflate(sample)
    compressor = create_compressor()
    for filtered in _filtered_bands(picture):
        if data := compressor.compress(filtered):
            file.write(chunk(b"IDAT", data))
    file.write(chunk(b"IDAT", compressor.flush()) + chunk(b"IEND", b""))


def encode_tiff(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a TIFF of 8 or 16 bits, or a BigTIFF if the file might exceed 4 GiB.

    Args:
        picture: uint8 or uint16.
        file: binary file, open for writing, seekable, empty.
        quality: not used; the compression is lossless.
    """
    tiff = TiffWriter(file, picture)
    sample = next(row_bands(picture, tiff.rows_per_strip, picture.height // 2))
    create_compressor = choose_deflate(differences(sample))
    for strip in row_bands(picture, tiff.rows_per_strip):
        compressor = create_compressor()
        tiff.write_strip(compressor.compress(differences(strip)) + compressor.flush())
    tiff.close()


def _filtered_bands(picture: Picture, start: int = 0) -> Iterator[bytes]:
    """Yield the filtered rows of a PNG from `start` on, one band at a time."""
    bytes_per_pixel = picture.channels * picture.pixels.itemsize
    above = np.zeros(picture.width * bytes_per_pixel, np.uint8)
    for band in row_bands(picture, max(1, _BAND_BYTES // above.size), start):
        big_endian = band.astype(band.dtype.newbyteorder(">"))
        row_bytes = big_endian.view(np.uint8).reshape(len(band), -1)
        yield filter_rows(row_bytes, above, bytes_per_pixel).tobytes()
        above = row_bytes[-1]
