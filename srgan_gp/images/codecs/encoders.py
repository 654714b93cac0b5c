"""Still image encoders; `formats.FORMATS` lists them."""

import importlib
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from PIL import Image

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.row_encoding import bands, write_png, write_tiff
from srgan_gp.images.picture import Array, Picture

_FULL_CHROMA_QUALITY = 90  # from here on JPEG keeps the colour of every pixel (4:4:4)
_LOSSLESS_QUALITY = 100
_BAND_BYTES = 1 << 24


def channels_of(picture: Picture) -> Array:
    """Join pixels and alpha to one array (H, W, 1 to 4)."""
    if picture.alpha is None:
        return picture.pixels
    return np.concatenate([picture.pixels, picture.alpha[..., np.newaxis]], axis=2)


def encode_png(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a PNG of 8 or 16 bits; `quality` has no meaning."""
    write_png(picture, file)


def encode_jpeg(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a JPEG of `quality` 1 to 100, without loss of colour detail from 90 on."""
    options = _pillow_metadata(picture)
    if picture.exif is not None:
        options["exif"] = b"Exif\0\0" + picture.exif
    _encode_by_pillow(
        picture,
        file,
        "JPEG",
        quality=quality,
        subsampling="4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0",
        **options,
    )


def encode_webp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a WebP of `quality` 1 to 100; 100 is lossless, even where it is transparent.

    libwebp takes a picture as a whole: 8 bytes of memory a pixel were measured, 2.2 GB for the
    largest that the format holds. A large JPEG takes no more than 0.1 GB.
    """
    lossless = quality == _LOSSLESS_QUALITY
    _encode_by_pillow(
        picture,
        file,
        "WEBP",
        quality=quality,
        lossless=lossless,
        exact=lossless,
        **_pillow_metadata(picture),
    )


def encode_bmp(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a BMP of 8-bit grey or RGB; `quality` has no meaning.

    Pillow makes a copy of the picture, 4 bytes a pixel, whatever its size.
    """
    _encode_by_pillow(picture, file, "BMP", **_pillow_metadata(picture))


def encode_tiff(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode a TIFF of 8 or 16 bits; `quality` has no meaning."""
    write_tiff(picture, file)


def _pillow_metadata(picture: Picture) -> dict[str, Any]:
    carried = {
        "icc_profile": picture.icc_profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "dpi": picture.dpi,
    }
    return {name: value for name, value in carried.items() if value is not None}


def _encode_by_pillow(
    picture: Picture,
    file: BinaryIO,
    name: str,
    **options: Any,  # noqa: ANN401
) -> None:
    # Importing the one plugin keeps `save` from importing all of Pillow's.
    importlib.import_module(f"PIL.{_PLUGINS[name]}")
    if name in _TAKE_FOUR_BYTES and mapped_arrays.is_large(picture.pixels):
        channels = _four_bytes(picture, mapped_arrays.folder_of(file))
        image = _image_over(channels, has_alpha=picture.alpha is not None)
        file = cast("BinaryIO", _ReleasingFile(file, channels))
    else:
        channels = channels_of(picture)
        pixels = channels[..., 0] if channels.shape[2] == 1 else channels
        image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(file, name, **options)


_PLUGINS = {"JPEG": "JpegImagePlugin", "WEBP": "WebPImagePlugin", "BMP": "BmpImagePlugin"}
_TAKE_FOUR_BYTES = ("JPEG", "WEBP")  # others would make a copy


def _four_bytes(picture: Picture, folder: Path | None) -> Array:
    """Lay a large picture out as Pillow has it in memory: grey, or four bytes a pixel.

    Pillow can then use it where it is; its own copy would take so much memory.

    Returns:
        (H, W, 1) or (H, W, 4), uint8.
    """
    height, width, count = picture.pixels.shape
    if count == 1:
        return np.ascontiguousarray(picture.pixels)
    channels = mapped_arrays.empty((height, width, 4), np.uint8, folder)
    rows = max(1, _BAND_BYTES // (4 * width))
    for number, band in enumerate(bands(picture, rows)):
        part = channels[number * rows : (number + 1) * rows]
        part[..., : band.shape[2]] = band
        part[..., band.shape[2] :] = 255
        mapped_arrays.release(channels)
    return channels


def _image_over(channels: Array, *, has_alpha: bool) -> Image.Image:
    mode = "L" if channels.shape[2] == 1 else "RGBA" if has_alpha else "RGBX"
    size = (channels.shape[1], channels.shape[0])
    return Image.frombuffer(mode, size, channels, "raw", mode, 0, 1)


class _ReleasingFile:
    """Gives the memory of a mapped picture back while an encoder reads it from top to bottom.

    It has no file descriptor, so that Pillow calls `write` every 64 KB.
    """

    def __init__(self, file: BinaryIO, channels: Array) -> None:
        self._file, self._channels = file, channels

    def write(self, data: bytes) -> int:
        mapped_arrays.release(self._channels)
        return self._file.write(data)
