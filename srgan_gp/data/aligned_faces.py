"""Reading of aligned faces: square images with the face at a fixed place, downscaled to one size.

Training of face generators and `evaluation.evaluate_faces` use these functions.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from srgan_gp.data.image_sources import ImageFile
from srgan_gp.errors import UsageError


def shrink_face(image: np.ndarray, size: int, name: str) -> np.ndarray:
    """Downscale a square image of a face to `size` x `size` pixels.

    Args:
        image: (H, W, 3), uint8 RGB, sides of at least `size`.
        size: side of the result, in pixels.
        name: name of the image, for the error message.

    Returns:
        (size, size, 3), uint8 RGB, resampled with the Lanczos kernel; `image` itself if it has that
        size.

    Raises:
        UsageError: the image is not square.
    """
    height, width, _ = image.shape
    if height != width:
        raise UsageError(
            f"Faces have to be square, but {name} has {width} x {height} pixels. Align the faces "
            "first: srgan-gp prepare PHOTOS -o faces.zip."
        )
    if height == size:
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS))


def read_faces(files: Sequence[ImageFile], size: int) -> np.ndarray:
    """Read faces and downscale them to one size.

    Args:
        files: aligned faces, square. The caller has checked with `datasets.require_sides` that they
            have at least `size` pixels a side.
        size: side of the result, in pixels.

    Returns:
        (N, size, size, 3), uint8 RGB.

    Raises:
        UsageError: a face is not square.
        PictureError: a face cannot be decoded.
    """
    return np.stack([shrink_face(file.read(), size, file.name) for file in files])
