"""A picture that fits a format -> the bytes of its file; `formats.FORMATS` lists the encoders."""

import importlib
import io
from typing import Any

import numpy as np
from PIL import Image

from srgan_gp.images.picture import Array, Picture
from srgan_gp.images.png import encode_deep_png, metadata_chunks, with_chunks
from srgan_gp.images.tiff import encode_tiff

_FULL_CHROMA_QUALITY = 90  # from here on JPEG keeps the colour of every pixel (4:4:4)
_LOSSLESS_QUALITY = 100


def channels_of(picture: Picture) -> Array:
    """Join pixels and alpha to one array (H, W, 1 to 4)."""
    if picture.alpha is None:
        return picture.pixels
    return np.concatenate([picture.pixels, picture.alpha[..., np.newaxis]], axis=2)


def encode_png(picture: Picture, quality: int) -> bytes:
    """Encode a PNG of 8 or 16 bits; `quality` has no meaning."""
    channels = channels_of(picture)
    if channels.dtype == np.uint16:
        data = encode_deep_png(channels)  # Pillow can write 16 bits for grey alone.
    else:
        data = _encode_by_pillow(channels, "PNG")
    return with_chunks(
        data,
        metadata_chunks(
            icc_profile=picture.icc_profile, exif=picture.exif, xmp=picture.xmp, dpi=picture.dpi
        ),
    )


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """Encode a JPEG of `quality` 1 to 100, without loss of colour detail from 90 on."""
    options = _pillow_metadata(picture)
    if picture.exif is not None:
        options["exif"] = b"Exif\0\0" + picture.exif
    return _encode_by_pillow(
        channels_of(picture),
        "JPEG",
        quality=quality,
        subsampling="4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0",
        **options,
    )


def encode_webp(picture: Picture, quality: int) -> bytes:
    """Encode a WebP of `quality` 1 to 100; 100 is lossless, even where it is transparent."""
    lossless = quality == _LOSSLESS_QUALITY
    return _encode_by_pillow(
        channels_of(picture),
        "WEBP",
        quality=quality,
        lossless=lossless,
        exact=lossless,
        **_pillow_metadata(picture),
    )


def encode_bmp(picture: Picture, quality: int) -> bytes:
    """Encode a BMP of 8-bit grey or RGB; `quality` has no meaning."""
    return _encode_by_pillow(channels_of(picture), "BMP", **_pillow_metadata(picture))


def encode_tiff_picture(picture: Picture, quality: int) -> bytes:
    """Encode a TIFF of 8 or 16 bits; `quality` has no meaning."""
    return encode_tiff(
        channels_of(picture),
        icc_profile=picture.icc_profile,
        exif=picture.exif,
        xmp=picture.xmp,
        dpi=picture.dpi,
    )


def _pillow_metadata(picture: Picture) -> dict[str, Any]:
    carried = {
        "icc_profile": picture.icc_profile,
        "exif": picture.exif,
        "xmp": picture.xmp,
        "dpi": picture.dpi,
    }
    return {name: value for name, value in carried.items() if value is not None}


def _encode_by_pillow(channels: Array, name: str, **options: Any) -> bytes:  # noqa: ANN401
    # Importing the one plugin keeps `save` from importing all of Pillow's.
    importlib.import_module(f"PIL.{_PLUGINS[name]}")
    pixels = channels[..., 0] if channels.shape[2] == 1 else channels
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, name, **options)
    return buffer.getvalue()


_PLUGINS = {
    "PNG": "PngImagePlugin",
    "JPEG": "JpegImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
}
