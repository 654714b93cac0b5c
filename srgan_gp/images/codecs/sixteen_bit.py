"""Decoding of 16-bit colour with OpenCV, because Pillow reduces it to 8 bits.

Pillow decodes each file first to detect damage: OpenCV fills missing pixels without an error.
"""

import importlib
from typing import Any

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images.codecs.tiff import tiff_tags
from srgan_gp.images.colour import unpremultiply
from srgan_gp.images.metadata import reset_tiff_orientation
from srgan_gp.images.picture import Array

# Tags of a TIFF, and values of them.
_BITS = 258  # of each channel
_PHOTOMETRIC, _RGB = 262, 2
_PLANAR, _PLANE_BY_PLANE = 284, 2
_EXTRA_SAMPLES, _UNSPECIFIED, _PREMULTIPLIED, _SEPARATE = 338, 0, 1, 2
# Positions of two bytes in a PNG, and values of the second.
_PNG_DEPTH, _PNG_COLOUR_TYPE = 24, 25
_GREY, _GREY_WITH_ALPHA = 0, 4


def is_16_bit(image: Image.Image, head: bytes) -> bool:
    """Return whether Pillow would reduce an image from 16 to 8 bits.

    Args:
        image: opened by Pillow, loaded or not: loading removes only the orientation tag.
        head: the first bytes of the file.
    """
    if image.format == "PNG":
        # Pillow keeps 16-bit grey.
        return head[_PNG_DEPTH] == 16 and head[_PNG_COLOUR_TYPE] != _GREY
    if image.format == "TIFF":
        tags = tiff_tags(image)
        bits = tags.get(_BITS, ())  # a tuple, as of every tag that may have several values
        return len(bits) >= 3 and set(bits) == {16} and tags.get(_PHOTOMETRIC) == _RGB
    return False


def decode_16_bit(data: bytes, image: Image.Image) -> tuple[Array, Array | None]:
    """Decode a PNG or TIFF file of 16-bit colour; the orientation is not applied.

    Args:
        data: all bytes of the file.
        image: the same file opened by Pillow.

    Returns:
        Pixels (H, W, 3) or, for a PNG of grey with alpha, (H, W, 1); alpha (H, W) or None; uint16.

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
    (extra, *_) = tiff_tags(image).get(_EXTRA_SAMPLES, (_SEPARATE,))
    if alpha is None or extra == _UNSPECIFIED:
        return pixels, None
    return (unpremultiply(pixels, alpha) if extra == _PREMULTIPLIED else pixels), alpha


def import_opencv(purpose: str) -> Any:  # noqa: ANN401  OpenCV's stubs do not pass strict checks.
    """Import OpenCV and disable its log.

    Args:
        purpose: what OpenCV is needed for; used in the message.

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
