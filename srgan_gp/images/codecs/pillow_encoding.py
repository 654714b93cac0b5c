"""JPEG, WebP and BMP encoders, and `save_with_pillow`, which encodes any format with Pillow.

The arrays of a large image are mapped to temporary files (`images.mapped_arrays`). Releasing their
memory only drops the copy in memory: the values stay in the file, and can be read again.
"""

import importlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.row_encoding import row_bands
from srgan_gp.images.picture import Array, Picture

# From this quality on, the chroma is not subsampled (4:4:4): the colours of edges are sharper, and
# the files larger. Below it, small files matter more.
_FULL_CHROMA_QUALITY = 90
_LOSSLESS_QUALITY = 100
# 16 MiB: bytes of a large image that are copied to a mapped array before its memory is released.
# More would need more memory, fewer would release it more often.
_BAND_BYTES = 1 << 24


def encode_jpeg(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a JPEG.

    Args:
        picture: uint8, without alpha.
        file: binary file, open for writing.
        quality: 1 to 100; from 90 on, the chroma is not subsampled.
    """
    save_with_pillow(
        picture,
        file,
        "JPEG",
        reads_mapped=True,
        quality=quality,
        subsampling=chroma_subsampling(quality),
    )


def encode_webp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a WebP.

    libwebp makes its own copy of the whole image: 8 bytes a pixel were measured, so 2.2 GB for the
    largest image of the format. The pixels that it copies are mapped to a file if they are large.

    Args:
        picture: uint8 RGB, with or without alpha.
        file: binary file, open for writing.
        quality: 1 to 100; 100 is lossless, also for the colours of fully transparent pixels.
    """
    lossless = quality == _LOSSLESS_QUALITY
    save_with_pillow(
        picture,
        file,
        "WEBP",
        reads_mapped=True,
        quality=quality,
        lossless=lossless,
        exact=lossless,  # whether the colours of fully transparent pixels are kept
    )


def encode_bmp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a BMP of 8-bit grey or RGB; `quality` is not used.

    Pillow copies the image, at 4 bytes a pixel, so a mapped array would save no memory.
    """
    save_with_pillow(picture, file, "BMP")


def chroma_subsampling(quality: int) -> str:
    """Return Pillow's option for the chroma subsampling of JPEG and AVIF at a quality."""
    return "4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0"


def save_with_pillow(
    picture: Picture,
    file: BinaryIO,
    name: str,
    *,
    reads_mapped: bool = False,
    **options: Any,  # noqa: ANN401
) -> None:
    """Encode an image of 8 bits with Pillow, with its metadata.

    Args:
        picture: uint8; not a large grey image with alpha if `reads_mapped`.
        file: binary file, open for writing.
        name: a format of Pillow, such as `JPEG`.
        reads_mapped: whether Pillow reads a large image from a mapped array instead of an array in
            memory. The memory of the mapped array is released at each write of encoded bytes.
        options: options of Pillow's encoder.
    """
    # If the plugin of the format is imported, `save` does not import all plugins of Pillow. Their
    # modules are named like JpegImagePlugin; the exception is WebPImagePlugin.
    importlib.import_module(f"PIL.{'WebP' if name == 'WEBP' else name.title()}ImagePlugin")
    metadata = {
        "icc_profile": picture.icc_profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "dpi": picture.dpi,
    }
    if name == "JPEG" and picture.exif is not None:
        # In JPEG the EXIF block is in an APP1 segment, which starts with this name.
        metadata["exif"] = b"Exif\0\0" + picture.exif
    options |= {key: value for key, value in metadata.items() if value is not None}
    if reads_mapped and mapped_arrays.is_large(picture.pixels):
        channels = _to_pillow_layout(picture, mapped_arrays.folder_of(file))
        if channels.shape[2] == 1:  # grey, without alpha: JPEG has no alpha, WebP no grey
            mode = "L"
        else:
            mode = "RGBX" if picture.alpha is None else "RGBA"  # X: an unused fourth byte
        size = (picture.width, picture.height)
        stride, top_down = 0, 1  # rows without padding, the first one at the top
        image = Image.frombuffer(mode, size, channels, "raw", mode, stride, top_down)
        file = cast("BinaryIO", _ReleasingFile(file, channels))
    else:
        channels = next(row_bands(picture, picture.height))  # one band with all rows, (H, W, C)
        pixels = channels[..., 0] if channels.shape[2] == 1 else channels
        image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(file, name, **options)


def _to_pillow_layout(picture: Picture, folder: Path | None) -> Array:
    """Return a large image in the memory layout of Pillow, which then needs no copy of its own.

    Grey pixels are returned as they are; RGB and alpha are copied to a mapped array.

    Returns:
        Grey (H, W, 1), or RGB and alpha (H, W, 4), uint8; the fourth byte is 255 without alpha.
    """
    height, width, colour_channels = picture.pixels.shape
    if colour_channels == 1:
        return np.ascontiguousarray(picture.pixels)
    channels = mapped_arrays.empty((height, width, 4), np.uint8, folder)
    band_rows = max(1, _BAND_BYTES // (4 * width))
    for number, band in enumerate(row_bands(picture, band_rows)):
        target = channels[number * band_rows : (number + 1) * band_rows]
        target[..., : band.shape[2]] = band
        target[..., band.shape[2] :] = 255
        mapped_arrays.release_memory(channels)  # the values stay in the file
    return channels


class _ReleasingFile:
    """Output file for Pillow that releases the memory of a mapped image at each write.

    Pillow would write to the descriptor of a file that has `fileno`. This class has none, so Pillow
    calls `write` for every 64 KB of encoded bytes. By then the encoder has read some more rows.
    """

    def __init__(self, file: BinaryIO, channels: Array) -> None:
        self._file, self._channels = file, channels

    def write(self, data: bytes) -> int:
        """Write bytes, and return their number."""
        mapped_arrays.release_memory(self._channels)
        return self._file.write(data)
