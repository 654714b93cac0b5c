"""AVIF: encoding, and the depth in the header."""

import importlib
from typing import BinaryIO

import numpy as np
from PIL import Image

from srgan_gp.images.codecs.encoders import channels_of
from srgan_gp.images.picture import Picture

_FULL_CHROMA_QUALITY = 90  # from here on the colour of every pixel is kept (4:4:4)
_SPEED = 6  # 0 to 10; slower ones gain a few percent of size in several times the time


def encode_avif(picture: Picture, file: BinaryIO, quality: int) -> None:
    """Encode an AVIF of 8 bits and `quality` 1 to 100, none of which is lossless."""
    importlib.import_module("PIL.AvifImagePlugin")  # keeps `save` from importing all of Pillow's
    carried = {"icc_profile": picture.icc_profile, "exif": picture.exif, "xmp": picture.xmp}
    options = {name: value for name, value in carried.items() if value is not None}
    Image.fromarray(np.ascontiguousarray(channels_of(picture))).save(
        file,
        "AVIF",
        quality=quality,
        speed=_SPEED,
        subsampling="4:4:4" if quality >= _FULL_CHROMA_QUALITY else "4:2:0",
        **options,
    )


def depth_of_avif(head: bytes) -> int:
    """Read how many bits a colour has, 8, 10 or 12, from the first bytes of a file.

    Source:
        AV1 Codec ISO Media File Format Binding, section 2.3, `av1C`.
    """
    place = head.find(b"av1C")
    flags = head[place + 6] if 0 <= place < len(head) - 6 else 0
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10
