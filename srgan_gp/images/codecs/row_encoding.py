"""Row-wise PNG and TIFF encoding, with one band of rows in memory."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.deflate import fitting_deflate
from srgan_gp.images.codecs.png import SIGNATURE, chunk, metadata_chunks
from srgan_gp.images.codecs.png_filters import filtered_rows
from srgan_gp.images.codecs.tiff import TiffWriter, differences
from srgan_gp.images.picture import Array, Picture

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # of a PNG, by number of channels
_BAND_BYTES = 1 << 19  # of the filters' many copies, so that they stay in the processor's cache


def bands(picture: Picture, rows: int, start: int = 0) -> Iterator[Array]:
    """Cut a picture into bands, and give the memory of a mapped one back behind them.

    Args:
        picture: of any depth.
        rows: of each band; the last one may have fewer.
        start: the first row.

    Yields:
        (rows, W, 1 to 4): the channels and, last, alpha.
    """
    for top in range(start, picture.height, rows):
        part = slice(top, top + rows)
        channels = picture.pixels[part]
        if picture.alpha is not None:
            channels = np.concatenate([channels, picture.alpha[part, :, np.newaxis]], axis=2)
        yield channels
        mapped_arrays.release(picture.pixels)
        if picture.alpha is not None:
            mapped_arrays.release(picture.alpha)


def write_png(picture: Picture, file: BinaryIO) -> None:
    """Write a PNG of 8 or 16 bits.

    Args:
        picture: uint8 or uint16.
        file: open for writing.
    """
    count = _channels(picture)
    bits = picture.pixels.itemsize * 8
    size = (picture.width, picture.height)
    header = struct.pack(">IIBBBBB", *size, bits, _COLOUR_TYPES[count], 0, 0, 0)
    file.write(SIGNATURE + chunk(b"IHDR", header))
    for kind, content in metadata_chunks(
        icc_profile=picture.icc_profile, exif=picture.exif, xmp=picture.xmp, dpi=picture.dpi
    ):
        file.write(chunk(kind, content))
    compressor = fitting_deflate(next(_png_rows(picture, picture.height // 2)))()
    for rows in _png_rows(picture):
        if data := compressor.compress(rows):
            file.write(chunk(b"IDAT", data))
    file.write(chunk(b"IDAT", compressor.flush()) + chunk(b"IEND", b""))


def write_tiff(picture: Picture, file: BinaryIO) -> None:
    """Write a TIFF of 8 or 16 bits; where it might not fit into 4 GiB, a BigTIFF.

    Args:
        picture: uint8 or uint16.
        file: open for writing, seekable, empty.
    """
    tiff = TiffWriter(
        file,
        (picture.height, picture.width, _channels(picture)),
        picture.pixels.dtype,
        icc_profile=picture.icc_profile,
        exif=picture.exif,
        xmp=picture.xmp,
        dpi=picture.dpi,
    )
    sample = next(bands(picture, tiff.rows_per_strip, picture.height // 2))
    deflate = fitting_deflate(differences(sample))
    for strip in bands(picture, tiff.rows_per_strip):
        compressor = deflate()
        tiff.write_strip(compressor.compress(differences(strip)) + compressor.flush())
    tiff.close()


def _channels(picture: Picture) -> int:
    return picture.pixels.shape[2] + (picture.alpha is not None)


def _png_rows(picture: Picture, start: int = 0) -> Iterator[bytes]:
    """Filter the rows from `start` on, a band at a time."""
    step = _channels(picture) * picture.pixels.itemsize
    above = np.zeros(picture.width * step, np.uint8)
    for band in bands(picture, max(1, _BAND_BYTES // above.size), start):
        big_endian = band.astype(band.dtype.newbyteorder(">"))
        rows = big_endian.view(np.uint8).reshape(len(band), -1)
        yield filtered_rows(rows, above, step).tobytes()
        above = rows[-1]
