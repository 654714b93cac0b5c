"""Aligned faces: square images brought to one size."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from srgan_gp.data.image_sources import PictureFile
from srgan_gp.errors import UsageError


def shrink_face(picture: np.ndarray, size: int, name: str) -> np.ndarray:
    """Bring a face to `size` x `size` pixels, as a whole.

    Args:
        picture: (H, W, 3), uint8 RGB, sides of at least `size`.
        size: in pixels.
        name: of the picture, for the message.

    Returns:
        (size, size, 3), uint8 RGB, by Lanczos' kernel; the picture itself where it has that size.

    Raises:
        UsageError: it is not square.
    """
    height, width, _ = picture.shape
    if height != width:
        raise UsageError(
            f"Faces have to be square, but {name} has {width} x {height} pixels; align the faces "
            "first: srgan-gp prepare PHOTOS -o faces.zip."
        )
    if height == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS))


def read_faces(files: Sequence[PictureFile], size: int) -> np.ndarray:
    """Read faces, all of one size.

    Args:
        files: aligned faces, square, of at least `size` pixels; see `require_sides`.
        size: of the result, in pixels.

    Returns:
        (N, size, size, 3), uint8 RGB.

    Raises:
        UsageError: one is not square.
        PictureError: one cannot be decoded.
    """
    return np.stack([shrink_face(file.read(), size, file.name) for file in files])
