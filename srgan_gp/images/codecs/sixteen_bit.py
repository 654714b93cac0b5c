"""Decoding of PNG and TIFF files of 16-bit colour with OpenCV, because Pillow reduces it to 8 bits.

The caller decodes each file with Pillow first, to detect damage: OpenCV fills missing pixels
without an error. 16-bit grey without alpha is decoded by Pillow alone.
"""

import importlib
from typing import Any

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.codecs.tiff import reset_tiff_orientation, tiff_tags
from srgan_gp.images.colour import unpremultiply
from srgan_gp.images.picture import Array

# Each line: a tag of a TIFF, and the values of it that matter here.
_BITS = 258  # the value is a tuple with the bits of each channel
_PHOTOMETRIC, _RGB = 262, 2
_PLANAR, _PLANE_BY_PLANE = 284, 2
_EXTRA_SAMPLES, _UNSPECIFIED, _PREMULTIPLIED, _SEPARATE = 338, 0, 1, 2  # kinds of alpha
# Positions of bytes in a PNG file, and values of the colour type.
_PNG_DEPTH, _PNG_COLOUR_TYPE = 24, 25
_GREY, _GREY_WITH_ALPHA = 0, 4


def is_reduced_by_pillow(image: Image.Image, head: bytes) -> bool:
    """Return whether Pillow would reduce an image from 16 to 8 bits.

    Args:
        image: the file opened by Pillow, with or without decoded pixels.
        head: at least the first 26 bytes of the file.
    """
    if image.format == "PNG":
        # Pillow keeps 16-bit grey.
        return head[_PNG_DEPTH] == 16 and head[_PNG_COLOUR_TYPE] != _GREY
    if image.format == "TIFF":
        tags = tiff_tags(image)
        bits = tags.get(_BITS, ())
        return len(bits) >= 3 and set(bits) == {16} and tags.get(_PHOTOMETRIC) == _RGB
    return False


def decode_16_bit(data: bytes, image: Image.Image) -> tuple[Array, Array | None]:
    """Decode a PNG or TIFF file of 16-bit colour; the orientation is not applied.

    Args:
        data: all bytes of the file.
        image: the same file opened by Pillow; `is_reduced_by_pillow` is true for it.

    Returns:
        Pixels (H, W, 3) RGB or, for a PNG of grey with alpha, (H, W, 1); and alpha (H, W), not
        premultiplied, or None. Both are uint16.

    Raises:
        PictureError: E_MISSING_LIBRARY if OpenCV cannot be imported, E_FORMAT_NOT_ALLOWED for a
            planar TIFF, which OpenCV decodes wrongly, E_DAMAGED.
    """
    opencv = import_opencv("16-bit colour")
    if image.format == "TIFF":
        if tiff_tags(image).get(_PLANAR) == _PLANE_BY_PLANE:
            raise PictureError(
                "E_FORMAT_NOT_ALLOWED",
                "this kind of TIFF file is not supported (16-bit colours stored plane by plane); "
                "save it again with interleaved channels",
            )
        # OpenCV applies the orientation of a TIFF even with IMREAD_UNCHANGED.
        data = reset_tiff_orientation(data)
    channels: Array | None = opencv.imdecode(np.frombuffer(data, np.uint8), opencv.IMREAD_UNCHANGED)
    if channels is None or channels.dtype != np.uint16 or channels.ndim != 3:
        raise PictureError(
            "E_DAMAGED", f"the {image.format} file is damaged or of an unusual kind; save it again"
        )
    pixels = np.ascontiguousarray(channels[..., 2::-1])  # from BGR to RGB
    alpha = np.ascontiguousarray(channels[..., 3]) if channels.shape[2] == 4 else None
    if image.format == "PNG":
        is_grey = data[_PNG_COLOUR_TYPE] == _GREY_WITH_ALPHA
        return (pixels[..., :1] if is_grey else pixels), alpha
    # Without the tag for extra samples, a fourth channel counts as alpha.
    kind_of_alpha = tiff_tags(image).get(_EXTRA_SAMPLES, (_SEPARATE,))[0]
    if alpha is None or kind_of_alpha == _UNSPECIFIED:  # the fourth channel is no alpha
        return pixels, None
    if kind_of_alpha == _PREMULTIPLIED:
        pixels = unpremultiply(pixels, alpha)
    return pixels, alpha


def import_opencv(purpose: str) -> Any:  # noqa: ANN401  OpenCV's stubs do not pass strict checks.
    """Import OpenCV and disable its log messages.

    Args:
        purpose: what needs OpenCV, as the subject of the message, such as "16-bit colour".

    Returns:
        The module `cv2`.

    Raises:
        PictureError: E_MISSING_LIBRARY if the system libraries of OpenCV are missing.
    """
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as error:
        raise PictureError(
            "E_MISSING_LIBRARY",
            f"{purpose} needs OpenCV, which cannot be loaded ({error}); "
            "install its system libraries with: apt install libgl1 libglib2.0-0",
        ) from error
    opencv.utils.logging.setLogLevel(opencv.utils.logging.LOG_LEVEL_SILENT)
    return opencv
