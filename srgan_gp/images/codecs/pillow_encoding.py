"""JPEG, WebP and BMP encoders, and `save_with_pillow`, which encodes any format with Pillow."""

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.row_encoding import row_bands
from srgan_gp.images.picture import Array, Picture

_FULL_CHROMA_QUALITY = 90  # from this quality on, the chroma is not subsampled (4:4:4)
_LOSSLESS_QUALITY = 100
_BAND_BYTES = 1 << 24  # copied at a time


def encode_jpeg(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a JPEG at `quality` 1 to 100, without chroma subsampling from 90 on."""
    if picture.exif is not None:
        # In JPEG the EXIF block is in an APP1 segment, which starts with this name.
        picture = replace(picture, exif=b"Exif\0\0" + picture.exif)
    save_with_pillow(
        picture,
        file,
        "JPEG",
        reads_rows=True,
        quality=quality,
        subsampling=chroma_subsampling(quality),
    )


def encode_webp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a WebP at `quality` 1 to 100; 100 is lossless, also for the colours under alpha 0.

    libwebp keeps the whole image in memory: 8 bytes a pixel were measured, so 2.2 GB for the
    largest image of the format.
    """
    lossless = quality == _LOSSLESS_QUALITY
    save_with_pillow(
        picture,
        file,
        "WEBP",
        reads_rows=True,
        quality=quality,
        lossless=lossless,
        exact=lossless,  # keeps the colours of fully transparent pixels
    )


def encode_bmp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a BMP of 8-bit grey or RGB; `quality` is not used.

    Pillow copies the image, at 4 bytes a pixel.
    """
    save_with_pillow(picture, file, "BMP")


def chroma_subsampling(quality: int) -> str:
    """Return the chroma subsampling of JPEG and AVIF for a quality."""
    return "4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0"


def save_with_pillow(
    picture: Picture,
    file: BinaryIO,
    name: str,
    *,
    reads_rows: bool = False,
    **options: Any,  # noqa: ANN401
) -> None:
    """Encode an image of 8 bits with Pillow, with its metadata.

    Args:
        picture: uint8.
        file: binary file, open for writing.
        name: a format of Pillow.
        reads_rows: whether Pillow's encoder of this format reads the image row by row, at 4 bytes a
            pixel. A large image then stays in a mapped array, and is not copied into memory.
        options: options of Pillow's encoder.
    """
    # With the plugin imported, `save` does not import all plugins of Pillow.
    importlib.import_module(f"PIL.{'WebP' if name == 'WEBP' else name.title()}ImagePlugin")
    metadata = {
        "icc_profile": picture.icc_profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "dpi": picture.dpi,
    }
    options |= {key: value for key, value in metadata.items() if value is not None}
    if reads_rows and mapped_arrays.is_large(picture.pixels):
        channels = _pillow_layout(picture, mapped_arrays.folder_of(file))
        mode = "L" if channels.shape[2] == 1 else "RGBX" if picture.alpha is None else "RGBA"
        size = (picture.width, picture.height)
        stride, top_down = 0, 1  # rows without padding, the first one at the top
        image = Image.frombuffer(mode, size, channels, "raw", mode, stride, top_down)
        file = cast("BinaryIO", _ReleasingFile(file, channels))
    else:
        channels = next(row_bands(picture, picture.height))  # one band with all rows
        pixels = channels[..., 0] if channels.shape[2] == 1 else channels
        image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(file, name, **options)


def _pillow_layout(picture: Picture, folder: Path | None) -> Array:
    """Copy a large image to the memory layout of Pillow, which then needs no copy of its own.

    Returns:
        (H, W, 1) or (H, W, 4), uint8.
    """
    height, width, count = picture.pixels.shape
    if count == 1:
        return np.ascontiguousarray(picture.pixels)
    channels = mapped_arrays.empty((height, width, 4), np.uint8, folder)
    rows = max(1, _BAND_BYTES // (4 * width))
    for number, band in enumerate(row_bands(picture, rows)):
        part = channels[number * rows : (number + 1) * rows]
        part[..., : band.shape[2]] = band
        part[..., band.shape[2] :] = 255
        mapped_arrays.release(channels)
    return channels


class _ReleasingFile:
    """Output file that releases the memory of a mapped image at each write of an encoder.

    It has no `fileno`: Pillow would otherwise write to the descriptor itself. So it calls `write`
    after every 64 KB, when the encoder has read some more rows.
    """

    def __init__(self, file: BinaryIO, channels: Array) -> None:
        self._file, self._channels = file, channels

    def write(self, data: bytes) -> int:
        mapped_arrays.release(self._channels)
        return self._file.write(data)
