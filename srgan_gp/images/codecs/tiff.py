"""TIFF reading: tags, refusal of camera raw files, and level corrections that Pillow omits."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import Array

_SUBFILE, _BITS, _PHOTOMETRIC, _DNG_VERSION = 254, 258, 262, 50706
_WHITE_IS_ZERO = 0


def tiff_tags(image: Image.Image) -> Mapping[int, Any]:
    """Return the tags of the current page of an open TIFF."""
    return cast("Mapping[int, Any]", image.tag_v2)  # type: ignore[attr-defined]


def refuse_camera_raw(image: Image.Image) -> None:
    """Refuse a TIFF whose first page is only the preview of a camera raw file.

    Raises:
        PictureError: E_FORMAT_NOT_ALLOWED for a camera raw file.
    """
    tags = tiff_tags(image)
    subfile = tags.get(_SUBFILE, 0)
    if _DNG_VERSION in tags or (isinstance(subfile, int) and subfile & 1):
        raise PictureError(
            "E_FORMAT_NOT_ALLOWED",
            "this is a camera raw file with a small preview; develop it to a TIFF or JPEG first",
        )


def correct_levels(pixels: Array, image: Image.Image) -> Array:
    """Scale 12 bits to 16 and invert white-is-zero grey of 16 or 32 bits, as Pillow does neither.

    Args:
        pixels: (H, W, C), any dtype, as decoded by Pillow.
        image: the TIFF.
    """
    tags = tiff_tags(image)
    bits = tags.get(_BITS, ())
    if pixels.dtype == np.uint16 and bits == (12,):
        pixels = pixels << 4 | pixels >> 8  # 4095 becomes 65535
    if bits in ((16,), (32,)) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        pixels = 65535 - pixels if pixels.dtype == np.uint16 else 1 - pixels
    return pixels
